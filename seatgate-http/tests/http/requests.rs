//! Requests as they are shown.

use seatgate_core::port::Removal;
use seatgate_core::testing::Step;
use seatgate_core::trail::{Stream, verify};
use serde_json::{Value, json};

use crate::world::{MANAGER, World, candidate, person};

fn sorted(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn an_open_request_shows_everything() {
    let world = World::new().await;
    let path = world.open().await;
    let mut body = world.get(&path).await.body;
    let (id, sweep) = (body["id"].take(), body["sweep_id"].take());
    assert!(path.ends_with(id.as_str().unwrap()) && sweep.as_str().unwrap().starts_with("swp_"));
    let version = body["policy_version"].take();
    assert_eq!(version.as_str().unwrap().len(), 16);
    let expected = json!({
        "id": null, "state": "awaiting_decision", "outcome": null, "mode": "live",
        "app": {"id": "figma", "name": "Figma"},
        "account": {"id": "00u-ana", "email": "ana@example.com", "name": "Ana Ruiz"}, "entitlement": "pro",
        "approvers": [{
            "email": MANAGER, "name": "Mona Li", "why": "manager", "path": [],
            "asked_at": "2026-11-22T08:00:00.000000Z", "left": false
        }],
        "why": "manager", "stage": "approvers", "votes": [], "quorum": 1, "holder_answer": null, "reminded": 0,
        "escalations": 0, "deadlines": {"reminders": [], "escalate_at": null, "expire_at": null},
        "opened_at": "2026-11-22T08:00:00.000000Z",
        "evidence": {
            "last_activity_at": "2026-06-01T00:00:00.000000Z", "observed_at": "2026-11-20T06:00:00.000000Z",
            "days_idle": 172, "monthly_cost": {"amount": "45.00", "currency": "USD"}
        },
        "decision": null, "tasks": [], "sweep_id": null, "row": 0, "requesting_channel": "C0SWEEP",
        "policy_version": null
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_closed_request_shows_its_proof() {
    let world = World::new().await;
    let path = world.open().await;
    world.target.then(Step::answers(Removal::removed().with_receipt("R-1")));
    world.decide(&path, json!({"decision": "approve", "reason": "Gone", "as": person(MANAGER)})).await;
    world.work().await;
    let body = world.get(&path).await.body;
    assert_eq!(body["closed_at"], "2026-11-22T08:00:00.000000Z");
    assert_eq!(body["decision"]["reason"], "Gone");
    let mut task = body["tasks"][0].clone();
    assert!(task["id"].take().as_str().unwrap().starts_with("tsk_"));
    let expected = json!({
        "id": null, "name": "remove-figma", "status": "done", "attempts": 1, "pause": null, "pause_reason": null,
        "may_have_happened": false, "proof": "receipt", "receipt": "R-1", "detail": null, "removal": "removed"
    });
    assert_eq!(task, expected);
}

#[tokio::test]
async fn a_seat_that_was_never_used_says_so() {
    let world = World::new().await;
    let bare = json!({"app": {"id": "figma"}, "account": {"id": "7"}, "never_used": true});
    let reply = world.deliver(&bare).await;
    let id = reply.body["results"][0]["request_id"].as_str().unwrap();
    let body = world.get(&format!("/v1/requests/{id}")).await.body;
    let evidence = json!({
        "never_used": true, "observed_at": "2026-11-22T08:00:00.000000Z", "days_idle": null, "monthly_cost": null
    });
    assert_eq!(body["evidence"], evidence);
    assert_eq!(body["account"], json!({"id": "7", "email": null, "name": null}));
    let approver = &body["approvers"][0];
    assert_eq!((&approver["email"], &approver["name"]), (&json!("olga@example.com"), &json!(null)));
    assert_eq!(approver["why"], "operator");
    assert_eq!((&body["entitlement"], &body["requesting_channel"]), (&json!(""), &json!(null)));
}

#[tokio::test]
async fn silence_is_decided_by_the_policy() {
    let world = World::new().await;
    let path = world.open().await;
    world.work().await;
    world.clock.advance(std::time::Duration::from_secs(15 * 86_400));
    world.work().await;
    let decision = world.get(&path).await.body["decision"].clone();
    assert_eq!(decision["by"], json!({"email": null, "name": "the policy"}), "{decision}");
    assert_eq!((&decision["decision"], &decision["reason"]), (&json!("keep"), &json!("no answer")));
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let world = World::new().await;
    let reply = world.deliver(&json!([candidate("a"), candidate("b"), candidate("c")])).await;
    let first = reply.body["results"][0]["request_id"].as_str().unwrap().to_owned();
    world.decide(&format!("/v1/requests/{first}"), json!({"decision": "approve", "as": person(MANAGER)})).await;
    let (mut seen, mut pages) = (Vec::new(), 0);
    let mut path = "/v1/requests?limit=2".to_owned();
    loop {
        let page = world.get(&path).await.body;
        pages += 1;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/requests?limit=2&cursor={next}");
    }
    assert_eq!((seen.len(), pages), (3, 2));
    assert!(seen.is_sorted());
    let count = |state: &str| format!("/v1/requests?state={state}");
    for (state, expected) in [("awaiting_decision", 2), ("executing", 1), ("closed", 0)] {
        assert_eq!(world.get(&count(state)).await.body["items"].as_array().unwrap().len(), expected, "{state}");
    }
    for query in ["state=open", "limit=0", "limit=201", "limit=x", "cursor=7", "stat=closed", "limit=1&limit=2"] {
        assert_eq!(world.get(&format!("/v1/requests?{query}")).await.problem().0, 400, "{query}");
    }
}

#[tokio::test]
async fn the_trail_can_be_verified() {
    let world = World::new().await;
    let path = world.open().await;
    world.decide(&path, json!({"decision": "approve", "as": person(MANAGER)})).await;
    world.work().await;
    let trail = world.get(&format!("{path}/trail")).await.body;
    assert_eq!(trail["next"], json!(null));
    let lines: Vec<String> = trail["items"].as_array().unwrap().iter().map(Value::to_string).collect();
    let stream: Stream = path.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(verify(stream, lines.iter().map(String::as_str)).unwrap().version, lines.len() as u64);
    let members =
        ["actor", "at", "change", "data", "hash", "kind", "prev", "seq", "stream", "submitted_by", "surface", "v"];
    assert_eq!(sorted(&trail["items"][0]), members);
    let kinds: Vec<_> = trail["items"].as_array().unwrap().iter().map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds, ["opened", "decided", "begun", "attempt_ended", "closed"]);
    assert_eq!(trail["items"][1]["submitted_by"], "token:admin");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::new().await;
    let absent = format!("/v1/requests/req_{}", "0".repeat(32));
    for path in [absent.clone(), format!("{absent}/trail"), "/v1/requests/%FF".to_owned()] {
        assert_eq!(world.get(&path).await.problem().0, 404, "{path}");
    }
    assert_eq!(world.api("DELETE", "/v1/exceptions/nonsense", None).await.problem().0, 404);
}
