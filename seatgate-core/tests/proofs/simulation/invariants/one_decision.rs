//! Exactly one decision a request, and one end.

use std::collections::BTreeMap;

use seatgate_core::id::RequestId;
use seatgate_core::request::Event;
use seatgate_core::trail::Stream;

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::Seen;
use crate::simulation::world::World;

#[derive(Default)]
pub struct OneDecision {
    /// How many decisions and ends each has.
    counted: BTreeMap<RequestId, (u32, u32)>,
}

impl Invariant for OneDecision {
    fn see(&mut self, seen: &Seen, _: &World) -> Judgement {
        let Seen::Committed { change, facts, .. } = seen else { return Ok(()) };
        let Stream::Request(id) = change.stream else { return Ok(()) };
        let (decisions, ends) = self.counted.entry(id).or_default();
        for fact in facts {
            *decisions += u32::from(matches!(fact.event, Event::Decided { .. }));
            *ends += u32::from(matches!(fact.event, Event::Closed { .. }));
        }
        holds(*decisions <= 1, || format!("{id} was decided {decisions} times"))?;
        holds(*ends <= 1, || format!("{id} ended {ends} times"))
    }
}
