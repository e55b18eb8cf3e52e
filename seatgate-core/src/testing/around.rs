use std::future::Future;
use std::ops::Range;

use async_trait::async_trait;

use crate::agenda::{Claim, Claims, Lane, Settlement};
use crate::card::{Card, CardEdit};
use crate::id::{CardId, RequestId, SweepId};
use crate::port::{Answer, Batch, Change, RequestStore, RowResult, SeatStatusRow, StoreError, Stored, SweepRecord};
use crate::seat::Seat;
use crate::time::Timestamp;
use crate::trail::{Chain, Stream};

/// A store around another one. It is a [`RequestStore`] whose calls go on to [`inner`](Self::inner), but for those that it
/// answers in a way of its own; the names and promises are those of the port.
///
/// To do something at every call, write [`pass`](Self::pass), or [`write`](Self::write) for those that write; to do something
/// at one of them, write that one, which goes neither through `pass` nor through `write` then. Who calls a wrapper imports
/// the port, and not this trait, whose methods have the same names.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use async_trait::async_trait;
/// use seatgate_core::id::RequestId;
/// use seatgate_core::memory::MemoryStore;
/// use seatgate_core::port::{RequestStore, StoreError, Stored, SystemClock};
/// use seatgate_core::testing::{Around, block_on};
///
/// /// Counts how often requests are read.
/// struct Counted {
///     loads: AtomicU64,
///     store: MemoryStore,
/// }
///
/// #[async_trait]
/// impl Around for Counted {
///     type Inner = MemoryStore;
///
///     fn inner(&self) -> &MemoryStore {
///         &self.store
///     }
///
///     async fn load(&self, ids: &[RequestId]) -> Result<Vec<Option<Stored>>, StoreError> {
///         self.loads.fetch_add(1, Ordering::Relaxed);
///         self.store.load(ids).await
///     }
/// }
///
/// let counted = Counted { loads: AtomicU64::new(0), store: MemoryStore::new(Arc::new(SystemClock)) };
/// let store: &dyn RequestStore = &counted;
/// assert!(block_on(store.load(&[])).unwrap().is_empty());
/// assert_eq!(counted.loads.load(Ordering::Relaxed), 1);
/// ```
///
/// # Cancel safety
/// As that of the inner store: nothing is held between calls.
#[async_trait]
pub trait Around: Send + Sync {
    /// What it is around.
    type Inner: RequestStore + ?Sized;

    /// The store that the calls go on to.
    fn inner(&self) -> &Self::Inner;

    /// Makes a call, which the port names `call`. Every call that is not written anew goes through here.
    ///
    /// # Errors
    /// As the call itself.
    async fn pass<O: Send>(
        &self,
        call: &'static str,
        made: impl Future<Output = Result<O, StoreError>> + Send,
    ) -> Result<O, StoreError> {
        let _ = call;
        made.await
    }

    /// Makes a call that writes, and that a caller may safely make again; `make` makes it as often as it is asked. A claim is
    /// none of these: claimed again, other items come.
    ///
    /// # Errors
    /// As the call itself.
    async fn write<O: Send, F: Future<Output = Result<O, StoreError>> + Send>(
        &self,
        call: &'static str,
        make: impl Fn() -> F + Send,
    ) -> Result<O, StoreError> {
        self.pass(call, make()).await
    }

    /// As [`RequestStore::commit`].
    ///
    /// # Errors
    /// As there.
    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError> {
        self.write("commit", move || self.inner().commit(changes.clone())).await
    }

    /// As [`RequestStore::load`].
    ///
    /// # Errors
    /// As there.
    async fn load(&self, ids: &[RequestId]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.pass("load", self.inner().load(ids)).await
    }

    /// As [`RequestStore::chain`].
    ///
    /// # Errors
    /// As there.
    async fn chain(&self, stream: Stream) -> Result<Chain, StoreError> {
        self.pass("chain", self.inner().chain(stream)).await
    }

    /// As [`RequestStore::seats`].
    ///
    /// # Errors
    /// As there.
    async fn seats(&self, seats: &[Seat]) -> Result<Vec<SeatStatusRow>, StoreError> {
        self.pass("seats", self.inner().seats(seats)).await
    }

    /// As [`RequestStore::cards`].
    ///
    /// # Errors
    /// As there.
    async fn cards(&self, ids: &[CardId]) -> Result<Vec<Option<Card>>, StoreError> {
        self.pass("cards", self.inner().cards(ids)).await
    }

    /// As [`RequestStore::edit_card`].
    ///
    /// # Errors
    /// As there.
    async fn edit_card(&self, card: CardId, edit: CardEdit, now: Timestamp) -> Result<bool, StoreError> {
        self.write("edit_card", move || self.inner().edit_card(card, edit.clone(), now)).await
    }

    /// As [`RequestStore::sweep_of`].
    ///
    /// # Errors
    /// As there.
    async fn sweep_of(&self, inbound: &str) -> Result<Option<SweepRecord>, StoreError> {
        self.pass("sweep_of", self.inner().sweep_of(inbound)).await
    }

    /// As [`RequestStore::sweep`].
    ///
    /// # Errors
    /// As there.
    async fn sweep(&self, id: SweepId) -> Result<Option<SweepRecord>, StoreError> {
        self.pass("sweep", self.inner().sweep(id)).await
    }

    /// As [`RequestStore::rows`].
    ///
    /// # Errors
    /// As there.
    async fn rows(&self, sweep: SweepId, rows: Range<u32>) -> Result<Vec<RowResult>, StoreError> {
        self.pass("rows", self.inner().rows(sweep, rows)).await
    }

    /// As [`RequestStore::receive`].
    ///
    /// # Errors
    /// As there.
    async fn receive(&self, batch: &Batch, rejected: &[RowResult]) -> Result<bool, StoreError> {
        self.write("receive", || self.inner().receive(batch, rejected)).await
    }

    /// As [`RequestStore::received`].
    ///
    /// # Errors
    /// As there.
    async fn received(&self, sweep: SweepId, from: u32, limit: usize) -> Result<Vec<Batch>, StoreError> {
        self.pass("received", self.inner().received(sweep, from, limit)).await
    }

    /// As [`RequestStore::forget`].
    ///
    /// # Errors
    /// As there.
    async fn forget(&self, sweep: SweepId, before: u32) -> Result<(), StoreError> {
        self.write("forget", move || self.inner().forget(sweep, before)).await
    }

    /// As [`RequestStore::claim`].
    ///
    /// # Errors
    /// As there.
    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        self.pass("claim", self.inner().claim(claim)).await
    }

    /// As [`RequestStore::settle`].
    ///
    /// # Errors
    /// As there.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        self.write("settle", move || self.inner().settle(settlements.clone())).await
    }

    /// As [`RequestStore::lane_failures`].
    ///
    /// # Errors
    /// As there.
    async fn lane_failures(&self, lane: &Lane) -> Result<u32, StoreError> {
        self.pass("lane_failures", self.inner().lane_failures(lane)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Around> RequestStore for T {
    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError> {
        Around::commit(self, changes).await
    }

    async fn load(&self, ids: &[RequestId]) -> Result<Vec<Option<Stored>>, StoreError> {
        Around::load(self, ids).await
    }

    async fn chain(&self, stream: Stream) -> Result<Chain, StoreError> {
        Around::chain(self, stream).await
    }

    async fn seats(&self, seats: &[Seat]) -> Result<Vec<SeatStatusRow>, StoreError> {
        Around::seats(self, seats).await
    }

    async fn cards(&self, ids: &[CardId]) -> Result<Vec<Option<Card>>, StoreError> {
        Around::cards(self, ids).await
    }

    async fn edit_card(&self, card: CardId, edit: CardEdit, now: Timestamp) -> Result<bool, StoreError> {
        Around::edit_card(self, card, edit, now).await
    }

    async fn sweep_of(&self, inbound: &str) -> Result<Option<SweepRecord>, StoreError> {
        Around::sweep_of(self, inbound).await
    }

    async fn sweep(&self, id: SweepId) -> Result<Option<SweepRecord>, StoreError> {
        Around::sweep(self, id).await
    }

    async fn rows(&self, sweep: SweepId, rows: Range<u32>) -> Result<Vec<RowResult>, StoreError> {
        Around::rows(self, sweep, rows).await
    }

    async fn receive(&self, batch: &Batch, rejected: &[RowResult]) -> Result<bool, StoreError> {
        Around::receive(self, batch, rejected).await
    }

    async fn received(&self, sweep: SweepId, from: u32, limit: usize) -> Result<Vec<Batch>, StoreError> {
        Around::received(self, sweep, from, limit).await
    }

    async fn forget(&self, sweep: SweepId, before: u32) -> Result<(), StoreError> {
        Around::forget(self, sweep, before).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        Around::claim(self, claim).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        Around::settle(self, settlements).await
    }

    async fn lane_failures(&self, lane: &Lane) -> Result<u32, StoreError> {
        Around::lane_failures(self, lane).await
    }
}
