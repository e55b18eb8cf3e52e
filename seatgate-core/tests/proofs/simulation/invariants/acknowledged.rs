//! Committed means kept: whatever somebody was told is found again, at once and at the end. And nobody whose change is
//! kept hears that somebody else was first.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::gate::Ask;
use seatgate_core::id::{RequestId, SweepId};
use seatgate_core::person::Actor;
use seatgate_core::port::{RequestQueries, RequestStore, RowResult, RowStatus};
use seatgate_core::request::{EventKind, Fact};
use seatgate_core::testing::block_on;
use seatgate_core::trail::{Entry, Stream};

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::{Heard, Seen};
use crate::simulation::server::Server;
use crate::simulation::world::World;

#[derive(Default)]
pub struct Acknowledged {
    acts: Vec<(RequestId, &'static [EventKind], Actor)>,
    rows: BTreeMap<SweepId, BTreeMap<u32, RowResult>>,
    /// Which future has changed which request.
    changed: BTreeSet<(u64, RequestId)>,
}

/// What somebody's act comes to: one of these. Nothing, where it may find everything as it is wanted.
fn kinds(ask: &Ask) -> &'static [EventKind] {
    match ask {
        Ask::Approve => &[EventKind::Decided, EventKind::Voted, EventKind::HolderAnswered],
        Ask::Keep { .. } => &[EventKind::Decided, EventKind::HolderAnswered],
        Ask::Undo => &[EventKind::Undone],
        Ask::Withdraw => &[EventKind::Withdrawn],
        Ask::Stop => &[EventKind::StopAsked],
        Ask::Resolve { .. } => &[EventKind::Resolved],
        Ask::Reassign { .. } => &[EventKind::Routed],
        Ask::ApplyPolicy => &[],
        other => panic!("{other:?} is new: say what it comes to here"),
    }
}

impl Acknowledged {
    fn find_act(world: &World, (id, kinds, actor): &(RequestId, &[EventKind], Actor)) -> Judgement {
        let entries = block_on(world.store.trail(Stream::Request(*id))).unwrap();
        let facts: Vec<Fact> = entries.iter().filter_map(Entry::fact).collect();
        let found = facts.iter().any(|fact| kinds.contains(&fact.event.kind()) && fact.actor == *actor);
        holds(found || kinds.is_empty(), || format!("{actor} was told of {kinds:?} in {id}, and nothing of it is kept"))
    }

    fn find_rows(world: &World, sweep: SweepId, told: &BTreeMap<u32, RowResult>) -> Judgement {
        let kept = block_on(world.store.rows(sweep, 0..u32::MAX)).unwrap();
        let kept: BTreeMap<u32, RowResult> = kept.into_iter().map(|result| (result.row, result)).collect();
        for (row, told) in told {
            let found = kept.get(row);
            let released = told.status == RowStatus::Held && found.is_some();
            holds(released || found == Some(told), || format!("row {row} of {sweep}: told {told:?}, kept {found:?}"))?;
            if let Some(request) = told.request_id {
                let found = block_on(world.store.load(&[request])).unwrap().remove(0);
                holds(found.is_some(), || format!("{sweep} was told of {request}, which is not kept"))?;
            }
        }
        Ok(())
    }
}

impl Invariant for Acknowledged {
    fn see(&mut self, seen: &Seen, world: &World) -> Judgement {
        match seen {
            Seen::Committed { change, by, .. } => {
                if let Stream::Request(id) = change.stream {
                    self.changed.insert((by.task, id));
                }
                Ok(())
            }
            Seen::Heard { answer: Heard::Refused { request }, by } => {
                let own = self.changed.contains(&(by.task, *request));
                holds(!own, || format!("whoever changed {request} was told that it is too late for that"))
            }
            Seen::Heard { answer: Heard::Acted { ask, actor, after }, .. } => {
                let act = (after.id, kinds(ask), actor.clone());
                Self::find_act(world, &act)?;
                self.acts.push(act);
                Ok(())
            }
            Seen::Heard { answer: Heard::Swept { report, .. }, .. } => {
                let rows = report.results.iter().map(|result| (result.row, result.clone())).collect();
                Self::find_rows(world, report.sweep, &rows)?;
                self.rows.entry(report.sweep).or_default().extend(rows);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, world: &World, _: &[Server]) -> Judgement {
        self.acts.iter().try_for_each(|act| Self::find_act(world, act))?;
        self.rows.iter().try_for_each(|(sweep, rows)| Self::find_rows(world, *sweep, rows))
    }
}
