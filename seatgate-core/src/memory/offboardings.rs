//! The offboarding table: when each task began, and when it last came to stand otherwise.

use std::collections::BTreeMap;

use super::State;
use crate::id::TaskId;
use crate::policy::Mode;
use crate::port::{OffboardingFilter, OffboardingRow};
use crate::request::{Phase, Request, Task, TaskState, TaskStatus};
use crate::time::Timestamp;

#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    face: (TaskStatus, u32, u32, bool),
    began_at: Option<Timestamp>,
    changed_at: Timestamp,
}

#[derive(Default)]
pub(super) struct TaskTimes(BTreeMap<TaskId, Times>);

impl TaskTimes {
    /// Notes how a request's tasks stand at `at`.
    pub(super) fn note(&mut self, request: &Request, at: Timestamp) {
        for task in request.plan.tasks.iter().filter(|_| request.offboarding.is_some()) {
            let face = (task.state.status(), task.attempts, task.pauses, task.may_have_happened);
            let times = self.0.entry(task.id).or_insert(Times { face, began_at: None, changed_at: at });
            if times.face != face {
                (times.face, times.changed_at) = (face, at);
            }
            if task.attempts > 0 {
                times.began_at.get_or_insert(at);
            }
        }
    }
}

impl State {
    pub(super) fn offboardings(&self, filter: &OffboardingFilter) -> Vec<OffboardingRow> {
        let rows =
            self.requests.values().filter(|request| fits(request, filter)).flat_map(|request| self.table(request));
        rows.filter(|row| filter.result.is_none_or(|status| row.status == status))
            .filter(|row| filter.after.is_none_or(|after| row.place() > after))
            .take(filter.limit)
            .collect()
    }

    fn table(&self, request: &Request) -> impl Iterator<Item = OffboardingRow> {
        let places = (0..).zip(&request.plan.tasks);
        places.filter_map(|(position, task)| self.row(request, position, task))
    }

    fn row(&self, request: &Request, position: u32, task: &Task) -> Option<OffboardingRow> {
        let times = self.task_times.0.get(&task.id)?;
        let (proof, receipt) = match &task.state {
            TaskState::Done { proof, receipt, .. } => (Some(*proof), receipt.map(|receipt| receipt.id)),
            _ => (None, None),
        };
        let closed_at = match request.phase {
            Phase::Closed { at, .. } => Some(at),
            _ => None,
        };
        Some(OffboardingRow {
            request: request.id,
            person: request.holder()?,
            playbook: request.offboarding.as_ref()?.playbook.clone(),
            mode: request.mode,
            opened_at: request.opened_at,
            closed_at,
            outcome: request.outcome(),
            task: task.id,
            position,
            name: task.name.clone(),
            status: task.state.status(),
            attempts: task.attempts,
            may_have_happened: task.may_have_happened,
            proof,
            receipt,
            left_out: request.left_out(task).map(|reason| reason.id),
            began_at: times.began_at,
            changed_at: times.changed_at,
        })
    }
}

fn fits(request: &Request, filter: &OffboardingFilter) -> bool {
    request.offboarding.is_some()
        && filter.from.is_none_or(|from| request.opened_at >= from)
        && filter.to.is_none_or(|to| request.opened_at < to)
        && filter.person.is_none_or(|person| request.holder() == Some(person))
        && !(filter.open && (request.outcome().is_some() || request.mode != Mode::Live))
}
