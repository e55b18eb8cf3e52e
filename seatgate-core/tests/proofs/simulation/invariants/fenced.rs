//! Nobody settles what somebody else has taken over, and nobody is given what somebody else still works on.

use std::collections::BTreeMap;
use std::time::Duration;

use seatgate_core::agenda::{AgendaChange, Claim};
use seatgate_core::port::Clock;
use seatgate_core::time::Timestamp;

use super::{Invariant, Judgement, holds};
use crate::simulation::seen::Seen;
use crate::simulation::world::World;

#[derive(Default)]
pub struct Fenced {
    /// The last token of each item, and until when it is surely leased under it.
    items: BTreeMap<String, (u64, Option<Timestamp>)>,
}

impl Fenced {
    fn lease(&mut self, key: &str, time: Duration, world: &World) {
        let until = world.stage.lease_clock.now().saturating_add(time);
        self.items.entry(key.to_owned()).or_default().1 = Some(until);
    }

    fn end_lease(&mut self, key: &str) {
        self.items.entry(key.to_owned()).or_default().1 = None;
    }
}

impl Invariant for Fenced {
    fn see(&mut self, seen: &Seen, world: &World) -> Judgement {
        match seen {
            Seen::Claimed { key, token } => {
                let (before, leased) = self.items.get(key).copied().unwrap_or_default();
                holds(*token > before, || format!("{key} was claimed under {token} after {before}"))?;
                let now = world.stage.lease_clock.now();
                let free = leased.is_none_or(|until| until <= now);
                holds(free, || format!("{key} was claimed under a lease until {leased:?}"))?;
                self.items.insert(key.clone(), (*token, None));
                self.lease(key, Claim::LEASE, world);
            }
            Seen::Settled { key, token } => {
                let latest = self.items.get(key).map(|(token, _)| *token);
                holds(latest == Some(*token), || format!("{key} was settled under {token}, not {latest:?}"))?;
                self.end_lease(key);
            }
            Seen::Committed { change, .. } => {
                if let Some(fence) = &change.fence {
                    let latest = self.items.get(&fence.item.key()).map(|(token, _)| *token);
                    let (key, token) = (fence.item.key(), fence.token);
                    holds(latest == Some(token), || format!("a change under {token} of {key}, not {latest:?}"))?;
                }
                for edit in &change.agenda {
                    match edit {
                        AgendaChange::Schedule { item, .. } if item.coalesces() => {}
                        AgendaChange::Schedule { item, .. }
                        | AgendaChange::Remove(item)
                        | AgendaChange::Settle { item, .. } => self.end_lease(&item.key()),
                        AgendaChange::Hold { item, lease } => self.lease(&item.key(), *lease, world),
                        _ => return Err("an edit that this does not know".to_owned()),
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
