//! Nobody is asked about a seat that an exception covers, from the moment its filing is kept, and so acknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use seatgate_core::id::ExceptionId;
use seatgate_core::port::{Exception, ExceptionStore, NamedSeat, SeatChange};
use seatgate_core::seat::AccountNames;
use seatgate_core::testing::block_on;
use seatgate_core::time::Timestamp;

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::{Heard, Seen};
use crate::simulation::server::Server;
use crate::simulation::world::World;

#[derive(Default)]
pub struct Excepted {
    acknowledged: BTreeMap<ExceptionId, Exception>,
    revoked: Vec<ExceptionId>,
}

impl Excepted {
    fn covers(world: &World, exception: &Exception, now: Timestamp) -> bool {
        let named = NamedSeat::new(exception.seat.clone(), AccountNames::new(None, None, None));
        block_on(world.store.active(&[named], now)).unwrap()[0].is_some()
    }
}

impl Invariant for Excepted {
    fn see(&mut self, seen: &Seen, world: &World) -> Judgement {
        match seen {
            Seen::Committed { change, .. } => {
                let (Some(SeatChange::Take { seat, .. }), Some(request)) = (&change.seat, &change.request) else {
                    return Ok(());
                };
                let named = NamedSeat::new(seat.clone(), AccountNames::new(None, None, None));
                let found = block_on(world.store.active(&[named], request.opened_at)).unwrap().remove(0);
                holds(found.is_none(), || format!("{} asks about what {found:?} covers", request.id))
            }
            Seen::Heard { answer: Heard::Filed(exception), .. } => {
                self.acknowledged.insert(exception.id, (**exception).clone());
                Ok(())
            }
            Seen::Revoked(id) => {
                self.revoked.push(*id);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What was acknowledged still covers its seat, until its end.
    fn end(&mut self, world: &World, _: &[Server]) -> Judgement {
        for exception in self.acknowledged.values().filter(|exception| !self.revoked.contains(&exception.id)) {
            let last = exception.until.saturating_sub(Duration::from_micros(1));
            let covers = Self::covers(world, exception, last);
            holds(covers, || format!("{} was acknowledged and covers nothing", exception.id))?;
        }
        Ok(())
    }
}
