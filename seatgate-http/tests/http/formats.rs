//! JSON lines and tables: the same rows, answers and rules as JSON.

use serde_json::{Value, json};

use crate::world::{World, candidate};

const PATH: &str = "/v1/candidates";
const NDJSON: &str = "application/x-ndjson";
const CSV: &str = "text/csv; charset=utf-8";
const HEADER: &str = "app_id,account_id,account_email,manager_email,last_activity_at,never_used\n";

fn row(name: &str) -> String {
    format!("figma,00u-{name},{name}@example.com,mona@example.com,2026-06-01T00:00:00Z,\n")
}

fn statuses(body: &Value) -> Vec<&str> {
    body["results"].as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_same_seat_is_the_same_in_every_form() {
    let world = World::new().await;
    assert_eq!(statuses(&world.deliver(&candidate("ana")).await.body), ["asked"]);
    let lines =
        format!("{}\n\n{}\n", json!({"app": {"id": "figma"}, "account": {"id": "00u-bo"}, "never_used": true}), 7);
    let reply = world.deliver_as(NDJSON, lines.as_bytes()).await;
    assert_eq!((reply.status.as_u16(), statuses(&reply.body)), (202, vec!["asked", "rejected"]));
    assert_eq!(reply.body["results"][1]["problem"]["pointer"], "");
    let pro =
        "app_id,account_id,entitlement,never_used\nfigma,00u-ana,pro,true\nfigma,00u-bo,,true\nfigma,00u-cy,,true\n";
    let reply = world.deliver_as(CSV, pro.as_bytes()).await;
    assert_eq!(statuses(&reply.body), ["duplicate", "duplicate", "asked"]);
    let id = reply.body["results"][2]["request_id"].as_str().unwrap();
    let request = world.get(&format!("/v1/requests/{id}")).await;
    assert_eq!(request.body["account"], json!({"id": "00u-cy", "email": null, "name": null}));
}

#[tokio::test]
async fn a_bad_row_of_a_table_names_its_field_by_the_candidates_pointer() {
    let world = World::new().await;
    let table = format!("\u{feff}{HEADER}{}figma,,ana,,2026-06-01T00:00:00Z,\n{}", row("bo"), row("cy"));
    let reply = world.deliver_as(CSV, table.as_bytes()).await;
    assert_eq!(statuses(&reply.body), ["asked", "rejected", "asked"], "{reply:?}");
    assert_eq!(reply.body["results"][1]["problem"]["pointer"], "/account/email");
    let unknown = world.deliver_as(CSV, b"app_id,account_id,never_used,colour\nfigma,1,true,red\n").await;
    assert_eq!(unknown.problem().0, 400);
    assert!(unknown.body["detail"].as_str().unwrap().contains("`colour`"));
    assert_eq!(world.deliver_as(CSV, b"").await.problem().0, 400);
}

#[tokio::test]
async fn a_replayed_table_gets_the_same_answer_and_another_form_a_conflict() {
    let world = World::new().await;
    let table = format!("{HEADER}{}{}", row("ana"), "figma,,,,,\n");
    let first = world.call(world.signed_as(CSV, "msg_1", PATH, table.as_bytes())).await;
    assert_eq!(statuses(&first.body), ["asked", "rejected"]);
    let second = world.call(world.signed_as("text/csv", "msg_1", PATH, table.as_bytes())).await;
    assert_eq!((second.status, second.body), (first.status, first.body));
    let other = world.call(world.signed_as(NDJSON, "msg_1", PATH, table.as_bytes())).await;
    assert_eq!(other.problem().0, 409);
}
