//! `GET /v1/offboardings`: one row a task, as JSON or as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use seatgate_core::gate::Gate;
use seatgate_core::id::{PersonRef, RequestId, TaskId};
use seatgate_core::person::{EmailAddress, Identity, PersonDetails};
use seatgate_core::policy::Mode;
use seatgate_core::port::{OffboardingFilter, OffboardingRow, StoreError};
use seatgate_core::request::{Outcome, Proof, TaskStatus};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::csv_cell;
use serde::Serialize;

use crate::api::Page;
use crate::api::requests::limit;
use crate::openapi::labels;
use crate::problem::Problem;
use crate::request::parameters;
use crate::server::App;
use crate::view::PersonView;

/// One task of one offboarding. Personal data: never log it. The fields are a public contract.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = OffboardingRow)]
pub(super) struct TableRow {
    #[schema(value_type = String)]
    request_id: RequestId,
    person: PersonView,
    playbook: String,
    #[schema(value_type = labels::Mode)]
    mode: Mode,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<Timestamp>,
    #[schema(value_type = Option<labels::Outcome>)]
    outcome: Option<Outcome>,
    #[schema(value_type = String)]
    task_id: TaskId,
    /// What the playbook calls it.
    task: String,
    #[schema(value_type = labels::TaskStatus)]
    status: TaskStatus,
    attempts: u32,
    may_have_happened: bool,
    #[schema(value_type = Option<labels::Proof>)]
    proof: Option<Proof>,
    /// What the target said, or the person who did it.
    receipt: Option<String>,
    /// When its first attempt began.
    #[schema(value_type = Option<String>, format = DateTime)]
    began_at: Option<Timestamp>,
    /// When it last came to stand otherwise: once it has ended, its end.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// The first row of the table.
const HEADER: &str = "request_id,person_email,person_name,playbook,mode,opened_at,closed_at,outcome,task_id,task,status,\
     attempts,may_have_happened,proof,receipt,began_at,changed_at\r\n";
/// So many rows are read at a time for the table.
const CHUNK: usize = 500;

/// `GET /v1/offboardings`: oldest first.
pub(in crate::api) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let names = ["from", "to", "person", "result", "format", "cursor", "limit"];
    let parameters = parameters(query.as_deref(), &names)?;
    let limit = limit(parameters.get("limit"))?;
    let csv = match parameters.get("format").map(String::as_str) {
        None | Some("json") => false,
        Some("csv") => true,
        Some(_) => return Err(Problem::bad_request("`format`: expected `json` or `csv`")),
    };
    let filter = filter(&app.gate, &parameters).await?;
    match filter {
        Some(filter) if csv => Ok(file(&app.gate, filter).await?),
        Some(filter) => Ok(([NO_STORE], Json(page(&app.gate, filter, limit).await?)).into_response()),
        // Nobody knows the person.
        None if csv => Ok(as_file(HEADER.to_owned())),
        None => Ok(([NO_STORE], Json(Page::<TableRow> { items: Vec::new(), next: None })).into_response()),
    }
}

const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

async fn filter(gate: &Gate, parameters: &BTreeMap<String, String>) -> Result<Option<OffboardingFilter>, Problem> {
    let mut filter = OffboardingFilter::first(CHUNK);
    filter.from = read(parameters, "from", |text| text.parse().ok(), "expected an RFC 3339 timestamp")?;
    filter.to = read(parameters, "to", |text| text.parse().ok(), "expected an RFC 3339 timestamp")?;
    filter.result = read(parameters, "result", |text| text.parse().ok(), "expected a task's status, such as `done`")?;
    filter.after = read(parameters, "cursor", place, "expected the `next` of another page")?;
    let email = read(parameters, "person", |text| EmailAddress::from_str(text).ok(), "expected an e-mail address")?;
    let Some(email) = email else { return Ok(Some(filter)) };
    filter.person = gate.people().find(&Identity::Email(email)).await?;
    Ok(filter.person.is_some().then_some(filter))
}

fn read<T>(
    parameters: &BTreeMap<String, String>,
    name: &str,
    read: impl FnOnce(&str) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, Problem> {
    let Some(text) = parameters.get(name) else { return Ok(None) };
    read(text).map(Some).ok_or_else(|| Problem::bad_request(format!("`{name}`: {expected}")))
}

/// A cursor is the request's id and the task's number in it.
fn place(text: &str) -> Option<(RequestId, u32)> {
    let (request, position) = text.split_once('.')?;
    Some((request.parse().ok()?, position.parse().ok()?))
}

async fn page(gate: &Gate, mut filter: OffboardingFilter, limit: usize) -> Result<Page<TableRow>, Problem> {
    // One more than asked for shows whether there is a next page.
    filter.limit = limit + 1;
    let mut rows = gate.queries().offboardings(&filter).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| format!("{}.{}", last.request, last.position));
    Ok(Page { items: TableRow::all(gate, rows).await?, next })
}

/// Every row from the cursor on, as a table (RFC 4180) with a header. No cell is a formula to a spreadsheet.
async fn file(gate: &Gate, mut filter: OffboardingFilter) -> Result<Response, Problem> {
    let mut table = HEADER.to_owned();
    loop {
        let rows = gate.queries().offboardings(&filter).await?;
        let last = rows.last().map(OffboardingRow::place).filter(|_| rows.len() == CHUNK);
        TableRow::all(gate, rows).await?.iter().for_each(|row| row.write(&mut table));
        match last {
            Some(last) => filter.after = Some(last),
            None => return Ok(as_file(table)),
        }
    }
}

fn as_file(table: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"seatgate-offboardings.csv\""),
        NO_STORE,
    ];
    (headers, table).into_response()
}

impl TableRow {
    async fn all(gate: &Gate, rows: Vec<OffboardingRow>) -> Result<Vec<Self>, StoreError> {
        let mut people: Vec<PersonRef> = rows.iter().map(|row| row.person).collect();
        people.sort_unstable();
        people.dedup();
        let details = gate.people().details(&people).await?;
        let known: BTreeMap<PersonRef, PersonDetails> =
            people.into_iter().zip(details).filter_map(|(person, details)| Some((person, details?))).collect();
        let receipts: Vec<_> = rows.iter().filter_map(|row| row.receipt).collect();
        let texts = gate.people().texts(&receipts).await?;
        let texts: BTreeMap<_, _> = receipts.into_iter().zip(texts).collect();
        let text = |row: &OffboardingRow| texts.get(&row.receipt?).cloned().flatten();
        Ok(rows.into_iter().map(|row| Self::of(known.get(&row.person), text(&row), row)).collect())
    }

    fn of(person: Option<&PersonDetails>, receipt: Option<String>, row: OffboardingRow) -> Self {
        Self {
            request_id: row.request,
            person: PersonView::of(person),
            playbook: row.playbook,
            mode: row.mode,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            outcome: row.outcome,
            task_id: row.task,
            task: row.name,
            status: row.status,
            attempts: row.attempts,
            may_have_happened: row.may_have_happened,
            proof: row.proof,
            receipt,
            began_at: row.began_at,
            changed_at: row.changed_at,
        }
    }

    fn write(&self, table: &mut String) {
        let text = |text: &Option<String>| text.as_deref().map(csv_cell).unwrap_or_default();
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        // A String takes whatever is written to it.
        let _ = write!(
            table,
            "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
            self.request_id,
            text(&self.person.email),
            text(&self.person.name),
            csv_cell(&self.playbook),
            self.mode,
            self.opened_at,
            time(self.closed_at),
            self.outcome.map_or("", Outcome::label),
            self.task_id,
            csv_cell(&self.task),
            self.status,
            self.attempts,
            self.may_have_happened,
            self.proof.map_or("", Proof::label),
            text(&self.receipt),
            time(self.began_at),
            self.changed_at,
        );
    }
}
