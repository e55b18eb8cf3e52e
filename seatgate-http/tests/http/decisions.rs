//! Decisions: who may, what is said when they may not, and that one is enough.

use serde_json::{Value, json};

use crate::world::{MANAGER, OPERATOR, World, person};

fn approve(email: &str) -> Value {
    json!({"decision": "approve", "as": person(email)})
}

#[tokio::test]
async fn the_approver_approves_and_the_seat_is_reclaimed() {
    let world = World::new().await;
    let request = world.open().await;
    let reply = world.decide(&request, approve("Mona@Example.com")).await;
    assert_eq!((reply.status.as_u16(), &reply.body["state"]), (200, &json!("executing")), "{reply:?}");
    assert_eq!(
        reply.body["decision"],
        json!({
            "decision": "approve", "by": {"email": MANAGER, "name": "Mona Li"}, "submitted_by": "token:admin",
            "surface": "api", "at": "2026-11-22T08:00:00.000000Z"
        })
    );
    world.work().await;
    let reply = world.get(&request).await;
    assert_eq!((&reply.body["state"], &reply.body["outcome"]), (&json!("closed"), &json!("reclaimed")));
}

#[tokio::test]
async fn a_keep_has_a_reason_and_an_end() {
    let world = World::new().await;
    let request = world.open().await;
    let body = json!({"decision": "keep", "reason": " On leave ", "keep_until": "2026-12-31", "as": person(MANAGER)});
    let reply = world.decide(&request, body).await;
    assert_eq!((reply.status.as_u16(), &reply.body["state"]), (200, &json!("keeping")), "{reply:?}");
    assert_eq!(reply.body["decision"]["reason"], "On leave");
    assert_eq!(reply.body["decision"]["keep_until"], "2027-01-01T00:00:00.000000Z");
    world.work().await;
    assert_eq!(world.get(&request).await.body["outcome"], "kept");
    let exceptions = world.get("/v1/exceptions").await.body;
    let exception = &exceptions["items"][0];
    assert_eq!(exception["app"], json!({"id": "figma", "name": "Figma"}));
    assert_eq!(exception["account"]["email"], "ana@example.com");
    assert_eq!(exception["reason"], "On leave");
    assert_eq!(exception["filed_by"], json!({"email": MANAGER, "name": "Mona Li"}));
    let path = format!("/v1/exceptions/{}", exception["id"].as_str().unwrap());
    assert_eq!(world.api("DELETE", &path, None).await.status, 204);
    assert_eq!(world.api("DELETE", &path, None).await.problem().0, 404);
    assert_eq!(world.get("/v1/exceptions").await.body, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn a_second_decision_is_told_who_decided_and_when() {
    let world = World::new().await;
    let request = world.open().await;
    let keep = json!({"decision": "keep", "reason": "On leave", "as": person(MANAGER)});
    let first = world.decide(&request, keep.clone()).await;
    for body in [keep, approve(MANAGER)] {
        let reply = world.decide(&request, body).await;
        assert_eq!(reply.problem().0, 409);
        assert_eq!(reply.body["decision"], first.body["decision"]);
        assert_eq!(reply.body["decision"]["by"]["email"], MANAGER);
    }
    let reply = world.post(&format!("{request}/withdraw"), json!({})).await;
    assert_eq!((reply.problem().0, &reply.body["decision"]), (409, &first.body["decision"]));
}

#[tokio::test]
async fn whoever_may_not_is_told_so_and_it_is_recorded() {
    let world = World::new().await;
    let request = world.open().await;
    let cases = [
        (approve("stranger@example.com"), "-"),
        (approve("ana@example.com"), "-"),
        (json!({"decision": "keep", "reason": "Mine", "as": person("ana@example.com")}), "-"),
        (approve(OPERATOR), "/reason"),
    ];
    for (body, pointer) in cases {
        assert_eq!(world.decide(&request, body.clone()).await.problem(), (403, pointer), "{body}");
    }
    let denials =
        [("approve", "not_asked"), ("approve", "holder_informs"), ("keep", "own_seat"), ("approve", "reason_required")];
    assert_eq!(world.denials().await, denials.map(|(action, denial)| (action.to_owned(), denial.to_owned())));
    assert_eq!(world.get(&request).await.body["state"], "awaiting_decision");
    let body = json!({"decision": "approve", "reason": "She left", "as": person(OPERATOR)});
    assert_eq!(world.decide(&request, body).await.status, 200);
}

#[tokio::test]
async fn each_bad_field_is_named() {
    let world = World::new().await;
    let request = world.open().await;
    let keep = |name: &str, value: Value| {
        let mut body = json!({"decision": "keep", "reason": "On leave", "as": person(MANAGER)});
        body[name] = value;
        body
    };
    let cases = [
        ("/as", json!({"decision": "approve"})),
        ("/as", keep("as", json!(MANAGER))),
        ("/as/email", keep("as", json!({}))),
        ("/as/email", keep("as", json!({"email": "mona"}))),
        ("/as/name", keep("as", json!({"name": "Mona"}))),
        ("/decision", keep("decision", json!("Approve"))),
        ("/decision", keep("decision", json!(1))),
        ("/decision", json!({"as": person(MANAGER)})),
        ("/decision", json!({})),
        ("/reason", keep("reason", json!(""))),
        ("/reason", keep("reason", json!(null))),
        ("/reason", keep("reason", json!(["x"]))),
        ("/reason", keep("reason", json!("x".repeat(2_001)))),
        ("/reason", keep("reason", json!("a\u{0}b"))),
        ("/keep_until", keep("keep_until", json!("soon"))),
        ("/keep_until", keep("keep_until", json!(7))),
        ("/keep_until", keep("keep_until", json!("2026-11-21"))),
        ("/keep_until", keep("keep_until", json!("2030-01-01"))),
        ("/keep_until", json!({"decision": "approve", "keep_until": "2026-12-31", "as": person(MANAGER)})),
        ("/keepuntil", keep("keepuntil", json!("2026-12-31"))),
        ("", json!(["keep", "On leave"])),
    ];
    for (pointer, body) in cases {
        assert_eq!(world.decide(&request, body.clone()).await.problem(), (422, pointer), "{body}");
    }
    assert_eq!(world.get(&request).await.body["decision"], json!(null));
    assert_eq!(world.denials().await, []);
}

#[tokio::test]
async fn a_request_that_is_not_there_is_not_found() {
    let world = World::new().await;
    let absent = format!("/v1/requests/req_{}", "0".repeat(32));
    assert_eq!(world.decide(&absent, approve(MANAGER)).await.problem().0, 404);
    assert_eq!(world.decide("/v1/requests/nonsense", approve(MANAGER)).await.problem().0, 404);
    assert_eq!(world.denials().await, []);
}

#[tokio::test]
async fn a_strict_policy_takes_no_address_for_who_somebody_is() {
    let world = World::with_policy(&[("strict_identity", "true")]).await;
    let request = world.open().await;
    assert_eq!(world.decide(&request, approve(MANAGER)).await.problem(), (403, "-"));
    assert_eq!(world.get(&request).await.body["state"], "awaiting_decision");

    let world = World::new().await;
    let request = world.open().await;
    assert_eq!(world.decide(&request, approve(MANAGER)).await.status.as_u16(), 200);
    let trail = world.get(&format!("{request}/trail")).await.body;
    assert_eq!(trail["items"][1]["data"]["matched_by"], "email", "{trail}");
}
