//! Judging commands: from (state, command, facts) to what happens, or a named refusal.

use crate::id::{ExceptionId, TaskId};
use crate::person::{Actor, MatchedBy, Surface, TextRef};
use crate::policy::{KeepReason, Mode, OnExpiry};
use crate::request::{
    ApprovalInput, Command, Context, Decision, Event, Fact, Outcome, PauseReason, Phase, ProbeFinding, Refusal,
    Relation, Request, Resolution, Task, TaskAction, TaskFacts, TaskInput, TaskState, Transition, Vote, WithdrawReason,
};
use crate::retry::Backoff;
use crate::time::Timestamp;

impl Request {
    /// Judges `command` and answers with the facts it comes to and the state after them.
    ///
    /// Pure: time, chance, authority and everything from tables enters through `context`.
    ///
    /// # Errors
    /// A named refusal; nothing changes.
    pub fn handle(&self, command: &Command, context: &Context<'_>) -> Result<Transition, Refusal> {
        let mut draft = Draft { context, facts: Vec::new(), after: self.clone() };
        match command {
            Command::Approve { reason } => draft.decide(Decision::Approve, *reason, None)?,
            Command::Keep { reason, until } => draft.decide(Decision::Keep, *reason, *until)?,
            Command::Undo { reason } => draft.undo(*reason)?,
            Command::Withdraw { reason } => draft.withdraw(WithdrawReason::Operator, *reason)?,
            Command::Reassign { to, reason } => draft.reassign(*to, *reason)?,
            Command::ApplyPolicy { version, terms } => draft.apply_policy(version, terms)?,
            Command::ComeBack => draft.withdraw(WithdrawReason::UsedAgain, None)?,
            Command::Stop { reason } => draft.stop(*reason)?,
            Command::Wake => draft.wake()?,
            Command::Verify { finding } => draft.verify(*finding)?,
            Command::Block { task, why } => draft.block(*task, *why)?,
            Command::Begin { .. }
            | Command::Settle { .. }
            | Command::LoseLease { .. }
            | Command::Probed { .. }
            | Command::Observe { .. }
            | Command::Resolve { .. } => draft.step(command)?,
        }
        Ok(Transition { facts: draft.facts, after: draft.after })
    }
}

/// A transition while it is made.
pub(super) struct Draft<'a> {
    pub(super) context: &'a Context<'a>,
    facts: Vec<Fact>,
    pub(super) after: Request,
}

/// Who decides, by what right, and what that rests on.
pub(super) struct Basis {
    by: Actor,
    submitted_by: Option<Actor>,
    surface: Surface,
    relation: Relation,
    matched_by: MatchedBy,
    reason: Option<TextRef>,
    seen: Option<TextRef>,
}

impl From<Vote> for Basis {
    fn from(vote: Vote) -> Self {
        let Vote { by, principal: _, submitted_by, relation, matched_by, surface, at: _, reason, seen } = vote;
        Self { by, submitted_by, surface, relation, matched_by, reason, seen }
    }
}

impl Draft<'_> {
    pub(super) fn record(&mut self, event: Event) {
        let context = self.context;
        let (actor, submitted_by) = (context.actor.clone(), context.submitted_by.clone());
        self.record_fact(Fact::new(context.now, actor, submitted_by, context.surface, event));
    }

    fn record_fact(&mut self, fact: Fact) {
        self.after.apply(&fact);
        self.facts.push(fact);
    }

    /// What whoever acts now decides on.
    fn basis(&self, by: Actor, relation: Relation, reason: Option<TextRef>) -> Basis {
        let context = self.context;
        let (submitted_by, surface) = (context.submitted_by.clone(), context.surface);
        Basis { by, submitted_by, surface, relation, matched_by: context.matched_by, reason, seen: context.seen }
    }

    fn close(&mut self, outcome: Outcome) {
        let may_have_happened = self.after.plan.may_have_happened();
        self.record(Event::Closed { outcome, may_have_happened });
    }

    fn decide(&mut self, decision: Decision, reason: Option<TextRef>, until: Option<Timestamp>) -> Result<(), Refusal> {
        let input = match decision {
            Decision::Approve => ApprovalInput::Approve,
            Decision::Keep => ApprovalInput::Keep,
        };
        self.after.approval.state.next(input)?;
        let keep_until = match decision {
            Decision::Approve => None,
            Decision::Keep if self.after.seat().is_none() => None,
            Decision::Keep => Some(self.keep_until(reason, until)?),
        };
        if self.holder_only_answers(decision) {
            self.holder_answers(decision, reason)
        } else if decision == Decision::Approve && self.more_votes_needed()? {
            self.vote(reason);
            Ok(())
        } else {
            let relation = self.context.relation.unwrap_or(Relation::Policy);
            let basis = self.basis(self.context.actor.clone(), relation, reason);
            self.record_decision(decision, basis, keep_until);
            Ok(())
        }
    }

    fn keep_until(&self, reason: Option<TextRef>, until: Option<Timestamp>) -> Result<Timestamp, Refusal> {
        let (terms, now) = (&self.after.terms, self.context.now);
        if terms.keep_reason == KeepReason::Required && reason.is_none() {
            return Err(Refusal::ReasonRequired);
        }
        let until = until.unwrap_or_else(|| now.saturating_add(terms.keep_for.duration()));
        if until <= now {
            Err(Refusal::KeepEndsInPast)
        } else if until > now.saturating_add(terms.keep_max.duration()) {
            Err(Refusal::KeepTooLong)
        } else {
            Ok(until)
        }
    }

    pub(super) fn record_decision(&mut self, decision: Decision, basis: Basis, keep_until: Option<Timestamp>) {
        let grace = self.after.terms.grace;
        let waits = decision == Decision::Approve && !grace.is_zero() && self.after.mode == Mode::Live;
        let Basis { by, submitted_by, surface, relation, matched_by, reason, seen } = basis;
        let event = Event::Decided {
            decision,
            relation,
            matched_by,
            reason,
            keep_until,
            seen,
            grace_until: waits.then(|| self.context.now.saturating_add(grace.duration())),
            tasks: self.tasks(decision),
        };
        self.record_fact(Fact::new(self.context.now, by, submitted_by, surface, event));
        if self.after.mode != Mode::Live {
            self.close(Outcome::DryRun);
        } else if self.after.is_declined() {
            self.close(Outcome::Withdrawn);
        } else {
            self.close_if_ended();
        }
    }

    /// What the decision releases; nothing in a dry run.
    fn tasks(&self, decision: Decision) -> Vec<Task> {
        let (now, entropy) = (self.context.now, self.context.entropy);
        if self.after.mode != Mode::Live {
            return Vec::new();
        }
        let Some(seat) = self.after.seat() else { return self.after.planned(decision) };
        let (name, action) = match decision {
            Decision::Approve => (format!("remove-{}", seat.app.id), TaskAction::Remove { app: seat.app.id.clone() }),
            Decision::Keep => {
                ("file-exception".to_owned(), TaskAction::File { exception: ExceptionId::generate(now, entropy) })
            }
        };
        vec![Task::new(TaskId::generate(now, entropy), name, action)]
    }

    fn undo(&mut self, reason: Option<TextRef>) -> Result<(), Refusal> {
        self.after.approval.state.next(ApprovalInput::Undo)?;
        let Phase::InGrace { .. } = self.after.phase else {
            return Err(self.over_or(Refusal::NothingToUndo));
        };
        let relation = self.context.relation.unwrap_or(Relation::Operator);
        self.record(Event::Undone { relation, reason });
        self.close(Outcome::Withdrawn);
        Ok(())
    }

    fn withdraw(&mut self, why: WithdrawReason, reason: Option<TextRef>) -> Result<(), Refusal> {
        if let Phase::Closed { .. } = self.after.phase {
            return Err(Refusal::Closed);
        }
        self.after.approval.state.next(ApprovalInput::Withdraw)?;
        if self.after.plan.ever_begun {
            return Err(Refusal::TooLate);
        }
        self.record(Event::Withdrawn { why, reason });
        self.close(Outcome::Withdrawn);
        Ok(())
    }

    fn stop(&mut self, reason: Option<TextRef>) -> Result<(), Refusal> {
        match self.after.phase {
            Phase::Closed { .. } => Err(Refusal::Closed),
            Phase::Stopping => Err(Refusal::Stopping),
            Phase::AwaitingDecision | Phase::InGrace { .. } => Err(Refusal::NothingToStop),
            Phase::Executing if self.after.plan.keeps() => Err(Refusal::AlreadyKept),
            Phase::Executing => {
                self.record(Event::StopAsked { reason });
                self.close_if_ended();
                Ok(())
            }
        }
    }

    fn wake(&mut self) -> Result<(), Refusal> {
        match self.after.phase {
            Phase::Closed { .. } => Ok(()),
            _ if self.context.seat_lost && self.may_withdraw() => self.withdraw(WithdrawReason::SameSeat, None),
            Phase::AwaitingDecision if self.context.holder_leaves => self.withdraw(WithdrawReason::Offboarding, None),
            Phase::AwaitingDecision => {
                self.wait();
                Ok(())
            }
            Phase::InGrace { until } if until <= self.context.now => {
                self.record(Event::GraceEnded);
                self.close_if_ended();
                Ok(())
            }
            Phase::InGrace { .. } | Phase::Executing | Phase::Stopping => Ok(()),
        }
    }

    fn may_withdraw(&self) -> bool {
        !self.after.plan.ever_begun && self.after.approval.state.next(ApprovalInput::Withdraw).is_ok()
    }

    /// Time is up. Silence removes nothing that cannot be given back, whatever the policy says; and where nobody was
    /// asked, nobody was silent.
    pub(super) fn expire(&mut self) {
        let silence = self.basis(Actor::Policy, Relation::Policy, None);
        match self.after.terms.on_expiry {
            OnExpiry::Close => {
                self.record(Event::Expired);
                let dry = self.after.mode != Mode::Live;
                self.close(if dry { Outcome::DryRun } else { Outcome::Expired });
            }
            OnExpiry::Reclaim if self.context.target.reversible && !self.after.approval.asked.is_empty() => {
                self.record_decision(Decision::Approve, silence, None);
            }
            OnExpiry::Keep | OnExpiry::Reclaim => {
                let keep_for = self.after.terms.expiry_keep_for.duration();
                let until = self.context.now.saturating_add(keep_for);
                self.record_decision(Decision::Keep, silence, Some(until));
            }
        }
    }

    fn verify(&mut self, finding: ProbeFinding) -> Result<(), Refusal> {
        match self.after.outcome() {
            Some(Outcome::Reclaimed | Outcome::PartlyReclaimed) => {
                self.record(Event::Verified { finding });
                Ok(())
            }
            _ => Err(Refusal::NothingToVerify),
        }
    }

    /// A check before Begin withdraws only if nothing was ever begun; else the task pauses.
    fn block(&mut self, task: TaskId, why: PauseReason) -> Result<(), Refusal> {
        let withdraws = match why {
            PauseReason::Excepted => Some(WithdrawReason::Excepted),
            PauseReason::UsedAgain => Some(WithdrawReason::UsedAgain),
            PauseReason::Erased => Some(WithdrawReason::Erased),
            _ => None,
        };
        let ready = self.after.plan.task(task).is_some_and(|task| matches!(task.state, TaskState::Ready { .. }));
        match withdraws {
            Some(why) if ready && self.may_withdraw() => self.withdraw(why, None),
            _ => self.step(&Command::Block { task, why }),
        }
    }

    fn step(&mut self, command: &Command) -> Result<(), Refusal> {
        let (id, input) = task_input(command).ok_or(Refusal::UnknownTask)?;
        let task = self.after.plan.task(id).ok_or(Refusal::UnknownTask)?;
        match self.after.phase {
            // A late result is recorded whatever has become of the request.
            _ if matches!(input, TaskInput::Observe { .. }) => {}
            Phase::Closed { .. } => return Err(Refusal::Closed),
            Phase::AwaitingDecision | Phase::InGrace { .. } => return Err(Refusal::NotReady),
            Phase::Executing | Phase::Stopping => {}
        }
        if let Command::Resolve { resolution: Resolution::Skip | Resolution::Confirm, reason: None, .. } = command {
            return Err(Refusal::AnswerNeedsReason);
        }
        let next = task.next(&input, &self.task_facts(task))?;
        let event = task_event(command, task, next, self.context.relation).ok_or(Refusal::UnknownTask)?;
        self.record(event);
        self.close_if_ended();
        Ok(())
    }

    fn task_facts(&self, task: &Task) -> TaskFacts {
        let (retry, now) = (self.after.retry_of(task), self.context.now);
        let backoff = Backoff { first: retry.first.duration(), max: retry.max.duration() };
        let tries = task.round_attempts.saturating_add(task.probes).max(1);
        let delay = backoff.delay(tries, self.context.random_word());
        let filing = matches!(task.action, TaskAction::File { .. });
        TaskFacts {
            now,
            idempotent: filing || self.context.target.idempotent,
            backoff_until: now.saturating_add(delay),
            attempts: retry.attempts,
            give_up_at: task.round_began_at.unwrap_or(now).saturating_add(retry.give_up_after.duration()),
            stopping: self.after.plan.stopped,
        }
    }

    /// Closes a request whose plan has run and ended; also one that had nothing to run, which would wait for ever.
    fn close_if_ended(&mut self) {
        let runs = matches!(self.after.phase, Phase::Executing | Phase::Stopping);
        if let Some(outcome) = self.after.plan.outcome().filter(|_| runs) {
            self.close(outcome);
        }
    }

    fn over_or(&self, refusal: Refusal) -> Refusal {
        if matches!(self.after.phase, Phase::Closed { .. }) { Refusal::Closed } else { refusal }
    }
}

fn task_input(command: &Command) -> Option<(TaskId, TaskInput)> {
    Some(match command.clone() {
        Command::Begin { task } => (task, TaskInput::Begin),
        Command::Settle { task, attempt, result } => (task, TaskInput::Settle { attempt, result }),
        Command::LoseLease { task, attempt } => (task, TaskInput::LoseLease { attempt }),
        Command::Probed { task, answer, receipt } => (task, TaskInput::Probed { answer, receipt }),
        Command::Observe { task, attempt, result } => (task, TaskInput::Observe { attempt, result }),
        Command::Block { task, why } => (task, TaskInput::Block(why)),
        Command::Resolve { task, pause, resolution, reason } => (
            task,
            match resolution {
                Resolution::Retry => TaskInput::Retry { pause },
                Resolution::Skip => TaskInput::Skip { pause, reason },
                Resolution::Confirm => TaskInput::Confirm { pause, reason },
                Resolution::Done => TaskInput::Complete { reason },
            },
        ),
        _ => return None,
    })
}

fn task_event(command: &Command, task: &Task, next: TaskState, relation: Option<Relation>) -> Option<Event> {
    let id = task.id;
    Some(match command.clone() {
        Command::Begin { .. } => Event::Begun { task: id, attempt: task.next_attempt(), key: task.key() },
        Command::Settle { attempt, result, .. } => {
            Event::AttemptEnded { task: id, attempt, result, lease_lost: false, next }
        }
        Command::LoseLease { attempt, .. } => {
            let result = crate::request::AttemptResult::Unknown { detail: None };
            Event::AttemptEnded { task: id, attempt, result, lease_lost: true, next }
        }
        Command::Probed { answer, .. } => Event::Probed { task: id, answer, next },
        Command::Observe { attempt, result, .. } => Event::Observed { task: id, attempt, result, next },
        Command::Block { .. } => Event::Blocked { task: id, next },
        Command::Resolve { pause, resolution, reason, .. } => {
            Event::Resolved { task: id, pause, resolution, relation, reason, next }
        }
        _ => return None,
    })
}
