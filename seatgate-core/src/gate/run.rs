//! What is shown of an offboarding: how it goes, and how each of its tasks does.

use std::collections::BTreeMap;

use crate::gate::{Gate, Joined};
use crate::id::{CardId, TaskId};
use crate::message::{OffboardingStanding, StopLine, TaskLine};
use crate::person::PersonDetails;
use crate::port::{OffboardingFilter, StoreError};
use crate::request::{Request, Task, TaskState};
use crate::time::Timestamp;

impl Gate {
    /// How an offboarding goes, for the card that shows it.
    pub(crate) async fn standing(&self, card: CardId, request: &Request) -> Result<OffboardingStanding, StoreError> {
        let joined = self.join(std::slice::from_ref(request)).await?;
        let row = joined.row(self, request, None, None);
        let offboarding = request.offboarding.as_ref();
        let playbook = offboarding.map(|offboarding| offboarding.playbook.as_str()).unwrap_or_default();
        let mut standing = OffboardingStanding::new(request.id, card, row.account, playbook);
        standing.test = row.test;
        standing.asked_by = joined.actor(&request.origin.submitted_by);
        standing.reason = joined.text(offboarding.and_then(|asked| asked.reason)).map(str::to_owned);
        (standing.state, standing.outcome) = (row.state, row.outcome);
        (standing.may_have_happened, standing.decision) = (row.may_have_happened, row.decision);
        standing.stopped = request.plan.stop.as_ref().map(|stop| {
            let reason = joined.text(stop.reason).map(str::to_owned);
            StopLine::new(joined.actor(&stop.by), reason)
        });
        let changed = self.changed(request).await?;
        standing.tasks = request.plan.tasks.iter().map(|task| line(task, &joined, changed.get(&task.id))).collect();
        Ok(standing)
    }

    /// When its tasks came to stand as they do.
    async fn changed(&self, request: &Request) -> Result<BTreeMap<TaskId, Timestamp>, StoreError> {
        let mut filter = OffboardingFilter::first(request.plan.tasks.len());
        (filter.person, filter.from) = (request.holder(), Some(request.opened_at));
        let rows = self.queries().offboardings(&filter).await?;
        let own = rows.into_iter().filter(|row| row.request == request.id);
        Ok(own.map(|row| (row.task, row.changed_at)).collect())
    }
}

fn line(task: &Task, joined: &Joined, changed_at: Option<&Timestamp>) -> TaskLine {
    let mut line = TaskLine::new(task.id, &task.name, task.state.status());
    let erased = |person| PersonDetails::new(person, Some("(erased)".to_owned()), Vec::new());
    let text = |text| joined.text(text).map(str::to_owned);
    line.may_have_happened = task.may_have_happened;
    line.attempts = task.attempts;
    line.detail = text(task.detail);
    line.assignee = task.assignee().map(|person| joined.person(person).cloned().unwrap_or_else(|| erased(person)));
    line.ended_by = task.ended_by.as_ref().map(|actor| joined.actor(actor));
    line.changed_at = changed_at.copied();
    match &task.state {
        TaskState::Paused { pause, why } => line.pause = Some((*pause, *why)),
        TaskState::Skipped { reason } => line.reason = text(*reason),
        TaskState::Done { removal, receipt, .. } => (line.removal, line.receipt) = (*removal, text(*receipt)),
        _ => {}
    }
    line
}
