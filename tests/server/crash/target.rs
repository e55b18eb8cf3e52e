//! A removal target that counts its calls, and can keep their callers waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use seatgate_core::port::{Clock, SystemClock};
use seatgate_core::time::Timestamp;
use seatgate_http::sign::{Verifier, WebhookHeaders};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::REMOVAL;

/// One call as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The life of the server that made it: each has a path of its own, so no delay can confuse them.
    pub(crate) life: usize,
    pub(crate) key: String,
    pub(crate) at: Timestamp,
    /// The status of the reply, whether or not anybody was there to hear it.
    pub(crate) reply: u16,
}

/// With which status a call is answered, by its body and the calls for the same task before it.
type Script = dyn Fn(&Value, &[Call]) -> u16 + Send + Sync;

#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: String,
    script: Arc<Script>,
    calls: Arc<Mutex<BTreeMap<String, Vec<Call>>>>,
    /// The lives whose calls get no answer, those that wait for one, and the number of calls so far.
    held: watch::Sender<BTreeSet<usize>>,
    waiting: watch::Sender<BTreeSet<usize>>,
    arrived: watch::Sender<usize>,
}

impl Target {
    /// One that removes every seat.
    pub(crate) async fn start() -> Self {
        Self::scripted(|body, _| {
            assert_eq!(body["type"], "seat.deprovision");
            200
        })
        .await
    }

    pub(crate) async fn scripted(script: impl Fn(&Value, &[Call]) -> u16 + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (held, waiting, arrived) = (watch::Sender::default(), watch::Sender::default(), watch::Sender::default());
        let target = Self { address, script: Arc::new(script), calls: Arc::default(), held, waiting, arrived };
        let routes = Router::new().route("/hook/{life}", post(remove)).with_state(target.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        target
    }

    pub(crate) fn url(&self, life: usize) -> String {
        format!("http://{}/hook/{life}", self.address)
    }

    /// Lets the calls of these lives wait for ever, and of no other.
    pub(crate) fn hold(&self, lives: impl IntoIterator<Item = usize>) {
        self.waiting.send_replace(BTreeSet::new());
        self.held.send_replace(lives.into_iter().collect());
    }

    /// The first life whose call is held.
    pub(crate) async fn holding(&self) -> usize {
        let mut waiting = self.waiting.subscribe();
        *waiting.wait_for(|lives| !lives.is_empty()).await.unwrap().first().unwrap()
    }

    /// The calls so far, by task.
    pub(crate) fn calls(&self) -> BTreeMap<String, Vec<Call>> {
        self.calls.lock().unwrap().clone()
    }

    /// Waits until calls of this life have come in for so many tasks.
    pub(crate) async fn called(&self, life: usize, tasks: usize) {
        let called = |_: &usize| self.calls().values().flatten().filter(|call| call.life == life).count() >= tasks;
        self.arrived.subscribe().wait_for(called).await.unwrap();
    }

    fn take(&self, life: usize, key: String, body: &Value) -> u16 {
        let mut calls = self.calls.lock().unwrap();
        let calls = calls.entry(body["task_id"].as_str().unwrap().to_owned()).or_default();
        let reply = (self.script)(body, calls);
        calls.push(Call { life, key, at: SystemClock.now(), reply });
        reply
    }

    /// Waits until so many calls more have come in, of whatever life.
    pub(crate) async fn called_again(&self, times: usize) {
        let mut arrived = self.arrived.subscribe();
        let enough = *arrived.borrow() + times;
        arrived.wait_for(|calls| *calls >= enough).await.unwrap();
    }
}

async fn remove(State(target): State<Target>, Path(life): Path<usize>, headers: HeaderMap, body: Bytes) -> Response {
    let verifier = Verifier::new(REMOVAL.parse().unwrap());
    let signature = WebhookHeaders::from_lookup(|name| headers.get(name).map(|value| value.as_bytes()));
    let Ok(call) = verifier.verify(&signature, body, SystemClock.now()) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let body: Value = serde_json::from_slice(call.body()).unwrap();
    let key = call.id().to_string();
    assert_eq!(headers["idempotency-key"], *key);
    let reply = target.take(life, key, &body);
    target.arrived.send_modify(|calls| *calls += 1);
    if target.held.borrow().contains(&life) {
        target.waiting.send_modify(|lives| lives.extend([life]));
        target.held.subscribe().wait_for(|held| !held.contains(&life)).await.unwrap();
    }
    let status = StatusCode::from_u16(reply).unwrap();
    let outcome = axum::Json(json!({ "outcome": "removed" }));
    if status.is_success() { outcome.into_response() } else { status.into_response() }
}
