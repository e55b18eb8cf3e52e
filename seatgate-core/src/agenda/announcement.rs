//! What a channel, or somebody who is asked, is told about what has happened.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AgendaChange, GATHER, Item, Lane};
use crate::card::notice_of;
use crate::id::{AnnouncementId, CardId, PersonRef, RequestId};
use crate::label::labels;
use crate::port::Entropy;
use crate::request::{Asked, Relation, Request, StateLabel, WithdrawReason};
use crate::seat::Channel;
use crate::time::Timestamp;

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Audience {
    /// A channel.
    Channel(Channel),
    /// One person.
    Person(PersonRef),
}

impl Audience {
    /// The lane of whatever they are told.
    #[must_use]
    pub fn lane(&self) -> Lane {
        Lane::Messages(match self {
            Self::Channel(channel) => channel.to_string(),
            Self::Person(person) => person.to_string(),
        })
    }
}

labels! {
    /// What somebody is told, apart from what a card shows.
    #[non_exhaustive]
    News {
        /// How a request ended, or that it needs attention.
        Standing = "standing",
        /// That their answer is still waited for.
        Reminder = "reminder",
        /// That an operator decided in their place.
        Overruled = "overruled",
        /// That the user came back, so that the request is over.
        UsedAgain = "used_again",
    }
}

/// A message about something that has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Announcement {
    /// Which.
    pub id: AnnouncementId,
    /// Who hears it.
    pub to: Audience,
    /// About which request; rendered from its state when it is sent.
    pub request: RequestId,
    /// The card in whose thread it is told: the notice of its sweep, or the one that asked them.
    pub under: CardId,
    /// What.
    pub news: News,
}

/// The requesting channel hears when a request is over, and when it needs attention.
pub(super) fn standing(
    before: Option<&Request>,
    after: &Request,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Option<AgendaChange> {
    let told = |request: &Request| matches!(request.label(), StateLabel::Closed | StateLabel::NeedsAttention);
    let more = |before: &Request| before.label() != after.label() || before.plan.paused() < after.plan.paused();
    let news = told(after) && before.is_none_or(more);
    let to = Audience::Channel(after.channel.clone().filter(|_| news)?);
    let (id, under) = (AnnouncementId::generate(now, entropy), notice_of(after)?.id);
    Some(announce(Announcement { id, to, request: after.id, under, news: News::Standing }, now))
}

/// How long a reminder waits for the other requests of a digest, which are woken one after the other: one message tells of
/// all of them.
const GATHER_DIGEST: Duration = Duration::from_secs(60);

/// Those who are asked hear what their card alone would not tell them: that their answer is missing, and that it is not
/// wanted any more though they never gave it.
pub(super) fn personal(before: &Request, after: &Request, now: Timestamp) -> Vec<AgendaChange> {
    let Some(news) = personal_news(before, after) else { return Vec::new() };
    let waiting = before.approval.active().filter(|asked| before.approval.waits_for(asked.person));
    let is_digest = !after.terms.digest.duration().is_zero();
    let gather = if is_digest && news == News::Reminder { GATHER_DIGEST } else { GATHER };
    let reminded = |asked: &&Asked| news != News::Reminder || after.approval.waits_for(asked.person);
    let tell = |asked: &Asked| {
        // One message a card, however many requests it shows.
        let number = after.approval.reminded.to_string();
        let about = if news == News::Reminder { number } else { after.id.to_string() };
        let names = [news.label(), &asked.card.to_string(), &about];
        let id = AnnouncementId::derived(Timestamp::from_micros(0), &names);
        let to = Audience::Person(asked.person);
        announce(Announcement { id, to, request: after.id, under: asked.card, news }, now.saturating_add(gather))
    };
    waiting.filter(reminded).map(tell).collect()
}

fn personal_news(before: &Request, after: &Request) -> Option<News> {
    let verdict = after.approval.verdict.as_ref().filter(|_| before.approval.verdict.is_none());
    if after.approval.reminded > before.approval.reminded {
        Some(News::Reminder)
    } else if verdict.is_some_and(|verdict| verdict.relation == Relation::Operator) && after.offboarding.is_none() {
        Some(News::Overruled)
    } else if after.withdrawn == Some(WithdrawReason::UsedAgain) && before.withdrawn.is_none() {
        Some(News::UsedAgain)
    } else {
        None
    }
}

fn announce(announcement: Announcement, due: Timestamp) -> AgendaChange {
    let lane = Some(announcement.to.lane());
    AgendaChange::Schedule { item: Item::Announce(announcement), due, lane, gated: true }
}
