//! `POST /v1/candidates`: a sweep, or a part of one, as one signed delivery: as JSON, as JSON lines or as a table.
//!
//! The order is that of trust: the body is capped while it is read, its signature is checked over the raw bytes, and only
//! then is anything parsed. A delivery is known by its id, so that a repeated one gets the same answer.

mod asked;
mod csv;
pub(crate) mod field;
pub(crate) mod format;
pub mod mapping;
mod plan;
pub mod records;
pub(crate) mod rows;
mod stream;
pub(crate) mod table;

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use seatgate_core::canonical::Digest;
use seatgate_core::gate::{Attempt, Sweep, SweepReport};
use seatgate_core::id::RequestId;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{Inbound, Problem as RowProblem, RowResult, RowStatus};
use seatgate_core::seat::Candidate;
use serde::Serialize;

pub(crate) use self::asked::Asked;
use self::format::Format;
pub(crate) use self::stream::RowStream;
use crate::problem::Problem;
use crate::request::Whole;
use crate::server::App;
use crate::sign::{Verified, VerifyError, WebhookHeaders};

/// The largest delivery.
pub(crate) const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// The answer. Its fields are a public contract.
#[derive(Serialize)]
struct Answer {
    sweep_id: String,
    results: Vec<RowView>,
    counts: BTreeMap<RowStatus, usize>,
}

/// The answer to one row.
#[derive(Serialize)]
pub(crate) struct RowView {
    row: u32,
    status: RowStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<RowProblem>,
}

impl From<RowResult> for RowView {
    fn from(result: RowResult) -> Self {
        let RowResult { row, status, request_id, problem, .. } = result;
        Self { row, status, request_id, problem }
    }
}

impl From<SweepReport> for Answer {
    fn from(report: SweepReport) -> Self {
        Self {
            sweep_id: report.sweep.to_string(),
            counts: report.counts(),
            results: report.results.into_iter().map(RowView::from).collect(),
        }
    }
}

pub(crate) fn route() -> MethodRouter<App> {
    post(take_in)
}

async fn take_in(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<Response, Problem> {
    let delivery = authentic(&app, &headers, body).await?;
    // After the signature: nobody else takes room away.
    let _room = app.room.take(delivery.body().len())?;
    let asked = Asked::read(query.as_deref())?;
    let format = Format::of(&headers)?;
    let chosen = asked.mapping(&app.options)?;
    let rows::Rows { rows, names } = rows::read(format, delivery.body(), chosen.as_ref())?;
    let inbound = Inbound::new(delivery.id().to_string(), digest(delivery.body(), format, &asked));
    let sweep = Sweep::new(Actor::webhook(), Surface::Webhook, rows).delivered_as(inbound);
    let sweep = asked.sweep.into_iter().fold(sweep.calling(names).dry_run(asked.dry_run), Sweep::joining);
    let report = app.gate.sweep(sweep).await?;
    Ok((StatusCode::ACCEPTED, Json(Answer::from(report))).into_response())
}

/// The rows of a body in the form that its headers say: read as a delivery's, and not taken in.
pub(crate) fn rows_of(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Result<Candidate, RowProblem>>, Problem> {
    Ok(rows::read(Format::of(headers)?, body, None)?.rows)
}

/// The rows of a JSON text: one candidate, or a list of them.
pub(crate) fn json_rows(text: &str) -> Result<Vec<Result<Candidate, RowProblem>>, Problem> {
    Ok(rows::read(Format::Json, text.as_bytes(), None)?.rows)
}

/// The rows of a table.
pub(crate) fn table_rows(text: &str) -> Result<Vec<Result<Candidate, RowProblem>>, Problem> {
    Ok(rows::read(Format::Csv, text.as_bytes(), None)?.rows)
}

async fn authentic(app: &App, headers: &HeaderMap, body: Bytes) -> Result<Verified<Bytes>, Problem> {
    let signature = WebhookHeaders::from_lookup(|name| headers.get(name).map(|value| value.as_bytes()));
    match app.options.intake.verify(&signature, body, app.gate.now()) {
        Ok(verified) => Ok(verified),
        Err(error) => {
            let attempt = Attempt::new(Actor::anonymous(), Surface::Webhook, "intake", label(error));
            app.gate.record_denied(attempt).await;
            Err(Problem::unauthenticated(error.to_string()))
        }
    }
}

/// The label of the denial in the trail.
fn label(error: VerifyError) -> &'static str {
    match error {
        VerifyError::Missing { .. } => "no_signature",
        VerifyError::Malformed { .. } => "malformed_signature",
        VerifyError::TooOld => "stale",
        VerifyError::TooNew => "early",
        VerifyError::NoMatch => "bad_signature",
    }
}

/// Neither the query nor the content type is signed. So a dry run's delivery must not be resumed for real, nor one as
/// rows of another form, of another app or for another sweep.
fn digest(body: &[u8], format: Format, asked: &Asked) -> Digest {
    Digest::of(&[asked.mark().as_bytes(), format.mark(), body].concat())
}
