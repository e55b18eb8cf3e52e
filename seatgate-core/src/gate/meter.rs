//! What a running gate has counted since it started, for whoever watches it. Numbers and labels of ours, nothing personal.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use crate::gate::{Attempt, Gate};
use crate::person::Surface;
use crate::port::{Change, NotifyError};
use crate::request::{AttemptResult, Decision, Event, EventKind, Request};

/// How a target's calls are counted when they file an exception.
const EXCEPTIONS: &str = "exceptions";

/// How long decisions took, in buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// How many took at most so long; the bounds are [`Latency::BOUNDS`].
    pub buckets: [u64; 8],
    /// How many there were.
    pub count: u64,
    /// How long they took together.
    pub sum: Duration,
}

impl Latency {
    /// From a minute to two weeks: people decide.
    pub const BOUNDS: [Duration; 8] = [
        Duration::from_secs(60),
        Duration::from_secs(600),
        Duration::from_secs(3_600),
        Duration::from_secs(4 * 3_600),
        Duration::from_secs(86_400),
        Duration::from_secs(3 * 86_400),
        Duration::from_secs(7 * 86_400),
        Duration::from_secs(14 * 86_400),
    ];

    fn note(&mut self, took: Duration) {
        self.count += 1;
        self.sum = self.sum.saturating_add(took);
        let fitting = self.buckets.iter_mut().zip(Self::BOUNDS).filter(|(_, bound)| took <= *bound);
        fitting.for_each(|(bucket, _)| *bucket += 1);
    }
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meter {
    /// Decisions, by what was decided and through what.
    pub decisions: BTreeMap<(Decision, Surface), u64>,
    /// From the opening of a request to its decision.
    pub decision_latency: Latency,
    /// Attempts that ended, by target and by how: `done`, `not_done`, `rejected` or `unknown`.
    pub attempts: BTreeMap<(String, &'static str), u64>,
    /// What was denied, by action and denial.
    pub denials: BTreeMap<(&'static str, &'static str), u64>,
    /// Messages that did not arrive, by [`NotifyError::label`]; each try counts.
    pub undelivered: BTreeMap<&'static str, u64>,
}

impl Gate {
    /// What was counted since this gate was built.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.parts.meter.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts what a change that was kept has recorded.
    pub(super) fn count_kept(&self, change: &Change) {
        let counted = [EventKind::Decided.label(), EventKind::AttemptEnded.label()];
        let Some(request) = &change.request else { return };
        for entry in change.entries.iter().filter(|entry| counted.contains(&entry.kind.as_str())) {
            let Some(fact) = entry.fact() else { continue };
            let mut meter = self.parts.meter.lock().unwrap_or_else(PoisonError::into_inner);
            match &fact.event {
                Event::Decided { decision, .. } => {
                    *meter.decisions.entry((*decision, fact.surface)).or_default() += 1;
                    meter.decision_latency.note(fact.at.since(request.opened_at));
                }
                Event::AttemptEnded { task, result, .. } => {
                    let target = self.target_name(request, *task);
                    *meter.attempts.entry((target, label(result))).or_default() += 1;
                }
                _ => {}
            }
        }
    }

    pub(super) fn count_denied(&self, attempt: &Attempt) {
        let mut meter = self.parts.meter.lock().unwrap_or_else(PoisonError::into_inner);
        *meter.denials.entry(attempt.labels()).or_default() += 1;
    }

    pub(crate) fn count_undelivered(&self, error: &NotifyError) {
        let mut meter = self.parts.meter.lock().unwrap_or_else(PoisonError::into_inner);
        *meter.undelivered.entry(error.label()).or_default() += 1;
    }

    fn target_name(&self, request: &Request, task: crate::id::TaskId) -> String {
        match request.plan.task(task) {
            Some(task) if task.action.calls_target() => {
                self.target_of(task).map_or_else(|| "none".to_owned(), |target| target.name.clone())
            }
            _ => EXCEPTIONS.to_owned(),
        }
    }
}

fn label(result: &AttemptResult) -> &'static str {
    match result {
        AttemptResult::Done { .. } => "done",
        AttemptResult::NotDone { .. } => "not_done",
        AttemptResult::Rejected { .. } => "rejected",
        AttemptResult::Unknown { .. } => "unknown",
    }
}
