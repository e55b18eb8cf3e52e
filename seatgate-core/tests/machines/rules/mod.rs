//! The rules that a model check of the design found necessary, one named test each. Each, left out, gave a wrong result in
//! a short trace; so each test is that trace.

mod of_requests;
mod of_tasks;

use seatgate_core::agenda::{AgendaChange, Item, changes};
use seatgate_core::request::{Command, EventKind, ProbeAnswer, Request, Resolution, TargetFacts, Transition};

use crate::world::*;

/// Idempotent, reversible.
pub(crate) type Promises = (bool, bool);
pub(crate) const NOT_IDEMPOTENT: Promises = (false, true);
pub(crate) const IRREVERSIBLE: Promises = (true, false);

/// What somebody does in a world to a request as it is by then.
pub(crate) type Deed = fn(&World, &Request) -> Command;

pub(crate) fn world(target: Promises) -> World {
    World { target: TargetFacts::new(target.0, target.1), ..World::new() }
}

/// The state after `commands`, each made from the state before it, and each once the task is due.
pub(crate) fn follow(world: &mut World, request: Request, commands: &[Deed]) -> Request {
    commands.iter().fold(request, |request, command| {
        world.now = request.plan.tasks.first().and_then(|_| due(&request)).map_or(world.now, |due| due.max(world.now));
        world.then(&request, command(world, &request))
    })
}

pub(crate) fn kinds(transition: &Transition) -> Vec<EventKind> {
    transition.facts.iter().map(|fact| fact.event.kind()).collect()
}

pub(crate) const BEGIN: Deed = |_, request| begin(request);
pub(crate) const DONE: Deed = |_, request| settle(request, REMOVED);
pub(crate) const ACCEPTED: Deed = |_, request| settle(request, PENDING);
pub(crate) const FAIL: Deed = |_, request| settle(request, NOT_DONE);
pub(crate) const REJECT: Deed = |_, request| settle(request, REJECTED);
pub(crate) const TIME_OUT: Deed = |_, request| settle(request, UNKNOWN);
pub(crate) const VANISH: Deed = |_, request| lose_lease(request);
pub(crate) const HELD: Deed = |_, request| probed(request, ProbeAnswer::Held);
pub(crate) const UNSURE: Deed = |_, request| probed(request, ProbeAnswer::CannotTell);
pub(crate) const NOT_YET: Deed = |_, request| probed(request, ProbeAnswer::NotYet { check_after: None });
pub(crate) const RETRY: Deed = |world, request| resolve(world, request, Resolution::Retry);
pub(crate) const SKIP: Deed = |world, request| resolve(world, request, Resolution::Skip);
pub(crate) const HALT: Deed = |_, _| STOP;

/// What a change does to the items under which tasks are worked on.
pub(crate) fn performs(world: &World, before: Option<&Request>, after: &Request) -> Vec<AgendaChange> {
    let all = changes(before, after, Some(at(0)), "figma", world.now, &world.entropy);
    let about = |change: &AgendaChange| match change {
        AgendaChange::Schedule { item, .. } | AgendaChange::Remove(item) => matches!(item, Item::Perform { .. }),
        _ => false,
    };
    all.into_iter().filter(about).collect()
}
