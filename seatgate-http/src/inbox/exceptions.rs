//! The seats that are not asked about, and until when.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use seatgate_core::gate::{Gate, GateError};
use seatgate_core::id::{AccountId, ExceptionId, PersonRef, RequestId, TextId};
use seatgate_core::person::{Actor, PersonDetails};
use seatgate_core::port::{Exception, NamedSeat, RequestFilter, StoreError};
use seatgate_core::seat::AccountNames;
use serde::Deserialize;

use super::Inbox;
use super::identity::Viewer;
use super::notice::{Code, Notice};
use super::page::{Frame, PageError, html};
use super::words::{Said, Words};

/// How many are shown at a time.
const PAGE: usize = 100;

#[derive(Template)]
#[template(path = "inbox/exceptions.html")]
struct ExceptionsPage {
    frame: Frame,
    lines: Vec<Line>,
    /// Whether the viewer may revoke them.
    operates: bool,
    /// Where the next page starts.
    next: Option<String>,
}

struct Line {
    id: String,
    app: String,
    account: String,
    until: String,
    reason: String,
    by: String,
    filed: String,
    request: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RevokeForm {
    #[serde(default)]
    token: String,
}

pub(super) async fn show(State(inbox): State<Inbox>, said: Said, headers: HeaderMap) -> Response {
    inbox.respond(page(&inbox, &headers, &Words::of(said)).await)
}

async fn page(inbox: &Inbox, headers: &HeaderMap, words: &Words) -> Result<Response, PageError> {
    let Some(viewer) = inbox.viewer(headers).await? else {
        return Ok(Redirect::to(&inbox.path("/")).into_response());
    };
    let notice = words.code().and_then(Code::elsewhere);
    list(inbox, StatusCode::OK, &viewer, notice, words).await
}

pub(super) async fn revoke(
    State(inbox): State<Inbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<RevokeForm>, FormRejection>,
) -> Response {
    inbox.respond(revoked(&inbox, &id, &headers, form).await)
}

async fn revoked(
    inbox: &Inbox,
    id: &str,
    headers: &HeaderMap,
    form: Result<Form<RevokeForm>, FormRejection>,
) -> Result<Response, PageError> {
    let Form(form) = form.map_err(|_| PageError::BadForm)?;
    let viewer = inbox.sender(headers, &form.token).await?;
    let id: ExceptionId = id.parse().map_err(|_| PageError::NotFound)?;
    if end(&inbox.gate, id, &viewer).await? {
        let path = format!("/exceptions?notice={}", Code::Revoked.label());
        return Ok(Redirect::to(&inbox.path(&path)).into_response());
    }
    let notice = Notice::refused("Nothing was changed. This exception does not hold any more.");
    list(inbox, StatusCode::CONFLICT, &viewer, Some(notice), &Words::default()).await
}

/// Ends an exception in the viewer's name, if it holds: only operators may.
async fn end(gate: &Gate, id: ExceptionId, viewer: &Viewer) -> Result<bool, PageError> {
    match gate.revoke_exception(id, &viewer.submission()).await {
        Ok(()) => Ok(true),
        Err(GateError::NoException(_)) => Ok(false),
        Err(GateError::Denied(_)) => Err(PageError::Forbidden),
        Err(error) => Err(error.into()),
    }
}

async fn list(
    inbox: &Inbox,
    status: StatusCode,
    viewer: &Viewer,
    notice: Option<Notice>,
    words: &Words,
) -> Result<Response, PageError> {
    let gate = &inbox.gate;
    let (exceptions, next) = match viewer.operates {
        true => all(gate, words.after()).await?,
        false => of_requests(gate, viewer.person, words.after()).await?,
    };
    let page = ExceptionsPage {
        frame: inbox.frame(Some(viewer), notice),
        lines: lines(gate, exceptions).await?,
        operates: viewer.operates,
        next,
    };
    Ok(html(status, &page))
}

/// Some of those that hold, and where the next ones start.
type Part = (Vec<Exception>, Option<String>);

async fn all(gate: &Gate, after: Option<ExceptionId>) -> Result<Part, GateError> {
    let mut exceptions = gate.exceptions().list(gate.now(), after, PAGE + 1).await?;
    let more = exceptions.len() > PAGE;
    exceptions.truncate(PAGE);
    let next = exceptions.last().filter(|_| more).map(|last| last.id.to_string());
    Ok((exceptions, next))
}

/// Those that hold and answered a request which this person was asked about, in the order of the requests. Where some
/// were revoked, a page is shorter.
async fn of_requests(gate: &Gate, person: PersonRef, after: Option<RequestId>) -> Result<Part, GateError> {
    let now = gate.now();
    let mut filter = RequestFilter::first(PAGE + 1);
    (filter.asked, filter.kept_beyond, filter.after) = (Some(person), Some(now), after);
    let mut kept = gate.queries().list(&filter).await?;
    let more = kept.len() > PAGE;
    kept.truncate(PAGE);
    let next = kept.last().filter(|_| more).map(|last| last.id.to_string());
    let joined = gate.join(&kept).await?;
    let seats: Vec<NamedSeat> = kept
        .iter()
        .filter_map(|request| request.seat())
        .map(|seat| NamedSeat::new(seat.clone(), named(joined.account(seat.account))))
        .collect();
    let active = gate.exceptions().active(&seats, now).await?;
    // The seat may be under another exception by now, which is not theirs to read.
    let theirs = |exception: &Exception| kept.iter().any(|kept| Some(kept.id) == exception.request);
    Ok((active.into_iter().flatten().filter(theirs).collect(), next))
}

fn named(names: Option<&AccountNames>) -> AccountNames {
    names.cloned().unwrap_or_else(|| AccountNames::new(None, None, None))
}

async fn lines(gate: &Gate, exceptions: Vec<Exception>) -> Result<Vec<Line>, StoreError> {
    let accounts: Vec<AccountId> = exceptions.iter().map(|exception| exception.seat.account).collect();
    let people: Vec<PersonRef> = exceptions.iter().filter_map(|exception| exception.filed_by.person()).collect();
    let texts: Vec<TextId> = exceptions.iter().filter_map(|exception| Some(exception.reason?.id)).collect();
    let store = gate.people();
    let accounts = known(&accounts, store.account_names(&accounts).await?);
    let people = known(&people, store.details(&people).await?);
    let texts = known(&texts, store.texts(&texts).await?);
    let line = |exception: Exception| Line {
        id: exception.id.to_string(),
        app: exception.seat.app.label().to_owned(),
        account: accounts.get(&exception.seat.account).map_or_else(|| ERASED.to_owned(), AccountNames::label),
        until: exception.until.last_date(),
        reason: exception.reason.and_then(|text| texts.get(&text.id).cloned()).unwrap_or_default(),
        by: name(&exception.filed_by, &people),
        filed: exception.filed_at.date(),
        request: exception.request.map(|request| request.to_string()),
    };
    Ok(exceptions.into_iter().map(line).collect())
}

const ERASED: &str = "(erased)";

fn name(actor: &Actor, people: &BTreeMap<PersonRef, PersonDetails>) -> String {
    match actor {
        Actor::Person(person) => people.get(person).map_or_else(|| ERASED.to_owned(), PersonDetails::label),
        Actor::Policy => "the policy".to_owned(),
        other => other.to_string(),
    }
}

fn known<K: Ord + Copy, V>(keys: &[K], values: Vec<Option<V>>) -> BTreeMap<K, V> {
    keys.iter().zip(values).filter_map(|(key, value)| Some((*key, value?))).collect()
}
