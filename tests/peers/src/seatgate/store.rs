//! A store that tells whoever waits that a request is closed.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use seatgate_core::agenda::{Claim, Claims, Lane, Settlement};
use seatgate_core::card::{Card, CardEdit};
use seatgate_core::id::{CardId, RequestId, SweepId};
use seatgate_core::port::{Answer, Batch, Change, RequestStore, RowResult, SeatStatusRow, StoreError, Stored, SweepRecord};
use seatgate_core::seat::Seat;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Chain, Stream};
use seatgate_store_sqlx::PgStore;

use crate::waiting::Waiting;

pub(super) struct Watched {
    pub(super) store: Arc<PgStore>,
    pub(super) closed: Waiting<RequestId>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl RequestStore for Watched {
    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError> {
        let closes = |change: &Change| Some(change.request.as_ref().filter(|request| request.outcome().is_some())?.id);
        let ends: Vec<Option<RequestId>> = changes.iter().map(closes).collect();
        let answers = self.store.commit(changes).await?;
        let kept = ends.into_iter().zip(&answers).filter(|(_, answer)| answer.is_kept());
        kept.filter_map(|(request, _)| request).for_each(|request| self.closed.tell(request, ()));
        Ok(answers)
    }

    async fn load(&self, ids: &[RequestId]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.store.load(ids).await
    }

    async fn chain(&self, stream: Stream) -> Result<Chain, StoreError> {
        self.store.chain(stream).await
    }

    async fn seats(&self, seats: &[Seat]) -> Result<Vec<SeatStatusRow>, StoreError> {
        self.store.seats(seats).await
    }

    async fn cards(&self, ids: &[CardId]) -> Result<Vec<Option<Card>>, StoreError> {
        self.store.cards(ids).await
    }

    async fn edit_card(&self, card: CardId, edit: CardEdit, now: Timestamp) -> Result<bool, StoreError> {
        self.store.edit_card(card, edit, now).await
    }

    async fn sweep_of(&self, inbound: &str) -> Result<Option<SweepRecord>, StoreError> {
        self.store.sweep_of(inbound).await
    }

    async fn sweep(&self, id: SweepId) -> Result<Option<SweepRecord>, StoreError> {
        self.store.sweep(id).await
    }

    async fn rows(&self, sweep: SweepId, rows: Range<u32>) -> Result<Vec<RowResult>, StoreError> {
        self.store.rows(sweep, rows).await
    }

    async fn receive(&self, batch: &Batch, rejected: &[RowResult]) -> Result<bool, StoreError> {
        self.store.receive(batch, rejected).await
    }

    async fn received(&self, sweep: SweepId, from: u32, limit: usize) -> Result<Vec<Batch>, StoreError> {
        self.store.received(sweep, from, limit).await
    }

    async fn forget(&self, sweep: SweepId, before: u32) -> Result<(), StoreError> {
        self.store.forget(sweep, before).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        self.store.claim(claim).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        self.store.settle(settlements).await
    }

    async fn lane_failures(&self, lane: &Lane) -> Result<u32, StoreError> {
        self.store.lane_failures(lane).await
    }
}
