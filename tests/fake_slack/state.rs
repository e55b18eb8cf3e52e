//! What the fake remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seatgate_core::time::Timestamp;
use serde_json::{Value, json};

use super::fault::Faults;
use super::rates::Rates;
use super::socket::{Acknowledged, Connection};

/// The workspace.
pub const TEAM: &str = "T1";
/// The app's bot user.
pub const BOT: &str = "UBOT";
/// The app.
pub const APP: &str = "A1";
/// What the manifest asks for.
const SCOPES: [&str; 6] = ["app_mentions:read", "chat:write", "commands", "im:write", "users:read", "users:read.email"];
const TRIGGER_LIFE: Duration = Duration::from_secs(3);
const RESPONSE_LIFE: Duration = Duration::from_secs(30 * 60);

/// Everything; tests may look at all of it, and change it through `FakeSlack::with`.
pub struct State {
    pub users: BTreeMap<String, User>,
    pub channels: BTreeMap<String, Channel>,
    /// User id to the id of the direct message with the bot.
    pub dms: BTreeMap<String, String>,
    pub messages: Vec<Message>,
    pub ephemerals: Vec<Ephemeral>,
    /// Open modals.
    pub views: Vec<View>,
    /// Home tabs by user.
    pub homes: BTreeMap<String, View>,
    pub calls: Vec<Call>,
    pub scopes: BTreeSet<String>,
    /// `Some` for an organisation-wide install on Enterprise Grid: clicks bear no team then.
    pub organisation: Option<String>,
    /// How long a message can be edited; `None` for ever.
    pub edit_window: Option<Duration>,
    /// Whether response URLs keep their callers waiting.
    pub responses_held: bool,
    /// How far Slack's clock is ahead of the one it was given.
    pub ahead: Duration,
    /// The connections of Socket Mode, oldest first.
    pub sockets: Vec<Connection>,
    /// The envelopes that were acknowledged, in order.
    pub acknowledged: Vec<Acknowledged>,
    /// So many connections of the app are somebody else's.
    pub strangers: usize,
    pub(super) tickets: BTreeSet<String>,
    /// Slack's own limits, where a test turns them on: `Some(Rates::default())`.
    pub rates: Option<Rates>,
    pub(super) faults: Faults,
    pub(super) triggers: BTreeMap<String, Trigger>,
    pub(super) responses: BTreeMap<String, ResponseSlot>,
    counter: u32,
}

/// A person or program.
#[derive(Debug, Clone)]
pub struct User {
    pub id: String,
    pub email: String,
    pub name: String,
    /// The user's own workspace: another one for outsiders through Slack Connect.
    pub team: String,
    pub deleted: bool,
    pub is_bot: bool,
    pub is_restricted: bool,
    /// Custom fields of the profile, by their ids.
    pub fields: BTreeMap<String, String>,
}

/// A channel.
#[derive(Debug, Clone)]
pub struct Channel {
    pub id: String,
    pub is_private: bool,
    pub is_archived: bool,
    pub is_ext_shared: bool,
    pub members: BTreeSet<String>,
}

/// A message as it stands, and what it said before.
#[derive(Debug, Clone)]
pub struct Message {
    pub channel: String,
    pub ts: String,
    pub author: String,
    pub text: String,
    pub blocks: Vec<Value>,
    pub thread_ts: Option<String>,
    pub metadata: Option<Value>,
    pub posted_at: Timestamp,
    /// The life of the server that posted it, where [`FakeSlack::api_url_of`](super::FakeSlack::api_url_of) tells them apart.
    pub life: Option<usize>,
    /// Text and blocks before each edit, oldest first.
    pub edits: Vec<(String, Vec<Value>)>,
}

/// A message that one person saw.
#[derive(Debug, Clone)]
pub struct Ephemeral {
    pub channel: String,
    pub user: String,
    pub text: String,
    pub blocks: Vec<Value>,
}

/// A modal or home tab.
#[derive(Debug, Clone)]
pub struct View {
    pub id: String,
    pub user: String,
    pub hash: String,
    /// As the app sent it.
    pub view: Value,
}

/// A call of the Web API.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    pub channel: Option<String>,
    pub content_type: String,
    pub body: Value,
    /// As for a message.
    pub life: Option<usize>,
    /// Whether a fault befell it.
    pub broken: bool,
}

pub(super) struct Trigger {
    pub(super) user: String,
    pub(super) expires: Timestamp,
    pub(super) used: bool,
}

pub(super) struct ResponseSlot {
    pub(super) user: String,
    pub(super) channel: String,
    pub(super) ts: Option<String>,
    pub(super) uses: u32,
    pub(super) expires: Timestamp,
}

impl User {
    /// An active member of the workspace.
    pub fn new(id: &str, email: &str) -> Self {
        Self {
            id: id.to_owned(),
            email: email.to_owned(),
            name: email.split('@').next().unwrap_or_default().to_owned(),
            team: TEAM.to_owned(),
            deleted: false,
            is_bot: false,
            is_restricted: false,
            fields: BTreeMap::new(),
        }
    }
}

impl Channel {
    /// A public channel with the bot in it.
    pub fn new(id: &str) -> Self {
        let members = BTreeSet::from([BOT.to_owned()]);
        Self { id: id.to_owned(), is_private: false, is_archived: false, is_ext_shared: false, members }
    }

    /// A public channel without the bot.
    pub fn without_bot(id: &str) -> Self {
        Self { members: BTreeSet::new(), ..Self::new(id) }
    }
}

impl Message {
    /// The control with that `action_id`, and the id of its block.
    pub fn control(&self, action_id: &str) -> Option<(&str, &Value)> {
        control(&self.blocks, action_id)
    }

    /// The `action_id` of every control: none on a card that is over.
    pub fn controls(&self) -> Vec<&str> {
        controls(&self.blocks).map(|(_, control)| control["action_id"].as_str().unwrap_or_default()).collect()
    }

    /// The message in a channel's history.
    pub(super) fn as_json(&self, with_metadata: bool) -> Value {
        let mut json = json!({"type": "message", "ts": self.ts, "user": self.author, "bot_id": "B1", "app_id": APP,
            "text": self.text, "blocks": self.blocks});
        if let Some(thread_ts) = &self.thread_ts {
            json["thread_ts"] = json!(thread_ts);
        }
        if let Some(metadata) = self.metadata.as_ref().filter(|_| with_metadata) {
            json["metadata"] = metadata.clone();
        }
        json
    }
}

impl View {
    /// The control with that `action_id`, and the id of its block.
    pub fn control(&self, action_id: &str) -> Option<(&str, &Value)> {
        control(self.view["blocks"].as_array()?, action_id)
    }
}

fn control<'a>(blocks: &'a [Value], action_id: &str) -> Option<(&'a str, &'a Value)> {
    controls(blocks).find(|(_, control)| control["action_id"] == action_id)
}

/// Every control and its block: elements of actions and inputs, accessories of sections.
pub(super) fn controls(blocks: &[Value]) -> impl Iterator<Item = (&str, &Value)> {
    blocks.iter().flat_map(|block| {
        let id = block["block_id"].as_str().unwrap_or_default();
        let elements = block["elements"].as_array().into_iter().flatten();
        let all = elements.chain(block.get("accessory")).chain(block.get("element"));
        all.filter(|element| element.get("action_id").is_some()).map(move |element| (id, element))
    })
}

impl State {
    pub(super) fn new() -> Self {
        let mut bot = User::new(BOT, "");
        bot.is_bot = true;
        Self {
            users: BTreeMap::from([(BOT.to_owned(), bot)]),
            channels: BTreeMap::new(),
            dms: BTreeMap::new(),
            messages: Vec::new(),
            ephemerals: Vec::new(),
            views: Vec::new(),
            homes: BTreeMap::new(),
            calls: Vec::new(),
            scopes: SCOPES.map(str::to_owned).into(),
            organisation: None,
            edit_window: None,
            responses_held: false,
            ahead: Duration::ZERO,
            sockets: Vec::new(),
            acknowledged: Vec::new(),
            strangers: 0,
            tickets: BTreeSet::new(),
            rates: None,
            faults: Faults::default(),
            triggers: BTreeMap::new(),
            responses: BTreeMap::new(),
            counter: 0,
        }
    }

    /// The message as it stands.
    pub fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.channel == channel && message.ts == ts)
    }

    pub(super) fn next(&mut self) -> u32 {
        self.counter += 1;
        self.counter
    }

    /// A `ts` that no other message has.
    pub(super) fn next_ts(&mut self, now: Timestamp) -> String {
        format!("{}.{:06}", now.as_seconds(), self.next())
    }

    /// The direct message with a user, opened where it is not yet.
    pub(super) fn dm(&mut self, user: &str) -> String {
        self.dms.entry(user.to_owned()).or_insert_with(|| format!("D0{user}")).clone()
    }

    /// Whether Slack takes this call now; else in how many seconds. A user's id means the direct message with them.
    pub(super) fn admit(&mut self, method: &str, place: Option<&str>, now: Timestamp) -> Result<(), u32> {
        let channel = place.map(|place| {
            self.dms.get(place).cloned().unwrap_or_else(|| match self.users.get(place) {
                Some(user) => format!("D0{}", user.id),
                None => place.to_owned(),
            })
        });
        self.rates.as_mut().map_or(Ok(()), |rates| rates.take(method, channel.as_deref(), now))
    }

    pub(super) fn trigger(&mut self, user: &str, now: Timestamp) -> String {
        let id = format!("{}.{}.fake", now.as_seconds(), self.next());
        let trigger = Trigger { user: user.to_owned(), expires: now.saturating_add(TRIGGER_LIFE), used: false };
        self.triggers.insert(id.clone(), trigger);
        id
    }

    /// The end of a response URL, for a click on a message (`ts`) or for a command.
    pub(super) fn response(&mut self, user: &str, channel: &str, ts: Option<&str>, now: Timestamp) -> String {
        let id = format!("r{}", self.next());
        let slot = ResponseSlot {
            user: user.to_owned(),
            channel: channel.to_owned(),
            ts: ts.map(str::to_owned),
            uses: 0,
            expires: now.saturating_add(RESPONSE_LIFE),
        };
        self.responses.insert(id.clone(), slot);
        id
    }
}
