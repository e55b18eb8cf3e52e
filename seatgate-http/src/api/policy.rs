//! The policy as it is in force, and the mode.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use seatgate_core::gate::{Applied, Gate, Submission};
use seatgate_core::person::Surface;
use seatgate_core::policy::{Mode, Terms};
use seatgate_core::seat::AppId;
use serde::{Deserialize, Serialize};
use utoipa::openapi::ComponentsBuilder;

use super::BODY_LIMIT;
use super::auth::Caller;
use super::behalf::{self, OnBehalf};
use crate::json::{Expected, Members, TEXT};
use crate::openapi::with;
use crate::problem::Problem;
use crate::request::{self, Whole};
use crate::server::App;

const MODES: &str = "expected `off`, `dry_run` or `live`";
const APP_MODES: &str = "expected `off`, `dry_run`, `live`, or null for the mode of every app";
const POLICY: &Members = &[&[
    ("", Expected::Object),
    ("/mode", Expected::Value(MODES)),
    ("/apps", Expected::Value("expected an object of apps, such as {\"figma\": {\"mode\": \"dry_run\"}}")),
]];
const APPLY: &Members = &[&[("", Expected::Object), ("/app", TEXT), ("/as", Expected::Object), ("/as/email", TEXT)]];

/// What is in force now.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Policy)]
pub(super) struct PolicyView {
    #[schema(value_type = crate::openapi::labels::Mode)]
    mode: Mode,
    /// The apps that have a mode of their own. Of the two the one that does less counts.
    #[schema(value_type = BTreeMap<String, crate::openapi::labels::Mode>)]
    modes: BTreeMap<String, Mode>,
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
    /// Modes of single apps, by their ids.
    apps: Option<BTreeMap<String, AppBody>>,
}

/// What can be changed for one app.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AppPolicyChange)]
struct AppBody {
    /// Null: the mode of every app.
    #[schema(value_type = Option<crate::openapi::labels::Mode>)]
    mode: Option<String>,
}

/// Which open requests go on under the policy in force.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyApply)]
struct ApplyBody {
    /// Those of this app; without it, all.
    app: Option<String>,
    r#as: Option<OnBehalf>,
}

/// What became of the open requests.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PolicyApplied)]
pub(super) struct AppliedView {
    /// The version that they are under now.
    version: String,
    /// How many were under another one.
    applied: u64,
    /// How many were under it already.
    unchanged: u64,
    /// How many ended meanwhile.
    closed: u64,
}

pub(super) fn schemas(schemas: ComponentsBuilder) -> ComponentsBuilder {
    let schemas = with::<ApplyBody>(with::<AppliedView>(with::<AppBody>(schemas)));
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
    if body.mode.is_none() && body.apps.as_ref().is_none_or(BTreeMap::is_empty) {
        return Err(Problem::invalid("/mode", MODES));
    }
    let mode = body.mode.map(|mode| mode.parse::<Mode>()).transpose();
    let mode = mode.map_err(|_| Problem::invalid("/mode", MODES))?;
    let apps = body.apps.unwrap_or_default().into_iter().map(app_mode).collect::<Result<Vec<_>, _>>()?;
    let by = Submission::new(caller.actor(), Surface::Api).with_admin_token();
    if let Some(mode) = mode {
        app.gate.switch(mode, &by).await?;
        tracing::info!(%mode, "the mode was switched");
    }
    for (id, mode) in apps {
        app.gate.switch_app(&id, mode, &by).await?;
        tracing::info!(app = %id, mode = mode.map(Mode::label), "the mode of an app was switched");
    }
    Ok(Json(PolicyView::of(&app.gate)))
}

fn app_mode((id, body): (String, AppBody)) -> Result<(AppId, Option<Mode>), Problem> {
    let pointer = format!("/apps/{}", crate::json::escaped(&id));
    let app = id.parse::<AppId>().map_err(|error| Problem::invalid(pointer.clone(), error.to_string()))?;
    let mode = body.mode.map(|mode| mode.parse::<Mode>()).transpose();
    let mode = mode.map_err(|_| Problem::invalid(format!("{pointer}/mode"), APP_MODES))?;
    Ok((app, mode))
}

/// `POST /v1/policy/apply`: open requests go on under the policy in force.
pub(super) async fn apply(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<Json<AppliedView>, Problem> {
    let body: ApplyBody = request::json(&headers, &body, APPLY)?;
    let id = body.app.map(|id| id.parse::<AppId>()).transpose();
    let id = id.map_err(|error| Problem::invalid("/app", error.to_string()))?;
    let by = behalf::operator(&app, &caller, body.r#as, "apply_policy").await?;
    let Applied { applied, unchanged, closed, .. } = app.gate.apply_policy(id.as_ref(), &by).await?;
    let version = app.gate.settings().policy.version().to_owned();
    Ok(Json(AppliedView { version, applied, unchanged, closed }))
}

impl PolicyView {
    fn of(gate: &Gate) -> Self {
        let settings = gate.settings();
        Self {
            mode: settings.mode,
            modes: settings.app_modes().map(|(app, mode)| (app.to_string(), mode)).collect(),
            version: settings.policy.version().to_owned(),
            default: settings.policy.default_terms().clone(),
            apps: settings.policy.apps().map(|(app, terms)| (app.to_owned(), terms.clone())).collect(),
        }
    }
}
