//! What every page has: the frame around it, the headers that protect it, and what is said when there is none.

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use seatgate_core::gate::GateError;
use seatgate_core::port::StoreError;

use super::Inbox;
use super::identity::Viewer;
use super::notice::Notice;

/// No script, no frame, no form to elsewhere: what slipped through escaping could still do nothing.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                      base-uri 'none'";
const STYLESHEET: &str = include_str!("../../templates/inbox/inbox.css");
const ICON: &str = include_str!("../../templates/inbox/inbox.svg");

/// What is around every page.
pub(super) struct Frame {
    pub(super) base: String,
    pub(super) form_token: String,
    pub(super) viewer: Option<String>,
    /// Whether the viewer operates.
    pub(super) operates: bool,
    /// Whether the viewer picks who they are.
    pub(super) switchable: bool,
    pub(super) notice: Option<Notice>,
}

#[derive(Template)]
#[template(path = "inbox/message.html")]
struct MessagePage {
    frame: Frame,
    title: &'static str,
    text: &'static str,
}

/// Why there is no page to show.
#[derive(Debug)]
pub(super) enum PageError {
    NotFound,
    Forged,
    /// They are known, and may not.
    Forbidden,
    /// Nobody we trust says who they are.
    Unauthenticated,
    /// They are who they are, and nobody has asked them anything.
    Stranger,
    BadForm,
    /// A form that was not read to its end, with the status that says why.
    Unread(StatusCode),
    Unavailable,
    Broken,
}

impl PageError {
    fn words(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "Not found", "There is no such page for you."),
            Self::Forged => (
                StatusCode::FORBIDDEN,
                "This form has expired",
                "Nothing was done. Go back, load the page again and send the form from there.",
            ),
            Self::Forbidden => {
                (StatusCode::FORBIDDEN, "Not for you", "Nothing was changed. Only an operator may do this.")
            }
            Self::Unauthenticated => (
                StatusCode::UNAUTHORIZED,
                "Who are you?",
                "This page is reached through your organisation's sign-in. Nothing here says that you came that way.",
            ),
            Self::Stranger => (StatusCode::OK, "Nothing waits for you", "Nobody has asked you about a seat yet."),
            Self::Unread(status) => (*status, "This form did not arrive", "Nothing was done. Send it again."),
            Self::BadForm => (StatusCode::BAD_REQUEST, "This form cannot be read", "Nothing was done."),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Not now",
                "seatgate cannot answer at the moment. Try again in a little while.",
            ),
            Self::Broken => (StatusCode::INTERNAL_SERVER_ERROR, "That did not work", "The operators can find out why."),
        }
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::from(GateError::from(error))
    }
}

impl From<GateError> for PageError {
    fn from(error: GateError) -> Self {
        match error {
            GateError::NotFound(_) => Self::NotFound,
            error if error.is_transient() => {
                tracing::warn!(%error, "the inbox cannot answer");
                Self::Unavailable
            }
            error => {
                tracing::error!(%error, "the inbox failed");
                Self::Broken
            }
        }
    }
}

impl Inbox {
    pub(super) fn frame(&self, viewer: Option<&Viewer>, notice: Option<Notice>) -> Frame {
        Frame {
            base: self.options.prefix.clone(),
            form_token: self.options.identity.form_token(viewer.map(|viewer| viewer.person)),
            viewer: viewer.map(|viewer| viewer.name.clone()),
            operates: viewer.is_some_and(|viewer| viewer.operates),
            switchable: self.options.identity.is_picked(),
            notice,
        }
    }

    /// A path of ours, as the browser sees it.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.options.prefix)
    }

    /// The page, or what is said in its place.
    pub(super) fn respond(&self, page: Result<Response, PageError>) -> Response {
        page.unwrap_or_else(|error| {
            let (status, title, text) = error.words();
            html(status, &MessagePage { frame: self.frame(None, None), title, text })
        })
    }
}

pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

pub(super) async fn switched_off() -> &'static str {
    "The inbox is switched off. Set [inbox] identity to switch it on.\n"
}

pub(super) async fn stylesheet() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLESHEET).into_response()
}

pub(super) async fn icon() -> Response {
    ([(CONTENT_TYPE, "image/svg+xml")], ICON).into_response()
}

/// The headers of every answer. Nothing is cached: a page tells names, and how things stand now.
pub(super) async fn protect(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 4] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
