//! Exports as they come: presets, mappings of one's own, and problems in the sender's own words.

use axum::body::Body;
use axum::http::Request;
use seatgate_http::intake::mapping::{Dates, Mapping, Source};
use serde_json::{Value, json};

use crate::world::{Reply, World};

const CSV: &str = "text/csv";
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

fn mapping(fields: &[(&str, Source)]) -> Mapping {
    let mut mapping = Mapping::new();
    for (field, source) in fields {
        mapping.set(field.parse().unwrap(), source.clone()).unwrap();
    }
    assert_eq!(mapping.problems(), []);
    mapping
}

fn column(name: &str) -> Source {
    Source::default().columns([name])
}

fn pointer(pointer: &str) -> Source {
    Source::default().pointers([pointer])
}

async fn send(world: &World, media_type: &str, query: &str, body: &str) -> Reply {
    let id = format!("msg_{}", seatgate_core::canonical::sha256_hex(format!("{media_type}{query}{body}").as_bytes()));
    world.call(world.signed_as(media_type, &id, &format!("/v1/candidates?{query}"), body.as_bytes())).await
}

/// Status of each row, and what its problem points at.
fn rows(reply: &Reply) -> Vec<(&str, &str)> {
    assert_eq!(reply.status, 202, "{reply:?}");
    let rows = reply.body["results"].as_array().unwrap();
    rows.iter()
        .map(|row| (row["status"].as_str().unwrap(), row["problem"]["pointer"].as_str().unwrap_or("-")))
        .collect()
}

async fn request(world: &World, reply: &Reply, row: usize) -> Value {
    let id = reply.body["results"][row]["request_id"].as_str().unwrap();
    world.get(&format!("/v1/requests/{id}")).await.body
}

#[tokio::test]
async fn the_preset_of_microsoft_365_takes_the_latest_of_its_columns() {
    let world = World::new().await;
    let table = include_str!("exports/microsoft365.csv");
    let reply = send(&world, CSV, "mapping=microsoft365&app_id=figma", table).await;
    assert_eq!(
        rows(&reply),
        [
            ("asked", "-"),
            ("filtered", "/last_activity_at"),
            ("rejected", "/last_activity_at"),
            ("rejected", "/Teams Last Activity Date")
        ]
    );
    let asked = request(&world, &reply, 0).await;
    assert_eq!(asked["account"]["email"], "ana@example.com");
    assert_eq!(asked["evidence"]["last_activity_at"], "2026-08-02T00:00:00.000000Z", "{asked}");
    assert_eq!(asked["evidence"]["observed_at"], "2026-11-20T00:00:00.000000Z");
    let json = json!([{"reportRefreshDate": "2026-11-20", "userPrincipalName": "bo@example.com", "displayName": "Bo Ek",
        "isDeleted": false, "exchangeLastActivityDate": "2026-07-01", "teamsLastActivityDate": null,
        "assignedProducts": ["MICROSOFT 365 E3"]}]);
    let reply = send(&world, JSON, "mapping=microsoft365&app_id=figma", &json.to_string()).await;
    assert_eq!(rows(&reply), [("asked", "-")]);
}

#[tokio::test]
async fn the_other_presets_read_their_exports() {
    let world = World::new().await;
    let cases = [
        ("torii&app_id=figma", include_str!("exports/torii.csv"), "/Last used date"),
        ("zylo&app_id=figma", include_str!("exports/zylo.csv"), "/Last Login"),
        ("okta", include_str!("exports/okta.csv"), "/Last login"),
    ];
    for (query, table, last) in cases {
        let reply = send(&world, CSV, &format!("mapping={query}"), table).await;
        assert_eq!(
            rows(&reply),
            [("asked", "-"), ("filtered", last), ("rejected", last), ("rejected", last)],
            "{query}"
        );
        let asked = request(&world, &reply, 0).await;
        assert_eq!(asked["app"]["id"], "figma");
        assert!(asked["account"]["email"].as_str().unwrap().ends_with("@example.com"));
    }
}

#[tokio::test]
async fn a_mapping_of_ones_own_names_ones_own_columns() {
    let mut own = mapping(&[
        ("app_id", Source::default().value("figma")),
        ("account_id", column("UserId")),
        ("account_email", column("E~/mail")),
        ("manager_email", column("Boss")),
        ("last_activity_at", column("Last seen")),
        ("monthly_cost", column("Cost")),
        ("currency", Source::default().value("USD")),
    ]);
    own.set_dates(Dates::MonthFirst);
    own.set_empty_is_never_used(true);
    let world = World::with_mapping("hr", own).await;
    let table = "Team,UserId,E~/mail,Boss,Last seen,Cost\n\
        x,1,ana@example.com,mona@example.com,6/30/2026,45.00\n\
        x,2,bo,,6/30/2026,\n\
        x,3,,mona,6/30/2026,\n\
        x,4,,,30/6/2026,\n\
        x,5,,,,\n\
        x,,,,6/30/2026,\n\
        x,7,,,11/19/2026,\n\
        x,8,,,6/30/2026,4.999\n\
        x,9,,,6/30/2026\n";
    let reply = send(&world, CSV, "mapping=hr", table).await;
    let expected = [
        ("asked", "-"),
        ("rejected", "/E~0~1mail"),
        ("rejected", "/Boss"),
        ("rejected", "/Last seen"),
        ("asked", "-"),
        ("rejected", "/UserId"),
        ("filtered", "/Last seen"),
        ("rejected", "/Cost"),
        ("rejected", ""),
    ];
    assert_eq!(rows(&reply), expected);
    assert_eq!(request(&world, &reply, 4).await["evidence"]["never_used"], true);
    let again = send(&world, CSV, "mapping=hr", table).await;
    assert_eq!(again.body, reply.body, "a redelivery answers the same");
    let sweep = world.get(&format!("/v1/sweeps/{}", reply.body["sweep_id"].as_str().unwrap())).await;
    assert_eq!(sweep.body["results"], reply.body["results"], "and so does the sweep");
}

#[tokio::test]
async fn a_mapping_of_pointers_reads_json_and_lines() {
    let own = mapping(&[
        ("app_id", pointer("/application/slug")),
        ("account_id", pointer("/user/id")),
        ("account_email", pointer("/user/mails/0")),
        ("last_activity_at", pointer("/seen")),
        ("never_used", pointer("/unused")),
    ]);
    let world = World::with_mapping("graph", own).await;
    let row = |id: Value, seen: Value, unused: Value| json!({"application": {"slug": "figma", "more": [1]}, "user": {"id": id, "mails": ["x@example.com"]}, "seen": seen, "unused": unused});
    let ours = [
        row(json!(17), json!("2026-06-30"), Value::Null),
        row(json!("18"), Value::Null, json!(true)),
        row(json!([1]), json!("2026-06-30"), Value::Null),
        row(json!("19"), json!(1_780_000_000), Value::Null),
        row(json!("20"), Value::Null, Value::Null),
        json!([1]),
        json!({"user": {"id": 1}, "seen": "2026-06-30"}),
    ];
    let expected = [
        ("asked", "-"),
        ("duplicate", "-"),
        ("rejected", "/user/id"),
        ("rejected", "/seen"),
        ("rejected", "/seen"),
        ("rejected", ""),
        ("rejected", "/application/slug"),
    ];
    let reply = send(&world, JSON, "mapping=graph&dry_run=false", &json!(ours).to_string()).await;
    let statuses: Vec<_> = rows(&reply).into_iter().skip(2).collect();
    assert_eq!(statuses, expected[2..]);
    let lines: Vec<String> = ours.iter().map(Value::to_string).collect();
    let reply = send(&world, NDJSON, "mapping=graph", &lines.join("\n")).await;
    assert_eq!(rows(&reply)[2..], expected[2..]);
}

#[tokio::test]
async fn what_cannot_be_mapped_is_refused_as_a_whole() {
    let only_table = mapping(&[("account_id", column("Id")), ("last_activity_at", column("Last"))]);
    let world = World::with_mapping("own", only_table).await;
    let good = "Id,Last\n1,2026-06-30\n";
    let cases = [
        (CSV, "mapping=tori&app_id=figma", good, "/mapping", "known are microsoft365, okta, own, torii, zylo"),
        (CSV, "mapping=own", good, "/app_id", "add `app_id`"),
        (CSV, "mapping=own&app_id=", good, "/app_id", "expected 1 to 120"),
        (CSV, "app_id=figma", "app_id,account_id,never_used\nfigma,1,true\n", "/app_id", "only a mapping"),
        (CSV, "mapping=okta&app_id=figma", good, "/app_id", "says the app itself"),
        (CSV, "mapping=own&app_id=figma", "Id,Lst\n", "-", "lacks `Last`"),
        (CSV, "mapping=own&app_id=figma", "Id,Last,Last\n", "-", "`Last` is there twice"),
        (JSON, "mapping=own&app_id=figma", "[{}]", "/mapping", "`account_id` or `account_email`"),
        (CSV, "mapping=own&mapping=own&app_id=figma", good, "-", "given twice"),
    ];
    for (media_type, query, body, at, words) in cases {
        let reply = send(&world, media_type, query, body).await;
        assert_eq!(reply.problem(), (400, at), "{query}: {reply:?}");
        assert!(reply.body["detail"].as_str().unwrap().contains(words), "{query}: {reply:?}");
    }
    let good = send(&world, CSV, "mapping=own&app_id=figma", good).await;
    assert_eq!(rows(&good), [("asked", "-")]);
}

/// The query is not signed: what was delivered under it is not delivered under another.
#[tokio::test]
async fn the_same_delivery_by_another_mapping_is_a_conflict() {
    let world = World::new().await;
    let body = b"Email,Last used date,Last Login\nana@example.com,2026-06-30,2026-06-30\n";
    let signed =
        |query: &str| -> Request<Body> { world.signed_as(CSV, "msg_1", &format!("/v1/candidates?{query}"), body) };
    assert_eq!(world.call(signed("mapping=torii&app_id=figma")).await.status, 202);
    for other in ["mapping=torii&app_id=slack", "mapping=zylo&app_id=figma", "mapping=torii&app_id=figma&dry_run=true"]
    {
        assert_eq!(world.call(signed(other)).await.problem().0, 409, "{other}");
    }
    assert_eq!(world.call(signed("app_id=figma&mapping=torii")).await.status, 202);
}
