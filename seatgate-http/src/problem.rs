//! Errors as others see them: `application/problem+json` (RFC 9457), without internals.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use seatgate_core::authorize::Denial;
use seatgate_core::gate::{EditProblem, Gate, GateError};
use seatgate_core::id::RequestId;
use seatgate_core::port::{StoreError, StoreErrorKind};
use seatgate_core::request::{Refusal, Request};
use serde::Serialize;

pub use crate::view::{DecisionView, PersonView};

/// What the content of every problem is called.
pub const CONTENT_TYPE: &str = "application/problem+json";
const TYPE_PREFIX: &str = "urn:seatgate:problem:";
/// How long to wait where nothing says how long it will take.
const RETRY_AFTER_SECONDS: u16 = 5;

/// An error as it is answered: what kind, in which words, about which field.
///
/// Neither the title nor the detail quotes what was sent (but for the name of a parameter or a column), and neither
/// tells how this server is made.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[non_exhaustive]
pub struct Problem {
    /// `urn:seatgate:problem:` and a stable name, for programs.
    pub r#type: String,
    /// A short name of the kind, for people.
    pub title: String,
    /// The status code.
    pub status: u16,
    /// What exactly is wrong.
    pub detail: String,
    /// Which field, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What was decided before, by whom, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Box<DecisionView>>,
    /// The request that stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub request_id: Option<Box<RequestId>>,
    #[serde(skip)]
    retry_after: Option<u16>,
    #[serde(skip)]
    accepts_plain: bool,
}

impl Problem {
    /// A problem called `name`.
    #[must_use]
    pub fn new(status: StatusCode, name: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("{TYPE_PREFIX}{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            pointer: None,
            decision: None,
            request_id: None,
            retry_after: None,
            accepts_plain: false,
        }
    }

    /// About the field at `pointer`.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// Saying that bodies are read without an encoding only (RFC 9110, 15.5.16).
    pub(crate) fn accepting_plain(mut self) -> Self {
        self.accepts_plain = true;
        self
    }

    /// 400: the request as a whole cannot be read.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail)
    }

    /// 401: nobody knows who asks.
    #[must_use]
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Not authentic", detail)
    }

    /// 403: they may not.
    #[must_use]
    pub fn denied(denial: Denial) -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, "denied", "Not allowed", denial.to_string());
        match denial {
            Denial::ReasonRequired => problem.at("/reason"),
            _ => problem,
        }
    }

    /// 404: there is no such thing.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// 408: it took longer than we wait.
    #[must_use]
    pub fn too_slow(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "Request timeout", detail)
    }

    /// 413: more than we read.
    #[must_use]
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
    }

    /// 415: a format that we do not read.
    #[must_use]
    pub fn unsupported(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type", detail)
    }

    /// 422: the field at `pointer` does not fit.
    #[must_use]
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid value", detail).at(pointer)
    }

    /// 503: later it may work.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available", detail);
        problem.retry_after = Some(RETRY_AFTER_SECONDS);
        problem
    }

    /// What the gate said, in these words. Reads who decided, where somebody has.
    pub async fn of(gate: &Gate, error: GateError) -> Self {
        match error {
            GateError::Refused { refusal, request } => refused(gate, refusal, &request).await,
            other => Self::from(other),
        }
    }

    /// 409: the id of a delivery came before with something else.
    pub(crate) fn delivery_reused() -> Self {
        let detail = "a delivery with this id came before with another body or other parameters";
        Self::conflict("delivery-reused", detail)
    }

    /// 409: the person is being offboarded by this request.
    fn already_leaving(request: RequestId) -> Self {
        let mut problem = Self::conflict("already-leaving", "this person is being offboarded already");
        problem.request_id = Some(Box::new(request));
        problem
    }

    /// 409: the name of a sweep was used for another one.
    pub(crate) fn name_reused() -> Self {
        Self::conflict("name-reused", "a sweep was opened under this name with something else in the body or the query")
    }

    fn conflict(name: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, name, "Conflict", detail)
    }

    pub(crate) fn internal() -> Self {
        let detail = "something that was stored cannot be read; the server's log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Strings and numbers can always be written.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.accepts_plain {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        response
    }
}

impl From<GateError> for Problem {
    /// Without the decision that a conflict names: see [`Problem::of`].
    fn from(error: GateError) -> Self {
        match error {
            GateError::NotFound(_) => Self::not_found("there is no such request"),
            GateError::NoSweep(_) => Self::not_found("there is no such sweep"),
            GateError::Sealed(_) => Self::conflict("sealed", error.to_string()),
            GateError::OtherRows { .. } => Self::conflict("other-rows", error.to_string()),
            GateError::NoException(_) => Self::not_found("no exception with this id holds"),
            GateError::NoOperator(_) => Self::not_found("nobody who was appointed has this id"),
            GateError::NoPerson(_) => Self::not_found("there is no such person"),
            GateError::NoDelegation(_) => Self::not_found("no delegation with this id holds"),
            GateError::UnfitEdit { problem: EditProblem::Configured, .. } => {
                Self::conflict("configured", error.to_string())
            }
            GateError::UnfitEdit { .. } => Self::invalid("", error.to_string()),
            GateError::Unfit(Refusal::KeepEndsInPast | Refusal::KeepTooLong) => {
                Self::invalid("/until", error.to_string())
            }
            GateError::Unfit(_) => Self::invalid("/reason", error.to_string()),
            GateError::NotFiled(_) if error.is_transient() => Self::unavailable(error.to_string()),
            GateError::NotFiled(_) => Self::conflict("not-filed", "the store of exceptions refuses this one"),
            GateError::Denied(denial) => Self::denied(denial),
            GateError::Refused { refusal, .. } => by_refusal(refusal),
            GateError::AlreadyLeaving(request) => Self::already_leaving(request),
            GateError::BadReason => Self::invalid("/reason", error.to_string()),
            GateError::DeliveryReused => Self::delivery_reused(),
            GateError::Off | GateError::Contended => Self::unavailable(error.to_string()),
            GateError::Store(error) => error.into(),
            other => {
                tracing::error!(error = %other, "the gate failed");
                Self::internal()
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.kind() == StoreErrorKind::Corrupt {
            tracing::error!(%error, "the store holds something that cannot be read");
            Self::internal()
        } else {
            tracing::warn!(%error, "the store did not do its part");
            Self::unavailable("the store is busy or cannot be reached; asking again is safe")
        }
    }
}

async fn refused(gate: &Gate, refusal: Refusal, request: &Request) -> Problem {
    let mut problem = by_refusal(refusal);
    if problem.status == StatusCode::CONFLICT.as_u16() && request.approval.verdict.is_some() {
        match gate.join(std::slice::from_ref(request)).await {
            Ok(joined) => problem.decision = DecisionView::of(request, &joined).map(Box::new),
            Err(error) => return error.into(),
        }
    }
    problem
}

fn by_refusal(refusal: Refusal) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        Refusal::ReasonRequired | Refusal::AnswerNeedsReason => Problem::invalid("/reason", detail),
        Refusal::KeepEndsInPast | Refusal::KeepTooLong => Problem::invalid("/keep_until", detail),
        Refusal::CannotBeAsked => Problem::invalid("/to/email", detail),
        Refusal::UnknownTask => Problem::not_found(detail),
        Refusal::AlreadyDecided => Problem::conflict("already-decided", detail),
        Refusal::AlreadyVoted => Problem::conflict("already-voted", detail),
        Refusal::AlreadyAsked => Problem::conflict("already-asked", detail),
        Refusal::UsedAgain => Problem::conflict("used-again", detail),
        Refusal::AlreadyKept => Problem::conflict("already-kept", detail),
        Refusal::Closed => Problem::conflict("closed", detail),
        Refusal::TooLate => Problem::conflict("too-late", detail),
        Refusal::StalePause => Problem::conflict("stale-pause", detail),
        _ => Problem::conflict("not-in-this-state", detail),
    }
}
