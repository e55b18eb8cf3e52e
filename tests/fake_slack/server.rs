//! The socket: HTTP in, the Web API and response URLs behind it, connections that break when a fault says so.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use seatgate_core::time::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::{APP_TOKEN, Call, FakeSlack, Fault, TOKEN, hooks, socket, web_api};

/// The one method that takes the app-level token.
const OPEN: &str = "apps.connections.open";

/// A response with this in it is never sent: the connection ends instead.
#[derive(Clone)]
struct Reset;

pub(super) async fn serve(listener: TcpListener, fake: FakeSlack) {
    let router = Router::new()
        .route("/api/{method}", post(api))
        .route("/{life}/api/{method}", post(api_of_life))
        .route("/response/{id}", post(hooks::respond))
        .route("/link/{ticket}", get(socket::link))
        .with_state(fake);
    while let Ok((stream, _)) = listener.accept().await {
        let router = router.clone();
        let service = tower::service_fn(move |request: Request<_>| {
            let answered = router.clone().oneshot(request.map(Body::new));
            async move { answered.await.map_err(|never: Infallible| match never {}).and_then(unless_reset) }
        });
        tokio::spawn(async move {
            let service = TowerToHyperService::new(service);
            // A connection that breaks is what a test asked for, or its end.
            let builder = auto::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
        });
    }
}

fn unless_reset(response: Response) -> Result<Response, io::Error> {
    match response.extensions().get::<Reset>() {
        Some(Reset) => Err(io::ErrorKind::ConnectionReset.into()),
        None => Ok(response),
    }
}

async fn api(State(fake): State<FakeSlack>, Path(method): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    perform(&fake, None, method, &headers, &body).await
}

async fn api_of_life(
    State(fake): State<FakeSlack>,
    Path((life, method)): Path<(usize, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    perform(&fake, Some(life), method, &headers, &body).await
}

async fn perform(fake: &FakeSlack, life: Option<usize>, method: String, headers: &HeaderMap, body: &Bytes) -> Response {
    let content_type = header_text(headers, header::CONTENT_TYPE);
    let parameters = web_api::parameters(&method, &content_type, body);
    let channel = parameters["channel"].as_str().map(str::to_owned);
    let now = fake.clock.now();
    let fault = fake.with(|state| {
        let limited = state.admit(&method, channel.as_deref(), now).err();
        let limited = limited.map(|seconds| Fault::RateLimited { seconds });
        let fault = limited.or_else(|| state.faults.take(&method, channel.as_deref()));
        let (method, channel, body, broken) = (method.clone(), channel.clone(), parameters.clone(), fault.is_some());
        state.calls.push(Call { method, channel, content_type, body, life, broken });
        fault
    });
    if let Some(fault) = fault.as_ref().filter(|fault| !fault.is_after()) {
        return break_down(fault).await;
    }
    let outcome = match header_text(headers, header::AUTHORIZATION).strip_prefix("Bearer ") {
        None => Err("not_authed"),
        Some(TOKEN) if method == OPEN => Err("not_allowed_token_type"),
        Some(APP_TOKEN) if method == OPEN => Ok(fake.open_socket()),
        Some(APP_TOKEN) => Err("not_allowed_token_type"),
        Some(token) if token != TOKEN => Err("invalid_auth"),
        Some(_) => fake.with(|state| web_api::perform(state, &method, &parameters, life, now)),
    };
    match fault {
        Some(fault) => break_down(&fault).await,
        None => fake.look(|state| answer(outcome, state, now)),
    }
}

fn answer(outcome: Result<Value, &'static str>, state: &super::State, now: Timestamp) -> Response {
    let scopes = state.scopes.iter().cloned().collect::<Vec<_>>().join(",");
    let seconds = u64::try_from(now.saturating_add(state.ahead).as_seconds()).unwrap();
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    let body = match outcome {
        Ok(mut body) => {
            body["ok"] = json!(true);
            body
        }
        Err(error) => json!({"ok": false, "error": error}),
    };
    ([("x-oauth-scopes", scopes), ("date", date)], axum::Json(body)).into_response()
}

async fn break_down(fault: &Fault) -> Response {
    match fault {
        Fault::Error(error) => axum::Json(json!({"ok": false, "error": error})).into_response(),
        Fault::RateLimited { seconds } => {
            let headers = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(json!({"ok": false, "error": "ratelimited"})))
                .into_response()
        }
        Fault::StatusBefore(status) | Fault::StatusAfter(status) => {
            (StatusCode::from_u16(*status).unwrap(), "<html>broken</html>").into_response()
        }
        Fault::SilentBefore | Fault::SilentAfter => pending().await,
        Fault::ResetBefore | Fault::ResetAfter => {
            let mut response = Response::default();
            response.extensions_mut().insert(Reset);
            response
        }
        Fault::BodyAfter(body) => body.clone().into_response(),
    }
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
