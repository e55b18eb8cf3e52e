//! The first page: what waits for whoever looks, and what became of the rest.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use seatgate_core::gate::Gate;
use seatgate_core::id::{PersonRef, RequestId};
use seatgate_core::port::{Entropy, RequestFilter, StoreError};
use seatgate_core::request::{Request, StateLabel};
use serde::Deserialize;

use super::Inbox;
use super::card::Card;
use super::identity::Viewer;
use super::notice::{Code, Notice};
use super::page::{Frame, PageError, html};

/// How many requests are read for one page. Beyond that the newest are missing: the API lists them all.
const MOST_REQUESTS: usize = 5_000;
const PAGE: usize = 500;
/// How many cards are shown at a time; answering one makes room for the next.
pub(super) const MOST_CARDS: usize = 100;
const MOST_RECENT: usize = 20;

/// What the address may say besides the path.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Words {
    /// The label of a [`Code`].
    notice: Option<String>,
    /// `all`: every card is selected.
    select: Option<String>,
    /// Where a list goes on.
    after: Option<String>,
}

impl Words {
    /// What they ask to be said. Words that cannot be read ask for nothing.
    pub(super) fn code(&self) -> Option<Code> {
        Code::read(self.notice.as_deref()?)
    }

    pub(super) fn after<T: FromStr>(&self) -> Option<T> {
        self.after.as_deref()?.parse().ok()
    }
}

/// Words as they came.
pub(super) type Said = Result<Query<Words>, QueryRejection>;

/// Somebody who can be picked.
pub(super) struct Choice {
    pub(super) person: String,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) waiting: usize,
}

#[derive(Template)]
#[template(path = "inbox/pick.html")]
struct PickPage {
    frame: Frame,
    choices: Vec<Choice>,
    offers_sample: bool,
}

#[derive(Template)]
#[template(path = "inbox/overview.html")]
struct OverviewPage {
    frame: Frame,
    /// What waits for an operator.
    attention: Vec<Card>,
    waiting: Vec<Card>,
    /// Whether several can be answered at once.
    selectable: bool,
    select_all: bool,
    /// Whether more wait than are shown.
    more: bool,
    others: Vec<Card>,
    recent: Vec<Card>,
}

pub(super) async fn show(State(inbox): State<Inbox>, words: Said, headers: HeaderMap) -> Response {
    let words = words.map(|Query(words)| words).unwrap_or_default();
    inbox.respond(page(&inbox, &headers, &words).await)
}

async fn page(inbox: &Inbox, headers: &HeaderMap, words: &Words) -> Result<Response, PageError> {
    let notice = words.code().and_then(Code::elsewhere);
    match inbox.viewer(headers).await? {
        Some(viewer) => overview(inbox, &viewer, notice, words).await,
        None if !inbox.options.identity.is_picked() => Err(PageError::Stranger),
        None => {
            let choices = choices(&inbox.gate).await?;
            let offers_sample = inbox.options.offers_sample();
            Ok(html(StatusCode::OK, &PickPage { frame: inbox.frame(None, notice), choices, offers_sample }))
        }
    }
}

pub(super) async fn overview(
    inbox: &Inbox,
    viewer: &Viewer,
    notice: Option<Notice>,
    words: &Words,
) -> Result<Response, PageError> {
    let gate = &inbox.gate;
    let open = standing(StateLabel::AwaitingDecision, Some(viewer.person), MOST_CARDS + 1);
    let waiting = gate.queries().list(&open).await?;
    let refused = notice.as_ref().is_some_and(|notice| !notice.good);
    let page = OverviewPage {
        frame: inbox.frame(Some(viewer), notice),
        attention: cards(gate, viewer, attention(gate, viewer).await?).await?,
        selectable: waiting.len() > 1,
        select_all: words.select.as_deref() == Some("all"),
        more: waiting.len() > MOST_CARDS,
        waiting: cards(gate, viewer, waiting.into_iter().take(MOST_CARDS).collect()).await?,
        others: cards(gate, viewer, others(gate, viewer).await?).await?,
        recent: cards(gate, viewer, recent(gate, viewer).await?).await?,
    };
    Ok(html(if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page))
}

fn standing(state: StateLabel, asked: Option<PersonRef>, limit: usize) -> RequestFilter {
    let mut filter = RequestFilter::first(limit);
    (filter.state, filter.asked) = (Some(state), asked);
    filter
}

/// What waits for an operator. Nobody else can answer a pause: to them it is one more request that was decided.
async fn attention(gate: &Gate, viewer: &Viewer) -> Result<Vec<Request>, StoreError> {
    if !viewer.operates {
        return Ok(Vec::new());
    }
    gate.queries().list(&standing(StateLabel::NeedsAttention, None, MOST_CARDS)).await
}

/// What waits for others, for operators.
async fn others(gate: &Gate, viewer: &Viewer) -> Result<Vec<Request>, StoreError> {
    if !viewer.operates {
        return Ok(Vec::new());
    }
    let mut open = gate.queries().list(&standing(StateLabel::AwaitingDecision, None, PAGE)).await?;
    open.retain(|request| !request.approval.asks(viewer.person));
    open.truncate(MOST_CARDS);
    Ok(open)
}

/// What was decided about the newest requests, newest first.
///
/// Ids are in the order of time, and lists run forwards: so it looks further and further back until there is enough.
async fn recent(gate: &Gate, viewer: &Viewer) -> Result<Vec<Request>, StoreError> {
    let mut found = Vec::new();
    for days in [1, 7, 30, 365] {
        let since = gate.now().saturating_sub(Duration::from_secs(days * 86_400));
        let mut filter = RequestFilter::first(PAGE);
        filter.asked = (!viewer.operates).then_some(viewer.person);
        filter.after = Some(RequestId::generate(since, &Zeros));
        found = gate.queries().list(&filter).await?;
        let elsewhere =
            |state| state == StateLabel::AwaitingDecision || (viewer.operates && state == StateLabel::NeedsAttention);
        found.retain(|request| !elsewhere(request.label()));
        if found.len() >= MOST_RECENT {
            break;
        }
    }
    Ok(found.into_iter().rev().take(MOST_RECENT).collect())
}

/// For the first id of a moment.
struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

async fn cards(gate: &Gate, viewer: &Viewer, requests: Vec<Request>) -> Result<Vec<Card>, StoreError> {
    let joined = gate.join(&requests).await?;
    Ok(requests.iter().map(|request| Card::new(gate, request, &joined, viewer)).collect())
}

/// The requests that this person was asked about, or all, oldest first.
pub(super) async fn requests(gate: &Gate, asked: Option<PersonRef>) -> Result<Vec<Request>, StoreError> {
    let mut filter = RequestFilter::first(PAGE);
    filter.asked = asked;
    let mut found: Vec<Request> = Vec::new();
    loop {
        let page = gate.queries().list(&filter).await?;
        let full = page.len() == PAGE;
        filter.after = page.last().map(|request| request.id);
        found.extend(page);
        if !full || found.len() >= MOST_REQUESTS {
            return Ok(found);
        }
    }
}

/// Everybody who was asked or operates, by name, with how much waits for them.
pub(super) async fn choices(gate: &Gate) -> Result<Vec<Choice>, StoreError> {
    let operators = gate.settings().operators.clone();
    let mut waiting: BTreeMap<PersonRef, usize> = operators.iter().map(|person| (*person, 0)).collect();
    for request in requests(gate, None).await? {
        let open = usize::from(request.label() == StateLabel::AwaitingDecision);
        for asked in &request.approval.asked {
            *waiting.entry(asked.person).or_default() += open;
        }
    }
    let people: Vec<PersonRef> = waiting.keys().copied().collect();
    let details = gate.people().details(&people).await?;
    let mut choices: Vec<Choice> = details
        .into_iter()
        .flatten()
        .map(|details| Choice {
            person: details.reference.to_string(),
            name: details.label(),
            address: details.email().map(ToString::to_string).unwrap_or_default(),
            waiting: waiting.get(&details.reference).copied().unwrap_or_default(),
        })
        .collect();
    choices.sort_by(|a, b| (&a.name, &a.person).cmp(&(&b.name, &b.person)));
    Ok(choices)
}
