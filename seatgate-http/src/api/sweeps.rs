//! Sweeps as they stand, and releasing what a limit held.

use std::collections::BTreeMap;
use std::ops::Range;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use seatgate_core::gate::Gate;
use seatgate_core::id::SweepId;
use seatgate_core::person::{Actor, PersonDetails};
use seatgate_core::port::{RowStatus, StoreError, SweepRecord};
use seatgate_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::ComponentsBuilder;

use super::BODY_LIMIT;
use super::auth::Caller;
use super::behalf::{self, OnBehalf};
use crate::intake::RowView;
use crate::json::{Expected, Members, TEXT};
use crate::openapi::with;
use crate::problem::Problem;
use crate::request::{self, InPath, Whole, parameters};
use crate::server::App;

/// One sweep. Its fields are a public contract.
#[derive(Serialize)]
pub(super) struct SweepView {
    sweep_id: SweepId,
    submitted_by: String,
    received_at: Timestamp,
    state: SweepState,
    /// How many rows are durable: those before this number.
    received: u32,
    results: Vec<RowView>,
    counts: BTreeMap<RowStatus, u64>,
    /// From which row the results go on, where these are not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u32>,
}

/// Where a sweep stands.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum SweepState {
    /// It takes rows.
    Open,
    /// It takes no more rows, and some have no answer yet.
    Sealed,
    /// Every row has its answer.
    Answered,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Release)]
struct ReleaseBody {
    r#as: Option<OnBehalf>,
}

const RELEASE: &Members = &[&[("", Expected::Object), ("/as", Expected::Object), ("/as/email", TEXT)]];

/// `GET /v1/sweeps/{id}`. A sweep in bulk is shown page by page, any other one whole unless a page is asked for.
pub(super) async fn one(
    State(app): State<App>,
    InPath(id): InPath<SweepId>,
    RawQuery(query): RawQuery,
) -> Result<Json<SweepView>, Problem> {
    Ok(Json(SweepView::of(&app.gate, id, Page::read(query.as_deref())?).await?))
}

/// `POST /v1/sweeps/{id}/release`: asks about the rows that are held, and answers with the sweep after it.
pub(super) async fn release(
    State(app): State<App>,
    InPath(id): InPath<SweepId>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<Json<SweepView>, Problem> {
    let body: ReleaseBody = request::json(&headers, &body, RELEASE)?;
    let by = behalf::operator(&app, &caller, body.r#as, "release_sweep").await?;
    app.gate.release(id, &by).await?;
    Ok(Json(SweepView::of(&app.gate, id, Page::default()).await?))
}

/// Which rows are shown.
#[derive(Default)]
struct Page {
    from: u32,
    limit: Option<u32>,
}

impl Page {
    /// So many rows of a sweep in bulk, unless said otherwise,
    const OF_BULK: u32 = 1000;
    /// and of any sweep at the most, where it is said.
    const LARGEST: u32 = 10_000;

    fn read(query: Option<&str>) -> Result<Self, Problem> {
        let parameters = parameters(query, &["from", "limit"])?;
        let number = |name: &str, most: u32| match parameters.get(name).map(|text| text.parse::<u32>()) {
            None => Ok(None),
            Some(Ok(number)) if number <= most => Ok(Some(number)),
            Some(_) => Err(Problem::bad_request(format!("`{name}`: expected a whole number of at most {most}"))),
        };
        Ok(Self { from: number("from", u32::MAX)?.unwrap_or_default(), limit: number("limit", Self::LARGEST)? })
    }

    /// The rows of a sweep.
    fn of(&self, sweep: &SweepRecord) -> Range<u32> {
        let limit = self.limit.or(sweep.bulk.as_ref().map(|_| Self::OF_BULK));
        self.from..limit.map_or(u32::MAX, |limit| self.from.saturating_add(limit))
    }
}

impl SweepView {
    async fn of(gate: &Gate, id: SweepId, page: Page) -> Result<Self, Problem> {
        let (record, _) = gate.swept(id, 0..0).await?;
        let rows = page.of(&record);
        let (record, report) = gate.swept(id, rows.clone()).await?;
        let counts = gate.sweep_counts(&record).await?;
        let answered = counts.iter().filter(|(status, _)| **status != RowStatus::Received);
        let state = match answered.map(|(_, count)| count).sum::<u64>() {
            _ if record.is_open() => SweepState::Open,
            answered if answered < u64::from(record.rows) => SweepState::Sealed,
            _ => SweepState::Answered,
        };
        Ok(Self {
            sweep_id: record.id,
            submitted_by: called(gate, &record.submitted_by).await?,
            received_at: record.received_at,
            state,
            received: record.rows,
            counts,
            results: report.results.into_iter().map(RowView::from).collect(),
            next: Some(rows.end).filter(|next| *next < record.rows),
        })
    }
}

/// The bodies of these routes, for their description.
pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    with::<ReleaseBody>(schemas)
}

async fn called(gate: &Gate, actor: &Actor) -> Result<String, StoreError> {
    let Some(person) = actor.person() else { return Ok(actor.to_string()) };
    let details = gate.people().details(&[person]).await?.into_iter().next().flatten();
    Ok(details.as_ref().map_or_else(|| "(erased)".to_owned(), PersonDetails::label))
}
