//! The page of one request: what it is about, how it stands, and everything that happened.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use seatgate_core::authorize::Denial;
use seatgate_core::gate::{Attempt, Gate, Joined};
use seatgate_core::id::RequestId;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::StoreError;
use seatgate_core::request::{Proof, Request, StateLabel, Task, TaskState};
use seatgate_core::trail::Stream;

use super::Inbox;
use super::asking;
use super::card::{Card, Fact, minute};
use super::controls::{Controls, Pause};
use super::identity::Viewer;
use super::notice::{Code, Notice};
use super::page::{Frame, PageError, html};
use super::timeline::{Timeline, removal_words};
use super::words::{Said, Words};

#[derive(Template)]
#[template(path = "inbox/request.html")]
struct RequestPage {
    frame: Frame,
    card: Card,
    background: Vec<Fact>,
    /// The report of the seat as it came; empty where there is none any more.
    received: String,
    controls: Controls,
    /// What was written before, when the page is shown again.
    reason: String,
    to: String,
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
    pause: Option<Pause>,
}

const LONGEST_REPORT: usize = 8_000;

/// What was written into a form that is shown again.
#[derive(Default)]
pub(super) struct Written<'a> {
    pub(super) reason: &'a str,
    pub(super) until: &'a str,
    /// Who is to be asked instead.
    pub(super) to: &'a str,
}

impl<'a> Written<'a> {
    /// Into a form that asks for a reason only.
    pub(super) fn only(reason: &'a str) -> Self {
        Self { reason, ..Self::default() }
    }
}

pub(super) async fn show(
    State(inbox): State<Inbox>,
    Path(id): Path<String>,
    said: Said,
    headers: HeaderMap,
) -> Response {
    inbox.respond(page(&inbox, &id, &headers, Words::of(said).code()).await)
}

async fn page(inbox: &Inbox, id: &str, headers: &HeaderMap, code: Option<Code>) -> Result<Response, PageError> {
    let Some(viewer) = inbox.viewer(headers).await? else {
        return Ok(Redirect::to(&inbox.path("/")).into_response());
    };
    let request = inbox.visible(id, &viewer, "look").await?;
    let notice = code.and_then(|code| code.about(&request, viewer.person));
    inbox.request_page(StatusCode::OK, &request, &viewer, notice, &Written::default()).await
}

impl Inbox {
    /// The request, if there is one that `viewer` may see. Which of the two is missing is not told, but recorded: as a
    /// denied `action`.
    pub(super) async fn visible(&self, id: &str, viewer: &Viewer, action: &'static str) -> Result<Request, PageError> {
        let id: RequestId = id.parse().map_err(|_| PageError::NotFound)?;
        let request = self.gate.request(id).await?;
        if is_visible(&request, viewer) {
            return Ok(request);
        }
        let attempt = Attempt::new(Actor::Person(viewer.person), Surface::Inbox, action, Denial::NotAsked.label());
        self.gate.record_denied(attempt.about(id)).await;
        Err(PageError::NotFound)
    }

    pub(super) async fn request_page(
        &self,
        status: StatusCode,
        request: &Request,
        viewer: &Viewer,
        notice: Option<Notice>,
        written: &Written<'_>,
    ) -> Result<Response, PageError> {
        if let Some(offboarding) = &request.offboarding {
            return self.offboarding_page(status, (request, offboarding), viewer, notice, written).await;
        }
        let joined = self.gate.join(std::slice::from_ref(request)).await?;
        let entries = self.gate.queries().trail(Stream::Request(request.id)).await?;
        let mut card = Card::new(&self.gate, request, &joined, viewer).filled(written.reason, written.until);
        card.facts.extend(asking::deadlines(request, self.gate.outlook(request).await?));
        let tasks = request.plan.tasks.iter();
        let page = RequestPage {
            frame: self.frame(Some(viewer), notice),
            background: background(request, &joined),
            received: received(&self.gate, request).await?,
            controls: Controls::new(&self.gate, request, viewer),
            reason: written.reason.to_owned(),
            to: written.to.to_owned(),
            tasks: tasks
                .map(|task| TaskLine::new(task, &joined, Pause::new(&self.gate, request, task, viewer)))
                .collect(),
            card,
            timeline: Timeline::read(&self.gate, request, &entries).await?,
            running: is_running(request.label()),
        };
        Ok(html(status, &page))
    }
}

/// Whoever leaves sees nothing of it, be they an operator.
pub(super) fn is_visible(request: &Request, viewer: &Viewer) -> bool {
    let leaves = request.offboarding.is_some() && request.holder() == Some(viewer.person);
    !leaves && (viewer.operates || request.concerns(viewer.person))
}

pub(super) fn is_running(state: StateLabel) -> bool {
    match state {
        StateLabel::InGrace | StateLabel::Executing | StateLabel::Keeping | StateLabel::Stopping => true,
        StateLabel::AwaitingDecision | StateLabel::NeedsAttention | StateLabel::Closed => false,
    }
}

impl TaskLine {
    fn new(task: &Task, joined: &Joined, pause: Option<Pause>) -> Self {
        Self {
            name: task.name.clone(),
            status: task.state.label().replace('_', " "),
            attempts: task.attempts,
            outcome: outcome(task, joined),
            warning: task.may_have_happened,
            pause,
        }
    }
}

fn outcome(task: &Task, joined: &Joined) -> String {
    let text = |text| joined.text(text).map(str::to_owned);
    match &task.state {
        TaskState::Done { removal, proof, receipt } => {
            let removal = removal.map_or("the exception is filed", removal_words);
            let words = if *proof == Proof::Attested { "because:" } else { "reference" };
            let receipt = text(*receipt).map(|text| format!(", {words} {text}")).unwrap_or_default();
            format!("{removal} (proof: {proof}{receipt})")
        }
        TaskState::Skipped { reason } => text(*reason).or_else(|| text(task.detail)).unwrap_or_default(),
        _ => text(task.detail).unwrap_or_default(),
    }
}

/// Where the request came from, and who was asked about it, why.
fn background(request: &Request, joined: &Joined) -> Vec<Fact> {
    let reporter = joined.actor(&request.origin.submitted_by);
    let reported = Fact { name: "Reported by", text: format!("{reporter}, {}", minute(request.opened_at)) };
    asking::everybody(request, joined).into_iter().chain([reported]).collect()
}

/// The report of the seat as it came, in readable JSON. It may be long: the trail's digest covers the whole of it.
async fn received(gate: &Gate, request: &Request) -> Result<String, StoreError> {
    let Some(evidence) = &request.evidence else { return Ok(String::new()) };
    let texts = gate.people().texts(&[evidence.received.id]).await?;
    let text = texts.into_iter().next().flatten().unwrap_or_default();
    let readable =
        serde_json::from_str::<serde_json::Value>(&text).and_then(|json| serde_json::to_string_pretty(&json));
    Ok(readable.unwrap_or(text).chars().take(LONGEST_REPORT).collect())
}
