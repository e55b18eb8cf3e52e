//! Room for deliveries: so many bytes are taken in at a time, however many come.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// In KiB: eight deliveries of the largest size.
const ALL: usize = 64 * 1024;
/// Also a small delivery has a task, a connection and an answer.
const LEAST: usize = 64;

/// What deliveries share. Clones are the same.
#[derive(Clone)]
pub(crate) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALL)))
    }
}

impl Room {
    /// Room for a delivery of so many bytes until the permit is dropped. Nobody waits for it: whoever waits has a body in
    /// memory, too.
    pub(crate) fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let share = u32::try_from(bytes.div_ceil(1024).clamp(LEAST, ALL)).unwrap_or(u32::MAX);
        let full = |_| Problem::unavailable("too much is being taken in at a time; asking again is safe");
        self.0.clone().try_acquire_many_owned(share).map_err(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: usize = 8 * 1024 * 1024;

    #[test]
    fn large_deliveries_take_much_room_and_give_it_back() {
        let room = Room::default();
        let taken: Vec<_> = (0..8).map(|_| room.take(LARGEST).unwrap()).collect();
        assert_eq!(room.take(1).unwrap_err().status, 503);
        drop(taken);
        assert!(room.take(LARGEST).is_ok());
    }

    #[test]
    fn there_is_an_end_to_small_ones_too() {
        let room = Room::default();
        let taken: Vec<_> = std::iter::from_fn(|| room.take(1).ok()).collect();
        assert_eq!(taken.len(), ALL / LEAST);
    }
}
