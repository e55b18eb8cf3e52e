//! Who is asked: only they vote and decide, a quorum is so many different people, an escalation replaces nobody, nobody is
//! asked on two live cards or reminded of the same twice.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::id::{PersonRef, RequestId};
use seatgate_core::policy::{HolderRelease, Terms};
use seatgate_core::request::{Asked as Asking, Decision, Event, Fact, Relation, RouteCause, Why};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::Stream;

use super::{Invariant, Judgement, holds};
use crate::simulation::reached::Reached;
use crate::simulation::seen::Seen;
use crate::simulation::world::World;

#[derive(Default)]
pub struct Asked {
    cases: BTreeMap<RequestId, Case>,
}

/// What the facts of one request say.
struct Case {
    terms: Terms,
    /// Whether it is an offboarding, which one other operator approves, whatever the policy says of seats.
    leaves: bool,
    holder: Option<PersonRef>,
    asked: Vec<Asking>,
    /// Whose approvals are in, and who gave them.
    votes: BTreeSet<(PersonRef, PersonRef)>,
    reminded: u32,
}

impl Case {
    /// Whose approval somebody's is at that time; nobody's, if they are not asked.
    fn say_of(&self, person: PersonRef, at: Timestamp) -> Option<PersonRef> {
        let ours = self.asked.iter().filter(|asked| asked.person == person && asked.may_answer(at));
        let ours = ours.filter(|asked| asked.why != Why::Holder);
        ours.map(Asking::principal).min_by_key(|principal| *principal != person)
    }

    fn fact(&mut self, fact: &Fact, world: &World) -> Judgement {
        match &fact.event {
            Event::Voted { principal, relation, .. } => self.voted(fact, *principal, *relation),
            Event::Decided { decision: Decision::Approve, relation, .. } => self.approved(fact, *relation, world),
            Event::Decided { decision: Decision::Keep, relation, .. } if *relation != Relation::Policy => {
                let person = fact.actor.person().ok_or("nobody kept")?;
                let may = *relation == Relation::Operator || self.say_of(person, fact.at).is_some();
                holds(may, || format!("{person} kept, and was not asked any more"))
            }
            Event::HolderAnswered { .. } => {
                let by_holder = fact.actor.person().is_some() && fact.actor.person() == self.holder;
                holds(by_holder, || "somebody spoke for the holder".to_owned())
            }
            Event::Routed { cause, left, asked, .. } => {
                self.asked.iter_mut().filter(|one| left.contains(&one.card)).for_each(|one| one.left = true);
                if self.asked.iter().all(|asked| asked.left) {
                    self.reminded = 0;
                }
                self.asked.extend(asked.iter().cloned());
                let adds = *cause != RouteCause::Escalated || left.is_empty();
                holds(adds, || "an escalation replaced somebody".to_owned())?;
                self.nobody_twice()
            }
            Event::Reminded { number } => {
                let most = u32::try_from(self.terms.remind_after.len()).unwrap_or(u32::MAX);
                let before = std::mem::replace(&mut self.reminded, *number);
                holds(before < *number && *number <= most, || format!("reminder {number} came after {before}"))
            }
            Event::PolicyApplied { terms, .. } => {
                self.terms = (**terms).clone();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn nobody_twice(&self) -> Judgement {
        let active: Vec<_> = self.asked.iter().filter(|asked| asked.is_active()).map(|asked| asked.person).collect();
        let people: BTreeSet<_> = active.iter().collect();
        holds(people.len() == active.len(), || format!("somebody is asked twice: {active:?}"))
    }

    fn voted(&mut self, fact: &Fact, principal: PersonRef, relation: Relation) -> Judgement {
        let person = fact.actor.person().ok_or("nobody voted")?;
        let say = self.say_of(person, fact.at).or((relation == Relation::Operator).then_some(person));
        holds(say == Some(principal), || format!("{person} voted for {principal}, and had the say of {say:?}"))?;
        let twice = self.votes.iter().any(|(whose, by)| *whose == principal || *by == person);
        holds(!twice, || format!("{person} or {principal} has voted before"))?;
        self.votes.insert((principal, person));
        Ok(())
    }

    fn approved(&self, fact: &Fact, relation: Relation, world: &World) -> Judgement {
        let Some(person) = fact.actor.person() else { return Ok(()) };
        if relation == Relation::Holder {
            let suffices = self.terms.holder_release == HolderRelease::Suffices && Some(person) == self.holder;
            return holds(suffices, || format!("{person} released what was not enough"));
        }
        let has_voted = self.votes.iter().any(|(_, by)| *by == person);
        let say = self.say_of(person, fact.at).or((relation == Relation::Operator).then_some(person));
        holds(say.is_some() || has_voted, || format!("{person} approved, and was not asked any more"))?;
        let mut people: BTreeSet<PersonRef> = self.votes.iter().map(|(principal, _)| *principal).collect();
        people.extend(say);
        let quorum = if self.leaves { 1 } else { self.terms.quorum };
        let wanted = usize::try_from(quorum).unwrap_or(usize::MAX);
        if people.len() > 1 {
            world.stage.meet(Reached::Quorum);
        }
        holds(people.len() >= wanted, || format!("{people:?} are too few, {wanted} are wanted"))
    }
}

impl Invariant for Asked {
    fn see(&mut self, seen: &Seen, world: &World) -> Judgement {
        let Seen::Committed { change, facts, .. } = seen else { return Ok(()) };
        let Stream::Request(id) = change.stream else { return Ok(()) };
        for fact in facts {
            if let Event::Opened(opening) = &fact.event {
                let holder = match &opening.subject {
                    seatgate_core::request::Subject::Seat(seat) => seat.holder,
                    _ => None,
                };
                let (terms, asked) = (opening.terms.clone(), opening.asked.clone());
                let leaves = matches!(opening.subject, seatgate_core::request::Subject::Person(_));
                let case = Case { terms, leaves, holder, asked, votes: BTreeSet::new(), reminded: 0 };
                case.nobody_twice()?;
                self.cases.insert(id, case);
            }
            let case = self.cases.get_mut(&id).ok_or("a fact before the opening")?;
            case.fact(fact, world).map_err(|why| format!("{id}: {why}"))?;
        }
        Ok(())
    }
}
