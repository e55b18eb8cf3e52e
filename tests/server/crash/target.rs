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
}

#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: String,
    calls: Arc<Mutex<BTreeMap<String, Vec<Call>>>>,
    /// The lives whose calls get no answer, those that wait for one, and the number of calls so far.
    held: watch::Sender<BTreeSet<usize>>,
    waiting: watch::Sender<BTreeSet<usize>>,
    arrived: watch::Sender<usize>,
}

impl Target {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (held, waiting, arrived) = (watch::Sender::default(), watch::Sender::default(), watch::Sender::default());
        let target = Self { address, calls: Arc::default(), held, waiting, arrived };
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
}

async fn remove(State(target): State<Target>, Path(life): Path<usize>, headers: HeaderMap, body: Bytes) -> Response {
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
    let call = Call { life, key: call.id().to_string() };
    target.calls.lock().unwrap().entry(task).or_default().push(call);
    target.arrived.send_modify(|calls| *calls += 1);
    if target.held.borrow().contains(&life) {
        target.waiting.send_modify(|lives| lives.extend([life]));
        target.held.subscribe().wait_for(|held| !held.contains(&life)).await.unwrap();
    }
    axum::Json(json!({ "outcome": "removed" })).into_response()
}
