//! Candidates as a table: the default columns, each a member of the candidate.

use csv::{ByteRecord, ReaderBuilder};
use seatgate_core::port::Problem as RowProblem;
use seatgate_core::seat::{Candidate, CandidateDraft, CostDraft, ManagerDraft};

use super::rows::{self, MOST_ROWS, Rows};
use crate::problem::Problem;

/// What the columns are called, and where in a candidate their cells go.
const COLUMNS: [(&str, &str); 16] = [
    ("source", "/source"),
    ("external_id", "/external_id"),
    ("app_id", "/app/id"),
    ("app_name", "/app/name"),
    ("account_id", "/account/id"),
    ("account_email", "/account/email"),
    ("account_name", "/account/name"),
    ("entitlement", "/entitlement"),
    ("manager_email", "/manager/email"),
    ("manager_name", "/manager/name"),
    ("last_activity_at", "/last_activity_at"),
    ("never_used", "/never_used"),
    ("observed_at", "/observed_at"),
    ("monthly_cost", "/monthly_cost/amount"),
    ("currency", "/monthly_cost/currency"),
    ("requesting_channel", "/requesting_channel"),
];
/// Of each line, a table must have one.
const REQUIRED: [&[&str]; 3] = [&["app_id"], &["account_id", "account_email"], &["last_activity_at", "never_used"]];
/// A longer name of a column is not repeated.
const LONGEST_NAME: usize = 60;

/// Reads a table. Cells are trimmed, an empty one is a member that is not there; rows without any cell are skipped.
///
/// # Errors
/// When the header row is missing, or names a column that is not known, is there twice, or is lacking.
pub(super) fn read(body: &[u8]) -> Result<Rows, Problem> {
    let mut table = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body);
    let mut record = ByteRecord::new();
    if !table.read_byte_record(&mut record).map_err(|_| unreadable())? {
        return Err(Problem::bad_request("expected a header row with the names of the columns"));
    }
    let columns = columns(&record)?;
    let mut rows = Vec::new();
    while table.read_byte_record(&mut record).map_err(|_| unreadable())? {
        if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            continue;
        }
        if rows.len() == MOST_ROWS {
            return Err(rows::too_many());
        }
        rows.push(candidate(&columns, &record));
    }
    Ok(rows)
}

fn unreadable() -> Problem {
    Problem::bad_request("the table cannot be read")
}

/// The pointer of each column, from the header row.
fn columns(header: &ByteRecord) -> Result<Vec<&'static str>, Problem> {
    let mut names = Vec::new();
    let mut pointers = Vec::new();
    for (index, cell) in header.iter().enumerate() {
        let known = COLUMNS.iter().find(|(name, _)| name.as_bytes() == cell.trim_ascii());
        let Some((name, pointer)) = known else {
            let known = COLUMNS.map(|(name, _)| name).join(", ");
            return Err(Problem::bad_request(format!("unknown column {}; known are {known}", shown(index, cell))));
        };
        if names.contains(name) {
            return Err(Problem::bad_request(format!("the column `{name}` is there twice")));
        }
        names.push(*name);
        pointers.push(*pointer);
    }
    let lacking = REQUIRED.iter().find(|choice| !choice.iter().any(|name| names.contains(name)));
    match lacking {
        Some(choice) => Err(Problem::bad_request(format!("the header row lacks `{}`", choice.join("` or `")))),
        None => Ok(pointers),
    }
}

/// A column as its sender calls it, if that can be shown, else by its place.
fn shown(index: usize, name: &[u8]) -> String {
    match std::str::from_utf8(name.trim_ascii()) {
        Ok(name) if !name.is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control) => {
            format!("`{name}`")
        }
        _ => format!("number {}", index + 1),
    }
}

fn candidate(columns: &[&'static str], record: &ByteRecord) -> Result<Candidate, RowProblem> {
    if record.len() != columns.len() {
        let detail = format!("has {} cells under {} columns; is a quote missing?", record.len(), columns.len());
        return Err(rows::invalid("", detail));
    }
    let mut draft = CandidateDraft::default();
    for (pointer, cell) in columns.iter().zip(record) {
        let cell = std::str::from_utf8(cell).map_err(|_| rows::invalid(*pointer, "holds bytes that are no UTF-8"))?;
        let cell = cell.trim();
        if cell.contains(['\n', '\r']) {
            return Err(rows::invalid(*pointer, "holds a line break; is a quote missing at its end?"));
        }
        if !cell.is_empty() {
            put(&mut draft, pointer, cell)?;
        }
    }
    // A column of currencies is often filled in where there is no cost.
    draft.monthly_cost = draft.monthly_cost.filter(|cost| !cost.amount.is_empty());
    rows::parsed(draft)
}

fn put(draft: &mut CandidateDraft, pointer: &str, cell: &str) -> Result<(), RowProblem> {
    let text = cell.to_owned();
    match pointer {
        "/source" => draft.source = Some(text),
        "/external_id" => draft.external_id = Some(text),
        "/app/id" => draft.app.id = text,
        "/app/name" => draft.app.name = Some(text),
        "/account/id" => draft.account.id = Some(text),
        "/account/email" => draft.account.email = Some(text),
        "/account/name" => draft.account.name = Some(text),
        "/entitlement" => draft.entitlement = Some(text),
        "/manager/email" => draft.manager.get_or_insert_with(ManagerDraft::default).email = text,
        "/manager/name" => draft.manager.get_or_insert_with(ManagerDraft::default).name = Some(text),
        "/last_activity_at" => draft.last_activity_at = Some(text),
        "/never_used" => draft.never_used = Some(flag(cell)?),
        "/observed_at" => draft.observed_at = Some(text),
        "/monthly_cost/amount" => draft.monthly_cost.get_or_insert_with(CostDraft::default).amount = text,
        "/monthly_cost/currency" => draft.monthly_cost.get_or_insert_with(CostDraft::default).currency = text,
        _ => draft.requesting_channel = Some(text),
    }
    Ok(())
}

/// Spreadsheets write `TRUE`.
fn flag(cell: &str) -> Result<bool, RowProblem> {
    match cell.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(rows::invalid("/never_used", "expected true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "source,external_id,app_id,app_name,account_id,account_email,account_name,entitlement,\
        manager_email,manager_name,last_activity_at,never_used,observed_at,monthly_cost,currency,requesting_channel\r\n";

    fn refused(body: &str) -> String {
        let problem = read(body.as_bytes()).unwrap_err();
        assert_eq!(problem.status, 400, "{body}");
        problem.detail
    }

    fn pointers(body: &str) -> Vec<Option<String>> {
        read(body.as_bytes()).unwrap().into_iter().map(|row| row.err().map(|problem| problem.pointer)).collect()
    }

    #[test]
    fn every_column_has_its_member() {
        let row = "okta,row-17,figma,Figma,00u1,ana@example.com,\"Ruiz, \"\"Ana\"\"\",pro,mona@example.com,Mona Li,\
            2026-06-01T00:00:00Z,FALSE,2026-11-20T06:00:00Z,45.00,USD,C0SWEEP\r\n";
        let candidate = read(format!("{FULL}{row}").as_bytes()).unwrap().remove(0).unwrap();
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
        let candidate = read(format!("{FULL}{row}").as_bytes()).unwrap().remove(0).unwrap();
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
        let rows = read(&bytes).unwrap();
        assert_eq!(rows[0].as_ref().unwrap_err().pointer, "/account/id");
        assert!(rows[1].is_ok());
    }

    #[test]
    fn an_open_quote_is_a_row_of_its_own() {
        let body = "app_id,account_id,never_used\nfigma,1,true\n\"figma,2,true\nfigma,3,true\n";
        assert_eq!(pointers(body), [None, Some(String::new())]);
    }
}
