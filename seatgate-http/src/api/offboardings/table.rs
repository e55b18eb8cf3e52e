//! `GET /v1/offboardings`: one row a task, as JSON or as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use seatgate_core::gate::Gate;
use seatgate_core::id::{PersonRef, RequestId, TaskId, TextId};
use seatgate_core::person::{EmailAddress, Identity, PersonDetails};
use seatgate_core::policy::Mode;
use seatgate_core::port::{OffboardingFilter, OffboardingRow, StoreError};
use seatgate_core::request::{Outcome, Proof, TaskStatus};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::csv_cell;
use serde::Serialize;

use crate::api::Page;
use crate::api::download::{self, Parts};
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
    /// Why it was skipped, or stopped or declined with the others.
    reason: Option<String>,
}

/// The first row of the table.
const HEADER: &str = "request_id,person_email,person_name,playbook,mode,opened_at,closed_at,outcome,task_id,task,status,\
     attempts,may_have_happened,proof,receipt,began_at,changed_at,reason\r\n";
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
        Some(filter) if csv => Ok(file(app.gate, filter, None).await?),
        Some(filter) => Ok(([NO_STORE], Json(page(&app.gate, filter, limit).await?)).into_response()),
        // Nobody knows the person.
        None if csv => Ok(download::file(Table::new(app.gate, None), CSV, NAME).await?),
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

/// Every row as a file for somebody, who does not see the rows about themselves.
pub(crate) async fn file_for(gate: Gate, viewer: PersonRef) -> Result<Response, StoreError> {
    file(gate, OffboardingFilter::first(CHUNK), Some(viewer)).await
}

/// Every row from the cursor on, but for those about `except`.
async fn file(gate: Gate, filter: OffboardingFilter, except: Option<PersonRef>) -> Result<Response, StoreError> {
    download::file(Table { except, ..Table::new(gate, Some(filter)) }, CSV, NAME).await
}

const CSV: &str = "text/csv; charset=utf-8";
const NAME: &str = "seatgate-offboardings.csv";

/// A table under way (RFC 4180) with a header. No cell is a formula to a spreadsheet.
struct Table {
    gate: Gate,
    begun: bool,
    /// Where it goes on; nothing after the last row.
    rest: Option<OffboardingFilter>,
    except: Option<PersonRef>,
}

impl Table {
    fn new(gate: Gate, rest: Option<OffboardingFilter>) -> Self {
        Self { gate, begun: false, rest, except: None }
    }

    /// Some more rows.
    async fn rows(&mut self, table: &mut String) -> Result<(), StoreError> {
        let Some(filter) = &mut self.rest else { return Ok(()) };
        let mut rows = self.gate.queries().offboardings(filter).await?;
        match rows.last().map(OffboardingRow::place).filter(|_| rows.len() == CHUNK) {
            Some(last) => filter.after = Some(last),
            None => self.rest = None,
        }
        rows.retain(|row| Some(row.person) != self.except);
        TableRow::all(&self.gate, rows).await?.iter().for_each(|row| row.write(table));
        Ok(())
    }
}

impl Parts for Table {
    async fn part(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        let mut part = String::new();
        if !std::mem::replace(&mut self.begun, true) {
            part.push_str(HEADER);
            self.rows(&mut part).await?;
        }
        while part.is_empty() && self.rest.is_some() {
            self.rows(&mut part).await?;
        }
        Ok(if part.is_empty() { None } else { Some((Bytes::from(part), self)) })
    }
}

impl TableRow {
    async fn all(gate: &Gate, rows: Vec<OffboardingRow>) -> Result<Vec<Self>, StoreError> {
        let mut people: Vec<PersonRef> = rows.iter().map(|row| row.person).collect();
        people.sort_unstable();
        people.dedup();
        let details = gate.people().details(&people).await?;
        let known: BTreeMap<PersonRef, PersonDetails> =
            people.into_iter().zip(details).filter_map(|(person, details)| Some((person, details?))).collect();
        let said: Vec<_> = rows.iter().flat_map(|row| row.receipt.into_iter().chain(row.left_out)).collect();
        let texts = gate.people().texts(&said).await?;
        let texts: BTreeMap<_, _> = said.into_iter().zip(texts).collect();
        let text = |text: Option<TextId>| texts.get(&text?).cloned().flatten();
        let row = |row: OffboardingRow| {
            let (receipt, reason) = (text(row.receipt), text(row.left_out));
            Self { receipt, reason, ..Self::of(known.get(&row.person), row) }
        };
        Ok(rows.into_iter().map(row).collect())
    }

    fn of(person: Option<&PersonDetails>, row: OffboardingRow) -> Self {
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
            receipt: None,
            began_at: row.began_at,
            changed_at: row.changed_at,
            reason: None,
        }
    }

    fn write(&self, table: &mut String) {
        let text = |text: &Option<String>| text.as_deref().map(csv_cell).unwrap_or_default();
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        // A String takes whatever is written to it.
        let _ = write!(
            table,
            "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
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
            text(&self.reason),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use seatgate_core::gate::{Offboard, Submission};
    use seatgate_core::memory::MemoryStore;
    use seatgate_core::person::{Actor, PersonDraft, Surface};
    use seatgate_core::playbook::Playbooks;
    use seatgate_core::testing::{ManualClock, SeededEntropy};
    use serde_json::json;

    use super::*;

    /// A gate that takes so many people through a playbook of one task.
    async fn gate(people: usize) -> Gate {
        let clock = Arc::new(ManualClock::new("2026-11-22T08:00:00Z".parse().unwrap()));
        let tables = json!({"leaver": {"tasks": [{"name": "badge", "kind": "manual", "assignee": "ivo@example.com"}]}});
        let playbooks = Playbooks::read(tables.as_object().unwrap(), None, &BTreeSet::new()).unwrap();
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let builder = Gate::builder(store, clock, Arc::new(SeededEntropy::new(1))).playbooks(playbooks);
        let gate = builder.build().unwrap();
        gate.appoint(&["olga@example.com".parse().unwrap()]).await.unwrap();
        let olga = gate.people().find(&"olga@example.com".parse().unwrap()).await.unwrap().unwrap();
        for number in 0..people {
            let leaver = PersonDraft::new(format!("leaver{number}@example.com").parse().unwrap(), None);
            gate.offboard(&Offboard::new(leaver), &Submission::new(Actor::Person(olga), Surface::Api)).await.unwrap();
        }
        gate
    }

    #[tokio::test]
    async fn a_table_is_written_page_by_page_and_every_row_is_in_it() {
        let gate = gate(CHUNK + 2).await;
        let mut parts = Vec::new();
        let mut rest = Some(Table::new(gate, Some(OffboardingFilter::first(CHUNK))));
        while let Some(table) = rest.take()
            && let Some((part, table)) = table.part().await.unwrap()
        {
            parts.push(String::from_utf8(part.to_vec()).unwrap());
            rest = Some(table);
        }
        let lines: Vec<usize> = parts.iter().map(|part| part.lines().count()).collect();
        assert_eq!(lines, [1 + CHUNK, 2], "a header, and never more than a page at once");
        assert!(parts[0].starts_with(HEADER));
        let rows: BTreeSet<&str> = parts.iter().flat_map(|part| part.lines()).collect();
        assert_eq!(rows.len(), CHUNK + 3, "each once");
    }

    #[tokio::test]
    async fn whoever_looks_finds_nothing_about_themselves() {
        let gate = gate(3).await;
        let leaver = gate.people().find(&"leaver1@example.com".parse().unwrap()).await.unwrap().unwrap();
        let table = Table { except: Some(leaver), ..Table::new(gate, Some(OffboardingFilter::first(CHUNK))) };
        let (part, _) = table.part().await.unwrap().unwrap();
        let text = String::from_utf8(part.to_vec()).unwrap();
        assert!(text.contains("leaver0@") && !text.contains("leaver1@") && text.contains("leaver2@"), "{text}");
    }
}
