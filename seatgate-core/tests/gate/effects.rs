//! Effects happen at least once, and say so.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::agenda::Item;
use seatgate_core::gate::{Ask, Gate, GateError};
use seatgate_core::id::RequestId;
use seatgate_core::port::{EffectError, Idempotency, NotifyError, PeopleStore, Removal, Router, SeatStatus, Target};
use seatgate_core::request::{Outcome, Proof, Refusal, RemovalKind, Request, Resolution, StateLabel, TaskState};
use seatgate_core::testing::{Duplicating, ScriptedDeprovisioner, Step, block_on, join_all};
use seatgate_core::worker::Worker;

use crate::house::{House, KEYED, candidate};
use crate::invariants;
use crate::stepped::Steps;

fn busy() -> Step {
    Step::fails(EffectError::not_done("503"))
}

fn lost() -> Step {
    Step::fails(EffectError::unknown("time-out"))
}

async fn approved(target: ScriptedDeprovisioner, steps: Vec<Step>) -> (House, RequestId) {
    let house = House::with(target, &[]);
    let id = house.open().await;
    steps.into_iter().for_each(|step| house.world.target.then(step));
    house.approve(id).await.unwrap();
    house.settle().await;
    invariants::check(&house.world).await;
    (house, id)
}

fn answer(request: &Request, resolution: Resolution) -> Ask {
    let task = &request.plan.tasks[0];
    Ask::Resolve { task: task.id, pause: Some(task.pauses), resolution }
}

#[test]
fn certain_failures_are_repeated_to_one_outcome() {
    block_on(async {
        let (house, id) = approved(ScriptedDeprovisioner::new(KEYED), vec![busy(), busy()]).await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
        assert_eq!(house.calls(), 3);
        assert_eq!(house.world.target.effects().len(), 1);
    });
}

#[test]
fn a_target_that_is_gone_is_left_alone_for_an_hour() {
    block_on(async {
        let house = House::new();
        let ana = house.open().await;
        let bo = candidate(serde_json::json!({"account": {"email": "bo@example.com"}}));
        let bo = house.sweep(vec![bo]).await.results[0].request_id.unwrap();
        house.idle().await;
        house.world.target.then(Step::fails(EffectError::rejected("410").target_gone()));
        house.approve(ana).await.unwrap();
        house.idle().await;
        assert_eq!(house.request(ana).await.label(), StateLabel::NeedsAttention);
        house.approve(bo).await.unwrap();
        house.world.pass(Duration::from_secs(3_599));
        house.idle().await;
        assert_eq!((house.calls(), house.request(bo).await.outcome()), (1, None), "nothing is lost, nothing is sent");
        house.world.pass(Duration::from_secs(1));
        house.idle().await;
        assert_eq!((house.calls(), house.request(bo).await.outcome()), (2, Some(Outcome::Reclaimed)));
        invariants::check(&house.world).await;
    });
}

#[test]
fn an_idempotent_target_that_never_answers_is_asked_with_one_key_until_given_up() {
    block_on(async {
        let (house, id) = approved(ScriptedDeprovisioner::new(KEYED), vec![lost(); 8]).await;
        let request = house.request(id).await;
        assert_eq!(request.label(), StateLabel::NeedsAttention);
        assert!(request.plan.may_have_happened());
        let calls = house.world.target.calls();
        assert_eq!(calls.len(), 8);
        assert!(calls.iter().all(|call| call.key == calls[0].key));
        let operator = house.appoint("lead@example.com").await;
        let after = house.gate.act(id, answer(&request, Resolution::Confirm), Some("looked it up"), &operator).await;
        assert_eq!(after.unwrap().outcome(), Some(Outcome::Reclaimed));
        invariants::check(&house.world).await;
    });
}

#[test]
fn a_target_without_promises_is_called_once() {
    block_on(async {
        let (house, id) = approved(ScriptedDeprovisioner::new(Idempotency::Unknown), vec![lost()]).await;
        let request = house.request(id).await;
        assert_eq!((house.calls(), request.label()), (1, StateLabel::NeedsAttention));
        let operator = house.appoint("lead@example.com").await;
        let skipped =
            house.gate.act(id, answer(&request, Resolution::Skip), Some("never mind"), &operator).await.unwrap();
        assert_eq!(skipped.outcome(), Some(Outcome::Stopped));
        assert!(skipped.plan.may_have_happened(), "every outcome but reclaimed carries it");
    });
}

#[test]
fn an_unknown_outcome_is_looked_up_where_that_is_possible() {
    block_on(async {
        let target = ScriptedDeprovisioner::new(Idempotency::Unknown).probeable();
        let (house, id) = approved(target, vec![Step::loses_the_reply()]).await;
        let request = house.request(id).await;
        assert_eq!((house.calls(), request.outcome()), (1, Some(Outcome::Reclaimed)));
        assert!(matches!(request.plan.tasks[0].state, TaskState::Done { proof: Proof::ReadBack, .. }));
    });
}

#[test]
fn still_held_after_an_unknown_outcome_needs_a_human() {
    block_on(async {
        let target = ScriptedDeprovisioner::new(Idempotency::Unknown).probeable();
        let (house, id) = approved(target, vec![lost()]).await;
        let request = house.request(id).await;
        assert_eq!((house.calls(), request.label()), (1, StateLabel::NeedsAttention));
        assert!(request.plan.may_have_happened(), "a late call may still land");
    });
}

#[test]
fn a_refusal_needs_a_human_and_a_retry_takes_a_new_key() {
    block_on(async {
        let rejected = Step::fails(EffectError::rejected("400"));
        let (house, id) = approved(ScriptedDeprovisioner::new(KEYED), vec![rejected]).await;
        let request = house.request(id).await;
        assert_eq!((house.calls(), request.label()), (1, StateLabel::NeedsAttention));
        let operator = house.appoint("lead@example.com").await;
        let confirm = house.gate.act(id, answer(&request, Resolution::Confirm), Some("no"), &operator).await;
        assert!(matches!(confirm, Err(GateError::Refused { refusal: Refusal::NothingToConfirm, .. })));
        house.gate.act(id, answer(&request, Resolution::Retry), None, &operator).await.unwrap();
        house.settle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
        let calls = house.world.target.calls();
        assert_eq!(calls[1].key, format!("{}-2", calls[0].key));
        let stale = house.gate.act(id, answer(&request, Resolution::Retry), None, &operator).await;
        assert!(stale.is_err());
    });
}

#[test]
fn what_is_pending_is_looked_up_until_it_is_gone() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(Idempotency::Unknown).probeable(), &[]);
        let id = house.open().await;
        house.world.target.then(Step::answers(Removal::pending(None)));
        house.approve(id).await.unwrap();
        house.idle().await;
        assert_eq!(house.request(id).await.label(), StateLabel::Executing);
        house.world.pass(Duration::from_secs(60));
        house.idle().await;
        let call = house.world.target.calls()[0].clone();
        house.world.target.land(&call);
        house.settle().await;
        assert_eq!((house.calls(), house.request(id).await.outcome()), (1, Some(Outcome::Reclaimed)));
    });
}

#[test]
fn what_is_accepted_is_asked_for_at_its_place_until_it_ends() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(Idempotency::Unknown).accepting(), &[]);
        let id = house.open().await;
        house.approve(id).await.unwrap();
        house.idle().await;
        let task = house.request(id).await.plan.tasks[0].clone();
        assert!(matches!(task.state, TaskState::Probing { .. }) && task.may_have_happened, "{task:?}");
        let place = house.world.store.texts(&[task.location.unwrap().id]).await.unwrap().remove(0).unwrap();
        assert_eq!(place, format!("/removals/{}", task.id));
        let restarted = house.world.start(Steps::free());
        restarted.settle().await;
        let request = house.request(id).await;
        let TaskState::Done { removal, proof, receipt } = request.plan.tasks[0].state else { panic!("{request:?}") };
        assert_eq!((removal, proof), (Some(RemovalKind::Removed), Proof::Receipt));
        let joined = house.gate.join(std::slice::from_ref(&request)).await.unwrap();
        assert_eq!(joined.text(receipt), Some(format!("done {}", task.id).as_str()));
        assert_eq!((house.calls(), request.outcome()), (1, Some(Outcome::Reclaimed)));
        let trail = serde_json::to_string(&house.trail(id).await).unwrap();
        assert!(!trail.contains("/removals/") && trail.contains("\"location\":{"), "a reference, and not the place");
        invariants::check(&house.world).await;
    });
}

#[test]
fn a_place_that_was_erased_with_the_person_is_asked_no_more() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(Idempotency::Unknown).accepting(), &[]);
        let id = house.open().await;
        house.approve(id).await.unwrap();
        house.idle().await;
        let person = house.by("mona@example.com").await.actor.person().unwrap();
        house.gate.people().erase(person).await.unwrap();
        house.settle().await;
        let request = house.request(id).await;
        assert_eq!((house.calls(), request.label()), (1, StateLabel::NeedsAttention));
        assert!(request.plan.may_have_happened());
    });
}

#[test]
fn a_place_that_never_tells_is_asked_until_given_up() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(KEYED).accepting(), &[("retry.give_up_after", "1h")]);
        let id = house.open().await;
        let later = house.now().saturating_add(Duration::from_secs(600));
        house.world.target.then_probe(SeatStatus::cannot_tell());
        house.world.target.then_probe(SeatStatus::not_yet(Some(later)));
        (0..60).for_each(|_| house.world.target.then_probe(SeatStatus::not_yet(None)));
        house.approve(id).await.unwrap();
        house.idle().await;
        house.world.pass(Duration::from_secs(2));
        house.idle().await;
        let TaskState::Probing { at } = house.request(id).await.plan.tasks[0].state else { panic!("not probing") };
        assert_eq!(at, later, "the target's own time");
        house.settle().await;
        let request = house.request(id).await;
        assert_eq!((house.calls(), request.label()), (1, StateLabel::NeedsAttention));
        assert!(request.plan.may_have_happened());
    });
}

#[test]
fn a_429_stands_although_a_call_from_before_it_succeeds_after_it() {
    block_on(async {
        let house = House::new();
        let rows = ["bo", "cy", "di"]
            .map(|name| candidate(serde_json::json!({"account": {"email": format!("{name}@example.com")}})));
        let report = house.sweep(rows.to_vec()).await;
        let [bo, cy, di] = [0, 1, 2].map(|row| report.results[row].request_id.unwrap());
        house.idle().await;
        let wanted = house.now().saturating_add(Duration::from_secs(60));
        house.world.target.then(Step::fails(EffectError::not_done("429").retry_at(wanted)));
        for id in [bo, cy] {
            house.approve(id).await.unwrap();
        }
        let mut finished = Vec::new();
        for claimed in house.worker.claim(64).await.unwrap().items {
            finished.push(house.worker.perform(claimed).await);
        }
        house.worker.settle(finished).await.unwrap();
        let mut ended = vec![house.request(bo).await.outcome(), house.request(cy).await.outcome()];
        ended.sort();
        assert_eq!((house.calls(), ended), (2, vec![None, Some(Outcome::Reclaimed)]), "one of them was refused");
        house.approve(di).await.unwrap();
        house.idle().await;
        assert_eq!(house.calls(), 2, "the target asked for a minute");
        house.world.pass(Duration::from_secs(60));
        house.idle().await;
        let ended = [bo, cy, di].map(|id| house.request(id));
        let ended: Vec<_> = join_all(ended).await.iter().map(|request| request.outcome()).collect();
        assert_eq!((house.calls(), ended), (4, vec![Some(Outcome::Reclaimed); 3]));
    });
}

#[test]
fn a_target_gets_no_more_removals_side_by_side_than_it_says() {
    block_on(async {
        let mut house = House::new();
        let target = Target::new("idp", house.world.target.clone()).with_concurrency(2);
        let (store, clock) = (house.world.store.clone(), house.world.clock.clone());
        let gate = Gate::builder(store, clock, house.world.entropy.clone()).router(Router::new().otherwise(target));
        house.gate = gate.build().unwrap();
        house.worker = Worker::new(&house.gate);
        let rows = ["bo", "cy", "di"]
            .map(|name| candidate(serde_json::json!({"account": {"email": format!("{name}@example.com")}})));
        for result in house.sweep(rows.to_vec()).await.results {
            house.approve(result.request_id.unwrap()).await.unwrap();
        }
        let claimed = house.worker.claim(64).await.unwrap().items;
        assert_eq!(claimed.iter().filter(|claimed| matches!(claimed.item, Item::Perform { .. })).count(), 2);
    });
}

#[test]
fn a_worker_that_vanishes_after_begin_leaves_an_ambiguous_attempt() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.approve(id).await.unwrap();
        let claims = house.worker.claim(10).await.unwrap();
        house.world.target.then(Step::removes_and_hangs());
        for claimed in claims.items {
            // The call never answers: this future is dropped with it, as the driver's time-out or a crash would.
            let mut performing = Box::pin(house.worker.perform(claimed));
            let polled =
                std::future::poll_fn(|context| std::task::Poll::Ready(performing.as_mut().poll(context))).await;
            if let std::task::Poll::Ready(finished) = polled {
                house.worker.settle(vec![finished]).await.unwrap();
            }
        }
        house.idle().await;
        assert_eq!(house.calls(), 1, "the lease holds");
        house.world.pass(Duration::from_secs(21));
        house.settle().await;
        let kinds = house.kinds(id).await;
        assert_eq!(kinds, ["opened", "decided", "begun", "attempt_ended", "begun", "attempt_ended", "closed"]);
        let calls = house.world.target.calls();
        assert_eq!((calls.len(), &calls[0].key), (2, &calls[1].key));
        assert_eq!(house.world.target.effects().len(), 1);
        invariants::check(&house.world).await;
    });
}

#[test]
fn a_worker_without_its_lease_begins_nothing() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.approve(id).await.unwrap();
        house.world.pass(Duration::from_secs(2));
        let slow = house.worker.claim(10).await.unwrap();
        house.world.pass(Duration::from_secs(21));
        let fast = house.worker.claim(10).await.unwrap();
        assert_eq!(slow.items.len(), fast.items.len());
        for claimed in slow.items {
            let _ = house.worker.perform(claimed).await;
        }
        assert_eq!(house.calls(), 0, "the lease is another's");
        for claimed in fast.items {
            let finished = house.worker.perform(claimed).await;
            house.worker.settle(vec![finished]).await.unwrap();
        }
        assert_eq!((house.calls(), house.request(id).await.outcome()), (1, Some(Outcome::Reclaimed)));
    });
}

#[test]
fn the_lease_lasts_as_long_as_the_call_may_take() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.approve(id).await.unwrap();
        let claims = house.worker.claim(10).await.unwrap();
        house.world.lease_clock.advance(Duration::from_secs(19));
        let mut finished = Vec::new();
        for claimed in claims.items {
            finished.push(house.worker.perform(claimed).await);
        }
        house.world.lease_clock.advance(Duration::from_secs(19));
        let of_the_task = |item: &Item| matches!(item, Item::Perform { .. });
        let others = house.worker.claim(10).await.unwrap();
        assert!(!others.items.iter().any(|claimed| of_the_task(&claimed.item)), "Begin set the lease anew");
        house.worker.settle(finished).await.unwrap();
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
    });
}

#[test]
fn a_result_without_a_lease_is_only_an_observation() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.approve(id).await.unwrap();
        let mut late = Vec::new();
        for claimed in house.worker.claim(10).await.unwrap().items {
            late.push(house.worker.perform(claimed).await);
        }
        house.world.pass(Duration::from_secs(21));
        let others = house.worker.claim(10).await.unwrap();
        house.worker.settle(late).await.unwrap();
        assert_eq!(house.kinds(id).await, ["opened", "decided", "begun", "observed"]);
        for claimed in others.items {
            let finished = house.worker.perform(claimed).await;
            house.worker.settle(vec![finished]).await.unwrap();
        }
        house.settle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
        invariants::check(&house.world).await;
    });
}

#[test]
fn a_result_that_comes_late_is_recorded_and_can_still_settle_an_open_effect() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(Idempotency::Unknown), &[]);
        let id = house.open().await;
        house.approve(id).await.unwrap();
        let claims = house.worker.claim(10).await.unwrap();
        let mut late = Vec::new();
        for claimed in claims.items {
            late.push(house.worker.perform(claimed).await);
        }
        house.world.pass(Duration::from_secs(60));
        house.idle().await;
        house.world.pass(Duration::from_secs(60));
        house.idle().await;
        assert_eq!(house.request(id).await.label(), StateLabel::NeedsAttention);
        house.worker.settle(late).await.unwrap();
        let request = house.request(id).await;
        assert_eq!((house.calls(), request.outcome()), (1, Some(Outcome::Reclaimed)));
        assert!(house.kinds(id).await.contains(&"observed".to_owned()));
        invariants::check(&house.world).await;
    });
}

#[test]
fn an_exception_filed_meanwhile_withdraws_before_anything_begins() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(KEYED), &[("grace", "1d")]);
        let id = house.open().await;
        let request = house.approve(id).await.unwrap();
        let now = house.now();
        let exception = seatgate_core::port::Exception::new(
            seatgate_core::id::ExceptionId::generate(now, &*house.world.entropy),
            request.seat().unwrap().clone(),
            now.saturating_add(Duration::from_secs(30 * 86_400)),
            house.by("mona@example.com").await.actor,
            now,
        );
        house.gate.exceptions().file(&exception).await.unwrap();
        house.world.pass(Duration::from_secs(86_400));
        house.settle().await;
        let request = house.request(id).await;
        assert_eq!((house.calls(), request.outcome()), (0, Some(Outcome::Withdrawn)));
    });
}

#[test]
fn a_seat_that_was_used_again_is_not_removed() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(KEYED).probeable(), &[]);
        let id = house.open().await;
        house.world.target.use_seats_at(house.now());
        house.approve(id).await.unwrap();
        house.settle().await;
        assert_eq!((house.calls(), house.request(id).await.outcome()), (0, Some(Outcome::Withdrawn)));
    });
}

#[test]
fn a_dead_target_delays_no_message() {
    block_on(async {
        let (house, id) = approved(ScriptedDeprovisioner::new(KEYED), vec![busy(); 3]).await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
        assert!(house.world.notifier.sent().len() >= 3, "the card, its updates and the report");
    });
}

#[test]
fn a_message_that_fails_is_sent_again_and_never_needs_attention() {
    block_on(async {
        let house = House::new();
        let failures = [NotifyError::Unknown, NotifyError::RetryAt(None)];
        failures.iter().for_each(|failure| house.fail_card_and_notice(failure));
        let id = house.open().await;
        assert!(house.world.notifier.sent().is_empty());
        house.world.pass(Duration::from_secs(60));
        house.idle().await;
        house.world.pass(Duration::from_secs(60));
        house.idle().await;
        let cards = house.cards();
        assert_eq!(cards.len(), 1);
        assert!(cards[0].message.repeated, "a copy may be there, and this one says so");
        assert_eq!(house.request(id).await.label(), StateLabel::AwaitingDecision);
    });
}

#[test]
fn deadlines_start_when_the_card_was_delivered() {
    block_on(async {
        let house = House::new();
        (0..20).for_each(|_| house.fail_card_and_notice(&NotifyError::RetryAt(None)));
        let id = house.open().await;
        for _ in 0..19 {
            house.world.pass(Duration::from_secs(86_400));
            house.idle().await;
        }
        assert_eq!(house.request(id).await.label(), StateLabel::AwaitingDecision, "nobody could see it yet");
        house.world.pass(Duration::from_secs(86_400));
        house.idle().await;
        house.world.pass(Duration::from_secs(14 * 86_400));
        house.idle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Kept));
    });
}

#[test]
fn a_probe_status_script_is_followed() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(Idempotency::Unknown), &[]);
        let id = house.open().await;
        house.world.target.then_probe(SeatStatus::cannot_tell());
        house.world.target.then_probe(SeatStatus::cannot_tell());
        house.world.target.then_probe(SeatStatus::not_held());
        house.world.target.then(lost());
        house.approve(id).await.unwrap();
        house.settle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
    });
}

#[test]
fn every_write_twice_shows_nowhere() {
    block_on(async {
        let mut house = House::with(ScriptedDeprovisioner::new(KEYED), &[]);
        let world = house.world.clone();
        house.gate = Gate::builder(world.store.clone(), world.clock.clone(), world.entropy.clone())
            .requests(Arc::new(Duplicating::new(world.store.clone())))
            .notifier(world.notifier.clone())
            .router(Router::new().otherwise(Target::new("idp", Arc::new(Duplicating::new(world.target.clone())))))
            .build()
            .unwrap();
        house.worker = Worker::new(&house.gate);
        let id = house.open().await;
        house.approve(id).await.unwrap();
        house.idle().await;
        assert_eq!(house.kinds(id).await, ["opened", "decided", "begun", "attempt_ended", "closed"]);
        assert_eq!((house.calls(), world.target.effects().len()), (2, 1));
        let posts = world.notifier.sent().iter().filter(|sent| !sent.is_update).count();
        assert_eq!(posts, 3, "one card, one notice, one report");
        invariants::check(&world).await;
    });
}
