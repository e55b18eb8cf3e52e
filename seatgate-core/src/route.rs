//! Who is asked about a seat: from what a directory knows to a list of people, each with the path that led to them.
//!
//! All of it is pure. What the directory knows is gathered in [`Known`] first: [`missing`] says about whom it must still
//! be asked, and is asked again until nobody is missing.
//!
//! The order is: whoever the report names as the holder's manager, else the directory's; while somebody cannot be asked
//! (they have left, are no human, are away without a stand-in, hold the seat, or were met before), their own manager.
//! Then the app's owners, the policy's fallback approvers, the operators; each only where fewer than the policy's quorum
//! could be asked so far. Whoever has a stand-in is asked through them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

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

/// Who is asked where the managers are not enough, in this order.
const GROUPS: [Why; 3] = [Why::Owner, Why::Fallback, Why::Operator];

/// The most managers that are followed upwards. Real hierarchies are far below.
const HIGHEST: usize = 32;

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

struct Finder<'a> {
    concerned: &'a Concerned,
    known: &'a Known,
    now: Timestamp,
    missing: Missing,
    /// Those met so far who are not asked, or not themselves: they explain whoever comes after them.
    detours: Vec<Step>,
}

/// How a person can be asked.
enum Way {
    Themselves,
    StandIn { person: PersonRef, until: Option<Timestamp> },
    Not(Turn),
}

impl<'a> Finder<'a> {
    fn new(concerned: &'a Concerned, known: &'a Known, now: Timestamp) -> Self {
        Self { concerned, known, now, missing: Missing::default(), detours: Vec::new() }
    }

    fn entry(&mut self, person: PersonRef) -> DirectoryEntry {
        let found = self.known.entries.get(&person).cloned();
        if found.is_none() {
            self.missing.people.insert(person);
        }
        found.unwrap_or_else(|| DirectoryEntry::unknown(person))
    }

    fn approvers(&mut self) -> Vec<Routed> {
        let quorum = self.concerned.quorum;
        let mut route = self.managers(quorum, &[]);
        for role in GROUPS {
            if self.deciders(&route) < quorum {
                let others = self.group(role, &principals(&route));
                route.extend(others);
            }
        }
        route
    }

    fn escalation(&mut self, asked: &[Asked]) -> Vec<Routed> {
        let known: Vec<PersonRef> = asked.iter().flat_map(|asked| [asked.person, asked.principal()]).collect();
        let above = self.managers(1, &known);
        if !above.is_empty() {
            return above;
        }
        GROUPS.iter().map(|role| self.group(*role, &known)).find(|new| !new.is_empty()).unwrap_or_default()
    }

    fn members(&mut self, role: Why) -> Vec<PersonRef> {
        match role {
            Why::Owner => self.owners(),
            Why::Fallback => self.concerned.fallbacks.clone(),
            _ => self.known.operators.clone(),
        }
    }

    fn owners(&mut self) -> Vec<PersonRef> {
        let Some(app) = &self.concerned.app else { return Vec::new() };
        let found = self.known.owners.get(app).cloned();
        if found.is_none() {
            self.missing.owners.insert(app.clone());
        }
        found.unwrap_or_default()
    }

    /// How many of these can decide either way: keeping a seat needs somebody who does not hold it.
    fn deciders(&self, route: &[Routed]) -> usize {
        route.iter().filter(|routed| Some(routed.person) != self.concerned.holder).count()
    }

    /// Those on the way up who can be asked, until there are so many; whoever is among `skipped` is passed.
    fn managers(&mut self, wanted: usize, skipped: &[PersonRef]) -> Vec<Routed> {
        let reported = self.concerned.manager;
        let mut next = reported.or_else(|| self.concerned.holder.and_then(|holder| self.entry(holder).manager));
        let (mut route, mut met, mut role): (Vec<Routed>, _, _) = (Vec::new(), BTreeSet::new(), Why::Manager);
        while let Some(person) = next.filter(|_| self.deciders(&route) < wanted) {
            if !met.insert(person) {
                self.detours.push(Step { person, role, turn: Turn::Cycle });
                break;
            }
            if !skipped.contains(&person) {
                let routed = self.meet(person, role);
                let is_new = |routed: &Routed| {
                    !skipped.contains(&routed.person) && route.iter().all(|other| other.person != routed.person)
                };
                route.extend(routed.filter(is_new));
            }
            next = self.entry(person).manager.filter(|_| met.len() < HIGHEST);
            role = Why::NextManager;
        }
        route
    }

    /// Everybody of a group who can be asked and decide, but for those who are asked in any case.
    fn group(&mut self, role: Why, skipped: &[PersonRef]) -> Vec<Routed> {
        let mut route: Vec<Routed> = Vec::new();
        for person in self.members(role) {
            if skipped.contains(&person) || Some(person) == self.concerned.holder {
                continue;
            }
            let routed = self.meet(person, role);
            let is_new = |routed: &Routed| {
                !skipped.contains(&routed.person) && route.iter().all(|other| other.person != routed.person)
            };
            route.extend(routed.filter(is_new));
        }
        route
    }

    /// Meets somebody on the way: whether, and how, they are asked. A manager who holds the seat is asked, too: they may
    /// give it up.
    fn meet(&mut self, person: PersonRef, role: Why) -> Option<Routed> {
        let step = |turn| Step { person, role, turn };
        match self.way(person) {
            Way::Themselves => {
                let mut routed = Routed::new(person, role);
                if !self.detours.is_empty() {
                    routed.path.clone_from(&self.detours);
                    routed.path.push(step(Turn::Asked));
                }
                if Some(person) == self.concerned.holder {
                    self.detours.push(step(Turn::Holder));
                }
                Some(routed)
            }
            Way::StandIn { person: other, until } => {
                let mut path = self.detours.clone();
                path.extend([step(Turn::StoodInFor), Step { person: other, role: Why::Delegate, turn: Turn::Asked }]);
                Some(Routed { person: other, why: Why::Delegate, on_behalf_of: Some(person), until, path })
            }
            Way::Not(turn) => {
                self.detours.push(step(turn));
                None
            }
        }
    }

    /// A stand-in who cannot be asked, or who holds the seat, stands in for nobody.
    fn way(&mut self, person: PersonRef) -> Way {
        let entry = self.entry(person);
        if !entry.can_be_asked() {
            return Way::Not(if entry.disabled { Turn::Disabled } else { Turn::Bot });
        }
        match self.stand_in(&entry) {
            Some((person, until)) => Way::StandIn { person, until },
            None if entry.is_away(self.now) => Way::Not(Turn::Away),
            None => Way::Themselves,
        }
    }

    /// Whoever stands in for somebody at last, as a stand-in may have one, too; and until when.
    fn stand_in(&mut self, entry: &DirectoryEntry) -> Option<(PersonRef, Option<Timestamp>)> {
        let (mut met, mut last, mut until) = (BTreeSet::from([entry.person]), entry.clone(), None);
        while let Some(delegation) = last.delegation(self.now).cloned() {
            if !met.insert(delegation.to) {
                return None;
            }
            until = [until, delegation.period.ends_at].into_iter().flatten().min();
            last = self.entry(delegation.to);
        }
        let fits = last.person != entry.person && last.can_be_asked() && Some(last.person) != self.concerned.holder;
        (fits && !last.is_away(self.now)).then_some((last.person, until))
    }

    fn reach(&mut self, all: &[Asked], asked: &Asked) -> Reach {
        let principal = asked.principal();
        let back = || all.iter().find(|other| other.person == principal).map_or(Why::Manager, |first| first.why);
        match self.way(principal) {
            _ if asked.why == Why::Holder => Reach::Same,
            Way::StandIn { person, .. } if person == asked.person => Reach::Same,
            Way::StandIn { person, .. } if all.iter().any(|other| other.is_active() && other.person == person) => {
                Reach::Same
            }
            Way::StandIn { person, until } => {
                let steps = [(principal, asked.why, Turn::StoodInFor), (person, Why::Delegate, Turn::Asked)];
                let path = steps.map(|(person, role, turn)| Step { person, role, turn }).into();
                Reach::Through(Routed { person, why: Why::Delegate, on_behalf_of: Some(principal), until, path })
            }
            Way::Not(Turn::Away) | Way::Themselves if asked.on_behalf_of.is_none() => Reach::Same,
            Way::Not(Turn::Away) | Way::Themselves => Reach::Through(Routed::new(principal, back())),
            Way::Not(_) => Reach::Gone,
        }
    }
}

fn principals(route: &[Routed]) -> Vec<PersonRef> {
    route.iter().flat_map(|routed| [routed.person, routed.principal()]).collect()
}
