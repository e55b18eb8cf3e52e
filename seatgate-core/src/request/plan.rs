//! The second machine: what a decision releases. A plan is a list of tasks; each task is a small machine of its own.
//!
//! The table is [`Task::next`]: a total function from (state, input) to a next state or a named refusal. Nothing else
//! decides what happens to a task.

use serde::{Deserialize, Serialize};

use crate::id::{ExceptionId, TaskId};
use crate::label::labels;
use crate::person::TextRef;
use crate::request::{Outcome, Refusal};
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
        /// What it came to; nothing for an exception that was filed.
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
    /// The public label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready { .. } => "ready",
            Self::InFlight => "in_flight",
            Self::Probing { .. } => "probing",
            Self::Paused { .. } => "paused",
            Self::Done { .. } => "done",
            Self::Skipped { .. } => "skipped",
            Self::Cancelled => "cancelled",
        }
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
pub enum ProbeAnswer {
    /// The seat is still there.
    Held,
    /// The seat is gone.
    NotHeld,
    /// The target cannot tell, or did not answer.
    CannotTell,
}

/// What can happen to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskInput {
    /// The call is about to be sent.
    Begin,
    /// The call of this attempt came back, and its worker still holds the lease.
    Settle {
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        result: AttemptResult,
    },
    /// The worker of this attempt lost its lease after it had begun.
    LoseLease {
        /// Which attempt.
        attempt: u32,
    },
    /// A probe came back.
    Probed(ProbeAnswer),
    /// A result came too late for its worker to settle it.
    Observe {
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        result: AttemptResult,
    },
    /// A check just before the call said no, after something had begun.
    Block(PauseReason),
    /// A human answers a pause: try again.
    Retry {
        /// The pause that is answered.
        pause: u32,
    },
    /// A human answers a pause: go on without it.
    Skip {
        /// The pause that is answered.
        pause: u32,
        /// Why.
        reason: Option<TextRef>,
    },
    /// A human answers a pause: it did happen.
    Confirm {
        /// The pause that is answered.
        pause: u32,
        /// How they know.
        reason: Option<TextRef>,
    },
    /// The plan is stopped.
    Stop,
}

/// The facts that a task's next state depends on, beside itself and the input.
#[derive(Debug, Clone, Copy)]
pub struct TaskFacts {
    /// When.
    pub now: Timestamp,
    /// Whether the target promises that a repeat with the same key does nothing twice.
    pub idempotent: bool,
    /// When a repeat after an ambiguous or undone attempt would be due.
    pub backoff_until: Timestamp,
    /// Ambiguous attempts in a row that are allowed.
    pub attempts: u32,
    /// Until when a certain not-done is repeated.
    pub give_up_at: Timestamp,
    /// Whether the plan is being stopped.
    pub stopping: bool,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Task {
    /// Which.
    pub id: TaskId,
    /// What people call it.
    pub name: String,
    /// What it does.
    pub action: TaskAction,
    /// The tasks that come first.
    pub needs: Vec<TaskId>,
    /// What follows when it is rejected.
    pub on_failure: OnFailure,
    /// Where it stands.
    pub state: TaskState,
    /// Attempts begun, ever.
    pub attempts: u32,
    /// When the attempts since the last retry began.
    pub round_began_at: Option<Timestamp>,
    /// Attempts begun since the last retry.
    pub round_attempts: u32,
    /// Ambiguous attempts since the last retry.
    pub ambiguous: u32,
    /// Probes in a row that could not tell.
    pub cannot_tell: u32,
    /// Pauses so far.
    pub pauses: u32,
    /// Which key the calls bear: 1 is the task's id, n is the id with `-n`.
    pub key_number: u32,
    /// Whether the last attempt was refused for good.
    pub rejected: bool,
    /// Whether an attempt may have happened; stays until the task is done.
    pub may_have_happened: bool,
    /// What the last attempt came to, in the target's words.
    pub detail: Option<TextRef>,
}

impl Task {
    /// A task that nothing has happened to.
    #[must_use]
    pub fn new(id: TaskId, name: impl Into<String>, action: TaskAction) -> Self {
        Self {
            id,
            name: name.into(),
            action,
            needs: Vec::new(),
            on_failure: OnFailure::Pause,
            state: TaskState::Waiting,
            attempts: 0,
            round_began_at: None,
            round_attempts: 0,
            ambiguous: 0,
            cannot_tell: 0,
            pauses: 0,
            key_number: 1,
            rejected: false,
            may_have_happened: false,
            detail: None,
        }
    }

    /// The idempotency key of its calls: constant as long as the effect may have happened.
    #[must_use]
    pub fn key(&self) -> String {
        match self.key_number {
            1 => self.id.to_string(),
            n => format!("{}-{n}", self.id),
        }
    }

    /// The table of this machine: every pair is a next state or a named refusal.
    ///
    /// # Errors
    /// The refusal.
    pub fn next(&self, input: &TaskInput, facts: &TaskFacts) -> Result<TaskState, Refusal> {
        match input {
            TaskInput::Begin => self.begin(facts),
            TaskInput::Settle { attempt, result } => self.settle(*attempt, result, facts),
            TaskInput::LoseLease { attempt } => self.settle(*attempt, &AttemptResult::Unknown { detail: None }, facts),
            TaskInput::Probed(answer) => self.probed(*answer, facts),
            TaskInput::Observe { result, .. } => Ok(self.observed(result)),
            TaskInput::Block(why) => match self.state {
                TaskState::Ready { .. } => Ok(self.pause(*why, facts)),
                _ => Err(Refusal::NotReady),
            },
            TaskInput::Retry { pause } => self.answer(*pause, facts, TaskState::Ready { at: facts.now }),
            TaskInput::Skip { pause, reason } => self.answer(*pause, facts, TaskState::Skipped { reason: *reason }),
            TaskInput::Confirm { pause, reason } => self.confirm(*pause, *reason, facts),
            TaskInput::Stop => self.stop(),
        }
    }

    fn begin(&self, facts: &TaskFacts) -> Result<TaskState, Refusal> {
        match self.state {
            _ if facts.stopping => Err(Refusal::Stopping),
            TaskState::Ready { at } if at <= facts.now => Ok(TaskState::InFlight),
            TaskState::InFlight | TaskState::Probing { .. } => Err(Refusal::AlreadyBegun),
            _ => Err(Refusal::NotReady),
        }
    }

    fn settle(&self, attempt: u32, result: &AttemptResult, facts: &TaskFacts) -> Result<TaskState, Refusal> {
        if self.state != TaskState::InFlight || attempt != self.attempts {
            return Err(Refusal::StaleAttempt);
        }
        Ok(match result {
            AttemptResult::Done { removal: Some(RemovalKind::Pending { check_after }), .. } => {
                TaskState::Probing { at: check_after.unwrap_or(facts.backoff_until).max(facts.now) }
            }
            AttemptResult::Done { removal, receipt } => done(*removal, Proof::Receipt, *receipt),
            AttemptResult::NotDone { .. } if facts.stopping => TaskState::Cancelled,
            AttemptResult::NotDone { .. } if facts.now >= facts.give_up_at => self.pause(PauseReason::GaveUp, facts),
            AttemptResult::NotDone { retry_at, .. } => {
                TaskState::Ready { at: retry_at.unwrap_or(facts.backoff_until).max(facts.now) }
            }
            AttemptResult::Rejected { detail } if self.on_failure == OnFailure::Skip && !self.may_have_happened => {
                TaskState::Skipped { reason: *detail }
            }
            AttemptResult::Rejected { .. } => self.pause(PauseReason::Rejected, facts),
            AttemptResult::Unknown { .. } => self.after_unknown(facts),
        })
    }

    fn after_unknown(&self, facts: &TaskFacts) -> TaskState {
        if facts.stopping || !facts.idempotent {
            TaskState::Probing { at: facts.now }
        } else if self.ambiguous.saturating_add(1) < facts.attempts {
            TaskState::Ready { at: facts.backoff_until }
        } else {
            self.pause(PauseReason::Unknown, facts)
        }
    }

    fn probed(&self, answer: ProbeAnswer, facts: &TaskFacts) -> Result<TaskState, Refusal> {
        let TaskState::Probing { .. } = self.state else { return Err(Refusal::NotProbing) };
        let ambiguous = self.ambiguous > 0;
        let again = TaskState::Probing { at: facts.backoff_until };
        Ok(match answer {
            ProbeAnswer::NotHeld => done(Some(RemovalKind::Removed), Proof::ReadBack, None),
            ProbeAnswer::Held if ambiguous && facts.idempotent => self.ready(facts),
            ProbeAnswer::Held if ambiguous || facts.now >= facts.give_up_at => {
                self.pause(PauseReason::StillHeld, facts)
            }
            ProbeAnswer::Held => again,
            ProbeAnswer::CannotTell if self.cannot_tell == 0 => again,
            ProbeAnswer::CannotTell if !ambiguous && facts.idempotent && facts.now < facts.give_up_at => {
                self.ready(facts)
            }
            ProbeAnswer::CannotTell => self.pause(PauseReason::Unknown, facts),
        })
    }

    fn observed(&self, result: &AttemptResult) -> TaskState {
        let open = match self.state {
            TaskState::Probing { .. } => true,
            TaskState::Paused { .. } => self.may_have_happened,
            _ => false,
        };
        match result {
            AttemptResult::Done { removal: Some(RemovalKind::Pending { .. }), .. } => self.state.clone(),
            AttemptResult::Done { removal, receipt } if open => done(*removal, Proof::Receipt, *receipt),
            _ => self.state.clone(),
        }
    }

    fn answer(&self, pause: u32, facts: &TaskFacts, next: TaskState) -> Result<TaskState, Refusal> {
        match self.state {
            TaskState::Paused { .. } if facts.stopping => Err(Refusal::Stopping),
            TaskState::Paused { pause: current, .. } if current == pause => Ok(next),
            TaskState::Paused { .. } => Err(Refusal::StalePause),
            _ if pause <= self.pauses => Err(Refusal::StalePause),
            _ => Err(Refusal::NotPaused),
        }
    }

    fn confirm(&self, pause: u32, reason: Option<TextRef>, facts: &TaskFacts) -> Result<TaskState, Refusal> {
        let removal = match self.action {
            TaskAction::Remove { .. } => Some(RemovalKind::Removed),
            TaskAction::File { .. } => None,
        };
        let next = self.answer(pause, facts, done(removal, Proof::Attested, reason))?;
        if self.may_have_happened { Ok(next) } else { Err(Refusal::NothingToConfirm) }
    }

    fn stop(&self) -> Result<TaskState, Refusal> {
        match &self.state {
            TaskState::Waiting | TaskState::Ready { .. } | TaskState::Paused { .. } => Ok(TaskState::Cancelled),
            open @ (TaskState::InFlight | TaskState::Probing { .. }) => Ok(open.clone()),
            TaskState::Done { .. } | TaskState::Skipped { .. } | TaskState::Cancelled => Err(Refusal::TaskEnded),
        }
    }

    /// While stopping, every arrow to Ready or Paused goes to Cancelled.
    fn pause(&self, why: PauseReason, facts: &TaskFacts) -> TaskState {
        if facts.stopping { TaskState::Cancelled } else { TaskState::Paused { pause: self.pauses + 1, why } }
    }

    fn ready(&self, facts: &TaskFacts) -> TaskState {
        if facts.stopping { TaskState::Cancelled } else { TaskState::Ready { at: facts.backoff_until } }
    }

    /// Takes up the state that [`Task::next`] gave for an input. The only place where a task changes.
    pub(crate) fn enter(&mut self, next: TaskState) {
        if let TaskState::Paused { pause, .. } = next {
            self.pauses = pause;
        }
        if matches!(next, TaskState::Done { .. }) {
            self.may_have_happened = false;
        }
        self.state = next;
    }

    pub(crate) fn count_begin(&mut self, at: Timestamp) {
        self.attempts += 1;
        self.round_attempts += 1;
        self.rejected = false;
        self.cannot_tell = 0;
        self.round_began_at.get_or_insert(at);
    }

    pub(crate) fn count_result(&mut self, result: &AttemptResult) {
        match result {
            AttemptResult::Done { removal: Some(RemovalKind::Pending { .. }), .. } => self.may_have_happened = true,
            AttemptResult::Done { .. } => {}
            AttemptResult::NotDone { detail, .. } => self.detail = *detail,
            AttemptResult::Rejected { detail } => {
                self.rejected = true;
                self.detail = *detail;
            }
            AttemptResult::Unknown { detail } => {
                self.may_have_happened = true;
                self.ambiguous += 1;
                self.detail = *detail;
            }
        }
    }

    pub(crate) fn count_probe(&mut self, answer: ProbeAnswer) {
        self.cannot_tell = if answer == ProbeAnswer::CannotTell { self.cannot_tell + 1 } else { 0 };
    }

    /// A new round: a new key only after a definite rejection and no ambiguous attempt under the old one.
    pub(crate) fn count_retry(&mut self) {
        if self.rejected && !self.may_have_happened {
            self.key_number += 1;
        }
        self.rejected = false;
        self.round_began_at = None;
        self.round_attempts = 0;
        self.ambiguous = 0;
        self.cannot_tell = 0;
    }
}

fn done(removal: Option<RemovalKind>, proof: Proof, receipt: Option<TextRef>) -> TaskState {
    TaskState::Done { removal, proof, receipt }
}

/// What a decision releases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The tasks, in the order they were given.
    pub tasks: Vec<Task>,
    /// Whether somebody stopped it.
    pub stopped: bool,
    /// Whether any Begin was ever committed, also one whose lease was lost.
    pub ever_begun: bool,
}

impl Plan {
    /// A plan of `tasks`.
    #[must_use]
    pub fn new(tasks: Vec<Task>) -> Self {
        Self { tasks, stopped: false, ever_begun: false }
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
        self.tasks.iter().any(|task| matches!(task.state, TaskState::Paused { .. }))
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
