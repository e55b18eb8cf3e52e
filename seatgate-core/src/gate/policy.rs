//! The policy in force: which one it is, on record, and what it is applied to.

use serde_json::{Value, json};

use crate::gate::{Ask, Gate, GateError, Submission, TRIES, corrupt};
use crate::id::RequestId;
use crate::person::{Actor, Surface};
use crate::policy::{Policy, Terms};
use crate::port::{Change, RequestFilter, StoreError};
use crate::request::{Refusal, Request, StateLabel};
use crate::seat::AppId;
use crate::trail::{EntryDraft, Stream};

/// The kind of the entry that records which policy is in force.
const POLICY_ADOPTED: &str = "policy_adopted";
/// How many requests are read together.
const PAGE: usize = 100;
/// How far back an earlier adoption is looked for. It is the last of few entries.
const LOOK_BACK: u64 = 1000;

/// What became of open requests when the policy in force was applied to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// How many are under it now that were under another one.
    pub applied: u64,
    /// How many were under it already.
    pub unchanged: u64,
    /// How many ended meanwhile.
    pub closed: u64,
}

impl Gate {
    /// Records the policy that the gate was built with, unless it is the one recorded last: so the trail has every version
    /// under which somebody was asked, with its terms (without addresses). For the start of a server.
    ///
    /// # Errors
    /// When the store did not do its part.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was recorded; calling again is safe.
    pub async fn start_policy(&self) -> Result<(), GateError> {
        let id = self.new_change();
        let policy = self.settings().policy.clone();
        for _ in 0..TRIES {
            let mut chain = self.parts.requests.chain(Stream::System).await?;
            if self.adopted(chain.version).await?.as_deref() == Some(policy.version()) {
                return Ok(());
            }
            let by = Actor::system("configuration").unwrap_or_else(Actor::worker);
            let draft = EntryDraft::new(self.now(), POLICY_ADOPTED, by, Surface::Library, record(&policy));
            let mut change = Change::new(id, &chain);
            change.entries.push(chain.append(id, draft).map_err(corrupt)?);
            if self.commit_one(change).await?.is_kept() {
                return Ok(());
            }
        }
        Err(GateError::Contended)
    }

    /// The version that was adopted last, of the entries up to `end`.
    async fn adopted(&self, end: u64) -> Result<Option<String>, StoreError> {
        let mut from = end.saturating_sub(LOOK_BACK);
        let mut found = None;
        while from < end {
            let entries = self.parts.queries.entries(Stream::System, from, PAGE).await?;
            let Some(last) = entries.last().map(|entry| entry.seq) else { break };
            for entry in entries.iter().filter(|entry| entry.kind == POLICY_ADOPTED) {
                let body: Option<Value> = serde_json::from_str(&entry.body).ok();
                let version = body.as_ref().and_then(|body| body.pointer("/data/version")).and_then(Value::as_str);
                found = version.map(str::to_owned).or(found);
            }
            from = last;
        }
        Ok(found)
    }

    /// Puts open requests under the policy that is in force now: those of `app`, or of every app. Each keeps its mode; its
    /// deadlines, its quorum and everything else follow the new terms from here on, and its trail says so.
    ///
    /// # Errors
    /// [`GateError::Denied`] (recorded in the access stream), or what the store says. Requests that were done by then stay
    /// so; applying again goes on.
    ///
    /// # Cancel safety
    /// Dropping the future leaves some requests under the new policy and some not, none half.
    pub async fn apply_policy(&self, app: Option<&AppId>, by: &Submission) -> Result<Applied, GateError> {
        self.operator_only("apply_policy", app, by).await?;
        let mut applied = Applied::default();
        for state in StateLabel::ALL.iter().copied().filter(|state| *state != StateLabel::Closed) {
            let mut filter = RequestFilter { state: Some(state), ..RequestFilter::first(PAGE) };
            loop {
                let page = self.parts.queries.list(&filter).await?;
                let Some(last) = page.last() else { break };
                filter.after = Some(last.id);
                for request in page.iter().filter(|request| concerns(request, app)) {
                    self.apply_to(request, by, &mut applied).await?;
                }
            }
        }
        Ok(applied)
    }

    async fn apply_to(&self, request: &Request, by: &Submission, applied: &mut Applied) -> Result<(), GateError> {
        let id: RequestId = request.id;
        if request.policy_version == self.settings().policy.version() {
            applied.unchanged += 1;
            return Ok(());
        }
        match self.act(id, Ask::ApplyPolicy, None, by).await {
            Ok(_) => applied.applied += 1,
            Err(GateError::Refused { refusal: Refusal::Closed, .. }) => applied.closed += 1,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn concerns(request: &Request, app: Option<&AppId>) -> bool {
    app.is_none_or(|app| request.seat().is_some_and(|seat| seat.app.id == *app))
}

/// Without the addresses of fallback approvers, which are personal data.
fn record(policy: &Policy) -> Value {
    let without_addresses = |terms: &Terms| Terms { fallback_approvers: Vec::new(), ..terms.clone() };
    let apps = policy.apps().map(|(app, terms)| (app.to_owned(), json!(without_addresses(terms))));
    json!({
        "version": policy.version(),
        "default": without_addresses(policy.default_terms()),
        "apps": Value::Object(apps.collect()),
    })
}
