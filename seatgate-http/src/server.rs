//! The routes as one [`axum::Router`].

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use seatgate_core::gate::Gate;
use seatgate_core::port::RequestFilter;
use serde_json::json;

use crate::problem::Problem;
use crate::sign::Verifier;
use crate::token::ApiTokens;
use crate::{api, intake};

/// How long the store may take to show that it is there.
const READY_WITHIN: Duration = Duration::from_secs(3);

/// What the routes need beside the gate.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    pub(crate) intake: Verifier,
    pub(crate) tokens: ApiTokens,
}

impl HttpOptions {
    /// Takes in what `intake` verifies, and answers whoever has one of `tokens`.
    #[must_use]
    pub fn new(intake: Verifier, tokens: ApiTokens) -> Self {
        Self { intake, tokens }
    }
}

/// What every handler is given.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) gate: Gate,
    pub(crate) options: Arc<HttpOptions>,
}

/// Intake, API and probes.
///
/// It brings the fallbacks for unknown paths and methods, so another router that is merged into it must have none. The
/// header `X-Content-Type-Options` is set on what is in here; a merged router sets its own.
///
/// Serve it behind something that limits how long a client may take to send its request: axum does not.
pub fn router(gate: Gate, options: HttpOptions) -> Router {
    let app = App { gate, options: Arc::new(options) };
    Router::new()
        .route("/v1/candidates", intake::route())
        .merge(api::routes(&app))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(map_response(no_sniffing))
        .with_state(app)
}

async fn livez() -> &'static str {
    "ok"
}

async fn readyz(State(app): State<App>) -> Response {
    let nothing_much = RequestFilter::first(1);
    let ready = match tokio::time::timeout(READY_WITHIN, app.gate.queries().list(&nothing_much)).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the store did not answer");
            false
        }
        Err(_) => {
            tracing::warn!("not ready: the store did not answer in time");
            false
        }
    };
    let (status, word) = if ready { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") };
    let body = Json(json!({ "status": word }));
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}

async fn not_found() -> Problem {
    Problem::not_found("there is nothing at this path")
}

async fn method_not_allowed() -> Problem {
    let detail = "this path does not take this method; see the header `Allow`";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
}

async fn no_sniffing(mut response: Response) -> Response {
    let name = HeaderName::from_static("x-content-type-options");
    response.headers_mut().insert(name, HeaderValue::from_static("nosniff"));
    response
}
