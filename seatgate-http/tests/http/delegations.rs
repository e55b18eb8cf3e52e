//! People stand in for each other, as told over the API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{MANAGER, World};

const PATH: &str = "/v1/delegations";

fn asked(from: &str, to: &str) -> Value {
    json!({"from": {"email": from}, "to": {"email": to}})
}

#[tokio::test]
async fn delegations_are_added_listed_and_ended() {
    let world = World::new().await;
    let added = world.post(PATH, asked(MANAGER, "dina@example.com")).await;
    assert_eq!(added.status, 201, "{added:?}");
    assert_eq!(
        (&added.body["from"]["email"], &added.body["to"]["email"]),
        (&json!(MANAGER), &json!("dina@example.com"))
    );
    assert_eq!(added.body["starts_at"], "2026-11-22T08:00:00.000000Z");
    assert_eq!(added.body["ends_at"], json!(null));
    world.clock.advance(Duration::from_secs(1));
    let mut later = asked("lee@example.com", MANAGER);
    (later["starts_at"], later["ends_at"]) = (json!("2026-12-21"), json!("2026-12-31"));
    let later = world.post(PATH, later).await;
    assert_eq!(later.body["starts_at"], "2026-12-21T00:00:00.000000Z");
    assert_eq!(later.body["ends_at"], "2027-01-01T00:00:00.000000Z", "a date is meant to its end");

    let first = world.get(&format!("{PATH}?limit=1")).await;
    assert_eq!(first.body["items"], json!([added.body]));
    let next = first.body["next"].as_str().unwrap();
    let second = world.get(&format!("{PATH}?limit=1&cursor={next}")).await;
    assert_eq!((&second.body["items"], &second.body["next"]), (&json!([later.body]), &json!(null)));

    let one = format!("{PATH}/{}", added.body["id"].as_str().unwrap());
    assert_eq!(world.api("DELETE", &one, None).await.status, 204);
    assert_eq!(world.api("DELETE", &one, None).await.problem().0, 404, "it is over");
    assert_eq!(world.get(PATH).await.body["items"], json!([later.body]));
}

#[tokio::test]
async fn what_does_not_fit_is_named_and_nobody_is_added() {
    let world = World::new().await;
    let with = |member: &str, value: Value| {
        let mut body = asked("new@example.com", "dina@example.com");
        body[member] = value;
        body
    };
    for (body, pointer) in [
        (json!({}), "/from"),
        (with("to", json!({})), "/to"),
        (with("to", json!({"email": "dina"})), "/to/email"),
        (with("starts_at", json!("soon")), "/starts_at"),
        (with("ends_at", json!(7)), "/ends_at"),
        (with("ends_at", json!("2026-11-21")), "/ends_at"),
        (with("for", json!("ever")), "/for"),
    ] {
        assert_eq!(world.post(PATH, body.clone()).await.problem(), (422, pointer), "{body}");
    }
    assert_eq!(world.gate.people().find(&"new@example.com".parse().unwrap()).await.unwrap(), None);
    assert_eq!(world.post(PATH, asked(MANAGER, "Mona@Example.com")).await.problem(), (422, "/to"), "for herself");
    assert_eq!(world.api("DELETE", &format!("{PATH}/none"), None).await.problem().0, 404);
    assert_eq!(world.get(&format!("{PATH}?cursor=x")).await.problem().0, 400);
}
