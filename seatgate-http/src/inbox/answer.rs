//! Taking an answer.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use seatgate_core::authorize::{Action, Denial};
use seatgate_core::gate::{Ask, GateError};
use seatgate_core::request::{Decision, Refusal, Request};
use seatgate_core::time::Timestamp;
use serde::Deserialize;

use super::Inbox;
use super::card::sentence;
use super::identity::Viewer;
use super::notice::{Code, Notice};
use super::page::PageError;
use super::request::Written;

#[derive(Deserialize)]
pub(super) struct AnswerForm {
    #[serde(default)]
    token: String,
    decision: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    keep_until: String,
}

pub(super) async fn decide(
    State(inbox): State<Inbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<AnswerForm>, FormRejection>,
) -> Response {
    inbox.respond(answer(&inbox, &id, &headers, form).await)
}

async fn answer(
    inbox: &Inbox,
    id: &str,
    headers: &HeaderMap,
    form: Result<Form<AnswerForm>, FormRejection>,
) -> Result<Response, PageError> {
    let Form(form) = form.map_err(|_| PageError::BadForm)?;
    let decision: Decision = form.decision.parse().map_err(|_| PageError::BadForm)?;
    let action = match decision {
        Decision::Approve => Action::Approve,
        Decision::Keep => Action::Keep,
    };
    let (viewer, request) = inbox.sent_about(id, headers, &form.token, action).await?;
    let written = Written { reason: &form.reason, until: &form.keep_until, to: "" };
    match ask(decision, &form.keep_until) {
        Ok(ask) => inbox.act(&request, &viewer, ask, Code::of(decision), &written).await,
        Err(notice) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            inbox.request_page(status, &request, &viewer, Some(notice), &written).await
        }
    }
}

/// What a decision asks of the gate, with its end date as it was written.
pub(super) fn ask(decision: Decision, keep_until: &str) -> Result<Ask, Notice> {
    match (decision, keep_until.trim()) {
        (Decision::Approve, _) => Ok(Ask::Approve),
        (Decision::Keep, "") => Ok(Ask::Keep { until: None }),
        (Decision::Keep, date) => match Timestamp::parse_end(date) {
            Ok(until) => Ok(Ask::Keep { until: Some(until) }),
            Err(_) => Err(Notice::refused("Write the end date as year-month-day, such as 2027-01-31.")),
        },
    }
}

/// What to say about something that was not done; the errors that no word to the viewer would mend stay errors.
pub(super) fn refusal(error: GateError) -> Result<(StatusCode, Notice), PageError> {
    let status = match &error {
        GateError::Denied(Denial::ReasonRequired) | GateError::BadReason => StatusCode::UNPROCESSABLE_ENTITY,
        GateError::Denied(_) => StatusCode::FORBIDDEN,
        GateError::Refused { refusal, .. } => match refusal {
            Refusal::ReasonRequired
            | Refusal::AnswerNeedsReason
            | Refusal::CannotBeAsked
            | Refusal::KeepEndsInPast
            | Refusal::KeepTooLong => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::CONFLICT,
        },
        _ => return Err(error.into()),
    };
    // A user who came back withdraws the request.
    let ended = matches!(error, GateError::Refused { refusal: Refusal::UsedAgain, .. });
    let first = if ended { "Nothing is removed." } else { "Nothing was changed." };
    Ok((status, Notice::refused(format!("{first} {}", sentence(&error.to_string())))))
}

impl Inbox {
    /// Asks the gate, in the viewer's name. Then the request's page, with a word about what became of it; where nothing
    /// became of it, with what was written.
    pub(super) async fn act(
        &self,
        request: &Request,
        viewer: &Viewer,
        ask: Ask,
        done: Code,
        written: &Written<'_>,
    ) -> Result<Response, PageError> {
        let answer = self.gate.act(request.id, ask, Some(written.reason), &viewer.submission()).await;
        self.answered(request, viewer, answer, done, written).await
    }

    /// The page after what the gate answered.
    pub(super) async fn answered(
        &self,
        request: &Request,
        viewer: &Viewer,
        answer: Result<Request, GateError>,
        done: Code,
        written: &Written<'_>,
    ) -> Result<Response, PageError> {
        match answer {
            Ok(request) => {
                let path = format!("/requests/{}?notice={}", request.id, done.label());
                Ok(Redirect::to(&self.path(&path)).into_response())
            }
            Err(error) => {
                let (status, notice) = refusal(error)?;
                let request = self.gate.request(request.id).await?;
                self.request_page(status, &request, viewer, Some(notice), written).await
            }
        }
    }
}
