//! A seat is asked about by one live request at a time. Where two accounts turn out to be one, the newer request loses the
//! seat: it ends, unless something has begun.

use std::collections::BTreeMap;

use seatgate_core::id::RequestId;
use seatgate_core::policy::Mode;
use seatgate_core::port::{RequestStore, SeatChange};
use seatgate_core::seat::Seat;
use seatgate_core::testing::block_on;
use seatgate_core::trail::Stream;

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::Seen;
use crate::simulation::server::Server;
use crate::simulation::world::World;

#[derive(Default)]
pub struct OneSeat {
    /// The open live requests that have their seat.
    open: BTreeMap<RequestId, Seat>,
}

fn taken_by(world: &World, seat: &Seat) -> Option<RequestId> {
    block_on(world.store.seats(std::slice::from_ref(seat))).unwrap()[0].open_request
}

impl Invariant for OneSeat {
    fn see(&mut self, seen: &Seen, world: &World) -> Judgement {
        let Seen::Committed { change, .. } = seen else { return Ok(()) };
        let (Stream::Request(id), Some(request)) = (change.stream, &change.request) else { return Ok(()) };
        let Some(seat) = request.seat() else { return Ok(()) };
        if let Some(SeatChange::Take { .. }) = change.seat {
            let other = self.open.iter().find(|(_, other)| other.key() == seat.key());
            holds(other.is_none(), || format!("{id} is about the same seat as {other:?}"))?;
            self.open.insert(id, seat.clone());
            let taken = taken_by(world, seat);
            holds(taken == Some(id), || format!("{id} took a seat that {taken:?} has"))?;
        }
        if request.outcome().is_some() {
            let taken = taken_by(world, seat);
            holds(taken != Some(id), || format!("{id} is over and has its seat"))?;
            self.open.retain(|other, seat| taken_by(world, seat) == Some(*other));
        }
        Ok(())
    }

    fn end(&mut self, world: &World, _: &[Server]) -> Judgement {
        for request in world.requests().iter().filter(|request| request.mode == Mode::Live) {
            let taken = request.seat().and_then(|seat| taken_by(world, seat));
            holds(taken.is_none(), || format!("{} still takes its seat", request.id))?;
        }
        Ok(())
    }
}
