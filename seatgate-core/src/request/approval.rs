//! The first machine: has the request been decided, and how.

use serde::{Deserialize, Serialize};

use crate::card::Card;
use crate::id::{CardId, PersonRef, RequestId};
use crate::label::labels;
use crate::person::{Actor, MatchedBy, Surface, TextRef};
use crate::request::Refusal;
use crate::route::{Routed, Step};
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
        /// They hold the seat, and the policy asks the holder first.
        Holder = "holder",
        /// The report, or the directory, names them as the holder's manager.
        Manager = "manager",
        /// They manage somebody on the way up who cannot be asked, or who has not answered.
        NextManager = "next_manager",
        /// They stand in for somebody who would be asked.
        Delegate = "delegate",
        /// They own the app.
        Owner = "owner",
        /// The policy names them, because no manager could be asked, or because the manager holds the seat.
        Fallback = "fallback",
        /// They operate seatgate, and nobody else could be asked.
        Operator = "operator",
        /// An offboarding needs a second operator.
        FourEyes = "four_eyes",
        /// Somebody who was asked, or an operator, named them in their place.
        Reassigned = "reassigned",
    }

    /// Why other people are asked than before.
    #[non_exhaustive]
    RouteCause {
        /// The holder was asked first, and has answered.
        HolderAnswered = "holder_answered",
        /// The holder was asked first, and has not answered in time.
        HolderSilent = "holder_silent",
        /// A delegation has begun or ended.
        Delegation = "delegation",
        /// Somebody who was asked has left, or may not sign in any more.
        Gone = "gone",
        /// Nobody has answered for a while: others are asked as well.
        Escalated = "escalated",
        /// Somebody handed it to somebody else.
        Reassigned = "reassigned",
    }

    /// Whose answer is waited for.
    Stage {
        /// The holder's, who is asked first.
        Holder = "holder",
        /// The approvers'.
        Approvers = "approvers",
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
            Self::Holder => "the seat is yours, and your word is asked first",
            Self::Manager => "you are named as the holder's manager",
            Self::NextManager => "you are next above a manager who cannot be asked, or who has not answered",
            Self::Delegate => "you stand in for somebody who would be asked",
            Self::Owner => "you own the app",
            Self::Fallback => "the policy names you for seats whose manager cannot decide alone",
            Self::FourEyes => "you operate seatgate, and an offboarding needs a second operator",
            Self::Operator => "you operate seatgate, and nobody else could be asked",
            Self::Reassigned => "it was handed to you",
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
    /// For whom they stand in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<PersonRef>,
    /// Until when they stand in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who was met on the way to them, they themselves last; empty where there was no detour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Step>,
    /// When, where that was after the request was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Who handed it to them, and with what words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_on: Option<HandedOn>,
    /// Whether they are asked no more: somebody else is, in their place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

/// How somebody was handed a question that others were asked before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HandedOn {
    /// By whom.
    pub by: Actor,
    /// Why, in their words.
    pub note: Option<TextRef>,
}

impl HandedOn {
    /// By `by`, with this note.
    #[must_use]
    pub fn new(by: Actor, note: Option<TextRef>) -> Self {
        Self { by, note }
    }
}

impl Asked {
    /// Somebody to ask.
    #[must_use]
    pub fn new(person: PersonRef, why: Why, card: CardId) -> Self {
        Self::routed(Routed::new(person, why), card)
    }

    /// Somebody to whom a path has led.
    #[must_use]
    pub fn routed(routed: Routed, card: CardId) -> Self {
        let Routed { person, why, on_behalf_of, until, path } = routed;
        Self { person, why, card, on_behalf_of, until, path, at: None, handed_on: None, left: false }
    }

    /// The card that asks them about `request`.
    pub(crate) fn card_about(&self, request: RequestId) -> Card {
        Card::asking(self.card, self.person, vec![request])
    }

    /// Whether they are being asked still.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.left
    }

    /// Whether they may answer at `now`: a delegation ends when it says.
    #[must_use]
    pub fn may_answer(&self, now: Timestamp) -> bool {
        self.is_active() && self.until.is_none_or(|until| now < until)
    }

    /// Whose vote theirs is.
    #[must_use]
    pub fn principal(&self) -> PersonRef {
        self.on_behalf_of.unwrap_or(self.person)
    }
}

/// One approval of several that the policy wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Vote {
    /// Who voted.
    pub by: Actor,
    /// Whose vote it is: a stand-in's is that of whom they stand in for.
    pub principal: PersonRef,
    /// Who handed it in, if somebody else did.
    pub submitted_by: Option<Actor>,
    /// By what right.
    pub relation: Relation,
    /// How they were recognised.
    #[serde(default = "MatchedBy::identity", skip_serializing_if = "MatchedBy::is_identity")]
    pub matched_by: MatchedBy,
    /// Through what.
    pub surface: Surface,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    pub reason: Option<TextRef>,
    /// What the card in front of them said.
    pub seen: Option<TextRef>,
}

/// What the holder said when they were asked first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HolderAnswer {
    /// *Keep*: they still need it. *Approve*: they release it.
    pub answer: Decision,
    /// Why, in their words.
    pub reason: Option<TextRef>,
    /// When.
    pub at: Timestamp,
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
    /// Whose answer is waited for.
    #[serde(default = "approvers", skip_serializing_if = "is_approvers")]
    pub stage: Stage,
    /// Everybody who was asked.
    pub asked: Vec<Asked>,
    /// Whoever the report names as the holder's manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<PersonRef>,
    /// Whom the policy names for when nobody else can be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<PersonRef>,
    /// Approvals so far, where the policy wants several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// What the holder said when they were asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_answer: Option<HolderAnswer>,
    /// Which reminder was due last, of those who are asked now.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reminded: u32,
    /// How often further people were asked because nobody answered.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub escalations: u32,
    /// Whether nobody was left to ask the last time: then it is not tried again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nobody_left: bool,
    /// The decision, once there is one; it stays after an undo.
    pub verdict: Option<Verdict>,
}

impl Approval {
    /// A machine that waits for one of `asked`.
    #[must_use]
    pub fn new(asked: Vec<Asked>) -> Self {
        let holder_first = asked.iter().any(|asked| asked.why == Why::Holder);
        Self {
            state: ApprovalState::Open,
            stage: if holder_first { Stage::Holder } else { Stage::Approvers },
            asked,
            manager: None,
            fallbacks: Vec::new(),
            votes: Vec::new(),
            holder_answer: None,
            reminded: 0,
            escalations: 0,
            nobody_left: false,
            verdict: None,
        }
    }

    /// Who decided, if a person did.
    #[must_use]
    pub fn decider(&self) -> Option<PersonRef> {
        self.verdict.as_ref().and_then(|verdict| verdict.by.person())
    }

    /// Those who are being asked now.
    pub fn active(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| asked.is_active())
    }

    /// How `person` is being asked, if they may answer at `now`; for themselves before anybody they stand in for.
    #[must_use]
    pub fn asks(&self, person: PersonRef, now: Timestamp) -> Option<&Asked> {
        let ours = self.asked.iter().filter(|asked| asked.person == person && asked.may_answer(now));
        ours.min_by_key(|asked| asked.on_behalf_of.is_some())
    }

    /// Whether this is something for `person` to answer, or was until it was decided: they are asked, and their approval is
    /// not in.
    #[must_use]
    pub fn waits_for(&self, person: PersonRef) -> bool {
        let open = self.state == ApprovalState::Open;
        self.active().any(|asked| asked.person == person) && !(open && self.has_voted(person))
    }

    /// Whether `person` was ever asked.
    #[must_use]
    pub fn was_asked(&self, person: PersonRef) -> bool {
        self.asked.iter().any(|asked| asked.person == person)
    }

    /// Whether `person` was asked and is no more.
    #[must_use]
    pub fn has_left(&self, person: PersonRef, now: Timestamp) -> bool {
        self.was_asked(person) && self.asks(person, now).is_none()
    }

    /// Whether the approval of `person`, or that of whom they stand in for, is in already.
    #[must_use]
    pub fn has_voted(&self, person: PersonRef) -> bool {
        self.votes.iter().any(|vote| vote.principal == person || vote.by.person() == Some(person))
    }

    /// Takes the place of those on these cards, or joins whoever is asked.
    pub(crate) fn reroute(&mut self, cause: RouteCause, left: &[CardId], asked: &[Asked], handed_on: &HandedOn) {
        for one in self.asked.iter_mut().filter(|asked| left.contains(&asked.card)) {
            one.left = true;
        }
        let stays = self.active().next().is_some();
        let handed_on = (cause == RouteCause::Reassigned).then_some(handed_on);
        self.asked.extend(asked.iter().map(|asked| Asked { handed_on: handed_on.cloned(), ..asked.clone() }));
        self.stage = Stage::Approvers;
        if cause == RouteCause::Escalated {
            self.escalations = self.escalations.saturating_add(1);
            self.nobody_left = asked.is_empty();
        } else if !stays {
            // The time to answer begins anew. Where somebody stays, it is theirs that runs on.
            (self.reminded, self.escalations, self.nobody_left) = (0, 0, false);
        }
    }
}

fn approvers() -> Stage {
    Stage::Approvers
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_approvers(stage: &Stage) -> bool {
    *stage == Stage::Approvers
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
