//! The page of one request: what it is about, how it stands, and everything that happened.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use seatgate_core::gate::Joined;
use seatgate_core::id::RequestId;
use seatgate_core::request::{Request, StateLabel, Task, TaskState};
use seatgate_core::trail::Stream;

use super::Inbox;
use super::card::Card;
use super::identity::Viewer;
use super::overview::Words;
use super::page::{Frame, Notice, PageError, html};
use super::timeline::{Timeline, removal_words};

#[derive(Template)]
#[template(path = "inbox/request.html")]
struct RequestPage {
    frame: Frame,
    card: Card,
    tasks: Vec<TaskLine>,
    timeline: Timeline,
    /// Whether something is under way, so that looking again is worth it.
    running: bool,
}

struct TaskLine {
    name: String,
    status: String,
    attempts: u32,
    outcome: String,
    warning: bool,
}

/// What was written into a form that is shown again.
#[derive(Default)]
pub(super) struct Written<'a> {
    pub(super) reason: &'a str,
    pub(super) until: &'a str,
}

pub(super) async fn show(
    State(inbox): State<Inbox>,
    Path(id): Path<String>,
    words: Result<Query<Words>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let notice = Words::notice(words);
    inbox.respond(page(&inbox, &id, &headers, notice).await)
}

async fn page(inbox: &Inbox, id: &str, headers: &HeaderMap, notice: Option<Notice>) -> Result<Response, PageError> {
    let Some(viewer) = inbox.viewer(headers).await? else {
        return Ok(Redirect::to(&inbox.path("/")).into_response());
    };
    let request = inbox.visible(id, &viewer).await?;
    // A link must not say that something was decided where nothing was.
    let notice = notice.filter(|_| request.approval.verdict.is_some());
    inbox.request_page(StatusCode::OK, &request, &viewer, notice, &Written::default()).await
}

impl Inbox {
    /// The request, if there is one that `viewer` may see. Which of the two is missing is not told.
    pub(super) async fn visible(&self, id: &str, viewer: &Viewer) -> Result<Request, PageError> {
        let id: RequestId = id.parse().map_err(|_| PageError::NotFound)?;
        let request = self.gate.request(id).await?;
        let may = viewer.operates || request.approval.asks(viewer.person);
        if may { Ok(request) } else { Err(PageError::NotFound) }
    }

    pub(super) async fn request_page(
        &self,
        status: StatusCode,
        request: &Request,
        viewer: &Viewer,
        notice: Option<Notice>,
        written: &Written<'_>,
    ) -> Result<Response, PageError> {
        let joined = self.gate.join(std::slice::from_ref(request)).await?;
        let entries = self.gate.queries().trail(Stream::Request(request.id)).await?;
        let card = Card::new(&self.gate, request, &joined, viewer).filled(written.reason, written.until);
        let page = RequestPage {
            frame: self.frame(Some(viewer), notice),
            card,
            tasks: request.plan.tasks.iter().map(|task| task_line(task, &joined)).collect(),
            timeline: Timeline::read(&self.gate, request, &entries).await?,
            running: is_running(request.label()),
        };
        Ok(html(status, &page))
    }
}

fn is_running(state: StateLabel) -> bool {
    match state {
        StateLabel::InGrace | StateLabel::Executing | StateLabel::Keeping | StateLabel::Stopping => true,
        StateLabel::AwaitingDecision | StateLabel::NeedsAttention | StateLabel::Closed => false,
    }
}

fn task_line(task: &Task, joined: &Joined) -> TaskLine {
    let outcome = match &task.state {
        TaskState::Done { removal, proof, receipt } => {
            let removal = removal.map_or("the exception is filed", removal_words);
            let receipt = joined.text(*receipt).map(|text| format!(", reference {text}")).unwrap_or_default();
            format!("{removal} (proof: {proof}{receipt})")
        }
        _ => joined.text(task.detail).unwrap_or_default().to_owned(),
    };
    TaskLine {
        name: task.name.clone(),
        status: task.state.label().replace('_', " "),
        attempts: task.attempts,
        outcome,
        warning: task.may_have_happened,
    }
}
