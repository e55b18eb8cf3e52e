//! What candidates, or a past sweep, would lead to under a policy. Asks nobody.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use seatgate_core::gate::{SimulatedAsk, SimulatedPerson, SimulatedRow, Simulation, Trial};
use seatgate_core::id::{RequestId, SweepId};
use seatgate_core::message::PathLine;
use seatgate_core::money::{Money, Totals};
use seatgate_core::policy::{Policy, PolicyDraft};
use seatgate_core::port::{Problem as RowProblem, RowStatus};
use seatgate_core::request::Why;
use seatgate_core::seat::Candidate;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::openapi::ComponentsBuilder;

use crate::intake;
use crate::json::{Expected, Members};
use crate::openapi::{labels, with};
use crate::problem::Problem;
use crate::request::{self, Whole, parameters};
use crate::server::App;

const ASKED: &Members = &[&[
    ("", Expected::Object),
    ("/candidates", Expected::Value("expected a candidate or a list of candidates")),
    ("/csv", Expected::Value("expected a table of candidates, as text")),
    ("/policy", Expected::Value("expected an object of a policy's keys")),
]];

/// Candidates with a policy to try. Candidates alone may also come as the intake takes them.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SimulationAsked)]
struct AskedBody {
    /// A candidate or a list of them; absent for a past sweep.
    #[schema(value_type = Option<serde_json::Value>)]
    candidates: Option<Box<RawValue>>,
    /// The candidates as a table, as the intake takes one, in their place.
    csv: Option<String>,
    /// A whole policy: what it leaves out has its default. Without one, the policy in force is tried.
    #[schema(value_type = Option<serde_json::Value>)]
    policy: Option<PolicyDraft>,
}

/// What a sweep would lead to.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Simulation)]
pub(super) struct SimulationView {
    /// The version of the policy that was tried.
    policy_version: String,
    /// How many rows would end how.
    #[schema(value_type = BTreeMap<String, u64>)]
    counts: BTreeMap<RowStatus, u64>,
    /// What the seats cost a month that would be asked about.
    #[schema(value_type = Vec<Object>)]
    at_stake: Totals,
    /// Whoever would be asked, those with the most messages first.
    people: Vec<PersonView>,
    rows: Vec<RowView>,
    /// How many rows would end otherwise, or ask others, than under the policy in force.
    differences: u64,
    /// Rows of a past sweep of which nothing is kept that could be tried again.
    not_kept: u64,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SimulatedPerson)]
struct PersonView {
    person: String,
    seats: u64,
    messages: u64,
    reminders: u64,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SimulatedRow)]
struct RowView {
    row: u32,
    #[serde(flatten)]
    answer: AnswerView,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    monthly_cost: Option<Money>,
    /// What the policy in force would make of it, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    today: Option<AnswerView>,
}

#[derive(Serialize, PartialEq, utoipa::ToSchema)]
#[schema(as = SimulatedAnswer)]
struct AnswerView {
    #[schema(value_type = labels::RowStatus)]
    status: RowStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    problem: Option<RowProblem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    request_id: Option<RequestId>,
    asked: Vec<AskView>,
}

#[derive(Serialize, PartialEq, utoipa::ToSchema)]
#[schema(as = SimulatedAsk)]
struct AskView {
    person: String,
    #[schema(value_type = labels::Why)]
    why: Why,
    /// Who was met on the way to them, as sentences; empty where there was no detour.
    path: Vec<String>,
}

/// `POST /v1/simulate`.
pub(super) async fn simulate(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Whole(body): Whole<{ intake::BODY_LIMIT }>,
) -> Result<Json<SimulationView>, Problem> {
    let _room = app.room.take(body.len())?;
    let parameters = parameters(query.as_deref(), &["sweep"])?;
    let (candidates, draft) = asked(&headers, &body, parameters.contains_key("sweep"))?;
    let (trials, not_kept) = match (parameters.get("sweep"), candidates) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("/candidates", "a past sweep brings its own candidates"));
        }
        (Some(sweep), None) => {
            let sweep: SweepId = sweep.parse().map_err(|_| Problem::not_found("there is no such sweep"))?;
            app.gate.trials_of(sweep).await?
        }
        (None, Some(candidates)) => (trials(&app, candidates), 0),
        (None, None) => return Err(Problem::invalid("/candidates", "expected candidates, or a `sweep` in the query")),
    };
    let in_force = app.gate.settings().policy.clone();
    let policy = draft.map(|draft| policy(&draft)).transpose()?;
    let other = policy.as_ref().filter(|policy| policy.version() != in_force.version());
    let today = match other {
        Some(_) => Some(app.gate.simulate(trials.clone(), &in_force).await?),
        None => None,
    };
    let policy = policy.unwrap_or(in_force);
    let mut simulation = app.gate.simulate(trials, &policy).await?;
    simulation.not_kept = not_kept;
    Ok(Json(SimulationView::of(policy.version(), simulation, today)))
}

type Rows = Vec<Result<Candidate, RowProblem>>;

/// An object with `candidates` or `policy` is ours; anything else is rows as the intake takes them.
fn asked(headers: &HeaderMap, body: &[u8], past: bool) -> Result<(Option<Rows>, Option<PolicyDraft>), Problem> {
    if past || is_asked_body(headers, body) {
        let asked: AskedBody = request::json(headers, body, ASKED)?;
        let rows = match (asked.candidates, asked.csv) {
            (Some(_), Some(_)) => return Err(Problem::invalid("/csv", "expected either `candidates` or `csv`")),
            (Some(json), None) => Some(intake::json_rows(json.get())?),
            (None, table) => table.map(|table| intake::table_rows(&table)).transpose()?,
        };
        return Ok((rows, asked.policy));
    }
    Ok((Some(intake::rows_of(headers, body)?), None))
}

fn is_asked_body(headers: &HeaderMap, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Ours {
        candidates: Option<serde::de::IgnoredAny>,
        csv: Option<serde::de::IgnoredAny>,
        policy: Option<serde::de::IgnoredAny>,
    }
    let json = request::media_type(headers).is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let object = json && body.trim_ascii_start().starts_with(b"{");
    let ours = || serde_json::from_slice::<Ours>(body).ok();
    object && ours().is_some_and(|ours| ours.candidates.is_some() || ours.csv.is_some() || ours.policy.is_some())
}

fn trials(app: &App, rows: Rows) -> Vec<Trial> {
    let now = app.gate.now();
    (0..).zip(rows).map(|(row, candidate)| Trial::new(row, candidate, now)).collect()
}

fn policy(draft: &PolicyDraft) -> Result<Policy, Problem> {
    Policy::from_draft(draft).map_err(|problems| {
        let first = problems.iter().next();
        let pointer = first.map(|problem| format!("/policy/{}", problem.key().replace('.', "/"))).unwrap_or_default();
        Problem::invalid(pointer, problems.to_string())
    })
}

impl SimulationView {
    fn of(version: &str, simulation: Simulation, today: Option<Simulation>) -> Self {
        let mut today: BTreeMap<u32, SimulatedRow> =
            today.into_iter().flat_map(|today| today.rows).map(|row| (row.row, row)).collect();
        let mut counts = BTreeMap::new();
        let mut differences = 0;
        let mut rows = Vec::with_capacity(simulation.rows.len());
        for row in simulation.rows {
            *counts.entry(row.status).or_insert(0) += 1;
            let (number, monthly_cost) = (row.row, row.monthly_cost);
            let answer = AnswerView::from(row);
            let today = today.remove(&number).map(AnswerView::from).filter(|today| *today != answer);
            differences += u64::from(today.is_some());
            rows.push(RowView { row: number, answer, monthly_cost, today });
        }
        Self {
            policy_version: version.to_owned(),
            counts,
            at_stake: simulation.at_stake,
            people: simulation.people.into_iter().map(PersonView::from).collect(),
            rows,
            differences,
            not_kept: simulation.not_kept,
        }
    }
}

impl From<SimulatedPerson> for PersonView {
    fn from(person: SimulatedPerson) -> Self {
        let SimulatedPerson { person, seats, messages, reminders, .. } = person;
        Self { person, seats, messages, reminders }
    }
}

impl From<SimulatedRow> for AnswerView {
    fn from(row: SimulatedRow) -> Self {
        let asked = row.asked.into_iter().map(AskView::from).collect();
        Self { status: row.status, problem: row.problem, request_id: row.request, asked }
    }
}

impl From<SimulatedAsk> for AskView {
    fn from(ask: SimulatedAsk) -> Self {
        let path = ask.path.iter().map(PathLine::sentence).collect();
        Self { person: ask.person, why: ask.why, path }
    }
}

/// The body and the answer, for their description.
pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    with::<SimulationView>(with::<AskedBody>(schemas))
}
