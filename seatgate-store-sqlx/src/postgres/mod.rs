//! The store that several servers share.
//!
//! Every write is one call of a function in the database (`migrations/postgres`): one round trip, and one transaction
//! that lands whole, also when its caller is dropped. Callers that come at the same time share that call, and those that
//! read share a statement (`queue.rs`). Whatever servers could disagree about, the database decides: leases are judged by
//! its clock, versions and seats by the write that guards them.

mod agenda;
mod ask;
mod bulk;
mod call;
mod claim;
mod commit;
mod directory;
mod error;
mod exceptions;
mod lines;
mod open;
mod people;
mod query;
mod queue;
#[cfg(feature = "sqlite")]
mod take_over;
mod together;

use std::collections::BTreeMap;
use std::ops::Range;
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
use sqlx::{PgPool, Postgres, Transaction};

use self::agenda::NewSettlement;
use self::ask::{
    ActiveExceptions, CardsById, Chains, Deliveries, Details, Identities, Keys, Names, Requests, RowCounts, SeatLists,
    SeatRows, Standings, Sweeps, Texts,
};
use self::claim::NewClaim;
use self::commit::NewChange;
use self::directory::{Entries, Owners};
use self::error::store_error;
use self::lines::Lines;
pub use self::open::PgOptions;
use self::people::{NewAccounts, NewPeople};
use self::queue::Queue;
#[cfg(feature = "sqlite")]
pub(crate) use self::take_over::TakeOver;
use crate::found;
use crate::questions::Questions;
use crate::row::{read, to_count};

/// Keeps everything in one PostgreSQL database (14 or newer), for any number of servers: requests, trail, agenda, people,
/// accounts, texts and exceptions, in a schema of their own.
///
/// An answered write survives the crash of the servers and of the database, as long as that runs with
/// `synchronous_commit` on, which is its default.
///
/// Dropping the future of a write leaves it unknown whether it landed; no part of a change lands alone.
pub struct PgStore {
    pool: PgPool,
    queues: Queues,
    lease_clock: Option<Arc<dyn Clock>>,
    /// The commit, from whatever search path.
    commit_here: String,
}

impl PgStore {
    /// Opens the database and creates or migrates the tables as needed; servers that start at once take turns. A schema
    /// that is missing is created, which needs the right to.
    ///
    /// # Errors
    /// When the database cannot be reached or migrated.
    ///
    /// # Cancel safety
    /// Dropping the future leaves some of the migrations made, each of them whole.
    pub async fn open(options: impl Into<PgOptions>) -> Result<Self, StoreError> {
        open::open(options.into()).await
    }

    /// Whether the database can be reached and logged in to. Changes nothing in it.
    ///
    /// # Errors
    /// When it cannot.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn reach(options: impl Into<PgOptions>) -> Result<(), StoreError> {
        open::reach(&options.into()).await
    }

    /// Waits for what is under way, and lets go of the connections. Later calls fail.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the store closing.
    pub async fn close(&self) {
        self.queues.lines.close().await;
        self.pool.close().await;
    }

    /// Lands changes within a transaction of the caller's, each answered on its own: they are kept if the caller commits.
    /// The transaction must be in the same database and at the level *read committed*. Wake the gate after the commit.
    ///
    /// # Errors
    /// When the database refuses; the transaction can then only be rolled back, and may be repeated as a whole.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the transaction to its owner, with or without the changes.
    pub async fn commit_in(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        changes: &[Change],
    ) -> Result<Vec<Answer>, StoreError> {
        self.land_in(transaction, changes).await
    }

    /// The time by which leases are judged, if it is not the database's.
    fn given_now(&self) -> Option<i64> {
        self.lease_clock.as_ref().map(|clock| clock.now().as_micros())
    }
}

/// What many callers bring at once.
struct Queues {
    lines: Arc<Lines>,
    changes: Queue<NewChange>,
    settlements: Queue<NewSettlement>,
    claims: Queue<NewClaim>,
    people: Queue<NewPeople>,
    accounts: Queue<NewAccounts>,
    requests: Queue<Keys<Requests>>,
    chains: Queue<Keys<Chains>>,
    cards: Queue<CardsById>,
    seats: Queue<SeatRows>,
    exceptions: Queue<ActiveExceptions>,
    deliveries: Queue<Keys<Deliveries>>,
    sweeps: Queue<Keys<Sweeps>>,
    row_counts: Queue<RowCounts>,
    standings: Queue<Standings>,
    details: Queue<Keys<Details>>,
    names: Queue<Keys<Names>>,
    texts: Queue<Keys<Texts>>,
    identities: Queue<Keys<Identities>>,
    entries: Queue<Entries>,
    owners: Queue<Keys<Owners>>,
}

impl Queues {
    fn over(lines: Lines) -> Self {
        let lines = Arc::new(lines);
        Self {
            changes: Queue::over(&lines),
            settlements: Queue::over(&lines),
            claims: Queue::over(&lines),
            people: Queue::over(&lines),
            accounts: Queue::over(&lines),
            requests: Queue::over(&lines),
            chains: Queue::over(&lines),
            cards: Queue::over(&lines),
            seats: Queue::over(&lines),
            exceptions: Queue::over(&lines),
            deliveries: Queue::over(&lines),
            sweeps: Queue::over(&lines),
            row_counts: Queue::over(&lines),
            standings: Queue::over(&lines),
            details: Queue::over(&lines),
            names: Queue::over(&lines),
            texts: Queue::over(&lines),
            identities: Queue::over(&lines),
            entries: Queue::over(&lines),
            owners: Queue::over(&lines),
            lines,
        }
    }
}

impl std::fmt::Debug for PgStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl RequestStore for PgStore {
    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError> {
        self.land(&changes).await
    }

    async fn load(&self, ids: &[RequestId]) -> Result<Vec<Option<Stored>>, StoreError> {
        let rows = self.queues.requests.perform(Keys::of(ids)).await?;
        found::stored(ids, rows).map_err(store_error("loading requests"))
    }

    async fn chain(&self, stream: Stream) -> Result<Chain, StoreError> {
        let rows = self.queues.chains.perform(Keys::of(&[stream])).await?;
        let end = rows.into_iter().next().and_then(|(version, head)| version.zip(head));
        found::chain(stream, end).map_err(store_error("reading the end of a chain"))
    }

    async fn seats(&self, seats: &[Seat]) -> Result<Vec<SeatStatusRow>, StoreError> {
        let rows = self.queues.seats.perform(SeatRows(SeatLists::of(seats))).await?;
        found::seats(rows).map_err(store_error("reading seats"))
    }

    async fn cards(&self, ids: &[CardId]) -> Result<Vec<Option<Card>>, StoreError> {
        let mut cards = self.versioned_cards(ids).await?;
        Ok(ids.iter().map(|id| cards.remove(id).map(|(card, _)| card)).collect())
    }

    async fn edit_card(&self, card: CardId, edit: CardEdit, now: Timestamp) -> Result<bool, StoreError> {
        self.edit(card, &edit, now).await
    }

    async fn sweep_of(&self, inbound: &str) -> Result<Option<SweepRecord>, StoreError> {
        let rows = self.queues.deliveries.perform(Keys::of(&[inbound])).await?;
        let row = rows.into_iter().next().and_then(|found| found.0);
        row.map(|row| found::delivery(inbound, row)).transpose().map_err(store_error("looking for a delivery"))
    }

    async fn sweep(&self, id: SweepId) -> Result<Option<SweepRecord>, StoreError> {
        let rows = self.queues.sweeps.perform(Keys::of(&[id])).await?;
        let row = rows.into_iter().next().and_then(|found| found.0);
        row.map(|row| found::sweep(id, row)).transpose().map_err(store_error("reading a sweep"))
    }

    async fn rows(&self, sweep: SweepId, rows: Range<u32>) -> Result<Vec<RowResult>, StoreError> {
        Questions::rows(sweep, rows, &self.pool).await
    }

    async fn receive(&self, batch: &Batch, rejected: &[RowResult]) -> Result<bool, StoreError> {
        self.keep_batch(batch, rejected).await
    }

    async fn received(&self, sweep: SweepId, from: u32, limit: usize) -> Result<Vec<Batch>, StoreError> {
        Questions::batches(sweep, from, limit, &self.pool).await
    }

    async fn forget(&self, sweep: SweepId, before: u32) -> Result<(), StoreError> {
        self.forget_batches(sweep, before).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        self.claim_due(&claim).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        self.settle_all(&settlements).await
    }

    async fn lane_failures(&self, lane: &Lane) -> Result<u32, StoreError> {
        Questions::lane_failures(lane, &self.pool).await
    }
}

#[async_trait]
impl RequestQueries for PgStore {
    async fn list(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        Questions::list(filter, &self.pool).await
    }

    async fn count_by_state(&self, asked: Option<PersonRef>) -> Result<StateCounts, StoreError> {
        Questions::count_by_state(asked, &self.pool).await
    }

    async fn asked_people(&self, after: Option<PersonRef>, limit: usize) -> Result<Vec<AskedPerson>, StoreError> {
        Questions::asked_people(after, limit, &self.pool).await
    }

    async fn row_counts(&self, sweep: SweepId) -> Result<BTreeMap<RowStatus, u64>, StoreError> {
        let rows = self.queues.row_counts.perform(RowCounts(sweep.to_string())).await?;
        let count = |(status, count): (String, i64)| Ok((read(&status)?, to_count(count)?));
        rows.into_iter().map(count).collect::<Result<_, _>>().map_err(store_error("counting a sweep's rows"))
    }

    async fn opened_by_app(&self, sweep: SweepId) -> Result<BTreeMap<AppId, u64>, StoreError> {
        Questions::opened_by_app(sweep, &self.pool).await
    }

    async fn standings(&self, sweep: SweepId, channel: &Channel, mode: Mode) -> Result<Vec<StateTally>, StoreError> {
        let asked = Standings { sweep: sweep.to_string(), channel: channel.to_string(), mode };
        let rows = self.queues.standings.perform(asked).await?;
        found::standings(rows).map_err(store_error("counting a sweep's requests"))
    }

    async fn trail(&self, stream: Stream) -> Result<Vec<Entry>, StoreError> {
        self.entries(stream, 0, usize::MAX).await
    }

    async fn entries(&self, stream: Stream, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        Questions::entries(stream, after, limit, &self.pool).await
    }

    async fn streams(&self, after: Option<Stream>, limit: usize) -> Result<Vec<Stream>, StoreError> {
        Questions::streams(after, limit, &self.pool).await
    }

    async fn agenda_depth(&self, now: Timestamp, removals_open: bool) -> Result<AgendaDepth, StoreError> {
        query::agenda_depth(now, removals_open, self.given_now(), &self.pool)
            .await
            .map_err(store_error("measuring the agenda"))
    }

    async fn offboardings(&self, filter: &OffboardingFilter) -> Result<Vec<OffboardingRow>, StoreError> {
        Questions::offboardings(filter, &self.pool).await
    }

    async fn savings(&self, now: Timestamp) -> Result<Savings, StoreError> {
        Questions::savings(now, &self.pool).await
    }
}
