//! What whoever runs the server asks of it: mode, audit, numbers.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use seatgate_core::policy::Mode;
use seatgate_core::port::EffectError;
use seatgate_core::testing::Step;
use seatgate_core::trail::verify_export;
use serde_json::{Value, json};

use crate::world::{MANAGER, World, candidate, person};

#[tokio::test]
async fn the_mode_is_switched_and_shown() {
    let world = World::with_policy(&[("apps.figma.grace", "24h")]).await;
    let policy = world.get("/v1/policy").await.body;
    assert_eq!((&policy["mode"], &policy["default"]["min_idle"]), (&json!("live"), &json!("30d")));
    assert_eq!(policy["apps"]["figma"]["grace"], "1d");
    assert_eq!(policy["version"].as_str().unwrap().len(), 16);
    let off = world.api("PUT", "/v1/policy", Some(json!({"mode": "off"}))).await;
    assert_eq!((off.status.as_u16(), &off.body["mode"]), (200, &json!("off")));
    assert_eq!(world.deliver(&candidate("ana")).await.problem().0, 503);
    let live = world.api("PATCH", "/v1/policy", Some(json!({"mode": "live"}))).await;
    assert_eq!((live.status.as_u16(), world.gate.settings().mode), (200, Mode::Live));
    for (body, pointer) in
        [(json!({}), "/mode"), (json!({"mode": "on"}), "/mode"), (json!({"mode": "off", "grace": "1h"}), "/grace")]
    {
        assert_eq!(world.api("PUT", "/v1/policy", Some(body)).await.problem(), (422, pointer));
    }
    let call = Request::put("/v1/policy").body(Body::from(r#"{"mode": "off"}"#)).unwrap();
    assert_eq!(world.call(call).await.problem().0, 401);
    assert_eq!(world.gate.settings().mode, Mode::Live);
}

#[tokio::test]
async fn the_whole_trail_is_exported_and_verifies() {
    let world = World::new().await;
    let path = world.open().await;
    world.decide(&path, json!({"decision": "approve", "as": person(MANAGER)})).await;
    world.decide(&path, json!({"decision": "approve", "as": person("eve@example.com")})).await;
    world.work().await;
    world.api("PUT", "/v1/policy", Some(json!({"mode": "off"}))).await;
    let reply = world.get("/v1/audit").await;
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let text = reply.body.as_str().unwrap().to_owned();
    let verified = verify_export(text.lines()).unwrap();
    // The request, its sweep, who was denied, and the system.
    assert_eq!((verified.streams, verified.entries), (4, text.lines().count() as u64 - 2));
    let header: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(header["seatgate_audit"], 1);
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&last["counts"]["system"], &last["entries"]), (&json!(1), &json!(verified.entries)));
    for personal in ["Ana Ruiz", "00u-ana", "mona", "example.com"] {
        assert!(!text.contains(personal), "{personal}");
    }
    let broken = text.replacen("\"kind\":\"decided\"", "\"kind\":\"Decided\"", 1);
    let wrong = verify_export(broken.lines()).unwrap_err();
    assert!(wrong.len() == 1 && wrong[0].to_string().contains("entry 2: was changed"), "{wrong:?}");
    assert_eq!(world.get("/v1/audit?format=xml").await.problem().0, 400);
}

#[tokio::test]
async fn the_trail_is_exported_as_csv_too() {
    let world = World::new().await;
    world.open().await;
    let reply = world.get("/v1/audit?format=csv").await;
    assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8");
    let text = reply.body.as_str().unwrap();
    assert!(text.starts_with("record,stream,seq,") && text.ends_with("\r\n"), "{text}");
    let of = |record: &str| text.lines().filter(|line| line.starts_with(record)).count();
    assert_eq!((of("entry,"), of("count,"), of("total,,2,")), (2, 2, 1), "{text}");
}

#[tokio::test]
async fn long_streams_are_exported_in_parts() {
    let world = World::new().await;
    let rows: Vec<Value> = (0..1_200).map(|n| candidate(&format!("holder-{n}"))).collect();
    world.deliver(&json!(rows[..600])).await;
    world.deliver(&json!(rows[600..])).await;
    let text = world.get("/v1/audit").await.body.as_str().unwrap().to_owned();
    let verified = verify_export(text.lines()).unwrap();
    assert!(verified.streams > 500, "more than one page of streams: {verified:?}");
}

#[tokio::test]
async fn readiness_says_what_was_looked_at() {
    let world = World::new().await;
    world.open().await;
    let get = || Request::get("/readyz").body(Body::empty()).unwrap();
    let ready = world.call(get()).await.body;
    let expected = json!({"status": "ok", "checks": {"database": "ok", "migrations": "ok",
        "agenda": {"status": "ok", "due": 2, "lag_seconds": 0}}});
    assert_eq!(ready, expected);
    world.clock.advance(Duration::from_secs(90));
    let late = world.call(get()).await;
    assert_eq!((late.status.as_u16(), &late.body["checks"]["agenda"]["status"]), (200, &json!("late")));
}

#[tokio::test]
async fn numbers_are_there_and_nobody_is_named() {
    let world = World::new().await;
    let path = world.open().await;
    world.target.then(Step::fails(EffectError::rejected("403")));
    world.clock.advance(Duration::from_secs(120));
    world.decide(&path, json!({"decision": "approve", "as": person(MANAGER)})).await;
    world.work().await;
    let call = Request::get("/metrics").body(Body::empty()).unwrap();
    let reply = world.call(call).await;
    assert!(reply.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = reply.body.as_str().unwrap();
    for line in [
        "seatgate_requests{state=\"needs_attention\"} 1",
        "seatgate_requests{state=\"closed\"} 0",
        "seatgate_decisions_total{decision=\"approve\",surface=\"api\"} 1",
        "seatgate_decision_latency_seconds_bucket{le=\"60\"} 0",
        "seatgate_decision_latency_seconds_bucket{le=\"600\"} 1",
        "seatgate_decision_latency_seconds_sum 120",
        "seatgate_effect_errors_total{target=\"figma\",result=\"rejected\"} 1",
        "seatgate_agenda_lag_seconds 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    for personal in ["Ana", "mona", "example.com", "req_", "tsk_"] {
        assert!(!text.contains(personal), "{personal}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
    }
}
