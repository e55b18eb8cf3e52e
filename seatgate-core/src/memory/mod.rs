//! The in-memory store: everything behind one lock, gone with the process. For tests, trials and scripts.
//!
//! It keeps every clause of the ports but durability (RS-10), and is the shortest description of what a store does.

mod accounts;
mod agenda;
mod commit;
mod directory;
mod exceptions;
mod offboardings;
mod people;
mod seats;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use self::accounts::Accounts;
use self::agenda::Agenda;
use self::directory::Kept;
use self::exceptions::Exceptions;
use self::offboardings::TaskTimes;
use self::people::People;
use self::seats::Seats;
use crate::agenda::{Claim, Claims, Item, Lane, Settlement};
use crate::card::{Card, CardEdit};
use crate::id::{CardId, PersonRef, RequestId, SweepId, TextId};
use crate::message::StateTally;
use crate::money::Totals;
use crate::person::Text;
use crate::policy::Mode;
use crate::port::{
    AgendaDepth, Answer, AskedPerson, Batch, Change, Clock, Join, OffboardingFilter, OffboardingRow, RequestFilter,
    RequestQueries, RequestStore, RowResult, RowStatus, SeatStatusRow, StateCounts, StoreError, Stored, SweepRecord,
};
use crate::request::{Request, StateLabel};
use crate::savings::{Saving, Savings};
use crate::seat::{AppId, Channel, Seat};
use crate::time::Timestamp;
use crate::trail::{Chain, Entry, Stream};

/// A store that forgets when the process ends.
///
/// One lock guards all of it and is never held across an await, so each call is a transaction.
pub struct MemoryStore {
    lease_clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// Everything that is kept.
#[derive(Default)]
struct State {
    streams: BTreeMap<Stream, Vec<Entry>>,
    requests: BTreeMap<RequestId, Request>,
    cards: BTreeMap<CardId, Card>,
    texts: BTreeMap<TextId, Text>,
    sweeps: BTreeMap<SweepId, SweepRecord>,
    /// Deliveries that joined a sweep, by their ids.
    joins: BTreeMap<String, Join>,
    rows: BTreeMap<SweepId, BTreeMap<u32, RowResult>>,
    /// By their first rows.
    batches: BTreeMap<(SweepId, u32), Batch>,
    agenda: Agenda,
    seats: Seats,
    task_times: TaskTimes,
    people: People,
    accounts: Accounts,
    exceptions: Exceptions,
    directory: Kept,
}

impl MemoryStore {
    /// An empty store that judges leases by `lease_clock`, and by no other clock.
    #[must_use]
    pub fn new(lease_clock: Arc<dyn Clock>) -> Self {
        Self { lease_clock, state: Mutex::default() }
    }

    /// An empty store that judges leases by the machine's clock.
    #[cfg(feature = "system")]
    #[must_use]
    pub fn with_system_clock() -> Self {
        Self::new(Arc::new(crate::port::SystemClock))
    }

    /// A panic elsewhere cannot have left a half-made change: changes are checked first and then applied, and applying
    /// does not fail. So the state behind a poisoned lock is good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl State {
    fn chain(&self, stream: Stream) -> Chain {
        let entries = self.streams.get(&stream).map(Vec::as_slice).unwrap_or_default();
        match entries.last() {
            Some(last) => Chain::at(stream, entries.len() as u64, last.hash),
            None => Chain::empty(stream),
        }
    }

    fn stored(&self, id: RequestId) -> Option<Stored> {
        let request = self.requests.get(&id)?;
        Some(Stored::new(request.clone(), self.chain(Stream::Request(id))))
    }
}

#[async_trait]
impl RequestStore for MemoryStore {
    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Answer>, StoreError> {
        let lease_now = self.lease_clock.now();
        let mut state = self.state();
        Ok(changes.into_iter().map(|change| state.commit(change, lease_now)).collect())
    }

    async fn load(&self, ids: &[RequestId]) -> Result<Vec<Option<Stored>>, StoreError> {
        let state = self.state();
        Ok(ids.iter().map(|id| state.stored(*id)).collect())
    }

    async fn chain(&self, stream: Stream) -> Result<Chain, StoreError> {
        Ok(self.state().chain(stream))
    }

    async fn seats(&self, seats: &[Seat]) -> Result<Vec<SeatStatusRow>, StoreError> {
        let state = self.state();
        let row = |seat: &Seat| SeatStatusRow {
            holder_leaves: seat.holder.and_then(|holder| state.seats.leaving(holder)),
            ..state.seats.row(&state.accounts.seat_key(seat))
        };
        Ok(seats.iter().map(row).collect())
    }

    async fn cards(&self, ids: &[CardId]) -> Result<Vec<Option<Card>>, StoreError> {
        let state = self.state();
        Ok(ids.iter().map(|id| state.cards.get(id).cloned()).collect())
    }

    async fn edit_card(&self, card: CardId, edit: CardEdit, now: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(card) = state.cards.get_mut(&card) else { return Ok(false) };
        card.edit(&edit);
        let (item, lane) = (Item::SyncCard(card.id), card.lane());
        state.agenda.schedule(item, now, Some(lane), true);
        Ok(true)
    }

    async fn sweep_of(&self, inbound: &str) -> Result<Option<SweepRecord>, StoreError> {
        Ok(self.state().sweep_of(inbound))
    }

    async fn sweep(&self, id: SweepId) -> Result<Option<SweepRecord>, StoreError> {
        Ok(self.state().sweeps.get(&id).cloned())
    }

    async fn rows(&self, sweep: SweepId, rows: Range<u32>) -> Result<Vec<RowResult>, StoreError> {
        let state = self.state();
        let answers = state.rows.get(&sweep).into_iter().flat_map(|answers| answers.values());
        Ok(answers.filter(|result| rows.contains(&result.row)).cloned().collect())
    }

    async fn receive(&self, batch: &Batch, rejected: &[RowResult]) -> Result<bool, StoreError> {
        Ok(self.state().receive(batch, rejected))
    }

    async fn received(&self, sweep: SweepId, from: u32, limit: usize) -> Result<Vec<Batch>, StoreError> {
        let state = self.state();
        let batches = state.batches.range((sweep, 0)..=(sweep, u32::MAX)).map(|(_, batch)| batch);
        Ok(batches.filter(|batch| batch.end() > from).take(limit).cloned().collect())
    }

    async fn forget(&self, sweep: SweepId, before: u32) -> Result<(), StoreError> {
        self.state().batches.retain(|_, batch| batch.sweep != sweep || batch.end() > before);
        Ok(())
    }

    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        let lease_now = self.lease_clock.now();
        Ok(self.state().agenda.claim(&claim, lease_now))
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
        let mut state = self.state();
        Ok(settlements.into_iter().map(|settlement| state.settle(settlement)).collect())
    }

    async fn lane_failures(&self, lane: &Lane) -> Result<u32, StoreError> {
        Ok(self.state().agenda.lane_failures(lane))
    }
}

#[async_trait]
impl RequestQueries for MemoryStore {
    async fn list(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        let state = self.state();
        let comes = |id: RequestId, after| if filter.newest { id < after } else { id > after };
        let fits = |request: &&Request| {
            filter.after.is_none_or(|after| comes(request.id, after))
                && filter.state.is_none_or(|label| request.label() == label)
                && filter.asked.is_none_or(|person| request.listed_for().contains(&person))
                && filter.not_asked.is_none_or(|person| !request.listed_for().contains(&person))
                && (!filter.offboarding || request.offboarding.is_some())
                && filter.kept_beyond.is_none_or(|at| request.exception().is_some_and(|(_, until)| until > at))
                && filter.holder.is_none_or(|person| request.holder() == Some(person))
                && filter.decided_by.is_none_or(|person| request.approval.decider() == Some(person))
        };
        let fitting = state.requests.values().filter(fits);
        Ok(match filter.newest {
            true => fitting.rev().take(filter.limit).cloned().collect(),
            false => fitting.take(filter.limit).cloned().collect(),
        })
    }

    async fn count_by_state(&self, asked: Option<PersonRef>) -> Result<StateCounts, StoreError> {
        let state = self.state();
        let asks = |request: &&Request| asked.is_none_or(|person| request.listed_for().contains(&person));
        Ok(state.requests.values().filter(asks).map(|request| (request.label(), 1)).collect())
    }

    async fn asked_people(&self, after: Option<PersonRef>, limit: usize) -> Result<Vec<AskedPerson>, StoreError> {
        let state = self.state();
        let mut waiting: BTreeMap<PersonRef, u64> = BTreeMap::new();
        for request in state.requests.values() {
            let open = u64::from(request.label() == StateLabel::AwaitingDecision);
            request.listed_for().into_iter().for_each(|person| *waiting.entry(person).or_default() += open);
        }
        let later = waiting.into_iter().filter(|(person, _)| Some(*person) > after);
        Ok(later.take(limit).map(|(person, waiting)| AskedPerson::new(person, waiting)).collect())
    }

    async fn row_counts(&self, sweep: SweepId) -> Result<BTreeMap<RowStatus, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        for result in self.state().rows.get(&sweep).into_iter().flat_map(BTreeMap::values) {
            *counts.entry(result.status).or_default() += 1;
        }
        Ok(counts)
    }

    async fn opened_by_app(&self, sweep: SweepId) -> Result<BTreeMap<AppId, u64>, StoreError> {
        let mut opened = BTreeMap::new();
        for request in self.state().requests.values().filter(|request| request.origin.sweep == Some(sweep)) {
            if let Some(seat) = request.seat() {
                *opened.entry(seat.app.id.clone()).or_default() += 1;
            }
        }
        Ok(opened)
    }

    async fn standings(&self, sweep: SweepId, channel: &Channel, mode: Mode) -> Result<Vec<StateTally>, StoreError> {
        let state = self.state();
        let heard = |request: &&Request| {
            request.origin.sweep == Some(sweep) && request.channel.as_ref() == Some(channel) && request.mode == mode
        };
        let mut standings = BTreeMap::new();
        for request in state.requests.values().filter(heard) {
            let (count, costs): &mut (u64, Totals) = standings.entry((request.label(), request.outcome())).or_default();
            *count += 1;
            request.evidence.iter().filter_map(|evidence| evidence.monthly_cost).for_each(|cost| costs.add(cost));
        }
        let standing = |((state, outcome), (count, costs))| StateTally::new(state, outcome, count, costs);
        Ok(standings.into_iter().map(standing).collect())
    }

    async fn trail(&self, stream: Stream) -> Result<Vec<Entry>, StoreError> {
        Ok(self.state().streams.get(&stream).cloned().unwrap_or_default())
    }

    async fn entries(&self, stream: Stream, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let state = self.state();
        let entries = state.streams.get(&stream).map(Vec::as_slice).unwrap_or_default();
        Ok(entries.iter().filter(|entry| entry.seq > after).take(limit).cloned().collect())
    }

    async fn streams(&self, after: Option<Stream>, limit: usize) -> Result<Vec<Stream>, StoreError> {
        let state = self.state();
        let (after, name) = (after.as_ref().map(ToString::to_string), ToString::to_string);
        let written = state.streams.iter().filter(|(_, entries)| !entries.is_empty());
        let named: BTreeMap<String, Stream> = written.map(|(stream, _)| (name(stream), *stream)).collect();
        Ok(named
            .into_iter()
            .filter(|(name, _)| Some(name) > after.as_ref())
            .map(|(_, stream)| stream)
            .take(limit)
            .collect())
    }

    async fn agenda_depth(&self, now: Timestamp, removals_open: bool) -> Result<AgendaDepth, StoreError> {
        let lease_now = self.lease_clock.now();
        Ok(self.state().agenda.depth(now, removals_open, lease_now))
    }

    async fn offboardings(&self, filter: &OffboardingFilter) -> Result<Vec<OffboardingRow>, StoreError> {
        Ok(self.state().offboardings(filter))
    }

    async fn savings(&self, now: Timestamp) -> Result<Savings, StoreError> {
        Ok(Savings::of(self.state().requests.values().filter_map(Saving::of), now))
    }
}
