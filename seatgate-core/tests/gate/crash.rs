//! The process dies at every step, once and twice, and starts again: nothing acknowledged is lost, every effect happens,
//! all calls of one task bear one key.
//!
//! A step is the moment before or after any call of a port. The simulation is exhaustive for one crash, and for two it
//! takes every `STRIDE`-th pair; `SEATGATE_LONG=1` takes them all.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use seatgate_core::canonical::Digest;
use seatgate_core::gate::GateError;
use seatgate_core::id::RequestId;
use seatgate_core::message::Content;
use seatgate_core::port::{Idempotency, Inbound, RequestFilter, RequestQueries, RequestStore};
use seatgate_core::request::{Outcome, Refusal, StateLabel};
use seatgate_core::testing::{ScriptedDeprovisioner, block_on};

use crate::house::{House, World, ana};
use crate::invariants;
use crate::stepped::Steps;

const STRIDE: u64 = 41;

#[derive(Clone, Copy, Debug)]
struct Scenario {
    keep: bool,
    idempotency: Idempotency,
    probeable: bool,
    accepting: bool,
    grace: bool,
}

/// A removal at a target without promises.
const PLAIN: Scenario =
    Scenario { keep: false, idempotency: UNKNOWN, probeable: false, accepting: false, grace: false };

/// What the outside was told, and so must find again.
#[derive(Default)]
struct Acknowledged {
    asked: Option<RequestId>,
    decided: bool,
}

const KEYED: Idempotency = Idempotency::Natural;
const UNKNOWN: Idempotency = Idempotency::Unknown;

#[test]
fn an_idempotent_target() {
    explore(Scenario { idempotency: KEYED, ..PLAIN });
}

#[test]
fn an_idempotent_target_after_a_grace_period() {
    explore(Scenario { idempotency: KEYED, probeable: true, grace: true, ..PLAIN });
}

#[test]
fn a_target_that_can_be_looked_up() {
    explore(Scenario { probeable: true, ..PLAIN });
}

#[test]
fn a_target_without_promises() {
    explore(PLAIN);
}

#[test]
fn an_idempotent_target_that_accepts_and_tells_later() {
    explore(Scenario { idempotency: KEYED, accepting: true, ..PLAIN });
}

#[test]
fn a_target_without_promises_that_accepts_and_tells_later() {
    explore(Scenario { accepting: true, ..PLAIN });
}

#[test]
fn keeping() {
    explore(Scenario { keep: true, idempotency: KEYED, ..PLAIN });
}

fn explore(scenario: Scenario) {
    let total = run(scenario, &[]);
    assert!(total > 40, "{total} steps");
    let stride = if std::env::var_os("SEATGATE_LONG").is_some() { 1 } else { STRIDE };
    let mut schedules = 0_u64;
    for first in 0..total {
        run(scenario, &[first]);
        schedules += 1;
        for second in (first % stride..total).step_by(usize::try_from(stride).unwrap()) {
            run(scenario, &[first, second]);
            schedules += 1;
        }
    }
    println!("{scenario:?}: {total} steps, {schedules} schedules with crashes, violations 0");
}

/// One life after the other: each but the last dies at its step. Answers how many steps the last one took.
fn run(scenario: Scenario, crashes: &[u64]) -> u64 {
    let mut target = ScriptedDeprovisioner::new(scenario.idempotency);
    if scenario.probeable {
        target = target.probeable();
    }
    if scenario.accepting {
        target = target.accepting();
    }
    let policy: &[(&str, &str)] = if scenario.grace { &[("grace", "1h")] } else { &[] };
    let world = World::new(target, policy);
    let mut acknowledged = Acknowledged::default();
    for crash in crashes {
        let dead = Arc::new(AtomicBool::new(false));
        let house = world.start(dying_at(*crash, dead.clone()));
        live(life(&house, scenario, &mut acknowledged), &dead);
        block_on(invariants::check(&world));
        world.pass(Duration::from_secs(30));
    }
    let house = world.start(Steps::free());
    block_on(async {
        life(&house, scenario, &mut acknowledged).await;
        let steps = house.steps.count();
        check_end(&house, scenario, &acknowledged, crashes).await;
        steps
    })
}

fn dying_at(step: u64, dead: Arc<AtomicBool>) -> Steps {
    Steps::new(move |n| {
        if n < step {
            return Box::pin(std::future::ready(()));
        }
        dead.store(true, Ordering::SeqCst);
        Box::pin(std::future::pending())
    })
}

/// Runs until the end or the crash, which drops everything that was under way.
fn live(life: impl Future<Output = ()>, dead: &AtomicBool) {
    let mut life = pin!(life);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match life.as_mut().poll(&mut context) {
            Poll::Ready(()) => return,
            Poll::Pending if dead.load(Ordering::SeqCst) => return,
            Poll::Pending => {}
        }
    }
}

/// What the outside does as long as it was not told that it is done, and the worker beside it.
async fn life(house: &House, scenario: Scenario, acknowledged: &mut Acknowledged) {
    if acknowledged.asked.is_none() {
        let inbound = Inbound::new("msg_1".to_owned(), Digest::of(b"the sweep"));
        let report = house.try_sweep(vec![ana()], Some(inbound)).await.unwrap();
        acknowledged.asked = report.results[0].request_id;
    }
    house.idle().await;
    let id = acknowledged.asked.expect("asked");
    if !acknowledged.decided {
        let answer = if scenario.keep { house.keep(id).await } else { house.approve(id).await };
        match answer {
            Ok(_) | Err(GateError::Refused { refusal: Refusal::AlreadyDecided | Refusal::Closed, .. }) => {
                acknowledged.decided = true;
            }
            Err(other) => panic!("{other}"),
        }
    }
    for _ in 0..12 {
        house.idle().await;
        house.world.pass(Duration::from_secs(600));
    }
    house.idle().await;
}

async fn check_end(house: &House, scenario: Scenario, acknowledged: &Acknowledged, crashes: &[u64]) {
    invariants::check(&house.world).await;
    let all = RequestQueries::list(&*house.world.store, &RequestFilter::first(10)).await.unwrap();
    assert_eq!(all.len(), 1, "{scenario:?} {crashes:?}: one request");
    let request = &all[0];
    assert_eq!(Some(request.id), acknowledged.asked);
    let effects = house.world.target.effects().len();
    if scenario.keep {
        assert_eq!(request.outcome(), Some(Outcome::Kept), "{scenario:?} {crashes:?}");
        let seats = house.world.store.seats(&[request.seat().unwrap().clone()]).await.unwrap();
        assert!(seats[0].open_request.is_none());
        assert_eq!(effects, 0);
        return;
    }
    let must_settle = scenario.idempotency == KEYED;
    assert!(effects <= 1, "{scenario:?} {crashes:?}: {effects} removals took effect");
    match request.outcome() {
        Some(Outcome::Reclaimed) => assert_eq!(effects, 1, "{scenario:?} {crashes:?}"),
        None if !must_settle => {
            assert_eq!(request.label(), StateLabel::NeedsAttention, "{scenario:?} {crashes:?}");
            assert!(request.plan.may_have_happened(), "a human is asked only because nobody can tell");
        }
        other => panic!("{scenario:?} {crashes:?}: {other:?}"),
    }
    check_cards(house, scenario, crashes);
}

/// The last thing that each card was made to show is the end, without buttons; a copy that a crash orphaned is the stated
/// limit.
fn check_cards(house: &House, scenario: Scenario, crashes: &[u64]) {
    let shown = house.world.notifier.shown();
    let live = shown.iter().filter(|message| match &message.content {
        Content::Card { rows, .. } => rows.iter().any(|row| row.is_live()),
        _ => false,
    });
    assert!(live.count() <= crashes.len(), "{scenario:?} {crashes:?}: live buttons after the end");
    let told = shown.iter().any(|message| matches!(message.content, Content::Report(_)));
    assert!(told, "{scenario:?} {crashes:?}: the channel heard nothing");
}
