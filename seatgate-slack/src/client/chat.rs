//! Messages: `chat.*` and response URLs.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SlackClient, SlackError};
use crate::id::{ChannelId, MessageTs, UserId};
use crate::payload::ResponseUrl;

/// A message as it is to be shown. `Debug` shows nothing of what it says.
///
/// It always has a text beside its blocks: screen readers and notifications read only that. Links are not unfurled.
#[derive(Clone, Serialize)]
pub struct NewMessage {
    text: String,
    blocks: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<MessageTs>,
    unfurl_links: bool,
    unfurl_media: bool,
}

/// What programs can read of a message: ids only, for everybody in the workspace can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metadata {
    /// What this is about.
    pub event_type: String,
    /// Its ids.
    pub event_payload: Value,
}

/// Where a message is: what `chat.update` needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct PostedMessage {
    /// The channel; for a message to a person the direct message `D...`.
    pub channel: ChannelId,
    /// Which message.
    pub ts: MessageTs,
}

/// A message that only one person sees, in `channel`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ephemeral {
    /// Where.
    pub channel: ChannelId,
    /// For whom.
    pub user: UserId,
    /// What it says.
    pub message: NewMessage,
}

/// An answer to a click or command. `Debug` shows nothing of what it says.
#[derive(Clone, Serialize)]
pub struct Response {
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<Value>,
    response_type: &'static str,
    replace_original: bool,
}

impl NewMessage {
    /// A message with a text that says everything and blocks that show it.
    #[must_use]
    pub fn new(text: impl Into<String>, blocks: Vec<Value>) -> Self {
        Self { text: text.into(), blocks, metadata: None, thread_ts: None, unfurl_links: false, unfurl_media: false }
    }

    /// Gives it metadata, by which it can be found again.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Puts it into the thread below another message.
    #[must_use]
    pub fn in_thread(mut self, ts: MessageTs) -> Self {
        self.thread_ts = Some(ts);
        self
    }
}

impl Metadata {
    /// Metadata of that type. The payload is a JSON object.
    #[must_use]
    pub fn new(event_type: impl Into<String>, event_payload: Value) -> Self {
        Self { event_type: event_type.into(), event_payload }
    }
}

impl Ephemeral {
    /// A message for `user` only, in `channel`.
    #[must_use]
    pub fn new(channel: ChannelId, user: UserId, message: NewMessage) -> Self {
        Self { channel, user, message }
    }
}

impl Response {
    /// An answer that only the person sees, beside what was there.
    #[must_use]
    pub fn ephemeral(text: impl Into<String>) -> Self {
        Self { text: text.into(), blocks: Vec::new(), response_type: "ephemeral", replace_original: false }
    }

    /// Shows blocks, too.
    #[must_use]
    pub fn blocks(mut self, blocks: Vec<Value>) -> Self {
        self.blocks = blocks;
        self
    }

    /// Replaces the message that was clicked on.
    #[must_use]
    pub fn replacing(mut self) -> Self {
        self.replace_original = true;
        self
    }
}

impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage").field("blocks", &self.blocks.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("replace_original", &self.replace_original).finish_non_exhaustive()
    }
}

/// A message and where it goes.
#[derive(Serialize)]
struct Addressed<'a> {
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<&'a MessageTs>,
    #[serde(flatten)]
    message: &'a NewMessage,
}

#[derive(Deserialize)]
struct EphemeralPosted {
    message_ts: MessageTs,
}

impl SlackClient {
    /// `chat.postMessage`: a new message in a channel, or to a person by their user id.
    ///
    /// Keeps to about one a second in a channel: otherwise it is not sent, and the error says how long to wait.
    ///
    /// # Errors
    /// After [`ErrorKind::Unknown`](super::ErrorKind::Unknown) the message may be there: Slack offers no way to repeat
    /// it safely.
    ///
    /// # Cancel safety
    /// Not cancel safe: once polled, dropping the future leaves unknown whether the message was posted.
    pub async fn chat_post_message(&self, channel: &str, message: &NewMessage) -> Result<PostedMessage, SlackError> {
        let body = Addressed { channel, user: None, ts: None, message };
        self.message("chat.postMessage", channel, &body).await?.read()
    }

    /// `chat.update`: replaces a message of ours.
    ///
    /// Keeps to about one a second in all, with bursts of twenty: otherwise it is not sent, and the error says how long to
    /// wait.
    ///
    /// # Errors
    /// [`SlackError::is_beyond_editing`] when it can no longer be changed. Repeating it is safe.
    ///
    /// # Cancel safety
    /// Not cancel safe, yet calling it again with the same message is harmless.
    pub async fn chat_update(&self, posted: &PostedMessage, message: &NewMessage) -> Result<PostedMessage, SlackError> {
        let body = Addressed { channel: posted.channel.as_str(), user: None, ts: Some(&posted.ts), message };
        self.update("chat.update", posted.channel.as_str(), &body).await?.read()
    }

    /// `chat.postEphemeral`: a message that one person sees until they reload. It cannot be updated.
    ///
    /// # Errors
    /// After [`ErrorKind::Unknown`](super::ErrorKind::Unknown) the person may have seen it.
    ///
    /// # Cancel safety
    /// Not cancel safe: once polled, dropping the future leaves unknown whether the message was posted.
    pub async fn chat_post_ephemeral(&self, ephemeral: &Ephemeral) -> Result<MessageTs, SlackError> {
        let Ephemeral { channel, user, message } = ephemeral;
        let body = Addressed { channel: channel.as_str(), user: Some(user), ts: None, message };
        let posted: EphemeralPosted = self.json("chat.postEphemeral", &body).await?.read()?;
        Ok(posted.message_ts)
    }

    /// Answers a click or command, at most five times within thirty minutes.
    ///
    /// # Errors
    /// Of the kind [`ErrorKind::Other`](super::ErrorKind::Other) when the URL is used up or too old.
    ///
    /// # Cancel safety
    /// Not cancel safe: once polled, dropping the future leaves unknown whether the answer arrived.
    pub async fn respond(&self, url: &ResponseUrl, response: &Response) -> Result<(), SlackError> {
        self.answer(url.expose(), response).await
    }
}
