//! Recording edits, and waking the requests that wait for whoever they concern: also those that come to wait for them at
//! the same moment.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::agenda;
use crate::gate::{Gate, GateError, Submission, TRIES, corrupt};
use crate::id::{PersonRef, RequestId};
use crate::port::{Change, DirectoryEdit, RequestFilter, StoreError};
use crate::request::StateLabel;
use crate::trail::{Chain, EntryDraft, Stream};

/// So many requests are woken in one change, and listed at a time.
const PAGE: usize = 200;

impl Gate {
    /// Appends entries to the system's stream together with edits, and wakes whatever waits for these people: the first of
    /// those requests in the same transaction, the rest right after. Answers how long the stream was then.
    ///
    /// Requests that came to wait for them meanwhile are found once the edits hold. One that comes still later has read
    /// the directory after them, or notices: see [`Gate::look_again`].
    pub(super) async fn record_about(
        &self,
        concerned: &BTreeSet<PersonRef>,
        entries: &[(&'static str, Value)],
        edits: &[DirectoryEdit],
        by: &Submission,
    ) -> Result<u64, GateError> {
        let before = self.waiting_for(concerned).await?;
        let first: Vec<RequestId> = before.iter().copied().take(PAGE).collect();
        let seq = self.record_in_system(entries, edits, &first, by).await?;
        let since = self.waiting_for(concerned).await?;
        let rest = before.union(&since).filter(|id| !first.contains(id)).copied().collect::<Vec<_>>();
        self.wake_all(&rest).await?;
        self.wake();
        Ok(seq)
    }

    /// Appends entries to the system's stream together with edits, and wakes these requests, in one transaction. Answers how
    /// long the stream was then.
    pub(super) async fn record_in_system(
        &self,
        entries: &[(&'static str, Value)],
        edits: &[DirectoryEdit],
        wakes: &[RequestId],
        by: &Submission,
    ) -> Result<u64, GateError> {
        let now = self.now();
        self.change_system(|change, chain| {
            for (kind, data) in entries {
                let mut draft = EntryDraft::new(now, kind, by.actor.clone(), by.surface, data.clone());
                draft.submitted_by.clone_from(&by.submitted_by);
                change.entries.push(chain.append(change.id, draft).map_err(corrupt)?);
            }
            change.directory = edits.to_vec();
            change.agenda = wakes.iter().map(|request| agenda::wake(*request, now)).collect();
            Ok(())
        })
        .await
    }

    /// Wakes requests that ask whom the directory led to when the system's stream was `version` long, if it has grown: whoever
    /// edited the directory meanwhile may not have seen them.
    pub(in crate::gate) async fn look_again(&self, asked: &[RequestId], version: u64) -> Result<(), GateError> {
        if asked.is_empty() || self.system_version().await? == version {
            return Ok(());
        }
        self.wake_all(asked).await
    }

    async fn wake_all(&self, requests: &[RequestId]) -> Result<(), GateError> {
        let now = self.now();
        for page in requests.chunks(PAGE) {
            let wakes = page.iter().map(|request| agenda::wake(*request, now));
            self.change_system(|change, _| {
                change.agenda = wakes.clone().collect();
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Lands a change of the system's stream, which `fill` puts together anew whenever others were first. Answers how long
    /// the stream is then.
    async fn change_system(
        &self,
        fill: impl Fn(&mut Change, &mut Chain) -> Result<(), StoreError>,
    ) -> Result<u64, GateError> {
        let id = self.new_change();
        for _ in 0..TRIES {
            let mut chain = self.parts.requests.chain(Stream::System).await?;
            let mut change = Change::new(id, &chain);
            fill(&mut change, &mut chain)?;
            if self.commit_one(change).await?.is_kept() {
                return Ok(chain.version);
            }
        }
        Err(GateError::Contended)
    }

    /// The requests that wait for a decision of one of these people.
    async fn waiting_for(&self, people: &BTreeSet<PersonRef>) -> Result<BTreeSet<RequestId>, StoreError> {
        let mut waiting = BTreeSet::new();
        for person in people {
            let mut filter = RequestFilter::first(PAGE);
            (filter.asked, filter.state) = (Some(*person), Some(StateLabel::AwaitingDecision));
            loop {
                let page = self.parts.queries.list(&filter).await?;
                waiting.extend(page.iter().map(|request| request.id));
                filter.after = page.last().map(|request| request.id);
                if page.len() < PAGE {
                    break;
                }
            }
        }
        Ok(waiting)
    }
}
