//! A load balancer of the smallest kind: in turn, among the servers that take calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::watch;

use crate::house::Door;

/// Where servers can be asked now. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Doors {
    open: Arc<watch::Sender<Vec<Option<Arc<Door>>>>>,
    turn: Arc<AtomicUsize>,
}

impl Doors {
    /// From now on the server in this slot takes calls, or none.
    pub(crate) fn set(&self, slot: usize, door: Option<Door>) {
        self.open.send_modify(|doors| {
            doors.resize(doors.len().max(slot + 1), None);
            doors[slot] = door.map(Arc::new);
        });
    }

    /// The next one, once there is one. Held for as long as it is used.
    pub(crate) async fn next(&self) -> Arc<Door> {
        let mut open = self.open.subscribe();
        let doors = open.wait_for(|doors| doors.iter().any(Option::is_some)).await.unwrap();
        let open: Vec<&Arc<Door>> = doors.iter().flatten().collect();
        open[self.turn.fetch_add(1, Ordering::Relaxed) % open.len()].clone()
    }

    /// Those that take calls, by their slots.
    pub(crate) fn open(&self) -> Vec<(usize, Arc<Door>)> {
        let doors = self.open.borrow();
        doors.iter().enumerate().filter_map(|(slot, door)| Some((slot, door.clone()?))).collect()
    }

    /// Whoever uses the door in this slot.
    pub(crate) fn users(&self, slot: usize) -> Weak<Door> {
        self.open.borrow()[slot].as_ref().map(Arc::downgrade).unwrap_or_default()
    }

    /// Waits until the server in this slot gets no new calls.
    pub(crate) async fn closed(&self, slot: usize) {
        self.open.subscribe().wait_for(|doors| doors[slot].is_none()).await.unwrap();
    }
}
