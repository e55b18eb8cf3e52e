//! The first page: what waits for whoever looks, and what became of the rest.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use seatgate_core::gate::Gate;
use seatgate_core::id::PersonRef;
use seatgate_core::port::{RequestFilter, StoreError};
use seatgate_core::request::{Request, StateLabel};
use serde::Deserialize;

use super::Inbox;
use super::card::Card;
use super::identity::Viewer;
use super::page::{Frame, Notice, PageError, html};

/// How many requests are read for one page. Beyond that the newest are missing: the API lists them all.
const MOST_REQUESTS: usize = 5_000;
const PAGE: usize = 500;
/// How many cards are shown at a time; answering one makes room for the next.
const MOST_CARDS: usize = 100;
const MOST_RECENT: usize = 20;

/// What the address may say besides the path.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Words {
    /// A code of [`Notice::of_code`].
    notice: Option<String>,
}

impl Words {
    /// The notice they ask for. Words that cannot be read ask for none.
    pub(super) fn notice(words: Result<Query<Self>, QueryRejection>) -> Option<Notice> {
        Notice::of_code(words.ok()?.0.notice.as_deref())
    }
}

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
    waiting: Vec<Card>,
    more: usize,
    others: Vec<Card>,
    recent: Vec<Card>,
}

pub(super) async fn show(
    State(inbox): State<Inbox>,
    words: Result<Query<Words>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let notice = Words::notice(words);
    inbox.respond(page(&inbox, &headers, notice).await)
}

async fn page(inbox: &Inbox, headers: &HeaderMap, notice: Option<Notice>) -> Result<Response, PageError> {
    match inbox.viewer(headers).await? {
        Some(viewer) => overview(inbox, &viewer, notice).await,
        None => {
            let choices = choices(&inbox.gate).await?;
            let offers_sample = inbox.options.sample.is_some();
            Ok(html(StatusCode::OK, &PickPage { frame: inbox.frame(None, notice), choices, offers_sample }))
        }
    }
}

async fn overview(inbox: &Inbox, viewer: &Viewer, notice: Option<Notice>) -> Result<Response, PageError> {
    let gate = &inbox.gate;
    let requests = requests(gate, (!viewer.operates).then_some(viewer.person)).await?;
    let (open, settled): (Vec<_>, Vec<_>) =
        requests.into_iter().partition(|request| request.label() == StateLabel::AwaitingDecision);
    let (waiting, others): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|request| request.approval.asks(viewer.person));
    let more = waiting.len().saturating_sub(MOST_CARDS);
    let page = OverviewPage {
        frame: inbox.frame(Some(viewer), notice),
        waiting: cards(gate, viewer, waiting.into_iter().take(MOST_CARDS)).await?,
        more,
        others: cards(gate, viewer, others.into_iter().take(MOST_CARDS)).await?,
        recent: cards(gate, viewer, settled.into_iter().rev().take(MOST_RECENT)).await?,
    };
    Ok(html(StatusCode::OK, &page))
}

async fn cards(gate: &Gate, viewer: &Viewer, requests: impl Iterator<Item = Request>) -> Result<Vec<Card>, StoreError> {
    let requests: Vec<Request> = requests.collect();
    let joined = gate.join(&requests).await?;
    Ok(requests.iter().map(|request| Card::new(gate, request, &joined, viewer)).collect())
}

/// The requests that this person was asked about, or all, oldest first.
async fn requests(gate: &Gate, asked: Option<PersonRef>) -> Result<Vec<Request>, StoreError> {
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
