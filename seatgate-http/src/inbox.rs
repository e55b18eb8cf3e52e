//! The web inbox: where people see what they are asked and answer it.
//!
//! Rendered on the server, plain forms, no script. It decides nothing itself: every answer becomes a
//! [`Submission`](seatgate_core::gate::Submission) and goes through [`Gate::act`](seatgate_core::gate::Gate::act), like
//! those of every other surface. People see the requests that they were asked about, operators see all; what was saved, in
//! sums that name nobody, is shown to everybody who is known.
//!
//! Who is looking is said by [`InboxIdentity`]. [`InboxIdentity::trusted_header`] believes a proxy that signs people in and
//! proves itself by a shared secret. [`InboxIdentity::demo`] lets anybody who reaches the page pick a person: it is for
//! trials on one machine, and answers only to the names of that machine.

mod act;
mod answer;
mod asking;
mod bulk;
mod card;
mod controls;
mod exceptions;
mod fields;
mod identity;
mod list;
mod notice;
mod offboarding;
mod offboardings;
mod overview;
mod page;
mod pick;
mod request;
mod savings;
mod start;
mod timeline;
mod words;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use seatgate_core::gate::Gate;
use seatgate_core::seat::Candidate;
use seatgate_core::time::Timestamp;

pub use identity::{InboxIdentity, PROXY_SECRET_HEADER, TrustedHeaderError};

/// A form holds a reason of at most 2000 characters and little else.
const LARGEST_FORM: usize = 64 * 1024;

type SampleSweep = Arc<dyn Fn(Timestamp) -> Vec<Candidate> + Send + Sync>;

/// How the inbox is set up.
#[derive(Clone)]
pub struct InboxOptions {
    identity: InboxIdentity,
    prefix: String,
    sample: Option<SampleSweep>,
}

impl InboxOptions {
    /// An inbox at `/` whose visitors are known by `identity`.
    #[must_use]
    pub fn new(identity: InboxIdentity) -> Self {
        Self { identity, prefix: String::new(), sample: None }
    }

    /// The path under which the router is nested, such as `/inbox`: links start with it.
    #[must_use]
    pub fn nested_under(mut self, prefix: &str) -> Self {
        prefix.trim_end_matches('/').clone_into(&mut self.prefix);
        self
    }

    /// Offers a button that hands in these candidates as a sweep by `system:demo`. Only in demo mode.
    #[must_use]
    pub fn offering_sample(mut self, sample: impl Fn(Timestamp) -> Vec<Candidate> + Send + Sync + 'static) -> Self {
        self.sample = Some(Arc::new(sample));
        self
    }

    fn offers_sample(&self) -> bool {
        self.sample.is_some() && self.identity.is_picked()
    }
}

impl fmt::Debug for InboxOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxOptions").field("identity", &self.identity).field("prefix", &self.prefix).finish()
    }
}

#[derive(Clone)]
struct Inbox {
    gate: Gate,
    options: Arc<InboxOptions>,
}

/// The pages of the inbox. While the identity is off, `/` says so and nothing else is there.
///
/// Forms are accepted only with a token that is bound to the person looking, so that no other site can answer for them.
pub fn router(gate: Gate, options: InboxOptions) -> Router {
    if options.identity.is_off() {
        return Router::new().route("/", get(page::switched_off)).layer(map_response(page::protect));
    }
    let mut routes = Router::new()
        .route("/", get(overview::show))
        .route("/inbox.css", get(page::stylesheet))
        .route("/inbox.svg", get(page::icon))
        .route("/bulk", post(bulk::answer))
        .route("/exceptions", get(exceptions::show))
        .route("/savings", get(savings::show))
        .route("/savings.csv", get(savings::csv))
        .route("/exceptions/{id}/revoke", post(exceptions::revoke))
        .route("/offboardings.csv", get(offboardings::csv))
        .route("/offboardings", get(offboardings::show).post(start::start))
        .route("/requests", get(list::show))
        .route("/requests/{id}", get(request::show))
        .route("/requests/{id}/decision", post(answer::decide))
        .route("/requests/{id}/reassign", post(act::reassign))
        .route("/requests/{id}/undo", post(act::undo))
        .route("/requests/{id}/withdraw", post(act::withdraw))
        .route("/requests/{id}/stop", post(act::stop))
        .route("/requests/{id}/tasks/{task}", post(act::resolve));
    if options.identity.is_picked() {
        routes = routes.route("/person", post(pick::choose));
    }
    if options.offers_sample() {
        routes = routes.route("/demo/sample", post(pick::send_sample));
    }
    let inbox = Inbox { gate, options: Arc::new(options) };
    routes
        .layer(from_fn_with_state(inbox.clone(), whole_form))
        .layer(from_fn_with_state(inbox.clone(), identity::admit))
        .layer(map_response(page::protect))
        .with_state(inbox)
}

/// Lets a form through once all of it is there.
async fn whole_form(State(inbox): State<Inbox>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut unread = Request::new(body);
    unread.headers_mut().clone_from(&parts.headers);
    match crate::request::whole(unread, LARGEST_FORM).await {
        Ok(form) => next.run(Request::from_parts(parts, Body::from(form))).await,
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            inbox.respond(Err(page::PageError::Unread(status)))
        }
    }
}

#[cfg(test)]
mod tests;
