//! Whatever bytes come, nobody panics and nothing is a server's error.

use axum::body::Body;
use axum::http::Request;
use proptest::prelude::*;
use seatgate_core::testing::block_on;
use serde_json::{Value, json};

use crate::world::{TOKEN, World, candidate};

/// Any JSON value that is not large.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

fn members() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "/app",
        "/app/id",
        "/account",
        "/account/id",
        "/account/email",
        "/manager",
        "/manager/email",
        "/last_activity_at",
        "/never_used",
        "/observed_at",
        "/monthly_cost",
        "/monthly_cost/amount",
        "/monthly_cost/currency",
        "/requesting_channel",
        "/risk_tags",
        "/custom",
        "/entitlement",
        "/external_id",
    ])
}

/// A candidate with one member exchanged, or anything else.
fn rows() -> impl Strategy<Value = Value> {
    let exchanged = (members(), any_json()).prop_map(|(place, value)| {
        let mut row = candidate("ana");
        *row.pointer_mut(place).unwrap() = value;
        row
    });
    prop_oneof![exchanged, any_json()]
}

async fn take_in(body: &[u8]) -> (u16, Value) {
    let world = World::new().await;
    let reply = world.call(world.signed("msg_1", "/v1/candidates", body)).await;
    (reply.status.as_u16(), reply.body)
}

async fn decide(body: Vec<u8>) -> u16 {
    let world = World::new().await;
    let call = Request::post(format!("{}/decision", world.open().await));
    let call = call.header("authorization", format!("Bearer {TOKEN}")).header("content-type", "application/json");
    world.call(call.body(Body::from(body)).unwrap()).await.status.as_u16()
}

proptest! {
    #[test]
    fn any_signed_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let (status, _) = block_on(take_in(&body));
        prop_assert!(matches!(status, 202 | 400), "{}", status);
    }

    #[test]
    fn any_rows_are_answered_one_by_one(rows in prop::collection::vec(rows(), 0..4)) {
        let (status, body) = block_on(take_in(json!(rows).to_string().as_bytes()));
        prop_assert_eq!(status, 202);
        prop_assert_eq!(body["results"].as_array().map(Vec::len), Some(rows.len()));
    }

    #[test]
    fn any_decision_is_answered(body in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..100),
        any_json().prop_map(|value| value.to_string().into_bytes()),
    ]) {
        let status = block_on(decide(body));
        prop_assert!(matches!(status, 400 | 422), "{}", status);
    }
}
