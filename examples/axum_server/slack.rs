//! Slack, put together.

use std::sync::Arc;

use axum::Router;
use seatgate_core::gate::Gate;
use seatgate_core::port::SystemClock;
use seatgate_core::seat::Channel;
use seatgate_http::server::SlackHealth;
use seatgate_slack::axum::{FollowUps, routes_with};
use seatgate_slack::card::Renderer;
use seatgate_slack::client::{SetupError, SlackClient};
use seatgate_slack::inbound::SlackApp;
use seatgate_slack::notifier::SlackNotifier;
use seatgate_slack::payload::PayloadReader;
use seatgate_slack::workspace::Workspace;
use url::Url;

use crate::client::chain;
use crate::config::SlackConfig;

/// The workspace, or the organisation, that the bot token belongs to.
pub(crate) fn workspace(slack: &SlackConfig) -> Result<Workspace, SetupError> {
    let clock = Arc::new(SystemClock);
    let client = SlackClient::builder(slack.token.clone(), clock.clone());
    let client = slack.api_url.iter().fold(client, |client, url| client.base_url(url.as_str())).build()?;
    Ok(Workspace::new(client, Renderer::default(), clock))
}

/// Shows cards in it; whoever cannot be written to is asked in `channel`.
pub(crate) fn notifier(workspace: &Workspace, channel: Option<Channel>) -> Arc<SlackNotifier> {
    Arc::new(SlackNotifier::new(workspace.clone()).fallback(channel))
}

/// Hears clicks; what follows an answer is among `follow_ups` until it has ended.
pub(crate) fn routes(gate: Gate, slack: &SlackConfig, workspace: &Workspace, follow_ups: &FollowUps) -> Router {
    let app = SlackApp::new(gate, workspace.clone(), slack.secrets.clone()).reading_with(reader(slack));
    routes_with(app, follow_ups.clone())
}

/// Where somebody plays Slack, they are answered, too.
fn reader(slack: &SlackConfig) -> PayloadReader {
    let origin = slack.api_url.as_ref().and_then(|url| url.join("/").ok());
    origin.into_iter().fold(PayloadReader::new(), |reader, origin: Url| reader.also_respond_below(origin))
}

/// How Slack is, as the last call showed.
pub(crate) fn health(workspace: &Workspace) -> SlackHealth {
    let meter = workspace.client().meter();
    let calls = meter.calls.into_iter().map(|((method, result), count)| (method, result, count));
    SlackHealth::new(meter.standing.label(), calls.collect()).unknown_payloads(workspace.unknown_payloads())
}

/// Calls Slack once, so that `/readyz` and the log tell from the start whether the token works.
pub(crate) async fn look(workspace: Workspace) {
    if let Err(error) = workspace.client().auth_test().await {
        tracing::warn!(error = chain(&error), "Slack does not answer as it should: the command doctor says more");
    }
}
