//! Sweeps of any length: opened, received row by row, and sealed.

use std::collections::BTreeMap;
use std::pin::pin;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::future::{Either, select};
use futures_util::stream;
use seatgate_core::gate::{BulkSweep, GateError, Upload, UploadRow};
use seatgate_core::id::SweepId;
use seatgate_core::person::Surface;
use seatgate_core::port::{RowResult, RowStatus};
use seatgate_core::seat::AppId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::openapi::ComponentsBuilder;

use super::BODY_LIMIT;
use super::auth::Caller;
use crate::intake::{Asked, RowStream, RowView};
use crate::json::{Expected, Members, TEXT};
use crate::openapi::with;
use crate::problem::Problem;
use crate::request::{self, InPath, Whole, parameters};
use crate::server::App;

/// An upload holds two batches at a time, as bytes, as rows and as what is written.
const UPLOAD_ROOM: usize = 4 * 1024 * 1024;
/// The longest name that a sender gives.
const LONGEST_NAME: usize = 200;

/// What the query of an upload may say.
const UPLOAD: &[&str] = &["from", "mapping", "app_id"];

const OPEN: &Members = &[&[
    ("", Expected::Object),
    ("/source", TEXT),
    ("/external_id", TEXT),
    ("/seats", Expected::Value("expected an object of apps, each with the whole number of its seats, 1 at the least")),
]];
const SEAL: &Members = &[&[("", Expected::Object), ("/rows", Expected::Value("expected a whole number"))]];

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OpenSweep)]
struct OpenBody {
    source: Option<String>,
    external_id: Option<String>,
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, u32>)]
    seats: BTreeMap<AppId, u32>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SealSweep)]
struct SealBody {
    rows: Option<u32>,
}

/// Where a sweep in bulk stands. Its fields are a public contract.
#[derive(Serialize)]
pub(super) struct Sealed {
    sweep_id: SweepId,
    received: u32,
}

/// `POST /v1/sweeps`: opens a sweep, or finds the one that was opened under the same name.
pub(super) async fn open(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<Response, Problem> {
    let dry_run = Asked::among(query.as_deref(), &["dry_run"])?.dry_run;
    let body: OpenBody = request::json(&headers, &body, OPEN)?;
    let mut sweep = BulkSweep::new(caller.actor(), Surface::Api);
    sweep.source = name(body.source, "/source")?;
    sweep.external_id = name(body.external_id, "/external_id")?;
    sweep.dry_run = dry_run;
    if let Some((app, _)) = body.seats.iter().find(|(_, seats)| **seats == 0) {
        let pointer = format!("/seats/{}", crate::json::escaped(app.as_str()));
        return Err(Problem::invalid(pointer, "expected the whole number of its seats, 1 at the least"));
    }
    sweep.seats = body.seats;
    let id = app.gate.open_bulk(sweep).await.map_err(named_before)?;
    Ok((StatusCode::CREATED, Json(json!({ "sweep_id": id }))).into_response())
}

fn name(name: Option<String>, pointer: &str) -> Result<Option<String>, Problem> {
    let plain =
        |name: &String| !name.trim().is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control);
    match name {
        Some(name) if !plain(&name) => {
            Err(Problem::invalid(pointer, format!("expected 1 to {LONGEST_NAME} bytes without control characters")))
        }
        name => Ok(name),
    }
}

fn named_before(error: GateError) -> Problem {
    match error {
        GateError::DeliveryReused => Problem::name_reused().at("/external_id"),
        other => other.into(),
    }
}

/// `POST /v1/sweeps/{id}/seal`.
pub(super) async fn seal(
    State(app): State<App>,
    InPath(id): InPath<SweepId>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<(StatusCode, Json<Sealed>), Problem> {
    let body: SealBody = request::json(&headers, &body, SEAL)?;
    let sealed = app.gate.seal(id, (&caller.actor(), Surface::Api), body.rows).await?;
    Ok((StatusCode::ACCEPTED, Json(Sealed { sweep_id: sealed.id, received: sealed.rows })))
}

/// `POST /v1/sweeps/{id}/rows`: answers while the body comes, line by line, as rows are durable. An answer without its
/// last line was cut off, as the body may have been: the sweep says how many rows are there.
pub(super) async fn rows(
    State(app): State<App>,
    InPath(id): InPath<SweepId>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let asked = Asked::among(query.as_deref(), UPLOAD)?;
    let from = from(query.as_deref())?;
    let room = app.room.take(UPLOAD_ROOM)?;
    let upload = app.gate.upload(id, &caller.actor(), from).await?;
    let rows = RowStream::new(app, asked, &headers, body)?;
    let taking = Taking { upload, rows, writing: Vec::new(), rejected: 0, _room: room };
    let lines = stream::unfold(Some(taking), |taking| async move { Some(taking?.part().await) });
    let lines = Body::from_stream(futures_util::StreamExt::map(lines, Ok::<_, std::convert::Infallible>));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")], lines).into_response())
}

/// The number of the first row.
fn from(query: Option<&str>) -> Result<u32, Problem> {
    let parameters = parameters(query, UPLOAD)?;
    let from = parameters.get("from").map_or(Ok(0), |from| from.parse());
    from.map_err(|_| Problem::bad_request("`from`: expected the number of the first row, counted from 0"))
}

/// An upload under way.
struct Taking {
    upload: Upload,
    rows: RowStream,
    /// Rows that are being written.
    writing: Vec<UploadRow>,
    rejected: u64,
    _room: OwnedSemaphorePermit,
}

impl Taking {
    /// The next lines of the answer, and what is to come behind them.
    async fn part(mut self) -> (Bytes, Option<Self>) {
        match self.next_lines().await {
            Ok((lines, more)) => (lines.into(), more.then_some(self)),
            Err(problem) => (trouble(&problem).into(), None),
        }
    }

    /// Lines for some more rows, and whether others may follow. While rows are written, the next ones are read.
    async fn next_lines(&mut self) -> Result<(Vec<u8>, bool), Problem> {
        if self.writing.is_empty() {
            self.rows.fill().await?;
            self.writing = self.rows.take();
        }
        if self.writing.is_empty() {
            return Ok((self.footer(), false));
        }
        let (added, filled) = match select(pin!(self.upload.add(&self.writing)), pin!(self.rows.fill())).await {
            Either::Left((added, _)) => (added, Ok(())),
            Either::Right((filled, added)) => (added.await, filled),
        };
        let results = added?;
        self.writing.clear();
        let mut lines = self.lines(results);
        if let Err(problem) = &filled {
            lines.extend(trouble(problem));
        }
        Ok((lines, filled.is_ok()))
    }

    /// One line for rows that were received one after the other, one for each that was rejected.
    fn lines(&mut self, results: Vec<RowResult>) -> Vec<u8> {
        let mut lines = Vec::new();
        for run in results.chunk_by(|one, other| [one.status, other.status] == [RowStatus::Received; 2]) {
            match run {
                [first, ..] if first.status == RowStatus::Received => {
                    let said = json!({ "row": first.row, "rows": run.len(), "status": RowStatus::Received });
                    lines.extend(line(&said));
                }
                _ => {
                    self.rejected += 1;
                    let views = run.iter().cloned().map(RowView::from);
                    views.for_each(|view| lines.extend(line(&json!(view))));
                }
            }
        }
        lines
    }

    fn footer(&self) -> Vec<u8> {
        line(&json!({ "received": self.upload.next_row(), "rejected": self.rejected }))
    }
}

/// The last line of an upload that could not go on.
fn trouble(problem: &Problem) -> Vec<u8> {
    line(&json!({ "problem": problem }))
}

fn line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

/// The bodies of these routes, for their description.
pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    with::<SealBody>(with::<OpenBody>(schemas))
}
