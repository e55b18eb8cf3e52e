use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::agenda::{Claim, Claims, Lane, Settlement};
use crate::card::{Card, CardEdit};
use crate::id::{CardId, RequestId, SweepId};
use crate::port::{
    Answer, Batch, Change, RequestStore, RowResult, SeatStatusRow, StoreError, StoreErrorKind, Stored, SweepRecord,
};
use crate::seat::Seat;
use crate::time::Timestamp;
use crate::trail::{Chain, Stream};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done.
    Before,
    /// All of it is done, and the reply is lost.
    After,
}

/// A store that fails at chosen calls, counted from 1 over all methods of [`RequestStore`].
#[derive(Debug)]
pub struct Faulty<T: ?Sized> {
    calls: AtomicU64,
    faults: Mutex<BTreeMap<u64, Fault>>,
    inner: Arc<T>,
}

impl<T: RequestStore + ?Sized> Faulty<T> {
    /// The store `inner`, which does not fail yet. Its other ports are reached through `inner` itself.
    #[must_use]
    pub fn new(inner: Arc<T>) -> Self {
        Self { calls: AtomicU64::new(0), faults: Mutex::default(), inner }
    }

    /// Fails at call `nth`.
    pub fn fail_at(&self, nth: u64, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).insert(nth, fault);
    }

    /// Fails at the next call.
    pub fn fail_next(&self, fault: Fault) {
        self.fail_at(self.calls() + 1, fault);
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Makes one call, unless it is to fail.
    async fn pass<O: Send>(&self, call: impl Future<Output = Result<O, StoreError>> + Send) -> Result<O, StoreError> {
        let nth = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).remove(&nth);
        if fault == Some(Fault::Before) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "a call that was told to fail"));
        }
        let answer = call.await;
        match fault {
            Some(_) => Err(StoreError::new(StoreErrorKind::Unknown, "a call whose reply was to be lost")),
            None => answer,
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: RequestStore + ?Sized> RequestStore for Faulty<T> {
    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError> {
        self.pass(self.inner.commit(changes)).await
    }

    async fn load(&self, ids: &[RequestId]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.pass(self.inner.load(ids)).await
    }

    async fn chain(&self, stream: Stream) -> Result<Chain, StoreError> {
        self.pass(self.inner.chain(stream)).await
    }

    async fn seats(&self, seats: &[Seat]) -> Result<Vec<SeatStatusRow>, StoreError> {
        self.pass(self.inner.seats(seats)).await
    }

    async fn cards(&self, ids: &[CardId]) -> Result<Vec<Option<Card>>, StoreError> {
        self.pass(self.inner.cards(ids)).await
    }

    async fn edit_card(&self, card: CardId, edit: CardEdit, now: Timestamp) -> Result<bool, StoreError> {
        self.pass(self.inner.edit_card(card, edit, now)).await
    }

    async fn sweep_of(&self, inbound: &str) -> Result<Option<SweepRecord>, StoreError> {
        self.pass(self.inner.sweep_of(inbound)).await
    }

    async fn sweep(&self, id: SweepId) -> Result<Option<SweepRecord>, StoreError> {
        self.pass(self.inner.sweep(id)).await
    }

    async fn rows(&self, sweep: SweepId, rows: Range<u32>) -> Result<Vec<RowResult>, StoreError> {
        self.pass(self.inner.rows(sweep, rows)).await
    }

    async fn receive(&self, batch: &Batch, rejected: &[RowResult]) -> Result<bool, StoreError> {
        self.pass(self.inner.receive(batch, rejected)).await
    }

    async fn received(&self, sweep: SweepId, from: u32, limit: usize) -> Result<Vec<Batch>, StoreError> {
        self.pass(self.inner.received(sweep, from, limit)).await
    }

    async fn forget(&self, sweep: SweepId, before: u32) -> Result<(), StoreError> {
        self.pass(self.inner.forget(sweep, before)).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        self.pass(self.inner.claim(claim)).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        self.pass(self.inner.settle(settlements)).await
    }

    async fn lane_failures(&self, lane: &Lane) -> Result<u32, StoreError> {
        self.pass(self.inner.lane_failures(lane)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use crate::testing::{ManualClock, World, block_on};

    #[test]
    fn it_fails_where_it_was_told_to_and_only_there() {
        let world = World::new(1);
        let store = Faulty::new(Arc::new(MemoryStore::new(Arc::new(ManualClock::new(world.now)))));
        let change = world.change(&mut world.new_chain());
        let commit = || block_on(store.commit(vec![change.clone()])).map_err(|error| error.kind());
        store.fail_at(1, Fault::Before);
        store.fail_at(3, Fault::After);
        let version = || block_on(store.chain(change.stream)).unwrap().version;
        assert_eq!(commit(), Err(StoreErrorKind::Unavailable));
        assert_eq!(version(), 0, "nothing was done");
        assert_eq!(commit(), Err(StoreErrorKind::Unknown));
        assert_eq!(version(), 1, "all of it was done");
        assert_eq!(commit(), Ok(vec![Answer::Duplicate]));
        store.fail_next(Fault::Before);
        assert!(commit().is_err());
        assert!(commit().is_ok());
        assert_eq!(store.calls(), 7);
    }
}
