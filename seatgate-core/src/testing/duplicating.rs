use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;

use crate::agenda::{Claim, Claims, Lane, Settlement};
use crate::card::{Card, CardEdit};
use crate::id::{CardId, RequestId, SweepId};
use crate::port::{
    Answer, Batch, Change, Deprovisioner, EffectError, Idempotency, Job, Removal, RequestStore, RowResult, SeatStatus,
    SeatStatusRow, StoreError, Stored, SweepRecord,
};
use crate::seat::Seat;
use crate::time::Timestamp;
use crate::trail::{Chain, Stream};

/// A port whose every write happens twice, as when a reply was lost and the caller repeats itself. What may be repeated
/// safely must not show it.
///
/// The caller gets the first answer. Reads and claims pass once: a repeated claim is a different claim.
#[derive(Debug)]
pub struct Duplicating<T: ?Sized>(Arc<T>);

impl<T: ?Sized> Duplicating<T> {
    /// The port `inner`, twice over.
    #[must_use]
    pub fn new(inner: Arc<T>) -> Self {
        Self(inner)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: RequestStore + ?Sized> RequestStore for Duplicating<T> {
    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError> {
        let first = self.0.commit(changes.clone()).await?;
        self.0.commit(changes).await?;
        Ok(first)
    }

    async fn load(&self, ids: &[RequestId]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.0.load(ids).await
    }

    async fn chain(&self, stream: Stream) -> Result<Chain, StoreError> {
        self.0.chain(stream).await
    }

    async fn seats(&self, seats: &[Seat]) -> Result<Vec<SeatStatusRow>, StoreError> {
        self.0.seats(seats).await
    }

    async fn cards(&self, ids: &[CardId]) -> Result<Vec<Option<Card>>, StoreError> {
        self.0.cards(ids).await
    }

    async fn edit_card(&self, card: CardId, edit: CardEdit, now: Timestamp) -> Result<bool, StoreError> {
        let first = self.0.edit_card(card, edit.clone(), now).await?;
        self.0.edit_card(card, edit, now).await?;
        Ok(first)
    }

    async fn sweep_of(&self, inbound: &str) -> Result<Option<SweepRecord>, StoreError> {
        self.0.sweep_of(inbound).await
    }

    async fn sweep(&self, id: SweepId) -> Result<Option<SweepRecord>, StoreError> {
        self.0.sweep(id).await
    }

    async fn rows(&self, sweep: SweepId, rows: Range<u32>) -> Result<Vec<RowResult>, StoreError> {
        self.0.rows(sweep, rows).await
    }

    async fn receive(&self, batch: &Batch, rejected: &[RowResult]) -> Result<bool, StoreError> {
        let first = self.0.receive(batch, rejected).await?;
        self.0.receive(batch, rejected).await?;
        Ok(first)
    }

    async fn received(&self, sweep: SweepId, from: u32, limit: usize) -> Result<Vec<Batch>, StoreError> {
        self.0.received(sweep, from, limit).await
    }

    async fn forget(&self, sweep: SweepId, before: u32) -> Result<(), StoreError> {
        self.0.forget(sweep, before).await?;
        self.0.forget(sweep, before).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        self.0.claim(claim).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        let first = self.0.settle(settlements.clone()).await?;
        self.0.settle(settlements).await?;
        Ok(first)
    }

    async fn lane_failures(&self, lane: &Lane) -> Result<u32, StoreError> {
        self.0.lane_failures(lane).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Deprovisioner + ?Sized> Deprovisioner for Duplicating<T> {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        let first = self.0.deprovision(job).await;
        let _ = self.0.deprovision(job).await;
        first
    }

    async fn probe(&self, job: &Job) -> SeatStatus {
        self.0.probe(job).await
    }

    fn sees_activity(&self) -> bool {
        self.0.sees_activity()
    }

    fn idempotency(&self) -> Idempotency {
        self.0.idempotency()
    }
}
