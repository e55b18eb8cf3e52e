//! What makes a request an offboarding: a plan that is there from the opening, and runs once somebody who may has decided.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::PersonRef;
use crate::person::TextRef;
use crate::policy::{Mode, RetryTerms};
use crate::request::{ApprovalState, Decision, Plan, Request, Task, TaskState};

/// What somebody who leaves is taken through. The tasks are in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Offboarding {
    /// The playbook that the tasks come from.
    pub playbook: String,
    /// Whether another operator than the one who asked for it must approve.
    pub four_eyes: bool,
    /// Why, in the words of whoever asked for it.
    pub reason: Option<TextRef>,
    /// Who manages whoever leaves, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<PersonRef>,
}

impl Offboarding {
    /// One by this playbook.
    #[must_use]
    pub fn new(playbook: impl Into<String>, four_eyes: bool, reason: Option<TextRef>) -> Self {
        Self { playbook: playbook.into(), four_eyes, reason, manager: None }
    }
}

impl Request {
    /// Whether an offboarding was asked for, and the other operator said no.
    #[must_use]
    pub fn is_declined(&self) -> bool {
        let kept = self.approval.verdict.as_ref().is_some_and(|verdict| verdict.decision == Decision::Keep);
        self.offboarding.is_some() && kept
    }

    /// Whether it is an offboarding that somebody who may has decided on, also once it is over.
    #[must_use]
    pub fn is_leaving_decided(&self) -> bool {
        self.offboarding.is_some() && self.mode == Mode::Live && self.approval.state == ApprovalState::Approved
    }

    /// Whose lists it is on: of those whose answer is waited for, or was until it was decided; and, once somebody's
    /// leaving is decided, of those who are to do a task of it.
    #[must_use]
    pub fn listed_for(&self) -> BTreeSet<PersonRef> {
        let asked = self.approval.active().map(|asked| asked.person).filter(|person| self.approval.waits_for(*person));
        asked.chain(self.assignees()).collect()
    }

    /// Whether `person` may look at it: they were asked, or are to do a task of it.
    #[must_use]
    pub fn concerns(&self, person: PersonRef) -> bool {
        self.approval.was_asked(person) || self.assignees().any(|assignee| assignee == person)
    }

    /// Why a task was not done: why it was skipped, or why the whole plan was stopped or declined.
    #[must_use]
    pub fn left_out(&self, task: &Task) -> Option<TextRef> {
        match task.state {
            TaskState::Skipped { reason } => reason,
            TaskState::Cancelled if self.is_declined() => self.approval.verdict.as_ref()?.reason,
            TaskState::Cancelled => self.plan.stop.as_ref()?.reason,
            _ => None,
        }
    }

    fn assignees(&self) -> impl Iterator<Item = PersonRef> {
        self.errands().filter(|_| self.is_leaving_decided()).map(|(_, assignee)| assignee)
    }

    /// What people are to do by hand, and who: whoever leaves is never asked to do a part of it, and hears of it from
    /// people.
    pub(crate) fn errands(&self) -> impl Iterator<Item = (&Task, PersonRef)> {
        let by_hand = |task| Some((task, Task::assignee(task)?));
        self.plan.tasks.iter().filter_map(by_hand).filter(|(_, assignee)| self.holder() != Some(*assignee))
    }

    /// What the decision releases of a plan that was there before it. Who declines releases nothing.
    pub(super) fn planned(&self, decision: Decision) -> Vec<Task> {
        match decision {
            Decision::Approve => self.plan.tasks.clone(),
            Decision::Keep => Vec::new(),
        }
    }

    /// The plan that a decision releases. One that releases nothing cancels what was planned, which stays in view.
    pub(super) fn adopt_plan(&mut self, tasks: &[Task]) {
        if tasks.is_empty() && !self.plan.tasks.is_empty() {
            self.plan.tasks.iter_mut().for_each(|task| task.enter(TaskState::Cancelled));
        } else {
            self.plan = Plan::new(tasks.to_vec());
        }
    }

    /// How a task is tried again: as it says, else as the policy does.
    pub(crate) fn retry_of<'a>(&'a self, task: &'a Task) -> &'a RetryTerms {
        task.retry.as_ref().unwrap_or(&self.terms.retry)
    }
}
