//! The mode is switched by operators, recorded, and known again after a restart.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use seatgate_core::authorize::Denial;
use seatgate_core::gate::{Gate, GateError, Submission};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::policy::Mode;
use seatgate_core::port::{Deprovisioner, EffectError, Job, Removal, RequestQueries, Router, Target};
use seatgate_core::request::{Decision, Outcome, StateLabel};
use seatgate_core::testing::{Step, block_on};
use seatgate_core::trail::{Entry, Stream, verify};
use serde_json::{Value, json};

use crate::house::{House, candidate};
use crate::stepped::Steps;

async fn recorded(house: &House) -> Vec<Value> {
    let entries = house.world.store.trail(Stream::System).await.unwrap();
    let lines: Vec<String> = entries.iter().map(Entry::to_json).collect();
    verify(Stream::System, lines.iter().map(String::as_str)).unwrap();
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn token() -> Submission {
    Submission::new(Actor::Token("admin".parse().unwrap()), Surface::Api)
}

#[test]
fn only_operators_switch_and_it_is_recorded() {
    block_on(async {
        let house = House::new();
        house.open().await;
        let mona = house.by("mona@example.com").await;
        for denied in [mona, token()] {
            let answer = house.gate.switch(Mode::Off, &denied).await;
            assert!(matches!(answer, Err(GateError::Denied(Denial::NotOperator))), "{answer:?}");
        }
        assert_eq!((house.gate.settings().mode, recorded(&house).await), (Mode::Live, vec![]));
        assert_eq!(house.gate.meter().denials[&("switch_mode", "not_operator")], 2);
        let operator = house.appoint("lead@example.com").await;
        house.gate.switch(Mode::Off, &operator).await.unwrap();
        house.gate.switch(Mode::Off, &operator).await.unwrap();
        house.gate.switch(Mode::DryRun, &token().with_admin_token()).await.unwrap();
        assert_eq!(house.gate.settings().mode, Mode::DryRun);
        let entries = recorded(&house).await;
        assert_eq!(entries.len(), 2, "switching to what holds already is no news");
        assert_eq!(
            (&entries[0]["kind"], &entries[0]["data"]),
            (&json!("mode_set"), &json!({"mode": "off", "was": "live"}))
        );
        assert_eq!(entries[0]["actor"], operator.actor.to_string());
        assert_eq!(entries[1]["actor"], "token:admin");
    });
}

#[test]
fn a_switched_mode_survives_a_restart_and_a_configured_one_wins() {
    block_on(async {
        let house = House::new();
        assert_eq!(house.gate.start_mode(None).await.unwrap(), Mode::Live);
        let operator = house.appoint("lead@example.com").await;
        house.gate.switch(Mode::DryRun, &operator).await.unwrap();
        let again = house.world.start(Steps::free());
        assert_eq!(again.gate.settings().mode, Mode::Live);
        assert_eq!(again.gate.start_mode(None).await.unwrap(), Mode::DryRun);
        let configured = house.world.start(Steps::free());
        assert_eq!(configured.gate.start_mode(Some(Mode::Live)).await.unwrap(), Mode::Live);
        let entries = recorded(&house).await;
        assert_eq!(entries[1]["actor"], "system:configuration");
        assert_eq!(house.world.start(Steps::free()).gate.start_mode(None).await.unwrap(), Mode::Live);
    });
}

#[test]
fn an_emergency_stop_outlasts_a_restart_whatever_is_configured() {
    block_on(async {
        let house = House::new();
        let operator = house.appoint("lead@example.com").await;
        house.gate.switch(Mode::Off, &operator).await.unwrap();
        for configured in [Mode::Live, Mode::DryRun] {
            let again = house.world.start(Steps::free());
            assert_eq!(again.gate.start_mode(Some(configured)).await.unwrap(), Mode::Off);
        }
        assert_eq!(recorded(&house).await.len(), 1);
        house.gate.switch(Mode::Live, &operator).await.unwrap();
        let configured = async |mode| house.world.start(Steps::free()).gate.start_mode(Some(mode)).await.unwrap();
        assert_eq!(configured(Mode::Off).await, Mode::Off);
        assert_eq!(configured(Mode::Live).await, Mode::Live, "what a file switched off, a file switches on");
    });
}

#[test]
fn a_stop_on_one_server_is_followed_by_the_others() {
    block_on(async {
        let house = House::new();
        let operator = house.appoint("lead@example.com").await;
        let (other, embedder) = (house.world.start(Steps::free()), house.world.start(Steps::free()));
        assert_eq!(other.gate.start_mode(Some(Mode::Live)).await.unwrap(), Mode::Live);
        embedder.gate.set_mode(Mode::DryRun);
        house.gate.switch(Mode::Off, &operator).await.unwrap();
        assert_eq!(other.gate.settings().mode, Mode::Live, "nobody looked yet");
        other.gate.follow_mode().await.unwrap();
        assert_eq!(other.gate.settings().mode, Mode::Off);
        other.gate.switch(Mode::Live, &token().with_admin_token()).await.unwrap();
        other.gate.follow_mode().await.unwrap();
        assert_eq!(other.gate.settings().mode, Mode::Live, "its own, which is newer");
        other.gate.set_mode(Mode::DryRun);
        other.gate.follow_mode().await.unwrap();
        assert_eq!(other.gate.settings().mode, Mode::DryRun, "nobody has switched since");
        embedder.gate.follow_mode().await.unwrap();
        assert_eq!(embedder.gate.settings().mode, Mode::DryRun, "one that was not started does not follow");
    });
}

/// Somebody pulls the emergency stop while the call is open.
struct StopsTheGate {
    gate: OnceLock<(Gate, Submission)>,
    calls: AtomicUsize,
}

#[async_trait]
impl Deprovisioner for StopsTheGate {
    async fn deprovision(&self, _: &Job) -> Result<Removal, EffectError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let (gate, operator) = self.gate.get().unwrap();
        gate.switch(Mode::Off, operator).await.unwrap();
        Ok(Removal::removed())
    }
}

#[test]
fn off_while_calls_are_in_flight_settles_them_and_begins_nothing() {
    block_on(async {
        let house = House::new();
        let target = Arc::new(StopsTheGate { gate: OnceLock::new(), calls: AtomicUsize::new(0) });
        let world = &house.world;
        let gate = Gate::builder(world.store.clone(), world.clock.clone(), world.entropy.clone())
            .router(Router::new().otherwise(Target::new("idp", target.clone())))
            .build()
            .unwrap();
        let house = House { worker: seatgate_core::worker::Worker::new(&gate), gate, ..house };
        let operator = house.appoint("lead@example.com").await;
        target.gate.set((house.gate.clone(), operator.clone())).ok().unwrap();
        let first = house.open().await;
        let zoe = candidate(json!({"account": {"id": "00u9", "email": "zoe@example.com"}}));
        let second = house.sweep(vec![zoe]).await.results[0].request_id.unwrap();
        house.idle().await;
        for id in [first, second] {
            house.approve(id).await.unwrap();
        }
        house.settle().await;
        assert_eq!(target.calls.load(Ordering::SeqCst), 1);
        let mut stood = [house.request(first).await, house.request(second).await];
        stood.sort_by_key(|request| request.outcome().is_none());
        assert_eq!(stood[0].outcome(), Some(Outcome::Reclaimed), "what was in flight is settled");
        assert_eq!(stood[1].label(), StateLabel::Executing);
        let begun = house.kinds(stood[1].id).await.contains(&"begun".to_owned());
        assert!(!begun, "nothing new begins");
        house.gate.switch(Mode::Live, &operator).await.unwrap();
        house.settle().await;
        assert_eq!(
            (target.calls.load(Ordering::SeqCst), house.request(stood[1].id).await.outcome()),
            (2, Some(Outcome::Reclaimed))
        );
    });
}

#[test]
fn a_gate_counts_what_it_does() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.world.target.then(Step::fails(EffectError::not_done("503")));
        house.world.pass(std::time::Duration::from_secs(300));
        house.approve(id).await.unwrap();
        assert!(house.keep(id).await.is_err());
        house.settle().await;
        let meter = house.gate.meter();
        assert_eq!(meter.decisions.into_iter().collect::<Vec<_>>(), [((Decision::Approve, Surface::Inbox), 1)]);
        assert_eq!((meter.decision_latency.count, meter.decision_latency.sum.as_secs()), (1, 300));
        assert_eq!(meter.decision_latency.buckets, [0, 1, 1, 1, 1, 1, 1, 1]);
        let attempts: Vec<_> = meter.attempts.into_iter().collect();
        assert_eq!(attempts, [(("idp".to_owned(), "done"), 1), (("idp".to_owned(), "not_done"), 1)]);
    });
}
