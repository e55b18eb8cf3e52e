//! Puts the crates together.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use seatgate_core::gate::{Gate, GateBuilder};
use seatgate_core::port::{Deprovisioner, OsEntropy, Router as Targets, SystemClock, Target};
use seatgate_http::deprovisioner::{HttpDeprovisioner, WebhookTarget};
use seatgate_http::events::WebhookEvents;
use seatgate_http::guard::{AllowedPrivate, GuardedClient};
use seatgate_http::inbox::{self, InboxIdentity, InboxOptions};
use seatgate_http::server::{self, HttpOptions};
use seatgate_http::sign::{Verifier, WebhookSecret, WebhookSecrets};
use seatgate_http::token::ApiTokens;
use seatgate_slack::axum::FollowUps;
use seatgate_slack::socket::SocketMode;

use crate::client::chain;
use crate::config::{Access, Config, Configured, DEMO_TARGET, EventsConfig, Problems, TargetConfig, TargetKind};
use crate::demo;
use crate::drain::Leaving;
use crate::pretend::Pretend;
use crate::slack;
use crate::store::OpenStore;

/// Everything that runs.
pub(crate) struct Server {
    pub(crate) gate: Gate,
    pub(crate) routes: Router,
    /// What still runs after answers to Slack.
    pub(crate) follow_ups: FollowUps,
    /// What hears clicks over a socket.
    pub(crate) socket: Option<SocketMode>,
    pub(crate) store: OpenStore,
}

/// What differs between the demo and a configured server.
struct Outfit {
    intake: WebhookSecrets,
    tokens: ApiTokens,
    targets: Targets,
    inbox: InboxOptions,
    /// Routes that only the demo has.
    extra: Router,
}

/// The server for this configuration, on a listener that has `address` already, which tells when it is `leaving`.
pub(crate) async fn build(config: Config, address: SocketAddr, leaving: &Leaving) -> Result<Server, Problems> {
    let store = OpenStore::open(&config.database).await.map_err(|error| problem("DATABASE_URL", &error))?;
    let outfit = match &config.access {
        Access::Demo => demo_outfit(&config, address)?,
        Access::Configured(configured) => configured_outfit(&config, configured)?,
    };
    let events = config.events.as_ref().map(|events| listener(&config, events)).transpose()?;
    let gate = store.gate(&config).router(outfit.targets).policy(config.policy).playbooks(config.playbooks);
    let gate = gate.timer(tokio::time::sleep);
    let gate = events.into_iter().fold(gate, |gate, events| gate.events(Arc::new(events)));
    let workspace = config.slack.as_ref().map(slack::workspace).transpose();
    let workspace = workspace.map_err(|error| problem("SLACK_API_URL", &error))?;
    let slack = config.slack.as_ref().zip(workspace.as_ref());
    let gate = slack.iter().fold(gate, |gate, (config, workspace)| {
        let channel = config.reporting_channel();
        let gate = gate.notifier(slack::notifier(workspace, channel.clone())).channel(channel);
        slack::directory(config, workspace, &store).into_iter().fold(gate, GateBuilder::directory)
    });
    let gate = gate.build().map_err(|error| Problems::of(error.to_string()))?;
    let mode = gate.start_mode(config.mode).await.map_err(|error| problem("SEATGATE_MODE", &error))?;
    tracing::info!(%mode, configured = config.mode.is_some(), "the mode at the start");
    gate.start_policy().await.map_err(|error| problem("policy", &error))?;
    gate.appoint(&config.operators).await.map_err(|error| problem("SEATGATE_OPERATORS", &error))?;
    let told = leaving.clone();
    let options = HttpOptions::new(Verifier::new(outfit.intake), outfit.tokens).leaving(move || told.begun());
    let options = config.mappings.into_iter().fold(options, |options, (name, mapping)| options.mapping(name, mapping));
    let options = workspace.clone().into_iter().fold(options, |options, workspace| {
        tokio::spawn(slack::look(workspace.clone()));
        options.slack(move || slack::health(&workspace))
    });
    let follow_ups = FollowUps::default();
    let heard = slack.map(|(config, workspace)| (slack::app(gate.clone(), config, workspace), config));
    let socket = heard.as_ref().and_then(|(app, config)| slack::socket_mode(app, config));
    let hears_clicks = heard.map(|(app, config)| slack::routes(&app, config, &follow_ups));
    let routes = server::router(gate.clone(), options)
        .merge(inbox::router(gate.clone(), outfit.inbox))
        .merge(hears_clicks.unwrap_or_default())
        .merge(outfit.extra);
    Ok(Server { gate, routes: leaving.close_connections(routes), follow_ups, socket, store })
}

fn demo_outfit(config: &Config, address: SocketAddr) -> Result<Outfit, Problems> {
    let secrets = demo::Secrets::keep(config.database.file(), address, &OsEntropy)
        .map_err(|error| problem(&demo::Secrets::path(config.database.file()).display().to_string(), &error))?;
    let broken = |error: &dyn std::error::Error| problem("the demo's secrets", error);
    let secret: WebhookSecret = secrets.deprovision_secret.parse().map_err(|error| broken(&error))?;
    let allowed: AllowedPrivate = address.to_string().parse().map_err(|error| broken(&error))?;
    let url = demo::target_url(address).map_err(|error| broken(&error))?;
    let target = Arc::new(webhook(&client(allowed)?, WebhookTarget::new(url, secret.clone())));
    Ok(Outfit {
        intake: secrets.intake_secret.parse().map_err(|error| broken(&error))?,
        tokens: ApiTokens::admin(&secrets.api_token).map_err(|error| broken(&error))?,
        targets: Targets::new().otherwise(Target::new(DEMO_TARGET, target)),
        inbox: InboxOptions::new(InboxIdentity::demo(&OsEntropy)).offering_sample(demo::sample_candidates),
        extra: demo::target(secret),
    })
}

fn configured_outfit(config: &Config, configured: &Configured) -> Result<Outfit, Problems> {
    let client = client(config.allowed.clone())?;
    if let Some(error) = client.https_problem() {
        tracing::warn!(%error, "targets cannot be called by https");
    }
    let targets =
        configured.targets.iter().try_fold(Targets::new(), |targets, target| add(targets, target, &client))?;
    if configured.targets.is_empty() {
        tracing::warn!("there is no target: every candidate is rejected");
    }
    Ok(Outfit {
        intake: configured.intake.clone(),
        tokens: configured.tokens.clone(),
        targets,
        inbox: InboxOptions::new(config.inbox.clone()),
        extra: Router::new(),
    })
}

/// What tells the configured URL, if the guard lets calls to it out.
fn listener(config: &Config, events: &EventsConfig) -> Result<WebhookEvents, Problems> {
    let client = client(config.allowed.clone())?;
    if client.https_problem().is_none() || events.url.scheme() != "https" {
        client.check(&events.url).map_err(|error| problem("SEATGATE_EVENTS_URL", &error))?;
    }
    Ok(WebhookEvents::new(client, Arc::new(SystemClock), events.url.clone(), events.secret.clone()))
}

pub(crate) fn client(allowed: AllowedPrivate) -> Result<GuardedClient, Problems> {
    GuardedClient::builder().allow_private(allowed).build().map_err(|error| problem("the outbound client", &error))
}

/// What performs a webhook target's removals.
pub(crate) fn webhook(client: &GuardedClient, target: WebhookTarget) -> HttpDeprovisioner {
    HttpDeprovisioner::new(client.clone(), Arc::new(SystemClock), target)
}

/// What a target is called: its app, or `*`.
pub(crate) fn name_of(target: &TargetConfig) -> String {
    target.app.as_ref().map_or_else(|| "*".to_owned(), ToString::to_string)
}

/// With this target, if the guard lets calls to it out.
pub(crate) fn add(targets: Targets, config: &TargetConfig, client: &GuardedClient) -> Result<Targets, Problems> {
    let name = name_of(config);
    let deprovisioner: Arc<dyn Deprovisioner> = match &config.kind {
        TargetKind::Pretend => Arc::new(Pretend),
        TargetKind::Webhook { urls, target } => {
            // A machine without certificates is no mistake in the configuration; it says so in its log.
            let judged = urls.iter().filter(|(_, url)| client.https_problem().is_none() || url.scheme() != "https");
            for (key, url) in judged {
                client.check(url).map_err(|error| problem(&format!("targets.{name}.{key}"), &error))?;
            }
            Arc::new(webhook(client, WebhookTarget::clone(target)))
        }
    };
    let target = Target::new(name, deprovisioner).with_timeout(config.timeout).with_concurrency(config.concurrency);
    let target = if config.reversible { target.reversible() } else { target };
    Ok(match &config.app {
        Some(app) => targets.route(app.clone(), target),
        None => targets.otherwise(target),
    })
}

fn problem(name: &str, error: &dyn std::error::Error) -> Problems {
    Problems::of(format!("{name}: {}", chain(error)))
}
