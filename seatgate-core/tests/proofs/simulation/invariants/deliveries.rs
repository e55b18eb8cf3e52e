//! A delivery that comes again, also to another server and at the same time, is the same delivery: one sweep, and the
//! same answers.

use std::collections::BTreeMap;

use seatgate_core::gate::SweepReport;
use seatgate_core::port::{RowResult, RowStatus};

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::{Heard, Seen};
use crate::simulation::server::Server;
use crate::simulation::world::World;

#[derive(Default)]
pub struct Deliveries {
    answered: BTreeMap<String, SweepReport>,
}

fn same(before: &RowResult, now: &RowResult) -> bool {
    before == now || (before.row == now.row && [before.status, now.status].contains(&RowStatus::Held))
}

impl Invariant for Deliveries {
    fn see(&mut self, seen: &Seen, _: &World) -> Judgement {
        let Seen::Heard { answer: Heard::Swept { delivery: Some(delivery), report }, .. } = seen else {
            return Ok(());
        };
        let first = self.answered.entry(delivery.clone()).or_insert_with(|| report.clone());
        holds(first.sweep == report.sweep, || format!("{delivery} is {} and {}", first.sweep, report.sweep))?;
        let all = first.results.len() == report.results.len();
        let same = first.results.iter().zip(&report.results).all(|(before, now)| same(before, now));
        holds(all && same, || format!("{delivery} was answered {:?} and {:?}", first.results, report.results))
    }

    /// Whoever goes on sending is answered in the end.
    fn end(&mut self, world: &World, _: &[Server]) -> Judgement {
        for delivery in &world.known().deliveries {
            let id = delivery.id().unwrap_or_default();
            let answered = self.answered.contains_key(&id) || delivery.joins.is_some();
            holds(answered, || format!("{id} was never answered"))?;
        }
        Ok(())
    }
}
