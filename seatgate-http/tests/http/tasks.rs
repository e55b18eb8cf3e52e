//! Undo, withdraw, stop, and answers to pauses.

use std::time::Duration;

use seatgate_core::port::EffectError;
use seatgate_core::testing::Step;
use serde_json::{Value, json};

use crate::world::{MANAGER, OPERATOR, World, person};

async fn approved(world: &World) -> String {
    let request = world.open().await;
    let reply = world.decide(&request, json!({"decision": "approve", "as": person(MANAGER)})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    request
}

/// A request whose only task is paused, and the path of the task.
async fn paused(world: &World, error: EffectError) -> (String, String) {
    world.target.then(Step::fails(error));
    let request = approved(world).await;
    // An outcome that nobody knows is looked up twice first.
    for _ in 0..5 {
        world.work().await;
        world.clock.advance(Duration::from_secs(600));
    }
    let body = world.get(&request).await.body;
    assert_eq!((&body["state"], &body["tasks"][0]["status"]), (&json!("needs_attention"), &json!("paused")), "{body}");
    let task = format!("{request}/tasks/{}", body["tasks"][0]["id"].as_str().unwrap());
    (request, task)
}

#[tokio::test]
async fn an_approval_can_be_undone_in_its_grace_period() {
    let world = World::with_policy(&[("grace", "1h"), ("cool_down", "0s")]).await;
    for body in [json!({}), json!({"reason": "A mistake"}), json!({"as": person(MANAGER)})] {
        let request = approved(&world).await;
        let in_grace = world.get(&request).await.body;
        assert_eq!((&in_grace["state"], &in_grace["tasks"][0]["status"]), (&json!("in_grace"), &json!("waiting")));
        assert_eq!(in_grace["grace_until"], "2026-11-22T09:00:00.000000Z");
        let reply = world.post(&format!("{request}/undo"), body).await;
        assert_eq!((reply.status.as_u16(), &reply.body["outcome"]), (200, &json!("withdrawn")), "{reply:?}");
        assert_eq!(reply.body["decision"]["decision"], "approve");
    }
}

#[tokio::test]
async fn an_undo_that_comes_too_late_is_a_conflict() {
    let world = World::new().await;
    let request = approved(&world).await;
    let reply = world.post(&format!("{request}/undo"), json!({})).await;
    assert_eq!((reply.problem().0, &reply.body["decision"]["decision"]), (409, &json!("approve")));
}

#[tokio::test]
async fn a_request_is_withdrawn_by_the_token_alone() {
    let world = World::new().await;
    let request = world.open().await;
    let reply = world.api("POST", &format!("{request}/withdraw"), None).await;
    assert_eq!((reply.status.as_u16(), &reply.body["outcome"]), (200, &json!("withdrawn")), "{reply:?}");
    let reply = world.post(&format!("{request}/withdraw"), json!({})).await;
    assert_eq!((reply.problem().0, &reply.body["decision"]), (409, &Value::Null));
}

#[tokio::test]
async fn a_stop_ends_what_has_not_begun() {
    let world = World::new().await;
    let request = world.open().await;
    assert_eq!(world.post(&format!("{request}/stop"), json!({})).await.problem().0, 409);
    assert_eq!(world.decide(&request, json!({"decision": "approve", "as": person(MANAGER)})).await.status, 200);
    let reply = world.post(&format!("{request}/stop"), json!({"as": person(OPERATOR), "reason": "Wrong"})).await;
    assert_eq!((reply.status.as_u16(), &reply.body["outcome"]), (200, &json!("stopped")), "{reply:?}");
}

#[tokio::test]
async fn a_person_that_nobody_knows_operates_nothing() {
    let world = World::new().await;
    let request = world.open().await;
    let body = json!({"as": person("stranger@example.com")});
    assert_eq!(world.post(&format!("{request}/withdraw"), body).await.problem().0, 403);
    assert_eq!(world.denials().await, [("withdraw".to_owned(), "not_operator".to_owned())]);
}

#[tokio::test]
async fn a_rejected_task_is_tried_again() {
    let world = World::new().await;
    let (request, task) = paused(&world, EffectError::rejected("the seat comes from a group")).await;
    let body = world.get(&request).await.body["tasks"][0].clone();
    assert_eq!(
        (&body["pause"], &body["pause_reason"], &body["may_have_happened"]),
        (&json!(1), &json!("rejected"), &json!(false))
    );
    assert_eq!(body["detail"], "the seat comes from a group");
    let reply = world.post(&task, json!({"resolution": "retry", "pause": 1})).await;
    assert_eq!((reply.status.as_u16(), &reply.body["tasks"][0]["status"]), (200, &json!("ready")), "{reply:?}");
    world.work().await;
    assert_eq!(world.get(&request).await.body["outcome"], "reclaimed");
}

#[tokio::test]
async fn an_unknown_outcome_can_be_confirmed() {
    let world = World::new().await;
    let (request, task) = paused(&world, EffectError::unknown("no answer")).await;
    assert_eq!(world.get(&request).await.body["tasks"][0]["may_have_happened"], true);
    assert_eq!(world.post(&task, json!({"resolution": "confirm"})).await.problem(), (422, "/reason"));
    let reply = world.post(&task, json!({"resolution": "confirm", "reason": "I looked", "as": person(OPERATOR)})).await;
    let body = &reply.body["tasks"][0];
    assert_eq!(
        (&body["status"], &body["proof"], &body["receipt"]),
        (&json!("done"), &json!("attested"), &json!("I looked"))
    );
    assert_eq!(reply.body["outcome"], "reclaimed");
}

#[tokio::test]
async fn a_pause_is_answered_once_and_by_its_number() {
    let world = World::new().await;
    let (_, task) = paused(&world, EffectError::rejected("no")).await;
    let cases = [
        (json!({"resolution": "confirm", "reason": "I looked"}), (409, "-")),
        (json!({"resolution": "retry", "pause": 2}), (409, "-")),
        (json!({"resolution": "retry", "pause": -1}), (422, "/pause")),
        (json!({"resolution": "again"}), (422, "/resolution")),
        (json!({}), (422, "/resolution")),
        (json!({"resolution": "skip"}), (422, "/reason")),
    ];
    for (body, problem) in cases {
        let reply = world.post(&task, body.clone()).await;
        assert_eq!(reply.problem(), problem, "{body}");
        assert_eq!(reply.body["decision"].is_object(), problem.0 == 409, "{body}");
    }
    let reply = world.post(&task, json!({"resolution": "skip", "reason": "By hand", "pause": 1})).await;
    let body = &reply.body["tasks"][0];
    assert_eq!((&body["status"], &body["reason"]), (&json!("skipped"), &json!("By hand")), "{reply:?}");
    assert_eq!(world.post(&task, json!({"resolution": "retry"})).await.problem().0, 409);
}

#[tokio::test]
async fn a_task_that_is_not_there_is_not_found() {
    let world = World::new().await;
    let request = approved(&world).await;
    for task in [format!("tsk_{}", "0".repeat(32)), "nonsense".to_owned(), "%FF".to_owned()] {
        let reply = world.post(&format!("{request}/tasks/{task}"), json!({"resolution": "retry"})).await;
        assert_eq!(reply.problem().0, 404, "{task}");
    }
}
