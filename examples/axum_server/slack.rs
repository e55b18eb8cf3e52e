//! Slack, put together.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use seatgate_core::gate::Gate;
use seatgate_core::port::{Directory, Layered, OsEntropy, SystemClock};
use seatgate_core::seat::Channel;
use seatgate_http::server::SlackHealth;
use seatgate_slack::axum::{FollowUps, routes_with};
use seatgate_slack::card::Renderer;
use seatgate_slack::client::{SetupError, SlackClient};
use seatgate_slack::directory::SlackDirectory;
use seatgate_slack::inbound::SlackApp;
use seatgate_slack::notifier::SlackNotifier;
use seatgate_slack::payload::PayloadReader;
use seatgate_slack::socket::SocketMode;
use seatgate_slack::workspace::Workspace;
use url::Url;

use crate::client::chain;
use crate::config::SlackConfig;
use crate::store::OpenStore;

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

/// Who can be asked: what the store keeps comes first, then what Slack's profiles say, where a field of theirs is named.
pub(crate) fn directory(slack: &SlackConfig, workspace: &Workspace, store: &OpenStore) -> Option<Arc<dyn Directory>> {
    let field = slack.manager_field.clone()?;
    let profiles = SlackDirectory::new(workspace.clone(), store.people(), Arc::new(OsEntropy)).manager_in(field);
    Some(Arc::new(Layered::new(vec![store.directory(), Arc::new(profiles)])))
}

/// Hears clicks, at the routes or over a socket.
pub(crate) fn app(gate: Gate, slack: &SlackConfig, workspace: &Workspace) -> SlackApp {
    let app = match &slack.secrets {
        Some(secrets) => SlackApp::new(gate, workspace.clone(), secrets.clone()),
        None => SlackApp::over_socket(gate, workspace.clone()),
    };
    slack.offboard_command.iter().fold(app, |app, name| app.offboarding_by(name.clone())).reading_with(reader(slack))
}

/// The routes, where there is a signing secret; what follows an answer is among `follow_ups` until it has ended.
pub(crate) fn routes(app: &SlackApp, slack: &SlackConfig, follow_ups: &FollowUps) -> Router {
    let signed = slack.secrets.as_ref().map(|_| routes_with(app.clone(), follow_ups.clone()));
    signed.unwrap_or_default()
}

/// Socket Mode, where there is an app token.
pub(crate) fn socket_mode(app: &SlackApp, slack: &SlackConfig) -> Option<SocketMode> {
    slack.app_token.clone().map(|token| SocketMode::new(app.clone(), token, Arc::new(OsEntropy)))
}

/// Hears clicks over a socket until `stop` is ready.
pub(crate) async fn listen(socket: SocketMode, stop: impl Future<Output = ()>) {
    if let Err(error) = socket.run(stop).await {
        tracing::error!(
            error = chain(&error),
            "Socket Mode has ended: no click is heard until it is mended and restarted"
        );
    }
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
