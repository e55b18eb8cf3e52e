//! The embedded store: one file, one process, one connection that writes, one that copies its log, and a few that read.
//!
//! Parameters are written `$1`, never `?1`: with several statements in one text, sqlx binds nothing to a `?N` whose
//! statement does not use every smaller number too, and SQLite then reads NULL.

mod accounts;
mod agenda;
mod bulk;
mod claim;
mod commit;
mod copier;
mod directory;
mod error;
mod exceptions;
#[cfg(test)]
mod full;
#[cfg(feature = "postgres")]
mod hand_over;
mod inspect;
mod lane;
mod open;
mod people;
mod query;
mod together;
mod writer;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use seatgate_core::agenda::{Claim, Claims, Lane, Settlement};
use seatgate_core::card::{Card, CardEdit};
use seatgate_core::id::{CardId, PersonRef, RequestId, SweepId};
use seatgate_core::message::StateTally;
use seatgate_core::policy::Mode;
use seatgate_core::port::{
    AgendaDepth, Answer, AskedPerson, Batch, Change, Clock, OffboardingFilter, OffboardingRow, RequestFilter,
    RequestQueries, RequestStore, RowResult, RowStatus, SeatStatusRow, StateCounts, StoreError, Stored, SweepRecord,
};
use seatgate_core::request::Request;
use seatgate_core::savings::Savings;
use seatgate_core::seat::{AppId, Channel, Seat};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Chain, Entry, Stream};
use sqlx::sqlite::SqlitePool;

use self::bulk::{Forgotten, NewBatch};
use self::error::store_error;
#[cfg(feature = "postgres")]
pub(crate) use self::hand_over::{HandOver, Table};
pub use self::inspect::FileState;
pub use self::open::SqliteOptions;
use self::writer::{Work, Writer};
use crate::pieces;
use crate::questions::Questions;

/// Keeps everything in one SQLite file: requests, trail, agenda, people, accounts, texts and exceptions.
///
/// Every write goes through one task with one connection, which lets writes that wait together share a transaction and
/// a sync of the disk; each is still judged and answered on its own. An answered write survives the crash of the process
/// and of the machine (WAL, `synchronous = FULL`). Reads have connections of their own and wait for no write.
///
/// Dropping the future of a write leaves the write in the queue: it lands, or is refused, as if somebody waited.
pub struct SqliteStore {
    readers: SqlitePool,
    writer: Writer,
    lease_clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the file, creating or migrating it as needed. Leases of an earlier run are taken back: what was under one
    /// can be claimed at once, and the claim says that a lease was lost.
    ///
    /// Must be called within a tokio runtime: the task that writes runs there.
    ///
    /// # Errors
    /// When another process has the file open, or when it cannot be opened or migrated.
    pub async fn open(options: impl Into<SqliteOptions>) -> Result<Self, StoreError> {
        open::open(options.into()).await
    }

    /// How the file at `path` stands, whether or not a process has it open. Creates and changes nothing.
    ///
    /// # Errors
    /// When the file cannot be read, or is no database.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn inspect(path: &Path) -> Result<FileState, StoreError> {
        inspect::inspect(path).await
    }

    /// Lands everything that waits, and closes the file. Later calls fail.
    pub async fn close(&self) {
        // The writer comes last: the last connection to close empties the log into the file.
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Hands in pieces of work together and answers when all have landed. A failure may leave some of them done.
    async fn perform_all<W: Work>(&self, works: Vec<W>) -> Result<Vec<W::Answer>, StoreError> {
        let mut pending = Vec::with_capacity(works.len());
        for work in works {
            pending.push(self.writer.submit(work).await);
        }
        let mut answers = Vec::with_capacity(pending.len());
        let mut failures = Vec::new();
        for submitted in pending {
            let answer = match submitted {
                Ok(pending) => pending.answer().await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) => answers.push(answer),
                Err(error) => failures.push(error),
            }
        }
        let landed = !answers.is_empty();
        pieces::whole_failure(failures, landed, W::CONTEXT).map_or(Ok(answers), Err)
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl RequestStore for SqliteStore {
    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError> {
        self.perform_all(changes).await
    }

    async fn load(&self, ids: &[RequestId]) -> Result<Vec<Option<Stored>>, StoreError> {
        query::load(ids, &self.readers).await.map_err(store_error("loading requests"))
    }

    async fn chain(&self, stream: Stream) -> Result<Chain, StoreError> {
        query::chain(stream, &self.readers).await.map_err(store_error("reading the end of a chain"))
    }

    async fn seats(&self, seats: &[Seat]) -> Result<Vec<SeatStatusRow>, StoreError> {
        query::seats(seats, &self.readers).await.map_err(store_error("reading seats"))
    }

    async fn cards(&self, ids: &[CardId]) -> Result<Vec<Option<Card>>, StoreError> {
        query::cards(ids, &self.readers).await.map_err(store_error("reading cards"))
    }

    async fn edit_card(&self, card: CardId, edit: CardEdit, now: Timestamp) -> Result<bool, StoreError> {
        let answers = self.perform_all(vec![agenda::Edited { card, edit, now }]).await?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    async fn sweep_of(&self, inbound: &str) -> Result<Option<SweepRecord>, StoreError> {
        query::sweep_of(inbound, &self.readers).await.map_err(store_error("looking for a delivery"))
    }

    async fn sweep(&self, id: SweepId) -> Result<Option<SweepRecord>, StoreError> {
        query::sweep(id, &self.readers).await.map_err(store_error("reading a sweep"))
    }

    async fn rows(&self, sweep: SweepId, rows: Range<u32>) -> Result<Vec<RowResult>, StoreError> {
        Questions::rows(sweep, rows, &self.readers).await
    }

    async fn receive(&self, batch: &Batch, rejected: &[RowResult]) -> Result<bool, StoreError> {
        let work = NewBatch::of(batch, rejected).map_err(store_error("keeping a batch of rows"))?;
        self.writer.perform(work).await
    }

    async fn received(&self, sweep: SweepId, from: u32, limit: usize) -> Result<Vec<Batch>, StoreError> {
        Questions::batches(sweep, from, limit, &self.readers).await
    }

    async fn forget(&self, sweep: SweepId, before: u32) -> Result<(), StoreError> {
        self.writer.perform(Forgotten { sweep, before }).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        self.writer.perform(claim).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        self.perform_all(settlements).await
    }

    async fn lane_failures(&self, lane: &Lane) -> Result<u32, StoreError> {
        Questions::lane_failures(lane, &self.readers).await
    }
}

#[async_trait]
impl RequestQueries for SqliteStore {
    async fn list(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        Questions::list(filter, &self.readers).await
    }

    async fn count_by_state(&self, asked: Option<PersonRef>) -> Result<StateCounts, StoreError> {
        Questions::count_by_state(asked, &self.readers).await
    }

    async fn asked_people(&self, after: Option<PersonRef>, limit: usize) -> Result<Vec<AskedPerson>, StoreError> {
        Questions::asked_people(after, limit, &self.readers).await
    }

    async fn row_counts(&self, sweep: SweepId) -> Result<BTreeMap<RowStatus, u64>, StoreError> {
        query::row_counts(sweep, &self.readers).await.map_err(store_error("counting a sweep's rows"))
    }

    async fn opened_by_app(&self, sweep: SweepId) -> Result<BTreeMap<AppId, u64>, StoreError> {
        Questions::opened_by_app(sweep, &self.readers).await
    }

    async fn standings(&self, sweep: SweepId, channel: &Channel, mode: Mode) -> Result<Vec<StateTally>, StoreError> {
        query::standings(sweep, channel, mode, &self.readers).await.map_err(store_error("counting a sweep's requests"))
    }

    async fn trail(&self, stream: Stream) -> Result<Vec<Entry>, StoreError> {
        self.entries(stream, 0, usize::MAX).await
    }

    async fn entries(&self, stream: Stream, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        Questions::entries(stream, after, limit, &self.readers).await
    }

    async fn streams(&self, after: Option<Stream>, limit: usize) -> Result<Vec<Stream>, StoreError> {
        Questions::streams(after, limit, &self.readers).await
    }

    async fn agenda_depth(&self, now: Timestamp, removals_open: bool) -> Result<AgendaDepth, StoreError> {
        let lease_now = self.lease_clock.now();
        query::agenda_depth(now, removals_open, lease_now, &self.readers)
            .await
            .map_err(store_error("measuring the agenda"))
    }

    async fn offboardings(&self, filter: &OffboardingFilter) -> Result<Vec<OffboardingRow>, StoreError> {
        Questions::offboardings(filter, &self.readers).await
    }

    async fn savings(&self, now: Timestamp) -> Result<Savings, StoreError> {
        Questions::savings(now, &self.readers).await
    }
}
