//! The client against another project's Slack: npm `emulate`, which `.ci/run` installs.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use seatgate_core::testing::ManualClock;
use seatgate_core::time::Timestamp;
use seatgate_slack::client::{ErrorKind, HistoryQuery, Metadata, SlackClient};
use seatgate_slack::payload::{Interaction, PayloadReader, TriggerId};
use serde_json::{Value, json};

use crate::peers::installed;
use crate::world::{FORM, card, modal, section, verified};

const TOKEN: &str = "xoxb-emulated";
const SEED: &str = "\
tokens:
  xoxb-emulated:
    login: U000000001
    scopes: []
slack:
  users:
    - name: mona
      real_name: Mona Li
      email: mona@example.com
";
const PATIENCE: Duration = Duration::from_secs(30);

/// The running emulator; it ends with this value.
struct Emulator {
    process: Child,
    /// Kept, for it would fail to print into a closed pipe.
    output: BufReader<ChildStdout>,
    base: String,
}

impl Emulator {
    /// It takes no port 0, so it gets one that was free a moment ago.
    async fn start(program: &Path, directory: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::fs::write(directory.join("seed.yaml"), SEED).unwrap();
        let mut process = Command::new("node")
            .arg(program)
            .args(["start", "-s", "slack", "--seed", "seed.yaml", "-p", &port.to_string()])
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut emulator = Self { process, output, base: format!("http://127.0.0.1:{port}/api/") };
        let ready = emulator.output.by_ref().lines().map_while(Result::ok).any(|line| line.contains(&port.to_string()));
        assert!(ready, "the emulator ended before it named its address");
        // It prints its address a moment before it listens.
        let started = Instant::now();
        while emulator.client().auth_test().await.is_err() {
            assert!(started.elapsed() < PATIENCE, "the emulator does not answer");
            tokio::task::yield_now().await;
        }
        emulator
    }

    fn client(&self) -> SlackClient {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
        SlackClient::builder(TOKEN.parse().unwrap(), clock).base_url(&self.base).build().unwrap()
    }

    /// A trigger as a click would have brought it.
    async fn trigger(&self, user: &str) -> TriggerId {
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let request = http.post(format!("{}views.generateTriggerId", self.base)).bearer_auth(TOKEN);
        let made: Value = request.json(&json!({"user_id": user})).send().await.unwrap().json().await.unwrap();
        let payload = json!({"type": "block_actions", "user": {"id": user}, "trigger_id": made["trigger_id"]});
        let form =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
        let signed = verified(&form, Timestamp::from_micros(0));
        match PayloadReader::new().interaction(FORM, &signed) {
            Ok(Interaction::Actions(click)) => click.trigger.unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn the_client_gets_along_with_another_slack() {
    let Some(program) = installed("slack-emulate/node_modules/emulate/dist/index.js") else { return };
    let directory = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(&program, directory.path()).await;
    let client = emulator.client();

    let me = client.auth_test().await.unwrap();
    assert_eq!(me.team.unwrap().as_str(), "T000000001");
    let mona = client.users_lookup_by_email(&"mona@example.com".parse().unwrap()).await.unwrap();
    assert_eq!(client.users_info(&mona.id).await.unwrap(), mona);
    assert!(mona.is_member());
    let nobody = client.users_lookup_by_email(&"nobody@example.com".parse().unwrap()).await.unwrap_err();
    assert_eq!((nobody.name(), nobody.kind()), ("users_not_found", ErrorKind::Elsewhere));

    let metadata = Metadata::new("seatgate_card", json!({"request": "req_1"}));
    let posted = client.chat_post_message(mona.id.as_str(), &card("Ask").metadata(metadata.clone())).await.unwrap();
    assert!(posted.channel.as_str().starts_with('D'));
    assert_eq!(client.chat_update(&posted, &card("Done")).await.unwrap(), posted);
    assert!(client.conversations_info(&posted.channel).await.unwrap().is_im);
    let history = client.conversations_history(&HistoryQuery::newest(posted.channel)).await.unwrap();
    assert_eq!((&history.messages[0].ts, history.messages[0].metadata.as_ref()), (&posted.ts, Some(&metadata)));
    let lost = client.chat_post_message("C0NOWHERE", &card("Ask")).await.unwrap_err();
    assert_eq!((lost.name(), lost.kind()), ("channel_not_found", ErrorKind::Elsewhere));

    let trigger = emulator.trigger(mona.id.as_str()).await;
    let open = client.views_open(&trigger, &modal()).await.unwrap();
    assert!(client.views_open(&trigger, &modal()).await.unwrap_err().asks_for_a_new_click());
    assert!(client.views_update(&open.id, open.hash.as_deref(), &modal()).await.is_ok());
    let home = json!({"type": "home", "blocks": [section("Nothing waits for you")]});
    assert!(client.views_publish(&mona.id, &home).await.is_ok());
}
