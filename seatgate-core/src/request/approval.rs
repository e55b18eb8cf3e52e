//! The first machine: has the request been decided, and how.

use serde::{Deserialize, Serialize};

use crate::id::{CardId, PersonRef};
use crate::label::labels;
use crate::person::{Actor, Surface, TextRef};
use crate::request::Refusal;
use crate::time::Timestamp;

labels! {
    /// What was decided.
    Decision {
        /// Remove the seat.
        ///
        /// Access reviews elsewhere say *approve* for keeping the access. Here the thing asked for is the removal, so
        /// approving means removing, and the button reads **Approve removal**.
        Approve = "approve",
        /// Keep the seat, and do not ask again for a while.
        Keep = "keep",
    }

    /// Why somebody was asked.
    #[non_exhaustive]
    Why {
        /// The report names them as the holder's manager.
        Manager = "manager",
        /// The policy names them, because no manager could be asked, or because the manager holds the seat.
        Fallback = "fallback",
        /// They operate seatgate, and nobody else could be asked.
        Operator = "operator",
        /// An offboarding needs a second operator.
        FourEyes = "four_eyes",
    }

    /// By what right somebody acted.
    #[non_exhaustive]
    Relation {
        /// They were asked.
        Approver = "approver",
        /// They hold the seat and give it up.
        Holder = "holder",
        /// They decided it before.
        Decider = "decider",
        /// They operate seatgate.
        Operator = "operator",
        /// The task is theirs to do.
        Assignee = "assignee",
        /// The policy decides when time is up.
        Policy = "policy",
    }
}

impl Why {
    /// A sentence for the person asked.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Manager => "you are named as the holder's manager",
            Self::Fallback => "the policy names you for seats whose manager cannot decide alone",
            Self::FourEyes => "you operate seatgate, and an offboarding needs a second operator",
            Self::Operator => "you operate seatgate, and nobody else could be asked",
        }
    }
}

/// Somebody who was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Asked {
    /// Who.
    pub person: PersonRef,
    /// Why they.
    pub why: Why,
    /// On which card.
    pub card: CardId,
}

impl Asked {
    /// Somebody to ask.
    #[must_use]
    pub fn new(person: PersonRef, why: Why, card: CardId) -> Self {
        Self { person, why, card }
    }
}

/// A decision with everything that explains it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verdict {
    /// What was decided.
    pub decision: Decision,
    /// Who decided.
    pub by: Actor,
    /// Who handed it in, if somebody else did.
    pub submitted_by: Option<Actor>,
    /// By what right.
    pub relation: Relation,
    /// Through what.
    pub surface: Surface,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    pub reason: Option<TextRef>,
    /// Until when the seat is kept.
    pub keep_until: Option<Timestamp>,
    /// What the card in front of them said.
    pub seen: Option<TextRef>,
}

/// Where the machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Nobody has decided.
    Open,
    /// Removal was approved.
    Approved,
    /// The seat is kept.
    Kept,
    /// Time was up, and the policy closes.
    Lapsed,
    /// Withdrawn before anybody decided, or undone after.
    Cancelled,
}

/// What can happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApprovalInput {
    /// Somebody who may, or the policy, approves removal.
    Approve,
    /// Somebody who may, or the policy, keeps the seat.
    Keep,
    /// Time is up, and the policy says close.
    Lapse,
    /// An operator withdraws the request.
    Withdraw,
    /// The approval is taken back.
    Undo,
}

impl ApprovalState {
    /// The table of this machine: every pair is a next state or a named refusal.
    ///
    /// # Errors
    /// The refusal.
    pub fn next(self, input: ApprovalInput) -> Result<Self, Refusal> {
        use ApprovalInput as In;
        match (self, input) {
            (Self::Open, In::Approve) => Ok(Self::Approved),
            (Self::Open, In::Keep) => Ok(Self::Kept),
            (Self::Open, In::Lapse) => Ok(Self::Lapsed),
            (Self::Open, In::Withdraw) => Ok(Self::Cancelled),
            (Self::Open, In::Undo) => Err(Refusal::NothingToUndo),
            (Self::Approved, In::Withdraw | In::Undo) => Ok(Self::Cancelled),
            (Self::Kept, In::Withdraw | In::Undo) => Err(Refusal::AlreadyKept),
            (Self::Approved | Self::Kept, In::Approve | In::Keep | In::Lapse) => Err(Refusal::AlreadyDecided),
            (Self::Lapsed | Self::Cancelled, _) => Err(Refusal::Closed),
        }
    }
}

/// The machine with its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Approval {
    /// Where it stands.
    pub state: ApprovalState,
    /// Everybody who was asked.
    pub asked: Vec<Asked>,
    /// The decision, once there is one; it stays after an undo.
    pub verdict: Option<Verdict>,
}

impl Approval {
    /// A machine that waits for one of `asked`.
    #[must_use]
    pub fn new(asked: Vec<Asked>) -> Self {
        Self { state: ApprovalState::Open, asked, verdict: None }
    }

    /// Who decided, if a person did.
    #[must_use]
    pub fn decider(&self) -> Option<PersonRef> {
        self.verdict.as_ref().and_then(|verdict| verdict.by.person())
    }

    /// Whether `person` was asked.
    #[must_use]
    pub fn asks(&self, person: PersonRef) -> bool {
        self.asked.iter().any(|asked| asked.person == person)
    }
}
