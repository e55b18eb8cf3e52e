//! `POST /v1/candidates`: a sweep as one signed delivery, as JSON, as JSON lines or as a table.
//!
//! The order is that of trust: the body is capped while it is read, its signature is checked over the raw bytes, and only
//! then is anything parsed. A delivery is known by its id, so that a repeated one gets the same answer.

mod csv;
mod format;
mod rows;

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use seatgate_core::canonical::Digest;
use seatgate_core::gate::{Attempt, Sweep, SweepReport};
use seatgate_core::id::RequestId;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{Inbound, Problem as RowProblem, RowResult, RowStatus};
use serde::Serialize;

use self::format::Format;
use crate::problem::Problem;
use crate::request;
use crate::server::App;
use crate::sign::{Verified, VerifyError, WebhookHeaders};

/// The largest delivery.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// Makes a dry run's delivery another one than the same body for real.
const DRY_RUN_MARK: &[u8] = b"dry_run\n";

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
    post(take_in).layer(DefaultBodyLimit::max(BODY_LIMIT))
}

async fn take_in(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = request::body(body, BODY_LIMIT)?;
    let delivery = authentic(&app, &headers, body).await?;
    let dry_run = dry_run(query.as_deref())?;
    request::require_plain(&headers)?;
    let format = Format::of(&headers)?;
    let rows = rows::read(format, delivery.body())?;
    let inbound = Inbound::new(delivery.id().to_string(), digest(delivery.body(), format, dry_run));
    let sweep = Sweep::new(Actor::webhook(), Surface::Webhook, rows).delivered_as(inbound).dry_run(dry_run);
    let report = app.gate.sweep(sweep).await?;
    Ok((StatusCode::ACCEPTED, Json(Answer::from(report))).into_response())
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

fn dry_run(query: Option<&str>) -> Result<bool, Problem> {
    let parameters = request::parameters(query, &["dry_run", "sweep"])?;
    if parameters.contains_key("sweep") {
        return Err(Problem::bad_request("joining a sweep is not supported yet: leave `sweep` out"));
    }
    match parameters.get("dry_run").map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::bad_request("expected `dry_run=true` or `dry_run=false`")),
    }
}

/// Neither the query nor the content type is signed. So a dry run's delivery must not be resumed for real, nor one as
/// rows of another form.
fn digest(body: &[u8], format: Format, dry_run: bool) -> Digest {
    let dry_run = if dry_run { DRY_RUN_MARK } else { b"" };
    Digest::of(&[dry_run, format.mark(), body].concat())
}
