//! One delivery of a sweep at a time: each counts against the limits what those before it have asked.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::SweepId;

/// Whose turn it is in each sweep that is being worked off. It holds for one process: deliveries of one sweep that reach
/// two servers at once may each use the room that they saw.
#[derive(Debug, Default)]
pub(in crate::gate) struct Turns(Mutex<BTreeMap<SweepId, Holder>>);

/// A delivery, by its first row, and how many are working on it: the same one may come twice at once.
#[derive(Debug)]
struct Holder {
    first_row: u32,
    workers: usize,
}

/// A turn, until it is dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    sweep: SweepId,
}

impl Turns {
    /// The turn of the delivery whose first row this is, unless it is another's.
    pub(super) fn take(&self, sweep: SweepId, first_row: u32) -> Option<Turn<'_>> {
        let mut held = self.held();
        let holder = held.entry(sweep).or_insert(Holder { first_row, workers: 0 });
        let ours = holder.first_row == first_row;
        holder.workers += usize::from(ours);
        ours.then(|| Turn { turns: self, sweep })
    }

    /// Whatever panicked elsewhere has left a whole map.
    fn held(&self) -> MutexGuard<'_, BTreeMap<SweepId, Holder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut held = self.turns.held();
        if let Some(holder) = held.get_mut(&self.sweep) {
            holder.workers -= 1;
            if holder.workers == 0 {
                held.remove(&self.sweep);
            }
        }
    }
}
