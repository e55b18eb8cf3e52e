//! Denied attempts: recorded, counted, and never in the way of the real ones.

use std::future::{pending, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use seatgate_core::gate::Ask;
use seatgate_core::port::{RequestQueries, StoreErrorKind};
use seatgate_core::testing::{ScriptedDeprovisioner, block_on};
use seatgate_core::trail::{Entry, verify};
use serde_json::Value;

use crate::house::{House, KEYED, World, candidate};
use crate::stepped::{Failed, Steps};

async fn entries(house: &House) -> Vec<Value> {
    let stream = house.gate.access_stream();
    let lines: Vec<String> = house.world.store.trail(stream).await.unwrap().iter().map(Entry::to_json).collect();
    verify(stream, lines.iter().map(String::as_str)).unwrap();
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn repeats_within_a_minute_are_one_counted_entry() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house
            .sweep(vec![candidate(
                serde_json::json!({"account": {"email": "zoe@example.com"}, "manager": {"email": "otto@example.com"}}),
            )])
            .await;
        let otto = house.by("otto@example.com").await;
        for _ in 0..50 {
            assert!(house.gate.act(id, Ask::Approve, None, &otto).await.is_err());
        }
        let first = entries(&house).await;
        assert_eq!(first.len(), 1, "the first at once");
        assert_eq!(first[0]["data"]["denial"], "not_asked");
        assert_eq!(first[0]["actor"], otto.actor.to_string());
        house.world.pass(Duration::from_secs(60));
        house.gate.flush_access().await;
        let all = entries(&house).await;
        assert_eq!((all.len(), &all[1]["data"]["count"]), (2, &Value::from(49)));
        assert_eq!(house.trail(id).await.len(), 1, "the request's own trail is untouched");
    });
}

/// How often denials were recorded, and how often there were any.
async fn counts(house: &House) -> (u64, u64) {
    let recorded = entries(house).await.iter().map(|entry| entry["data"]["count"].as_u64().unwrap()).sum();
    (recorded, house.gate.meter().denials.values().sum())
}

#[test]
fn a_denial_is_recorded_also_if_nobody_waits_for_the_answer() {
    block_on(async {
        for step in 0.. {
            let hangs_at = Arc::new(AtomicU64::new(u64::MAX));
            let at = Arc::clone(&hangs_at);
            let house = World::new(ScriptedDeprovisioner::new(KEYED), &[]).start(Steps::new(move |n| {
                if n == at.load(Ordering::SeqCst) { Box::pin(pending()) } else { Box::pin(ready(())) }
            }));
            let id = house.open().await;
            let olga = house.appoint("olga@example.com").await;
            hangs_at.store(house.steps.count() + step, Ordering::SeqCst);
            {
                let mut call = pin!(house.gate.act(id, Ask::Approve, None, &olga));
                if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    assert!(step > 4, "the call ended after {step} steps");
                    return;
                }
            }
            house.gate.flush_access().await;
            let (recorded, denied) = counts(&house).await;
            assert_eq!(recorded, denied, "gone at step {step}");
        }
    });
}

#[test]
fn a_denial_is_recorded_once_whatever_reply_is_lost() {
    block_on(async {
        let losses = Arc::new(AtomicU64::new(0));
        let left = Arc::clone(&losses);
        let loses = move |call| {
            let lost = |left: u64| left.checked_sub(1);
            call == "commit" && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lost).is_ok()
        };
        let house = World::new(ScriptedDeprovisioner::new(KEYED), &[]).start(Steps::failing(move |moment| {
            let lost = moment.after && loses(moment.call);
            Box::pin(ready(if lost { Err(Failed(StoreErrorKind::Unknown)) } else { Ok(()) }))
        }));
        let id = house.open().await;
        let olga = house.appoint("olga@example.com").await;
        for lost in 1..5 {
            losses.store(lost, Ordering::SeqCst);
            assert!(house.gate.act(id, Ask::Approve, None, &olga).await.is_err());
            house.world.pass(Duration::from_secs(61));
            losses.store(0, Ordering::SeqCst);
            house.gate.flush_access().await;
            assert_eq!(counts(&house).await, (lost, lost));
        }
    });
}
