//! Candidates in each form: a letter that says which, and the body of a delivery.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::world::{Rows, World, block_on};

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const CSV: &str = "text/csv";

pub(super) fn run(input: &[u8]) {
    let Some((form, body)) = input.split_first() else { return };
    block_on(async {
        match form {
            b'j' => each_row_is_what_it_says(deliver("", JSON, body).await, body),
            b'n' => the_lines_are_a_list(body).await,
            b'd' => drop(deliver("?dry_run=true", JSON, body).await),
            b'm' => drop(deliver("?mapping=microsoft365&app_id=m365", JSON, body).await),
            b'M' => drop(deliver("?mapping=microsoft365&app_id=m365", CSV, body).await),
            b'o' => drop(deliver("?mapping=okta", CSV, body).await),
            b't' => drop(deliver("?mapping=torii&app_id=figma", NDJSON, body).await),
            b'z' => drop(deliver("?mapping=zylo&app_id=figma", CSV, body).await),
            _ => drop(deliver("", CSV, body).await),
        }
    });
}

async fn deliver(query: &str, media_type: &str, body: &[u8]) -> Option<Rows> {
    let world = World::new(None);
    let rows = world.deliver(query, media_type, body).await;
    world.settle().await;
    rows
}

/// What was not rejected has what a candidate needs, where it belongs.
fn each_row_is_what_it_says(rows: Option<Rows>, body: &[u8]) {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let (Some(Rows(rows)), Ok(list)) = (rows, serde_json::from_slice::<Value>(body)) else { return };
    let list = if let Value::Array(list) = list { list } else { vec![list] };
    assert_eq!(rows.len(), list.len());
    for ((status, ..), row) in rows.iter().zip(&list) {
        let text = |pointer: &str| row.pointer(pointer).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        let usable = text("/app/id") && (text("/account/id") || text("/account/email"));
        assert!(usable || status == "rejected", "{status}: {row}");
    }
}

/// The same rows, as lines and as a list, have the same answers.
async fn the_lines_are_a_list(body: &[u8]) {
    let lines = deliver("", NDJSON, body).await;
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let texts: Vec<&[u8]> =
        body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect();
    // A list cannot hold what is no JSON.
    let is_json =
        |text: &&[u8]| std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    if texts.iter().all(is_json) {
        let list = [b"[".as_slice(), &texts.join(&b","[..]), b"]"].concat();
        assert_eq!(deliver("", JSON, &list).await, lines);
    }
}
