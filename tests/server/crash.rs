//! Promises 3 and 4 over a real crash: what was acknowledged is there, and every call of one task bears one key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use seatgate_core::port::{Clock, SystemClock};
use seatgate_http::sign::{Verifier, WebhookHeaders};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::house::{Server, eventually, run};

const INTAKE: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const REMOVAL: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TOKEN: &str = "a-token-of-the-test";
const SEATS: usize = 12;

/// A target that counts its calls, and answers only while it is open.
#[derive(Clone)]
struct Target {
    keys: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
    open: watch::Receiver<bool>,
}

impl Target {
    fn calls(&self) -> BTreeMap<String, Vec<String>> {
        self.keys.lock().unwrap().clone()
    }
}

async fn remove(State(mut target): State<Target>, headers: HeaderMap, body: Bytes) -> Response {
    let verifier = Verifier::new(REMOVAL.parse().unwrap());
    let signature = WebhookHeaders::from_lookup(|name| headers.get(name).map(|value| value.as_bytes()));
    let Ok(call) = verifier.verify(&signature, body, SystemClock.now()) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let body: Value = serde_json::from_slice(call.body()).unwrap();
    assert_eq!(
        (&body["type"], headers["idempotency-key"].to_str().unwrap()),
        (&json!("seat.deprovision"), call.id().as_str())
    );
    let task = body["task_id"].as_str().unwrap().to_owned();
    target.keys.lock().unwrap().entry(task).or_default().push(call.id().to_string());
    target.open.wait_for(|open| *open).await.unwrap();
    axum::Json(json!({ "outcome": "removed" })).into_response()
}

async fn target() -> (Target, watch::Sender<bool>, String) {
    let (opener, open) = watch::channel(false);
    let target = Target { keys: Arc::default(), open };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let routes = Router::new().route("/hook", post(remove)).with_state(target.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (target, opener, address)
}

fn seats() -> String {
    let seat = |number| {
        json!({ "app": { "id": "figma" }, "account": { "email": format!("seat-{number}@example.com") },
            "never_used": true, "manager": { "email": "mona@example.com", "name": "Mona Li" } })
    };
    Value::Array((0..SEATS).map(seat).collect()).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_nothing_and_removes_nothing_under_two_keys() {
    let directory = tempfile::tempdir().unwrap();
    let (target, opener, address) = target().await;
    let url = format!("http://{address}/hook");
    let environment = [
        ("SEATGATE_INTAKE_SECRET", INTAKE),
        ("SEATGATE_API_TOKEN", TOKEN),
        ("SEATGATE_DEPROVISION_URL", &url),
        ("SEATGATE_DEPROVISION_SECRET", REMOVAL),
        ("SEATGATE_ALLOW_PRIVATE_TARGETS", &address),
    ];
    let server = Server::start(directory.path(), &environment);
    std::fs::write(directory.path().join("seats.json"), seats()).unwrap();
    let (_, swept) = run(directory.path(), &environment, &["--server", &server.base, "sweep", "seats.json"]);
    assert!(swept.contains(&format!("{SEATS} asked")), "{swept}");
    let token_alone = [("SEATGATE_API_TOKEN", TOKEN)];
    let (_, listed) = run(directory.path(), &token_alone, &["--server", &server.base, "requests"]);
    assert_eq!(listed.lines().count(), 1 + SEATS, "{listed}");
    let (_, page) = server.get("/v1/requests", TOKEN).await;
    let ids: Vec<String> =
        page["items"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect();
    let approve = json!({ "decision": "approve", "as": { "email": "mona@example.com" } });
    for id in &ids {
        let (status, request) = server.post(&format!("/v1/requests/{id}/decision"), TOKEN, &approve).await;
        assert_eq!(status, 200, "{request}");
    }
    eventually(|| async { (target.calls().len() >= 2).then_some(()) }).await;
    server.kill();
    let interrupted: BTreeSet<String> = target.calls().into_keys().collect();
    opener.send(true).unwrap();

    let server = Server::start(directory.path(), &environment);
    for id in &ids {
        let request = server.closed(id, TOKEN).await;
        assert_eq!(
            (&request["outcome"], &request["decision"]["by"]["email"]),
            (&json!("reclaimed"), &json!("mona@example.com"))
        );
        let (verified, text) = run(directory.path(), &environment, &["--server", &server.base, "trail", id]);
        assert!(verified.status.success(), "{text}");
    }
    let calls = target.calls();
    assert_eq!(calls.len(), SEATS);
    for (task, keys) in calls {
        assert!(keys.iter().all(|key| *key == task), "{task}: {keys:?}");
        // A call may have left just before the crash and been seen just after it: two, then, as for those seen before.
        let least = 1 + usize::from(interrupted.contains(&task));
        assert!((least..=2).contains(&keys.len()), "{task}: {keys:?}");
    }
    assert!(server.stop().success());
}
