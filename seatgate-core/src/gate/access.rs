//! The access stream: who was denied what. One stream a running gate, which is its only appender, so that an outsider's
//! clicks never contend with the real approver's.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::json;

use crate::gate::{Gate, GateError, corrupt};
use crate::id::{ChangeId, RequestId};
use crate::person::{Actor, Surface};
use crate::port::{Answer, Change};
use crate::time::Timestamp;
use crate::trail::{Chain, EntryDraft, Stream};

/// Repeats of the same within this time become one entry with a count.
const REPEATS: Duration = Duration::from_secs(60);
/// How many different attempts are told apart at a time; beyond that they are counted as one.
const MOST_KINDS: usize = 4096;

/// Something that was denied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Attempt {
    actor: Actor,
    surface: &'static str,
    action: &'static str,
    denial: &'static str,
    request: Option<RequestId>,
}

impl Attempt {
    /// `actor` was denied `action` because of `denial`. Both are labels of ours, never outside text.
    #[must_use]
    pub fn new(actor: Actor, surface: Surface, action: &'static str, denial: &'static str) -> Self {
        Self { actor, surface: surface.label(), action, denial, request: None }
    }

    /// Its action and its denial.
    pub(super) fn labels(&self) -> (&'static str, &'static str) {
        (self.action, self.denial)
    }

    /// On this request.
    #[must_use]
    pub fn about(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }
}

#[derive(Debug, Clone, Copy)]
struct Repeats {
    since: Timestamp,
    unrecorded: u64,
}

/// Something denied, when it is recorded, and how often it was.
type Counted = (Timestamp, Attempt, u64);

/// What is still to be appended, and the end of the chain as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct AccessLog {
    recent: BTreeMap<Attempt, Repeats>,
    pending: Vec<Counted>,
    /// What is being appended. It stays until it is known to be kept, under the same change: so it is written once,
    /// whether a reply was lost or whoever was appending it is gone.
    batch: Option<(ChangeId, Vec<Counted>)>,
    chain: Option<Chain>,
    appending: bool,
}

impl AccessLog {
    fn note(&mut self, now: Timestamp, attempt: Attempt) {
        self.settle_repeats(now);
        let known = self.recent.contains_key(&attempt);
        if known || self.recent.len() >= MOST_KINDS {
            let key = if known { attempt } else { Attempt { request: None, ..attempt } };
            self.recent.entry(key).or_insert(Repeats { since: now, unrecorded: 0 }).unrecorded += 1;
        } else {
            self.recent.insert(attempt.clone(), Repeats { since: now, unrecorded: 0 });
            self.pending.push((now, attempt, 1));
        }
    }

    fn is_written(&self) -> bool {
        self.pending.is_empty() && self.batch.is_none()
    }

    /// What is to be appended next, as `change` unless it was tried before.
    fn next_batch(&mut self, change: ChangeId) -> Option<(ChangeId, Vec<Counted>)> {
        if self.batch.is_none() && !self.pending.is_empty() {
            self.batch = Some((change, std::mem::take(&mut self.pending)));
        }
        self.batch.clone()
    }

    /// Moves counts whose minute is over to what is to be appended.
    fn settle_repeats(&mut self, now: Timestamp) {
        let over = |repeats: &Repeats| repeats.since.saturating_add(REPEATS) <= now || repeats.since > now;
        let pending = &mut self.pending;
        self.recent.retain(|attempt, repeats| {
            if over(repeats) && repeats.unrecorded > 0 {
                pending.push((now, attempt.clone(), repeats.unrecorded));
            }
            !over(repeats)
        });
    }
}

/// Gives the right to append back when the appending future ends or is dropped.
struct Appending<'a>(&'a Gate);

impl Drop for Appending<'_> {
    fn drop(&mut self) {
        self.0.access(|log| log.appending = false);
    }
}

impl Gate {
    /// Records that something was denied. Repeats of the same within a minute become one entry with a count. Never
    /// fails: what cannot be written now is written with the next one.
    pub async fn record_denied(&self, attempt: Attempt) {
        self.count_denied(&attempt);
        let now = self.now();
        self.access(|log| log.note(now, attempt));
        self.flush_access().await;
    }

    /// Writes counts whose minute is over. The worker's driver calls it from time to time.
    pub async fn flush_access(&self) {
        let now = self.now();
        let ours = self.access(|log| {
            log.settle_repeats(now);
            !log.is_written() && !std::mem::replace(&mut log.appending, true)
        });
        if !ours {
            return;
        }
        let _appending = Appending(self);
        loop {
            let change = self.new_change();
            let Some(batch) = self.access(|log| log.next_batch(change)) else { return };
            let chain = self.access(|log| log.chain.take());
            // Kept for the next time, if it fails; the chain is read again then, because the write may have landed.
            let Ok(chain) = self.append_denied(chain, batch).await else { return };
            self.access(|log| (log.batch, log.chain) = (None, chain));
        }
    }

    /// The access stream of this gate.
    #[must_use]
    pub fn access_stream(&self) -> Stream {
        Stream::Access(self.parts.instance)
    }

    /// Answers with the end of the chain, unless what it is must be read.
    async fn append_denied(
        &self,
        chain: Option<Chain>,
        (id, denied): (ChangeId, Vec<Counted>),
    ) -> Result<Option<Chain>, GateError> {
        let mut chain = match chain {
            Some(chain) => chain,
            None => self.parts.requests.chain(self.access_stream()).await?,
        };
        let mut change = Change::new(id, &chain);
        for (at, attempt, count) in &denied {
            change.entries.push(chain.append(id, entry(*at, attempt, *count)).map_err(corrupt)?);
        }
        match self.commit_one(change).await? {
            Answer::Committed => Ok(Some(chain)),
            Answer::Duplicate => Ok(None),
            Answer::Conflict(_) => Err(GateError::Contended),
        }
    }

    fn access<T>(&self, f: impl FnOnce(&mut AccessLog) -> T) -> T {
        f(&mut self.parts.access.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn entry(at: Timestamp, attempt: &Attempt, count: u64) -> EntryDraft {
    let Attempt { actor, surface, action, denial, request } = attempt;
    let data = json!({
        "action": action,
        "denial": denial,
        "request": request.map(|request| request.to_string()),
        "count": count,
    });
    let surface = surface.parse().unwrap_or(Surface::Library);
    EntryDraft::new(at, "denied", actor.clone(), surface, data)
}
