//! The aggregate: one case about one seat (or one person who leaves), made of two small machines.
//!
//! [`Request::handle`] judges a command and answers with what happens; [`Request::apply`] is the only place where
//! state changes; so the state is the fold of the facts, and the trail is the truth.

mod approval;
mod asking;
mod command;
#[cfg(any(test, feature = "test-util"))]
mod command_kind;
mod event;
mod handle;
mod offboarding;
mod outcome;
mod plan;
mod task;

use serde::{Deserialize, Serialize};

pub use approval::*;
pub use command::*;
#[cfg(any(test, feature = "test-util"))]
pub use command_kind::CommandKind;
pub use event::*;
pub use offboarding::*;
pub use outcome::*;
pub use plan::*;
pub use task::*;

use crate::id::{ExceptionId, PersonRef, RequestId};
use crate::person::Actor;
use crate::policy::{Mode, Terms};
use crate::seat::{Channel, Evidence, Seat};
use crate::time::Timestamp;

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subject {
    /// A seat that is to be reclaimed.
    Seat(Seat),
    /// A person who is to be offboarded.
    Person(PersonRef),
}

/// Where a request stands between its two machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The approval is open.
    AwaitingDecision,
    /// Approved; the plan waits until then.
    InGrace {
        /// The end of the grace period.
        until: Timestamp,
    },
    /// The plan runs.
    Executing,
    /// The plan was stopped; what is in flight is awaited.
    Stopping,
    /// Over.
    Closed {
        /// How it ended.
        outcome: Outcome,
        /// When.
        at: Timestamp,
    },
}

/// The stateful case about one candidate, or one offboarding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// Which.
    pub id: RequestId,
    /// What it is about.
    pub subject: Subject,
    /// Why the seat was reported.
    pub evidence: Option<Evidence>,
    /// What somebody who leaves is taken through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offboarding: Option<Offboarding>,
    /// Where it came from.
    pub origin: Origin,
    /// Whether anything is really done.
    pub mode: Mode,
    /// The version of the policy it is under.
    pub policy_version: String,
    /// That policy's terms for this app.
    pub terms: Terms,
    /// Who hears the outcome.
    pub channel: Option<Channel>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Where it stands.
    pub phase: Phase,
    /// The first machine.
    pub approval: Approval,
    /// The second machine.
    pub plan: Plan,
    /// Why it was withdrawn, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<WithdrawReason>,
    /// What a look at the target after the end found last.
    pub verified: Option<ProbeFinding>,
}

/// What a command comes to: the facts to record, and the state after them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Transition {
    /// What happened, in order. Empty when nothing was due.
    pub facts: Vec<Fact>,
    /// The state before, with the facts applied.
    pub after: Request,
}

/// The facts of a request do not begin with its opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the first fact of a request must be its opening, and no other may be")]
pub struct ReplayError;

impl Request {
    /// The request that begins with this opening.
    #[must_use]
    pub fn open(id: RequestId, at: Timestamp, opening: Opening) -> Self {
        let mut approval = Approval::new(opening.asked);
        (approval.manager, approval.fallbacks) = (opening.manager, opening.fallbacks);
        Self {
            id,
            subject: opening.subject,
            evidence: opening.evidence,
            offboarding: opening.offboarding,
            origin: opening.origin,
            mode: opening.mode,
            policy_version: opening.policy_version,
            terms: opening.terms,
            channel: opening.channel,
            opened_at: at,
            phase: Phase::AwaitingDecision,
            approval,
            plan: Plan::new(opening.tasks),
            withdrawn: None,
            verified: None,
        }
    }

    /// The state after these facts.
    ///
    /// # Errors
    /// When they do not begin with the opening.
    pub fn replay(id: RequestId, facts: impl IntoIterator<Item = Fact>) -> Result<Self, ReplayError> {
        let mut facts = facts.into_iter();
        let first = facts.next().ok_or(ReplayError)?;
        let Event::Opened(opening) = first.event else { return Err(ReplayError) };
        let mut request = Self::open(id, first.at, *opening);
        for fact in facts {
            if matches!(fact.event, Event::Opened(_)) {
                return Err(ReplayError);
            }
            request.apply(&fact);
        }
        Ok(request)
    }

    /// Folds a fact into the state. The only place where a request changes.
    pub fn apply(&mut self, fact: &Fact) {
        match &fact.event {
            Event::Opened(_) => {}
            Event::Decided { .. } => self.apply_decision(fact),
            Event::Voted { .. } => self.apply_vote(fact),
            Event::HolderAnswered { answer, reason, .. } => {
                self.approval.holder_answer = Some(HolderAnswer { answer: *answer, reason: *reason, at: fact.at });
            }
            Event::Routed { cause, left, asked, reason } => {
                self.approval.reroute(*cause, left, asked, &HandedOn::new(fact.actor.clone(), *reason));
            }
            Event::Reminded { number } => self.approval.reminded = *number,
            Event::PolicyApplied { version, terms } => {
                self.policy_version.clone_from(version);
                self.terms.clone_from(terms);
            }
            Event::Expired => {
                self.approval.state = ApprovalState::Lapsed;
                self.cancel_tasks();
            }
            Event::GraceEnded => self.start(fact.at),
            Event::Undone { .. } => self.cancel(),
            Event::Withdrawn { why, .. } => {
                self.withdrawn = Some(*why);
                self.cancel();
            }
            Event::StopAsked { reason } => {
                self.plan.stop = Some(Stop { by: fact.actor.clone(), reason: *reason });
                self.phase = Phase::Stopping;
                self.plan.stopped = true;
                self.cancel_tasks();
            }
            Event::Closed { outcome, .. } => self.phase = Phase::Closed { outcome: *outcome, at: fact.at },
            Event::Verified { finding } => self.verified = Some(*finding),
            Event::Begun { .. }
            | Event::AttemptEnded { .. }
            | Event::Probed { .. }
            | Event::Observed { .. }
            | Event::Blocked { .. }
            | Event::Resolved { .. } => self.apply_to_task(fact),
        }
    }

    fn apply_decision(&mut self, fact: &Fact) {
        let Event::Decided { decision, relation, reason, keep_until, seen, grace_until, tasks, .. } = &fact.event
        else {
            return;
        };
        self.approval.state = match decision {
            Decision::Approve => ApprovalState::Approved,
            Decision::Keep => ApprovalState::Kept,
        };
        self.approval.verdict = Some(Verdict {
            decision: *decision,
            by: fact.actor.clone(),
            submitted_by: fact.submitted_by.clone(),
            relation: *relation,
            surface: fact.surface,
            at: fact.at,
            reason: *reason,
            keep_until: *keep_until,
            seen: *seen,
        });
        self.adopt_plan(tasks);
        match grace_until {
            Some(until) => self.phase = Phase::InGrace { until: *until },
            None => self.start(fact.at),
        }
    }

    fn apply_vote(&mut self, fact: &Fact) {
        let Event::Voted { principal, relation, matched_by, reason, seen } = &fact.event else { return };
        self.approval.votes.push(Vote {
            by: fact.actor.clone(),
            principal: *principal,
            submitted_by: fact.submitted_by.clone(),
            relation: *relation,
            matched_by: *matched_by,
            surface: fact.surface,
            at: fact.at,
            reason: *reason,
            seen: *seen,
        });
    }

    fn start(&mut self, now: Timestamp) {
        self.phase = Phase::Executing;
        self.plan.release(now);
    }

    fn cancel(&mut self) {
        self.approval.state = ApprovalState::Cancelled;
        self.cancel_tasks();
    }

    fn cancel_tasks(&mut self) {
        for task in &mut self.plan.tasks {
            if !task.state.is_end() && !task.state.is_open_effect() {
                task.enter(TaskState::Cancelled);
            }
        }
    }

    fn apply_to_task(&mut self, fact: &Fact) {
        if let Event::Begun { task, .. } = &fact.event {
            self.plan.ever_begun = true;
            if let Some(task) = self.plan.task_mut(*task) {
                task.count_begin(fact.at);
                task.enter(TaskState::InFlight);
            }
            return;
        }
        let (Event::AttemptEnded { task, next, .. }
        | Event::Probed { task, next, .. }
        | Event::Observed { task, next, .. }
        | Event::Blocked { task, next, .. }
        | Event::Resolved { task, next, .. }) = &fact.event
        else {
            return;
        };
        // What a person has done cannot be withdrawn either.
        self.plan.ever_begun |= matches!(fact.event, Event::Resolved { resolution: Resolution::Done, .. });
        let Some(task) = self.plan.task_mut(*task) else { return };
        match &fact.event {
            Event::AttemptEnded { result, .. } => task.count_result(result),
            Event::Probed { answer, .. } => task.count_probe(*answer),
            Event::Observed { result, .. } => task.note_late(result),
            Event::Resolved { resolution: Resolution::Retry, .. } => task.count_retry(),
            Event::Resolved { .. } => task.ended_by = Some(fact.actor.clone()),
            _ => {}
        }
        task.enter(next.clone());
        if self.phase == Phase::Executing {
            self.plan.release(fact.at);
        }
    }

    /// How it stands, in the public words.
    #[must_use]
    pub fn label(&self) -> StateLabel {
        match self.phase {
            Phase::AwaitingDecision => StateLabel::AwaitingDecision,
            Phase::InGrace { .. } => StateLabel::InGrace,
            Phase::Executing if self.plan.is_paused() => StateLabel::NeedsAttention,
            Phase::Executing if self.plan.keeps() => StateLabel::Keeping,
            Phase::Executing => StateLabel::Executing,
            Phase::Stopping => StateLabel::Stopping,
            Phase::Closed { .. } => StateLabel::Closed,
        }
    }

    /// How it ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self.phase {
            Phase::Closed { outcome, .. } => Some(outcome),
            _ => None,
        }
    }

    /// The seat it is about, if it is about one.
    #[must_use]
    pub fn seat(&self) -> Option<&Seat> {
        match &self.subject {
            Subject::Seat(seat) => Some(seat),
            Subject::Person(_) => None,
        }
    }

    /// Who holds the seat, or leaves.
    #[must_use]
    pub fn holder(&self) -> Option<PersonRef> {
        match &self.subject {
            Subject::Seat(seat) => seat.holder,
            Subject::Person(person) => Some(*person),
        }
    }

    /// Everybody whom a text about it may name: the holder, who was asked and who was met on the way to them, who handed
    /// it on, who voted and decided, who handed it in, and who stopped it or ended one of its tasks.
    pub fn people(&self) -> impl Iterator<Item = PersonRef> {
        let approval = &self.approval;
        let manager = self.offboarding.as_ref().and_then(|offboarding| offboarding.manager);
        let assignees = self.plan.tasks.iter().filter_map(Task::assignee);
        let decider = approval.verdict.iter().flat_map(|verdict| [Some(&verdict.by), verdict.submitted_by.as_ref()]);
        let voters = approval.votes.iter().flat_map(|vote| [Some(&vote.by), vote.submitted_by.as_ref()]);
        let handed_on =
            approval.asked.iter().filter_map(|asked| asked.handed_on.as_ref()).map(|handed_on| &handed_on.by);
        let enders = self.plan.tasks.iter().filter_map(|task| task.ended_by.as_ref());
        let enders = enders.chain(self.plan.stop.iter().map(|stop| &stop.by));
        let actors = decider.chain(voters).flatten().chain(handed_on).chain([&self.origin.submitted_by]).chain(enders);
        let met = |asked: &Asked| asked.path.iter().map(|step| step.person).collect::<Vec<_>>();
        let asked = approval.asked.iter().flat_map(move |asked| [met(asked), vec![asked.person, asked.principal()]]);
        self.holder()
            .into_iter()
            .chain(asked.flatten())
            .chain(assignees)
            .chain(actors.filter_map(Actor::person))
            .chain(manager)
    }

    /// The exception that its keep plan files, with its end.
    #[must_use]
    pub fn exception(&self) -> Option<(ExceptionId, Timestamp)> {
        let until = self.approval.verdict.as_ref()?.keep_until?;
        self.plan.tasks.iter().find_map(|task| match task.action {
            TaskAction::File { exception } => Some((exception, until)),
            _ => None,
        })
    }
}
