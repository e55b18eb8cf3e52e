//! The offboarding table: one row a task.

use crate::id::{PersonRef, RequestId, TaskId, TextId};
use crate::policy::Mode;
use crate::request::{Outcome, Proof, TaskStatus};
use crate::time::Timestamp;

/// Which rows to list.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OffboardingFilter {
    /// Only of offboardings opened at this time or later.
    pub from: Option<Timestamp>,
    /// Only of offboardings opened before this time.
    pub to: Option<Timestamp>,
    /// Only about this person.
    pub person: Option<PersonRef>,
    /// Only tasks that stand so.
    pub result: Option<TaskStatus>,
    /// Only of offboardings that are neither over nor a test.
    pub open: bool,
    /// Only those that come after this task in the list.
    pub after: Option<(RequestId, u32)>,
    /// At most so many.
    pub limit: usize,
}

impl OffboardingFilter {
    /// The first `limit` of all rows.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }
}

/// One task of one offboarding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffboardingRow {
    /// The offboarding.
    pub request: RequestId,
    /// Who leaves.
    pub person: PersonRef,
    /// By which playbook.
    pub playbook: String,
    /// Whether anything is really done.
    pub mode: Mode,
    /// When it was asked for.
    pub opened_at: Timestamp,
    /// When it was over.
    pub closed_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The task.
    pub task: TaskId,
    /// Which of the tasks it is, from 0.
    pub position: u32,
    /// What the playbook calls it.
    pub name: String,
    /// How it stands.
    pub status: TaskStatus,
    /// Attempts begun.
    pub attempts: u32,
    /// Whether it may have happened although it is not done.
    pub may_have_happened: bool,
    /// Why we say that it is done.
    pub proof: Option<Proof>,
    /// What the target said, or the person who did it.
    pub receipt: Option<TextId>,
    /// Why it was skipped, or stopped or declined with the others.
    pub left_out: Option<TextId>,
    /// When its first attempt began.
    pub began_at: Option<Timestamp>,
    /// When it last came to stand otherwise: once it has ended, its end.
    pub changed_at: Timestamp,
}

impl OffboardingRow {
    /// A task of the offboarding of `person`, of which nothing else is known.
    #[must_use]
    pub fn new(request: RequestId, person: PersonRef, opened_at: Timestamp, task: TaskId, status: TaskStatus) -> Self {
        Self {
            request,
            person,
            playbook: String::new(),
            mode: Mode::Live,
            opened_at,
            closed_at: None,
            outcome: None,
            task,
            position: 0,
            name: String::new(),
            status,
            attempts: 0,
            may_have_happened: false,
            proof: None,
            receipt: None,
            left_out: None,
            began_at: None,
            changed_at: opened_at,
        }
    }

    /// Where the list goes on after it.
    #[must_use]
    pub fn place(&self) -> (RequestId, u32) {
        (self.request, self.position)
    }
}
