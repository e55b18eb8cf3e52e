//! A sweep in bulk asks nobody before its seal, asks about no row twice, and in the end answers every row.

use std::collections::BTreeSet;

use seatgate_core::id::SweepId;
use seatgate_core::port::RequestStore;
use seatgate_core::testing::block_on;
use seatgate_core::trail::Stream;

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::Seen;
use crate::simulation::server::Server;
use crate::simulation::world::World;

#[derive(Default)]
pub struct TakenIn {
    open: BTreeSet<SweepId>,
    sealed: BTreeSet<SweepId>,
    asked: BTreeSet<(SweepId, u32)>,
}

impl Invariant for TakenIn {
    fn see(&mut self, seen: &Seen, _: &World) -> Judgement {
        let Seen::Committed { change, .. } = seen else { return Ok(()) };
        self.open.extend(change.sweep.iter().filter(|sweep| sweep.bulk.is_some()).map(|sweep| sweep.id));
        if let Some(seal) = change.seal {
            let sweep = seal.sweep;
            holds(self.open.remove(&sweep), || format!("{sweep} is sealed twice, or was never open"))?;
            self.sealed.insert(sweep);
        }
        let opened =
            change.request.as_ref().filter(|_| matches!(change.stream, Stream::Request(_)) && change.expected == 0);
        let Some(origin) = opened.map(|request| &request.origin) else { return Ok(()) };
        // An offboarding comes from no sweep.
        let Some(sweep) = origin.sweep else { return Ok(()) };
        holds(!self.open.contains(&sweep), || format!("{sweep} asks before its seal"))?;
        let first = self.asked.insert((sweep, origin.row));
        holds(first, || format!("row {} of {sweep} is asked about twice", origin.row))
    }

    fn end(&mut self, world: &World, _: &[Server]) -> Judgement {
        for sweep in &self.sealed {
            let record = block_on(world.store.sweep(*sweep)).unwrap().unwrap();
            let answers = block_on(world.store.rows(*sweep, 0..u32::MAX)).unwrap();
            let all = answers.iter().map(|answer| answer.row).eq(0..record.rows);
            holds(all, || format!("of {} rows of {sweep} these are answered: {answers:?}", record.rows))?;
            let left = block_on(world.store.received(*sweep, 0, 1)).unwrap();
            holds(left.is_empty(), || format!("{sweep} still keeps what it received"))?;
        }
        Ok(())
    }
}
