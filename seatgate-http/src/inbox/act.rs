//! Taking what is asked of a request beside a decision: asking somebody else, undo, withdraw, stop, and answers to pauses.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use seatgate_core::authorize::Action;
use seatgate_core::gate::Ask;
use seatgate_core::id::TaskId;
use seatgate_core::person::{EmailAddress, Identity};
use seatgate_core::request::{Request, Resolution, TaskState};
use serde::Deserialize;

use super::Inbox;
use super::identity::Viewer;
use super::notice::{Code, Notice};
use super::page::PageError;
use super::request::Written;

#[derive(Deserialize)]
pub(super) struct PlainForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
pub(super) struct ReassignForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
pub(super) struct TaskForm {
    #[serde(default)]
    token: String,
    /// The pause that this answers. Whoever looks at an old page must not answer a new pause.
    pause: u32,
    resolution: String,
    #[serde(default)]
    reason: String,
}

type Sent<T> = Result<Form<T>, FormRejection>;

pub(super) async fn reassign(
    State(inbox): State<Inbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Sent<ReassignForm>,
) -> Response {
    inbox.respond(hand_on(&inbox, &id, &headers, form).await)
}

pub(super) async fn undo(
    State(inbox): State<Inbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Sent<PlainForm>,
) -> Response {
    inbox.respond(plain(&inbox, &id, &headers, form, (Action::Undo, Ask::Undo, Code::Undone)).await)
}

pub(super) async fn withdraw(
    State(inbox): State<Inbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Sent<PlainForm>,
) -> Response {
    inbox.respond(plain(&inbox, &id, &headers, form, (Action::Withdraw, Ask::Withdraw, Code::Withdrawn)).await)
}

pub(super) async fn stop(
    State(inbox): State<Inbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Sent<PlainForm>,
) -> Response {
    inbox.respond(plain(&inbox, &id, &headers, form, (Action::Stop, Ask::Stop, Code::Stopped)).await)
}

pub(super) async fn resolve(
    State(inbox): State<Inbox>,
    Path((id, task)): Path<(String, String)>,
    headers: HeaderMap,
    form: Sent<TaskForm>,
) -> Response {
    inbox.respond(answer_pause(&inbox, &id, &task, &headers, form).await)
}

async fn hand_on(
    inbox: &Inbox,
    id: &str,
    headers: &HeaderMap,
    form: Sent<ReassignForm>,
) -> Result<Response, PageError> {
    let Form(form) = form.map_err(|_| PageError::BadForm)?;
    let (viewer, request) = inbox.sent_about(id, headers, &form.token, Action::Reassign).await?;
    let written = Written { reason: &form.reason, until: "", to: &form.to };
    let Ok(to) = form.to.trim().parse::<EmailAddress>() else {
        let notice = Notice::refused("Nothing was changed. Write an e-mail address, such as nils@example.com.");
        return inbox.request_page(StatusCode::UNPROCESSABLE_ENTITY, &request, &viewer, Some(notice), &written).await;
    };
    let by = viewer.submission();
    let answer = inbox.gate.reassign(request.id, Identity::Email(to), Some(&form.reason), &by).await;
    inbox.answered(&request, &viewer, answer, Code::Reassigned, &written).await
}

async fn plain(
    inbox: &Inbox,
    id: &str,
    headers: &HeaderMap,
    form: Sent<PlainForm>,
    (action, ask, done): (Action, Ask, Code),
) -> Result<Response, PageError> {
    let Form(form) = form.map_err(|_| PageError::BadForm)?;
    let (viewer, request) = inbox.sent_about(id, headers, &form.token, action).await?;
    inbox.act(&request, &viewer, ask, done, &Written::only(&form.reason)).await
}

async fn answer_pause(
    inbox: &Inbox,
    id: &str,
    task: &str,
    headers: &HeaderMap,
    form: Sent<TaskForm>,
) -> Result<Response, PageError> {
    let Form(form) = form.map_err(|_| PageError::BadForm)?;
    let (viewer, request) = inbox.sent_about(id, headers, &form.token, Action::Resolve).await?;
    let task: TaskId = task.parse().map_err(|_| PageError::NotFound)?;
    let written = Written::only(&form.reason);
    if form.resolution == "stop" {
        return inbox.stop_paused(&request, &viewer, task, form.pause, &written).await;
    }
    let resolution: Resolution = form.resolution.parse().map_err(|_| PageError::BadForm)?;
    let ask = Ask::Resolve { task, pause: Some(form.pause), resolution };
    inbox.act(&request, &viewer, ask, Code::Answered, &written).await
}

impl Inbox {
    /// Whoever sent a form of ours that asks for `action`, and the request it is about, if they may see it.
    pub(super) async fn sent_about(
        &self,
        id: &str,
        headers: &HeaderMap,
        token: &str,
        action: Action,
    ) -> Result<(Viewer, Request), PageError> {
        let viewer = self.sender(headers, token).await?;
        let request = self.visible(id, &viewer, action.label()).await?;
        Ok((viewer, request))
    }

    /// Stopping is about the whole request, and a stop too many removes nothing: so it is enough to look before whether
    /// the pause is still the one that was shown.
    async fn stop_paused(
        &self,
        request: &Request,
        viewer: &Viewer,
        task: TaskId,
        pause: u32,
        written: &Written<'_>,
    ) -> Result<Response, PageError> {
        let state = request.plan.task(task).map(|task| &task.state);
        if matches!(state, Some(TaskState::Paused { pause: current, .. }) if *current == pause) {
            return self.act(request, viewer, Ask::Stop, Code::Stopped, written).await;
        }
        let notice = Notice::refused("Nothing was changed. This task has moved on since that pause.");
        self.request_page(StatusCode::CONFLICT, request, viewer, Some(notice), written).await
    }
}
