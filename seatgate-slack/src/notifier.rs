//! Shows cards, notices and reports in Slack.

use std::collections::BTreeMap;

use async_trait::async_trait;
use seatgate_core::id::{CardId, PersonRef};
use seatgate_core::message::{Content, Message, Recipient};
use seatgate_core::person::PersonDetails;
use seatgate_core::port::{Notifier, NotifyError, Posted};
use seatgate_core::seat::Channel;
use serde_json::json;

use crate::card::{Addressee, Rendered};
use crate::client::{ErrorKind, HistoryMessage, HistoryQuery, Metadata, NewMessage, PostedMessage, SlackError};
use crate::id::{ChannelId, UserId};
use crate::place::MessagePlace;
use crate::workspace::Workspace;

/// The type of a card's metadata, by which it is found again.
const CARD_EVENT: &str = "seatgate_card";
/// The member of the metadata's payload that holds the card's id.
const CARD_KEY: &str = "card";
/// What the ids of direct messages begin with.
const DIRECT: char = 'D';
/// What Slack answers where the token lacks a scope.
const MISSING_SCOPE: &str = "missing_scope";
/// How many pages of a channel's history are looked through for a copy: the newest two hundred messages.
const PAGES: usize = 2;

/// Shows messages in Slack: people are asked in direct messages, channels hear notices and reports.
///
/// - Nothing is repeated here: an answer that did not come is [`NotifyError::Unknown`], and the agenda decides.
/// - Whoever cannot be written to is asked in the fallback channel, and mentioned. Whoever is not in Slack, a guest there
///   or deactivated is asked there by name: the inbox shows them what waits. Without such a channel they are unreachable.
/// - A message that can no longer be changed is answered in its thread.
/// - What belongs under a card or notice is a reply in its thread, wherever that was posted; beside it, where there is no such
///   thread any more.
/// - With the optional scope `im:history` (`channels:history` for channels) a card whose post had no clear answer is found
///   again; without it nothing is found.
#[derive(Debug, Clone)]
pub struct SlackNotifier {
    workspace: Workspace,
    fallback: Option<Channel>,
}

impl SlackNotifier {
    /// A notifier that writes in `workspace`.
    #[must_use]
    pub fn new(workspace: Workspace) -> Self {
        Self { workspace, fallback: None }
    }

    /// Asks whoever cannot get direct messages, or is not in Slack, in this channel.
    #[must_use]
    pub fn fallback(mut self, channel: Option<Channel>) -> Self {
        self.fallback = channel;
        self
    }

    async fn post_to_person(&self, message: &Message, person: &PersonDetails) -> Result<Posted, NotifyError> {
        let Some(user) = self.user_of(person).await? else { return self.post_to_fallback(message, None).await };
        match self.post_at(user.as_str(), message, &Addressee::Direct).await {
            Err(NotifyError::Unreachable) => self.post_to_fallback(message, Some(user)).await,
            answer => answer,
        }
    }

    async fn post_to_fallback(&self, message: &Message, mention: Option<UserId>) -> Result<Posted, NotifyError> {
        let channel = self.fallback.as_ref().ok_or(NotifyError::Unreachable)?;
        self.post_at(channel.as_str(), message, &Addressee::Channel { mention }).await
    }

    /// Below the message that it belongs under, wherever that is; nothing, where it belongs under none, or there is no such
    /// thread any more.
    async fn post_below(&self, message: &Message) -> Result<Option<Posted>, NotifyError> {
        let parent = message.thread.as_ref().and_then(|posted| MessagePlace::decode(&posted.place));
        let Some(parent) = parent else { return Ok(None) };
        let (content, said) = self.drawn(message, &self.addressee(message, &parent).await?).await;
        let reply = content.in_thread(parent.ts);
        match self.workspace.client().chat_post_message(parent.channel.as_str(), &reply).await {
            Ok(posted) => Ok(Some(shown(posted, said))),
            Err(error) if error.has_no_thread() || error.kind() == ErrorKind::Elsewhere => Ok(None),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// In the thread of a message that cannot be changed; in its channel, where it has none because it was deleted.
    async fn post_beside(&self, at: PostedMessage, content: NewMessage) -> Result<PostedMessage, SlackError> {
        let (client, channel) = (self.workspace.client(), at.channel.as_str());
        match client.chat_post_message(channel, &content.clone().in_thread(at.ts)).await {
            Err(error) if error.has_no_thread() => client.chat_post_message(channel, &content).await,
            posted => posted,
        }
    }

    async fn post_at(&self, channel: &str, message: &Message, to: &Addressee) -> Result<Posted, NotifyError> {
        let (content, said) = self.drawn(message, to).await;
        let posted = self.workspace.client().chat_post_message(channel, &content).await;
        let posted = posted.map_err(|error| self.failure(&error))?;
        Ok(shown(posted, said))
    }

    /// The content as Slack takes it, and what it says.
    async fn drawn(&self, message: &Message, to: &Addressee) -> (NewMessage, String) {
        let users = self.assignees(message).await;
        let Rendered { text, blocks } = self.workspace.renderer().message_mentioning(message, to, &users);
        let content = NewMessage::new(text.clone(), blocks);
        let content = match message.card() {
            Some(card) => content.metadata(Metadata::new(CARD_EVENT, json!({ CARD_KEY: card }))),
            None => content,
        };
        (content, text)
    }

    /// Who has something to do by hand, as Slack users. Whom Slack does not tell now is called by name.
    async fn assignees(&self, message: &Message) -> BTreeMap<PersonRef, UserId> {
        let Content::Offboarding(run) = &message.content else { return BTreeMap::new() };
        let mut users = BTreeMap::new();
        for person in run.tasks.iter().filter_map(|line| line.assignee.as_ref()) {
            if !users.contains_key(&person.reference)
                && let Ok(Some(user)) = self.workspace.people().user_of(person).await
            {
                users.insert(person.reference, user);
            }
        }
        users
    }

    /// Whom a message at `place` addresses: somebody in their direct message, or in a channel, mentioned.
    async fn addressee(&self, message: &Message, place: &MessagePlace) -> Result<Addressee, NotifyError> {
        if place.channel.as_str().starts_with(DIRECT) {
            return Ok(Addressee::Direct);
        }
        let mention = match &message.to {
            Recipient::Person(person) => self.user_of(person).await?,
            _ => None,
        };
        Ok(Addressee::Channel { mention })
    }

    async fn user_of(&self, person: &PersonDetails) -> Result<Option<UserId>, NotifyError> {
        self.workspace.people().user_of(person).await.map_err(|error| self.unread(&error))
    }

    async fn find_in(&self, channel: ChannelId, card: CardId) -> Result<Vec<Posted>, NotifyError> {
        let (mut query, mut found) = (HistoryQuery::newest(channel.clone()), Vec::new());
        let kind = channel.as_str().chars().next().unwrap_or(DIRECT);
        for _ in 0..PAGES {
            if !self.workspace.may_see_history(kind) {
                break;
            }
            let page = match self.workspace.client().conversations_history(&query).await {
                Ok(page) => page,
                Err(error) if cannot_look(&error) => {
                    if error.name() == MISSING_SCOPE {
                        self.workspace.sees_no_history(kind);
                    }
                    return Ok(found);
                }
                Err(error) => return Err(self.unread(&error)),
            };
            let copies = page.messages.into_iter().filter(|copy| is_card(copy, card));
            let place = |copy: HistoryMessage| MessagePlace { channel: channel.clone(), ts: copy.ts }.encode();
            found.extend(copies.map(place).map(Posted::at));
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Where a message to `to` may be.
    async fn places_of(&self, to: &Recipient) -> Result<Vec<ChannelId>, NotifyError> {
        let named = |channel: &Channel| channel.as_str().parse().ok();
        let Recipient::Person(person) = to else {
            let Recipient::Channel(channel) = to else { return Ok(Vec::new()) };
            return Ok(named(channel).into_iter().collect());
        };
        let direct = match self.user_of(person).await? {
            Some(user) if self.workspace.may_see_history(DIRECT) => self.direct_with(&user).await?,
            _ => None,
        };
        Ok(direct.into_iter().chain(self.fallback.as_ref().and_then(named)).collect())
    }

    /// The direct message with somebody, where we may look for it.
    async fn direct_with(&self, user: &UserId) -> Result<Option<ChannelId>, NotifyError> {
        match self.workspace.client().conversations_open(user).await {
            Ok(direct) => Ok(Some(direct)),
            Err(error) if cannot_look(&error) => Ok(None),
            Err(error) => Err(self.unread(&error)),
        }
    }

    /// What a failed post or update means to the gate.
    fn failure(&self, error: &SlackError) -> NotifyError {
        match error.kind() {
            ErrorKind::RetryAfter(wait) => NotifyError::RetryAt(Some(self.workspace.now().saturating_add(wait))),
            ErrorKind::Unknown => NotifyError::Unknown,
            ErrorKind::Elsewhere => NotifyError::Unreachable,
            ErrorKind::Halt => NotifyError::Misconfigured(error.to_string()),
            ErrorKind::OurBug | ErrorKind::Other => NotifyError::Refused(error.to_string()),
        }
    }

    /// What a failed look means: nothing was sent, whatever happened to the look.
    fn unread(&self, error: &SlackError) -> NotifyError {
        match self.failure(error) {
            NotifyError::Unknown => NotifyError::RetryAt(None),
            failure => failure,
        }
    }
}

#[async_trait]
impl Notifier for SlackNotifier {
    async fn post(&self, message: &Message) -> Result<Posted, NotifyError> {
        if let Some(posted) = self.post_below(message).await? {
            return Ok(posted);
        }
        match &message.to {
            Recipient::Person(person) => self.post_to_person(message, person).await,
            Recipient::Channel(channel) => {
                self.post_at(channel.as_str(), message, &Addressee::Channel { mention: None }).await
            }
            _ => Err(NotifyError::Unreachable),
        }
    }

    async fn update(&self, posted: &Posted, message: &Message) -> Result<Posted, NotifyError> {
        let Some(place) = MessagePlace::decode(&posted.place) else { return self.post(message).await };
        let (content, said) = self.drawn(message, &self.addressee(message, &place).await?).await;
        let at = PostedMessage::from(place);
        let client = self.workspace.client();
        let updated = match client.chat_update(&at, &content).await {
            Err(error) if error.is_beyond_editing() => self.post_beside(at, content).await,
            updated => updated,
        };
        updated.map(|posted| shown(posted, said)).map_err(|error| self.failure(&error))
    }

    async fn find(&self, message: &Message) -> Result<Vec<Posted>, NotifyError> {
        let Some(card) = message.card() else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for channel in self.places_of(&message.to).await? {
            found.extend(self.find_in(channel, card).await?);
        }
        Ok(found)
    }
}

fn shown(posted: PostedMessage, said: String) -> Posted {
    Posted::at(MessagePlace::from(posted).encode()).saying(said)
}

/// Without the scope, or where nobody lets us in, there is nothing to be seen.
fn cannot_look(error: &SlackError) -> bool {
    error.name() == MISSING_SCOPE || error.kind() == ErrorKind::Elsewhere
}

fn is_card(copy: &HistoryMessage, card: CardId) -> bool {
    let Some(metadata) = copy.metadata.as_ref().filter(|metadata| metadata.event_type == CARD_EVENT) else {
        return false;
    };
    metadata.event_payload.get(CARD_KEY).and_then(serde_json::Value::as_str) == Some(card.to_string().as_str())
}
