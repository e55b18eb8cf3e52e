//! What goes wrong around the gate: targets that vanish or never answer, messages that hang, clocks that step back,
//! stores that fail at the worst moment. Nothing waits for ever, nothing spins, and nothing known is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::agenda::{Claimed, Item};
use seatgate_core::authorize::Denial;
use seatgate_core::gate::{Ask, Gate, GateError};
use seatgate_core::id::{ExceptionId, RequestId};
use seatgate_core::memory::MemoryStore;
use seatgate_core::message::{Content, Message};
use seatgate_core::port::{
    Deprovisioner, EffectError, Exception, ExceptionStore, Idempotency, Job, NamedSeat, Notifier, NotifyError, Posted,
    Removal, RequestFilter, Router, RowStatus, SeatStatus, StoreError, StoreErrorKind, Target,
};
use seatgate_core::request::{Outcome, PauseReason, Resolution, StateLabel, TaskState};
use seatgate_core::testing::{Fault, Faulty, ScriptedDeprovisioner, Step, block_on};
use seatgate_core::time::Timestamp;
use seatgate_core::worker::Worker;
use serde_json::json;

use crate::house::{House, KEYED, World, ana, candidate};
use crate::invariants;
use crate::stepped::Steps;

/// A process on `world` that removes through `target`.
fn serving(world: &Arc<World>, target: Option<Arc<dyn Deprovisioner>>) -> House {
    let router = target.map_or(Router::new(), |target| Router::new().otherwise(Target::new("idp", target)));
    let gate = Gate::builder(world.store.clone(), world.clock.clone(), world.entropy.clone())
        .notifier(world.notifier.clone())
        .router(router)
        .policy(world.policy.clone())
        .build()
        .unwrap();
    House { world: world.clone(), worker: Worker::new(&gate), gate, steps: Steps::free() }
}

/// A worker for whom every wait is over at once.
fn impatient(gate: &Gate) -> Worker {
    Worker::new(gate).with_timer(|_| std::future::ready(()))
}

/// A target, and a notifier, that never answer some questions.
struct Hanging(Arc<ScriptedDeprovisioner>);

#[async_trait]
impl Deprovisioner for Hanging {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        self.0.deprovision(job).await
    }

    async fn probe(&self, _job: &Job) -> SeatStatus {
        std::future::pending().await
    }

    fn idempotency(&self) -> Idempotency {
        self.0.idempotency()
    }
}

#[async_trait]
impl Notifier for Hanging {
    async fn post(&self, _message: &Message) -> Result<Posted, NotifyError> {
        std::future::pending().await
    }

    async fn update(&self, _posted: &Posted, _message: &Message) -> Result<Posted, NotifyError> {
        std::future::pending().await
    }
}

async fn claimed_task(worker: &Worker) -> Claimed {
    let claims = worker.claim(64).await.unwrap().items.into_iter();
    claims.into_iter().find(|claimed| matches!(claimed.item, Item::Perform { .. })).expect("a task is due")
}

#[test]
fn a_target_that_is_gone_from_the_router_waits_for_a_human() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.approve(id).await.unwrap();
        let without = serving(&house.world, None);
        without.idle().await;
        let request = house.request(id).await;
        let task = &request.plan.tasks[0];
        assert!(matches!(task.state, TaskState::Paused { why: PauseReason::NoTarget, .. }), "{:?}", task.state);
        let operator = house.appoint("lead@example.com").await;
        let retry = Ask::Resolve { task: task.id, pause: None, resolution: Resolution::Retry };
        house.gate.act(id, retry, None, &operator).await.unwrap();
        house.idle().await;
        assert_eq!((house.calls(), house.request(id).await.outcome()), (1, Some(Outcome::Reclaimed)));
        invariants::check(&house.world).await;
    });
}

#[test]
fn a_check_before_the_call_that_never_answers_cannot_tell() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.approve(id).await.unwrap();
        let hanging = serving(&house.world, Some(Arc::new(Hanging(house.world.target.clone()))));
        impatient(&hanging.gate).run_until_idle().await.unwrap();
        assert_eq!((house.calls(), house.request(id).await.outcome()), (1, Some(Outcome::Reclaimed)));
    });
}

#[test]
fn a_look_up_that_never_answers_cannot_tell_and_asks_a_human_in_the_end() {
    block_on(async {
        let world = World::new(ScriptedDeprovisioner::new(Idempotency::Unknown), &[]);
        let house = serving(&world, Some(Arc::new(Hanging(world.target.clone()))));
        let id = house.open().await;
        world.target.then(Step::loses_the_reply());
        house.approve(id).await.unwrap();
        for _ in 0..5 {
            impatient(&house.gate).run_until_idle().await.unwrap();
            world.pass(Duration::from_secs(600));
        }
        assert_eq!((house.calls(), house.request(id).await.label()), (1, StateLabel::NeedsAttention));
    });
}

#[test]
fn a_message_that_hangs_is_repeated_later_and_says_so() {
    block_on(async {
        let house = House::new();
        house.sweep(vec![ana()]).await;
        let hanging = Gate::builder(house.world.store.clone(), house.world.clock.clone(), house.world.entropy.clone())
            .notifier(Arc::new(Hanging(house.world.target.clone())))
            .build()
            .unwrap();
        let idle = impatient(&hanging).run_until_idle().await.unwrap();
        assert!(idle.next_due.is_some_and(|due| due > house.now()), "it is not sent again at once");
        house.world.pass(Duration::from_secs(1));
        house.idle().await;
        let cards = house.cards();
        assert_eq!(cards.len(), 1);
        assert!(cards[0].message.repeated, "a copy may be there");
    });
}

#[test]
fn a_notifier_that_asks_for_years_is_asked_again_tomorrow() {
    block_on(async {
        let house = House::new();
        house.fail_card_and_notice(&NotifyError::RetryAt(Some("9999-01-01T00:00:00Z".parse().unwrap())));
        house.open().await;
        house.world.pass(Duration::from_secs(86_400));
        house.idle().await;
        assert_eq!(house.cards().len(), 1);
    });
}

#[test]
fn a_clock_that_steps_back_makes_nothing_spin() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(KEYED).probeable(), &[]);
        let id = house.open().await;
        house.world.target.then(Step::fails(EffectError::not_done("503")));
        house.approve(id).await.unwrap();
        house.idle().await;
        let TaskState::Ready { at } = house.request(id).await.plan.tasks[0].state else { panic!("not ready") };
        house.world.clock.set(at.saturating_add(Duration::from_secs(60)));
        let claimed = claimed_task(&house.worker).await;
        house.world.clock.set("2026-11-20T06:00:00Z".parse().unwrap());
        let finished = house.worker.perform(claimed).await;
        house.worker.settle(vec![finished]).await.unwrap();
        let again = house.worker.claim(64).await.unwrap();
        assert!(again.items.is_empty(), "{:?}", again.items);
        assert!(again.next_due.is_some_and(|due| due >= at), "it waits for its time");
        house.world.clock.set(at.saturating_add(Duration::from_secs(60)));
        house.settle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
    });
}

#[test]
fn whoever_loses_the_seat_is_withdrawn_although_the_winner_was_faster() {
    block_on(async {
        let house = House::new();
        let operator = house.appoint("lead@example.com").await;
        let rows = ["id", "email"].map(|name| candidate(json!({"account": {name: ana_by(name)}})));
        let [winner, loser] = house.sweep(rows.to_vec()).await.results.try_into().unwrap();
        let (winner, loser): (RequestId, RequestId) = (winner.request_id.unwrap(), loser.request_id.unwrap());
        assert_eq!(house.sweep(vec![ana()]).await.results[0].request_id, Some(winner));
        house.gate.act(winner, Ask::Withdraw, None, &operator).await.unwrap();
        house.idle().await;
        assert_eq!(house.request(loser).await.outcome(), Some(Outcome::Withdrawn), "nobody has the seat for it");
        invariants::check(&house.world).await;
        assert_eq!(house.sweep(vec![ana()]).await.results[0].status, RowStatus::Asked);
        let mut open = RequestFilter::first(9);
        open.state = Some(StateLabel::AwaitingDecision);
        assert_eq!(house.gate.queries().list(&open).await.unwrap().len(), 1);
    });
}

fn ana_by(name: &str) -> &'static str {
    if name == "id" { "00u1" } else { "ana@example.com" }
}

#[test]
fn a_holder_is_known_by_the_id_too() {
    block_on(async {
        let house = House::new();
        let first = house.open().await;
        house.approve(first).await.unwrap();
        house.idle().await;
        let by_id = candidate(json!({"account": {"id": "00u1"}, "manager": {"email": "ana@example.com"}}));
        let report = house.sweep(vec![by_id]).await;
        let id = report.results[0].request_id.unwrap();
        let by = house.by("ana@example.com").await;
        let keep = house.gate.act(id, Ask::Keep { until: None }, Some("mine"), &by).await;
        assert!(matches!(keep, Err(GateError::Denied(Denial::OwnSeat))), "{keep:?}");
    });
}

#[test]
fn with_nobody_to_ask_time_is_up_all_the_same_and_removes_nothing() {
    block_on(async {
        let mut world = World::new(ScriptedDeprovisioner::new(KEYED), &[("on_expiry", "reclaim")]);
        Arc::get_mut(&mut world).unwrap().reversible = true;
        let house = world.start(Steps::free());
        let report = house.sweep(vec![candidate(json!({"manager": null}))]).await;
        let id = report.results[0].request_id.unwrap();
        assert!(house.request(id).await.approval.asked.is_empty());
        house.world.pass(Duration::from_secs(14 * 86_400));
        house.idle().await;
        let request = house.request(id).await;
        assert_eq!(
            (house.calls(), request.outcome()),
            (0, Some(Outcome::Kept)),
            "nobody was asked: no silence to heed"
        );
    });
}

#[test]
fn an_exception_that_may_be_filed_is_not_called_a_removal() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        let gate = Gate::builder(house.world.store.clone(), house.world.clock.clone(), house.world.entropy.clone())
            .notifier(house.world.notifier.clone())
            .exceptions(Arc::new(Forgetful))
            .build()
            .unwrap();
        house.keep(id).await.unwrap();
        for _ in 0..20 {
            Worker::new(&gate).run_until_idle().await.unwrap();
            house.world.pass(Duration::from_secs(900));
        }
        assert_eq!(house.request(id).await.label(), StateLabel::NeedsAttention);
        let shown = house.world.notifier.shown();
        let cards = shown.iter().filter(|message| matches!(message.content, Content::Card { .. }));
        let texts: Vec<String> = cards.map(Message::plain_text).collect();
        assert!(texts.iter().all(|text| !text.contains("The removal may have happened")), "{texts:?}");
        assert!(texts.iter().any(|text| text.contains("The exception may be filed all the same.")), "{texts:?}");
    });
}

/// An exception store that never knows whether it filed.
struct Forgetful;

#[async_trait]
impl ExceptionStore for Forgetful {
    async fn active(&self, seats: &[NamedSeat], _now: Timestamp) -> Result<Vec<Option<Exception>>, StoreError> {
        Ok(vec![None; seats.len()])
    }

    async fn file(&self, _exception: &Exception) -> Result<(), EffectError> {
        Err(EffectError::unknown("time-out"))
    }

    async fn revoke(&self, _id: ExceptionId, _now: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn list(
        &self,
        _now: Timestamp,
        _after: Option<ExceptionId>,
        _limit: usize,
    ) -> Result<Vec<Exception>, StoreError> {
        Ok(Vec::new())
    }
}

/// An exception store that is away until it is told to be back.
struct Away {
    back: AtomicBool,
    inner: Arc<MemoryStore>,
}

impl Away {
    fn check<E>(&self, error: E) -> Result<(), E> {
        if self.back.load(Ordering::SeqCst) { Ok(()) } else { Err(error) }
    }

    fn broken() -> StoreError {
        StoreError::new(StoreErrorKind::Unavailable, "asking for exceptions")
    }
}

#[async_trait]
impl ExceptionStore for Away {
    async fn active(&self, seats: &[NamedSeat], now: Timestamp) -> Result<Vec<Option<Exception>>, StoreError> {
        self.check(Self::broken())?;
        self.inner.active(seats, now).await
    }

    async fn file(&self, exception: &Exception) -> Result<(), EffectError> {
        self.check(EffectError::not_done("connection refused"))?;
        self.inner.file(exception).await
    }

    async fn revoke(&self, id: ExceptionId, now: Timestamp) -> Result<bool, StoreError> {
        self.check(Self::broken())?;
        self.inner.revoke(id, now).await
    }

    async fn list(
        &self,
        now: Timestamp,
        after: Option<ExceptionId>,
        limit: usize,
    ) -> Result<Vec<Exception>, StoreError> {
        self.check(Self::broken())?;
        ExceptionStore::list(&*self.inner, now, after, limit).await
    }
}

#[test]
fn while_exceptions_cannot_be_filed_nobody_is_asked_again_and_a_retry_files_it() {
    block_on(async {
        let mut house = House::new();
        let id = house.open().await;
        let world = house.world.clone();
        let store = Arc::new(Away { back: AtomicBool::new(false), inner: world.store.clone() });
        house.gate = Gate::builder(world.store.clone(), world.clock.clone(), world.entropy.clone())
            .exceptions(store.clone())
            .router(Router::new().otherwise(Target::new("idp", world.target.clone())))
            .build()
            .unwrap();
        house.worker = Worker::new(&house.gate);
        house.keep(id).await.unwrap();
        for _ in 0..30 {
            house.idle().await;
            let swept = house.try_sweep(vec![ana()], None).await;
            let asked = swept.map(|report| report.results[0].status);
            assert!(matches!(asked, Err(_) | Ok(RowStatus::Duplicate)), "{asked:?}");
            world.pass(Duration::from_secs(3_600));
        }
        let request = house.request(id).await;
        let task = &request.plan.tasks[0];
        assert!(matches!(task.state, TaskState::Paused { why: PauseReason::GaveUp, .. }), "{:?}", task.state);
        store.back.store(true, Ordering::SeqCst);
        assert_eq!(house.sweep(vec![ana()]).await.results[0].status, RowStatus::Duplicate, "paused is open still");
        let operator = house.appoint("lead@example.com").await;
        let retry = Ask::Resolve { task: task.id, pause: None, resolution: Resolution::Retry };
        house.gate.act(id, retry, None, &operator).await.unwrap();
        house.idle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Kept));
        assert_eq!(house.sweep(vec![ana()]).await.results[0].status, RowStatus::Excepted);
        invariants::check(&world).await;
    });
}

/// A house on a store that can be told to fail.
pub fn faulty(world: &Arc<World>, target: Arc<dyn Deprovisioner>) -> (House, Arc<Faulty<MemoryStore>>) {
    let store = Arc::new(Faulty::new(world.store.clone()));
    let gate = Gate::builder(world.store.clone(), world.clock.clone(), world.entropy.clone())
        .requests(store.clone())
        .notifier(world.notifier.clone())
        .router(Router::new().otherwise(Target::new("idp", target)))
        .policy(world.policy.clone())
        .build()
        .unwrap();
    (House { world: world.clone(), worker: Worker::new(&gate), gate, steps: Steps::free() }, store)
}

#[test]
fn a_result_that_could_not_be_written_can_be_handed_in_again() {
    for fault in [Fault::Before, Fault::After] {
        block_on(async {
            let world = World::new(ScriptedDeprovisioner::new(Idempotency::Unknown), &[]);
            let (house, store) = faulty(&world, world.target.clone());
            let id = house.open().await;
            house.approve(id).await.unwrap();
            let claimed = claimed_task(&house.worker).await;
            let finished = house.worker.perform(claimed).await;
            // What Begin left is known, so it is committed at once: twice, if the first reply is lost.
            store.fail_at(store.calls() + 1, fault);
            if fault == Fault::After {
                store.fail_at(store.calls() + 2, fault);
            }
            let first = house.worker.settle(vec![finished.clone()]).await;
            assert!(first.is_err_and(|error| error.is_transient()));
            house.worker.settle(vec![finished]).await.unwrap();
            let kinds = house.kinds(id).await;
            assert_eq!(kinds, ["opened", "decided", "begun", "attempt_ended", "closed"], "after {fault:?}");
        });
    }
}

#[test]
fn one_result_that_could_not_be_written_takes_no_other_with_it() {
    block_on(async {
        let world = World::new(ScriptedDeprovisioner::new(Idempotency::Unknown), &[]);
        let (house, store) = faulty(&world, world.target.clone());
        let zoe = candidate(json!({"account": {"email": "zoe@example.com"}}));
        let report = house.sweep(vec![ana(), zoe]).await;
        house.idle().await;
        let ids: Vec<RequestId> = report.results.iter().filter_map(|result| result.request_id).collect();
        for id in &ids {
            house.approve(*id).await.unwrap();
        }
        let mut finished = Vec::new();
        for claimed in house.worker.claim(64).await.unwrap().items {
            if matches!(claimed.item, Item::Perform { .. }) {
                finished.push(house.worker.perform(claimed).await);
            }
        }
        assert_eq!(finished.len(), 2);
        store.fail_next(Fault::Before);
        assert!(house.worker.settle(finished).await.is_err());
        let mut closed = 0;
        for id in ids {
            closed += usize::from(house.request(id).await.outcome() == Some(Outcome::Reclaimed));
        }
        assert_eq!(closed, 1);
    });
}
