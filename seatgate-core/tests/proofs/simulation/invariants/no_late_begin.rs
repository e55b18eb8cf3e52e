//! Nothing begins before its decision, and nothing after an undo, a withdrawal, a stop or the end. After a keep only the
//! filing begins, after an approval only the removal, once the grace period is over.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::id::{RequestId, TaskId};
use seatgate_core::request::{Decision, Event, Fact, TaskAction};
use seatgate_core::trail::Stream;

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::Seen;
use crate::simulation::world::World;

#[derive(Default)]
pub struct NoLateBegin {
    cases: BTreeMap<RequestId, Case>,
}

#[derive(Default)]
struct Case {
    decided: Option<Decision>,
    in_grace: bool,
    over: Option<&'static str>,
    removes: BTreeMap<TaskId, bool>,
    in_flight: BTreeSet<TaskId>,
}

impl Case {
    fn fact(&mut self, fact: &Fact) -> Judgement {
        match &fact.event {
            Event::Decided { decision, grace_until, tasks, .. } => {
                self.decided = Some(*decision);
                self.in_grace = grace_until.is_some();
                let removes = |action: &TaskAction| action.calls_target();
                self.removes.extend(tasks.iter().map(|task| (task.id, removes(&task.action))));
            }
            Event::GraceEnded => self.in_grace = false,
            Event::Undone { .. } | Event::Withdrawn { .. } | Event::StopAsked { .. } | Event::Expired => {
                self.over = Some(fact.event.kind().label());
            }
            Event::Closed { .. } => self.over = self.over.or(Some("closed")),
            Event::Begun { task, .. } => {
                let wanted = match self.removes.get(task) {
                    Some(true) => Some(Decision::Approve),
                    Some(false) => Some(Decision::Keep),
                    None => None,
                };
                holds(wanted.is_some() && self.decided == wanted, || format!("{task} began after {:?}", self.decided))?;
                holds(!self.in_grace, || format!("{task} began within the grace period"))?;
                holds(self.over.is_none(), || format!("{task} began after {:?}", self.over))?;
                holds(self.in_flight.insert(*task), || format!("{task} began beside itself"))?;
            }
            Event::AttemptEnded { task, .. } => drop(self.in_flight.remove(task)),
            _ => {}
        }
        Ok(())
    }
}

impl Invariant for NoLateBegin {
    fn see(&mut self, seen: &Seen, _: &World) -> Judgement {
        let Seen::Committed { change, facts, .. } = seen else { return Ok(()) };
        let Stream::Request(id) = change.stream else { return Ok(()) };
        let case = self.cases.entry(id).or_default();
        facts.iter().try_for_each(|fact| case.fact(fact))
    }
}
