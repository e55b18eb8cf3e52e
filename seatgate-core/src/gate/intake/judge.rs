//! What is decided about a candidate before the store is asked: its evidence, the policy, and its names.

use std::time::Duration;

use crate::gate::{Gate, Settings};
use crate::person::{Identity, PersonDraft};
use crate::policy::{Mode, Terms};
use crate::port::{Problem, RowStatus};
use crate::seat::{AccountNames, Activity, Candidate};
use crate::time::Timestamp;

/// How far ahead of our clock an observation may be.
const FUTURE_TOLERANCE: Duration = Duration::from_secs(300);

/// How a row is answered about which nobody is asked, and why.
pub(in crate::gate) type TurnedDown = (RowStatus, Problem);

/// The candidate of a row, unless the row is rejected or filtered. What was not said to be observed at another time was so
/// at `received_at`; `now` is what evidence is measured by.
pub(in crate::gate) fn judge(
    gate: &Gate,
    settings: &Settings,
    candidate: Result<Candidate, Problem>,
    received_at: Timestamp,
    now: Timestamp,
) -> Result<Candidate, TurnedDown> {
    let rejected = |why| (RowStatus::Rejected, why);
    let filtered = |why| (RowStatus::Filtered, why);
    let mut candidate = candidate.map_err(rejected)?;
    let terms = settings.policy.terms(candidate.app.id.as_str());
    if gate.parts.router.target(&candidate.app.id).is_none() {
        return Err(rejected(Problem::new("No target", "no target removes seats of this app", "/app/id")));
    }
    if settings.mode_of(&candidate.app.id) == Mode::Off {
        return Err(filtered(Problem::new("Switched off", "nobody is asked about seats of this app now", "/app/id")));
    }
    let observed_at = *candidate.observed_at.get_or_insert(received_at);
    stale_or_future(observed_at, candidate.activity, terms, now).map_err(rejected)?;
    match not_asked_about(&candidate, observed_at, terms) {
        Some(why) => Err(filtered(why)),
        None => Ok(candidate),
    }
}

/// What an account is found by.
pub(in crate::gate) fn identities(candidate: &Candidate) -> Vec<(String, String)> {
    let app = candidate.app.id.as_str();
    let id = candidate.account.id.iter().map(|id| format!("id:{id}"));
    let email = candidate.account.email.iter().map(|email| format!("email:{email}"));
    id.chain(email).map(|name| (app.to_owned(), name)).collect()
}

pub(in crate::gate) fn holder(names: &AccountNames) -> Option<PersonDraft> {
    Some(PersonDraft::new(Identity::Email(names.email.clone()?), names.name.clone()))
}

pub(in crate::gate) fn fallback(address: &str) -> Option<PersonDraft> {
    address.parse().ok().map(|identity| PersonDraft::new(identity, None))
}

fn stale_or_future(observed: Timestamp, activity: Activity, terms: &Terms, now: Timestamp) -> Result<(), Problem> {
    let observed_at = |detail: String| Err(Problem::new("Unusable evidence", detail, "/observed_at"));
    if observed > now.saturating_add(FUTURE_TOLERANCE) {
        return observed_at("lies in the future".to_owned());
    }
    if now.since(observed) > terms.max_evidence_age.duration() {
        return observed_at(format!("is older than the policy's max_evidence_age of {}", terms.max_evidence_age));
    }
    match activity {
        Activity::LastAt(at) if at > observed => {
            Err(Problem::new("Unusable evidence", "lies after `observed_at`", "/last_activity_at"))
        }
        Activity::LastAt(_) | Activity::NeverUsed => Ok(()),
    }
}

fn not_asked_about(candidate: &Candidate, observed_at: Timestamp, terms: &Terms) -> Option<Problem> {
    if let Some(position) = candidate.risk_tags.iter().position(|tag| terms.exempt_tags.contains(tag)) {
        let pointer = format!("/risk_tags/{position}");
        return Some(Problem::new("Exempt", "the policy exempts seats with this tag", pointer));
    }
    match candidate.activity {
        Activity::LastAt(at) if observed_at.since(at) < terms.min_idle.duration() => {
            let detail = format!("was used within the policy's min_idle of {}", terms.min_idle);
            Some(Problem::new("Not idle", detail, "/last_activity_at"))
        }
        Activity::LastAt(_) | Activity::NeverUsed => None,
    }
}
