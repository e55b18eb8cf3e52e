//! Denied attempts: recorded, counted, and never in the way of the real ones.

use std::time::Duration;

use seatgate_core::gate::Ask;
use seatgate_core::port::RequestQueries;
use seatgate_core::testing::block_on;
use seatgate_core::trail::{Entry, verify};
use serde_json::Value;

use crate::house::{House, candidate};

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
