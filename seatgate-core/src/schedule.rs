//! When a request wants to be woken next.

use crate::request::{Phase, Request};
use crate::time::Timestamp;

/// When something will be due, if anything ever is without somebody acting.
///
/// Deadlines start when the first card was delivered: before that, nothing is due. Where nobody could be asked there is
/// no card, and they start with the request. Call again after every change of the request and after every delivery.
#[must_use]
pub fn next_wake(request: &Request, delivered_at: Option<Timestamp>) -> Option<Timestamp> {
    match request.phase {
        Phase::AwaitingDecision => {
            let nobody_asked = request.approval.asked.is_empty().then_some(request.opened_at);
            let start = delivered_at.or(nobody_asked)?;
            Some(start.saturating_add(request.terms.expire_after.duration()))
        }
        Phase::InGrace { until } => Some(until),
        Phase::Executing | Phase::Stopping | Phase::Closed { .. } => None,
    }
}
