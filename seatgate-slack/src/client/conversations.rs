//! Channels and what is in them: `conversations.*`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Metadata, SlackClient, SlackError};
use crate::id::{ChannelId, MessageTs, UserId};

/// A channel or direct message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Conversation {
    /// Its id.
    pub id: ChannelId,
    /// Whether we are in it.
    #[serde(default)]
    pub is_member: bool,
    /// Whether it is archived.
    #[serde(default)]
    pub is_archived: bool,
    /// Whether it is a direct message.
    #[serde(default)]
    pub is_im: bool,
    /// Whether another organisation is in it, through Slack Connect.
    #[serde(default)]
    pub is_ext_shared: bool,
    /// Whom the direct message is with.
    pub user: Option<UserId>,
}

/// What part of a channel's messages to read. Newest first.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct HistoryQuery {
    /// Which channel.
    pub channel: ChannelId,
    /// Only messages after this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<MessageTs>,
    /// At most so many, up to 999 (100).
    pub limit: u16,
    /// Where the page before ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    include_all_metadata: bool,
}

impl HistoryQuery {
    /// The newest hundred messages of the channel, with their metadata.
    #[must_use]
    pub fn newest(channel: ChannelId) -> Self {
        Self { channel, oldest: None, limit: 100, cursor: None, include_all_metadata: true }
    }
}

/// A page of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct History {
    /// The messages, newest first.
    pub messages: Vec<HistoryMessage>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// A message in a channel. `Debug` does not show what it says.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct HistoryMessage {
    /// Which message.
    pub ts: MessageTs,
    /// Who wrote it.
    pub user: Option<UserId>,
    /// Its metadata: what finds a card again whose post had no clear answer.
    pub metadata: Option<Metadata>,
}

impl fmt::Debug for HistoryMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryMessage").field("ts", &self.ts).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Found {
    channel: Conversation,
}

#[derive(Deserialize)]
struct Opened {
    channel: OpenedChannel,
}

#[derive(Deserialize)]
struct OpenedChannel {
    id: ChannelId,
}

#[derive(Deserialize)]
struct Page {
    messages: Vec<HistoryMessage>,
    response_metadata: Option<Next>,
}

#[derive(Deserialize)]
struct Next {
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct Named<'a> {
    channel: &'a ChannelId,
}

#[derive(Serialize)]
struct With<'a> {
    users: &'a UserId,
}

impl SlackClient {
    /// `conversations.open`: the direct message with a user, opened where it is not yet. Needs the scope `im:write`.
    ///
    /// # Errors
    /// `user_not_found` and the like when there is nobody to write to.
    ///
    /// # Cancel safety
    /// Cancel safe: opening it again is harmless, and nobody sees it.
    pub async fn conversations_open(&self, user: &UserId) -> Result<ChannelId, SlackError> {
        let found: Opened = self.json("conversations.open", &With { users: user }).await?.read()?;
        Ok(found.channel.id)
    }

    /// `conversations.info`: what kind of channel it is, and whether we are in it.
    ///
    /// # Errors
    /// `channel_not_found` when there is none, or it is private and we are not in it.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn conversations_info(&self, channel: &ChannelId) -> Result<Conversation, SlackError> {
        let found: Found = self.json("conversations.info", &Named { channel }).await?.read()?;
        Ok(found.channel)
    }

    /// `conversations.history`: messages of a channel with their metadata. Needs a scope such as `im:history`.
    ///
    /// # Errors
    /// `missing_scope` without that scope.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn conversations_history(&self, query: &HistoryQuery) -> Result<History, SlackError> {
        let page: Page = self.json("conversations.history", query).await?.read()?;
        let next = page.response_metadata.and_then(|next| next.next_cursor).filter(|cursor| !cursor.is_empty());
        Ok(History { messages: page.messages, next })
    }
}
