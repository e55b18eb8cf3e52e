//! From a body to rows, each of which stands or falls alone.

use std::borrow::Cow;
use std::collections::BTreeMap;

use seatgate_core::port::Problem as RowProblem;
use seatgate_core::seat::{Candidate, CandidateDraft, CandidateError};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::csv;
use super::format::Format;
use super::plan::{Chosen, Place, Plan};
use crate::json::{self, Expected, JsonError, Members, TEXT};
use crate::problem::Problem;
use crate::seat::SEAT;

/// So many rows are answered in one delivery. Without this, a body of empty rows would be answered with one a hundred
/// times as long. As JSON, no body within the limit holds more usable rows.
pub(crate) const MOST_ROWS: usize = 160_000;

const MEMBERS: &Members = &[SEAT, REPORT];
/// What a candidate says beside the seat.
const REPORT: &[(&str, Expected)] = &[
    ("/source", TEXT),
    ("/external_id", TEXT),
    ("/manager", Expected::Object),
    ("/manager/email", TEXT),
    ("/manager/name", TEXT),
    ("/last_activity_at", Expected::Value("expected an RFC 3339 timestamp such as \"2026-06-01T00:00:00Z\"")),
    ("/never_used", Expected::Value("expected true or false")),
    ("/observed_at", Expected::Value("expected an RFC 3339 timestamp such as \"2026-06-01T00:00:00Z\"")),
    ("/monthly_cost", Expected::Object),
    ("/monthly_cost/amount", Expected::Value("expected a decimal amount as text, such as \"45.00\"")),
    ("/monthly_cost/currency", Expected::Value("expected a currency code such as \"USD\"")),
    ("/requesting_channel", TEXT),
    ("/risk_tags", Expected::Value("expected a list of texts")),
    ("/custom", Expected::Value("expected an object of your own members")),
];

/// The rows of a delivery: candidates, and what is wrong with those that are none.
pub(super) struct Rows {
    pub(super) rows: Vec<Result<Candidate, RowProblem>>,
    /// What the sender calls the members of a candidate.
    pub(super) names: BTreeMap<String, String>,
}

/// Reads a body of that form, by a mapping if one is chosen. A byte order mark is skipped.
///
/// # Errors
/// When the body as a whole cannot be read so.
pub(super) fn read(format: Format, body: &[u8], chosen: Option<&Chosen<'_>>) -> Result<Rows, Problem> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    match (format, chosen) {
        (Format::Csv, chosen) => csv::read(body, chosen),
        (Format::Json, None) => Ok(Rows { rows: read_json(body, candidate)?, names: BTreeMap::new() }),
        (Format::Ndjson, None) => Ok(Rows { rows: read_lines(body, candidate)?, names: BTreeMap::new() }),
        (format, Some(chosen)) => read_mapped(format, body, chosen),
    }
}

fn read_mapped(format: Format, body: &[u8], chosen: &Chosen<'_>) -> Result<Rows, Problem> {
    let plan = plan(chosen)?;
    let read = |row: &[u8], malformed: &str| mapped(&plan, row, malformed);
    let rows = if format == Format::Json { read_json(body, read) } else { read_lines(body, read) }?;
    Ok(Rows { rows, names: plan.into_names() })
}

/// What a mapping says of JSON.
pub(super) fn plan(chosen: &Chosen<'_>) -> Result<Plan, Problem> {
    let place = |pointer: &String| Place { pointer: pointer.clone(), column: 0 };
    Plan::of_mapping(chosen, |source| Ok(source.in_json().iter().map(place).collect()))
}

/// One row as it was read.
type Row = Result<Candidate, RowProblem>;

/// The rows of an object, or of a list of them, each read alone; `read` is told what to say of one that is no JSON.
pub(crate) fn read_json<T>(body: &[u8], read: impl Fn(&[u8], &str) -> T) -> Result<Vec<T>, Problem> {
    let body = body.trim_ascii();
    let rows: Vec<&RawValue> = match body.first() {
        Some(b'[') => serde_json::from_slice(body),
        Some(b'{') => serde_json::from_slice(body).map(|row| vec![row]),
        _ => return Err(unreadable()),
    }
    .map_err(|_| unreadable())?;
    if rows.len() > MOST_ROWS {
        return Err(too_many());
    }
    let odd = "holds nesting, an escape or a number that cannot be read";
    Ok(rows.into_iter().map(|row| read(row.get().as_bytes(), odd)).collect())
}

/// What is wrong with a line that is no JSON.
pub(super) const ODD_LINE: &str = "expected a JSON object that can be read, on one line";

/// The rows of JSON lines. Blank lines are skipped; they have no row.
pub(crate) fn read_lines<T>(body: &[u8], read: impl Fn(&[u8], &str) -> T) -> Result<Vec<T>, Problem> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    if lines.clone().nth(MOST_ROWS).is_some() {
        return Err(too_many());
    }
    Ok(lines.map(|line| read(line, ODD_LINE)).collect())
}

fn unreadable() -> Problem {
    Problem::bad_request("expected a JSON object, or a list of JSON objects")
}

pub(super) fn too_many() -> Problem {
    Problem::too_large(format!("expected at most {MOST_ROWS} rows in one delivery"))
}

/// A row with something wrong at `pointer`.
pub(crate) fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> RowProblem {
    RowProblem::new("Invalid value", detail, pointer)
}

pub(super) fn candidate(row: &[u8], malformed: &str) -> Result<Candidate, RowProblem> {
    parsed(members(row, MEMBERS, malformed)?)
}

/// A row that has these members.
pub(crate) fn members<'a, T: Deserialize<'a>>(
    row: &'a [u8],
    members: &Members,
    malformed: &str,
) -> Result<T, RowProblem> {
    json::read(row, members).map_err(|error| match error {
        JsonError::Malformed => invalid("", malformed),
        JsonError::Member(member) => RowProblem::new(member.title, member.detail, member.pointer),
    })
}

/// A row whose values stand at the pointers of a mapping. Numbers and flags are read as they are written.
pub(super) fn mapped(plan: &Plan, row: &[u8], malformed: &str) -> Row {
    let row: Value = serde_json::from_slice(row).map_err(|_| invalid("", malformed))?;
    if !row.is_object() {
        return Err(invalid("", "expected an object"));
    }
    plan.candidate(|place| match row.pointer(&place.pointer) {
        None | Some(Value::Null) => Ok(Cow::Borrowed("")),
        Some(Value::String(text)) => Ok(Cow::Borrowed(text.as_str())),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Cow::Owned(value.to_string())),
        Some(_) => Err(invalid(place.pointer.clone(), "expected a text, a number, true or false")),
    })
}

pub(super) fn parsed(draft: CandidateDraft) -> Result<Candidate, RowProblem> {
    draft.parse().map_err(|CandidateError { pointer, detail }| invalid(pointer, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn default(format: Format, body: &[u8]) -> Result<Vec<Row>, Problem> {
        read(format, body, None).map(|rows| rows.rows)
    }

    /// Every member of a candidate, so that the list above cannot miss one.
    fn full() -> Value {
        json!({
            "source": "okta-sweep", "external_id": "row-17", "app": {"id": "figma", "name": "Figma"},
            "account": {"id": "00u1", "email": "ana@example.com", "name": "Ana Ruiz"}, "entitlement": "pro",
            "manager": {"email": "mona@example.com", "name": "Mona Li"}, "last_activity_at": "2026-06-01T00:00:00Z",
            "never_used": false, "observed_at": "2026-11-20T06:00:00Z",
            "monthly_cost": {"amount": "45.00", "currency": "USD"}, "requesting_channel": "C0SWEEP",
            "risk_tags": ["finance"], "custom": {"cost_center": "42"}
        })
    }

    fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
        for (name, value) in value.as_object().into_iter().flatten() {
            let pointer = format!("{at}/{name}");
            found.push(pointer.clone());
            if pointer != "/custom" {
                pointers(value, &pointer, found);
            }
        }
    }

    fn problem(row: &Value) -> RowProblem {
        let mut rows = default(Format::Json, row.to_string().as_bytes()).unwrap();
        rows.remove(0).unwrap_err()
    }

    #[test]
    fn every_member_of_another_type_is_named() {
        let mut all = Vec::new();
        pointers(&full(), "", &mut all);
        assert_eq!(all.len() + 1, MEMBERS.iter().map(|part| part.len()).sum::<usize>());
        for pointer in all {
            let mut row = full();
            *row.pointer_mut(&pointer).unwrap() = json!(7);
            let problem = problem(&row);
            assert_eq!((problem.title.as_str(), problem.pointer), ("Invalid value", pointer));
        }
    }

    #[test]
    fn unknown_members_are_named_wherever_they_are() {
        for place in ["", "/app", "/account", "/manager", "/monthly_cost"] {
            let mut row = full();
            row.pointer_mut(place).unwrap()["emial"] = json!("ana@example.com");
            let problem = problem(&row);
            assert_eq!((problem.title.as_str(), problem.pointer), ("Unknown member", format!("{place}/emial")));
        }
    }

    #[test]
    fn a_bad_row_spoils_no_other() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let twice = r#"{"app": {"id": "figma"}, "app": {"id": "slack"}}"#;
        let body = format!(r#"[{}, 7, null, [], {{"custom": {{"x": {deep}}}}}, {twice}, {}]"#, full(), full());
        let rows = default(Format::Json, body.as_bytes()).unwrap();
        let good: Vec<bool> = rows.iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, false, false, false, false, false, true]);
    }

    #[test]
    fn what_is_no_list_of_rows_is_refused_as_a_whole() {
        for body in ["", " ", "7", "\"x\"", "null", "{", "[", "[{}", "[{},]", "{} {}", "[{}]x", "[tru]", "\u{0}"] {
            assert_eq!(default(Format::Json, body.as_bytes()).unwrap_err().status, 400, "{body}");
        }
        assert_eq!(default(Format::Json, b"[\"\xff\"]").unwrap_err().status, 400);
        assert_eq!(default(Format::Json, "\u{feff} [ ] ".as_bytes()).unwrap().len(), 0);
        let many = format!("[{}0]", "0,".repeat(MOST_ROWS));
        assert_eq!(default(Format::Json, many.as_bytes()).unwrap_err().status, 413);
    }

    #[test]
    fn a_line_is_a_row_and_blank_ones_are_none() {
        let twice = r#"{"app": {"id": "figma"}} {"app": {"id": "slack"}}"#;
        let mut body = format!("\u{feff}{}\r\n\n  \n{{\n[{}]\n{twice}\n7\n", full(), full()).into_bytes();
        body.extend(b"{\"source\": \"\xff\"}\n");
        body.extend(full().to_string().bytes());
        let rows = default(Format::Ndjson, &body).unwrap();
        let good: Vec<bool> = rows.iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, false, false, false, false, false, true]);
        assert!(default(Format::Ndjson, b"").unwrap().is_empty());
        assert_eq!(default(Format::Ndjson, &b"0\n".repeat(MOST_ROWS + 1)).unwrap_err().status, 413);
        assert_eq!(default(Format::Ndjson, &b"0\n".repeat(MOST_ROWS)).unwrap().len(), MOST_ROWS);
    }

    #[test]
    fn no_row_can_be_so_short_that_the_limit_refuses_usable_ones() {
        let shortest = r#"{"app":{"id":"a"},"account":{"id":"1"},"never_used":true}"#;
        assert!(default(Format::Json, shortest.as_bytes()).unwrap().remove(0).is_ok());
        assert!(8 * 1024 * 1024 / (shortest.len() + 1) < MOST_ROWS);
    }
}
