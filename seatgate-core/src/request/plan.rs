//! The second machine: what a decision releases. A plan is a list of tasks; each [`Task`] is a small machine of its own,
//! and this is its vocabulary. Its table is [`Task::next`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{ExceptionId, PersonRef, TaskId};
use crate::label::labels;
use crate::person::{Actor, TextRef};
use crate::request::{Outcome, Task};
use crate::seat::AppId;
use crate::time::Timestamp;

/// What the removal of a seat came to, in the target's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RemovalKind {
    /// The seat is gone.
    Removed,
    /// It was gone before.
    AlreadyAbsent,
    /// It goes at this time, for example at the end of the billing cycle.
    Scheduled {
        /// When.
        effective_at: Timestamp,
    },
    /// The access is gone, the seat still costs.
    StillBilled,
    /// The target accepted and works on it.
    Pending {
        /// When to ask again, if the target said so.
        check_after: Option<Timestamp>,
    },
}

labels! {
    /// How a task stands, as lists and tables name it.
    TaskStatus {
        /// For tasks that come first.
        Waiting = "waiting",
        /// To be begun; a task for a person waits for them.
        Ready = "ready",
        /// The call may be on its way.
        InFlight = "in_flight",
        /// The outcome is looked up.
        Probing = "probing",
        /// Waits for an operator.
        Paused = "paused",
        /// Done.
        Done = "done",
        /// The plan went on without it.
        Skipped = "skipped",
        /// Stopped, withdrawn or declined.
        Cancelled = "cancelled",
    }

    /// Why we say that a task is done.
    Proof {
        /// Looked up at the target afterwards.
        ReadBack = "read_back",
        /// The target said so.
        Receipt = "receipt",
        /// An operator confirmed it.
        Attested = "attested",
    }
}

/// What a task does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskAction {
    /// Removes the seat through the target that serves this app.
    Remove {
        /// The app.
        app: AppId,
    },
    /// Files this exception.
    File {
        /// Under this id, however often it is tried.
        exception: ExceptionId,
    },
    /// Calls a target for the person that the request is about.
    Call {
        /// The target's own name: never another one that happens to serve the app.
        target: String,
        /// The app that the target is told.
        app: AppId,
        /// What else it is told. The values are the playbook's patterns, such as `{email}`: they are filled in just
        /// before the call, so that no personal data is recorded.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        parameters: BTreeMap<String, String>,
    },
    /// A person does it, and says so.
    Manual {
        /// Who.
        assignee: PersonRef,
    },
}

impl TaskAction {
    /// Whether a target is called.
    #[must_use]
    pub fn calls_target(&self) -> bool {
        matches!(self, Self::Remove { .. } | Self::Call { .. })
    }
}

/// What follows when a task is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It waits for a human.
    Pause,
    /// It is skipped, unless it may have happened.
    Skip,
}

/// Why a task waits for a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PauseReason {
    /// The target refused it for good.
    Rejected,
    /// It was certainly not done, and has been tried long enough.
    GaveUp,
    /// It may have been done, and nobody can tell.
    Unknown,
    /// The target says that the seat is still held, after a call that may land late.
    StillHeld,
    /// A check just before the call found an exception for the seat.
    Excepted,
    /// A check just before the call found that the seat was used again.
    UsedAgain,
    /// A check just before the call found nobody and nothing to name to the target: the person was erased.
    Erased,
    /// No target serves the app any more.
    NoTarget,
    /// The playbook wants the target to be told something that is not known of the person.
    Incomplete,
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// For tasks that come first.
    Waiting,
    /// To be begun at this time.
    Ready {
        /// Not before.
        at: Timestamp,
    },
    /// Begun: the call may be on its way.
    InFlight,
    /// To be looked up at this time: it may have happened, or is pending.
    Probing {
        /// Not before.
        at: Timestamp,
    },
    /// Waits for a human.
    Paused {
        /// Which pause this is; an answer names it.
        pause: u32,
        /// Why.
        why: PauseReason,
    },
    /// Done.
    Done {
        /// What it came to; nothing for an exception that was filed, and for what a person did.
        removal: Option<RemovalKind>,
        /// Why we say so.
        proof: Proof,
        /// What the target said, or why an operator confirmed.
        receipt: Option<TextRef>,
    },
    /// A human, or the plan, went on without it.
    Skipped {
        /// Why.
        reason: Option<TextRef>,
    },
    /// Stopped or withdrawn.
    Cancelled,
}

impl TaskState {
    /// How it stands, in the public words.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        match self {
            Self::Waiting => TaskStatus::Waiting,
            Self::Ready { .. } => TaskStatus::Ready,
            Self::InFlight => TaskStatus::InFlight,
            Self::Probing { .. } => TaskStatus::Probing,
            Self::Paused { .. } => TaskStatus::Paused,
            Self::Done { .. } => TaskStatus::Done,
            Self::Skipped { .. } => TaskStatus::Skipped,
            Self::Cancelled => TaskStatus::Cancelled,
        }
    }

    /// The public label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        self.status().label()
    }

    /// Whether nothing can follow but a late observation.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Skipped { .. } | Self::Cancelled)
    }

    /// Whether a call may be on its way, or its effect still open.
    #[must_use]
    pub fn is_open_effect(&self) -> bool {
        matches!(self, Self::InFlight | Self::Probing { .. })
    }
}

/// How an attempt ended, as far as the caller knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttemptResult {
    /// The target did it, or accepted it ([`RemovalKind::Pending`]).
    Done {
        /// What it came to; nothing for an exception.
        removal: Option<RemovalKind>,
        /// What the target said.
        receipt: Option<TextRef>,
        /// Where the target will tell how it ended, if it accepted and said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<TextRef>,
    },
    /// Certainly not performed: it can be repeated.
    NotDone {
        /// When the target wants to be asked again.
        retry_at: Option<Timestamp>,
        /// What happened.
        detail: Option<TextRef>,
    },
    /// Refused for good.
    Rejected {
        /// What happened.
        detail: Option<TextRef>,
    },
    /// May have been performed.
    Unknown {
        /// What happened.
        detail: Option<TextRef>,
    },
}

/// What a probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProbeAnswer {
    /// The seat is still there.
    Held,
    /// The seat is gone.
    NotHeld,
    /// The target cannot tell, or did not answer.
    CannotTell,
    /// The target works on the removal still, or wants to be asked later.
    NotYet {
        /// When to ask again, if the target said so.
        check_after: Option<Timestamp>,
    },
    /// The target says how the removal ended.
    Ended {
        /// What it came to.
        removal: RemovalKind,
    },
}

/// Who stopped a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stop {
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: Option<TextRef>,
}

/// What a decision releases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The tasks, in the order they were given.
    pub tasks: Vec<Task>,
    /// Whether somebody stopped it.
    pub stopped: bool,
    /// Who, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Whether any Begin was ever committed, also one whose lease was lost, or a person has done a task.
    pub ever_begun: bool,
}

impl Plan {
    /// A plan of `tasks`.
    #[must_use]
    pub fn new(tasks: Vec<Task>) -> Self {
        Self { tasks, ..Self::default() }
    }

    /// One of its tasks.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id)
    }

    pub(crate) fn task_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.id == id)
    }

    /// Whether this is a keep plan: its task files the exception.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.tasks.iter().any(|task| matches!(task.action, TaskAction::File { .. }))
    }

    /// Whether a task waits for a human.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused() > 0
    }

    /// How many tasks wait for an operator.
    #[must_use]
    pub fn paused(&self) -> usize {
        self.tasks.iter().filter(|task| matches!(task.state, TaskState::Paused { .. })).count()
    }

    /// Whether a task may have happened although it is not done.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        self.tasks.iter().any(|task| task.may_have_happened)
    }

    /// Waiting tasks whose needs are met become ready. A skipped task satisfies a need.
    pub(crate) fn release(&mut self, now: Timestamp) {
        if self.stopped {
            return;
        }
        let met: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|task| matches!(task.state, TaskState::Done { .. } | TaskState::Skipped { .. }))
            .map(|task| task.id)
            .collect();
        for task in &mut self.tasks {
            if task.state == TaskState::Waiting && task.needs.iter().all(|need| met.contains(need)) {
                task.state = TaskState::Ready { at: now };
            }
        }
    }

    /// The outcome, once every task has ended.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        if !self.tasks.iter().all(|task| task.state.is_end()) {
            return None;
        }
        let done = self.tasks.iter().filter(|task| matches!(task.state, TaskState::Done { .. })).count();
        Some(match done {
            0 => Outcome::Stopped,
            all if all == self.tasks.len() && self.keeps() => Outcome::Kept,
            all if all == self.tasks.len() => Outcome::Reclaimed,
            _ if self.stopped => Outcome::Stopped,
            _ => Outcome::PartlyReclaimed,
        })
    }
}
