//! Who is asked: handed on, in stages, by several, and what happens while nobody answers.

use std::time::Duration;

use seatgate_core::person::Identity;
use serde_json::{Value, json};

use crate::world::{MANAGER, OPERATOR, Reply, World, person};

const NILS: &str = "nils@example.com";
const OMAR: &str = "omar@example.com";
const HOLDER: &str = "ana@example.com";
const DAY: u64 = 86_400;

async fn reassign(world: &World, request: &str, body: Value) -> Reply {
    world.post(&format!("{request}/reassign"), body).await
}

fn to(email: &str) -> Value {
    json!({"to": person(email), "reason": "On leave"})
}

async fn say(world: &World, request: &str, decision: &str, email: &str) -> Reply {
    world.decide(request, json!({"decision": decision, "reason": "Said so", "as": person(email)})).await
}

/// Who was asked, why, and whether they still are.
fn asked(body: &Value) -> Vec<(&str, &str, bool)> {
    let one = |approver: &'_ Value| -> bool { !approver["left"].as_bool().unwrap() };
    let approvers = body["approvers"].as_array().unwrap().iter();
    approvers.map(|who| (who["email"].as_str().unwrap(), who["why"].as_str().unwrap(), one(who))).collect()
}

#[tokio::test]
async fn somebody_else_is_asked_and_whoever_was_asked_before_is_no_more() {
    let world = World::new().await;
    let request = world.open().await;
    world.clock.advance(Duration::from_secs(60));
    let reply = reassign(&world, &request, to("Nils@Example.com")).await;
    assert_eq!((reply.status.as_u16(), &reply.body["state"]), (200, &json!("awaiting_decision")), "{reply:?}");
    assert_eq!(asked(&reply.body), [(MANAGER, "manager", false), (NILS, "reassigned", true)]);
    let [first, second] = [&reply.body["approvers"][0], &reply.body["approvers"][1]];
    assert_eq!(first["asked_at"], "2026-11-22T08:00:00.000000Z");
    assert_eq!((&second["asked_at"], &second["path"]), (&json!("2026-11-22T08:01:00.000000Z"), &json!([])));

    let moved = say(&world, &request, "approve", MANAGER).await;
    assert_eq!(moved.problem(), (403, "-"));
    assert!(moved.body["detail"].as_str().unwrap().contains("somebody else is"), "{moved:?}");
    assert_eq!(world.denials().await, [("approve".to_owned(), "moved".to_owned())]);
    let trail = world.get(&format!("{request}/trail")).await.body;
    let routed = &trail["items"][1];
    assert_eq!((&routed["kind"], &routed["data"]["cause"]), (&json!("routed"), &json!("reassigned")), "{trail}");
    assert_eq!(routed["actor"], "token:admin");
    assert_eq!(say(&world, &request, "approve", NILS).await.body["state"], "executing");
}

#[tokio::test]
async fn whoever_is_asked_hands_it_on_themselves() {
    let world = World::new().await;
    let request = world.open().await;
    let mut body = to(NILS);
    body["as"] = person(MANAGER);
    let reply = reassign(&world, &request, body).await;
    assert_eq!(asked(&reply.body), [(MANAGER, "manager", false), (NILS, "reassigned", true)], "{reply:?}");
    let handed_on = &reply.body["approvers"][1]["handed_on"];
    assert!(handed_on["by"]["email"] == MANAGER && handed_on["note"].is_string(), "{handed_on}");
    assert_eq!(reply.body["approvers"][0].get("handed_on"), None);
    let trail = world.get(&format!("{request}/trail")).await.body;
    assert_eq!(trail["items"][1]["submitted_by"], "token:admin", "{trail}");
}

#[tokio::test]
async fn each_bad_field_of_a_reassignment_is_named() {
    let world = World::new().await;
    let request = world.open().await;
    let cases = [
        ("/to", json!({"reason": "x"})),
        ("/to", json!({"to": NILS, "reason": "x"})),
        ("/to/email", json!({"to": {}, "reason": "x"})),
        ("/to/email", json!({"to": {"email": "nils"}, "reason": "x"})),
        ("/to/email", json!({"to": {"email": 7}, "reason": "x"})),
        ("/to/name", json!({"to": {"name": "Nils"}, "reason": "x"})),
        // The holder decides nothing about their own.
        ("/to/email", to(HOLDER)),
        ("/reason", json!({"to": person(NILS)})),
        ("/reason", json!({"to": person(NILS), "reason": " "})),
        ("/reason", json!({"to": person(NILS), "reason": "x".repeat(2_001)})),
        ("/as/email", json!({"to": person(NILS), "reason": "x", "as": {"email": "mona"}})),
        ("/note", json!({"to": person(NILS), "note": "x"})),
    ];
    for (pointer, body) in cases {
        assert_eq!(reassign(&world, &request, body.clone()).await.problem(), (422, pointer), "{body}");
    }
    assert_eq!(asked(&world.get(&request).await.body), [(MANAGER, "manager", true)]);
    let nils = Identity::Email(NILS.parse().unwrap());
    assert_eq!(world.gate.people().find(&nils).await.unwrap(), None, "what was refused adds nobody");
}

#[tokio::test]
async fn a_reassignment_that_does_not_fit_is_a_conflict_and_one_of_a_stranger_is_denied() {
    let world = World::with_policy(&[("strict_identity", "true")]).await;
    let request = world.open().await;
    for who in ["stranger@example.com", OPERATOR] {
        let mut body = to(NILS);
        body["as"] = person(who);
        assert_eq!(reassign(&world, &request, body).await.problem(), (403, "-"), "{who}");
    }
    let nils = Identity::Email(NILS.parse().unwrap());
    assert_eq!(world.gate.people().find(&nils).await.unwrap(), None, "whoever may not ask adds nobody");
    let absent = format!("/v1/requests/req_{}", "0".repeat(32));
    assert_eq!(reassign(&world, &absent, to(NILS)).await.problem().0, 404);
    let twice = reassign(&world, &request, to(MANAGER)).await;
    assert_eq!((twice.problem().0, &twice.body["type"]), (409, &json!("urn:seatgate:problem:already-asked")));
    assert_eq!(world.post(&format!("{request}/withdraw"), json!({})).await.status, 200);
    for email in [NILS, MANAGER] {
        assert_eq!(reassign(&world, &request, to(email)).await.problem().0, 409, "{email}");
    }
}

#[tokio::test]
async fn two_must_approve_where_the_policy_says_so_and_one_is_not_two() {
    let world = World::with_policy(&[("quorum", "2"), ("fallback_approvers", OMAR)]).await;
    let request = world.open().await;
    assert_eq!(asked(&world.get(&request).await.body), [(MANAGER, "manager", true), (OMAR, "fallback", true)]);
    let first = say(&world, &request, "approve", MANAGER).await;
    assert_eq!((first.status.as_u16(), &first.body["state"]), (200, &json!("awaiting_decision")), "{first:?}");
    assert_eq!((&first.body["quorum"], &first.body["decision"]), (&json!(2), &json!(null)));
    let vote = json!({
        "by": {"email": MANAGER, "name": "Mona Li"}, "submitted_by": "token:admin",
        "at": "2026-11-22T08:00:00.000000Z", "reason": "Said so"
    });
    assert_eq!(first.body["votes"], json!([vote]));
    let again = say(&world, &request, "approve", MANAGER).await;
    assert_eq!((again.problem().0, &again.body["type"]), (409, &json!("urn:seatgate:problem:already-voted")));
    let second = say(&world, &request, "approve", OMAR).await;
    assert_eq!((&second.body["state"], &second.body["decision"]["by"]["email"]), (&json!("executing"), &json!(OMAR)));
}

#[tokio::test]
async fn one_keep_is_enough_whatever_the_quorum() {
    let world = World::with_policy(&[("quorum", "2"), ("fallback_approvers", OMAR)]).await;
    let request = world.open().await;
    assert_eq!(say(&world, &request, "approve", MANAGER).await.status, 200);
    let keep = say(&world, &request, "keep", OMAR).await;
    assert_eq!((&keep.body["state"], &keep.body["decision"]["decision"]), (&json!("keeping"), &json!("keep")));
}

#[tokio::test]
async fn a_holder_who_is_asked_first_decides_nothing_and_is_heard() {
    for (word, suffices, state) in [
        ("keep", "informs", "awaiting_decision"),
        ("approve", "informs", "awaiting_decision"),
        ("approve", "suffices", "executing"),
    ] {
        let world = World::with_policy(&[("ask_holder_first", "true"), ("holder_release", suffices)]).await;
        let request = world.open().await;
        let before = world.get(&request).await.body;
        assert_eq!((&before["stage"], asked(&before)), (&json!("holder"), vec![(HOLDER, "holder", true)]));
        assert_eq!(say(&world, &request, "approve", MANAGER).await.problem().0, 403, "not asked yet");
        let reply = say(&world, &request, word, HOLDER).await;
        assert_eq!((reply.status.as_u16(), &reply.body["state"]), (200, &json!(state)), "{reply:?}");
        if state == "executing" {
            assert_eq!(reply.body["decision"]["by"]["email"], HOLDER);
            continue;
        }
        assert_eq!((&reply.body["stage"], &reply.body["decision"]), (&json!("approvers"), &json!(null)));
        let said = json!({"answer": word, "at": "2026-11-22T08:00:00.000000Z", "reason": "Said so"});
        assert_eq!(reply.body["holder_answer"], said);
        assert_eq!(asked(&reply.body), [(HOLDER, "holder", false), (MANAGER, "manager", true)]);
        assert_eq!(say(&world, &request, "keep", HOLDER).await.problem().0, 403, "their word is given once");
        assert_eq!(say(&world, &request, "approve", MANAGER).await.body["state"], "executing");
    }
}

#[tokio::test]
async fn deadlines_start_with_the_card_and_what_they_bring_is_told() {
    let world = World::new().await;
    let request = world.open().await;
    let unknown = json!({"reminders": [], "escalate_at": null, "expire_at": null});
    assert_eq!(world.get(&request).await.body["deadlines"], unknown);
    world.work().await;
    let told = json!({
        "reminders": ["2026-11-24T08:00:00.000000Z", "2026-11-26T08:00:00.000000Z"],
        "escalate_at": "2026-11-27T08:00:00.000000Z", "expire_at": "2026-12-06T08:00:00.000000Z"
    });
    assert_eq!(world.get(&request).await.body["deadlines"], told);
    assert_eq!(world.get("/v1/requests").await.body["items"][0]["deadlines"], told);
    world.clock.advance(Duration::from_secs(2 * DAY));
    world.work().await;
    let body = world.get(&request).await.body;
    assert_eq!((&body["reminded"], &body["escalations"]), (&json!(1), &json!(0)));
    world.clock.advance(Duration::from_secs(3 * DAY));
    world.work().await;
    let body = world.get(&request).await.body;
    assert_eq!((&body["reminded"], &body["escalations"]), (&json!(2), &json!(1)));
    assert_eq!(asked(&body), [(MANAGER, "manager", true), (OPERATOR, "operator", true)]);
    assert_eq!(say(&world, &request, "approve", MANAGER).await.body["deadlines"], unknown);
}

#[tokio::test]
async fn the_holder_has_a_time_of_their_own() {
    let world = World::with_policy(&[("ask_holder_first", "true")]).await;
    let request = world.open().await;
    world.work().await;
    let body = world.get(&request).await.body;
    assert_eq!(body["deadlines"]["holder_until"], "2026-11-25T08:00:00.000000Z", "{body}");
    world.clock.advance(Duration::from_secs(3 * DAY));
    world.work().await;
    let body = world.get(&request).await.body;
    assert_eq!(asked(&body), [(HOLDER, "holder", false), (MANAGER, "manager", true)]);
    assert_eq!(body["deadlines"]["expire_at"], "2026-12-09T08:00:00.000000Z");
}
