//! What somebody is asked to do by hand: the card that asks them, and its reminders.

use super::announcement::{Announcement, Audience, News, announce};
use super::{AgendaChange, Lane, sync};
use crate::card::errand_id;
use crate::id::{AnnouncementId, PersonRef};
use crate::request::{Request, Task};
use crate::schedule;
use crate::time::Timestamp;

/// Whoever is to do a task hears of it when it is due, and their card is kept true once it is not any more.
pub(super) fn errands(before: Option<&Request>, after: &Request, now: Timestamp) -> Vec<AgendaChange> {
    let waited = |task: &Task| before.and_then(|before| before.plan.task(task.id)).is_some_and(Task::waits_for_person);
    let changed = after.errands().filter(|(task, _)| task.waits_for_person() != waited(task));
    changed.flat_map(|(task, assignee)| errand(after, task, assignee, now)).collect()
}

fn errand(request: &Request, task: &Task, assignee: PersonRef, now: Timestamp) -> Vec<AgendaChange> {
    let lane = Lane::Messages(assignee.to_string());
    if !task.waits_for_person() {
        return vec![sync(errand_id(task), now, lane)];
    }
    let asked_at = schedule::messaged_at(request, now);
    let reminders = (1_u32..).zip(&request.terms.remind_after).map(|(number, wait)| {
        let names = ["errand", &task.id.to_string(), &number.to_string()];
        let reminder = Announcement {
            id: AnnouncementId::derived(Timestamp::from_micros(0), &names),
            to: Audience::Person(assignee),
            request: request.id,
            under: errand_id(task),
            news: News::Reminder,
            task: Some(task.id),
            pause: None,
        };
        announce(reminder, schedule::messaged_at(request, asked_at.saturating_add(wait.duration())))
    });
    [sync(errand_id(task), asked_at, lane)].into_iter().chain(reminders).collect()
}
