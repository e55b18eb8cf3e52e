//! What was saved, as JSON and as a table.

use serde_json::json;

use crate::world::{MANAGER, World, candidate, person};

async fn decided(world: &World, name: &str, price: Option<(&str, &str)>, decision: &str) -> String {
    let mut candidate = candidate(name);
    match price {
        Some((amount, currency)) => candidate["monthly_cost"] = json!({"amount": amount, "currency": currency}),
        None => drop(candidate.as_object_mut().unwrap().remove("monthly_cost")),
    }
    let reply = world.deliver(&candidate).await;
    let request = format!("/v1/requests/{}", reply.body["results"][0]["request_id"].as_str().unwrap());
    let body = json!({"decision": decision, "reason": "x", "as": person(MANAGER)});
    assert_eq!(world.decide(&request, body).await.status, 200);
    request
}

#[tokio::test]
async fn savings_count_once_they_are_proven_and_currencies_stay_apart() {
    let world = World::new().await;
    let empty = world.get("/v1/savings").await;
    assert_eq!((empty.status.as_u16(), &empty.body["kept_rate"]), (200, &json!(null)));
    decided(&world, "ana", Some(("45.00", "USD")), "approve").await;
    let hoped = world.get("/v1/savings").await.body;
    assert_eq!((&hoped["verified"]["requests"], &hoped["projected"]["requests"]), (&json!(0), &json!(1)));
    decided(&world, "bo", Some(("5", "USD")), "approve").await;
    decided(&world, "cy", Some(("7.50", "EUR")), "approve").await;
    decided(&world, "di", None, "keep").await;
    world.work().await;
    let reply = world.get("/v1/savings").await;
    let euros_and_dollars = json!([{"amount": "7.50", "currency": "EUR"}, {"amount": "50.00", "currency": "USD"}]);
    let verified = &reply.body["verified"];
    assert_eq!((&verified["requests"], &verified["monthly"]), (&json!(3), &euros_and_dollars));
    assert_eq!(verified["by_proof"]["receipt"]["monthly"], euros_and_dollars);
    assert_eq!(verified["by_proof"]["attested"], json!({"requests": 0, "monthly": []}));
    assert_eq!((&reply.body["projected"]["requests"], &reply.body["kept_rate"]), (&json!(0), &json!(0.25)));
    let line = json!({"month": "2026-11", "app": "figma", "standing": "verified", "proof": "receipt", "requests": 2,
        "monthly": [{"amount": "50.00", "currency": "USD"}]});
    assert!(reply.body["items"].as_array().unwrap().contains(&line), "{}", reply.body);

    let table = world.get("/v1/savings?format=csv").await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    let text = table.body.as_str().unwrap();
    assert!(text.contains("\r\n2026-11,figma,verified,receipt,2,50.00,USD\r\n"), "{text}");
    assert!(text.ends_with("\r\n2026-11,figma,kept,,1,,\r\n"), "{text}");
    assert_eq!(world.get("/v1/savings?format=xml").await.problem(), (400, "-"));
    let nobody = axum::http::Request::builder().uri("/v1/savings").body(axum::body::Body::empty()).unwrap();
    assert_eq!(world.call(nobody).await.problem(), (401, "-"));
}

#[tokio::test]
async fn what_is_taken_back_saves_nothing() {
    let world = World::with_policy(&[("grace", "1d")]).await;
    let request = decided(&world, "ana", Some(("45.00", "USD")), "approve").await;
    assert_eq!(world.get("/v1/savings").await.body["projected"]["requests"], 1);
    assert_eq!(world.post(&format!("{request}/undo"), json!({})).await.status, 200);
    assert_eq!(world.get("/v1/savings").await.body["items"], json!([]));
}

#[tokio::test]
async fn the_verified_ones_are_among_the_numbers() {
    let world = World::new().await;
    decided(&world, "ana", Some(("45.00", "USD")), "approve").await;
    world.work().await;
    let metrics = world.get("/metrics").await;
    let line = "\nseatgate_verified_savings_monthly{currency=\"USD\",proof=\"receipt\"} 45.00\n";
    assert!(metrics.body.as_str().unwrap().contains(line), "{}", metrics.body);
}
