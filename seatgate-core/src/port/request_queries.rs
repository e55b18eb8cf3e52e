//! Questions for lists and pages.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::id::{PersonRef, RequestId, SweepId};
use crate::message::StateTally;
use crate::policy::Mode;
use crate::port::{OffboardingFilter, OffboardingRow, RowStatus, StoreError};
use crate::request::{Request, StateLabel};
use crate::savings::Savings;
use crate::seat::{AppId, Channel};
use crate::time::Timestamp;
use crate::trail::{Entry, Stream};

/// Which requests to list.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RequestFilter {
    /// Only those that stand so.
    pub state: Option<StateLabel>,
    /// Only those on this person's list: they were asked about them, or are to do a task of somebody's leaving. See
    /// [`Request::listed_for`].
    pub asked: Option<PersonRef>,
    /// Only offboardings.
    pub offboarding: bool,
    /// Only those about a seat that this person holds, or about their leaving.
    pub holder: Option<PersonRef>,
    /// Only those that this person decided.
    pub decided_by: Option<PersonRef>,
    /// Only those that are not on this person's list.
    pub not_asked: Option<PersonRef>,
    /// Only those that were kept until later than this.
    pub kept_beyond: Option<Timestamp>,
    /// Only those that come after this one in the list.
    pub after: Option<RequestId>,
    /// Newest first; else oldest first.
    pub newest: bool,
    /// At most so many.
    pub limit: usize,
}

impl RequestFilter {
    /// The first `limit` of all requests.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }
}

/// Somebody who was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AskedPerson {
    /// Who.
    pub person: PersonRef,
    /// How many requests wait for a decision that they were asked about.
    pub waiting: u64,
}

impl AskedPerson {
    /// Somebody for whom so many requests wait.
    #[must_use]
    pub fn new(person: PersonRef, waiting: u64) -> Self {
        Self { person, waiting }
    }
}

/// How many requests stand in each state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateCounts(BTreeMap<StateLabel, u64>);

impl StateCounts {
    /// How many stand so.
    #[must_use]
    pub fn of(&self, state: StateLabel) -> u64 {
        self.0.get(&state).copied().unwrap_or_default()
    }
}

impl FromIterator<(StateLabel, u64)> for StateCounts {
    /// Several numbers for one state are added up.
    fn from_iter<I: IntoIterator<Item = (StateLabel, u64)>>(counts: I) -> Self {
        let mut sums = BTreeMap::new();
        for (state, count) in counts {
            *sums.entry(state).or_default() += count;
        }
        Self(sums)
    }
}

/// How much is still to be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgendaDepth {
    /// Items on the agenda, whenever they are due.
    pub items: u64,
    /// Those that are due, also while somebody works on them or a closed lane holds them.
    pub due: u64,
    /// When the oldest of those fell due that nobody works on and nothing holds: no closed lane, and no closed gate. If
    /// that is long ago, the workers do not keep up.
    pub waiting_since: Option<Timestamp>,
}

impl AgendaDepth {
    /// So many items.
    #[must_use]
    pub fn new(items: u64, due: u64, waiting_since: Option<Timestamp>) -> Self {
        Self { items, due, waiting_since }
    }
}

/// Read-only questions, for lists and pages.
///
/// # Cancel safety
/// Nothing changes; every future may be dropped.
#[async_trait]
pub trait RequestQueries: Send + Sync {
    /// Requests in the order of their ids: oldest first, or newest first.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn list(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError>;

    /// How many requests stand in each state: all of them, or those that one person was asked about.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn count_by_state(&self, asked: Option<PersonRef>) -> Result<StateCounts, StoreError>;

    /// At most `limit` of everybody who was asked, in the order of their references, after this one.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn asked_people(&self, after: Option<PersonRef>, limit: usize) -> Result<Vec<AskedPerson>, StoreError>;

    /// How many rows of a sweep ended how.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn row_counts(&self, sweep: SweepId) -> Result<BTreeMap<RowStatus, u64>, StoreError>;

    /// How many requests a sweep has opened, by the app of their seats.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn opened_by_app(&self, sweep: SweepId) -> Result<BTreeMap<AppId, u64>, StoreError>;

    /// How those of a sweep's requests stand that tell this channel and were opened in this mode, and what their seats
    /// cost, by state and outcome.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn standings(&self, sweep: SweepId, channel: &Channel, mode: Mode) -> Result<Vec<StateTally>, StoreError>;

    /// A chain's entries, in order.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn trail(&self, stream: Stream) -> Result<Vec<Entry>, StoreError>;

    /// At most `limit` of a chain's entries, in order, from the one after number `after`.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn entries(&self, stream: Stream, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// At most `limit` streams that have entries, in the order of their names as texts, after this one.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn streams(&self, after: Option<Stream>, limit: usize) -> Result<Vec<Stream>, StoreError>;

    /// How much is still to be done, as a claim at the caller's `now` would find it.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn agenda_depth(&self, now: Timestamp, removals_open: bool) -> Result<AgendaDepth, StoreError>;

    /// The offboarding table: tasks of offboardings, in the order of the offboardings' ids and then of their plans.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn offboardings(&self, filter: &OffboardingFilter) -> Result<Vec<OffboardingRow>, StoreError>;

    /// What all requests together save at `now`: the sum of [`Saving::of`](crate::savings::Saving::of) each.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn savings(&self, now: Timestamp) -> Result<Savings, StoreError>;
}
