//! The description of the API is true: it is the committed one, and every route stands in it.

use std::collections::BTreeSet;

use seatgate_http::openapi::describe;
use serde_json::Value;

use crate::world::World;

/// Where the routes are put together.
const SOURCES: [&str; 2] = [include_str!("../../src/api.rs"), include_str!("../../src/server.rs")];

#[test]
fn the_committed_document_is_the_generated_one() {
    let generated = format!("{}\n", serde_json::to_string_pretty(&describe()).unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("SEATGATE_WRITE_OPENAPI").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == generated,
        "openapi.json is stale: run this test with SEATGATE_WRITE_OPENAPI=1, and commit it"
    );
}

#[test]
fn every_route_is_described() {
    let document = describe();
    let described: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let routed = SOURCES.iter().flat_map(|source| source.split(".route(").skip(1));
    let routed: BTreeSet<&str> = routed.map(|route| route.split('"').nth(1).unwrap()).collect();
    assert_eq!(routed, described);
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
                }
                members.values().for_each(|member| check(member, document));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, document)),
            _ => {}
        }
    }
    let document = describe();
    check(&document, &document);
}

#[tokio::test]
async fn what_is_described_is_routed() {
    let world = World::new().await;
    assert_eq!(world.get("/openapi.json").await.body, describe());
    for (path, operations) in describe()["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let path = path.replace("{id}", "req_1").replace("{task}", "tsk_1");
            let status = world.api(&method.to_uppercase(), &path, None).await.status.as_u16();
            let at_an_id = path.contains("_1");
            assert!(status != 405 && (status != 404 || at_an_id), "{method} {path}: {status}");
        }
    }
}
