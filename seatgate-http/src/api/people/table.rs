//! People as a table, such as an export of a personnel system.

use csv::ByteRecord;
use seatgate_core::port::Problem as RowProblem;

use super::row::{AbsenceBody, ManagerBody, PersonBody};
use crate::intake::field::flag;
use crate::intake::table::{self, cell};
use crate::problem::Problem;

/// The columns, and where in a row's JSON their cells stand.
const POINTERS: [&str; 9] = [
    "/email",
    "/name",
    "/manager/email",
    "/disabled",
    "/bot",
    "/slack",
    "/owns",
    "/absences/0/from",
    "/absences/0/until",
];
const NAMES: [&str; POINTERS.len()] =
    ["email", "name", "manager_email", "disabled", "bot", "slack", "owns", "away_from", "away_until"];

/// Reads a table. A column that is there says all: where `manager_email` is empty, nobody manages them, where `away_from` is,
/// they are not away. An empty name or Slack user says nothing, and so does a column that is not there.
pub(super) fn read(body: &[u8]) -> Result<Vec<Result<PersonBody, RowProblem>>, Problem> {
    Ok(table::read(body, pointers, row)?.1)
}

fn pointers(header: &ByteRecord) -> Result<Vec<&'static str>, Problem> {
    let pointers: Vec<&str> = table::columns(header, &NAMES)?.into_iter().map(|place| POINTERS[place]).collect();
    if pointers.contains(&"/email") {
        return Ok(pointers);
    }
    Err(Problem::bad_request("the header row lacks `email`"))
}

fn row(pointers: &Vec<&'static str>, record: &ByteRecord) -> Result<PersonBody, RowProblem> {
    let mut body = PersonBody::default();
    for (column, pointer) in pointers.iter().enumerate() {
        fill(&mut body, pointer, cell(record, column, pointer)?)?;
    }
    let nothing = |absence: &AbsenceBody| absence.from.is_empty() && absence.until.is_none();
    if let Some(absences) = &mut body.absences {
        absences.retain(|absence| !nothing(absence));
    }
    Ok(body)
}

fn fill(body: &mut PersonBody, pointer: &str, cell: &str) -> Result<(), RowProblem> {
    let text = (!cell.is_empty()).then(|| cell.to_owned());
    match pointer {
        "/email" => cell.clone_into(&mut body.email),
        "/name" => body.name = text,
        "/manager/email" => body.manager = Some(text.map(|email| ManagerBody { email })),
        "/disabled" => body.disabled = Some(text.is_some() && flag(cell, pointer)?),
        "/bot" => body.bot = Some(text.is_some() && flag(cell, pointer)?),
        "/slack" => body.slack = text,
        "/owns" => body.owns = Some(apps(cell)),
        "/absences/0/from" => absence(body, |absence| cell.clone_into(&mut absence.from)),
        _ => absence(body, |absence| absence.until = text),
    }
    Ok(())
}

/// Ids of apps, apart by `;` or a space.
fn apps(cell: &str) -> Vec<String> {
    let apps = cell.split([';', ' ']).filter(|app| !app.is_empty());
    apps.map(str::to_owned).collect()
}

/// Fills the one absence that a row of a table can say.
fn absence(body: &mut PersonBody, fill: impl FnOnce(&mut AbsenceBody)) {
    let mut absence = body.absences.take().and_then(|absences| absences.into_iter().next()).unwrap_or_default();
    fill(&mut absence);
    body.absences = Some(vec![absence]);
}
