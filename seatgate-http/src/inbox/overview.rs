//! The first page: what waits for whoever looks, and what became of the rest.

use std::cmp::Reverse;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use seatgate_core::gate::Gate;
use seatgate_core::id::RequestId;
use seatgate_core::port::{RequestFilter, StateCounts, StoreError};
use seatgate_core::request::{Request, StateLabel, Task};

use super::Inbox;
use super::card::Card;
use super::identity::Viewer;
use super::notice::{Code, Notice};
use super::offboarding::leaver;
use super::page::{Frame, PageError, html};
use super::request::is_visible;
use super::words::{Said, Words};

/// How many cards are shown at a time.
pub(super) const MOST_CARDS: usize = 100;
/// How many lines of what does not wait for the viewer.
const MOST_LINES: usize = 20;

#[derive(Template)]
#[template(path = "inbox/overview.html")]
struct OverviewPage {
    frame: Frame,
    attention: Lines,
    /// What the viewer is to do for those who leave.
    tasks: Vec<ToDo>,
    waiting: Vec<Card>,
    /// How many wait in all.
    count: u64,
    /// Whether several can be answered at once.
    selectable: bool,
    select_all: bool,
    /// After which request these cards begin, where they are not the first.
    after: Option<RequestId>,
    /// After which the next ones begin.
    next: Option<String>,
    others: Lines,
    recent: Vec<Card>,
}

/// A task of an offboarding that waits for the viewer.
struct ToDo {
    id: String,
    task: String,
    person: String,
}

/// A few of many requests.
#[derive(Default)]
struct Lines {
    cards: Vec<Card>,
    /// How many there are in all.
    count: u64,
}

pub(super) async fn show(State(inbox): State<Inbox>, said: Said, headers: HeaderMap) -> Response {
    inbox.respond(page(&inbox, &headers, &Words::of(said)).await)
}

async fn page(inbox: &Inbox, headers: &HeaderMap, words: &Words) -> Result<Response, PageError> {
    let notice = words.code().and_then(Code::elsewhere);
    match inbox.viewer(headers).await? {
        Some(viewer) => overview(inbox, &viewer, notice, words).await,
        None if inbox.options.identity.is_picked() => inbox.pick_page(notice, words).await,
        None => Err(PageError::Stranger),
    }
}

pub(super) async fn overview(
    inbox: &Inbox,
    viewer: &Viewer,
    notice: Option<Notice>,
    words: &Words,
) -> Result<Response, PageError> {
    let (gate, after) = (&inbox.gate, words.after());
    let mine = gate.queries().count_by_state(Some(viewer.person)).await?;
    let mut waiting = gate.queries().list(&waiting(viewer, after)).await?;
    let more = waiting.len() > MOST_CARDS;
    waiting.truncate(MOST_CARDS);
    let refused = notice.as_ref().is_some_and(|notice| !notice.good);
    let page = OverviewPage {
        frame: inbox.frame(Some(viewer), notice),
        count: mine.of(StateLabel::AwaitingDecision),
        selectable: waiting.iter().filter(|request| request.offboarding.is_none()).count() > 1,
        select_all: words.selects_all(),
        after,
        next: waiting.last().filter(|_| more).map(|last| last.id.to_string()),
        waiting: cards(gate, viewer, waiting).await?,
        attention: attention(gate, viewer).await?,
        tasks: tasks(gate, viewer).await?,
        others: others(gate, viewer, &mine).await?,
        recent: cards(gate, viewer, recent(gate, viewer).await?).await?,
    };
    Ok(html(if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page))
}

/// What waits for the viewer, oldest first: one more than is shown.
fn waiting(viewer: &Viewer, after: Option<RequestId>) -> RequestFilter {
    let mut filter = RequestFilter::first(MOST_CARDS + 1);
    (filter.state, filter.asked, filter.after) = (Some(StateLabel::AwaitingDecision), Some(viewer.person), after);
    filter
}

/// What waits for an operator. Nobody else can answer a pause: to them it is one more request that was decided.
async fn attention(gate: &Gate, viewer: &Viewer) -> Result<Lines, StoreError> {
    if !viewer.operates {
        return Ok(Lines::default());
    }
    let mut filter = RequestFilter::first(MOST_LINES);
    filter.state = Some(StateLabel::NeedsAttention);
    let requests = gate.queries().list(&filter).await?;
    let mut count = u64::try_from(requests.len()).unwrap_or(u64::MAX);
    if requests.len() == MOST_LINES {
        count = gate.queries().count_by_state(None).await?.of(StateLabel::NeedsAttention);
    }
    Ok(Lines { cards: cards(gate, viewer, requests).await?, count })
}

/// The tasks that wait for the viewer, of those who leave: oldest first.
async fn tasks(gate: &Gate, viewer: &Viewer) -> Result<Vec<ToDo>, StoreError> {
    let mut found = Vec::new();
    for state in [StateLabel::NeedsAttention, StateLabel::Executing] {
        let mut filter = RequestFilter::first(MOST_CARDS);
        (filter.state, filter.asked, filter.offboarding) = (Some(state), Some(viewer.person), true);
        found.extend(gate.queries().list(&filter).await?);
    }
    found.sort_by_key(|request| request.id);
    let joined = gate.join(&found).await?;
    let mine = |task: &&Task| task.waits_for_person() && task.assignee() == Some(viewer.person);
    let todo = |request: &Request, task: &Task| ToDo {
        id: request.id.to_string(),
        task: task.name.clone(),
        person: leaver(request, &joined),
    };
    let of =
        |request: &Request| request.plan.tasks.iter().filter(mine).map(|task| todo(request, task)).collect::<Vec<_>>();
    Ok(found.iter().filter(|request| is_visible(request, viewer)).flat_map(of).collect())
}

/// What waits for others, for operators; `mine` is what the viewer was asked about.
async fn others(gate: &Gate, viewer: &Viewer, mine: &StateCounts) -> Result<Lines, StoreError> {
    if !viewer.operates {
        return Ok(Lines::default());
    }
    let state = StateLabel::AwaitingDecision;
    let count = gate.queries().count_by_state(None).await?.of(state).saturating_sub(mine.of(state));
    if count == 0 {
        return Ok(Lines::default());
    }
    let mut filter = RequestFilter::first(MOST_LINES);
    (filter.state, filter.not_asked) = (Some(state), Some(viewer.person));
    Ok(Lines { cards: cards(gate, viewer, gate.queries().list(&filter).await?).await?, count })
}

/// The newest requests that wait neither for a decision nor, where the viewer operates, for them: newest first. Each
/// state is a list of its own, so that many open requests hide no decided one.
async fn recent(gate: &Gate, viewer: &Viewer) -> Result<Vec<Request>, StoreError> {
    let elsewhere = |state: StateLabel| {
        state == StateLabel::AwaitingDecision || (viewer.operates && state == StateLabel::NeedsAttention)
    };
    let mut found = Vec::new();
    for state in StateLabel::ALL.iter().copied().filter(|state| !elsewhere(*state)) {
        let mut filter = RequestFilter::first(MOST_LINES);
        (filter.state, filter.newest) = (Some(state), true);
        filter.asked = (!viewer.operates).then_some(viewer.person);
        found.extend(gate.queries().list(&filter).await?);
    }
    found.sort_by_key(|request| Reverse(request.id));
    found.truncate(MOST_LINES);
    Ok(found)
}

/// Requests as `viewer` reads them.
pub(super) async fn cards(gate: &Gate, viewer: &Viewer, mut requests: Vec<Request>) -> Result<Vec<Card>, StoreError> {
    requests.retain(|request| is_visible(request, viewer));
    let joined = gate.join(&requests).await?;
    Ok(requests.iter().map(|request| Card::new(gate, request, &joined, viewer)).collect())
}
