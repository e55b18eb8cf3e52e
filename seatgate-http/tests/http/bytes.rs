//! Whatever bytes come, nobody panics and nothing is a server's error.

use std::future::Future;

use axum::body::Body;
use axum::http::Request;
use proptest::prelude::*;
use seatgate_http::intake::mapping::{Dates, Mapping, Source};
use serde_json::{Value, json};

use crate::world::{TOKEN, World, candidate};

/// Bodies are read under a deadline, which needs a runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Any JSON value that is not large.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

fn members() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "/app",
        "/app/id",
        "/account",
        "/account/id",
        "/account/email",
        "/manager",
        "/manager/email",
        "/last_activity_at",
        "/never_used",
        "/observed_at",
        "/monthly_cost",
        "/monthly_cost/amount",
        "/monthly_cost/currency",
        "/requesting_channel",
        "/risk_tags",
        "/custom",
        "/entitlement",
        "/external_id",
    ])
}

/// A candidate with one member exchanged, or anything else.
fn rows() -> impl Strategy<Value = Value> {
    let exchanged = (members(), any_json()).prop_map(|(place, value)| {
        let mut row = candidate("ana");
        *row.pointer_mut(place).unwrap() = value;
        row
    });
    prop_oneof![exchanged, any_json()]
}

async fn take_in(media_type: &str, body: &[u8]) -> (u16, Value) {
    let world = World::new().await;
    let reply = world.deliver_as(media_type, body).await;
    (reply.status.as_u16(), reply.body)
}

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const CSV: &str = "text/csv";
const COLUMNS: [&str; 6] = ["app_id", "account_id", "manager_email", "last_activity_at", "never_used", "monthly_cost"];

fn good_table_row(number: usize) -> Vec<Vec<u8>> {
    ["figma", &format!("good-{number}"), "", "", "true", ""].map(|cell| cell.as_bytes().to_vec()).to_vec()
}

/// A cell, quoted, so that whatever is in it stays in it.
fn quoted(cell: &[u8]) -> Vec<u8> {
    let doubled = cell.iter().flat_map(|byte| if *byte == b'"' { vec![b'"', b'"'] } else { vec![*byte] });
    std::iter::once(b'"').chain(doubled).chain(std::iter::once(b'"')).collect()
}

fn table(rows: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut table = COLUMNS.join(",").into_bytes();
    for row in rows {
        table.push(b'\n');
        table.extend(row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(&b','));
    }
    table
}

/// A line of any bytes but its end; a cell of any bytes at all.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
    prop::collection::vec(byte, 1..40)
}

fn cells() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let cell = prop_oneof![prop::collection::vec(any::<u8>(), 0..12), any::<String>().prop_map(String::into_bytes)];
    prop::collection::vec(cell, 1..8)
}

/// Every odd row is good: it must be asked about whatever stands around it.
fn good_ones_go_through(body: &Value) -> bool {
    let results = body["results"].as_array().cloned().unwrap_or_default();
    results.iter().skip(1).step_by(2).all(|result| result["status"] == "asked")
}

/// By every mapping that has a form for it.
async fn take_in_mapped(world: &World, query: &str, media_type: &str, body: &[u8]) -> (u16, Value) {
    let path = format!("/v1/candidates?{query}");
    let reply = world.call(world.signed_as(media_type, "msg_mapped", &path, body)).await;
    (reply.status.as_u16(), reply.body)
}

/// The mapping reads columns and pointers, dates of three forms, and constants.
async fn world_with_mapping(dates: Dates) -> World {
    let mut mapping = Mapping::new();
    let both = |name: &str| Source::default().columns([name]).pointers([format!("/{name}")]);
    for (field, name) in
        [("account_id", "a"), ("manager_email", "b"), ("never_used", "d"), ("monthly_cost", "e"), ("observed_at", "f")]
    {
        mapping.set(field.parse().unwrap(), both(name)).unwrap();
    }
    let latest = Source::default().columns(["c", "g"]).pointers(["/c", "/g"]);
    mapping.set("last_activity_at".parse().unwrap(), latest).unwrap();
    mapping.set("currency".parse().unwrap(), Source::default().value("USD")).unwrap();
    mapping.set_dates(dates);
    mapping.set_empty_is_never_used(dates == Dates::DayFirst);
    World::with_mapping("own", mapping).await
}

async fn decide(body: Vec<u8>) -> u16 {
    let world = World::new().await;
    let call = Request::post(format!("{}/decision", world.open().await));
    let call = call.header("authorization", format!("Bearer {TOKEN}")).header("content-type", "application/json");
    world.call(call.body(Body::from(body)).unwrap()).await.status.as_u16()
}

proptest! {
    #[test]
    fn any_signed_bytes_are_answered(
        body in prop::collection::vec(any::<u8>(), 0..200),
        media_type in prop::sample::select(vec![JSON, NDJSON, CSV]),
    ) {
        let (status, _) = block_on(take_in(media_type, &body));
        prop_assert!(matches!(status, 202 | 400), "{}", status);
    }

    #[test]
    fn any_rows_are_answered_one_by_one(rows in prop::collection::vec(rows(), 0..4)) {
        let (status, body) = block_on(take_in(JSON, json!(rows).to_string().as_bytes()));
        prop_assert_eq!(status, 202);
        prop_assert_eq!(body["results"].as_array().map(Vec::len), Some(rows.len()));
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        let (_, as_lines) = block_on(take_in(NDJSON, lines.join("\n").as_bytes()));
        let statuses = |body: &Value| -> Vec<Value> {
            body["results"].as_array().into_iter().flatten().map(|result| result["status"].clone()).collect()
        };
        prop_assert_eq!(statuses(&body), statuses(&as_lines));
    }

    #[test]
    fn good_lines_go_through_among_any_others(lines in prop::collection::vec(line(), 1..5)) {
        let mut body = Vec::new();
        let mut expected = 0;
        for (number, line) in lines.iter().enumerate() {
            // A blank line is no row, and would shift the others.
            let line = if line.trim_ascii().is_empty() { b"?" } else { line.as_slice() };
            let good = candidate(&format!("good-{number}")).to_string();
            body.extend([line, b"\n", good.as_bytes(), b"\n"].concat());
            expected += 2;
        }
        let (status, body) = block_on(take_in(NDJSON, &body));
        prop_assert_eq!((status, body["results"].as_array().map(Vec::len)), (202, Some(expected)));
        prop_assert!(good_ones_go_through(&body), "{}", body);
    }

    #[test]
    fn good_rows_of_a_table_go_through_among_any_others(rows in prop::collection::vec(cells(), 1..5)) {
        let mixed = rows.iter().enumerate().flat_map(|(number, cells)| {
            // A row without cells is no row.
            let blank = cells.iter().all(|cell| cell.trim_ascii().is_empty());
            [if blank { vec![b"?".to_vec()] } else { cells.clone() }, good_table_row(number)]
        });
        let (status, body) = block_on(take_in(CSV, &table(&mixed.collect::<Vec<_>>())));
        prop_assert_eq!((status, body["results"].as_array().map(Vec::len)), (202, Some(2 * rows.len())));
        prop_assert!(good_ones_go_through(&body), "{}", body);
    }

    #[test]
    fn any_signed_bytes_are_answered_by_any_mapping(
        cells in prop::collection::vec(prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..12),
            "[0-9/:TZ+. -]{0,24}".prop_map(String::into_bytes),
        ], 7), 0..4),
        values in prop::collection::vec((prop::sample::select(vec!["a", "b", "c", "d", "e", "f", "g"]), any_json()), 0..8),
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        dates in prop::sample::select(vec![Dates::Iso, Dates::MonthFirst, Dates::DayFirst]),
    ) {
        let mut table = b"a,b,c,d,e,f,g".to_vec();
        for row in &cells {
            table.push(b'\n');
            table.extend(row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(&b','));
        }
        let object = Value::Object(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        let line = object.to_string().into_bytes();
        block_on(async {
            for (media_type, body) in [(CSV, &table), (JSON, &line), (NDJSON, &line), (CSV, &bytes), (JSON, &bytes), (NDJSON, &bytes)] {
                let world = world_with_mapping(dates).await;
                let (status, _) = take_in_mapped(&world, "mapping=own&app_id=figma", media_type, body).await;
                assert!(matches!(status, 202 | 400), "{media_type}: {status}");
            }
            for preset in ["microsoft365&app_id=figma", "okta", "torii&app_id=figma", "zylo&app_id=figma"] {
                let (status, _) = take_in_mapped(&World::new().await, &format!("mapping={preset}"), CSV, &bytes).await;
                assert!(matches!(status, 202 | 400), "{preset}: {status}");
            }
        });
    }

    #[test]
    fn any_decision_is_answered(body in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..100),
        any_json().prop_map(|value| value.to_string().into_bytes()),
    ]) {
        let status = block_on(decide(body));
        prop_assert!(matches!(status, 400 | 422), "{}", status);
    }
}
