//! Which seats a sweep need not report.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use seatgate_core::gate::SeatNames;
use seatgate_core::id::ExceptionId;
use seatgate_core::port::Exception;
use seatgate_core::seat::{AccountDraft, AppDraft, CandidateError};
use seatgate_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{self, JsonError};
use crate::problem::Problem;
use crate::request::{self, Whole};
use crate::seat::{SEAT, seat};
use crate::server::App;

/// As much as a sweep: this is asked before one.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// So many seats are looked up at once.
const CHUNK: usize = 1_000;

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SeatAsked)]
pub(super) struct SeatBody {
    #[schema(value_type = Object)]
    #[serde(default)]
    app: AppDraft,
    #[schema(value_type = Object)]
    #[serde(default)]
    account: AccountDraft,
    entitlement: Option<String>,
}

/// Whether one seat is to be skipped.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::api) struct Skipped {
    row: usize,
    excepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    exception_id: Option<ExceptionId>,
}

impl Skipped {
    fn of(row: usize, exception: Option<Exception>) -> Self {
        let until = exception.as_ref().map(|exception| exception.until);
        Self { row, excepted: exception.is_some(), until, exception_id: exception.map(|exception| exception.id) }
    }
}

/// `POST /v1/exceptions/check`: a list of seats, each answered in its place. Nothing is added by asking.
pub(in crate::api) async fn check(
    State(app): State<App>,
    headers: HeaderMap,
    Whole(body): Whole<BODY_LIMIT>,
) -> Result<Json<Vec<Skipped>>, Problem> {
    request::require_json(&headers)?;
    let rows: Vec<&RawValue> =
        serde_json::from_slice(&body).map_err(|_| Problem::bad_request("expected a list of JSON objects"))?;
    let seats = rows.iter().enumerate().map(|(row, text)| read(row, text.get()));
    let seats = seats.collect::<Result<Vec<_>, _>>()?;
    let mut answers = Vec::with_capacity(seats.len());
    for seats in seats.chunks(CHUNK) {
        for exception in app.gate.covering(seats).await? {
            answers.push(Skipped::of(answers.len(), exception));
        }
    }
    Ok(Json(answers))
}

fn read(row: usize, text: &str) -> Result<SeatNames, Problem> {
    let invalid = |pointer: &str, detail: String| Problem::invalid(format!("/{row}{pointer}"), detail);
    let body: SeatBody = json::read(text.as_bytes(), &[SEAT]).map_err(|error| match error {
        JsonError::Malformed => invalid("", "holds nesting, an escape or a number that cannot be read".to_owned()),
        JsonError::Member(member) => invalid(&member.pointer, member.detail),
    })?;
    let seat = seat(body.app, body.account, body.entitlement);
    seat.map_err(|CandidateError { pointer, detail }| invalid(&pointer, detail))
}
