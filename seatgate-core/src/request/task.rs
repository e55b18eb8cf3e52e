//! One step of a plan, and its table: [`Task::next`], a total function from (state, input) to a next state or a named
//! refusal. Nothing else decides what happens to a task.

use serde::{Deserialize, Serialize};

use crate::id::{PersonRef, TaskId};
use crate::person::{Actor, TextRef};
use crate::policy::RetryTerms;
use crate::request::{
    AttemptResult, OnFailure, PauseReason, ProbeAnswer, Proof, Refusal, RemovalKind, TaskAction, TaskState,
};
use crate::time::{Span, Timestamp};

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
    Probed {
        /// What it found.
        answer: ProbeAnswer,
        /// What the target said of a removal that has ended.
        receipt: Option<TextRef>,
    },
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
    /// A human has done what the task asked of them.
    Complete {
        /// What they say of it.
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

impl TaskFacts {
    /// When to go on. A target may ask for time, but not for more than the policy gives it.
    fn wanted(&self, by_target: Option<Timestamp>) -> Timestamp {
        by_target.map_or(self.backoff_until, |at| at.min(self.give_up_at)).max(self.now)
    }
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
    /// How long its call may take, if not as long as the target's calls do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How it is tried again, if not as the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryTerms>,
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
    /// Probes since the last attempt: the more, the longer until the next.
    pub probes: u32,
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
    /// Where the target will tell how a removal that it accepted has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<TextRef>,
    /// Who ended it: skipped it, confirmed it or did it. Nobody, where the target or the plan did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Actor>,
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
            timeout: None,
            retry: None,
            state: TaskState::Waiting,
            attempts: 0,
            round_began_at: None,
            round_attempts: 0,
            ambiguous: 0,
            probes: 0,
            cannot_tell: 0,
            pauses: 0,
            key_number: 1,
            rejected: false,
            may_have_happened: false,
            detail: None,
            location: None,
            ended_by: None,
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
            TaskInput::Probed { answer, receipt } => self.probed(*answer, *receipt, facts),
            TaskInput::Observe { attempt, result } => self.observed(*attempt, result),
            TaskInput::Block(why) => match self.state {
                TaskState::Ready { .. } if !self.is_manual() => Ok(self.pause(*why, facts)),
                _ => Err(Refusal::NotReady),
            },
            TaskInput::Retry { pause } => self.answer(*pause, facts, TaskState::Ready { at: facts.now }),
            TaskInput::Skip { pause, reason } => self.skip(*pause, *reason, facts),
            TaskInput::Confirm { pause, reason } => self.confirm(*pause, *reason, facts),
            TaskInput::Complete { reason } => self.complete(*reason, facts),
            TaskInput::Stop => self.stop(),
        }
    }

    fn begin(&self, facts: &TaskFacts) -> Result<TaskState, Refusal> {
        match self.state {
            _ if facts.stopping => Err(Refusal::Stopping),
            _ if self.is_manual() => Err(Refusal::NotReady),
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
                TaskState::Probing { at: facts.wanted(*check_after) }
            }
            AttemptResult::Done { removal, receipt, .. } => done(*removal, Proof::Receipt, *receipt),
            AttemptResult::NotDone { .. } if facts.stopping => TaskState::Cancelled,
            AttemptResult::NotDone { .. } if facts.now >= facts.give_up_at => self.pause(PauseReason::GaveUp, facts),
            AttemptResult::NotDone { retry_at, .. } => TaskState::Ready { at: facts.wanted(*retry_at) },
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

    fn probed(&self, answer: ProbeAnswer, receipt: Option<TextRef>, facts: &TaskFacts) -> Result<TaskState, Refusal> {
        let TaskState::Probing { .. } = self.state else { return Err(Refusal::NotProbing) };
        let (ambiguous, in_time) = (self.ambiguous > 0, facts.now < facts.give_up_at);
        let again = TaskState::Probing { at: facts.backoff_until };
        Ok(match answer {
            ProbeAnswer::NotHeld => done(Some(RemovalKind::Removed), Proof::ReadBack, None),
            ProbeAnswer::Ended { removal: RemovalKind::Pending { check_after } }
            | ProbeAnswer::NotYet { check_after }
                if in_time =>
            {
                TaskState::Probing { at: facts.wanted(check_after) }
            }
            ProbeAnswer::Ended { removal: RemovalKind::Pending { .. } } | ProbeAnswer::NotYet { .. } => {
                self.pause(PauseReason::Unknown, facts)
            }
            ProbeAnswer::Ended { removal } => done(Some(removal), Proof::Receipt, receipt),
            ProbeAnswer::Held if ambiguous && facts.idempotent && in_time => self.ready(facts),
            ProbeAnswer::Held if ambiguous || !in_time => self.pause(PauseReason::StillHeld, facts),
            ProbeAnswer::Held => again,
            ProbeAnswer::CannotTell if self.cannot_tell == 0 => again,
            ProbeAnswer::CannotTell if !ambiguous && facts.idempotent && in_time => self.ready(facts),
            ProbeAnswer::CannotTell => self.pause(PauseReason::Unknown, facts),
        })
    }

    /// A late result is recorded, and good news is believed where the outcome is open.
    fn observed(&self, attempt: u32, result: &AttemptResult) -> Result<TaskState, Refusal> {
        if attempt == 0 || attempt > self.attempts {
            return Err(Refusal::StaleAttempt);
        }
        let open = match self.state {
            TaskState::Probing { .. } => true,
            TaskState::Paused { .. } => self.may_have_happened,
            _ => false,
        };
        Ok(match result {
            AttemptResult::Done { removal: Some(RemovalKind::Pending { .. }), .. } => self.state.clone(),
            AttemptResult::Done { removal, receipt, .. } if open => done(*removal, Proof::Receipt, *receipt),
            _ => self.state.clone(),
        })
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

    /// A task for a person has no pauses: whoever goes on without it answers its being ready.
    fn skip(&self, pause: u32, reason: Option<TextRef>, facts: &TaskFacts) -> Result<TaskState, Refusal> {
        let next = TaskState::Skipped { reason };
        if self.waits_for_person() && pause == self.pauses {
            return if facts.stopping { Err(Refusal::Stopping) } else { Ok(next) };
        }
        self.answer(pause, facts, next)
    }

    fn complete(&self, reason: Option<TextRef>, facts: &TaskFacts) -> Result<TaskState, Refusal> {
        match self.state {
            _ if !self.is_manual() => Err(Refusal::NotManual),
            _ if self.state.is_end() => Err(Refusal::TaskEnded),
            TaskState::Ready { .. } if facts.stopping => Err(Refusal::Stopping),
            TaskState::Ready { .. } => Ok(done(None, Proof::Attested, reason)),
            _ => Err(Refusal::NotReady),
        }
    }

    fn is_manual(&self) -> bool {
        self.assignee().is_some()
    }

    /// Who is to do it, if it is for a person.
    #[must_use]
    pub fn assignee(&self) -> Option<PersonRef> {
        match self.action {
            TaskAction::Manual { assignee } => Some(assignee),
            _ => None,
        }
    }

    /// Whether a person is to do it now.
    #[must_use]
    pub fn waits_for_person(&self) -> bool {
        self.is_manual() && matches!(self.state, TaskState::Ready { .. })
    }

    fn confirm(&self, pause: u32, reason: Option<TextRef>, facts: &TaskFacts) -> Result<TaskState, Refusal> {
        let removal = self.action.calls_target().then_some(RemovalKind::Removed);
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
        let pause = self.pauses.saturating_add(1);
        if facts.stopping { TaskState::Cancelled } else { TaskState::Paused { pause, why } }
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

    /// The number of the attempt that the next Begin starts.
    pub(crate) fn next_attempt(&self) -> u32 {
        self.attempts.saturating_add(1)
    }

    pub(crate) fn count_begin(&mut self, at: Timestamp) {
        self.attempts = self.next_attempt();
        self.round_attempts = self.round_attempts.saturating_add(1);
        self.rejected = false;
        self.probes = 0;
        self.cannot_tell = 0;
        self.round_began_at.get_or_insert(at);
    }

    pub(crate) fn count_result(&mut self, result: &AttemptResult) {
        match result {
            AttemptResult::Done { removal: Some(RemovalKind::Pending { .. }), location, .. } => {
                self.may_have_happened = true;
                self.location = *location;
            }
            AttemptResult::Done { .. } => {}
            AttemptResult::NotDone { detail, .. } => self.detail = *detail,
            AttemptResult::Rejected { detail } => {
                self.rejected = true;
                self.detail = *detail;
            }
            AttemptResult::Unknown { detail } => {
                self.may_have_happened = true;
                self.ambiguous = self.ambiguous.saturating_add(1);
                self.detail = *detail;
            }
        }
    }

    /// A place that a late result names is worth asking, as long as the outcome is open.
    pub(crate) fn note_late(&mut self, result: &AttemptResult) {
        if let AttemptResult::Done { location: Some(location), .. } = result
            && !self.state.is_end()
        {
            self.location = Some(*location);
        }
    }

    pub(crate) fn count_probe(&mut self, answer: ProbeAnswer) {
        let unsure = answer == ProbeAnswer::CannotTell;
        self.probes = self.probes.saturating_add(1);
        self.cannot_tell = if unsure { self.cannot_tell.saturating_add(1) } else { 0 };
    }

    /// A new round: a new key only after a definite rejection and no ambiguous attempt under the old one.
    pub(crate) fn count_retry(&mut self) {
        if self.rejected && !self.may_have_happened {
            self.key_number = self.key_number.saturating_add(1);
        }
        self.rejected = false;
        self.round_began_at = None;
        self.round_attempts = 0;
        self.ambiguous = 0;
        self.probes = 0;
        self.cannot_tell = 0;
    }
}

fn done(removal: Option<RemovalKind>, proof: Proof, receipt: Option<TextRef>) -> TaskState {
    TaskState::Done { removal, proof, receipt }
}
