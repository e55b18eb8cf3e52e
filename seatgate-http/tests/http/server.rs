//! Probes, tokens, and what every route has in common.

use axum::body::Body;
use axum::http::Request;
use seatgate_http::server::SlackHealth;
use serde_json::json;

use crate::world::{TOKEN, World};

#[tokio::test]
async fn the_probes_need_no_token() {
    let world = World::new().await;
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let alive = world.call(get("/livez")).await;
    assert_eq!((alive.status.as_u16(), alive.body), (200, json!("ok")));
    let ready = world.call(get("/readyz")).await;
    assert_eq!((ready.status.as_u16(), &ready.body["status"]), (200, &json!("ok")));
}

#[tokio::test]
async fn whoever_is_about_to_stop_is_not_ready_and_still_answers() {
    let world = World::leaving().await;
    let ready = world.get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.body["status"]), (503, &json!("leaving")));
    assert_eq!(ready.body["checks"]["database"], "ok");
    assert_eq!(
        (world.get("/livez").await.status.as_u16(), world.get("/v1/requests").await.status.as_u16()),
        (200, 200)
    );
}

#[tokio::test]
async fn a_slack_outage_shows_and_turns_nobody_away() {
    let slack = SlackHealth::new("unreachable", vec![("chat.postMessage", "ok", 3), ("chat.update", "unknown", 1)])
        .unknown_payloads(2);
    let world = World::with_slack(slack).await;
    let ready = world.get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.body["status"]), (200, &json!("ok")));
    assert_eq!(ready.body["checks"]["slack"], "unreachable");
    let metrics = world.get("/metrics").await;
    let line = "\nseatgate_slack_calls_total{method=\"chat.postMessage\",result=\"ok\"} 3\n";
    assert!(metrics.body.as_str().unwrap().contains(line), "{}", metrics.body);
    assert!(metrics.body.as_str().unwrap().contains("\nseatgate_slack_unknown_payloads_total 2\n"), "{}", metrics.body);
    let without = World::new().await;
    assert!(without.get("/readyz").await.body["checks"].get("slack").is_none());
    assert!(!without.get("/metrics").await.body.as_str().unwrap().contains("slack_calls"));
}

#[tokio::test]
async fn without_a_token_of_ours_nothing_is_answered() {
    let world = World::new().await;
    let request = world.open().await;
    let calls = [
        ("GET", "/v1/requests".to_owned()),
        ("GET", request.clone()),
        ("GET", format!("{request}/trail")),
        ("POST", format!("{request}/decision")),
        ("POST", format!("{request}/reassign")),
        ("POST", format!("{request}/undo")),
        ("POST", format!("{request}/withdraw")),
        ("POST", format!("{request}/stop")),
        ("POST", format!("{request}/tasks/tsk_1")),
        ("GET", "/v1/exceptions".to_owned()),
        ("DELETE", "/v1/exceptions/exc_1".to_owned()),
        ("GET", "/v1/policy".to_owned()),
        ("PUT", "/v1/policy".to_owned()),
        ("GET", "/v1/audit".to_owned()),
    ];
    let (wrong, joined) = (format!("Bearer {TOKEN}x"), format!("Bearer{TOKEN}"));
    for (method, path) in &calls {
        for authorization in [
            None,
            Some(wrong.as_str()),
            Some(joined.as_str()),
            Some("Bearer"),
            Some("Bearer "),
            Some("Basic YTpi"),
            Some(TOKEN),
        ] {
            let mut call = Request::builder().method(*method).uri(path);
            if let Some(authorization) = authorization {
                call = call.header("authorization", authorization);
            }
            let reply = world.call(call.body(Body::from("{}")).unwrap()).await;
            assert_eq!(reply.problem().0, 401, "{method} {path} {authorization:?}");
            assert_eq!(reply.header("www-authenticate"), "Bearer");
        }
    }
    let denials = [("call", "no_token"), ("call", "unknown_token")];
    assert_eq!(world.denials().await, denials.map(|(action, denial)| (action.to_owned(), denial.to_owned())));
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let world = World::new().await;
    let call = Request::get("/v1/requests").header("authorization", format!("bEARER {TOKEN}"));
    assert_eq!(world.call(call.body(Body::empty()).unwrap()).await.status, 200);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let world = World::new().await;
    for path in ["/", "/v1", "/v1/nothing", "/v1/requests/", "/v1/candidates/1"] {
        assert_eq!(world.get(path).await.problem().0, 404, "{path}");
    }
    let reply = world.get("/v1/candidates").await;
    assert_eq!((reply.problem().0, reply.header("allow")), (405, "POST"));
    let reply = world.post("/v1/requests", json!({})).await;
    assert_eq!((reply.problem().0, reply.header("allow")), (405, "GET,HEAD"));
    assert_eq!(world.post("/livez", json!({})).await.problem().0, 405);
}

#[tokio::test]
async fn bodies_are_capped_typed_and_json() {
    let world = World::new().await;
    let path = format!("{}/withdraw", world.open().await);
    let call = |content_type: &str, body: Vec<u8>| {
        let call = Request::post(&path).header("authorization", format!("Bearer {TOKEN}"));
        call.header("content-type", content_type).body(Body::from(body)).unwrap()
    };
    let deep = "[".repeat(60_000);
    let cases = [
        ("application/json", vec![b' '; 64 * 1024 + 1], 413),
        ("text/plain", b"{}".to_vec(), 415),
        ("application/x-www-form-urlencoded", b"reason=x".to_vec(), 415),
        ("application/json", b"{".to_vec(), 400),
        ("application/json", b"{} {}".to_vec(), 400),
        ("application/json", b"\xff".to_vec(), 400),
        ("application/json", format!(r#"{{"reason": {deep}"#).into_bytes(), 422),
        ("application/json", br#"{"reason": "a", "reason": "b"}"#.to_vec(), 422),
    ];
    for (content_type, body, status) in cases {
        let start = String::from_utf8_lossy(&body).chars().take(20).collect::<String>();
        assert_eq!(world.call(call(content_type, body)).await.problem().0, status, "{content_type} {start}");
    }
    assert_eq!(world.call(call("application/json; charset=utf-8", b"{}".to_vec())).await.status, 200);
}
