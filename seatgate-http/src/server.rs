//! The routes as one [`axum::Router`].

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{from_fn, map_response};
use axum::response::Response;
use axum::routing::get;
use seatgate_core::gate::Gate;

use crate::intake::mapping::Mapping;
use crate::probe::{AskLeaving, AskSlack};
use crate::problem::Problem;
use crate::room::Room;
use crate::sign::Verifier;
use crate::token::ApiTokens;
use crate::{api, intake, openapi, probe, trace};

pub use crate::probe::SlackHealth;

/// What the routes need beside the gate.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    pub(crate) intake: Verifier,
    pub(crate) tokens: ApiTokens,
    pub(crate) mappings: BTreeMap<String, Mapping>,
    pub(crate) slack: Option<AskSlack>,
    pub(crate) leaving: AskLeaving,
}

impl HttpOptions {
    /// Takes in what `intake` verifies, and answers whoever has one of `tokens`. The presets of mappings are there.
    #[must_use]
    pub fn new(intake: Verifier, tokens: ApiTokens) -> Self {
        let preset = |name: &'static str| Some((name.to_owned(), Mapping::preset(name)?));
        let mappings = Mapping::presets().into_iter().filter_map(preset).collect();
        Self { intake, tokens, mappings, slack: None, leaving: AskLeaving::default() }
    }

    /// Tells on `/readyz` and `/metrics` how Slack is; `ask` must answer at once.
    #[must_use]
    pub fn slack(mut self, ask: impl Fn() -> SlackHealth + Send + Sync + 'static) -> Self {
        self.slack = Some(AskSlack(Arc::new(ask)));
        self
    }

    /// Answers 503 on `/readyz` once `ask` says that the server is about to stop, so that nobody is sent here any more. It
    /// must answer at once.
    #[must_use]
    pub fn leaving(mut self, ask: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.leaving = AskLeaving(Arc::new(ask));
        self
    }

    /// With a mapping that deliveries choose by this name, also in place of a preset.
    #[must_use]
    pub fn mapping(mut self, name: impl Into<String>, mapping: Mapping) -> Self {
        self.mappings.insert(name.into(), mapping);
        self
    }
}

/// What every handler is given.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) gate: Gate,
    pub(crate) options: Arc<HttpOptions>,
    pub(crate) room: Room,
}

/// Intake, API, probes and `/metrics`, which needs no token: it holds numbers only.
///
/// It brings the fallbacks for unknown paths and methods, so another router that is merged into it must have none. The
/// header `X-Content-Type-Options` is set on what is in here; a merged router sets its own.
///
/// A body must come whole within a minute. Serve it with a limit on how long a client may take to send its headers, and
/// on how many clients there are: axum has none.
pub fn router(gate: Gate, options: HttpOptions) -> Router {
    let app = App { gate, options: Arc::new(options), room: Room::default() };
    Router::new()
        .route("/v1/candidates", intake::route())
        .merge(api::routes(&app))
        .route("/livez", get(probe::livez))
        .route("/readyz", get(probe::readyz))
        .route("/metrics", get(probe::metrics))
        .route("/openapi.json", get(openapi::document))
        .route_layer(from_fn(trace::traced))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(map_response(no_sniffing))
        .with_state(app)
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
