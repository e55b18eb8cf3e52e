//! The forms of the demo: saying who one is, and handing in the sample sweep.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use seatgate_core::gate::Sweep;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::RowStatus;
use serde::Deserialize;

use super::Inbox;
use super::identity::Viewer;
use super::notice::Code;
use super::overview::choices;
use super::page::PageError;

#[derive(Deserialize)]
pub(super) struct PickForm {
    token: String,
    /// Empty: nobody any more.
    person: String,
}

#[derive(Deserialize)]
pub(super) struct SampleForm {
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
    inbox.check_token(headers, &form.token).await?;
    let person = match form.person.as_str() {
        "" => None,
        picked => {
            let known = choices(&inbox.gate).await?.into_iter().any(|choice| choice.person == picked);
            let person = picked.parse().ok().filter(|_| known);
            Some(person.ok_or(PageError::BadForm)?)
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
    inbox.check_token(headers, &form.token).await?;
    let sample = inbox.options.sample.as_ref().ok_or(PageError::NotFound)?;
    let sender = Actor::system("demo").ok_or(PageError::Broken)?;
    let rows = sample(inbox.gate.now()).into_iter().map(Ok).collect();
    let report = inbox.gate.sweep(Sweep::new(sender, Surface::Inbox, rows)).await?;
    let asked = report.counts().contains_key(&RowStatus::Asked);
    let code = if asked { Code::Sample } else { Code::SampleAgain };
    Ok(Redirect::to(&inbox.path(&format!("/?notice={}", code.label()))).into_response())
}

impl Inbox {
    /// Whether a form was sent from a page that we showed to whoever sends it.
    pub(super) async fn check_token(&self, headers: &HeaderMap, token: &str) -> Result<(), PageError> {
        let person = self.viewer(headers).await?.map(|viewer| viewer.person);
        if self.options.identity.form_fits(person, token) { Ok(()) } else { Err(PageError::Forged) }
    }

    /// Whoever sent a form, if it was sent from a page that we showed to them.
    pub(super) async fn sender(&self, headers: &HeaderMap, token: &str) -> Result<Viewer, PageError> {
        let viewer = self.viewer(headers).await?.ok_or(PageError::Forged)?;
        let ours = self.options.identity.form_fits(Some(viewer.person), token);
        if ours { Ok(viewer) } else { Err(PageError::Forged) }
    }
}
