//! No removal begins at a server that is not live. One that was being begun at the moment of the switch counts as begun.

use std::collections::BTreeMap;

use seatgate_core::request::Event;

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::Seen;
use crate::simulation::world::World;

#[derive(Default)]
pub struct StoppedByMode {
    /// Since when a server is not live.
    stopped: BTreeMap<usize, u64>,
}

impl Invariant for StoppedByMode {
    fn see(&mut self, seen: &Seen, _: &World) -> Judgement {
        match seen {
            Seen::ModeIs { server, live: true, .. } => {
                self.stopped.remove(server);
            }
            Seen::ModeIs { server, live: false, step } => {
                self.stopped.entry(*server).or_insert(*step);
            }
            Seen::Committed { change, facts, by } => {
                let Some(request) = &change.request else { return Ok(()) };
                let removal = |event: &Event| match event {
                    Event::Begun { task, .. } => {
                        let task = request.plan.task(*task);
                        task.is_some_and(|task| task.action.calls_target())
                    }
                    _ => false,
                };
                let begins = facts.iter().any(|fact| removal(&fact.event));
                let stopped = self.stopped.get(&by.server).is_some_and(|since| *since < by.since);
                holds(!begins || !stopped, || format!("a removal of {} began while switched off", request.id))?;
            }
            _ => {}
        }
        Ok(())
    }
}
