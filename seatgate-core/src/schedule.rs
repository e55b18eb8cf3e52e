//! When something is due for a request without anybody acting.
//!
//! Deadlines start when the card of whoever is asked was delivered: before that, nothing is due. Where nobody could be
//! asked there is no card, and they start with the request. Whoever is asked in somebody's place has the whole time again.

use crate::request::{Phase, Request, Stage};
use crate::time::{Span, Timestamp};

/// When a request wants to be woken next, if ever.
///
/// Call again after every change of the request and after every delivery.
#[must_use]
pub fn next_wake(request: &Request, delivered_at: Option<Timestamp>) -> Option<Timestamp> {
    match request.phase {
        Phase::AwaitingDecision => {
            let start = start(request, delivered_at)?;
            let due = [holder_deadline(request, start), deadline_from(request, start), escalation(request, start)];
            due.into_iter().chain([reminder(request, start)]).flatten().min()
        }
        Phase::InGrace { until } => Some(until),
        Phase::Executing | Phase::Stopping | Phase::Closed { .. } => None,
    }
}

/// Until when a request stands as it does, if nobody acts: the time to answer, or the grace period.
#[must_use]
pub fn deadline(request: &Request, delivered_at: Option<Timestamp>) -> Option<Timestamp> {
    match request.phase {
        Phase::AwaitingDecision => {
            let start = start(request, delivered_at)?;
            holder_deadline(request, start).or_else(|| deadline_from(request, start))
        }
        Phase::InGrace { until } => Some(until),
        Phase::Executing | Phase::Stopping | Phase::Closed { .. } => None,
    }
}

/// When the time to answer began.
pub(crate) fn start(request: &Request, delivered_at: Option<Timestamp>) -> Option<Timestamp> {
    let nobody_asked = request.approval.active().next().is_none().then_some(request.opened_at);
    delivered_at.or(nobody_asked)
}

/// When the holder, who is asked first, has had their time.
pub(crate) fn holder_deadline(request: &Request, start: Timestamp) -> Option<Timestamp> {
    let wait = request.terms.holder_wait.duration();
    (request.approval.stage == Stage::Holder).then(|| start.saturating_add(wait))
}

/// When the approvers have had theirs.
pub(crate) fn deadline_from(request: &Request, start: Timestamp) -> Option<Timestamp> {
    let wait = request.terms.expire_after.duration();
    (request.approval.stage == Stage::Approvers).then(|| start.saturating_add(wait))
}

/// When further people are asked next: each time nobody has answered for as long again, while there are some.
pub(crate) fn escalation(request: &Request, start: Timestamp) -> Option<Timestamp> {
    let wait = request.terms.escalate_after.duration();
    let times = request.approval.escalations.saturating_add(1);
    let due = || messaged_at(request, start.saturating_add(wait.saturating_mul(times)));
    let approval = &request.approval;
    (approval.stage == Stage::Approvers && !wait.is_zero() && !approval.nobody_left).then(due)
}

/// When those who are asked are reminded next.
pub(crate) fn reminder(request: &Request, start: Timestamp) -> Option<Timestamp> {
    let next = usize::try_from(request.approval.reminded).ok()?;
    let wait = reminders(request).get(next)?.duration();
    Some(messaged_at(request, start.saturating_add(wait)))
}

/// How many reminders are due by `now`, those that were sent included.
pub(crate) fn reminders_due(request: &Request, start: Timestamp, now: Timestamp) -> u32 {
    let due = |wait: &&Span| messaged_at(request, start.saturating_add(wait.duration())) <= now;
    u32::try_from(reminders(request).iter().filter(due).count()).unwrap_or(u32::MAX)
}

/// Nobody is reminded where nobody is asked, nor is the holder, whose time is short.
fn reminders(request: &Request) -> &[Span] {
    let approval = &request.approval;
    let reminds = approval.stage == Stage::Approvers && approval.active().next().is_some();
    if reminds { &request.terms.remind_after } else { &[] }
}

/// People are messaged in business hours.
pub(crate) fn messaged_at(request: &Request, at: Timestamp) -> Timestamp {
    request.terms.business_hours.next_open(at, &request.terms.time_zone)
}
