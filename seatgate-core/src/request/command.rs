//! What can be asked of a request, and the facts it is judged by.

use serde::{Deserialize, Serialize};

use crate::id::{PersonRef, TaskId};
use crate::label::labels;
use crate::person::{Actor, MatchedBy, Surface, TextRef};
use crate::policy::Terms;
use crate::port::Entropy;
use crate::request::approval::Relation;
use crate::request::plan::{AttemptResult, PauseReason, ProbeAnswer};
use crate::route::Known;
use crate::time::Timestamp;

labels! {
    /// How a human answers a pause.
    Resolution {
        /// Try again.
        Retry = "retry",
        /// Go on without it.
        Skip = "skip",
        /// It did happen. Only where an attempt may have.
        Confirm = "confirm",
        /// A task for a person: they have done it.
        Done = "done",
    }
}

/// Why a request was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WithdrawReason {
    /// An operator asked for it.
    Operator,
    /// An exception covers the seat by now.
    Excepted,
    /// The seat was used again.
    UsedAgain,
    /// Two accounts turned out to be one, and an older request is about the same seat.
    SameSeat,
    /// Nobody and nothing is left to name to the target: the person was erased.
    Erased,
    /// The holder is being offboarded.
    Offboarding,
}

/// What a look at the target after the end found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeFinding {
    /// The seat is gone, as recorded.
    Gone,
    /// Somebody has been given the seat again.
    Regranted,
}

/// What can be asked of a request. Who may ask is judged before, by [`authorize`](crate::authorize::authorize).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Remove the seat.
    Approve {
        /// Why.
        reason: Option<TextRef>,
    },
    /// Keep the seat.
    Keep {
        /// Why.
        reason: Option<TextRef>,
        /// Until when; else as long as the policy says.
        until: Option<Timestamp>,
    },
    /// Take an approval back, within the grace period.
    Undo {
        /// Why.
        reason: Option<TextRef>,
    },
    /// Give the request up, before anything has begun.
    Withdraw {
        /// Why, in somebody's words.
        reason: Option<TextRef>,
    },
    /// Ask somebody else instead.
    Reassign {
        /// Whom.
        to: PersonRef,
        /// Why.
        reason: Option<TextRef>,
    },
    /// Go on under this version of the policy.
    ApplyPolicy {
        /// Which.
        version: String,
        /// Its terms for this app.
        terms: Box<Terms>,
    },
    /// A look at the target at the decision found that the seat was used again.
    ComeBack,
    /// Begin nothing more.
    Stop {
        /// Why.
        reason: Option<TextRef>,
    },
    /// Do whatever is due.
    Wake,
    /// A call is about to be sent.
    Begin {
        /// For this task.
        task: TaskId,
    },
    /// A call came back in time.
    Settle {
        /// Of this task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        result: AttemptResult,
    },
    /// A lease ran out after Begin.
    LoseLease {
        /// Of this task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
    },
    /// A probe came back.
    Probed {
        /// Of this task.
        task: TaskId,
        /// What it found.
        answer: ProbeAnswer,
        /// What the target said of a removal that has ended.
        receipt: Option<TextRef>,
    },
    /// A call came back too late to settle anything.
    Observe {
        /// Of this task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        result: AttemptResult,
    },
    /// A check just before Begin said no.
    Block {
        /// For this task.
        task: TaskId,
        /// What it found.
        why: PauseReason,
    },
    /// A human answers a pause.
    Resolve {
        /// Of this task.
        task: TaskId,
        /// Which pause.
        pause: u32,
        /// How.
        resolution: Resolution,
        /// Why.
        reason: Option<TextRef>,
    },
    /// A look at the target after the end.
    Verify {
        /// What it found.
        finding: ProbeFinding,
    },
}

impl Command {
    /// The task that it is about, if it is about one.
    #[must_use]
    pub fn task(&self) -> Option<TaskId> {
        match self {
            Self::Begin { task }
            | Self::Settle { task, .. }
            | Self::LoseLease { task, .. }
            | Self::Probed { task, .. }
            | Self::Observe { task, .. }
            | Self::Block { task, .. }
            | Self::Resolve { task, .. } => Some(*task),
            _ => None,
        }
    }
}

/// What is known of the target that would perform a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TargetFacts {
    /// Whether it promises that a repeat with the same key does nothing twice.
    pub idempotent: bool,
    /// Whether what it does can be undone.
    pub reversible: bool,
}

impl TargetFacts {
    /// A target.
    #[must_use]
    pub fn new(idempotent: bool, reversible: bool) -> Self {
        Self { idempotent, reversible }
    }
}

/// The facts a command is judged by. The core reads no clock and no table: they enter here.
#[derive(Clone)]
#[non_exhaustive]
pub struct Context<'a> {
    /// When.
    pub now: Timestamp,
    /// For ids and jitter.
    pub entropy: &'a dyn Entropy,
    /// Who.
    pub actor: Actor,
    /// How they were recognised.
    pub matched_by: MatchedBy,
    /// Who handed it in, if somebody else did.
    pub submitted_by: Option<Actor>,
    /// Through what.
    pub surface: Surface,
    /// By what right, as `authorize` found.
    pub relation: Option<Relation>,
    /// What the card in front of the actor said.
    pub seen: Option<TextRef>,
    /// When the first card was delivered: deadlines start there.
    pub delivered_at: Option<Timestamp>,
    /// Whether another, older request turned out to be about the same seat.
    pub seat_lost: bool,
    /// Whether the seat's holder is being offboarded.
    pub holder_leaves: bool,
    /// The target of the task that the command is about; without one, of the request's seat.
    pub target: TargetFacts,
    /// Who else can be asked. Only what asks somebody else heeds it.
    pub known: Known,
}

impl<'a> Context<'a> {
    /// A context in which `actor` acts through `surface`.
    #[must_use]
    pub fn new(now: Timestamp, entropy: &'a dyn Entropy, actor: Actor, surface: Surface) -> Self {
        Self {
            now,
            entropy,
            actor,
            matched_by: MatchedBy::Identity,
            submitted_by: None,
            surface,
            relation: None,
            seen: None,
            delivered_at: None,
            seat_lost: false,
            holder_leaves: false,
            target: TargetFacts::default(),
            known: Known::default(),
        }
    }

    /// The worker's context.
    #[must_use]
    pub fn worker(now: Timestamp, entropy: &'a dyn Entropy) -> Self {
        Self::new(now, entropy, Actor::worker(), Surface::Worker)
    }

    /// With the right that `authorize` granted.
    #[must_use]
    pub fn by_right_of(mut self, relation: Relation) -> Self {
        self.relation = Some(relation);
        self
    }

    /// With the time at which the first card was delivered.
    #[must_use]
    pub fn delivered_at(mut self, at: Option<Timestamp>) -> Self {
        self.delivered_at = at;
        self
    }

    /// With what is known of those who can be asked.
    #[must_use]
    pub fn knowing(mut self, known: Known) -> Self {
        self.known = known;
        self
    }

    /// With what is known of the target.
    #[must_use]
    pub fn with_target(mut self, target: TargetFacts) -> Self {
        self.target = target;
        self
    }

    pub(crate) fn random_word(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        self.entropy.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}
