//! Slack as the example server wires it: people click in a fake Slack, and doctor looks at how it is set up.

mod doctor;

use std::sync::Arc;

use seatgate_core::port::SystemClock;

use super::fake_slack::{Channel, FakeSlack, TOKEN, User};

const INTAKE: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const REMOVAL: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const API_TOKEN: &str = "a-token-of-the-test";

/// A workspace with a manager, an operator and a reporting channel.
async fn workspace() -> FakeSlack {
    let slack = FakeSlack::start(Arc::new(SystemClock)).await;
    slack.user(User::new("U1", "mona@example.com"));
    slack.user(User::new("U2", "it-lead@example.com"));
    slack.channel(Channel::new("C0SWEEP"));
    slack
}

/// The environment of a server that uses it, and a target at `target` (`host:port`).
fn environment(slack: &FakeSlack, secret: &str, target: &str) -> Vec<(String, String)> {
    let pairs = [
        ("SEATGATE_INTAKE_SECRET", INTAKE.to_owned()),
        ("SEATGATE_API_TOKEN", API_TOKEN.to_owned()),
        ("SEATGATE_DEPROVISION_URL", format!("http://{target}/hook/0")),
        ("SEATGATE_DEPROVISION_SECRET", REMOVAL.to_owned()),
        ("SEATGATE_ALLOW_PRIVATE_TARGETS", target.to_owned()),
        ("SEATGATE_OPERATORS", "slack:T1/U2".to_owned()),
        ("SEATGATE_SLACK_CHANNEL", "C0SWEEP".to_owned()),
        ("SLACK_API_URL", slack.api_url()),
        ("SLACK_BOT_TOKEN", TOKEN.to_owned()),
        ("SLACK_SIGNING_SECRET", secret.to_owned()),
    ];
    pairs.map(|(name, text)| (name.to_owned(), text)).to_vec()
}

fn borrowed(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}
