//! Filing an exception by hand.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use seatgate_core::seat::{AccountDraft, AppDraft, CandidateError};
use seatgate_core::time::Timestamp;
use serde::Deserialize;

use super::{ExceptionView, Names};
use crate::api::BODY_LIMIT;
use crate::api::auth::Caller;
use crate::api::behalf::{self, OnBehalf};
use crate::json::{Expected, Members, TEXT};
use crate::problem::Problem;
use crate::request::{self, Whole};
use crate::seat::{SEAT, seat};
use crate::server::App;

const UNTIL: &str = "expected a date such as \"2026-12-31\" (its end, UTC) or an RFC 3339 timestamp";

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExceptionAsked)]
pub(super) struct FileBody {
    #[schema(value_type = Object)]
    #[serde(default)]
    app: AppDraft,
    #[schema(value_type = Object)]
    #[serde(default)]
    account: AccountDraft,
    entitlement: Option<String>,
    until: Option<String>,
    reason: Option<String>,
    r#as: Option<OnBehalf>,
}

const FILE: &Members =
    &[SEAT, &[("/until", Expected::Value(UNTIL)), ("/reason", TEXT), ("/as", Expected::Object), ("/as/email", TEXT)]];

/// `POST /v1/exceptions`: 201 with the exception.
pub(in crate::api) async fn file(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<(StatusCode, Json<ExceptionView>), Problem> {
    let body: FileBody = request::json(&headers, &body, FILE)?;
    let seat = seat(body.app, body.account, body.entitlement)
        .map_err(|CandidateError { pointer, detail }| Problem::invalid(pointer, detail))?;
    let until = body.until.as_deref().and_then(|until| Timestamp::parse_end(until).ok());
    let until = until.ok_or_else(|| Problem::invalid("/until", UNTIL))?;
    let by = behalf::operator(&app, &caller, body.r#as, "file_exception").await?;
    let filed = app.gate.file_exception(seat, until, body.reason.as_deref(), &by).await?;
    let names = Names::of(&app.gate, std::slice::from_ref(&filed)).await?;
    Ok((StatusCode::CREATED, Json(names.join(filed))))
}
