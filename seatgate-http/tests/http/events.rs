//! What is told to the events URL: each end at least once, signed, under an id of its own.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::gate::{Ask, Gate, Offboard, Submission};
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Actor, Identity, PersonDraft, Surface};
use seatgate_core::playbook::Playbooks;
use seatgate_core::port::{Idempotency, Router as Targets, SeededEntropy, Target};
use seatgate_core::testing::{ManualClock, ScriptedDeprovisioner};
use seatgate_core::worker::Worker;
use seatgate_http::events::WebhookEvents;
use seatgate_http::guard::GuardedClient;
use serde_json::{Value, json};

use crate::place::{GONE, Place, Says};
use crate::world::{OPERATOR, SECRET, World};

struct Listening {
    gate: Gate,
    clock: Arc<ManualClock>,
}

impl Listening {
    async fn at(place: &Place) -> Self {
        let clock = World::clock();
        let tables = json!({"leaver": {"tasks": [
            {"name": "lock", "target": "idp"},
            {"name": "wipe", "kind": "manual", "assignee": "ivo@example.com", "needs": ["lock"]},
        ]}});
        let names = ["idp".to_owned()].into();
        let idp = Arc::new(ScriptedDeprovisioner::new(Idempotency::Unknown));
        let client =
            GuardedClient::builder().allow_private(place.address.to_string().parse().unwrap()).build().unwrap();
        let url = format!("http://{}/events", place.address).parse().unwrap();
        let events = WebhookEvents::new(client, clock.clone(), url, SECRET.parse().unwrap());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let gate = Gate::builder(store, clock.clone(), Arc::new(SeededEntropy::new(1)))
            .router(Targets::new().route("idp".parse().unwrap(), Target::new("idp", idp)))
            .playbooks(Playbooks::read(tables.as_object().unwrap(), None, &names).unwrap())
            .events(Arc::new(events))
            .build()
            .unwrap();
        gate.appoint(&[OPERATOR.parse().unwrap()]).await.unwrap();
        Self { gate, clock }
    }

    /// Ana's offboarding, stopped after its first task.
    async fn offboard(&self) {
        let olga = self.gate.people().find(&OPERATOR.parse().unwrap()).await.unwrap().unwrap();
        let by = Submission::new(Actor::Person(olga), Surface::Library);
        let ana = PersonDraft::new(Identity::Email("ana@example.com".parse().unwrap()), Some("Ana Ruiz".to_owned()));
        let started = self.gate.offboard(&Offboard::new(ana), &by).await.unwrap();
        self.work().await;
        self.gate.act(started.id, Ask::Stop, Some("enough"), &by).await.unwrap();
        self.work().await;
    }

    async fn work(&self) {
        Worker::new(&self.gate).run_until_idle().await.unwrap();
    }
}

fn told(place: &Place) -> Vec<(Value, Value, Value)> {
    let line = |body: Value| (body["type"].clone(), body["task"]["name"].clone(), body["task"]["status"].clone());
    let mut told: Vec<_> = place.bodies().into_iter().map(line).collect();
    told.sort_by_key(|line| format!("{line:?}"));
    told
}

fn everything() -> Vec<(Value, Value, Value)> {
    vec![
        (json!("request.finished"), Value::Null, Value::Null),
        (json!("task.finished"), json!("lock"), json!("done")),
        (json!("task.finished"), json!("wipe"), json!("cancelled")),
    ]
}

#[tokio::test]
async fn each_task_and_the_request_are_told_when_they_end() {
    let place = Place::answering(&[GONE]).await;
    let listening = Listening::at(&place).await;
    listening.offboard().await;
    assert_eq!(told(&place), everything());
    let bodies = place.bodies();
    let lock = bodies.iter().find(|body| body["task"]["name"] == "lock").unwrap();
    assert_eq!(lock["account"], json!({"id": null, "email": "ana@example.com", "name": "Ana Ruiz"}));
    assert_eq!((&lock["playbook"], &lock["app"], &lock["mode"]), (&json!("leaver"), &Value::Null, &json!("live")));
    assert_eq!((&lock["task"]["attempts"], &lock["task"]["proof"]), (&json!(1), &json!("receipt")));
    assert_eq!(lock["task"]["ended_at"], lock["timestamp"]);
    let over = bodies.iter().find(|body| body["type"] == "request.finished").unwrap();
    assert_eq!((&over["outcome"], &over["state"]), (&json!("stopped"), &json!("closed")));
    listening.work().await;
    assert_eq!(place.count(), 3, "what was taken is not told again");
}

#[tokio::test]
async fn what_was_not_taken_is_told_again_until_it_is() {
    let fails = Says("500 Internal Server Error", "", "");
    let refuses = Says("404 Not Found", "", "");
    let busy = Says("429 Too Many Requests", "retry-after: 5\r\n", "");
    let place = Place::answering(&[fails, refuses, busy, GONE]).await;
    let listening = Listening::at(&place).await;
    listening.offboard().await;
    for _ in 0..40 {
        listening.clock.advance(Duration::from_secs(60));
        listening.work().await;
    }
    let mut taken = place.bodies().split_off(3);
    taken.sort_by_key(|body| body["type"].to_string());
    assert_eq!(taken.len(), 3, "each once: {taken:?}");
    taken.dedup_by_key(|body| (body["type"].clone(), body["task"]["name"].clone()));
    assert_eq!(taken.len(), 3);
}
