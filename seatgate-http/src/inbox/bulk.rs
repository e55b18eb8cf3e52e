//! Answering many requests at once: select, confirm, and then one line of result a request.
//!
//! Each request is answered in a transaction of its own, as if it were answered alone: what somebody else decided in the
//! meantime stays as it is, and its line says so.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use seatgate_core::gate::{Ask, GateError, Joined};
use seatgate_core::id::RequestId;
use seatgate_core::money::Totals;
use seatgate_core::policy::KeepReason;
use seatgate_core::request::{Decision, Refusal, Request, StateLabel};
use seatgate_core::time::Timestamp;

use super::Inbox;
use super::answer::{ask, refusal};
use super::card::{Card, last_day};
use super::fields::{Fields, Sent};
use super::identity::Viewer;
use super::notice::Notice;
use super::overview::{MOST_CARDS, overview};
use super::page::{Frame, PageError, html};
use super::words::Words;

/// What was selected, and what was said about it.
struct Batch {
    decision: Decision,
    requests: Vec<RequestId>,
    reason: String,
    until: String,
}

#[derive(Template)]
#[template(path = "inbox/bulk.html")]
struct ConfirmPage {
    frame: Frame,
    removes: bool,
    rows: Vec<Card>,
    /// What was answered since the list was shown.
    passed: Vec<Card>,
    cost: String,
    /// How many of them cannot be given back.
    irreversible: usize,
    keep_reason: bool,
    keep_reason_required: bool,
    earliest: String,
    latest: String,
    reason: String,
    until: String,
}

#[derive(Template)]
#[template(path = "inbox/results.html")]
struct ResultPage {
    frame: Frame,
    removes: bool,
    done: usize,
    rows: Vec<ResultRow>,
}

struct ResultRow {
    card: Card,
    /// Why nothing was changed; empty where the answer is recorded.
    problem: String,
}

pub(super) async fn answer(State(inbox): State<Inbox>, headers: HeaderMap, form: Sent) -> Response {
    inbox.respond(taken(&inbox, &headers, form).await)
}

async fn taken(inbox: &Inbox, headers: &HeaderMap, form: Sent) -> Result<Response, PageError> {
    let fields = Fields::of(form)?;
    let batch = Batch::read(&fields)?;
    let viewer = inbox.sender(headers, fields.token()).await?;
    let mut requests = Vec::with_capacity(batch.requests.len());
    for id in &batch.requests {
        requests.push(inbox.visible(&id.to_string(), &viewer, batch.decision.label()).await?);
    }
    // An offboarding is answered alone, on its own page.
    requests.retain(|request| request.offboarding.is_none());
    if requests.is_empty() {
        let notice = Notice::refused("Nothing was selected, and nothing was done.");
        return overview(inbox, &viewer, Some(notice), &Words::default()).await;
    }
    let ask = match ask(batch.decision, &batch.until) {
        Ok(ask) => ask,
        Err(notice) => return inbox.confirm(&batch, &requests, &viewer, Some(notice)).await,
    };
    if !fields.confirmed() {
        return inbox.confirm(&batch, &requests, &viewer, None).await;
    }
    if batch.lacks_reason(&requests) {
        let notice = Notice::refused("Nothing was changed. Keeping these seats needs a reason.");
        return inbox.confirm(&batch, &requests, &viewer, Some(notice)).await;
    }
    inbox.answer_each(&batch, ask, requests, &viewer).await
}

impl Batch {
    fn read(fields: &Fields) -> Result<Self, PageError> {
        let decision = fields.last("decision").parse().map_err(|_| PageError::BadForm)?;
        let requests = fields.all("request").map(str::parse).collect::<Result<Vec<RequestId>, _>>();
        let mut requests = requests.map_err(|_| PageError::BadForm)?;
        let mut seen = BTreeSet::new();
        requests.retain(|id| seen.insert(*id));
        if requests.len() > MOST_CARDS {
            return Err(PageError::BadForm);
        }
        let written = |name| fields.last(name).to_owned();
        Ok(Self { decision, requests, reason: written("reason"), until: written("keep_until") })
    }

    fn lacks_reason(&self, requests: &[Request]) -> bool {
        self.decision == Decision::Keep && self.reason.trim().is_empty() && requests.iter().any(needs_reason)
    }
}

fn needs_reason(request: &Request) -> bool {
    is_open(request) && request.terms.keep_reason == KeepReason::Required
}

fn is_open(request: &Request) -> bool {
    request.label() == StateLabel::AwaitingDecision
}

impl Inbox {
    /// Says what would happen, and asks once more.
    async fn confirm(
        &self,
        batch: &Batch,
        requests: &[Request],
        viewer: &Viewer,
        notice: Option<Notice>,
    ) -> Result<Response, PageError> {
        let joined = self.gate.join(requests).await?;
        let status = if notice.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let (open, passed): (Vec<&Request>, Vec<&Request>) = requests.iter().partition(|request| is_open(request));
        let cards = |requests: &[&Request]| -> Vec<Card> {
            requests.iter().map(|request| Card::new(&self.gate, request, &joined, viewer)).collect()
        };
        let now = self.gate.now();
        let page = ConfirmPage {
            frame: self.frame(Some(viewer), notice),
            removes: batch.decision == Decision::Approve,
            rows: cards(&open),
            passed: cards(&passed),
            cost: cost(&open),
            irreversible: self.irreversible(&open, &joined),
            keep_reason: open.iter().any(|request| request.terms.keep_reason != KeepReason::Off),
            keep_reason_required: open.iter().any(|request| needs_reason(request)),
            earliest: now.date(),
            latest: latest(&open, now),
            reason: batch.reason.clone(),
            until: batch.until.clone(),
        };
        Ok(html(status, &page))
    }

    fn irreversible(&self, requests: &[&Request], joined: &Joined) -> usize {
        requests.iter().filter(|request| !joined.row(&self.gate, request, None, None).reversible).count()
    }

    async fn answer_each(
        &self,
        batch: &Batch,
        ask: Ask,
        requests: Vec<Request>,
        viewer: &Viewer,
    ) -> Result<Response, PageError> {
        let (mut after, mut problems) = (Vec::new(), Vec::new());
        for request in requests {
            let answer = self.gate.act(request.id, ask, Some(&batch.reason), &viewer.submission()).await;
            let (request, problem) = match answer {
                Ok(request) => (request, String::new()),
                Err(error) => not_done(error, request),
            };
            after.push(request);
            problems.push(problem);
        }
        let joined = self.gate.join(&after).await?;
        let cards = after.iter().map(|request| Card::new(&self.gate, request, &joined, viewer));
        let page = ResultPage {
            frame: self.frame(Some(viewer), None),
            removes: batch.decision == Decision::Approve,
            done: problems.iter().filter(|problem| problem.is_empty()).count(),
            rows: cards.zip(problems).map(|(card, problem)| ResultRow { card, problem }).collect(),
        };
        Ok(html(StatusCode::OK, &page))
    }
}

/// The request as it stands, and why it was not answered.
fn not_done(error: GateError, before: Request) -> (Request, String) {
    match error {
        GateError::Refused { refusal: Refusal::AlreadyDecided, request } => {
            (*request, "Nothing was changed: it was decided before.".to_owned())
        }
        GateError::Refused { refusal, request } => {
            let error = GateError::Refused { refusal, request: request.clone() };
            (*request, problem(error))
        }
        error => (before, problem(error)),
    }
}

fn problem(error: GateError) -> String {
    match refusal(error) {
        Ok((_, notice)) => notice.text,
        Err(_) => "It is not known whether this was recorded. Look at the request.".to_owned(),
    }
}

/// What these seats cost together: one sum a currency.
fn cost(requests: &[&Request]) -> String {
    let costs = requests.iter().map(|request| request.evidence.as_ref()?.monthly_cost);
    let known: Totals = costs.clone().flatten().collect();
    let unknown = costs.filter(Option::is_none).count();
    match (known.is_empty(), unknown) {
        (true, _) => "What they cost is not known.".to_owned(),
        (false, 0) => format!("Together they cost {known} a month."),
        (false, 1) => format!("Together they cost {known} a month; the cost of one is not known."),
        (false, unknown) => format!("Together they cost {known} a month; the cost of {unknown} is not known."),
    }
}

/// The last end date that the policy allows for each of them.
fn latest(requests: &[&Request], now: Timestamp) -> String {
    requests.iter().map(|request| last_day(&request.terms, now)).min().unwrap_or_else(|| now.date())
}
