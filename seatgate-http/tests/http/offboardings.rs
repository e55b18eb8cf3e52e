//! Offboardings over the API, with targets on real sockets.

use std::time::Duration;

use seatgate_core::port::{Router as Targets, Target};
use seatgate_core::request::Request;
use seatgate_core::testing::ManualClock;
use seatgate_core::trail::{Entry, Stream};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::place::{GONE, Hangs, Place, Says};
use crate::world::{MANAGER, OPERATOR, World, person};

const REFUSES: crate::place::Answer = Says("404 Not Found", "", "");

/// Twelve tasks. After `lock`, six go side by side: `figma` is refused for good, `github` hangs, `zoom` recovers.
fn leaver() -> Value {
    let after = |name: &str, target: &str, needs: &[&str]| json!({"name": name, "target": target, "needs": needs});
    json!({"leaver": {"tasks": [
        {"name": "lock", "target": "okta", "parameters": {"login": "{email}"}},
        after("mail", "okta", &["lock"]),
        after("drive", "okta", &["lock"]),
        after("chat", "okta", &["lock"]),
        after("figma", "figma", &["lock"]),
        after("github", "github", &["lock"]),
        after("zoom", "zoom", &["lock"]),
        {"name": "badge", "kind": "manual", "assignee": "ivo@example.com"},
        {"name": "laptop", "target": "laptop", "needs": ["badge"], "optional": true},
        after("archive", "archive", &["figma", "github"]),
        after("payroll", "payroll", &["archive"]),
        after("farewell", "okta", &["payroll"]),
    ]}})
}

struct Scene {
    world: World,
    okta: Place,
    figma: Place,
    github: Place,
}

impl Scene {
    async fn new() -> Self {
        let clock = World::clock();
        let okta = Place::answering(&[GONE]).await;
        let figma = Place::answering(&[REFUSES, GONE]).await;
        let github = Place::answering(&[Hangs]).await;
        let zoom = Place::answering(&[Says("503 Service Unavailable", "", ""), GONE]).await;
        let refuses = Place::answering(&[REFUSES]).await;
        let route = |targets: Targets, (name, place, idempotent): (&str, &Place, bool)| {
            let target: Target = place.target(name, &clock, idempotent, Duration::from_millis(300));
            targets.route(name.parse().unwrap(), target)
        };
        let places = [
            ("okta", &okta, true),
            ("figma", &figma, true),
            ("github", &github, false),
            ("zoom", &zoom, true),
            ("laptop", &okta, true),
            ("archive", &refuses, true),
            ("payroll", &refuses, true),
        ];
        let targets = places.into_iter().fold(Targets::new(), route);
        let world = World::offboarding(targets, Arc::<ManualClock>::clone(&clock), &leaver()).await;
        Self { world, okta, figma, github }
    }

    async fn start(&self, body: Value) -> String {
        let reply = self.world.post("/v1/offboardings", body).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        reply.body["request_id"].as_str().unwrap().to_owned()
    }

    async fn settle(&self) {
        for _ in 0..40 {
            self.world.work().await;
            self.world.clock.advance(Duration::from_secs(60));
        }
    }

    /// How the tasks stand: the API, the table and the trail must say the same.
    async fn standing(&self, id: &str) -> Vec<(String, String)> {
        let api = self.world.get(&format!("/v1/requests/{id}")).await.body;
        let facts = |list: &Value, name: &str, key: &str| -> Vec<Value> {
            let rows = list.as_array().unwrap().iter();
            rows.map(|row| json!([row[key], row[name], row["status"], row["attempts"], row["proof"]])).collect()
        };
        let table = self.world.get("/v1/offboardings?limit=200").await.body;
        let ours = table["items"].as_array().unwrap().iter().filter(|row| row["request_id"] == id).cloned();
        let ours = Value::Array(ours.collect());
        assert_eq!(facts(&ours, "task", "task_id"), facts(&api["tasks"], "name", "id"), "the table and the API");
        let id = id.parse().unwrap();
        let entries: Vec<Entry> = self.world.gate.queries().trail(Stream::Request(id)).await.unwrap();
        let folded = Request::replay(id, entries.iter().map(|entry| entry.fact().unwrap())).unwrap();
        assert_eq!(folded, self.world.gate.request(id).await.unwrap(), "folding the trail gives the state");
        let folded: Vec<_> = folded.plan.tasks.iter().map(|task| json!([task.name, task.state.label()])).collect();
        let shown = api["tasks"].as_array().unwrap().iter().map(|task| json!([task["name"], task["status"]]));
        assert_eq!(shown.collect::<Vec<_>>(), folded, "the API and the trail");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        api["tasks"].as_array().unwrap().iter().map(|task| (text(&task["name"]), text(&task["status"]))).collect()
    }

    /// The names of the tasks that do not stand so.
    async fn but(&self, id: &str, status: &str) -> Vec<String> {
        let others = self.standing(id).await.into_iter().filter(|(_, stands)| stands != status);
        others.map(|(name, stands)| format!("{name} {stands}")).collect()
    }

    async fn task(&self, id: &str, name: &str) -> Value {
        let body = self.world.get(&format!("/v1/requests/{id}")).await.body;
        body["tasks"].as_array().unwrap().iter().find(|task| task["name"] == name).unwrap().clone()
    }

    async fn answer(&self, id: &str, name: &str, body: Value) -> crate::world::Reply {
        let task = self.task(id, name).await["id"].as_str().unwrap().to_owned();
        self.world.post(&format!("/v1/requests/{id}/tasks/{task}"), body).await
    }
}

fn ana() -> Value {
    json!({"person": {"email": "ana@example.com", "name": "Ana Ruiz"}, "reason": "moves on"})
}

#[tokio::test]
async fn twelve_tasks_of_which_three_fail_are_brought_to_an_end() {
    let scene = Scene::new().await;
    let id = scene.start(ana()).await;
    scene.settle().await;
    let waits = ["archive waiting", "payroll waiting", "farewell waiting"];
    let hand = ["badge ready", "laptop waiting"];
    let paused = ["figma paused", "github paused"];
    assert_eq!(scene.but(&id, "done").await, [&paused[..], &hand, &waits].concat(), "zoom recovered by itself");
    assert_eq!(scene.world.get(&format!("/v1/requests/{id}")).await.body["state"], "needs_attention");
    let (figma, github) = (scene.task(&id, "figma").await, scene.task(&id, "github").await);
    assert_eq!((&figma["pause_reason"], &figma["may_have_happened"]), (&json!("rejected"), &json!(false)));
    assert_eq!((&github["pause_reason"], &github["may_have_happened"]), (&json!("unknown"), &json!(true)));
    assert_eq!(scene.github.count(), 1, "what may have happened is not repeated");

    // Retry: a new key, and only this task goes on.
    assert_eq!(scene.answer(&id, "figma", json!({"resolution": "confirm", "reason": "no"})).await.problem().0, 409);
    assert_eq!(scene.answer(&id, "figma", json!({"resolution": "retry", "pause": 1})).await.status, 200);
    scene.settle().await;
    assert_eq!(scene.but(&id, "done").await, [&paused[1..], &hand, &waits].concat());
    let keys: Vec<String> = scene.figma.calls().into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys[1], format!("{}-2", keys[0]));

    // Confirm: with a reason, and what needs it goes on.
    assert_eq!(scene.answer(&id, "github", json!({"resolution": "confirm"})).await.problem(), (422, "/reason"));
    let confirmed = scene.answer(&id, "github", json!({"resolution": "confirm", "reason": "looked it up"})).await;
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    assert_eq!(scene.task(&id, "github").await["proof"], "attested");
    scene.settle().await;
    assert_eq!(scene.but(&id, "done").await, [&hand[..], &["archive paused"], &waits[1..]].concat());

    // Done, by the person it is for.
    let ivo = json!({"resolution": "done", "as": person("ivo@example.com")});
    assert_eq!(scene.answer(&id, "badge", ivo).await.status, 200);
    scene.settle().await;
    assert_eq!(scene.but(&id, "done").await, [&["archive paused"], &waits[1..]].concat());

    // Skip: with a reason, and what needs it goes on.
    let skip = json!({"resolution": "skip", "reason": "kept by hand", "as": person(OPERATOR)});
    assert_eq!(scene.answer(&id, "archive", skip).await.status, 200);
    scene.settle().await;
    assert_eq!(scene.but(&id, "done").await, ["archive skipped", "payroll paused", "farewell waiting"]);

    // Stop: nothing begins any more.
    let stopped = scene.world.post(&format!("/v1/requests/{id}/stop"), json!({"reason": "enough"})).await;
    assert_eq!((stopped.status.as_u16(), &stopped.body["outcome"]), (200, &json!("stopped")));
    assert_eq!(scene.but(&id, "done").await, ["archive skipped", "payroll cancelled", "farewell cancelled"]);
    scene.settle().await;
    assert_eq!(scene.okta.count(), 5, "lock, mail, drive, chat and laptop; no farewell");
}

#[tokio::test]
async fn a_target_is_told_which_task_of_which_playbook_it_does() {
    let scene = Scene::new().await;
    scene.start(ana()).await;
    scene.world.work().await;
    let told = scene.okta.bodies();
    let lock = told.iter().find(|body| body["offboarding"]["task"] == "lock").unwrap();
    assert_eq!(lock["type"], "offboarding.task");
    assert_eq!(lock["offboarding"]["playbook"], "leaver");
    assert_eq!(lock["offboarding"]["parameters"], json!({"login": "ana@example.com"}));
    assert_eq!(lock["account"], json!({"id": null, "email": "ana@example.com", "name": "Ana Ruiz"}));
    assert_eq!((&lock["app"]["id"], &lock["reason"]), (&json!("okta"), &json!("moves on")));
}

#[tokio::test]
async fn a_second_one_is_a_conflict_that_names_the_first() {
    let scene = Scene::new().await;
    let first = scene.start(ana()).await;
    let reply = scene.world.post("/v1/offboardings", ana()).await;
    assert_eq!((reply.problem().0, reply.body["request_id"].as_str()), (409, Some(first.as_str())), "{reply:?}");
    assert_eq!(reply.body["type"], "urn:seatgate:problem:already-leaving");
}

#[tokio::test]
async fn whoever_is_named_must_be_an_operator_and_both_are_recorded() {
    let scene = Scene::new().await;
    scene.world.open().await;
    for (email, known) in [(MANAGER, true), ("stranger@example.com", false)] {
        let mut body = ana();
        body["as"] = person(email);
        assert_eq!(scene.world.post("/v1/offboardings", body).await.problem().0, 403, "{email} {known}");
    }
    let denied = ("offboard".to_owned(), "not_operator".to_owned());
    assert_eq!(scene.world.denials().await, [denied.clone(), denied]);
    let mut body = ana();
    body["as"] = person(OPERATOR);
    let id = scene.start(body).await;
    let request = scene.world.get(&format!("/v1/requests/{id}")).await.body;
    assert_eq!(request["offboarding"]["asked_by"]["email"], OPERATOR);
    assert_eq!(
        (&request["decision"]["by"]["email"], &request["decision"]["submitted_by"]),
        (&json!(OPERATOR), &json!("token:admin"))
    );
}

#[tokio::test]
async fn each_wrong_field_is_named() {
    let scene = Scene::new().await;
    let cases = [
        (json!({}), "/person/email"),
        (json!({"person": {"email": "ana"}}), "/person/email"),
        (json!({"person": {"email": "ana@example.com", "name": "a\u{0}"}}), "/person/name"),
        (json!({"person": {"email": "ana@example.com"}, "playbook": "none"}), "/playbook"),
        (json!({"person": {"email": "ana@example.com"}, "without": ["tea"]}), "/without"),
        (json!({"person": {"email": "ana@example.com"}, "without": ["lock"]}), "/without"),
        (json!({"person": {"email": "ana@example.com"}, "without": 1}), "/without"),
        (json!({"person": {"email": "ana@example.com"}, "manager": {}}), "/manager/email"),
        (json!({"person": {"email": "ana@example.com"}, "reason": "x".repeat(2001)}), "/reason"),
        (json!({"person": {"email": "ana@example.com"}, "as": {}}), "/as/email"),
    ];
    for (body, pointer) in cases {
        let reply = scene.world.post("/v1/offboardings", body.clone()).await;
        assert_eq!(reply.problem(), (422, pointer), "{body}");
    }
    assert_eq!(scene.world.get("/v1/offboardings").await.body, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn an_optional_task_is_left_out() {
    let scene = Scene::new().await;
    let mut body = ana();
    body["without"] = json!(["laptop"]);
    let id = scene.start(body).await;
    assert!(!scene.standing(&id).await.iter().any(|(name, _)| name == "laptop"));
}

#[tokio::test]
async fn the_table_is_filtered_paged_and_a_file() {
    let scene = Scene::new().await;
    scene.start(ana()).await;
    scene.settle().await;
    let get = |query: &str| {
        let path = format!("/v1/offboardings?{query}");
        async { scene.world.get(&{ path }).await }
    };
    let count = |reply: crate::world::Reply| reply.body["items"].as_array().unwrap().len();
    for (query, rows) in [
        ("", 12),
        ("person=ana@example.com", 12),
        ("person=nobody@example.com", 0),
        ("result=paused", 2),
        ("from=2026-11-22T08:00:00Z&to=2026-11-22T08:00:01Z", 12),
        ("from=2026-11-22T08:00:01Z", 0),
        ("to=2026-11-22T08:00:00Z", 0),
    ] {
        assert_eq!(count(get(query).await), rows, "{query}");
    }
    let first = get("limit=7").await.body;
    let second = get(&format!("limit=7&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((second.body["next"].clone(), count(second)), (Value::Null, 5));
    for query in ["from=x", "to=x", "person=x", "result=x", "format=x", "cursor=x", "limit=0", "other=1"] {
        assert_eq!(get(query).await.problem().0, 400, "{query}");
    }
    let file = get("format=csv").await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = file.body.as_str().unwrap().split("\r\n").collect();
    assert_eq!(lines.len(), 14, "a header, twelve rows, and the end");
    assert!(lines[0].starts_with("request_id,person_email,person_name,playbook,mode,"));
    assert!(lines[0].ends_with(",began_at,changed_at,reason"));
    assert!(lines[1].contains(",ana@example.com,Ana Ruiz,leaver,live,"), "{}", lines[1]);
    assert!(lines[1].contains(",lock,done,1,false,receipt,"), "{}", lines[1]);
}
