//! The routes that Slack calls, for axum.

use std::time::Duration;

use ::axum::Router;
use ::axum::body::Bytes;
use ::axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use ::axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use ::axum::response::{IntoResponse, Json, Response};
use ::axum::routing::{MethodRouter, post};

use crate::inbound::{Ack, AckBody, Route, SlackApp};
use crate::verify::{BODY_LIMIT, RequestHeaders};

/// How long a body may take. Slack's are small and come at once.
const WITHIN: Duration = Duration::from_secs(5);
/// When what was not done may be tried again.
const RETRY_AFTER_SECONDS: &str = "5";

mod follow_ups;

pub use follow_ups::FollowUps;

/// `POST /slack/interactions`, `/slack/commands` and `/slack/events`.
///
/// What follows an answer (opening a modal, telling somebody something) runs as a task beside it. Serve it with limits on
/// how long a client may take to send its headers and on how many clients there are: axum has none.
pub fn routes(app: SlackApp) -> Router {
    routes_with(app, FollowUps::default())
}

/// The same, with what follows answers among `follow_ups`, so that a server can let it end before it stops.
pub fn routes_with(app: SlackApp, follow_ups: FollowUps) -> Router {
    Router::new()
        .route("/slack/interactions", route(Route::Interactions))
        .route("/slack/commands", route(Route::Commands))
        .route("/slack/events", route(Route::Events))
        .with_state(Served { app, follow_ups })
}

/// What every handler is given.
#[derive(Clone)]
struct Served {
    app: SlackApp,
    follow_ups: FollowUps,
}

fn route(route: Route) -> MethodRouter<Served> {
    post(move |State(served): State<Served>, request: Request| answer(served, route, request))
}

async fn answer(Served { app, follow_ups }: Served, route: Route, request: Request) -> Response {
    let headers = request.headers().clone();
    let ack = match whole(request).await {
        Ok(body) => {
            let signature = RequestHeaders::from_lookup(|name| only(&headers, name));
            let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            app.receive(route, &signature, content_type, &body).await
        }
        Err((status, denial)) => app.turn_away(route, status, denial),
    };
    respond(ack, &follow_ups)
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

fn respond(ack: Ack, follow_ups: &FollowUps) -> Response {
    let Ack { status, body, after } = ack;
    if let Some(after) = after {
        follow_ups.spawn(after);
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match body {
        None => status.into_response(),
        Some(AckBody::Json(body)) => (status, Json(body)).into_response(),
        Some(AckBody::Text(body)) => (status, body).into_response(),
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    response
}
