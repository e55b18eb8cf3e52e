//! Candidates as a table: with the default columns, each a member of the candidate, or with those that a mapping names.

use std::borrow::Cow;

use csv::ByteRecord;
use seatgate_core::port::Problem as RowProblem;
use seatgate_core::seat::Candidate;

use super::field::Field;
use super::mapping::Source;
use super::plan::{Chosen, Place, Plan};
use super::rows::Rows;
use super::table::{self, cell, twice};
use crate::json::escaped;
use crate::problem::Problem;

/// Reads a table. Cells are trimmed, an empty one is a member that is not there; rows without any cell are skipped. Only a
/// mapping leaves columns aside.
///
/// # Errors
/// When the header row is missing; without a mapping, when it names a column that is not known, is there twice, or is
/// lacking; with one, when it lacks a column that the mapping names, or has it twice.
pub(super) fn read(body: &[u8], chosen: Option<&Chosen<'_>>) -> Result<Rows, Problem> {
    let row = |plan: &Plan, record: &ByteRecord| filled(plan, record);
    let (plan, rows) = table::read(body, |header| plan(header, chosen), row)?;
    Ok(Rows { rows, names: plan.into_names() })
}

/// What the cells under a header are.
pub(super) fn plan(header: &ByteRecord, chosen: Option<&Chosen<'_>>) -> Result<Plan, Problem> {
    match chosen {
        None => Ok(Plan::of_columns(columns(header)?)),
        Some(chosen) => Plan::of_mapping(chosen, |source| mapped(header, source)),
    }
}

/// The field of each column, from the header row.
fn columns(header: &ByteRecord) -> Result<Vec<Field>, Problem> {
    let known: Vec<&str> = Field::all().map(Field::name).collect();
    let places = table::columns(header, &known)?;
    let fields: Vec<Field> = places.into_iter().filter_map(|place| Field::all().nth(place)).collect();
    match Field::lacking(&fields) {
        Some(choice) => Err(Problem::bad_request(format!("the header row lacks `{}`", choice.join("` or `")))),
        None => Ok(fields),
    }
}

/// Where the columns of a mapping stand.
fn mapped(header: &ByteRecord, source: &Source) -> Result<Vec<Place>, Problem> {
    let place = |name: &String| {
        let mut found = (0..).zip(header).filter(|(_, cell)| cell.trim_ascii() == name.trim().as_bytes());
        match (found.next(), found.next()) {
            (Some((column, _)), None) => Ok(Place { pointer: format!("/{}", escaped(name.trim())), column }),
            (Some(_), Some(_)) => Err(twice(name)),
            (None, _) => Err(Problem::bad_request(format!("the header row lacks `{name}`, which the mapping names"))),
        }
    };
    source.in_table().iter().map(place).collect()
}

/// The candidate of a row that has as many cells as its header.
pub(super) fn candidate(plan: &Plan, columns: usize, record: &ByteRecord) -> Result<Candidate, RowProblem> {
    table::of_width(columns, record).and_then(|()| filled(plan, record))
}

fn filled(plan: &Plan, record: &ByteRecord) -> Result<Candidate, RowProblem> {
    plan.candidate(|place| cell(record, place.column, &place.pointer).map(Cow::Borrowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "source,external_id,app_id,app_name,account_id,account_email,account_name,entitlement,\
        manager_email,manager_name,last_activity_at,never_used,observed_at,monthly_cost,currency,requesting_channel\r\n";

    fn default(body: &str) -> Result<Vec<Result<Candidate, RowProblem>>, Problem> {
        read(body.as_bytes(), None).map(|rows| rows.rows)
    }

    fn refused(body: &str) -> String {
        let problem = default(body).unwrap_err();
        assert_eq!(problem.status, 400, "{body}");
        problem.detail
    }

    fn pointers(body: &str) -> Vec<Option<String>> {
        default(body).unwrap().into_iter().map(|row| row.err().map(|problem| problem.pointer)).collect()
    }

    #[test]
    fn every_column_has_its_member() {
        let row = "okta,row-17,figma,Figma,00u1,ana@example.com,\"Ruiz, \"\"Ana\"\"\",pro,mona@example.com,Mona Li,\
            2026-06-01T00:00:00Z,FALSE,2026-11-20T06:00:00Z,45.00,USD,C0SWEEP\r\n";
        let candidate = default(&format!("{FULL}{row}")).unwrap().remove(0).unwrap();
        let received: serde_json::Value = serde_json::from_str(&candidate.received).unwrap();
        let expected = serde_json::json!({
            "source": "okta", "external_id": "row-17", "app": {"id": "figma", "name": "Figma"},
            "account": {"id": "00u1", "email": "ana@example.com", "name": "Ruiz, \"Ana\""}, "entitlement": "pro",
            "manager": {"email": "mona@example.com", "name": "Mona Li"}, "last_activity_at": "2026-06-01T00:00:00Z",
            "never_used": false, "observed_at": "2026-11-20T06:00:00Z",
            "monthly_cost": {"amount": "45.00", "currency": "USD"}, "requesting_channel": "C0SWEEP"
        });
        assert_eq!(received, expected);
    }

    #[test]
    fn an_empty_cell_is_not_there() {
        let row = ",,figma,,00u1,, ,,,,,true,,,USD,\n";
        let candidate = default(&format!("{FULL}{row}")).unwrap().remove(0).unwrap();
        let expected = r#"{"app":{"id":"figma"},"account":{"id":"00u1"},"never_used":true}"#;
        assert_eq!(candidate.received, expected);
    }

    #[test]
    fn columns_come_in_any_order_and_rows_without_cells_are_skipped() {
        let body = " never_used ,account_id,app_id\n\n,,\n true , 1 , figma \r\n";
        assert_eq!(pointers(body), [None]);
    }

    #[test]
    fn a_header_row_that_cannot_be_used_is_refused_and_named() {
        assert!(refused("").contains("header row"));
        assert!(refused("app_id,account_id,never_used,account emial\n").contains("`account emial`"));
        assert!(refused("app_id,app_id\n").contains("`app_id`"));
        assert!(refused("app_id,account_id\n").contains("`last_activity_at` or `never_used`"));
        assert!(refused("account_id,never_used\n").contains("`app_id`"));
        assert!(refused("app_id,,never_used\n").contains("number 2"));
        assert!(refused(&format!("{}\n", "x".repeat(61))).contains("number 1"));
        assert!(refused("app_id;account_id;never_used\nfigma;1;true\n").contains("`app_id;account_id;never_used`"));
    }

    #[test]
    fn each_bad_row_is_named_and_spoils_no_other() {
        let header = "app_id,account_id,account_email,manager_name,last_activity_at,never_used,monthly_cost,currency\n";
        let cases = [
            ("figma,1,,,,true,,", None),
            (",1,,,,true,,", Some("/app/id")),
            ("figma,,,,,true,,", Some("/account")),
            ("figma,,ana,,,true,,", Some("/account/email")),
            ("figma,1,,Mona Li,,true,,", Some("/manager/email")),
            ("figma,1,,,last year,,,", Some("/last_activity_at")),
            ("figma,1,,,,maybe,,", Some("/never_used")),
            ("figma,1,,,,,,", Some("/last_activity_at")),
            ("figma,1,,,,true,12.345,USD", Some("/monthly_cost/amount")),
            ("figma,1,,,,true,12,", Some("/monthly_cost/currency")),
            ("figma,1,,,,true,", Some("")),
            ("figma,1,,,,true,,,", Some("")),
            ("figma,\"1\n2\",,,,true,,", Some("/account/id")),
            ("figma,2,,,,true,,", None),
        ];
        let body = cases.iter().fold(header.to_owned(), |body, (row, _)| format!("{body}{row}\n"));
        let expected: Vec<_> = cases.iter().map(|(_, pointer)| pointer.map(str::to_owned)).collect();
        assert_eq!(pointers(&body), expected);
        let mut bytes = b"app_id,account_id,never_used\nfigma,".to_vec();
        bytes.extend(b"\xff\xfe,true\nfigma,2,true\n");
        let rows = read(&bytes, None).unwrap().rows;
        assert_eq!(rows[0].as_ref().unwrap_err().pointer, "/account/id");
        assert!(rows[1].is_ok());
    }

    #[test]
    fn an_open_quote_is_a_row_of_its_own() {
        let body = "app_id,account_id,never_used\nfigma,1,true\n\"figma,2,true\nfigma,3,true\n";
        assert_eq!(pointers(body), [None, Some(String::new())]);
    }
}
