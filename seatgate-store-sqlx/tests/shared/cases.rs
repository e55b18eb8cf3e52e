//! What holds over every store, through a gate and workers: of many tasks that race one wins, a lease that was lost settles
//! nothing, and clocks may be hours apart.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::gate::{Ask, Gate, GateError, Store};
use seatgate_core::id::{ExceptionId, RequestId};
use seatgate_core::person::Actor;
use seatgate_core::port::{Exception, OsEntropy, RowStatus};
use seatgate_core::request::{ApprovalState, Outcome, Refusal};
use seatgate_core::testing::ManualClock;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::Stream;
use seatgate_core::worker::Worker;
use tempfile::TempDir;
use tokio::task::JoinSet;

pub(crate) use crate::instants::{
    a_click_and_the_deadline_decide_once, a_withdrawal_and_the_first_call_are_never_both,
    an_undo_and_the_end_of_grace_are_never_both, an_undo_that_crosses_the_end_of_grace_is_one_or_the_other,
};
use crate::town::{House, Town, candidate, reported, until_done};

/// So many tasks race.
const RACERS: usize = 64;

/// The stores of several servers on one empty database, or of one; leases are judged by the clock that was asked for.
pub(crate) struct Opened<S> {
    pub(crate) stores: Vec<S>,
    pub(crate) folder: Option<TempDir>,
}

/// A town with servers in it.
struct Servers<S> {
    town: Town,
    houses: Vec<House<S>>,
    _folder: Option<TempDir>,
}

impl<S: Store + 'static> Servers<S> {
    async fn start(open: impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>) -> Option<Self> {
        let town = Town::new(&[]);
        let Opened { stores, folder } = open(town.clock.clone()).await?;
        let houses = stores.into_iter().map(|store| town.start(store)).collect();
        Some(Self { town, houses, _folder: folder })
    }

    fn one(&self) -> &House<S> {
        &self.houses[0]
    }

    async fn asked(&self, number: usize) -> RequestId {
        let report = self.one().sweep([candidate("figma", number)], None).await.unwrap();
        report.results[0].request_id.unwrap()
    }

    /// Runs a task for each number, on one server after the other, and answers in whatever order they end.
    async fn race<F, T>(&self, task: impl Fn(Gate, usize) -> F) -> Vec<T>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let mut tasks = JoinSet::new();
        for number in 0..RACERS {
            tasks.spawn(task(self.houses[number % self.houses.len()].gate.clone(), number));
        }
        tasks.join_all().await
    }

    /// How often an entry of this kind stands in a request's trail.
    async fn entries(&self, id: RequestId, kind: &str) -> usize {
        let trail = self.one().gate.queries().trail(Stream::Request(id)).await.unwrap();
        trail.iter().filter(|entry| entry.kind == kind).count()
    }
}

pub(crate) async fn one_of_64_decisions_counts<S: Store + 'static>(
    open: impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>,
) {
    let Some(servers) = Servers::start(open).await else { return };
    let id = servers.asked(1).await;
    let by = servers.one().by("mona@example.com").await;
    let answers = servers.race(|gate, number| {
        let by = by.clone();
        let ask = if number % 2 == 0 { Ask::Approve } else { Ask::Keep { until: None } };
        async move { gate.act(id, ask, Some("because"), &by).await }
    });
    let (won, lost): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    let decision = won[0].as_ref().unwrap().approval.state;
    for answer in lost {
        let Err(GateError::Refused { refusal, request }) = answer else { panic!("{answer:?}") };
        assert!(matches!(refusal, Refusal::AlreadyDecided | Refusal::AlreadyKept | Refusal::Closed), "{refusal:?}");
        assert_eq!(request.approval.state, decision, "each hears of the one that counts");
    }
    servers.one().settle(&servers.town).await;
    let outcome = if decision == ApprovalState::Kept { Outcome::Kept } else { Outcome::Reclaimed };
    assert_eq!(servers.one().request(id).await.outcome(), Some(outcome));
    assert_eq!(servers.entries(id, "decided").await, 1);
    assert_eq!(servers.town.target.effects().len(), usize::from(outcome == Outcome::Reclaimed));
}

pub(crate) async fn of_64_reports_of_a_seat_one_is_asked_about<S: Store + 'static>(
    open: impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>,
) {
    let Some(servers) = Servers::start(open).await else { return };
    // A busy disk may keep some waiting for too long: then nothing was written, or nobody knows, and they report again.
    let reports = servers.race(|gate, number| async move {
        let delivery = format!("delivery-{number}");
        let seats = || [1, 2].map(|number| candidate("figma", number));
        until_done(|| gate.sweep(reported(seats(), Some(&delivery)))).await.unwrap()
    });
    let reports = reports.await;
    for row in 0..2 {
        let results = reports.iter().map(|report| &report.results[row]);
        let asked = results.clone().filter(|result| result.status == RowStatus::Asked).count();
        let others = results.clone().filter(|result| result.status == RowStatus::Duplicate).count();
        assert_eq!((asked, others), (1, RACERS - 1), "{reports:?}");
        let ids: Vec<_> = results.map(|result| result.request_id).collect();
        assert!(ids.iter().all(|id| id.is_some() && *id == ids[0]), "each names the one request: {ids:?}");
    }
}

pub(crate) async fn sixty_four_workers_remove_each_seat_once<S: Store + 'static>(
    open: impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>,
) {
    let Some(servers) = Servers::start(open).await else { return };
    let report = servers.one().sweep((0..RACERS).map(|number| candidate("figma", number)), None).await.unwrap();
    let ids: Vec<RequestId> = report.results.iter().filter_map(|row| row.request_id).collect();
    for id in &ids {
        servers.one().act(*id, Ask::Approve).await;
    }
    let worked = servers.race(|gate, _| async move { Worker::new(&gate).run_until_idle().await.map(drop) });
    worked.await.into_iter().for_each(|worked| worked.unwrap());
    servers.one().settle(&servers.town).await;
    for id in ids {
        assert_eq!(servers.one().request(id).await.outcome(), Some(Outcome::Reclaimed));
        assert_eq!(servers.entries(id, "begun").await, 1);
    }
    assert_eq!((servers.town.target.calls().len(), servers.town.target.effects().len()), (RACERS, RACERS));
}

pub(crate) async fn of_64_filings_of_an_exception_one_is_kept<S: Store + 'static>(
    open: impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>,
) {
    let Some(servers) = Servers::start(open).await else { return };
    let id = servers.asked(1).await;
    let seat = servers.one().request(id).await.seat().cloned().unwrap();
    let now = servers.town.now();
    let until = now.saturating_add(Duration::from_secs(3600));
    let new = || Exception::new(ExceptionId::generate(now, &OsEntropy), seat.clone(), until, Actor::worker(), now);
    let exception = new();
    let filings = servers.race(|gate, _| {
        let exception = exception.clone();
        async move { gate.exceptions().file(&exception).await }
    });
    filings.await.into_iter().for_each(|filed| filed.unwrap());
    let generation = async || servers.one().store.seats(std::slice::from_ref(&seat)).await.unwrap()[0].generation;
    assert_eq!(generation().await, 1, "the same one raises the seat's generation once");
    let filings = servers.race(|gate, _| {
        let exception = new();
        async move { gate.exceptions().file(&exception).await }
    });
    filings.await.into_iter().for_each(|filed| filed.unwrap());
    assert_eq!(generation().await, 1 + RACERS as u64, "others raise it once each");
    assert_eq!(servers.one().gate.exceptions().list(now, None, 1000).await.unwrap().len(), 1 + RACERS);
}

/// A worker is so slow that its lease runs out, and another one takes the removal up.
pub(crate) async fn a_worker_whose_lease_was_taken_settles_nothing_and_is_heard<S: Store + 'static>(
    open: impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>,
) {
    let Some(servers) = Servers::start(open).await else { return };
    let (slow, other) = (servers.one(), servers.houses.last().unwrap());
    let id = servers.asked(1).await;
    slow.idle().await;
    slow.act(id, Ask::Approve).await;
    let mut late = Vec::new();
    for claimed in slow.worker.claim(10).await.unwrap().items {
        late.push(slow.worker.perform(claimed).await);
    }
    servers.town.clock.advance(slow_enough());
    let taken = other.worker.claim(10).await.unwrap().items;
    assert!(taken.iter().any(|claimed| claimed.after_lost_lease), "{taken:?}");
    let before = slow.request(id).await.plan;
    slow.worker.settle(late).await.unwrap();
    assert_eq!(servers.entries(id, "observed").await, 1, "what it saw is recorded");
    assert_eq!(slow.request(id).await.plan.tasks[0].attempts, before.tasks[0].attempts);
    let held = slow.worker.claim(10).await.unwrap().items;
    assert_eq!(held, [], "the other one's lease stands");
    for claimed in taken {
        let finished = other.worker.perform(claimed).await;
        other.worker.settle(vec![finished]).await.unwrap();
    }
    other.settle(&servers.town).await;
    assert_eq!(slow.request(id).await.outcome(), Some(Outcome::Reclaimed));
    assert_eq!(servers.town.target.effects().len(), 1);
    assert!(servers.town.target.calls().iter().all(|call| call.key == servers.town.target.calls()[0].key));
}

/// Longer than any lease here.
fn slow_enough() -> Duration {
    Duration::from_secs(120)
}

/// The database's clock is hours behind the application's, and hours before it: due times are judged by the one, leases by
/// the other, and nobody compares the two.
pub(crate) async fn clocks_may_be_hours_apart<S: Store + 'static>(
    open: impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>,
) {
    for apart in [-5_i64, 5] {
        let town = Town::new(&[("grace", "1h")]);
        let at = Timestamp::from_micros(town.now().as_micros() + apart * 3_600_000_000);
        let lease_clock = Arc::new(ManualClock::new(at));
        let Some(Opened { mut stores, folder: _folder }) = open(lease_clock.clone()).await else { return };
        let house = town.start(stores.remove(0));
        let report = house.sweep([candidate("figma", 1)], None).await.unwrap();
        let id = report.results[0].request_id.unwrap();
        house.idle().await;
        house.act(id, Ask::Approve).await;
        house.idle().await;
        lease_clock.advance(Duration::from_secs(24 * 3600));
        house.idle().await;
        assert_eq!(town.target.calls().len(), 0, "{apart} h: a day of the database is no hour of grace");
        town.clock.advance(Duration::from_secs(3600));
        assert!(!house.worker.claim(10).await.unwrap().items.is_empty(), "{apart} h: the grace period is over");
        town.clock.advance(Duration::from_secs(24 * 3600));
        assert_eq!(house.worker.claim(10).await.unwrap().items, [], "{apart} h: a day of ours ends no lease");
        lease_clock.advance(slow_enough());
        house.idle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed), "{apart} h");
        assert_eq!(town.target.calls().len(), 1, "{apart} h");
    }
}

/// Makes a test of each case over what the function opens.
macro_rules! over {
    ($name:ident, $open:path; $($case:ident)*) => {
        mod $name {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                $crate::cases::$case($open).await;
            }
        )*}
    };
    ($name:ident, $open:path) => {
        $crate::cases::over! { $name, $open;
            one_of_64_decisions_counts
            of_64_reports_of_a_seat_one_is_asked_about
            sixty_four_workers_remove_each_seat_once
            of_64_filings_of_an_exception_one_is_kept
            a_worker_whose_lease_was_taken_settles_nothing_and_is_heard
            clocks_may_be_hours_apart
            an_undo_and_the_end_of_grace_are_never_both
            an_undo_that_crosses_the_end_of_grace_is_one_or_the_other
            a_withdrawal_and_the_first_call_are_never_both
            a_click_and_the_deadline_decide_once
        }
    };
}
pub(crate) use over;
