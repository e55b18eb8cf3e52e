//! The account at the end: what was acknowledged is there, and everything that is there twice is explained by a kill.
//!
//! It only compares, and it never stops at the first finding: so it can be shown forged evidence, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use seatgate_core::time::Timestamp;
use serde_json::Value;

use super::ground::{Ground, Life, card_of};
use super::target::Call;
use super::work::{Book, Case, Fate, Surface, get};
use crate::fake_slack::Message;
use crate::house::Door;

/// What was acknowledged, and what is found.
#[derive(Clone)]
pub(super) struct Evidence {
    pub(super) book: Book,
    pub(super) lived: Vec<Life>,
    pub(super) sweeps: BTreeMap<String, Value>,
    pub(super) requests: Vec<Value>,
    /// The entries of each request.
    pub(super) trails: BTreeMap<String, Vec<Value>>,
    pub(super) exceptions: Vec<Value>,
    /// By task.
    pub(super) calls: BTreeMap<String, Vec<Call>>,
    pub(super) messages: Vec<Message>,
    /// Copies of cards that had buttons until somebody clicked on them.
    pub(super) clicked_on: usize,
}

impl Evidence {
    pub(super) async fn gather(
        ground: &Ground<'_>,
        door: &Door,
        book: Book,
        lived: Vec<Life>,
        clicked_on: usize,
    ) -> Self {
        let (mut sweeps, mut trails) = (BTreeMap::new(), BTreeMap::new());
        for sweep in book.sweeps.keys() {
            sweeps.insert(sweep.clone(), look(door, &format!("/v1/sweeps/{sweep}")).await["results"].take());
        }
        let requests = all(door, "/v1/requests").await;
        for request in &requests {
            let id = request["id"].as_str().unwrap();
            trails.insert(id.to_owned(), items(look(door, &format!("/v1/requests/{id}/trail")).await));
        }
        let exceptions = all(door, "/v1/exceptions").await;
        let (calls, messages) = (ground.target.calls(), ground.slack.messages());
        Self { book, lived, sweeps, requests, trails, exceptions, calls, messages, clicked_on }
    }
}

/// The figures, and whatever is wrong.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) kills: usize,
    /// Steps that got no answer at first.
    pub(super) repeated: usize,
    rows: usize,
    decisions: usize,
    clicks: usize,
    exceptions: usize,
    removals: usize,
    calls: usize,
    /// Attempts that a kill cut short, whether or not their call came in.
    pub(super) interrupted: usize,
    cards: usize,
    /// Copies of cards that a kill left behind.
    pub(super) doubled: usize,
    clicked_on: usize,
    pub(super) lost: Vec<String>,
    pub(super) unexplained: Vec<String>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, repeated, rows, decisions, clicks, exceptions, removals, calls, interrupted, .. } = self;
        let Self { cards, doubled, clicked_on, lost, unexplained, .. } = self;
        let lost = lost.len();
        writeln!(f, "kills {kills}, {repeated} times without an answer")?;
        writeln!(
            f,
            "acknowledged {rows} rows, {decisions} decisions ({clicks} in Slack), {exceptions} exceptions: lost {lost}"
        )?;
        writeln!(f, "{removals} removals, {calls} calls, {interrupted} attempts cut short")?;
        writeln!(f, "{cards} cards, {doubled} doubled, {clicked_on} of those true at a click only")?;
        write!(f, "unexplained {}", unexplained.len())
    }
}

impl Account {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let book = &evidence.book;
        let mut account = Self {
            kills: evidence.lived.iter().filter(|life| life.is_cut()).count(),
            repeated: book.repeated,
            rows: book.sweeps.values().map(|rows| rows.as_array().unwrap().len()).sum(),
            decisions: book.decided.len() + book.undone.len(),
            clicks: book.decided.iter().filter(|id| book.requests[*id].surface == Surface::Slack).count(),
            clicked_on: evidence.clicked_on,
            ..Self::default()
        };
        account.find_rows(evidence);
        account.find_requests(evidence);
        account.find_exceptions(evidence);
        account.explain_calls(evidence);
        account.explain_cards(evidence);
        account
    }

    /// Fails with what is wrong.
    pub(super) fn demand(&self) {
        assert!(self.lost.is_empty() && self.unexplained.is_empty(), "{self}\n{:#?}", (&self.lost, &self.unexplained));
    }

    fn lost(&mut self, what: impl Into<String>) {
        self.lost.push(what.into());
    }

    fn demand_that(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.unexplained.push(what());
        }
    }

    fn find_rows(&mut self, evidence: &Evidence) {
        for (sweep, rows) in &evidence.book.sweeps {
            if evidence.sweeps.get(sweep) != Some(rows) {
                self.lost(format!("{sweep} was answered {rows}, and is {:?}", evidence.sweeps.get(sweep)));
            }
        }
    }

    fn find_requests(&mut self, evidence: &Evidence) {
        let found: BTreeMap<&str, &Value> =
            evidence.requests.iter().map(|request| (request["id"].as_str().unwrap(), request)).collect();
        for (id, case) in &evidence.book.requests {
            match found.get(id.as_str()) {
                Some(request) => self.find_decision(request, case, &evidence.trails[id], &evidence.book),
                None => self.lost(id),
            }
        }
        for id in found.keys().filter(|id| !evidence.book.requests.contains_key(**id)) {
            self.unexplained.push(format!("nobody reported {id}"));
        }
        self.demand_that(found.len() == evidence.requests.len(), || "a request is listed twice".to_owned());
    }

    fn find_decision(&mut self, request: &Value, case: &Case, trail: &[Value], book: &Book) {
        let (id, decision) = (request["id"].as_str().unwrap(), &request["decision"]);
        let decided = decision["decision"] == case.fate.decision()
            && decision["by"]["email"] == *case.manager.email
            && decision["surface"] == case.surface.label();
        if book.decided.contains(id) && !decided {
            self.lost(format!("the decision of {id}: {decision}"));
        }
        let outcome = case.fate.outcome();
        if request["state"] != "closed" || request["outcome"] != outcome {
            self.lost(format!("{id} should be {outcome}, and is {} {}", request["state"], request["outcome"]));
        }
        let times = trail.iter().filter(|entry| entry["kind"] == "decided").count();
        self.demand_that(times == 1, || format!("{id} was decided {times} times"));
    }

    /// Those that were filed by hand, and one for each seat that is kept.
    fn find_exceptions(&mut self, evidence: &Evidence) {
        let found: BTreeSet<&str> = evidence.exceptions.iter().map(|filed| filed["id"].as_str().unwrap()).collect();
        for id in evidence.book.exceptions.iter().filter(|id| !found.contains(id.as_str())) {
            self.lost(format!("exception {id}"));
        }
        let mut filed: BTreeMap<&str, usize> = BTreeMap::new();
        for request in evidence.exceptions.iter().filter_map(|filed| filed["request_id"].as_str()) {
            *filed.entry(request).or_default() += 1;
        }
        let kept = evidence.book.requests.iter().filter(|(_, case)| case.fate == Fate::Kept);
        for id in kept.map(|(id, _)| id.as_str()) {
            match filed.remove(id) {
                None => self.lost(format!("the exception of {id}")),
                Some(times) => self.demand_that(times == 1, || format!("{id} has {times} exceptions")),
            }
            self.exceptions += 1;
        }
        self.demand_that(filed.is_empty(), || format!("exceptions for what was not kept: {filed:?}"));
        self.exceptions += evidence.book.exceptions.len();
    }

    /// Every removal, and nothing else, was called for: see [`Self::explain_removal`].
    fn explain_calls(&mut self, evidence: &Evidence) {
        let mut removed = BTreeSet::new();
        for request in &evidence.requests {
            let id = request["id"].as_str().unwrap();
            let fate = evidence.book.requests.get(id).map(|case| case.fate);
            if fate == Some(Fate::Removed) {
                let task = request["tasks"][0]["id"].as_str().unwrap();
                self.explain_removal(task, &evidence.trails[id], evidence);
                removed.insert(task);
            }
        }
        for task in evidence.calls.keys().filter(|task| !removed.contains(task.as_str())) {
            self.unexplained.push(format!("{task} was called, and should not have been"));
        }
    }

    /// One key for all calls of a removal. Every attempt but the last lost its lease, in a life that was killed; at most
    /// one call an attempt, and the last attempt was one.
    fn explain_removal(&mut self, task: &str, trail: &[Value], evidence: &Evidence) {
        let of = |kind: &str| -> Vec<&Value> {
            trail.iter().filter(|entry| entry["kind"] == kind && entry["data"]["task"] == task).collect()
        };
        let (begun, ended) = (of("begun"), of("attempt_ended"));
        let calls = evidence.calls.get(task).map(Vec::as_slice).unwrap_or_default();
        self.removals += 1;
        self.calls += calls.len();
        let lost: Vec<bool> = ended.iter().map(|entry| entry["data"]["lease_lost"] == true).collect();
        let in_order = matches!(lost.split_last(), Some((false, before)) if before.iter().all(|lost| *lost));
        self.demand_that(in_order && begun.len() == ended.len(), || format!("{task} was attempted so: {trail:?}"));
        self.demand_that(calls.iter().all(|call| call.key == task), || format!("{task} bears other keys: {calls:?}"));
        let mut calls = calls.iter().peekable();
        for (number, entry) in begun.iter().enumerate() {
            let (at, last): (Timestamp, _) =
                (entry["at"].as_str().unwrap().parse().unwrap(), number + 1 == begun.len());
            let call = calls.next_if(|call| evidence.lived[call.life].covers(at));
            let explained = match call {
                Some(call) => last || evidence.lived[call.life].is_cut(),
                None => !last && evidence.lived.iter().any(|life| life.is_cut() && life.covers(at)),
            };
            self.demand_that(explained, || format!("attempt {number} of {task} at {at}: {call:?}"));
            self.interrupted += usize::from(!last);
        }
        let more: Vec<&Call> = calls.collect();
        self.demand_that(more.is_empty(), || format!("{task} was called without an attempt: {more:?}"));
    }

    /// Every card says how it ended, and no copy has buttons; each copy but one was posted by a life that was killed.
    fn explain_cards(&mut self, evidence: &Evidence) {
        let mut cards: BTreeMap<&str, Vec<&Message>> = BTreeMap::new();
        for message in &evidence.messages {
            match card_of(message) {
                Some(card) => cards.entry(card).or_default().push(message),
                None => self.unexplained.push(format!("a message that is no card: {}", message.text)),
            }
        }
        self.cards = cards.len();
        for (card, copies) in cards {
            let over = copies.iter().all(|copy| copy.controls().is_empty());
            self.demand_that(over && copies.iter().any(|copy| is_true(copy, &evidence.book)), || {
                let said: Vec<_> = copies.iter().map(|copy| (&copy.text, copy.controls())).collect();
                format!("{card} does not say how it ended: {said:?}")
            });
            let lives: BTreeSet<Option<usize>> = copies.iter().map(|copy| copy.life).collect();
            let uncut = copies.iter().filter(|copy| copy.life.is_none_or(|life| !evidence.lived[life].is_cut()));
            self.demand_that(lives.len() == copies.len() && uncut.count() <= 1, || {
                format!("{card} was posted in {lives:?}")
            });
            self.doubled += copies.len() - 1;
        }
    }
}

/// Without a button, and with the words for how its request ended.
pub(super) fn is_true(card: &Message, book: &Book) -> bool {
    let case = asked_about(card).and_then(|request| book.requests.get(&request));
    card.controls().is_empty() && case.is_some_and(|case| card.text.contains(case.fate.words()))
}

/// The request that a card is about, by what its blocks are called.
fn asked_about(card: &Message) -> Option<String> {
    let names = card.blocks.iter().filter_map(|block| block["block_id"].as_str());
    names.flat_map(|name| name.split('/')).find(|part| part.starts_with("req_")).map(str::to_owned)
}

async fn look(door: &Door, path: &str) -> Value {
    let (status, body) = get(door, path).await.unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn items(mut page: Value) -> Vec<Value> {
    page["items"].as_array_mut().map(std::mem::take).unwrap_or_default()
}

/// Every item of a list.
pub(crate) async fn all(door: &Door, path: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = look(door, &format!("{path}?limit=200{cursor}")).await;
        let next = page["next"].as_str().map(|next| format!("&cursor={next}"));
        found.extend(items(page));
        let Some(next) = next else { return found };
        cursor = next;
    }
}
