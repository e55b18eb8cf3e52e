//! Ports that stop before and after each call, where a test can let others go first, let the call fail, or let the process
//! die. The simulation of `tests/proofs` uses them, too.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use seatgate_core::id::{AccountId, DelegationId, ExceptionId, PersonRef, SweepId, TextId};
use seatgate_core::message::{Message, StateTally};
use seatgate_core::person::{Identity, PersonDetails};
use seatgate_core::policy::Mode;
use seatgate_core::port::*;
use seatgate_core::request::Request;
use seatgate_core::savings::Savings;
use seatgate_core::seat::{AccountNames, AppId, Channel};
use seatgate_core::testing::Around;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Entry, Stream};

/// What is waited for, and whether the call fails there.
pub type Pause = Pin<Box<dyn Future<Output = Result<(), Failed>> + Send>>;

/// A call of a store fails so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed(pub StoreErrorKind);

impl From<Failed> for StoreError {
    fn from(Failed(kind): Failed) -> Self {
        Self::new(kind, "a call that was told to fail")
    }
}

impl From<Failed> for EffectError {
    fn from(Failed(kind): Failed) -> Self {
        match kind {
            StoreErrorKind::Unavailable => Self::not_done("told to fail"),
            _ => Self::unknown("told to fail"),
        }
    }
}

/// Just before or just after a call.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Which step it is, from 0.
    pub step: u64,
    /// The method that is called.
    pub call: &'static str,
    /// Whether the call has been made.
    pub after: bool,
}

/// Counts steps, and says what happens at each.
#[derive(Clone)]
pub struct Steps {
    count: Arc<AtomicU64>,
    at: Arc<dyn Fn(Moment) -> Pause + Send + Sync>,
}

impl Steps {
    /// At step `n` (from 0), waits for what `at(n)` gives.
    pub fn new(at: impl Fn(u64) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static) -> Self {
        Self::failing(move |moment| {
            let pause = at(moment.step);
            Box::pin(async {
                pause.await;
                Ok(())
            })
        })
    }

    /// At each step waits for what `at` gives. A store fails where it says so; targets and notifiers have failures of
    /// their own.
    pub fn failing(at: impl Fn(Moment) -> Pause + Send + Sync + 'static) -> Self {
        Self { count: Arc::default(), at: Arc::new(at) }
    }

    /// Goes on at once, always.
    pub fn free() -> Self {
        Self::new(|_| Box::pin(std::future::ready(())))
    }

    /// Lets all others go one step at each step, so that futures on one thread take turns.
    pub fn taking_turns() -> Self {
        Self::new(|_| Box::pin(turn()))
    }

    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    async fn step(&self, call: &'static str, after: bool) -> Result<(), Failed> {
        let step = self.count.fetch_add(1, Ordering::SeqCst);
        (self.at)(Moment { step, call, after }).await
    }
}

/// Lets all others go one step.
pub fn turn() -> impl Future<Output = ()> + Send {
    let mut waited = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut waited, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
}

/// A port with steps before and after each call.
pub struct Stepped<T: ?Sized> {
    pub steps: Steps,
    pub inner: Arc<T>,
}

macro_rules! pass {
    ($self:ident.$method:ident($($argument:expr),*)) => {{
        $self.steps.step(stringify!($method), false).await?;
        let answer = $self.inner.$method($($argument),*).await;
        $self.steps.step(stringify!($method), true).await?;
        answer
    }};
}

/// As `pass`, for a port whose failures are its own.
macro_rules! pass_whole {
    ($self:ident.$method:ident($($argument:expr),*)) => {{
        let _ = $self.steps.step(stringify!($method), false).await;
        let answer = $self.inner.$method($($argument),*).await;
        let _ = $self.steps.step(stringify!($method), true).await;
        answer
    }};
}

#[async_trait]
impl<T: RequestStore + ?Sized> Around for Stepped<T> {
    type Inner = T;

    fn inner(&self) -> &T {
        &self.inner
    }

    async fn pass<O: Send>(
        &self,
        call: &'static str,
        made: impl Future<Output = Result<O, StoreError>> + Send,
    ) -> Result<O, StoreError> {
        self.steps.step(call, false).await?;
        let answer = made.await;
        self.steps.step(call, true).await?;
        answer
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: RequestQueries + ?Sized> RequestQueries for Stepped<T> {
    async fn list(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        pass!(self.list(filter))
    }
    async fn trail(&self, stream: Stream) -> Result<Vec<Entry>, StoreError> {
        pass!(self.trail(stream))
    }
    async fn count_by_state(&self, asked: Option<PersonRef>) -> Result<StateCounts, StoreError> {
        pass!(self.count_by_state(asked))
    }
    async fn asked_people(&self, after: Option<PersonRef>, limit: usize) -> Result<Vec<AskedPerson>, StoreError> {
        pass!(self.asked_people(after, limit))
    }
    async fn row_counts(&self, sweep: SweepId) -> Result<BTreeMap<RowStatus, u64>, StoreError> {
        pass!(self.row_counts(sweep))
    }
    async fn opened_by_app(&self, sweep: SweepId) -> Result<BTreeMap<AppId, u64>, StoreError> {
        pass!(self.opened_by_app(sweep))
    }
    async fn standings(&self, sweep: SweepId, channel: &Channel, mode: Mode) -> Result<Vec<StateTally>, StoreError> {
        pass!(self.standings(sweep, channel, mode))
    }
    async fn entries(&self, stream: Stream, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        pass!(self.entries(stream, after, limit))
    }
    async fn streams(&self, after: Option<Stream>, limit: usize) -> Result<Vec<Stream>, StoreError> {
        pass!(self.streams(after, limit))
    }
    async fn agenda_depth(&self, now: Timestamp, removals_open: bool) -> Result<AgendaDepth, StoreError> {
        pass!(self.agenda_depth(now, removals_open))
    }
    async fn offboardings(&self, filter: &OffboardingFilter) -> Result<Vec<OffboardingRow>, StoreError> {
        pass!(self.offboardings(filter))
    }

    async fn savings(&self, now: Timestamp) -> Result<Savings, StoreError> {
        pass!(self.savings(now))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: PeopleStore + ?Sized> PeopleStore for Stepped<T> {
    async fn people(&self, people: Vec<NewPerson>) -> Result<Vec<PersonRef>, StoreError> {
        pass!(self.people(people))
    }
    async fn find(&self, identity: &Identity) -> Result<Option<PersonRef>, StoreError> {
        pass!(self.find(identity))
    }
    async fn details(&self, people: &[PersonRef]) -> Result<Vec<Option<PersonDetails>>, StoreError> {
        pass!(self.details(people))
    }
    async fn accounts(&self, accounts: Vec<NewAccount>, now: Timestamp) -> Result<Vec<AccountId>, StoreError> {
        pass!(self.accounts(accounts, now))
    }
    async fn known_accounts(&self, accounts: &[(AppId, AccountNames)]) -> Result<Vec<Vec<AccountId>>, StoreError> {
        pass!(self.known_accounts(accounts))
    }
    async fn account_names(&self, accounts: &[AccountId]) -> Result<Vec<Option<AccountNames>>, StoreError> {
        pass!(self.account_names(accounts))
    }
    async fn texts(&self, texts: &[TextId]) -> Result<Vec<Option<String>>, StoreError> {
        pass!(self.texts(texts))
    }
    async fn erase(&self, person: PersonRef) -> Result<(), StoreError> {
        pass!(self.erase(person))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: ExceptionStore + ?Sized> ExceptionStore for Stepped<T> {
    async fn active(&self, seats: &[NamedSeat], now: Timestamp) -> Result<Vec<Option<Exception>>, StoreError> {
        pass!(self.active(seats, now))
    }
    async fn file(&self, exception: &Exception) -> Result<(), EffectError> {
        pass!(self.file(exception))
    }
    async fn revoke(&self, id: ExceptionId, now: Timestamp) -> Result<bool, StoreError> {
        pass!(self.revoke(id, now))
    }
    async fn list(
        &self,
        now: Timestamp,
        after: Option<ExceptionId>,
        limit: usize,
    ) -> Result<Vec<Exception>, StoreError> {
        pass!(self.list(now, after, limit))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Directory + ?Sized> Directory for Stepped<T> {
    async fn people(&self, people: &[PersonRef], now: Timestamp) -> Result<Vec<DirectoryEntry>, StoreError> {
        pass!(self.people(people, now))
    }
    async fn owners(&self, app: &AppId) -> Result<Vec<PersonRef>, StoreError> {
        pass!(self.owners(app))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: DirectoryQueries + ?Sized> DirectoryQueries for Stepped<T> {
    async fn operators(&self) -> Result<Vec<Operator>, StoreError> {
        pass!(self.operators())
    }
    async fn delegation(&self, id: DelegationId) -> Result<Option<Delegation>, StoreError> {
        pass!(self.delegation(id))
    }
    async fn delegations(
        &self,
        now: Timestamp,
        after: Option<DelegationId>,
        limit: usize,
    ) -> Result<Vec<Delegation>, StoreError> {
        pass!(self.delegations(now, after, limit))
    }
    async fn known_people(&self, after: Option<PersonRef>, limit: usize) -> Result<Vec<PersonRef>, StoreError> {
        pass!(self.known_people(after, limit))
    }
    async fn owned(&self, people: &[PersonRef]) -> Result<Vec<Vec<AppId>>, StoreError> {
        pass!(self.owned(people))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Deprovisioner + ?Sized> Deprovisioner for Stepped<T> {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        pass_whole!(self.deprovision(job))
    }
    async fn probe(&self, job: &Job) -> SeatStatus {
        pass_whole!(self.probe(job))
    }
    fn sees_activity(&self) -> bool {
        self.inner.sees_activity()
    }
    fn idempotency(&self) -> Idempotency {
        self.inner.idempotency()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Notifier + ?Sized> Notifier for Stepped<T> {
    async fn post(&self, message: &Message) -> Result<Posted, NotifyError> {
        pass_whole!(self.post(message))
    }
    async fn update(&self, posted: &Posted, message: &Message) -> Result<Posted, NotifyError> {
        pass_whole!(self.update(posted, message))
    }
    async fn find(&self, message: &Message) -> Result<Vec<Posted>, NotifyError> {
        pass_whole!(self.find(message))
    }
}
