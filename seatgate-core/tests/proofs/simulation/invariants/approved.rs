//! No removal call without an approval by somebody who may: one call for each Begin that was committed before it.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::id::{PersonRef, RequestId, TaskId};
use seatgate_core::person::Actor;
use seatgate_core::policy::{HolderRelease, OnExpiry};
use seatgate_core::request::{Decision, Event, Fact, Opening, Subject, TaskAction, Why};
use seatgate_core::trail::Stream;

use super::{Invariant, Judgement, holds};
use crate::simulation::reached::Reached;
use crate::simulation::seen::Seen;
use crate::simulation::world::World;

#[derive(Default)]
pub struct Approved {
    openings: BTreeMap<RequestId, Box<Opening>>,
    /// Whose approval is one of several: the invariant `asked` judges those.
    voters: BTreeSet<(RequestId, PersonRef)>,
    removals: BTreeSet<TaskId>,
    /// Begins whose call was not made yet, by task, key and future.
    begun: BTreeSet<(TaskId, String, u64)>,
}

impl Approved {
    fn fact(&mut self, id: RequestId, fact: &Fact, task_of: u64, world: &World) -> Judgement {
        match &fact.event {
            Event::Opened(opening) => {
                self.openings.insert(id, opening.clone());
            }
            Event::Routed { asked, .. } => {
                let opening = self.openings.get_mut(&id).ok_or("a route before the opening")?;
                opening.asked.extend(asked.iter().cloned());
            }
            Event::PolicyApplied { terms, .. } => {
                let opening = self.openings.get_mut(&id).ok_or("a policy before the opening")?;
                opening.terms = (**terms).clone();
            }
            Event::Voted { .. } => self.voters.extend(fact.actor.person().map(|person| (id, person))),
            Event::Decided { decision, tasks, reason, .. } => {
                let opening = self.openings.get(&id).ok_or("a decision before the opening")?;
                let voted = fact.actor.person().is_some_and(|person| self.voters.contains(&(id, person)));
                if !voted || *decision == Decision::Keep {
                    may_decide(opening, *decision, &fact.actor, reason.is_some(), world)?;
                }
                if *decision == Decision::Approve {
                    let removal = |action: &TaskAction| action.calls_target();
                    self.removals.extend(tasks.iter().filter(|task| removal(&task.action)).map(|task| task.id));
                }
            }
            Event::Begun { task, key, .. } => {
                self.begun.insert((*task, key.clone(), task_of));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The rules of authority once more, told apart from those of the core.
fn may_decide(opening: &Opening, decision: Decision, actor: &Actor, has_reason: bool, world: &World) -> Judgement {
    let Subject::Seat(seat) = &opening.subject else { return may_offboard(opening, decision, actor, world) };
    let meet = |reached| world.stage.meet(reached);
    let person: PersonRef = match actor {
        Actor::Person(person) => *person,
        Actor::Policy => {
            let reclaims = opening.terms.on_expiry == OnExpiry::Reclaim && world.stage.features.reversible;
            meet(if decision == Decision::Approve { Reached::PolicyApproved } else { Reached::PolicyKept });
            return holds(decision == Decision::Keep || reclaims, || "the policy approved".to_owned());
        }
        other => return Err(format!("{other} decided")),
    };
    let asked = opening.asked.iter().any(|asked| asked.person == person && asked.why != Why::Holder);
    let operates = world.operates(actor) && has_reason;
    let releases = seat.holder == Some(person) && opening.terms.holder_release == HolderRelease::Suffices;
    match (asked, operates) {
        (false, true) => meet(Reached::OperatorDecided),
        (false, false) => meet(Reached::HolderReleased),
        _ => {}
    }
    let sends = opening.origin.submitted_by == *actor && !opening.terms.sender_may_approve;
    match decision {
        Decision::Approve => {
            holds(asked || operates || releases, || format!("{person} approved without being asked"))?;
            holds(!sends, || format!("{person} approved from a sweep of their own"))
        }
        Decision::Keep => {
            holds(asked || operates, || format!("{person} kept without being asked"))?;
            holds(seat.holder != Some(person), || format!("{person} kept a seat of their own"))
        }
    }
}

/// An offboarding is an operator's, or an administrator's, and never one's own. Where it takes four eyes, nobody decides but a
/// second operator; whoever asked for it may take it back.
fn may_offboard(opening: &Opening, decision: Decision, actor: &Actor, world: &World) -> Judgement {
    let four_eyes = opening.offboarding.as_ref().is_some_and(|offboarding| offboarding.four_eyes);
    let operates = world.operates(actor) || (matches!(actor, Actor::Token(_)) && !four_eyes);
    let own = matches!((&opening.subject, actor), (Subject::Person(leaver), Actor::Person(actor)) if leaver == actor);
    holds(operates && !own, || format!("{actor} decided an offboarding"))?;
    let second = opening.origin.submitted_by != *actor;
    match decision {
        Decision::Approve if four_eyes => {
            world.stage.meet(Reached::SecondOperatorApproved);
            holds(second, || format!("{actor} approved what they had asked for"))
        }
        Decision::Keep => {
            world.stage.meet(Reached::SecondOperatorDeclined);
            holds(four_eyes, || "an offboarding that needed nobody's approval was declined".to_owned())
        }
        Decision::Approve => holds(!second, || format!("{actor} approved somebody else's offboarding")),
    }
}

impl Invariant for Approved {
    fn see(&mut self, seen: &Seen, world: &World) -> Judgement {
        match seen {
            Seen::Committed { change, facts, by } => {
                let Stream::Request(id) = change.stream else { return Ok(()) };
                facts.iter().try_for_each(|fact| self.fact(id, fact, by.task, world))
            }
            Seen::Called { task, key, by, .. } => {
                holds(self.removals.contains(task), || format!("{key} was called for, and nobody approved it"))?;
                let begun = self.begun.remove(&(*task, key.clone(), by.task));
                holds(begun, || format!("{key} was called for without a Begin"))
            }
            _ => Ok(()),
        }
    }
}
