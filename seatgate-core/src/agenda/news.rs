//! What is told of a request's changes: to its channel, to those who are asked, and to whoever listens to events.

use super::{AgendaChange, Announcement, Audience, GATHER, Item, Lane, News};
use crate::card::notice_of;
use crate::id::{AnnouncementId, TaskId};
use crate::port::Entropy;
use crate::request::{Asked, Relation, Request, StateLabel, Task, WithdrawReason};
use crate::time::Timestamp;

/// What the lane of events is called: not like any channel or person.
pub(crate) const EVENTS: &str = "events/webhook";

/// Whoever listens to events hears when a task of an offboarding ends, and when a request does.
pub(crate) fn reports(before: Option<&Request>, after: &Request, now: Timestamp) -> Vec<AgendaChange> {
    let had_ended = |id: TaskId| before.and_then(|before| before.plan.task(id)).is_some_and(|task| task.state.is_end());
    let tasks = after.plan.tasks.iter().filter(|_| after.offboarding.is_some());
    let ended = tasks.filter(|task| task.state.is_end() && !had_ended(task.id)).map(|task: &Task| Some(task.id));
    let over = after.outcome().is_some() && before.is_none_or(|before| before.outcome().is_none());
    let report = |task| AgendaChange::Schedule {
        item: Item::Report { request: after.id, task, at: now },
        due: now,
        lane: Some(Lane::Messages(EVENTS.to_owned())),
        gated: true,
    };
    ended.chain(over.then_some(None)).map(report).collect()
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

/// Those who are asked hear what their card alone would not tell them: that their answer is missing, and that it is not
/// wanted any more though they never gave it.
pub(super) fn personal(before: &Request, after: &Request, now: Timestamp) -> Vec<AgendaChange> {
    let Some(news) = personal_news(before, after) else { return Vec::new() };
    let waiting = before.approval.active().filter(|asked| before.approval.waits_for(asked.person));
    let reminded = |asked: &&Asked| news != News::Reminder || after.approval.waits_for(asked.person);
    let tell = |asked: &Asked| {
        // One message a card, however many requests it shows.
        let number = after.approval.reminded.to_string();
        let about = if news == News::Reminder { number } else { after.id.to_string() };
        let names = [news.label(), &asked.card.to_string(), &about];
        let id = AnnouncementId::derived(Timestamp::from_micros(0), &names);
        let to = Audience::Person(asked.person);
        announce(Announcement { id, to, request: after.id, under: asked.card, news }, now.saturating_add(GATHER))
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
