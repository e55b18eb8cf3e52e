//! Nothing waits for ever: once mishaps are over and operators have answered what waits for them, every request has ended
//! and the agenda is empty.

use super::{Invariant, Judgement, holds};
use crate::simulation::server::Server;
use crate::simulation::world::World;

pub struct Settled;

impl Invariant for Settled {
    fn end(&mut self, world: &World, _: &[Server]) -> Judgement {
        for request in world.requests() {
            let ended = request.outcome().is_some();
            let states: Vec<_> = request.plan.tasks.iter().map(|task| task.state.label()).collect();
            holds(ended, || format!("{} is still {} with {states:?}", request.id, request.label()))?;
        }
        let left = world.agenda().items;
        holds(left == 0, || format!("{left} items are left on the agenda"))
    }
}
