//! Following what the directory knows, and noting what it was not asked yet.

use std::collections::BTreeSet;

use super::{Concerned, Known, Missing, Reach, Routed, Step, Turn};
use crate::id::PersonRef;
use crate::port::DirectoryEntry;
use crate::request::{Asked, Why};
use crate::time::Timestamp;

/// Who is asked where the managers are not enough, in this order.
const GROUPS: [Why; 3] = [Why::Owner, Why::Fallback, Why::Operator];

/// The most managers that are followed upwards. Real hierarchies are far below.
const HIGHEST: usize = 32;

/// Looks for people to ask. Somebody of whom nothing is known yet is taken for one who can be asked, and missed.
pub(super) struct Finder<'a> {
    concerned: &'a Concerned,
    known: &'a Known,
    now: Timestamp,
    /// What the directory must still be asked.
    pub(super) missing: Missing,
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
    pub(super) fn new(concerned: &'a Concerned, known: &'a Known, now: Timestamp) -> Self {
        Self { concerned, known, now, missing: Missing::default(), detours: Vec::new() }
    }

    /// What is known of somebody.
    pub(super) fn entry(&mut self, person: PersonRef) -> DirectoryEntry {
        let found = self.known.entries.get(&person).cloned();
        if found.is_none() {
            self.missing.people.insert(person);
        }
        found.unwrap_or_else(|| DirectoryEntry::unknown(person))
    }

    /// Managers upwards until there are enough, then one group after the other.
    pub(super) fn approvers(&mut self) -> Vec<Routed> {
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

    /// The next manager above, else the next group that has somebody new.
    pub(super) fn escalation(&mut self, asked: &[Asked]) -> Vec<Routed> {
        let skipped: Vec<PersonRef> = asked.iter().flat_map(|asked| [asked.person, asked.principal()]).collect();
        let above = self.managers(1, &skipped);
        if !above.is_empty() {
            return above;
        }
        GROUPS.iter().map(|role| self.group(*role, &skipped)).find(|new| !new.is_empty()).unwrap_or_default()
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

    /// Those on the way up who can be asked, until there are so many who can decide; whoever is among `skipped` is passed.
    fn managers(&mut self, wanted: usize, skipped: &[PersonRef]) -> Vec<Routed> {
        let (mut route, mut met, mut role) = (Vec::new(), BTreeSet::new(), Why::Manager);
        let mut next = self.first_manager();
        while let Some(person) = next.filter(|_| self.deciders(&route) < wanted) {
            if !met.insert(person) {
                self.detours.push(Step { person, role, turn: Turn::Cycle });
                break;
            }
            if !skipped.contains(&person) {
                self.extend(&mut route, person, role, skipped);
            }
            next = self.entry(person).manager.filter(|_| met.len() < HIGHEST);
            role = Why::NextManager;
        }
        route
    }

    /// Whom the report names, else the directory.
    fn first_manager(&mut self) -> Option<PersonRef> {
        let reported = self.concerned.manager;
        reported.or_else(|| self.concerned.holder.and_then(|holder| self.entry(holder).manager))
    }

    /// Everybody of a group who can be asked and decide, but for those who are asked in any case.
    fn group(&mut self, role: Why, skipped: &[PersonRef]) -> Vec<Routed> {
        let mut route = Vec::new();
        for person in self.members(role) {
            if !skipped.contains(&person) && Some(person) != self.concerned.holder {
                self.extend(&mut route, person, role, skipped);
            }
        }
        route
    }

    /// Meets somebody, and adds whoever is asked for it: nobody twice, and nobody who is among `skipped`.
    fn extend(&mut self, route: &mut Vec<Routed>, person: PersonRef, role: Why, skipped: &[PersonRef]) {
        let is_new = |routed: &Routed| {
            !skipped.contains(&routed.person) && route.iter().all(|other| other.person != routed.person)
        };
        let new = self.meet(person, role).filter(is_new);
        route.extend(new);
    }

    /// Meets somebody on the way: whether, and how, they are asked. A manager who holds the seat is asked, too: they may
    /// give it up.
    pub(super) fn meet(&mut self, person: PersonRef, role: Why) -> Option<Routed> {
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
                Some(standing_in(other, until, self.detours.clone(), person, role))
            }
            Way::Not(turn) => {
                self.detours.push(step(turn));
                None
            }
        }
    }

    /// How somebody can be asked. A stand-in who cannot be asked, or who holds the seat, stands in for nobody.
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

    /// How one of `all` who were asked is reached now.
    pub(super) fn reach(&mut self, all: &[Asked], asked: &Asked) -> Reach {
        let principal = asked.principal();
        let way = self.way(principal);
        let is_asked = |person| person == asked.person || all.iter().any(|one| one.is_active() && one.person == person);
        match way {
            // Nobody stands in for the holder.
            _ if asked.why == Why::Holder => Reach::Same,
            Way::StandIn { person, .. } if is_asked(person) => Reach::Same,
            Way::StandIn { person, until } => {
                Reach::Through(standing_in(person, until, Vec::new(), principal, asked.why))
            }
            // Whoever is only away keeps the card that they have.
            Way::Not(Turn::Away) | Way::Themselves if asked.on_behalf_of.is_none() => Reach::Same,
            Way::Not(Turn::Away) | Way::Themselves => {
                let first = all.iter().find(|one| one.person == principal);
                Reach::Through(Routed::new(principal, first.map_or(Why::Manager, |first| first.why)))
            }
            Way::Not(_) => Reach::Gone,
        }
    }
}

/// `person`, who stands in for `principal`, who was met in that `role` after those `detours`.
fn standing_in(
    person: PersonRef,
    until: Option<Timestamp>,
    detours: Vec<Step>,
    principal: PersonRef,
    role: Why,
) -> Routed {
    let stood_in_for = Step { person: principal, role, turn: Turn::StoodInFor };
    let asked = Step { person, role: Why::Delegate, turn: Turn::Asked };
    let path = detours.into_iter().chain([stood_in_for, asked]).collect();
    Routed { person, why: Why::Delegate, on_behalf_of: Some(principal), until, path }
}

fn principals(route: &[Routed]) -> Vec<PersonRef> {
    route.iter().flat_map(|routed| [routed.person, routed.principal()]).collect()
}
