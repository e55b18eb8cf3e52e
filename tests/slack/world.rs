//! A fake Slack with a few people and channels, and a client that talks to it.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::port::Clock;
use seatgate_core::testing::ManualClock;
use seatgate_core::time::Timestamp;
use seatgate_slack::client::{NewMessage, SlackClient};
use seatgate_slack::payload::{BlockActions, Interaction, PayloadReader};
use seatgate_slack::verify::{RequestHeaders, SigningSecrets, Verified};
use serde_json::{Value, json};

use crate::fake_slack::{Channel, FakeSlack, Gesture, SIGNING_SECRET, TOKEN, User, sign};

pub(crate) const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) slack: FakeSlack,
    pub(crate) client: SlackClient,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::patient(Duration::from_secs(15)).await
    }

    /// A world whose client gives up after `timeout` of real time.
    pub(crate) async fn patient(timeout: Duration) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_800_000_000_000_000)));
        let slack = FakeSlack::start(clock.clone()).await;
        slack.user(User::new("U1", "mona@example.com"));
        slack.user(User { deleted: true, ..User::new("U2", "gone@example.com") });
        slack.user(User { is_restricted: true, ..User::new("U3", "guest@example.com") });
        slack.user(User { is_bot: true, ..User::new("U4", "bot@example.com") });
        slack.user(User { team: "T9".to_owned(), ..User::new("U5", "outsider@example.org") });
        slack.channel(Channel::new("C1"));
        slack.channel(Channel::without_bot("C2"));
        slack.channel(Channel { is_archived: true, ..Channel::new("C3") });
        slack.channel(Channel { is_private: true, ..Channel::without_bot("G1") });
        Self::beside(slack, clock, timeout)
    }

    /// A new client of a Slack that is there already, as a process has that was started again.
    pub(crate) fn beside(slack: FakeSlack, clock: Arc<ManualClock>, timeout: Duration) -> Self {
        let builder = SlackClient::builder(TOKEN.parse().unwrap(), clock.clone());
        let client = builder.base_url(slack.api_url()).timeout(timeout).build().unwrap();
        Self { clock, slack, client }
    }

    /// What a click comes in as: signed by Slack, verified, read.
    pub(crate) fn read_click(&self, click: &Gesture) -> BlockActions {
        let (_, _, body) = click.request();
        match self.reader().interaction(FORM, &verified(&body, self.clock.now())) {
            Ok(Interaction::Actions(actions)) => actions,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn reader(&self) -> PayloadReader {
        PayloadReader::new().also_respond_below(self.slack.response_base().parse().unwrap())
    }
}

pub(crate) fn verified(body: &str, now: Timestamp) -> Verified<Vec<u8>> {
    let timestamp = now.as_seconds().to_string();
    let signature = sign(SIGNING_SECRET, &timestamp, body);
    let headers = RequestHeaders { signature: Some(signature.as_bytes()), timestamp: Some(timestamp.as_bytes()) };
    let secrets: SigningSecrets = SIGNING_SECRET.parse().unwrap();
    secrets.verify(&headers, body.as_bytes().to_vec(), now).unwrap()
}

/// A message with one button.
pub(crate) fn card(text: &str) -> NewMessage {
    NewMessage::new(text, vec![section(text), json!({"type": "actions", "block_id": "answer", "elements": [button()]})])
}

pub(crate) fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "plain_text", "text": text, "emoji": false}})
}

pub(crate) fn button() -> Value {
    json!({"type": "button", "action_id": "keep", "value": "1:req_1",
        "text": {"type": "plain_text", "text": "Keep seat"}})
}

pub(crate) fn modal() -> Value {
    let text = |text: &str| json!({"type": "plain_text", "text": text});
    json!({"type": "modal", "callback_id": "keep", "private_metadata": "req_1", "title": text("Keep seat"),
        "submit": text("Keep seat"), "blocks": [{"type": "input", "block_id": "reason", "label": text("Why?"),
        "element": {"type": "plain_text_input", "action_id": "text"}}]})
}
