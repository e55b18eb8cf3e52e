//! The routes that Slack calls, for axum.

use std::time::Duration;

use ::axum::Router;
use ::axum::body::Bytes;
use ::axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use ::axum::http::{HeaderMap, HeaderName, StatusCode, header};
use ::axum::response::{IntoResponse, Json, Response};
use ::axum::routing::{MethodRouter, post};

use crate::inbound::{Ack, AckBody, Route, SlackApp};
use crate::verify::{BODY_LIMIT, RequestHeaders};

/// How long a body may take. Slack's are small and come at once.
const WITHIN: Duration = Duration::from_secs(5);

/// `POST /slack/interactions`, `/slack/commands` and `/slack/events`.
///
/// What follows an answer (opening a modal, telling somebody something) runs as a task beside it. Serve it with limits on
/// how long a client may take to send its headers and on how many clients there are: axum has none.
pub fn routes(app: SlackApp) -> Router {
    Router::new()
        .route("/slack/interactions", route(Route::Interactions))
        .route("/slack/commands", route(Route::Commands))
        .route("/slack/events", route(Route::Events))
        .with_state(app)
}

fn route(route: Route) -> MethodRouter<SlackApp> {
    post(move |State(app): State<SlackApp>, request: Request| answer(app, route, request))
}

async fn answer(app: SlackApp, route: Route, request: Request) -> Response {
    let headers = request.headers().clone();
    let ack = match whole(request).await {
        Ok(body) => {
            let signature = RequestHeaders::from_lookup(|name| only(&headers, name));
            let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            app.receive(route, &signature, content_type, &body).await
        }
        Err((status, denial)) => app.turn_away(route, status, denial),
    };
    respond(ack)
}

/// The body to its end: plain bytes, under the cap and in time; else the status and what it is recorded as.
async fn whole(mut request: Request) -> Result<Bytes, (u16, &'static str)> {
    DefaultBodyLimit::max(BODY_LIMIT).apply(&mut request);
    let body = tokio::time::timeout(WITHIN, Bytes::from_request(request, &())).await;
    match body.map_err(|_| (408, "too_slow"))? {
        Ok(body) => Ok(body),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err((413, "too_large")),
        Err(_) => Err((400, "broken_off")),
    }
}

/// The one value of a header; with several, two readers could each take another one.
fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(HeaderName::from_static(name)).iter();
    values.next().filter(|_| values.next().is_none()).map(|value| value.as_bytes())
}

fn respond(ack: Ack) -> Response {
    let Ack { status, body, after } = ack;
    if let Some(after) = after {
        tokio::spawn(after);
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match body {
        None => status.into_response(),
        Some(AckBody::Json(body)) => (status, Json(body)).into_response(),
        Some(AckBody::Text(body)) => (status, body).into_response(),
    }
}
