//! What is new in an offboarding: told in the thread of the message that shows how it goes, or that asks for a task. Without
//! buttons, for those are on that message.

use seatgate_core::agenda::News;
use seatgate_core::message::{OffboardingStanding, TaskLine};
use seatgate_core::request::{Decision, RemovalKind, TaskStatus};

use super::draft::Draft;
use super::offboarding::{self, Users};
use super::seat::reason;
use super::{second, task};
use crate::wording::{Line, NAME, Phrase, Slot, Value, Wording};

/// How much of what was said about a task is shown: many may be told at once.
const SAID: usize = 200;

/// The news, and whose offboarding it is about. Nobody is mentioned: whoever has something to do has been asked.
pub(super) fn progress<'w>(wording: &'w Wording, news: News, run: &OffboardingStanding) -> Draft<'w> {
    let users = Users::new();
    let mut draft = Draft::new(wording, "progress");
    if news == News::Reminder {
        draft.header(&Line::new(Phrase::NoteReminder));
    }
    let named = Line::new(Phrase::OffboardingOf).with(Slot::Person, Value::Outside(&run.person, NAME));
    draft.context("of", &[named.with(Slot::Playbook, Value::Outside(&run.playbook, NAME))]);
    if run.test {
        draft.section("test", &[Line::new(Phrase::Test)]);
    }
    if news == News::Standing {
        draft.section("over", &over(run));
        draft.append(offboarding::summary(wording, run, &users));
        return draft;
    }
    for line in &run.tasks {
        draft.titled(&format!("{}/news", line.task), &task::line(line, &users), &detail(line));
    }
    draft
}

/// How it ended, and who ended it before all was done.
fn over(run: &OffboardingStanding) -> Vec<Line<'_>> {
    let mut lines = vec![Line::new(second::status(run.state, run.outcome))];
    lines.extend(run.decision.iter().filter(|decision| decision.decision == Decision::Keep).map(second::decided));
    lines.extend(offboarding::ended_early(run));
    if run.may_have_happened {
        lines.push(Line::new(Phrase::OffboardingDoubt));
    }
    lines
}

/// What came of a task: what it waits for, or who or what ended it, and what was said.
pub(super) fn detail(line: &TaskLine) -> Vec<Line<'_>> {
    if task::waits(line) {
        return task::explained(line).into_iter().chain(attempts(line)).collect();
    }
    let by = line.ended_by.as_deref();
    let mut lines: Vec<Line<'_>> = Vec::new();
    match line.status {
        TaskStatus::Done => {
            lines.extend(by.map(|by| by_whom(Phrase::TaskDoneBy, by)));
            lines.extend(line.removal.filter(|_| by.is_none()).and_then(came_to));
            let said = if by.is_some() { Phrase::TaskNote } else { Phrase::TaskDetail };
            let receipt = line.receipt.as_deref();
            lines.extend(receipt.map(|text| Line::new(said).with(Slot::Text, Value::Outside(text, SAID))));
        }
        TaskStatus::Skipped => {
            lines.push(by.map_or(Line::new(Phrase::TaskSkippedByPlan), |by| by_whom(Phrase::TaskSkippedBy, by)));
            lines.extend(reason(line.reason.as_deref()));
        }
        _ => {}
    }
    if line.may_have_happened {
        lines.push(Line::new(Phrase::TaskDoubtful));
    }
    lines.into_iter().chain(attempts(line)).collect()
}

fn by_whom(phrase: Phrase, by: &str) -> Line<'_> {
    Line::new(phrase).with(Slot::By, Value::Outside(by, NAME))
}

fn attempts(line: &TaskLine) -> Option<Line<'_>> {
    (line.attempts > 0).then(|| Line::new(Phrase::TaskAttempts).count(line.attempts.into()))
}

/// What a call came to where that is not simply that it is done.
fn came_to<'a>(removal: RemovalKind) -> Option<Line<'a>> {
    match removal {
        RemovalKind::AlreadyAbsent => Some(Line::new(Phrase::TaskAbsent)),
        RemovalKind::Scheduled { effective_at } => {
            Some(Line::new(Phrase::TaskScheduled).with(Slot::At, Value::Moment(effective_at)))
        }
        RemovalKind::StillBilled => Some(Line::new(Phrase::TaskStillBilled)),
        _ => None,
    }
}
