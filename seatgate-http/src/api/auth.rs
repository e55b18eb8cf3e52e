//! Who calls.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use seatgate_core::gate::Attempt;
use seatgate_core::person::{Actor, Surface};

use crate::problem::Problem;
use crate::server::App;

const SCHEME: &str = "bearer";

/// Whose token came with the call. Only [`authenticate`] makes one.
#[derive(Clone)]
pub(super) struct Caller(Actor);

impl Caller {
    pub(super) fn actor(&self) -> Actor {
        self.0.clone()
    }
}

/// Lets a call pass that bears a known token, with the [`Caller`] in its extensions.
pub(super) async fn authenticate(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let denial = match bearer(request.headers()) {
        None => "no_token",
        Some(token) => match app.options.tokens.bearer(token) {
            Some(actor) => {
                request.extensions_mut().insert(Caller(actor));
                return next.run(request).await;
            }
            None => "unknown_token",
        },
    };
    app.gate.record_denied(Attempt::new(Actor::anonymous(), Surface::Api, "call", denial)).await;
    let mut response =
        Problem::unauthenticated("expected `Authorization: Bearer` with a token of ours").into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    let token = token.strip_prefix(b" ")?;
    scheme.eq_ignore_ascii_case(SCHEME.as_bytes()).then(|| token.trim_ascii())
}
