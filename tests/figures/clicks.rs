//! Clicks on cards in Slack, one every 10 ms whether or not the one before was answered, each timed from the moment when
//! it was due: so a server that stalls is not excused from the clicks that would have come meanwhile.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::port::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::REMOVAL;
use crate::cluster;
use crate::fake_slack::{FakeSlack, Message, SIGNING_SECRET, TOKEN, User, sign};
use crate::figure::{Goal, sized, tell};
use crate::house::{Server, run};
use crate::target::Target;

const EVERY: Duration = Duration::from_millis(10);
/// Slack takes three messages at once for each of them.
const MANAGERS: usize = 300;
const CLICKS: usize = 3 * MANAGERS;
/// What the server and its commands share.
const SECRETS: [(&str, &str); 2] = [
    ("SEATGATE_INTAKE_SECRET", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
    ("SEATGATE_API_TOKEN", "a-token-of-the-benchmark"),
];

pub(crate) async fn measure() {
    contest("SQLite", &[]).await;
    // The first `contest` says so where there is none.
    if let Some(url) = cluster::durable_url() {
        contest("PostgreSQL", &[("DATABASE_URL", url)]).await;
    }
}

async fn contest(database: &str, environment: &[(&str, &str)]) {
    let count = sized(CLICKS, 4);
    let scene = Scene::start(environment).await;
    let clicks = scene.clicks(count).await;
    let mut took = send(&scene.server, clicks).await;
    scene.target.called(0, took.iter().filter(|took| took.is_finite()).count()).await;
    assert!(scene.server.stop().success());
    took.sort_by(f64::total_cmp);
    let name = |part| format!("server: a click's acknowledgement, 100 clicks/s on {database}, {part}");
    tell(&name("p50"), took[took.len() / 2], "ms", Goal::Nothing);
    tell(&name("p99"), took[took.len() * 99 / 100], "ms", Goal::AtMost(50.0));
}

/// A server between a workspace and a target.
struct Scene {
    directory: tempfile::TempDir,
    slack: FakeSlack,
    target: Target,
    server: Server,
}

/// A signed request of Slack's.
struct Click {
    path: &'static str,
    content_type: &'static str,
    timestamp: String,
    signature: String,
    body: String,
}

impl Scene {
    async fn start(environment: &[(&str, &str)]) -> Self {
        let (slack, target) = (FakeSlack::start(Arc::new(SystemClock)).await, Target::start().await);
        for n in 0..MANAGERS {
            slack.user(User::new(&user(n), &email(n)));
        }
        let (hook, api) = (target.url(0), slack.api_url());
        let mut pairs = SECRETS.to_vec();
        pairs.extend([
            ("SEATGATE_DEPROVISION_URL", hook.as_str()),
            ("SEATGATE_DEPROVISION_SECRET", REMOVAL),
            ("SEATGATE_ALLOW_PRIVATE_TARGETS", target.address.as_str()),
            ("SEATGATE_POLICY__MAX_REQUESTS_PER_SWEEP", "1000"),
            ("SLACK_API_URL", api.as_str()),
            ("SLACK_BOT_TOKEN", TOKEN),
            ("SLACK_SIGNING_SECRET", SIGNING_SECRET),
        ]);
        pairs.extend_from_slice(environment);
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start_logging(directory.path(), &pairs, &directory.path().join("log"));
        Self { directory, slack, target, server }
    }

    /// Asks about so many seats, and answers with the approvals of all of them.
    async fn clicks(&self, count: usize) -> Vec<Click> {
        let rows: Vec<Value> = (0..count).map(row).collect();
        std::fs::write(self.directory.path().join("seats.json"), json!(rows).to_string()).unwrap();
        let swept = run(self.directory.path(), &SECRETS, &["--server", &self.server.base, "sweep", "seats.json"]);
        assert!(swept.0.status.success(), "{}", swept.1);
        for n in 0..MANAGERS.min(count) {
            self.slack.wait_for_message(&user(n), (count - n).div_ceil(MANAGERS)).await;
        }
        let cards = (0..MANAGERS).flat_map(|n| self.slack.messages_in(&user(n)).into_iter().map(move |card| (n, card)));
        let clicks: Vec<Click> = cards.map(|(n, card)| self.click(&user(n), &card)).collect();
        assert_eq!(clicks.len(), count);
        clicks
    }

    fn click(&self, user: &str, card: &Message) -> Click {
        let controls = card.controls();
        let approve = controls.iter().find(|id| id.starts_with("approve/")).expect("a card with buttons");
        let (path, content_type, body) = self.slack.click(card, approve).by(user).request();
        let timestamp = SystemClock.now().as_seconds().to_string();
        let signature = sign(SIGNING_SECRET, &timestamp, &body);
        Click { path, content_type, timestamp, signature, body }
    }
}

/// Sends each when it is due, and answers how many milliseconds after that each was acknowledged; what a server without
/// room refuses never was.
async fn send(server: &Server, clicks: Vec<Click>) -> Vec<f64> {
    let start = Instant::now() + EVERY;
    let mut calls = tokio::task::JoinSet::new();
    for (n, click) in clicks.into_iter().enumerate() {
        let due = start + EVERY * u32::try_from(n).unwrap();
        let call = server
            .http
            .post(server.url(click.path))
            .header("content-type", click.content_type)
            .header("x-slack-request-timestamp", click.timestamp)
            .header("x-slack-signature", click.signature)
            .body(click.body);
        calls.spawn(async move {
            sleep_until(due).await;
            let answer = call.send().await.unwrap();
            let acknowledged = answer.status().as_u16() == 200;
            answer.bytes().await.unwrap();
            if acknowledged { due.elapsed().as_secs_f64() * 1e3 } else { f64::INFINITY }
        });
    }
    calls.join_all().await
}

fn user(n: usize) -> String {
    format!("U{}", 1000 + n)
}

fn email(n: usize) -> String {
    format!("manager{n}@example.com")
}

fn row(n: usize) -> Value {
    // A database that is used again and again has other seats from last time.
    let account = format!("user{n}.{}@example.com", std::process::id());
    json!({ "app": { "id": "figma" }, "account": { "email": account }, "never_used": true,
        "manager": { "email": email(n % MANAGERS) } })
}
