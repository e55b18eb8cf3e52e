//! Exceptions by hand, and which seats they cover.

use axum::body::Body;
use axum::http::Request;
use seatgate_core::trail::Stream;
use serde_json::{Value, json};

use crate::world::{OPERATOR, TOKEN, World, candidate, person};

const PATH: &str = "/v1/exceptions";

fn filing() -> Value {
    json!({
        "app": {"id": "figma"}, "account": {"id": "00u-ana", "email": "ana@example.com"}, "entitlement": "pro",
        "until": "2026-12-31", "reason": "on parental leave"
    })
}

fn without(member: &str) -> Value {
    let mut body = filing();
    body.as_object_mut().unwrap().remove(member);
    body
}

fn with(pointer: &str, value: Value) -> Value {
    let mut body = filing();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[member] = value;
    body
}

/// The entries of an exception's stream: kind, actor and who handed it in.
async fn trail(world: &World, id: &str) -> Vec<[String; 3]> {
    let entries = world.gate.queries().trail(Stream::Exception(id.parse().unwrap())).await.unwrap();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let entry = |body: &str| serde_json::from_str::<Value>(body).unwrap();
    let entries = entries.iter().map(|stored| entry(&stored.body));
    entries.map(|entry| ["kind", "actor", "submitted_by"].map(|member| text(&entry[member]))).collect()
}

#[tokio::test]
async fn a_filed_exception_keeps_the_seat_from_being_asked_about_until_it_is_revoked() {
    let world = World::new().await;
    let filed = world.post(PATH, filing()).await;
    assert_eq!(filed.status, 201, "{filed:?}");
    let id = filed.body["id"].as_str().unwrap().to_owned();
    assert_eq!(world.get(PATH).await.body["items"], json!([filed.body]));
    assert_eq!(
        (&filed.body["until"], &filed.body["reason"]),
        (&json!("2027-01-01T00:00:00.000000Z"), &json!("on parental leave"))
    );
    assert_eq!(filed.body["filed_by"], json!({"email": null, "name": "token:admin"}));
    assert_eq!(world.deliver(&candidate("ana")).await.body["counts"], json!({"excepted": 1}));

    assert_eq!(world.api("DELETE", &format!("{PATH}/{id}"), None).await.status, 204);
    assert_eq!(world.api("DELETE", &format!("{PATH}/{id}"), None).await.problem().0, 404);
    assert_eq!(world.deliver(&candidate("ana")).await.body["counts"], json!({"asked": 1}));
    let kinds = ["exception_filing", "exception_filed", "exception_revoking", "exception_revoked"];
    let mut expected: Vec<_> = kinds.map(|kind| [kind, "token:admin", "-"].map(str::to_owned)).to_vec();
    expected.extend(expected[2..].to_vec());
    assert_eq!(trail(&world, &id).await, expected);
}

#[tokio::test]
async fn an_operator_can_be_named_and_files_none_for_their_own_seat() {
    let world = World::new().await;
    let filed = world.post(PATH, with("/as", person(OPERATOR))).await;
    assert_eq!(filed.body["filed_by"]["email"], OPERATOR);
    let entry = &trail(&world, filed.body["id"].as_str().unwrap()).await[1];
    assert!(entry[1].starts_with("prs_") && entry[2] == "token:admin", "{entry:?}");
    assert_eq!(world.post(PATH, with("/as", person("nobody@example.com"))).await.problem().0, 403);
    let mut own = with("/as", person(OPERATOR));
    own["account"] = json!({"email": OPERATOR});
    assert_eq!(world.post(PATH, own.clone()).await.problem().0, 403);
    world
        .deliver(&{
            let mut row = candidate("olga");
            row["account"] = json!({"id": "00u-olga", "email": OPERATOR});
            row
        })
        .await;
    own["account"] = json!({"id": "00u-olga"});
    assert_eq!(world.post(PATH, own).await.problem().0, 403, "the address is known");
    let denials: Vec<_> =
        world.denials().await.into_iter().map(|(action, denial)| format!("{action} {denial}")).collect();
    assert_eq!(denials, ["file_exception not_operator", "file_exception own_seat"]);
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let world = World::new().await;
    let cases = [
        (without("app"), "/app/id"),
        (without("account"), "/account"),
        (without("until"), "/until"),
        (without("reason"), "/reason"),
        (with("/until", json!("soon")), "/until"),
        (with("/until", json!("2026-11-01")), "/until"),
        (with("/until", json!("2028-01-01")), "/until"),
        (with("/reason", json!("  ")), "/reason"),
        (with("/account/email", json!("ana")), "/account/email"),
        (with("/entitlement", json!(7)), "/entitlement"),
        (with("/as", json!({})), "/as/email"),
        (with("/untill", json!("2026-12-31")), "/untill"),
    ];
    for (body, pointer) in cases {
        assert_eq!(world.post(PATH, body).await.problem(), (422, pointer));
    }
    assert_eq!(world.get(PATH).await.body["items"], json!([]));
}

#[tokio::test]
async fn a_check_says_which_seats_to_skip_and_adds_nothing() {
    let world = World::new().await;
    let id = world.post(PATH, filing()).await.body["id"].clone();
    let by_email = with("/account", json!({"email": "bo@example.com"}));
    assert_eq!(world.post(PATH, by_email).await.status, 201);
    let seat = |account: Value, entitlement: &str| json!({"app": {"id": "figma"}, "account": account, "entitlement": entitlement});
    let seats = json!([
        seat(json!({"id": "00u-ana"}), "pro"),
        seat(json!({"email": "Ana@example.com"}), "pro"),
        seat(json!({"id": "00u-ana"}), ""),
        seat(json!({"id": "00u-new", "email": "bo@example.com"}), "pro"),
        seat(json!({"email": "cy@example.com"}), "pro"),
        {"app": {"id": "miro"}, "account": {"id": "00u-ana"}, "entitlement": "pro"}
    ]);
    let answer = world.post(&format!("{PATH}/check"), seats).await;
    let rows = answer.body.as_array().unwrap();
    assert_eq!(
        rows[0],
        json!({"row": 0, "excepted": true, "until": "2027-01-01T00:00:00.000000Z", "exception_id": id})
    );
    assert_eq!(rows[2], json!({"row": 2, "excepted": false}));
    let excepted: Vec<_> = rows.iter().map(|row| row["excepted"].as_bool().unwrap()).collect();
    assert_eq!(excepted, [true, true, false, true, false, false]);
    let known = [("figma".parse().unwrap(), names("cy@example.com"))];
    assert_eq!(world.gate.people().known_accounts(&known).await.unwrap(), [vec![]]);
    assert_eq!(world.post(&format!("{PATH}/check"), json!([])).await.body, json!([]));
}

fn names(email: &str) -> seatgate_core::seat::AccountNames {
    seatgate_core::seat::AccountNames::new(None, email.parse().ok(), None)
}

#[tokio::test]
async fn a_check_that_cannot_be_read_is_refused_and_named() {
    let world = World::new().await;
    let good = json!({"app": {"id": "figma"}, "account": {"id": "1"}});
    let check = format!("{PATH}/check");
    for (body, pointer) in [
        (json!([good, {"app": {"id": "figma"}}]), "/1/account"),
        (json!([good, good, {"app": 7}]), "/2/app"),
        (json!([good, {"colour": "red"}]), "/1/colour"),
        (json!([7]), "/0"),
    ] {
        assert_eq!(world.post(&check, body).await.problem(), (422, pointer));
    }
    assert_eq!(world.post(&check, good).await.problem().0, 400);
    let untyped = Request::post(&check).header("authorization", format!("Bearer {TOKEN}")).body(Body::from("[]"));
    assert_eq!(world.call(untyped.unwrap()).await.problem().0, 415);
}
