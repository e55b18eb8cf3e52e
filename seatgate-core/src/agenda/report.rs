//! What whoever listens to events is told: that a task of an offboarding, or a request, has ended.

use super::{AgendaChange, Item, Lane};
use crate::id::TaskId;
use crate::request::{Request, Task};
use crate::time::Timestamp;

/// What the lane of events is called: not like any channel or person.
pub(crate) const EVENTS: &str = "events/webhook";

/// Whoever listens to events hears when a task of an offboarding ends, and when a request does.
pub(crate) fn reports(before: Option<&Request>, after: &Request, now: Timestamp) -> Vec<AgendaChange> {
    let had_ended = |id: TaskId| before.and_then(|before| before.plan.task(id)).is_some_and(|task| task.state.is_end());
    let tasks = after.plan.tasks.iter().filter(|_| after.offboarding.is_some());
    let ended = tasks.filter(|task| task.state.is_end() && !had_ended(task.id)).map(|task: &Task| Some(task.id));
    let over = after.outcome().is_some() && before.is_none_or(|before| before.outcome().is_none());
    let report = |task| AgendaChange::Schedule {
        item: Item::Report { request: after.id, task, at: now },
        due: now,
        lane: Some(Lane::Messages(EVENTS.to_owned())),
        gated: true,
    };
    ended.chain(over.then_some(None)).map(report).collect()
}
