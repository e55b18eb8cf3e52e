//! The policy as it is in force, and the mode.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use seatgate_core::gate::{Gate, Submission};
use seatgate_core::person::Surface;
use seatgate_core::policy::{Mode, Terms};
use serde::{Deserialize, Serialize};
use utoipa::openapi::ComponentsBuilder;

use super::BODY_LIMIT;
use super::auth::Caller;
use crate::json::{Expected, Members};
use crate::openapi::with;
use crate::problem::Problem;
use crate::request::{self, Whole};
use crate::server::App;

const MODES: &str = "expected `off`, `dry_run` or `live`";
const POLICY: &Members = &[&[("", Expected::Object), ("/mode", Expected::Value(MODES))]];

/// What is in force now.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Policy)]
pub(super) struct PolicyView {
    #[schema(value_type = crate::openapi::labels::Mode)]
    mode: Mode,
    version: String,
    /// For every app that has no terms of its own.
    #[schema(value_type = serde_json::Value)]
    default: Terms,
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    apps: BTreeMap<String, Terms>,
}

/// What can be changed while the server runs.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyChange)]
struct PolicyBody {
    #[schema(value_type = crate::openapi::labels::Mode)]
    mode: Option<String>,
}

pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    with::<PolicyBody>(with::<PolicyView>(schemas))
}

/// `GET /v1/policy`.
pub(super) async fn show(State(app): State<App>) -> Json<PolicyView> {
    Json(PolicyView::of(&app.gate))
}

/// `PUT` and `PATCH /v1/policy`: switches the mode, at once and for good.
pub(super) async fn switch(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<Json<PolicyView>, Problem> {
    let body: PolicyBody = request::json(&headers, &body, POLICY)?;
    let mode = body.mode.and_then(|mode| mode.parse().ok()).ok_or_else(|| Problem::invalid("/mode", MODES))?;
    let by = Submission::new(caller.actor(), Surface::Api).with_admin_token();
    app.gate.switch(mode, &by).await?;
    tracing::info!(%mode, "the mode was switched");
    Ok(Json(PolicyView::of(&app.gate)))
}

impl PolicyView {
    fn of(gate: &Gate) -> Self {
        let settings = gate.settings();
        Self {
            mode: settings.mode,
            version: settings.policy.version().to_owned(),
            default: settings.policy.default_terms().clone(),
            apps: settings.policy.apps().map(|(app, terms)| (app.to_owned(), terms.clone())).collect(),
        }
    }
}
