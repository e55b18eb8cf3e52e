//! Operators are appointed and dismissed over the API.

use serde_json::json;

use crate::world::{OPERATOR, World};

const PATH: &str = "/v1/operators";

#[tokio::test]
async fn operators_are_listed_appointed_and_dismissed() {
    let world = World::new().await;
    let listed = world.get(PATH).await.body["items"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!((&listed[0]["email"], &listed[0]["configured"]), (&json!(OPERATOR), &json!(true)));

    let ana = world.post(PATH, json!({"person": {"email": "ana@example.com"}})).await;
    assert_eq!((ana.status.as_u16(), &ana.body["configured"]), (201, &json!(false)), "{ana:?}");
    assert!(ana.body["since"].is_string());
    let slack = world.post(PATH, json!({"person": {"slack": "T1/U1"}})).await;
    assert_eq!((slack.status.as_u16(), &slack.body["email"]), (201, &json!(null)), "{slack:?}");
    assert_eq!(world.get(PATH).await.body["items"].as_array().unwrap().len(), 3);

    let one = |id: &serde_json::Value| format!("{PATH}/{}", id.as_str().unwrap());
    assert_eq!(world.api("DELETE", &one(&ana.body["id"]), None).await.status, 204);
    assert_eq!(world.api("DELETE", &one(&ana.body["id"]), None).await.problem().0, 404);
    assert_eq!(
        world.api("DELETE", &one(&listed[0]["id"]), None).await.problem().0,
        409,
        "the configuration names them"
    );
    assert_eq!(world.get(PATH).await.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let world = World::new().await;
    for (body, pointer) in [
        (json!({}), "/person"),
        (json!({"person": {"email": "ana"}}), "/person/email"),
        (json!({"person": {"slack": "T1"}}), "/person/slack"),
        (json!({"person": {"email": "ana@example.com", "slack": "T1/U1"}}), "/person"),
        (json!({"person": {"name": "Ana"}}), "/person/name"),
    ] {
        assert_eq!(world.post(PATH, body.clone()).await.problem(), (422, pointer), "{body}");
    }
    assert_eq!(world.api("DELETE", &format!("{PATH}/nobody"), None).await.problem().0, 404);
}

#[tokio::test]
async fn whoever_is_erased_is_forgotten() {
    let world = World::new().await;
    world.open().await;
    let mona = world.gate.people().find(&"mona@example.com".parse().unwrap()).await.unwrap().unwrap();
    let path = format!("/v1/people/{mona}");
    assert_eq!(world.api("DELETE", &path, None).await.status, 204);
    assert_eq!(world.gate.people().details(&[mona]).await.unwrap(), [None]);
    assert_eq!(world.api("DELETE", &path, None).await.problem().0, 404);
}
