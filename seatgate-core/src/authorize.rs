//! The one function that says who may, and its sibling for what concerns no request. Every surface asks them; nothing else
//! decides.

use std::collections::BTreeSet;

use crate::id::PersonRef;
use crate::label::labels;
use crate::person::{Actor, MatchedBy};
use crate::policy::{HolderRelease, Terms};
use crate::request::{Command, Relation, Request, Task};

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
            Command::Stop { .. } => Some(Self::Stop),
            Command::Resolve { .. } => Some(Self::Resolve),
            Command::Wake
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
    /// It is their own seat, and keeping it needs somebody else.
    #[error("keeping your own seat needs somebody else")]
    OwnSeat,
    /// It is their own seat, and by the policy giving it up only informs the approver.
    #[error("giving up your own seat informs the approver, who decides")]
    HolderInforms,
    /// They uploaded the sweep that reported the seat.
    #[error("whoever uploaded a sweep cannot approve from it")]
    Sender,
    /// It is about their own leaving.
    #[error("this is about your own offboarding")]
    OwnOffboarding,
    /// They asked for it, and it needs somebody else.
    #[error("you asked for this offboarding, and it needs a second operator")]
    OwnAsking,
    /// The task is for somebody else to do.
    #[error("this task is for somebody else")]
    NotAssignee,
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
            Self::OwnSeat => "own_seat",
            Self::HolderInforms => "holder_informs",
            Self::Sender => "sender",
            Self::OwnOffboarding => "own_offboarding",
            Self::OwnAsking => "own_asking",
            Self::NotAssignee => "not_assignee",
            Self::NotOperator => "not_operator",
            Self::ReasonRequired => "reason_required",
        }
    }
}

/// Says by what right `caller` may do `action`, or why not. Deny by default; no operators means nobody.
///
/// The rule about one's own seat is asymmetric: giving it up is harmless, keeping it is the conflict of interest.
///
/// # Errors
/// Why not.
pub fn authorize(
    caller: &Caller,
    action: Action,
    request: &Request,
    operators: &BTreeSet<PersonRef>,
) -> Result<Relation, Denial> {
    recognised(caller, &request.terms)?;
    let person = caller.actor.person();
    if request.offboarding.is_some() {
        return on_offboarding(caller, action, request, operators);
    }
    match action {
        Action::Approve => approve(caller, person.ok_or(Denial::Nobody)?, request, operators),
        Action::Keep => keep(caller, person.ok_or(Denial::Nobody)?, request, operators),
        Action::Undo => undo(caller, person, request, operators),
        Action::Withdraw | Action::Stop | Action::Resolve => operator(caller, person, operators),
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

/// Says by what right `caller` may start the offboarding of `leaver`, or, while that is not known yet, any at all. Where
/// four eyes are wanted, whoever asks must be a person, whom the other one can be told from.
///
/// # Errors
/// Why not.
pub fn authorize_offboarding(
    caller: &Caller,
    leaver: Option<PersonRef>,
    four_eyes: bool,
    operators: &BTreeSet<PersonRef>,
    terms: &Terms,
) -> Result<Relation, Denial> {
    let relation = authorize_operator(caller, operators, terms)?;
    match caller.actor.person() {
        Some(person) if leaver == Some(person) => Err(Denial::OwnOffboarding),
        None if four_eyes => Err(Denial::Nobody),
        _ => Ok(relation),
    }
}

/// Says by what right `caller` may say that `task` is done, which is for a person to do: its assignee, or an operator.
///
/// # Errors
/// Why not.
pub fn authorize_done(
    caller: &Caller,
    task: &Task,
    request: &Request,
    operators: &BTreeSet<PersonRef>,
) -> Result<Relation, Denial> {
    recognised(caller, &request.terms)?;
    let person = caller.actor.person();
    if person.is_some() && person == request.holder() {
        return Err(Denial::OwnOffboarding);
    }
    if person.is_some() && person == task.assignee() {
        return Ok(Relation::Assignee);
    }
    operator(caller, person, operators).map_err(|_| Denial::NotAssignee)
}

/// An offboarding is for operators, and never for whoever leaves; four eyes are those of two people.
fn on_offboarding(
    caller: &Caller,
    action: Action,
    request: &Request,
    operators: &BTreeSet<PersonRef>,
) -> Result<Relation, Denial> {
    let person = caller.actor.person();
    if person.is_some() && person == request.holder() {
        return Err(Denial::OwnOffboarding);
    }
    if matches!(action, Action::Approve | Action::Keep) {
        let person = person.ok_or(Denial::Nobody)?;
        if action == Action::Approve && request.origin.submitted_by.person() == Some(person) {
            return Err(Denial::OwnAsking);
        }
        // Having been asked is not enough: whoever is no operator any more decides nothing.
        return if operators.contains(&person) { Ok(Relation::Operator) } else { Err(Denial::NotOperator) };
    }
    operator(caller, person, operators)
}

/// An address can be given to somebody else: whoever has it now need not be who was meant.
fn recognised(caller: &Caller, terms: &Terms) -> Result<(), Denial> {
    let weak = terms.strict_identity && caller.matched_by == MatchedBy::Email;
    if weak { Err(Denial::WeakIdentity) } else { Ok(()) }
}

fn approve(
    caller: &Caller,
    person: PersonRef,
    request: &Request,
    operators: &BTreeSet<PersonRef>,
) -> Result<Relation, Denial> {
    if request.origin.submitted_by == caller.actor && !request.terms.sender_may_approve {
        return Err(Denial::Sender);
    }
    let holds = request.holder() == Some(person);
    let suffices = request.terms.holder_release == HolderRelease::Suffices;
    match asked_or_operator(caller, person, request, operators) {
        Err(_) if holds && suffices => Ok(Relation::Holder),
        Err(Denial::NotAsked) if holds => Err(Denial::HolderInforms),
        answer => answer,
    }
}

fn keep(
    caller: &Caller,
    person: PersonRef,
    request: &Request,
    operators: &BTreeSet<PersonRef>,
) -> Result<Relation, Denial> {
    if request.holder() == Some(person) {
        return Err(Denial::OwnSeat);
    }
    asked_or_operator(caller, person, request, operators)
}

fn asked_or_operator(
    caller: &Caller,
    person: PersonRef,
    request: &Request,
    operators: &BTreeSet<PersonRef>,
) -> Result<Relation, Denial> {
    if request.approval.asks(person) {
        Ok(Relation::Approver)
    } else if !operators.contains(&person) {
        Err(Denial::NotAsked)
    } else if caller.has_reason {
        Ok(Relation::Operator)
    } else {
        Err(Denial::ReasonRequired)
    }
}

fn undo(
    caller: &Caller,
    person: Option<PersonRef>,
    request: &Request,
    operators: &BTreeSet<PersonRef>,
) -> Result<Relation, Denial> {
    let decided_by = request.approval.verdict.as_ref().and_then(|verdict| verdict.by.person());
    if person.is_some() && decided_by == person {
        return Ok(Relation::Decider);
    }
    match person {
        Some(person) if request.approval.asks(person) => Ok(Relation::Approver),
        person => operator(caller, person, operators).map_err(|_| Denial::NotAsked),
    }
}

fn operator(caller: &Caller, person: Option<PersonRef>, operators: &BTreeSet<PersonRef>) -> Result<Relation, Denial> {
    let named = person.is_some_and(|person| operators.contains(&person));
    if named || caller.admin { Ok(Relation::Operator) } else { Err(Denial::NotOperator) }
}
