//! What a channel, or somebody who is asked, is told about what has happened.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AgendaChange, GATHER, Item, Lane};
use crate::card::notice_of;
use crate::id::{AnnouncementId, CardId, PersonRef, RequestId, TaskId};
use crate::label::labels;
use crate::port::Entropy;
use crate::request::{ApprovalState, Asked, Relation, Request, StateLabel, Task, TaskState, WithdrawReason};
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
        /// How a task of an offboarding ended, or that it waits for an operator.
        Task = "task",
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
    /// About which task, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// About which pause of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<u32>,
}

impl Announcement {
    /// Whether it is news still, as `request` stands now: whoever has answered in the meantime needs no reminder, and of a
    /// pause that was answered its task will tell when it ends.
    #[must_use]
    pub fn is_news(&self, request: &Request) -> bool {
        let task = self.task.and_then(|task| request.plan.task(task));
        match (self.news, &self.to) {
            (News::Task, _) => task.and_then(Told::of).is_some_and(|told| told.pause() == self.pause),
            (News::Reminder, Audience::Person(_)) if self.task.is_some() => task.is_some_and(Task::waits_for_person),
            (News::Reminder, Audience::Person(person)) => {
                request.approval.state == ApprovalState::Open && request.approval.waits_for(*person)
            }
            _ => true,
        }
    }
}

/// What is told of a task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// That it waits for an operator, for the how-manieth time.
    Pause(u32),
    /// How it ended.
    End,
}

impl Told {
    /// Of what was never tried before it was cancelled, the summary tells enough.
    fn of(task: &Task) -> Option<Self> {
        match task.state {
            TaskState::Paused { pause, .. } => Some(Self::Pause(pause)),
            TaskState::Done { .. } | TaskState::Skipped { .. } => Some(Self::End),
            TaskState::Cancelled if task.attempts > 0 => Some(Self::End),
            _ => None,
        }
    }

    fn pause(self) -> Option<u32> {
        match self {
            Self::Pause(pause) => Some(pause),
            Self::End => None,
        }
    }
}

/// The channel of an offboarding hears how each task ended, and when one waits for an operator.
pub(super) fn steps(before: Option<&Request>, after: &Request, now: Timestamp) -> Vec<AgendaChange> {
    let notice = notice_of(after).filter(|_| after.is_leaving_decided());
    let Some((notice, channel)) = notice.zip(after.channel.clone()) else { return Vec::new() };
    let known = |task: &Task| before.and_then(|before| before.plan.task(task.id)).and_then(Told::of);
    let told = after.plan.tasks.iter().filter_map(|task| Some((task, Told::of(task)?)));
    let tell = |(task, told): (&Task, Told)| {
        let (to, under, pause) = (Audience::Channel(channel.clone()), notice.id, told.pause());
        let end = pause.map_or_else(|| "end".to_owned(), |pause| pause.to_string());
        let id = AnnouncementId::derived(Timestamp::from_micros(0), &["task", &task.id.to_string(), &end]);
        let task = Some(task.id);
        announce(Announcement { id, to, request: after.id, under, news: News::Task, task, pause }, now)
    };
    told.filter(|(task, told)| known(task) != Some(*told)).map(tell).collect()
}

/// The requesting channel hears when a request is over, and when it needs attention. Of an offboarding that needs attention,
/// it hears which task does.
pub(super) fn standing(
    before: Option<&Request>,
    after: &Request,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Option<AgendaChange> {
    let told = |request: &Request| match request.label() {
        StateLabel::Closed => true,
        StateLabel::NeedsAttention => request.offboarding.is_none(),
        _ => false,
    };
    let more = |before: &Request| before.label() != after.label() || before.plan.paused() < after.plan.paused();
    let news = told(after) && before.is_none_or(more);
    let to = Audience::Channel(after.channel.clone().filter(|_| news)?);
    let (id, under) = (AnnouncementId::generate(now, entropy), notice_of(after)?.id);
    // What became of its last tasks comes first.
    let due = if after.offboarding.is_some() { now.saturating_add(GATHER) } else { now };
    Some(announce(
        Announcement { id, to, request: after.id, under, news: News::Standing, task: None, pause: None },
        due,
    ))
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
        let (under, task, pause) = (asked.card, None, None);
        announce(Announcement { id, to, request: after.id, under, news, task, pause }, now.saturating_add(gather))
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

pub(super) fn announce(announcement: Announcement, due: Timestamp) -> AgendaChange {
    let lane = Some(announcement.to.lane());
    AgendaChange::Schedule { item: Item::Announce(announcement), due, lane, gated: true }
}
