//! Sweeps as they stand, and releasing what a limit held.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use seatgate_core::gate::Gate;
use seatgate_core::id::SweepId;
use seatgate_core::person::{Actor, PersonDetails};
use seatgate_core::port::{RowStatus, StoreError};
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
use crate::request::{self, InPath, Whole};
use crate::server::App;

/// One sweep. Its fields are a public contract.
#[derive(Serialize)]
pub(super) struct SweepView {
    sweep_id: SweepId,
    submitted_by: String,
    received_at: Timestamp,
    results: Vec<RowView>,
    counts: BTreeMap<RowStatus, usize>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Release)]
struct ReleaseBody {
    r#as: Option<OnBehalf>,
}

const RELEASE: &Members = &[&[("", Expected::Object), ("/as", Expected::Object), ("/as/email", TEXT)]];

/// `GET /v1/sweeps/{id}`.
pub(super) async fn one(State(app): State<App>, InPath(id): InPath<SweepId>) -> Result<Json<SweepView>, Problem> {
    Ok(Json(SweepView::of(&app.gate, id).await?))
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
    Ok(Json(SweepView::of(&app.gate, id).await?))
}

impl SweepView {
    async fn of(gate: &Gate, id: SweepId) -> Result<Self, Problem> {
        let (record, report) = gate.swept(id).await?;
        Ok(Self {
            sweep_id: record.id,
            submitted_by: called(gate, &record.submitted_by).await?,
            received_at: record.received_at,
            counts: report.counts(),
            results: report.results.into_iter().map(RowView::from).collect(),
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
