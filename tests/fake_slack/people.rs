//! People: they click, submit, type and mention, and Slack signs it and sends it to the app.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderMap;
use seatgate_core::time::Timestamp;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::state::APP;
use super::{BOT, FakeSlack, Message, SIGNING_SECRET, TEAM, View, web_api};

/// The signature of a body.
pub fn sign(secret: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={digest}")
}

/// What the app answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

/// Something a person does, not done yet.
pub struct Gesture {
    fake: FakeSlack,
    user: String,
    secret: String,
    signed_at: Option<Timestamp>,
    act: Act,
    /// What a test changes in the finished payload.
    change: Vec<(String, Value)>,
}

enum Act {
    Click { message: Message, action_id: String, choice: Option<String> },
    ClickInView { view: View, action_id: String, choice: Option<String> },
    Submit { view: View, values: Value },
    Close { view: View },
    Command { command: String, text: String, channel: String },
    Event { event: Value },
}

impl FakeSlack {
    /// A click on the control with that `action_id`.
    pub fn click(&self, message: &Message, action_id: &str) -> Gesture {
        let (message, action_id) = (message.clone(), action_id.to_owned());
        self.gesture(Act::Click { message, action_id, choice: None })
    }

    /// A click on a control of a modal or home tab.
    pub fn click_in(&self, view: &View, action_id: &str) -> Gesture {
        let (view, action_id) = (view.clone(), action_id.to_owned());
        self.gesture(Act::ClickInView { view, action_id, choice: None }).by_owner()
    }

    /// A modal submitted with values as Slack sends them: `{block_id: {action_id: {"type", "value" | ...}}}`.
    pub fn submit(&self, view: &View, values: Value) -> Gesture {
        self.gesture(Act::Submit { view: view.clone(), values }).by_owner()
    }

    /// A modal closed without submitting it.
    pub fn close(&self, view: &View) -> Gesture {
        self.gesture(Act::Close { view: view.clone() }).by_owner()
    }

    /// A slash command, typed in a channel that only tests know.
    pub fn command(&self, command: &str, text: &str) -> Gesture {
        let channel = "C0COMMAND".to_owned();
        self.gesture(Act::Command { command: command.to_owned(), text: text.to_owned(), channel })
    }

    /// An event, without its envelope.
    pub fn event(&self, event: Value) -> Gesture {
        self.gesture(Act::Event { event })
    }

    /// Slack's test of the event route.
    pub fn url_verification(&self, challenge: &str) -> Gesture {
        self.event(json!(null)).with("/type", json!("url_verification")).with("/challenge", json!(challenge))
    }

    fn gesture(&self, act: Act) -> Gesture {
        let (user, secret) = (BOT.to_owned(), SIGNING_SECRET.to_owned());
        Gesture { fake: self.clone(), user, secret, signed_at: None, act, change: Vec::new() }
    }
}

impl Gesture {
    /// Who does it.
    #[must_use]
    pub fn by(mut self, user: &str) -> Self {
        self.user = user.to_owned();
        self
    }

    /// What is chosen, where the control offers options.
    #[must_use]
    pub fn choosing(mut self, value: &str) -> Self {
        if let Act::Click { choice, .. } | Act::ClickInView { choice, .. } = &mut self.act {
            *choice = Some(value.to_owned());
        }
        self
    }

    /// Changes the finished payload (a command's field) at this JSON pointer.
    #[must_use]
    pub fn with(mut self, pointer: &str, value: Value) -> Self {
        self.change.push((pointer.to_owned(), value));
        self
    }

    /// Signs with another secret: an attacker, or the new one during a rotation.
    #[must_use]
    pub fn signed_with(mut self, secret: &str) -> Self {
        self.secret = secret.to_owned();
        self
    }

    /// Signs as of another time.
    #[must_use]
    pub fn signed_at(mut self, at: Timestamp) -> Self {
        self.signed_at = Some(at);
        self
    }

    /// Sends it to the app at `base` and waits for the answer.
    pub async fn send(self, base: &str) -> Answer {
        self.try_send(base).await.unwrap()
    }

    /// The same for an app that may die before it answers.
    pub async fn try_send(self, base: &str) -> reqwest::Result<Answer> {
        let (path, content_type, body) = self.request();
        let answer = self.post(&format!("{base}{path}"), content_type, body).await?;
        self.settle(&answer);
        Ok(answer)
    }

    /// The route, the content type and the body.
    pub fn request(&self) -> (&'static str, &'static str, String) {
        const FORM: &str = "application/x-www-form-urlencoded";
        let payload = self.changed_payload();
        match &self.act {
            Act::Command { .. } => ("/slack/commands", FORM, form(payload.as_object().unwrap())),
            Act::Event { .. } => ("/slack/events", "application/json", payload.to_string()),
            _ => {
                let fields = Map::from_iter([("payload".to_owned(), json!(payload.to_string()))]);
                ("/slack/interactions", FORM, form(&fields))
            }
        }
    }

    /// The type of its envelope over a socket, whether the acknowledgement may say something, and the payload.
    pub(super) fn enveloped(&self) -> (&'static str, bool, Value) {
        let (kind, answerable) = match &self.act {
            Act::Command { .. } => ("slash_commands", true),
            Act::Event { .. } => ("events_api", false),
            Act::Submit { .. } => ("interactive", true),
            _ => ("interactive", false),
        };
        (kind, answerable, self.changed_payload())
    }

    fn changed_payload(&self) -> Value {
        let mut payload = self.payload();
        for (pointer, value) in &self.change {
            let (parent, key) = pointer.rsplit_once('/').expect("a JSON pointer");
            payload.pointer_mut(parent).expect("there is such a place")[key] = value.clone();
        }
        payload
    }

    async fn post(&self, url: &str, content_type: &str, body: String) -> reqwest::Result<Answer> {
        let now = self.signed_at.unwrap_or_else(|| self.fake.clock.now());
        let timestamp = now.as_seconds().to_string();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let request = client
            .post(url)
            .header("content-type", content_type)
            .header("x-slack-request-timestamp", &timestamp)
            .header("x-slack-signature", sign(&self.secret, &timestamp, &body))
            .body(body);
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.text().await? })
    }

    /// What Slack does with the answer: a modal closes, shows errors, or shows something else.
    pub(super) fn settle(&self, answer: &Answer) {
        let Act::Submit { view, .. } = &self.act else { return };
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let action = body["response_action"].as_str();
        self.fake.with(|state| match (answer.status, action) {
            (200, Some("errors")) => {}
            (200, Some("update")) => {
                if let Some(open) = state.views.iter_mut().find(|open| open.id == view.id) {
                    open.view = body["view"].clone();
                }
            }
            (200, Some("clear")) => state.views.clear(),
            (200, _) => state.views.retain(|open| open.id != view.id),
            _ => {}
        });
    }

    /// Modals and home tabs are used by the one who sees them.
    fn by_owner(mut self) -> Self {
        if let Act::Submit { view, .. } | Act::Close { view } | Act::ClickInView { view, .. } = &self.act {
            self.user = view.user.clone();
        }
        self
    }

    fn payload(&self) -> Value {
        match &self.act {
            Act::Click { message, action_id, choice } => self.click_payload(message, action_id, choice.as_deref()),
            Act::ClickInView { view, action_id, choice } => {
                let (block, control) = view.control(action_id).expect("the view has this control");
                let mut payload = self.view_payload("block_actions", view, json!({}));
                payload["actions"] = json!([action(block, control, choice.as_deref())]);
                payload["container"] = json!({"type": "view", "view_id": view.id});
                payload
            }
            Act::Submit { view, values } => self.view_payload("view_submission", view, values.clone()),
            Act::Close { view } => self.view_payload("view_closed", view, json!({})),
            Act::Command { command, text, channel } => self.command_payload(command, text, channel),
            Act::Event { event } => self.event_payload(event),
        }
    }

    /// What every interaction bears.
    fn envelope(&self, kind: &str) -> Value {
        let now = self.fake.clock.now();
        let (trigger, team, organisation) = self.fake.with(|state| {
            let team = state.users.get(&self.user).map_or(TEAM, |user| user.team.as_str()).to_owned();
            (state.trigger(&self.user, now), team, state.organisation.clone())
        });
        let installed = organisation.is_none().then(|| json!({"id": TEAM, "domain": "fake"}));
        json!({"type": kind, "token": "verification-token-not-used", "api_app_id": APP, "trigger_id": trigger,
            "user": {"id": self.user, "username": "someone", "name": "someone", "team_id": team},
            "team": installed, "is_enterprise_install": organisation.is_some(),
            "enterprise": organisation.map(|id| json!({"id": id, "name": "Organisation"}))})
    }

    fn click_payload(&self, message: &Message, action_id: &str, choice: Option<&str>) -> Value {
        let (block, control) = message.control(action_id).expect("the message has this control");
        let response = self.response(&message.channel, Some(&message.ts));
        let mut payload = self.envelope("block_actions");
        let container = json!({"type": "message", "message_ts": message.ts, "channel_id": message.channel,
            "is_ephemeral": false});
        let rest = json!({"container": container, "channel": {"id": message.channel, "name": "directmessage"},
            "message": message.as_json(false), "state": {"values": {}}, "response_url": response,
            "actions": [action(block, control, choice)]});
        extend(&mut payload, rest);
        payload
    }

    fn view_payload(&self, kind: &str, view: &View, values: Value) -> Value {
        let mut payload = self.envelope(kind);
        let mut shown = web_api::shown(view)["view"].take();
        extend(&mut shown, json!({"team_id": TEAM, "root_view_id": view.id, "state": {"values": values}}));
        payload["view"] = shown;
        payload
    }

    fn command_payload(&self, command: &str, text: &str, channel: &str) -> Value {
        let response = self.response(channel, None);
        let envelope = self.envelope("command");
        let mut fields = json!({"token": "verification-token-not-used", "team_id": envelope["user"]["team_id"],
            "team_domain": "fake", "channel_id": channel, "channel_name": "directmessage", "user_id": self.user,
            "user_name": "someone", "command": command, "text": text, "api_app_id": APP,
            "is_enterprise_install": envelope["is_enterprise_install"].to_string(), "response_url": response,
            "trigger_id": envelope["trigger_id"]});
        if let Some(id) = envelope["enterprise"]["id"].as_str() {
            fields["enterprise_id"] = json!(id);
        }
        fields
    }

    fn event_payload(&self, event: &Value) -> Value {
        let (id, organisation) = self.fake.with(|state| (format!("Ev{}", state.next()), state.organisation.clone()));
        let mut event = event.clone();
        if event.is_object() && event.get("user").is_none() {
            event["user"] = json!(self.user);
        }
        let authorization = json!({"team_id": TEAM, "enterprise_id": organisation, "user_id": BOT, "is_bot": true,
            "is_enterprise_install": organisation.is_some()});
        json!({"type": "event_callback", "token": "verification-token-not-used", "team_id": TEAM,
            "enterprise_id": organisation, "api_app_id": APP, "event": event, "event_id": id,
            "event_time": self.fake.clock.now().as_seconds(), "authorizations": [authorization]})
    }

    fn response(&self, channel: &str, ts: Option<&str>) -> String {
        let now = self.fake.clock.now();
        let id = self.fake.with(|state| state.response(&self.user, channel, ts, now));
        format!("{}{id}", self.fake.response_base())
    }
}

/// One used control: what it was made with, and what was chosen.
fn action(block: &str, control: &Value, choice: Option<&str>) -> Value {
    let mut action = json!({"action_id": control["action_id"], "block_id": block, "type": control["type"],
        "action_ts": "1548426417.840180"});
    for part in ["value", "text"] {
        if let Some(value) = control.get(part) {
            action[part] = value.clone();
        }
    }
    if let Some(choice) = choice {
        let options = control["options"].as_array().expect("the control has options");
        let option = options.iter().find(|option| option["value"] == choice).expect("there is such an option");
        action["selected_option"] = option.clone();
    }
    action
}

fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(value), Value::Object(more)) = (value, more) {
        value.extend(more);
    }
}

fn form(fields: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = fields.iter().map(|(name, value)| (name.as_str(), text(value)));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
