//! A fake Slack on loopback: its Web API with the real rules, and people who click, type and submit.
//!
//! A plain module, included with `#[path]` by whoever tests against Slack. Time is the injected clock's: trigger ids,
//! response URLs, edit windows and signatures go by it. Whatever happens wakes [`FakeSlack::wait_for`], so nothing sleeps.
//!
//! Stricter than Slack on purpose: a message needs a `text` beside its blocks, and ids of blocks and actions must be
//! unique. Limits that Slack does not document exactly (metadata, all blocks together) are on the careful side.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod blocks;
mod fault;
mod hooks;
mod people;
mod rates;
mod server;
mod socket;
mod state;
mod web_api;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use seatgate_core::port::Clock;
use tokio::sync::watch;

pub use fault::Fault;
pub use people::{Answer, Gesture, sign};
pub use rates::Rates;
pub use socket::{Acknowledged, OverSocket};
pub use state::{BOT, Call, Channel, Ephemeral, Message, State, TEAM, User, View};

/// The bot token that it accepts.
pub const TOKEN: &str = "xoxb-1-2-fake";
/// The app-level token that it accepts.
pub const APP_TOKEN: &str = "xapp-1-A1-fake";
/// What it signs with.
pub const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// How long a condition may take to come true before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The fake. Clones are the same one; it ends with the runtime of the test.
#[derive(Clone)]
pub struct FakeSlack {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<u64>>,
    origin: String,
}

impl FakeSlack {
    /// Starts one with a workspace that holds the bot alone.
    pub async fn start(clock: Arc<dyn Clock>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            clock,
            state: Arc::new(Mutex::new(State::new())),
            changed: Arc::new(watch::channel(0).0),
            origin: format!("http://{}", listener.local_addr().unwrap()),
        };
        tokio::spawn(server::serve(listener, fake.clone()));
        fake
    }

    /// Where its Web API is: `SLACK_API_URL`.
    pub fn api_url(&self) -> String {
        format!("{}/api/", self.origin)
    }

    /// The same for one life of a server that dies and comes back: each has a path of its own, so no delay confuses them.
    pub fn api_url_of(&self, life: usize) -> String {
        format!("{}/{life}/api/", self.origin)
    }

    /// What its response URLs start with.
    pub fn response_base(&self) -> String {
        format!("{}/response/", self.origin)
    }

    /// Reads or changes the state, and wakes whoever waits.
    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let result = work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|version| *version += 1);
        result
    }

    /// Reads the state.
    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds or replaces a person.
    pub fn user(&self, user: User) {
        self.with(|state| state.users.insert(user.id.clone(), user));
    }

    /// Adds or replaces a channel.
    pub fn channel(&self, channel: Channel) {
        self.with(|state| state.channels.insert(channel.id.clone(), channel));
    }

    /// Does this to the next call of `method`; several happen in turn.
    pub fn fault(&self, method: &str, fault: Fault) {
        self.with(|state| state.faults.add(method, None, fault));
    }

    /// Does this to the next call of `method` in `channel`.
    pub fn fault_in(&self, method: &str, channel: &str, fault: Fault) {
        self.with(|state| state.faults.add(method, Some(channel), fault));
    }

    /// How often `method` was called, refused calls included.
    pub fn calls(&self, method: &str) -> usize {
        self.look(|state| state.calls.iter().filter(|call| call.method == method).count())
    }

    /// The last call of `method`.
    pub fn last_call(&self, method: &str) -> Call {
        self.look(|state| state.calls.iter().rev().find(|call| call.method == method).cloned()).expect("it was called")
    }

    /// Every message, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.look(|state| state.messages.clone())
    }

    /// The messages in a channel, or in the direct message with a user.
    pub fn messages_in(&self, place: &str) -> Vec<Message> {
        self.look(|state| {
            let channel = state.dms.get(place).map_or(place, String::as_str);
            state.messages.iter().filter(|message| message.channel == channel).cloned().collect()
        })
    }

    /// The message as it stands now.
    pub fn message(&self, channel: &str, ts: &str) -> Message {
        self.look(|state| state.message(channel, ts).cloned()).expect("there is such a message")
    }

    /// Every ephemeral message, oldest first.
    pub fn ephemerals(&self) -> Vec<Ephemeral> {
        self.look(|state| state.ephemerals.clone())
    }

    /// The modals that are open, oldest first.
    pub fn open_views(&self) -> Vec<View> {
        self.look(|state| state.views.clone())
    }

    /// What a user's home tab shows.
    pub fn home(&self, user: &str) -> Option<View> {
        self.look(|state| state.homes.get(user).cloned())
    }

    /// Waits until `find` finds something. Fails the test when it does not come.
    pub async fn wait_for<T>(&self, what: &str, find: impl Fn(&State) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let found = async {
            loop {
                if let Some(found) = self.look(&find) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    /// Waits for the message number `count` (from 1) in a channel or direct message.
    pub async fn wait_for_message(&self, place: &str, count: usize) -> Message {
        let nth = |state: &State| {
            let channel = state.dms.get(place).map_or(place, String::as_str);
            state.messages.iter().filter(|message| message.channel == channel).nth(count - 1).cloned()
        };
        self.wait_for(&format!("message {count} in {place}"), nth).await
    }

    /// Waits until a message was edited `count` times.
    pub async fn wait_for_edit(&self, message: &Message, count: usize) -> Message {
        let edited = |state: &State| {
            state.message(&message.channel, &message.ts).filter(|message| message.edits.len() >= count).cloned()
        };
        self.wait_for(&format!("edit {count} of {}", message.ts), edited).await
    }
}
