//! The demo: saying who one is, and handing in the sample sweep.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use seatgate_core::gate::{Gate, Sweep};
use seatgate_core::id::PersonRef;
use seatgate_core::person::{Actor, Identity, Surface};
use seatgate_core::port::{AskedPerson, RequestFilter, RowStatus, StoreError};
use seatgate_core::request::StateLabel;
use serde::Deserialize;

use super::Inbox;
use super::notice::{Code, Notice};
use super::page::{Frame, PageError, html};
use super::words::Words;

/// How many people are shown at a time.
const PAGE: usize = 100;

/// Somebody who can be picked.
struct Choice {
    person: String,
    name: String,
    address: String,
    waiting: u64,
}

#[derive(Template)]
#[template(path = "inbox/pick.html")]
struct PickPage {
    frame: Frame,
    choices: Vec<Choice>,
    /// Whether there are too many to look through.
    searchable: bool,
    /// Who was looked for.
    address: String,
    /// Where the next page starts.
    next: Option<String>,
    offers_sample: bool,
}

#[derive(Deserialize)]
pub(super) struct PickForm {
    #[serde(default)]
    token: String,
    /// Empty: nobody any more.
    person: String,
}

#[derive(Deserialize)]
pub(super) struct SampleForm {
    #[serde(default)]
    token: String,
}

pub(super) async fn choose(
    State(inbox): State<Inbox>,
    headers: HeaderMap,
    form: Result<Form<PickForm>, FormRejection>,
) -> Response {
    inbox.respond(choice(&inbox, &headers, form).await)
}

async fn choice(
    inbox: &Inbox,
    headers: &HeaderMap,
    form: Result<Form<PickForm>, FormRejection>,
) -> Result<Response, PageError> {
    let Form(form) = form.map_err(|_| PageError::BadForm)?;
    inbox.form_from(headers, &form.token).await?;
    let person = match form.person.as_str() {
        "" => None,
        picked => {
            let person = picked.parse().map_err(|_| PageError::BadForm)?;
            Some(waiting_for(&inbox.gate, person).await?.ok_or(PageError::BadForm)?.person)
        }
    };
    let cookie = inbox.options.identity.cookie(person, &inbox.options.prefix);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&inbox.path("/"))).into_response())
}

pub(super) async fn send_sample(
    State(inbox): State<Inbox>,
    headers: HeaderMap,
    form: Result<Form<SampleForm>, FormRejection>,
) -> Response {
    inbox.respond(sample(&inbox, &headers, form).await)
}

async fn sample(
    inbox: &Inbox,
    headers: &HeaderMap,
    form: Result<Form<SampleForm>, FormRejection>,
) -> Result<Response, PageError> {
    let Form(form) = form.map_err(|_| PageError::BadForm)?;
    inbox.form_from(headers, &form.token).await?;
    let sample = inbox.options.sample.as_ref().ok_or(PageError::NotFound)?;
    let sender = Actor::system("demo").ok_or(PageError::Broken)?;
    let rows = sample(inbox.gate.now()).into_iter().map(Ok).collect();
    let report = inbox.gate.sweep(Sweep::new(sender, Surface::Inbox, rows)).await?;
    let asked = report.counts().contains_key(&RowStatus::Asked);
    let code = if asked { Code::Sample } else { Code::SampleAgain };
    Ok(Redirect::to(&inbox.path(&format!("/?notice={}", code.label()))).into_response())
}

impl Inbox {
    /// The page on which one picks who one is.
    pub(super) async fn pick_page(&self, notice: Option<Notice>, words: &Words) -> Result<Response, PageError> {
        let (gate, after) = (&self.gate, words.after());
        let (people, next) = match words.address() {
            Some(address) => (with_address(gate, address).await?, None),
            None => everybody(gate, after).await?,
        };
        let page = PickPage {
            frame: self.frame(None, notice),
            choices: choices(gate, &people).await?,
            searchable: next.is_some() || after.is_some() || words.address().is_some(),
            address: words.address().unwrap_or_default().to_owned(),
            next: next.map(|person| person.to_string()),
            offers_sample: self.options.offers_sample(),
        };
        Ok(html(StatusCode::OK, &page))
    }
}

/// Some of those who can be picked, and after whom the next ones come. Operators, who are few, come first.
async fn everybody(gate: &Gate, after: Option<PersonRef>) -> Result<(Vec<AskedPerson>, Option<PersonRef>), StoreError> {
    let mut asked = gate.queries().asked_people(after, PAGE + 1).await?;
    let more = asked.len() > PAGE;
    asked.truncate(PAGE);
    let next = asked.last().filter(|_| more).map(|last| last.person);
    let operators = &gate.settings().operators;
    asked.retain(|asked| !operators.contains(&asked.person));
    let mut people = Vec::with_capacity(asked.len());
    if after.is_none() {
        for operator in operators {
            people.extend(waiting_for(gate, *operator).await?);
        }
    }
    people.extend(asked);
    Ok((people, next))
}

async fn with_address(gate: &Gate, address: &str) -> Result<Vec<AskedPerson>, StoreError> {
    let Ok(address) = address.parse() else { return Ok(Vec::new()) };
    let Some(person) = gate.people().find(&Identity::Email(address)).await? else { return Ok(Vec::new()) };
    Ok(waiting_for(gate, person).await?.into_iter().collect())
}

/// What waits for somebody who can be picked: they operate, or were asked once.
async fn waiting_for(gate: &Gate, person: PersonRef) -> Result<Option<AskedPerson>, StoreError> {
    let mut once = RequestFilter::first(1);
    once.asked = Some(person);
    if !gate.settings().operators.contains(&person) && gate.queries().list(&once).await?.is_empty() {
        return Ok(None);
    }
    let counts = gate.queries().count_by_state(Some(person)).await?;
    Ok(Some(AskedPerson::new(person, counts.of(StateLabel::AwaitingDecision))))
}

/// By name. Who was erased is nobody.
async fn choices(gate: &Gate, people: &[AskedPerson]) -> Result<Vec<Choice>, StoreError> {
    let waiting: BTreeMap<_, _> = people.iter().map(|asked| (asked.person, asked.waiting)).collect();
    let people: Vec<PersonRef> = waiting.keys().copied().collect();
    let known = gate.people().details(&people).await?.into_iter().flatten();
    let mut choices: Vec<Choice> = known
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
