//! Offboardings, for operators: all of them, newest first, and starting one in two steps.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use seatgate_core::authorize::Denial;
use seatgate_core::gate::{Attempt, Joined};
use seatgate_core::id::RequestId;
use seatgate_core::message::offboarding_line;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::RequestFilter;
use seatgate_core::request::Request;

use super::Inbox;
use super::card::minute;
use super::identity::Viewer;
use super::notice::Notice;
use super::offboarding::leaver;
use super::page::{Frame, PageError, html};
use super::request::is_visible;
use super::start::Draft;
use super::words::{Said, Words};
use crate::api::offboardings::file_for;

/// How many are shown at a time.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "inbox/offboardings.html")]
struct OffboardingsPage {
    frame: Frame,
    lines: Vec<Line>,
    /// Where the next page starts.
    next: Option<String>,
    /// The playbooks there are; the default one comes first.
    playbooks: Vec<String>,
    draft: Draft,
}

struct Line {
    id: String,
    person: String,
    status: &'static str,
    warning: bool,
    playbook: String,
    started: String,
}

pub(super) async fn show(State(inbox): State<Inbox>, said: Said, headers: HeaderMap) -> Response {
    inbox.respond(page(&inbox, &headers, &Words::of(said)).await)
}

/// All of them, task by task, as a table.
pub(super) async fn csv(State(inbox): State<Inbox>, headers: HeaderMap) -> Response {
    inbox.respond(table(&inbox, &headers).await)
}

async fn table(inbox: &Inbox, headers: &HeaderMap) -> Result<Response, PageError> {
    let Some(viewer) = inbox.viewer(headers).await? else {
        return Ok(Redirect::to(&inbox.path("/")).into_response());
    };
    inbox.for_operators(&viewer, "look").await?;
    Ok(file_for(inbox.gate.clone(), viewer.person).await?)
}

async fn page(inbox: &Inbox, headers: &HeaderMap, words: &Words) -> Result<Response, PageError> {
    let Some(viewer) = inbox.viewer(headers).await? else {
        return Ok(Redirect::to(&inbox.path("/")).into_response());
    };
    inbox.for_operators(&viewer, "look").await?;
    inbox.offboardings_page(StatusCode::OK, &viewer, None, (Draft::default(), words.after())).await
}

impl Inbox {
    /// Lets operators on; anybody else's wish for this `action` is recorded.
    pub(super) async fn for_operators(&self, viewer: &Viewer, action: &'static str) -> Result<(), PageError> {
        if viewer.operates {
            return Ok(());
        }
        let denial = Denial::NotOperator.label();
        self.gate.record_denied(Attempt::new(Actor::Person(viewer.person), Surface::Inbox, action, denial)).await;
        Err(PageError::Forbidden)
    }

    /// The list, with the form that `draft` is written into.
    pub(super) async fn offboardings_page(
        &self,
        status: StatusCode,
        viewer: &Viewer,
        notice: Option<Notice>,
        (draft, after): (Draft, Option<RequestId>),
    ) -> Result<Response, PageError> {
        let mut filter = RequestFilter::first(PAGE + 1);
        (filter.offboarding, filter.newest, filter.after) = (true, true, after);
        let mut requests = self.gate.queries().list(&filter).await?;
        let more = requests.len() > PAGE;
        requests.truncate(PAGE);
        let next = requests.last().filter(|_| more).map(|last| last.id.to_string());
        requests.retain(|request| is_visible(request, viewer));
        let joined = self.gate.join(&requests).await?;
        let page = OffboardingsPage {
            frame: self.frame(Some(viewer), notice),
            lines: requests.iter().map(|request| Line::new(request, &joined)).collect(),
            next,
            playbooks: self.playbooks(),
            draft,
        };
        Ok(html(status, &page))
    }

    fn playbooks(&self) -> Vec<String> {
        let playbooks = &self.gate.settings().playbooks;
        let default = playbooks.get(None).map(|default| default.name.as_str());
        let others = playbooks.iter().map(|playbook| playbook.name.as_str()).filter(|name| Some(*name) != default);
        default.into_iter().chain(others).map(str::to_owned).collect()
    }
}

impl Line {
    fn new(request: &Request, joined: &Joined) -> Self {
        let asked_by = joined.actor(&request.origin.submitted_by);
        Self {
            id: request.id.to_string(),
            person: leaver(request, joined),
            status: offboarding_line(request.label(), request.outcome()),
            warning: request.plan.may_have_happened(),
            playbook: request.offboarding.as_ref().map(|asked| asked.playbook.clone()).unwrap_or_default(),
            started: format!("by {asked_by}, {}", minute(request.opened_at)),
        }
    }
}
