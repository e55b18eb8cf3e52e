//! `PUT /v1/people`: a list of people, taken into the store's directory row by row.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use seatgate_core::gate::{Gate, Submission};
use seatgate_core::id::PersonRef;
use seatgate_core::person::{EmailAddress, Identity, PersonDraft};
use seatgate_core::port::{DirectoryEdit, Problem as RowProblem};
use seatgate_core::seat::AppId;
use seatgate_core::time::Timestamp;
use serde::Serialize;

use super::row::{MEMBERS, PersonBody, PersonRow};
use super::table;
use crate::api::auth::Caller;
use crate::api::behalf;
use crate::intake::format::Format;
use crate::intake::rows::{self, invalid};
use crate::problem::Problem;
use crate::request::Whole;
use crate::server::App;

/// The largest list.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// So many people are looked up at once.
const CHUNK: usize = 500;

/// What became of each row. Its fields are a public contract.
#[derive(Serialize)]
pub(in crate::api) struct Answer {
    results: Vec<RowAnswer>,
    counts: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
struct RowAnswer {
    row: usize,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<PersonRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<RowProblem>,
}

/// A row that fits so far, as the person it is about, or what is wrong with it.
type Row<T> = Result<T, RowProblem>;

/// `PUT /v1/people`: each row stands or falls alone; what a row does not say stays as it is, and so does everybody whom no row
/// names.
pub(in crate::api) async fn import(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<Json<Answer>, Problem> {
    let by = behalf::operator(&app, &caller, None, "edit_directory").await?;
    let _room = app.room.take(body.len())?;
    let rows = read(Format::of(&headers)?, &body, app.gate.now())?;
    let rows = identify(&app.gate, rows).await?;
    let rows = link(&app.gate, rows, &by).await?;
    let edits = edits(&app.gate, &rows).await?;
    app.gate.edit_directory(edits, &by).await?;
    Ok(Json(Answer::of(rows)))
}

fn read(format: Format, body: &[u8], now: Timestamp) -> Result<Vec<Row<PersonRow>>, Problem> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let row = |row: &[u8], malformed: &str| rows::members::<PersonBody>(row, MEMBERS, malformed);
    let rows = match format {
        Format::Json => rows::read_json(body, row)?,
        Format::Ndjson => rows::read_lines(body, row)?,
        Format::Csv => table::read(body)?,
    };
    Ok(rows.into_iter().map(|row| row.and_then(|row| row.parse(now))).collect())
}

/// A row with the people it names.
struct Known {
    person: PersonRef,
    /// Who manages them, or that nobody does.
    manager: Option<Option<PersonRef>>,
    row: PersonRow,
}

/// Says who the people are whom the rows name; those who are new are added, also where their row is rejected for whom it
/// names beside them. Nobody manages themselves.
async fn identify(gate: &Gate, rows: Vec<Row<PersonRow>>) -> Result<Vec<Row<Known>>, Problem> {
    let mut names: BTreeMap<EmailAddress, Option<String>> = BTreeMap::new();
    for row in rows.iter().flatten() {
        let name = names.entry(row.email.clone()).or_default();
        *name = name.take().or_else(|| row.name.clone());
        if let Some(Some(manager)) = &row.manager {
            names.entry(manager.clone()).or_default();
        }
    }
    let drafts: Vec<PersonDraft> =
        names.iter().map(|(email, name)| PersonDraft::new(Identity::Email(email.clone()), name.clone())).collect();
    let mut found = Vec::with_capacity(drafts.len());
    for drafts in drafts.chunks(CHUNK) {
        found.extend(gate.resolve(drafts.to_vec()).await?);
    }
    let people: BTreeMap<EmailAddress, PersonRef> = names.into_keys().zip(found).collect();
    let who = |email: &EmailAddress| people.get(email).copied().ok_or_else(Problem::internal);
    let mut known = Vec::with_capacity(rows.len());
    for row in rows {
        known.push(match row {
            Ok(row) => {
                let person = who(&row.email)?;
                let manager = row.manager.as_ref().map(|said| said.as_ref().map(who).transpose()).transpose()?;
                match manager {
                    Some(Some(manager)) if manager == person => {
                        Err(invalid("/manager/email", "nobody manages themselves"))
                    }
                    manager => Ok(Known { person, manager, row }),
                }
            }
            Err(problem) => Err(problem),
        });
    }
    Ok(known)
}

/// Makes people known as the Slack users that their rows name.
async fn link(gate: &Gate, rows: Vec<Row<Known>>, by: &Submission) -> Result<Vec<Row<Known>>, Problem> {
    let links: Vec<(PersonRef, Identity)> =
        rows.iter().flatten().filter_map(|known| Some((known.person, known.row.slack.clone()?))).collect();
    let mut owners = Vec::with_capacity(links.len());
    for links in links.chunks(CHUNK) {
        owners.extend(gate.link(links.to_vec(), by).await?);
    }
    let mut owners = owners.into_iter();
    let linked = rows.into_iter().map(|row| {
        let known = row?;
        let owner = known.row.slack.as_ref().and_then(|_| owners.next());
        match owner {
            Some(owner) if owner != known.person => {
                Err(invalid("/slack", "this Slack user is known as another person: forget that one first"))
            }
            _ => Ok(known),
        }
    });
    Ok(linked.collect())
}

/// What the rows change; whatever stands so already is left out by the gate.
async fn edits(gate: &Gate, rows: &[Row<Known>]) -> Result<Vec<DirectoryEdit>, Problem> {
    let mut edits: Vec<DirectoryEdit> = rows.iter().flatten().flat_map(Known::edits).collect();
    edits.extend(owners(gate, rows).await?);
    Ok(edits)
}

impl Known {
    fn edits(&self) -> impl Iterator<Item = DirectoryEdit> {
        let (person, row) = (self.person, &self.row);
        let edits = [
            self.manager.map(|manager| DirectoryEdit::Manager { person, manager }),
            row.disabled.map(|disabled| DirectoryEdit::Disabled { person, disabled }),
            row.bot.map(|bot| DirectoryEdit::Bot { person, bot }),
            row.absences.clone().map(|periods| DirectoryEdit::Absences { person, periods }),
        ];
        edits.into_iter().flatten()
    }
}

/// Who owns what after these rows: whoever is new comes after those who own it already.
async fn owners(gate: &Gate, rows: &[Row<Known>]) -> Result<Vec<DirectoryEdit>, Problem> {
    let said: Vec<(PersonRef, &Vec<AppId>)> =
        rows.iter().flatten().filter_map(|known| Some((known.person, known.row.owns.as_ref()?))).collect();
    let mut owned = Vec::with_capacity(said.len());
    for said in said.chunks(CHUNK) {
        let people: Vec<PersonRef> = said.iter().map(|(person, _)| *person).collect();
        owned.extend(gate.directory_queries().owned(&people).await?);
    }
    let mut owners: BTreeMap<AppId, Vec<PersonRef>> = BTreeMap::new();
    for app in said.iter().flat_map(|(_, apps)| *apps).chain(owned.iter().flatten()) {
        if let Entry::Vacant(vacant) = owners.entry(app.clone()) {
            vacant.insert(gate.own_directory().owners(app).await?);
        }
    }
    for (person, apps) in said {
        for (app, people) in &mut owners {
            match (apps.contains(app), people.contains(&person)) {
                (true, false) => people.push(person),
                (false, true) => people.retain(|owner| *owner != person),
                _ => {}
            }
        }
    }
    Ok(owners.into_iter().map(|(app, people)| DirectoryEdit::Owners { app, people }).collect())
}

impl Answer {
    fn of(rows: Vec<Row<Known>>) -> Self {
        let results: Vec<RowAnswer> =
            rows.into_iter().enumerate().map(|(row, said)| RowAnswer::of(row, said)).collect();
        let mut counts = BTreeMap::new();
        for result in &results {
            *counts.entry(result.status).or_default() += 1;
        }
        Self { results, counts }
    }
}

impl RowAnswer {
    fn of(row: usize, said: Row<Known>) -> Self {
        match said {
            Ok(known) => Self { row, status: "saved", id: Some(known.person), problem: None },
            Err(problem) => Self { row, status: "rejected", id: None, problem: Some(problem) },
        }
    }
}
