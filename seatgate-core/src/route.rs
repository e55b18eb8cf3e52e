//! Who is asked about a seat: from what a directory knows to a list of people, each with the path that led to them.
//!
//! All of it is pure. What the directory knows is gathered in [`Known`] first: [`missing`] says about whom it must still
//! be asked, and is asked again until nobody is missing.
//!
//! The order is: whoever the report names as the holder's manager, else the directory's; while somebody cannot be asked
//! (they have left, are no human, are away without a stand-in, hold the seat, or were met before), their own manager.
//! Then the app's owners, the policy's fallback approvers, the operators; each only where fewer than the policy's quorum
//! could be asked so far. Whoever has a stand-in is asked through them.

mod finder;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::finder::Finder;
use crate::id::PersonRef;
use crate::label::labels;
use crate::policy::Terms;
use crate::port::DirectoryEntry;
use crate::request::{Asked, Request, Why};
use crate::seat::AppId;
use crate::time::Timestamp;

labels! {
    /// What became of somebody on the way to whoever is asked.
    #[non_exhaustive]
    Turn {
        /// They are asked.
        Asked = "asked",
        /// Somebody stands in for them, and is asked.
        StoodInFor = "stood_in_for",
        /// They are away, and nobody stands in for them.
        Away = "away",
        /// They have left, or may not sign in.
        Disabled = "disabled",
        /// They are no human.
        Bot = "bot",
        /// They hold the seat, and keeping it needs somebody else.
        Holder = "holder",
        /// They were met before: the managers form a circle.
        Cycle = "cycle",
    }
}

/// One step on the way to whoever is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Step {
    /// Who.
    pub person: PersonRef,
    /// In what role they were met.
    pub role: Why,
    /// What became of them.
    pub turn: Turn,
}

/// Somebody to ask, and the path that led to them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Routed {
    /// Who.
    pub person: PersonRef,
    /// Why they.
    pub why: Why,
    /// For whom they stand in.
    pub on_behalf_of: Option<PersonRef>,
    /// Until when they stand in.
    pub until: Option<Timestamp>,
    /// Everybody met on the way, they themselves last.
    pub path: Vec<Step>,
}

impl Routed {
    /// Somebody who is asked in their own right, without a detour.
    #[must_use]
    pub fn new(person: PersonRef, why: Why) -> Self {
        Self { person, why, on_behalf_of: None, until: None, path: Vec::new() }
    }

    /// Whose vote theirs is.
    #[must_use]
    pub fn principal(&self) -> PersonRef {
        self.on_behalf_of.unwrap_or(self.person)
    }
}

/// What is known when it is asked who is to be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// What the directory says of people. Whoever is not here is unknown to it.
    pub entries: BTreeMap<PersonRef, DirectoryEntry>,
    /// Who owns which app. An app that is not here has not been asked about.
    pub owners: BTreeMap<AppId, Vec<PersonRef>>,
    /// Who operates seatgate.
    pub operators: Vec<PersonRef>,
}

impl Known {
    /// Nothing known but who operates seatgate.
    #[must_use]
    pub fn new(operators: impl IntoIterator<Item = PersonRef>) -> Self {
        Self { operators: operators.into_iter().collect(), ..Self::default() }
    }

    /// Takes up what a directory answered.
    pub fn learn(&mut self, entries: impl IntoIterator<Item = DirectoryEntry>) {
        self.entries.extend(entries.into_iter().map(|entry| (entry.person, entry)));
    }

    /// When an answer changes by itself, after `now`: an absence or a delegation of somebody known begins or ends.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.entries.values().filter_map(|entry| entry.next_change(now)).min()
    }
}

/// Whom a seat concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Concerned {
    /// The app.
    pub app: Option<AppId>,
    /// Whoever the report names as the holder's manager.
    pub manager: Option<PersonRef>,
    /// Who holds the seat.
    pub holder: Option<PersonRef>,
    /// Whom the policy names for when nobody else can be asked.
    pub fallbacks: Vec<PersonRef>,
    /// How many must approve.
    pub quorum: usize,
    /// Whether the holder is asked before anybody else.
    pub holder_first: bool,
}

impl Concerned {
    /// A seat of `holder`, whose manager is said to be `manager`; one approval is enough.
    #[must_use]
    pub fn new(manager: Option<PersonRef>, holder: Option<PersonRef>, fallbacks: Vec<PersonRef>) -> Self {
        Self { app: None, manager, holder, fallbacks, quorum: 1, holder_first: false }
    }

    /// A seat in this app.
    #[must_use]
    pub fn in_app(mut self, app: Option<AppId>) -> Self {
        self.app = app;
        self
    }

    /// Where so many must approve.
    #[must_use]
    pub fn with_quorum(mut self, quorum: u32) -> Self {
        self.quorum = usize::try_from(quorum).unwrap_or(usize::MAX);
        self
    }

    /// Where these terms say how many must approve, and whether the holder is asked first.
    #[must_use]
    pub fn under(self, terms: &Terms) -> Self {
        Self { holder_first: terms.ask_holder_first, ..self.with_quorum(terms.quorum) }
    }

    /// The holder, where they come first.
    fn holder_first(&self) -> Option<PersonRef> {
        self.holder.filter(|_| self.holder_first)
    }

    /// Whom an open request concerns. Its holder was asked first, if they were to be.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let approval = &request.approval;
        Self::new(approval.manager, request.holder(), approval.fallbacks.clone())
            .in_app(request.seat().map(|seat| seat.app.id.clone()))
            .with_quorum(request.terms.quorum)
    }
}

/// Who is asked when a request opens: the holder alone, where they come first and can be asked; else the approvers.
#[must_use]
pub fn first_asked(concerned: &Concerned, known: &Known, now: Timestamp) -> Vec<Routed> {
    match concerned.holder_first().filter(|holder| is_reachable(*holder, known, now)) {
        Some(holder) => vec![Routed::new(holder, Why::Holder)],
        None => approvers(concerned, known, now),
    }
}

/// Who is asked, in order, each once. May be empty: then the request waits with whoever is or becomes an operator, and
/// its deadlines start at once. Never an approval.
#[must_use]
pub fn approvers(concerned: &Concerned, known: &Known, now: Timestamp) -> Vec<Routed> {
    Finder::new(concerned, known, now).approvers()
}

/// Who is asked beside those who were asked already, when nobody answers: the managers above them first, then the
/// owners, the fallback approvers, the operators. Each call finds the next of these groups that has somebody new; empty
/// when nobody is left.
#[must_use]
pub fn escalation(request: &Request, known: &Known, now: Timestamp) -> Vec<Routed> {
    let concerned = Concerned::of(request);
    Finder::new(&concerned, known, now).escalation(&request.approval.asked)
}

/// How somebody who was asked is reached now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// As before.
    Same,
    /// Through somebody else: a delegation has begun or ended.
    Through(Routed),
    /// Not any more.
    Gone,
}

/// How somebody who is being asked is reached now.
#[must_use]
pub fn reach(request: &Request, asked: &Asked, known: &Known, now: Timestamp) -> Reach {
    let concerned = Concerned::of(request);
    Finder::new(&concerned, known, now).reach(&request.approval.asked, asked)
}

/// Whether somebody can be asked themselves at `now`.
fn is_reachable(person: PersonRef, known: &Known, now: Timestamp) -> bool {
    known.entries.get(&person).is_none_or(|entry| entry.can_be_asked() && !entry.is_away(now))
}

/// How somebody is asked to whom it is handed; nothing, if they cannot be.
#[must_use]
pub fn handed_to(person: PersonRef, concerned: &Concerned, known: &Known, now: Timestamp) -> Option<Routed> {
    let mut finder = Finder::new(concerned, known, now);
    finder.meet(person, Why::Reassigned).filter(|routed| Some(routed.person) != concerned.holder)
}

/// What the directory has not been asked yet, and must be for the answers above.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// About these people.
    pub people: BTreeSet<PersonRef>,
    /// About the owners of these apps.
    pub owners: BTreeSet<AppId>,
}

impl Missing {
    /// Whether everything is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people.is_empty() && self.owners.is_empty()
    }

    /// Both together.
    pub fn join(&mut self, other: Self) {
        self.people.extend(other.people);
        self.owners.extend(other.owners);
    }
}

/// What must still be known to say who is asked about what concerns these people, how those are reached who are asked
/// already, and whether it can be handed to `other`.
#[must_use]
pub fn missing(
    concerned: &Concerned,
    asked: &[Asked],
    other: Option<PersonRef>,
    known: &Known,
    now: Timestamp,
) -> Missing {
    let mut finder = Finder::new(concerned, known, now);
    finder.approvers();
    if let Some(holder) = concerned.holder_first() {
        finder.entry(holder);
    }
    if let Some(person) = other {
        finder.meet(person, Why::Reassigned);
    }
    if asked.is_empty() {
        return finder.missing;
    }
    finder.escalation(asked);
    for one in asked.iter().filter(|asked| asked.is_active()) {
        finder.reach(asked, one);
    }
    finder.missing
}
