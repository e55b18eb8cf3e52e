//! The one function that says who may, and its sibling for what concerns no request. Every surface asks them; nothing else
//! decides.

use std::collections::BTreeSet;

use crate::id::PersonRef;
use crate::label::labels;
use crate::person::{Actor, MatchedBy};
use crate::policy::{HolderRelease, Terms};
use crate::request::{ApprovalState, Command, Relation, Request, Stage, Why};
use crate::time::Timestamp;

labels! {
    /// What somebody wants to do.
    #[non_exhaustive]
    Action {
        /// Approve the removal.
        Approve = "approve",
        /// Keep the seat.
        Keep = "keep",
        /// Take an approval back.
        Undo = "undo",
        /// Ask somebody else instead.
        Reassign = "reassign",
        /// Put the request under another version of the policy.
        ApplyPolicy = "apply_policy",
        /// Withdraw the request.
        Withdraw = "withdraw",
        /// Stop the plan.
        Stop = "stop",
        /// Answer a pause.
        Resolve = "resolve",
    }
}

impl Action {
    /// The action a person's command asks for; nothing for the worker's own commands.
    #[must_use]
    pub fn of(command: &Command) -> Option<Self> {
        match command {
            Command::Approve { .. } => Some(Self::Approve),
            Command::Keep { .. } => Some(Self::Keep),
            Command::Undo { .. } => Some(Self::Undo),
            Command::Withdraw { .. } => Some(Self::Withdraw),
            Command::Reassign { .. } => Some(Self::Reassign),
            Command::ApplyPolicy { .. } => Some(Self::ApplyPolicy),
            Command::Stop { .. } => Some(Self::Stop),
            Command::Resolve { .. } => Some(Self::Resolve),
            Command::Wake
            | Command::ComeBack
            | Command::Begin { .. }
            | Command::Settle { .. }
            | Command::LoseLease { .. }
            | Command::Probed { .. }
            | Command::Observe { .. }
            | Command::Block { .. }
            | Command::Verify { .. } => None,
        }
    }
}

/// Who acts, with what backs them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// How they were recognised.
    pub matched_by: MatchedBy,
    /// Whether they bring an administrator's token: it counts as an operator, but never decides.
    pub admin: bool,
    /// Whether they give a reason.
    pub has_reason: bool,
}

impl Caller {
    /// Somebody without a token, recognised by what cannot change hands.
    #[must_use]
    pub fn new(actor: Actor, has_reason: bool) -> Self {
        Self { actor, matched_by: MatchedBy::Identity, admin: false, has_reason }
    }

    /// The same, recognised in this way.
    #[must_use]
    pub fn matched_by(mut self, matched_by: MatchedBy) -> Self {
        self.matched_by = matched_by;
        self
    }

    /// The same with an administrator's token.
    #[must_use]
    pub fn with_admin_token(mut self) -> Self {
        self.admin = true;
        self
    }
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// Nobody: a token, a part of the system.
    #[error("only a person can decide: say for whom")]
    Nobody,
    /// They were recognised by their e-mail address alone, and the policy is strict.
    #[error("the policy does not take an e-mail address for who somebody is")]
    WeakIdentity,
    /// They were not asked.
    #[error("you were not asked about this seat")]
    NotAsked,
    /// They were asked, and are no more: somebody else is, in their place.
    #[error("you are not asked about this seat any more: somebody else is")]
    Moved,
    /// It is their own seat, and keeping it needs somebody else.
    #[error("keeping your own seat needs somebody else")]
    OwnSeat,
    /// It is their own seat, and by the policy giving it up only informs the approver.
    #[error("giving up your own seat informs the approver, who decides")]
    HolderInforms,
    /// They uploaded the sweep that reported the seat.
    #[error("whoever uploaded a sweep cannot approve from it")]
    Sender,
    /// They are no operator.
    #[error("only an operator may do this")]
    NotOperator,
    /// An operator who was not asked needs a reason.
    #[error("an operator who was not asked needs a reason")]
    ReasonRequired,
}

impl Denial {
    /// Its label in the trail.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::WeakIdentity => "weak_identity",
            Self::NotAsked => "not_asked",
            Self::Moved => "moved",
            Self::OwnSeat => "own_seat",
            Self::HolderInforms => "holder_informs",
            Self::Sender => "sender",
            Self::NotOperator => "not_operator",
            Self::ReasonRequired => "reason_required",
        }
    }
}

/// Says by what right `caller` may do `action`, or why not. Deny by default; no operators means nobody.
///
/// The rule about one's own seat is asymmetric: giving it up is harmless, keeping it is the conflict of interest. `now`
/// says whether a delegation holds.
///
/// # Errors
/// Why not.
pub fn authorize(
    caller: &Caller,
    action: Action,
    request: &Request,
    operators: &BTreeSet<PersonRef>,
    now: Timestamp,
) -> Result<Relation, Denial> {
    recognised(caller, &request.terms)?;
    let judge = Judge { caller, request, operators, now };
    let person = caller.actor.person();
    match action {
        Action::Approve => judge.approve(person.ok_or(Denial::Nobody)?),
        Action::Keep => judge.keep(person.ok_or(Denial::Nobody)?),
        Action::Undo => judge.undo(person),
        Action::Reassign => judge.approver_or_operator(person),
        Action::Withdraw | Action::Stop | Action::Resolve | Action::ApplyPolicy => operator(caller, person, operators),
    }
}

/// Says by what right `caller` may do what is about no one request, such as releasing a sweep, filing an exception or
/// switching the mode: that is for operators. `terms` are those of the app it is about, or of every app.
///
/// # Errors
/// Why not.
pub fn authorize_operator(caller: &Caller, operators: &BTreeSet<PersonRef>, terms: &Terms) -> Result<Relation, Denial> {
    recognised(caller, terms)?;
    operator(caller, caller.actor.person(), operators)
}

/// An address can be given to somebody else: whoever has it now need not be who was meant.
fn recognised(caller: &Caller, terms: &Terms) -> Result<(), Denial> {
    let weak = terms.strict_identity && caller.matched_by == MatchedBy::Email;
    if weak { Err(Denial::WeakIdentity) } else { Ok(()) }
}

/// What every right follows from.
struct Judge<'a> {
    caller: &'a Caller,
    request: &'a Request,
    operators: &'a BTreeSet<PersonRef>,
    now: Timestamp,
}

impl Judge<'_> {
    fn approve(&self, person: PersonRef) -> Result<Relation, Denial> {
        let (request, terms) = (self.request, &self.request.terms);
        if request.origin.submitted_by == self.caller.actor && !terms.sender_may_approve {
            return Err(Denial::Sender);
        }
        let holds = request.holder() == Some(person);
        let suffices = terms.holder_release == HolderRelease::Suffices;
        if holds && self.is_asked_first() {
            return Ok(Relation::Holder);
        }
        match self.asked_or_operator(person) {
            Err(_) if holds && suffices => Ok(Relation::Holder),
            Err(Denial::NotAsked | Denial::Moved) if holds => Err(Denial::HolderInforms),
            answer => answer,
        }
    }

    /// A holder who is asked first says that they need the seat, which keeps nothing; anywhere else it needs somebody else.
    fn keep(&self, person: PersonRef) -> Result<Relation, Denial> {
        match self.request.holder() == Some(person) {
            true if self.is_asked_first() => Ok(Relation::Holder),
            true => Err(Denial::OwnSeat),
            false => self.asked_or_operator(person),
        }
    }

    /// Whether it is the holder's word that is waited for.
    fn is_asked_first(&self) -> bool {
        let approval = &self.request.approval;
        approval.state == ApprovalState::Open && approval.stage == Stage::Holder
    }

    fn asked_or_operator(&self, person: PersonRef) -> Result<Relation, Denial> {
        let approval = &self.request.approval;
        if approval.asks(person, self.now).is_some() {
            Ok(Relation::Approver)
        } else if !self.operators.contains(&person) {
            Err(if approval.has_left(person, self.now) { Denial::Moved } else { Denial::NotAsked })
        } else if self.caller.has_reason {
            Ok(Relation::Operator)
        } else {
            Err(Denial::ReasonRequired)
        }
    }

    fn undo(&self, person: Option<PersonRef>) -> Result<Relation, Denial> {
        match person {
            Some(person) if self.request.approval.decider() == Some(person) => Ok(Relation::Decider),
            person => self.approver_or_operator(person),
        }
    }

    /// Whoever is asked, but for the holder, who is asked first about their own.
    fn approver_or_operator(&self, person: Option<PersonRef>) -> Result<Relation, Denial> {
        let approval = &self.request.approval;
        let asked = |person: &PersonRef| approval.asks(*person, self.now).is_some_and(|asked| asked.why != Why::Holder);
        match person.filter(asked) {
            Some(_) => Ok(Relation::Approver),
            None => operator(self.caller, person, self.operators).map_err(|_| Denial::NotAsked),
        }
    }
}

fn operator(caller: &Caller, person: Option<PersonRef>, operators: &BTreeSet<PersonRef>) -> Result<Relation, Denial> {
    let named = person.is_some_and(|person| operators.contains(&person));
    if named || caller.admin { Ok(Relation::Operator) } else { Err(Denial::NotOperator) }
}
