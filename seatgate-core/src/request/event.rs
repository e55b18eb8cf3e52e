//! What happened to a request. State is the fold of these, and of nothing else.

use serde::{Deserialize, Serialize};

use crate::id::{CardId, PersonRef, SweepId, TaskId};
use crate::label::labels;
use crate::person::{Actor, MatchedBy, Surface, TextRef};
use crate::policy::{Mode, Terms};
use crate::request::Subject;
use crate::request::approval::{Asked, Decision, Relation, RouteCause};
use crate::request::command::{ProbeFinding, Resolution, WithdrawReason};
use crate::request::offboarding::Offboarding;
use crate::request::outcome::Outcome;
use crate::request::plan::{AttemptResult, ProbeAnswer, TaskState};
use crate::request::task::Task;
use crate::seat::{Channel, Evidence};
use crate::time::Timestamp;

/// How a request came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Origin {
    /// The sweep that reported it; none for an offboarding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepId>,
    /// The row in it.
    pub row: u32,
    /// Who handed the sweep in, or asked for the offboarding.
    pub submitted_by: Actor,
}

impl Origin {
    /// Row `row` of `sweep`.
    #[must_use]
    pub fn new(sweep: SweepId, row: u32, submitted_by: Actor) -> Self {
        Self { sweep: Some(sweep), row, submitted_by }
    }

    /// An offboarding that somebody asked for.
    #[must_use]
    pub fn offboarding(submitted_by: Actor) -> Self {
        Self { sweep: None, row: 0, submitted_by }
    }
}

/// Everything a request starts with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Opening {
    /// What it is about.
    pub subject: Subject,
    /// Why the seat was reported.
    pub evidence: Option<Evidence>,
    /// Where it came from.
    pub origin: Origin,
    /// Whether anything will really be done.
    pub mode: Mode,
    /// Under which version of the policy.
    pub policy_version: String,
    /// The policy's terms for this app, kept for the request's whole life. Without addresses.
    pub terms: Terms,
    /// Who is asked.
    pub asked: Vec<Asked>,
    /// Whoever the report names as the holder's manager, where others may be asked later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<PersonRef>,
    /// Whom the policy names for when nobody else can be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<PersonRef>,
    /// Who hears the outcome.
    pub channel: Option<Channel>,
    /// What somebody who leaves is taken through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offboarding: Option<Offboarding>,
    /// What is planned already: an offboarding's tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
}

impl Opening {
    /// A request about `subject` under `terms`, asking nobody yet.
    ///
    /// The addresses among the terms stay with the policy: an opening is recorded for ever, and holds no personal data.
    #[must_use]
    pub fn new(subject: Subject, origin: Origin, mode: Mode, policy_version: String, mut terms: Terms) -> Self {
        terms.fallback_approvers.clear();
        Self {
            subject,
            evidence: None,
            origin,
            mode,
            policy_version,
            terms,
            asked: Vec::new(),
            manager: None,
            fallbacks: Vec::new(),
            channel: None,
            offboarding: None,
            tasks: Vec::new(),
        }
    }

    /// Taking somebody through these tasks.
    #[must_use]
    pub fn offboarding(mut self, offboarding: Offboarding, tasks: Vec<Task>) -> Self {
        (self.offboarding, self.tasks) = (Some(offboarding), tasks);
        self
    }

    /// With the evidence for the seat's dormancy.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = Some(evidence);
        self
    }

    /// Asking these people.
    #[must_use]
    pub fn asking(mut self, asked: Vec<Asked>) -> Self {
        self.asked = asked;
        self
    }

    /// With those from whom it follows who else can be asked: the manager that the report names, and the policy's
    /// fallback approvers.
    #[must_use]
    pub fn concerning(mut self, manager: Option<PersonRef>, fallbacks: Vec<PersonRef>) -> Self {
        (self.manager, self.fallbacks) = (manager, fallbacks);
        self
    }

    /// With a channel that hears the outcome.
    #[must_use]
    pub fn telling(mut self, channel: Option<Channel>) -> Self {
        self.channel = channel;
        self
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The request exists.
    Opened(Box<Opening>),
    /// Somebody who may, or the policy, decided. Recorded once.
    Decided {
        /// What.
        decision: Decision,
        /// By what right.
        relation: Relation,
        /// How whoever decided was recognised: said where it is not the rule.
        #[serde(default = "MatchedBy::identity", skip_serializing_if = "MatchedBy::is_identity")]
        matched_by: MatchedBy,
        /// Why.
        reason: Option<TextRef>,
        /// Until when the seat is kept.
        keep_until: Option<Timestamp>,
        /// What the card said.
        seen: Option<TextRef>,
        /// When the grace period ends; absent without one.
        grace_until: Option<Timestamp>,
        /// What it releases.
        tasks: Vec<Task>,
    },
    /// Somebody who may approved, and the policy wants more of them.
    Voted {
        /// Whose vote it is: a stand-in's is that of whom they stand in for.
        principal: PersonRef,
        /// By what right.
        relation: Relation,
        /// How whoever voted was recognised: said where it is not the rule.
        #[serde(default = "MatchedBy::identity", skip_serializing_if = "MatchedBy::is_identity")]
        matched_by: MatchedBy,
        /// Why.
        reason: Option<TextRef>,
        /// What the card said.
        seen: Option<TextRef>,
    },
    /// The holder, asked first, said whether they still need the seat. It decides nothing.
    HolderAnswered {
        /// *Keep*: they need it. *Approve*: they release it.
        answer: Decision,
        /// How they were recognised: said where it is not the rule.
        #[serde(default = "MatchedBy::identity", skip_serializing_if = "MatchedBy::is_identity")]
        matched_by: MatchedBy,
        /// Why.
        reason: Option<TextRef>,
        /// What the card said.
        seen: Option<TextRef>,
    },
    /// Other people are asked than before.
    Routed {
        /// Why.
        cause: RouteCause,
        /// On which cards nobody is asked any more.
        left: Vec<CardId>,
        /// Who is asked now, beside whoever still is.
        asked: Vec<Asked>,
        /// Why, in the words of whoever handed it on.
        reason: Option<TextRef>,
    },
    /// Those who are asked are reminded.
    Reminded {
        /// The how-manieth time.
        number: u32,
    },
    /// From here on it is under another version of the policy.
    PolicyApplied {
        /// Which.
        version: String,
        /// Its terms for this app. Without addresses.
        terms: Box<Terms>,
    },
    /// Nobody answered in time, and the policy closes.
    Expired,
    /// The grace period is over.
    GraceEnded,
    /// The approval was taken back.
    Undone {
        /// By what right.
        relation: Relation,
        /// Why.
        reason: Option<TextRef>,
    },
    /// It is withdrawn.
    Withdrawn {
        /// Why.
        why: WithdrawReason,
        /// Why, in somebody's words.
        reason: Option<TextRef>,
    },
    /// No task begins any more.
    StopAsked {
        /// Why.
        reason: Option<TextRef>,
    },
    /// A call is about to be sent.
    Begun {
        /// For which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// Under which idempotency key.
        key: String,
    },
    /// An attempt ended.
    AttemptEnded {
        /// Of which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// How.
        result: AttemptResult,
        /// Whether its worker vanished, rather than reported.
        lease_lost: bool,
        /// What follows.
        next: TaskState,
    },
    /// A seat was looked up because an effect is open.
    Probed {
        /// For which task.
        task: TaskId,
        /// What was found.
        answer: ProbeAnswer,
        /// What follows.
        next: TaskState,
    },
    /// A result came late, from a worker that had lost its lease.
    Observed {
        /// Of which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// What it reports.
        result: AttemptResult,
        /// What follows.
        next: TaskState,
    },
    /// A check just before the call said no.
    Blocked {
        /// Of which task.
        task: TaskId,
        /// What follows.
        next: TaskState,
    },
    /// A human answered a pause.
    Resolved {
        /// Of which task.
        task: TaskId,
        /// Which pause.
        pause: u32,
        /// How.
        resolution: Resolution,
        /// By what right.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        relation: Option<Relation>,
        /// Why.
        reason: Option<TextRef>,
        /// What follows.
        next: TaskState,
    },
    /// The request is over.
    Closed {
        /// How it ended.
        outcome: Outcome,
        /// Whether a task that is not done may have happened all the same.
        may_have_happened: bool,
    },
    /// A look at the target after the end.
    Verified {
        /// What was found.
        finding: ProbeFinding,
    },
}

impl Event {
    /// Its stored label.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Opened(_) => EventKind::Opened,
            Self::Decided { .. } => EventKind::Decided,
            Self::Voted { .. } => EventKind::Voted,
            Self::HolderAnswered { .. } => EventKind::HolderAnswered,
            Self::Routed { .. } => EventKind::Routed,
            Self::Reminded { .. } => EventKind::Reminded,
            Self::PolicyApplied { .. } => EventKind::PolicyApplied,
            Self::Expired => EventKind::Expired,
            Self::GraceEnded => EventKind::GraceEnded,
            Self::Undone { .. } => EventKind::Undone,
            Self::Withdrawn { .. } => EventKind::Withdrawn,
            Self::StopAsked { .. } => EventKind::StopAsked,
            Self::Begun { .. } => EventKind::Begun,
            Self::AttemptEnded { .. } => EventKind::AttemptEnded,
            Self::Probed { .. } => EventKind::Probed,
            Self::Observed { .. } => EventKind::Observed,
            Self::Blocked { .. } => EventKind::Blocked,
            Self::Resolved { .. } => EventKind::Resolved,
            Self::Closed { .. } => EventKind::Closed,
            Self::Verified { .. } => EventKind::Verified,
        }
    }
}

labels! {
    /// The kinds of [`Event`], exhaustive: code that must know every kind fails to compile when one is added. Each is named
    /// like its event.
    EventKind {
        /// See [`Event::Opened`].
        Opened = "opened",
        /// See [`Event::Decided`].
        Decided = "decided",
        /// See [`Event::Voted`].
        Voted = "voted",
        /// See [`Event::HolderAnswered`].
        HolderAnswered = "holder_answered",
        /// See [`Event::Routed`].
        Routed = "routed",
        /// See [`Event::Reminded`].
        Reminded = "reminded",
        /// See [`Event::PolicyApplied`].
        PolicyApplied = "policy_applied",
        /// See [`Event::Expired`].
        Expired = "expired",
        /// See [`Event::GraceEnded`].
        GraceEnded = "grace_ended",
        /// See [`Event::Undone`].
        Undone = "undone",
        /// See [`Event::Withdrawn`].
        Withdrawn = "withdrawn",
        /// See [`Event::StopAsked`].
        StopAsked = "stop_asked",
        /// See [`Event::Begun`].
        Begun = "begun",
        /// See [`Event::AttemptEnded`].
        AttemptEnded = "attempt_ended",
        /// See [`Event::Probed`].
        Probed = "probed",
        /// See [`Event::Observed`].
        Observed = "observed",
        /// See [`Event::Blocked`].
        Blocked = "blocked",
        /// See [`Event::Resolved`].
        Resolved = "resolved",
        /// See [`Event::Closed`].
        Closed = "closed",
        /// See [`Event::Verified`].
        Verified = "verified",
    }
}

/// An event with who, when and through what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fact {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// Who handed it in, if somebody else did.
    pub submitted_by: Option<Actor>,
    /// Through what.
    pub surface: Surface,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl Fact {
    /// An event that `actor` caused.
    #[must_use]
    pub fn new(at: Timestamp, actor: Actor, submitted_by: Option<Actor>, surface: Surface, event: Event) -> Self {
        Self { at, actor, submitted_by, surface, event }
    }
}
