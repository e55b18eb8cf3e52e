//! Taking an answer.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use seatgate_core::authorize::Denial;
use seatgate_core::gate::{Ask, GateError, Submission};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::request::{Decision, Refusal, Request};
use seatgate_core::time::Timestamp;
use serde::Deserialize;

use super::Inbox;
use super::card::sentence;
use super::identity::Viewer;
use super::page::{Notice, PageError};
use super::request::Written;

#[derive(Deserialize)]
pub(super) struct AnswerForm {
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
    inbox.check_token(headers, &form.token).await?;
    let viewer = inbox.viewer(headers).await?.ok_or(PageError::Forged)?;
    let request = inbox.visible(id, &viewer).await?;
    let decision: Decision = form.decision.parse().map_err(|_| PageError::BadForm)?;
    let ask = match ask(decision, &form.keep_until) {
        Ok(ask) => ask,
        Err(notice) => return inbox.again(StatusCode::UNPROCESSABLE_ENTITY, &request, &viewer, notice, &form).await,
    };
    let submission = Submission::new(Actor::Person(viewer.person), Surface::Inbox);
    match inbox.gate.act(request.id, ask, Some(&form.reason), &submission).await {
        Ok(request) => Ok(Redirect::to(&inbox.path(&done(&request, decision))).into_response()),
        Err(error) => {
            let (status, notice) = refusal(error)?;
            let request = inbox.gate.request(request.id).await?;
            inbox.again(status, &request, &viewer, notice, &form).await
        }
    }
}

fn ask(decision: Decision, keep_until: &str) -> Result<Ask, Notice> {
    match (decision, keep_until.trim()) {
        (Decision::Approve, _) => Ok(Ask::Approve),
        (Decision::Keep, "") => Ok(Ask::Keep { until: None }),
        (Decision::Keep, date) => match Timestamp::parse_end(date) {
            Ok(until) => Ok(Ask::Keep { until: Some(until) }),
            Err(_) => Err(Notice::refused("Write the end date as year-month-day, such as 2027-01-31.")),
        },
    }
}

fn done(request: &Request, decision: Decision) -> String {
    let notice = match decision {
        Decision::Approve => "approved",
        Decision::Keep => "kept",
    };
    format!("/requests/{}?notice={notice}", request.id)
}

/// What to say about an answer that was not taken; the errors that no word to the viewer would mend stay errors.
fn refusal(error: GateError) -> Result<(StatusCode, Notice), PageError> {
    let status = match &error {
        GateError::Denied(Denial::ReasonRequired) | GateError::BadReason => StatusCode::UNPROCESSABLE_ENTITY,
        GateError::Denied(_) => StatusCode::FORBIDDEN,
        GateError::Refused { refusal, .. } => match refusal {
            Refusal::ReasonRequired | Refusal::KeepEndsInPast | Refusal::KeepTooLong => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            _ => StatusCode::CONFLICT,
        },
        _ => return Err(error.into()),
    };
    Ok((status, Notice::refused(format!("Nothing was changed. {}", sentence(&error.to_string())))))
}

impl Inbox {
    /// The page again, with a word about why, and with what was written.
    async fn again(
        &self,
        status: StatusCode,
        request: &Request,
        viewer: &Viewer,
        notice: Notice,
        form: &AnswerForm,
    ) -> Result<Response, PageError> {
        let written = Written { reason: &form.reason, until: &form.keep_until };
        self.request_page(status, request, viewer, Some(notice), &written).await
    }
}
