//! Every request that whoever looks may see, by state, newest first.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use seatgate_core::id::RequestId;
use seatgate_core::port::{RequestFilter, RequestQueries, StateCounts, StoreError};
use seatgate_core::request::{Request, StateLabel};

use super::Inbox;
use super::card::Card;
use super::identity::Viewer;
use super::overview::cards;
use super::page::{Frame, PageError, html};
use super::words::{Said, Words};

/// How many are shown at a time.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "inbox/list.html")]
struct ListPage {
    frame: Frame,
    operates: bool,
    states: Vec<Choice>,
    /// What the addresses of the next pages say about the state.
    chosen: String,
    lines: Vec<Card>,
    newer: Option<String>,
    older: Option<String>,
}

/// A state that can be chosen; all of them is one, too.
struct Choice {
    name: String,
    count: u64,
    query: String,
    here: bool,
}

/// A part of the list, newest first.
struct Part {
    requests: Vec<Request>,
    newer: bool,
    older: bool,
}

pub(super) async fn show(State(inbox): State<Inbox>, said: Said, headers: HeaderMap) -> Response {
    inbox.respond(page(&inbox, &headers, &Words::of(said)).await)
}

async fn page(inbox: &Inbox, headers: &HeaderMap, words: &Words) -> Result<Response, PageError> {
    let Some(viewer) = inbox.viewer(headers).await? else {
        return Ok(Redirect::to(&inbox.path("/")).into_response());
    };
    let asked = (!viewer.operates).then_some(viewer.person);
    let counts = inbox.gate.queries().count_by_state(asked).await?;
    let state = words.state();
    let part = Part::read(inbox.gate.queries(), &filter(&viewer, state), words).await?;
    let (first, last) = (part.requests.first(), part.requests.last());
    let page = ListPage {
        frame: inbox.frame(Some(&viewer), None),
        operates: viewer.operates,
        states: choices(&counts, state),
        chosen: state.map(|state| format!("&state={state}")).unwrap_or_default(),
        newer: first.filter(|_| part.newer).map(|first| first.id.to_string()),
        older: last.filter(|_| part.older).map(|last| last.id.to_string()),
        lines: cards(&inbox.gate, &viewer, part.requests).await?,
    };
    Ok(html(StatusCode::OK, &page))
}

/// One more than is shown: whether there is another page.
fn filter(viewer: &Viewer, state: Option<StateLabel>) -> RequestFilter {
    let mut filter = RequestFilter::first(PAGE + 1);
    (filter.state, filter.newest) = (state, true);
    filter.asked = (!viewer.operates).then_some(viewer.person);
    filter
}

fn choices(counts: &StateCounts, chosen: Option<StateLabel>) -> Vec<Choice> {
    let all = Choice {
        name: "All".to_owned(),
        count: StateLabel::ALL.iter().map(|state| counts.of(*state)).sum(),
        query: String::new(),
        here: chosen.is_none(),
    };
    let one = |state: &StateLabel| Choice {
        name: name(*state).to_owned(),
        count: counts.of(*state),
        query: format!("?state={state}"),
        here: chosen == Some(*state),
    };
    std::iter::once(all)
        .chain(StateLabel::ALL.iter().map(one))
        .filter(|choice| choice.count > 0 || choice.here)
        .collect()
}

fn name(state: StateLabel) -> &'static str {
    match state {
        StateLabel::AwaitingDecision => "Waiting",
        StateLabel::InGrace => "In grace",
        StateLabel::Executing => "Removing",
        StateLabel::Keeping => "Keeping",
        StateLabel::Stopping => "Stopping",
        StateLabel::NeedsAttention => "Needs attention",
        StateLabel::Closed => "Closed",
    }
}

impl Part {
    /// What `words` ask for: after a request, before one, or from the newest on. `filter` lists one more than is shown.
    async fn read(queries: &dyn RequestQueries, filter: &RequestFilter, words: &Words) -> Result<Self, StoreError> {
        let before: Option<RequestId> = words.before();
        let mut filter = filter.clone();
        filter.newest = before.is_none();
        filter.after = before.or(words.after());
        let mut requests = queries.list(&filter).await?;
        let more = requests.len() > PAGE;
        requests.truncate(PAGE);
        if before.is_some() {
            requests.reverse();
            return Ok(Self { requests, newer: more, older: true });
        }
        Ok(Self { requests, newer: filter.after.is_some(), older: more })
    }
}
