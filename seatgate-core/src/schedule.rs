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

/// What comes of an open request, and when, while nobody answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outlook {
    /// When those who are asked are reminded, still to come.
    pub reminders: Vec<Timestamp>,
    /// When further people are asked next; nothing, if the time to answer is up before.
    pub escalates_at: Option<Timestamp>,
    /// When the time to answer is up: the holder's, who is asked first, or the approvers'.
    pub ends_at: Option<Timestamp>,
}

/// What comes of an open request while nobody answers; nothing, once it is decided, and as long as no card has arrived.
#[must_use]
pub fn outlook(request: &Request, delivered_at: Option<Timestamp>) -> Outlook {
    let waits = request.phase == Phase::AwaitingDecision;
    let Some(start) = start(request, delivered_at).filter(|_| waits) else { return Outlook::default() };
    let ends_at = deadline(request, delivered_at);
    let in_time = |at: &Timestamp| ends_at.is_none_or(|end| *at < end);
    let sent = usize::try_from(request.approval.reminded).unwrap_or(usize::MAX);
    let reminders = reminders(request).iter().skip(sent);
    let reminders = reminders.map(|wait| messaged_at(request, start.saturating_add(wait.duration())));
    Outlook {
        reminders: reminders.filter(in_time).collect(),
        escalates_at: escalation(request, start).filter(in_time),
        ends_at,
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
    let escalates = approval.stage == Stage::Approvers && !approval.nobody_left && request.offboarding.is_none();
    (escalates && !wait.is_zero()).then(due)
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
