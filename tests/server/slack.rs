//! Slack as the example server wires it: people click in a fake Slack, and doctor looks at how it is set up.

mod directory;
mod doctor;
mod sample;
mod socket;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use seatgate_core::port::{Clock, SystemClock};
use seatgate_slack::card::{KEEP_REASON, KEEP_UNTIL};
use serde_json::{Value, json};

use super::crash::target::Target;
use super::crash::{INTAKE, REMOVAL, TOKEN as API_TOKEN};
use super::fake_slack::{Channel, FakeSlack, Fault, Message, SIGNING_SECRET, TOKEN, User};
use super::house::{Server, eventually, run};

const CHANNEL: &str = "C0SWEEP";

/// A workspace with a manager, an operator and a reporting channel.
async fn workspace() -> FakeSlack {
    let slack = FakeSlack::start(Arc::new(SystemClock)).await;
    slack.user(User::new("U1", "mona@example.com"));
    slack.user(User::new("U2", "it-lead@example.com"));
    slack.channel(Channel::new(CHANNEL));
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
        ("SEATGATE_SLACK_CHANNEL", CHANNEL.to_owned()),
        ("SLACK_API_URL", slack.api_url()),
        ("SLACK_BOT_TOKEN", TOKEN.to_owned()),
        ("SLACK_SIGNING_SECRET", secret.to_owned()),
    ];
    pairs.map(|(name, text)| (name.to_owned(), text)).to_vec()
}

fn borrowed(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

/// A server between a workspace and a target.
struct Scene {
    directory: tempfile::TempDir,
    slack: FakeSlack,
    target: Target,
    environment: Vec<(String, String)>,
    server: Option<Server>,
}

impl Scene {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With more in the server's environment.
    async fn with(more: &[(&str, &str)]) -> Self {
        let (slack, target) = (workspace().await, Target::start().await);
        let mut environment = environment(&slack, SIGNING_SECRET, &target.address);
        environment.extend(more.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        let mut scene = Self { directory: tempfile::tempdir().unwrap(), slack, target, environment, server: None };
        scene.start();
        scene
    }

    fn start(&mut self) {
        self.server = Some(Server::start(self.directory.path(), &borrowed(&self.environment)));
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let server = ["--server", &self.server().base];
        let (output, text) =
            run(self.directory.path(), &borrowed(&self.environment), &[&server[..], arguments].concat());
        (output.status.code(), text)
    }

    /// Reports one seat whose manager is Mona, and answers the card that asks her.
    async fn ask(&self) -> Message {
        self.report(json!({ "email": "mona@example.com" }));
        self.slack.wait_for_message("U1", 1).await
    }

    /// Reports one seat of Ana's, whose manager this is.
    fn report(&self, manager: Value) {
        let seat = json!({ "app": { "id": "figma", "name": "Figma" }, "never_used": true,
            "account": { "email": "ana@example.com", "name": "Ana Ruiz" }, "manager": manager });
        std::fs::write(self.file("seat.json"), seat.to_string()).unwrap();
        let (code, said) = self.command(&["sweep", "seat.json"]);
        assert!(code == Some(0) && said.ends_with(": 1 asked\n"), "{said}");
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        Path::join(self.directory.path(), name)
    }

    /// The card without buttons, once it says so.
    async fn over(&self, card: &Message, says: &str) -> Message {
        let over = |state: &super::fake_slack::State| {
            let card = state.message(&card.channel, &card.ts)?;
            (card.controls().is_empty() && card.text.contains(says)).then(|| card.clone())
        };
        self.slack.wait_for(&format!("a card that says {says}"), over).await
    }

    /// The first answer in the thread below the channel's notice.
    async fn thread(&self) -> Message {
        let notice = self.slack.wait_for_message(CHANNEL, 1).await;
        let told = |state: &super::fake_slack::State| {
            state.messages.iter().find(|message| message.thread_ts.as_ref() == Some(&notice.ts)).cloned()
        };
        self.slack.wait_for("an answer in the channel's thread", told).await
    }

    async fn request(&self) -> Value {
        let (_, page) = self.server().get("/v1/requests", API_TOKEN).await;
        page["items"][0].clone()
    }

    async fn metrics(&self) -> String {
        let call = self.server().http.get(self.server().url("/metrics"));
        call.send().await.unwrap().text().await.unwrap()
    }

    /// The request, once it is closed.
    async fn closed(&self) -> Value {
        self.server().closed(self.request().await["id"].as_str().unwrap(), API_TOKEN).await
    }
}

/// The `action_id` of the card's button for this.
fn button(card: &Message, what: &str) -> String {
    let controls = card.controls();
    (*controls.iter().find(|id| id.starts_with(what)).unwrap_or_else(|| panic!("{what} in {controls:?}"))).to_owned()
}

/// The keep modal, filled in.
fn kept(reason: &Value, until: &str) -> Value {
    json!({ KEEP_REASON: { KEEP_REASON: { "type": "plain_text_input", "value": reason } },
            KEEP_UNTIL: { KEEP_UNTIL: { "type": "datepicker", "selected_date": until } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_removes_the_seat_and_everybody_hears_it() {
    let scene = Scene::new().await;
    let card = scene.ask().await;
    let click = scene.slack.click(&card, &button(&card, "approve")).by("U1");
    let answer = click.send(&scene.server().base).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    scene.target.called(0, 1).await;
    let over = scene.over(&card, "reclaimed").await;
    assert!(over.text.contains("mona"), "who decided: {}", over.text);
    assert!(scene.thread().await.text.contains("Ana Ruiz"));
    let request = scene.closed().await;
    assert_eq!((&request["outcome"], &request["decision"]["surface"]), (&json!("reclaimed"), &json!("slack")));
    assert_eq!(scene.target.calls().len(), 1);

    let ready = scene.server().get("/readyz", "").await;
    assert_eq!((ready.0, &ready.1["checks"]["slack"]), (200, &json!("ok")));
    let metrics = scene.metrics().await;
    assert!(metrics.contains("seatgate_slack_calls_total{method=\"chat.postMessage\",result=\"ok\"}"), "{metrics}");
    assert!(scene.server.unwrap().stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_asks_why_in_a_modal_and_files_an_exception() {
    let scene = Scene::new().await;
    let card = scene.ask().await;
    scene.slack.click(&card, &button(&card, "keep")).by("U1").send(&scene.server().base).await;
    let modal = scene.slack.wait_for("a modal", |state| state.views.first().cloned()).await;
    let until = SystemClock.now().saturating_add(Duration::from_secs(86_400)).date().to_string();
    let refused = scene.slack.submit(&modal, kept(&json!(null), &until)).send(&scene.server().base).await;
    assert!(refused.status == 200 && refused.body.contains("\"errors\""), "{refused:?}");
    assert_eq!(scene.slack.open_views().len(), 1, "it stays open");
    let done = scene.slack.submit(&modal, kept(&json!("On leave"), &until)).send(&scene.server().base).await;
    assert_eq!(done.status, 200);
    assert!(scene.slack.open_views().is_empty(), "{done:?}");
    scene.over(&card, "On leave").await;
    eventually(|| async { scene.command(&["exceptions"]).1.contains("On leave").then_some(()) }).await;
    assert_eq!((&scene.closed().await["outcome"], scene.target.calls().len()), (&json!("kept"), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn offboardings_start_by_the_command_that_the_settings_name() {
    let scene = Scene::with(&[("SLACK_OFFBOARD_COMMAND", "/leaver")]).await;
    let answer = async |command: &str| {
        scene.slack.command(command, "ana@example.com").by("U2").send(&scene.server().base).await.body
    };
    assert!(answer("/leaver").await.contains("not set up here"));
    assert!(answer("/offboard").await.contains("/offboard list"), "a command like any other");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_click_and_the_card_it_ends_true() {
    let mut scene = Scene::new().await;
    let card = scene.ask().await;
    scene.target.hold(Some(0));
    scene.slack.fault_in("chat.update", &card.channel, Fault::SilentBefore);
    let click = scene.slack.click(&card, &button(&card, "approve")).by("U1");
    assert_eq!(click.send(&scene.server().base).await.status, 200);
    let asked = |state: &super::fake_slack::State| {
        state.calls.iter().any(|call| call.method == "chat.update" && call.channel.as_ref() == Some(&card.channel))
    };
    scene.slack.wait_for("the card's update", |state| asked(state).then_some(())).await;
    scene.target.called(0, 1).await;
    scene.server.take().unwrap().kill();
    assert!(scene.slack.message(&card.channel, &card.ts).edits.is_empty(), "the card still asks");
    scene.target.hold(None);
    scene.start();
    scene.over(&card, "reclaimed").await;
    assert!(scene.thread().await.text.contains("Ana Ruiz"));
    let calls = scene.target.calls();
    let keys: std::collections::BTreeSet<_> = calls.values().flatten().map(|call| &call.key).collect();
    assert_eq!((calls.len(), keys.len()), (1, 1), "one task, one key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_says_first_what_it_has_to() {
    let mut scene = Scene::new().await;
    scene.slack.user(User::new("U3", "otto@example.com"));
    let card = scene.ask().await;
    scene.target.hold(Some(0));
    scene.slack.click(&card, &button(&card, "approve")).by("U1").send(&scene.server().base).await;
    scene.target.called(0, 1).await;
    // Somebody who was not asked is told so after the answer; Slack takes its time with that.
    scene.slack.with(|state| state.responses_held = true);
    let click = scene.slack.click(&card, &button(&card, "approve")).by("U3");
    assert_eq!(click.send(&scene.server().base).await.status, 200);
    let server = scene.server.take().unwrap();
    let (http, alive) = (server.http.clone(), server.url("/livez"));
    let stopping = tokio::task::spawn_blocking(move || server.stop());
    eventually(|| async { http.get(&alive).send().await.is_err().then_some(()) }).await;
    // Nobody new is heard, and as long as something is to be said the worker goes on: the card is drawn anew.
    scene.target.hold(None);
    scene.over(&card, "reclaimed").await;
    scene.slack.with(|state| state.responses_held = false);
    assert!(stopping.await.unwrap().success());
    assert!(scene.slack.ephemerals().iter().any(|told| told.user == "U3"), "they were told");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_sweep_of_the_guide_goes_as_it_says() {
    let scene = Scene::new().await;
    assert_eq!(scene.command(&["policy", "--mode", "dry_run"]).0, Some(0));
    let (code, said) = scene.command(&["sweep", "--sample", "--manager", "mona@example.com"]);
    assert!(code == Some(0) && said.ends_with("5 asked, 1 filtered\n"), "{said}");
    scene.slack.wait_for_message("U1", 5).await;
    let cards = scene.slack.messages_in("U1");
    assert!(cards.iter().all(|card| card.text.contains("TEST")), "{cards:#?}");
    let answer = scene.slack.click(&cards[0], &button(&cards[0], "approve")).by("U1").send(&scene.server().base).await;
    assert_eq!(answer.status, 200);
    scene.over(&cards[0], "TEST").await;
    scene.slack.click(&cards[1], &button(&cards[1], "keep")).by("U1").send(&scene.server().base).await;
    let modal = scene.slack.wait_for("a modal", |state| state.views.first().cloned()).await;
    let until = SystemClock.now().saturating_add(Duration::from_secs(86_400)).date().to_string();
    let done = scene.slack.submit(&modal, kept(&json!("On leave"), &until)).send(&scene.server().base).await;
    assert!(done.status == 200 && scene.slack.open_views().is_empty(), "{done:?}");
    scene.over(&cards[1], "TEST").await;
    scene.thread().await;
    assert!(scene.target.calls().is_empty() && scene.command(&["exceptions"]).1.lines().count() == 1);
    let guide = include_str!("../../seatgate-slack/docs/setup.md");
    for command in ["policy --mode dry_run", "sweep --sample --manager you@example.com", "doctor --sample"] {
        assert!(guide.contains(&format!("\n    axum_server {command}\n")), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forged_is_refused_and_recorded() {
    let scene = Scene::new().await;
    let card = scene.ask().await;
    let forged = scene.slack.click(&card, &button(&card, "approve")).by("U1").signed_with("a guess");
    let answer = forged.send(&scene.server().base).await;
    assert_eq!((answer.status, answer.body.as_str()), (401, ""));
    let late = SystemClock.now().saturating_sub(Duration::from_secs(301));
    let replayed = scene.slack.click(&card, &button(&card, "approve")).by("U1").signed_at(late);
    assert_eq!(replayed.send(&scene.server().base).await.status, 401);
    let export = eventually(|| async {
        let (_, export) = scene.command(&["audit", "export"]);
        (export.contains("\"mismatch\"") && export.contains("\"late\"")).then_some(export)
    })
    .await;
    assert!(export.contains("slack_interaction") && !export.contains("mona@"), "{export}");
    assert_eq!(scene.request().await["state"], "awaiting_decision");
    let metrics = scene.metrics().await;
    let refused = "seatgate_denials_total{action=\"slack_interaction\",denial=\"mismatch\"} 1\n";
    assert!(metrics.contains(refused), "{metrics}");
    // They are Slack's to describe: see the docs of `seatgate_http::openapi`.
    let (_, described) = scene.server().get("/openapi.json", "").await;
    assert!(described["paths"].as_object().unwrap().keys().all(|path| !path.starts_with("/slack")));
    let (status, _) = scene.server().get("/slack/interactions", "").await;
    assert_eq!(status, 405, "it is routed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_slack_shows_in_readyz_and_keeps_the_server_ready() {
    let scene = Scene::new().await;
    for _ in 0..50 {
        scene.slack.fault("chat.postMessage", Fault::StatusBefore(502));
    }
    std::fs::write(
        scene.file("seat.json"),
        json!({ "app": { "id": "figma" }, "never_used": true, "account": { "email": "ana@example.com" },
            "manager": { "email": "mona@example.com" } })
        .to_string(),
    )
    .unwrap();
    assert_eq!(scene.command(&["sweep", "seat.json"]).0, Some(0));
    eventually(|| async {
        let (status, ready) = scene.server().get("/readyz", "").await;
        assert_eq!(status, 200);
        (ready["checks"]["slack"] == "unreachable").then_some(())
    })
    .await;
    assert!(scene.server.unwrap().stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_everything_holds_no_secret_and_nobody_by_name() {
    let mut scene = Scene::new().await;
    assert!(scene.server.take().unwrap().stop().success());
    let (log, mut environment) = (scene.file("server.log"), borrowed(&scene.environment));
    environment.push(("RUST_LOG", "trace"));
    scene.server = Some(Server::start_logging(scene.directory.path(), &environment, &log));
    let card = scene.ask().await;
    let base = scene.server().base.clone();
    let click = || scene.slack.click(&card, &button(&card, "approve"));
    assert_eq!(click().by("U1").signed_with("another").send(&base).await.status, 401);
    assert_eq!(click().by("U2").send(&base).await.status, 200);
    assert_eq!(click().by("U1").send(&base).await.status, 200);
    scene.over(&card, "").await;
    let (_, _, body) = click().by("U1").request();
    assert!(scene.server.take().unwrap().stop().success());
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("TRACE"), "the log is there");
    for secret in
        [TOKEN, SIGNING_SECRET, API_TOKEN, INTAKE, REMOVAL, "v0=", "/response/", "mona@example.com", "Ana Ruiz"]
    {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} in {line:?}");
    }
    assert!(!log.contains(&body[..60]), "no body");
}
