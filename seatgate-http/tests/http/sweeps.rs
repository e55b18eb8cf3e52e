//! What became of a sweep, and releasing what a limit held.

use serde_json::{Value, json};

use crate::world::{OPERATOR, World, candidate, person};

fn statuses(body: &Value) -> Vec<&str> {
    body["results"].as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect()
}

async fn held() -> (World, String, Value) {
    let world = World::with_policy(&[("max_requests_per_sweep", "1")]).await;
    let rows = json!([candidate("ana"), candidate("bo"), {"app": 7}, candidate("cy")]);
    let reply = world.call(world.signed("msg_1", "/v1/candidates", rows.to_string().as_bytes())).await;
    assert_eq!((reply.status.as_u16(), statuses(&reply.body)), (202, vec!["asked", "held", "rejected", "held"]));
    assert_eq!(reply.body["results"][1], json!({"row": 1, "status": "held"}), "and nothing of how it is kept");
    (world, format!("/v1/sweeps/{}", reply.body["sweep_id"].as_str().unwrap()), rows)
}

#[tokio::test]
async fn held_rows_are_released_once_and_redeliveries_know() {
    let (world, path, rows) = held().await;
    let before = world.get(&path).await;
    assert_eq!(before.body["counts"], json!({"asked": 1, "held": 2, "rejected": 1}));
    assert_eq!(
        (&before.body["submitted_by"], &before.body["sweep_id"]),
        (&json!("system:webhook"), &json!(path[11..]))
    );
    assert_eq!(before.body["received_at"], "2026-11-22T08:00:00.000000Z");
    let released = world.post(&format!("{path}/release"), json!({})).await;
    assert_eq!(
        (released.status.as_u16(), statuses(&released.body)),
        (200, vec!["asked", "asked", "rejected", "asked"])
    );
    let again = world.api("POST", &format!("{path}/release"), None).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &released.body));
    assert_eq!(world.get(&path).await.body, released.body);
    let redelivered = world.call(world.signed("msg_1", "/v1/candidates", rows.to_string().as_bytes())).await;
    assert_eq!(redelivered.body["results"], released.body["results"]);
    assert_eq!(world.get("/v1/requests").await.body["items"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_release_may_name_an_operator_and_nobody_unknown() {
    let (world, path, _) = held().await;
    let release = format!("{path}/release");
    assert_eq!(world.post(&release, json!({"as": person("nobody@example.com")})).await.problem().0, 403);
    assert_eq!(world.denials().await, [("release_sweep".to_owned(), "not_operator".to_owned())]);
    assert_eq!(world.post(&release, json!({"as": {}})).await.problem(), (422, "/as/email"));
    assert_eq!(world.post(&release, json!({"rows": [1]})).await.problem(), (422, "/rows"));
    assert_eq!(world.post(&release, json!({"as": person(OPERATOR)})).await.status, 200);
}

#[tokio::test]
async fn what_is_no_sweep_is_not_found() {
    let world = World::new().await;
    for id in ["swp_01938f00000070008000000000000000", "swp_", "req_01938f00000070008000000000000000"] {
        assert_eq!(world.get(&format!("/v1/sweeps/{id}")).await.problem().0, 404, "{id}");
        assert_eq!(world.post(&format!("/v1/sweeps/{id}/release"), json!({})).await.problem().0, 404, "{id}");
    }
}

#[tokio::test]
async fn a_delivery_joins_a_sweep_and_its_rows_are_numbered_on() {
    let world = World::with_policy(&[("max_requests_per_sweep", "2")]).await;
    let first = world.deliver(&json!([candidate("ana"), {"app": 7}])).await;
    let id = first.body["sweep_id"].as_str().unwrap().to_owned();
    let rows = json!([candidate("ana"), candidate("bo"), candidate("cy")]).to_string();
    let path = format!("/v1/candidates?sweep={id}");
    let join = || world.signed("msg_join", &path, rows.as_bytes());
    let joined = world.call(join()).await;
    assert_eq!((joined.status.as_u16(), joined.body["sweep_id"].as_str()), (202, Some(id.as_str())));
    assert_eq!(statuses(&joined.body), ["duplicate", "asked", "held"]);
    let numbers: Vec<_> = joined.body["results"].as_array().unwrap().iter().map(|row| row["row"].clone()).collect();
    assert_eq!(numbers, [2, 3, 4]);
    assert_eq!(joined.body["counts"], json!({"asked": 1, "duplicate": 1, "held": 1}), "of this delivery");
    let again = world.call(join()).await;
    assert_eq!((again.status, again.body), (joined.status, joined.body));
    let whole = world.get(&format!("/v1/sweeps/{id}")).await;
    assert_eq!(whole.body["counts"], json!({"asked": 2, "duplicate": 1, "held": 1, "rejected": 1}));
    let alone = world.call(world.signed("msg_join", "/v1/candidates", rows.as_bytes())).await;
    assert_eq!(alone.problem().0, 409, "as a sweep of its own it is another delivery");
}

#[tokio::test]
async fn a_sweep_that_is_not_there_is_not_joined() {
    let world = World::new().await;
    for (number, id) in
        ["swp_01938f00000070008000000000000000", "swp_", "", "req_01938f00000070008000000000000000"].iter().enumerate()
    {
        let path = format!("/v1/candidates?sweep={id}");
        let refused = world.call(world.signed(&format!("msg_{number}"), &path, b"[]")).await;
        assert_eq!(refused.problem().0, 404, "{id}");
    }
    assert_eq!(world.get("/v1/requests").await.body["items"], json!([]));
}
