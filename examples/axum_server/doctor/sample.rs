//! `doctor --sample`: the card as a person sees it, and the call that it would lead to. Nothing is stored or removed.

use std::process::ExitCode;

use seatgate_core::person::Identity;
use seatgate_core::port::{Clock, Notifier, NotifyError, SystemClock};
use seatgate_core::seat::App;
use seatgate_http::deprovisioner::WebhookTarget;
use seatgate_slack::doctor::Sample;

use crate::client::chain;
use crate::config::{Access, Config, Problems, SlackConfig, TargetConfig, TargetKind};
use crate::output::{complain, plain, say};
use crate::{slack, wire};

/// What apps without a target of their own are called in the sample.
const ANY_APP: &str = "sample-app";

/// Sends the card to `to`, else to the first operator; ends with 1 if it cannot be sent.
pub(super) async fn send(config: &Config, to: Option<Identity>) -> Result<ExitCode, Problems> {
    let Some(slack) = &config.slack else {
        return Err(Problems::of("--sample: Slack is not configured: set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET"));
    };
    let first = || config.operators.first().cloned();
    let Some(person) = to.or_else(first) else {
        return Err(Problems::of("--sample: name somebody with --to, or an operator in SEATGATE_OPERATORS"));
    };
    let target = match &config.access {
        Access::Configured(configured) => configured.targets.first(),
        Access::Demo => None,
    };
    let app = target.and_then(|target| target.app.clone()).or_else(|| ANY_APP.parse().ok());
    let app = app.ok_or_else(|| Problems::of("--sample: there is no app"))?;
    let sample = Sample::new(App::new(app, None), SystemClock.now());
    let sample = sample.reversible(target.is_some_and(|target| target.reversible));
    if let Err(why) = post(slack, &sample, &person).await {
        complain(&plain(&format!("the sample was not sent: {why}")));
        return Ok(ExitCode::FAILURE);
    }
    say(&plain(&format!("a sample card was sent to {person}; nothing is stored, and its buttons only say so")));
    show_call(config, target, &sample, person)?;
    Ok(ExitCode::SUCCESS)
}

/// To them directly or not at all: no channel should hear of a sample.
async fn post(slack: &SlackConfig, sample: &Sample, person: &Identity) -> Result<(), String> {
    let workspace = slack::workspace(slack).map_err(|error| chain(&error))?;
    match slack::notifier(&workspace, None).post(&sample.message(person.clone())).await {
        Ok(_) => Ok(()),
        Err(NotifyError::Unreachable) => Err(format!("{person} is no active member of this workspace")),
        Err(error) => Err(format!("{error} (doctor without --sample says more)")),
    }
}

fn show_call(
    config: &Config,
    target: Option<&TargetConfig>,
    sample: &Sample,
    approver: Identity,
) -> Result<(), Problems> {
    match target.map(|target| (&target.kind, wire::name_of(target))) {
        None => say("approving a real one would remove nothing: there is no target"),
        Some((TargetKind::Pretend, name)) => {
            say(&plain(&format!("approving a real one would call nobody: the target {name} only pretends")));
        }
        Some((TargetKind::Webhook { target, .. }, name)) => {
            let deprovisioner = wire::webhook(&wire::client(config.allowed.clone())?, WebhookTarget::clone(target));
            let call = deprovisioner.preview(&sample.job(approver)).map_err(|error| Problems::of(error.to_string()))?;
            say(&plain(&format!("approving a real one would make this call to the target {name}:")));
            say("");
            call.to_string().lines().for_each(|line| say(&plain(line)));
        }
    }
    Ok(())
}
