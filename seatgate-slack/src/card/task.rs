//! One task of an offboarding: how it stands, why it waits, and what can be answered.

use seatgate_core::id::RequestId;
use seatgate_core::message::TaskLine;
use seatgate_core::request::{PauseReason, Resolution, TaskStatus};

use super::block::Button;
use super::offboarding::Users;
use crate::action::{Answer, Press};
use crate::wording::{Form, Line, NAME, Phrase, Slot, Value, Wording};

/// How much of what a target said is shown.
const DETAIL: usize = 300;
/// How much of a task's name fits on a button.
const SHORT_NAME: usize = 40;

/// Whether it waits for a person.
pub(super) fn waits(line: &TaskLine) -> bool {
    line.pause.is_some() || is_open_by_hand(line)
}

fn is_open_by_hand(line: &TaskLine) -> bool {
    line.assignee.is_some() && line.status == TaskStatus::Ready
}

/// Its name, and who is to do it.
pub(super) fn named<'a>(line: &'a TaskLine, users: &'a Users) -> Line<'a> {
    let Some(person) = &line.assignee else { return Line::verbatim(&line.name) };
    let named = Line::new(Phrase::TaskFor).with(Slot::Task, Value::Outside(&line.name, NAME));
    named.with(
        Slot::Person,
        match users.get(&person.reference) {
            Some(user) => Value::User(user),
            None => Value::Name(person.label()),
        },
    )
}

/// Its name and how it stands, since when.
pub(super) fn line<'a>(line: &'a TaskLine, users: &'a Users) -> Line<'a> {
    let status = Line::new(status(line));
    let said = |phrase| Line::new(phrase).said(Slot::Task, named(line, users)).said(Slot::Status, status);
    match line.changed_at.filter(|_| line.status != TaskStatus::Waiting) {
        Some(at) => said(Phrase::TaskStandsSince).with(Slot::At, Value::Moment(at)),
        None => said(Phrase::TaskStands),
    }
}

fn status(line: &TaskLine) -> Phrase {
    match line.status {
        TaskStatus::Ready if line.assignee.is_some() => Phrase::TaskToDo,
        TaskStatus::Waiting => Phrase::TaskWaiting,
        TaskStatus::Ready => Phrase::TaskReady,
        TaskStatus::InFlight => Phrase::TaskInFlight,
        TaskStatus::Probing => Phrase::TaskProbing,
        TaskStatus::Paused => Phrase::TaskPaused,
        TaskStatus::Done => Phrase::TaskDone,
        TaskStatus::Skipped => Phrase::TaskSkipped,
        TaskStatus::Cancelled => Phrase::TaskCancelled,
    }
}

/// Why it waits for a person.
pub(super) fn explained(line: &TaskLine) -> Vec<Line<'_>> {
    let mut lines = vec![Line::new(line.pause.map_or(Phrase::TaskByHand, |(_, why)| paused(why)))];
    if line.may_have_happened {
        lines.push(Line::new(Phrase::TaskDoubtful));
    }
    let detail = line.detail.as_deref().filter(|_| line.pause.is_some());
    lines.extend(detail.map(|said| Line::new(Phrase::TaskDetail).with(Slot::Text, Value::Outside(said, DETAIL))));
    lines
}

fn paused(why: PauseReason) -> Phrase {
    match why {
        PauseReason::Rejected => Phrase::PauseRejected,
        PauseReason::GaveUp => Phrase::PauseGaveUp,
        PauseReason::StillHeld => Phrase::PauseStillHeld,
        PauseReason::Excepted => Phrase::PauseExcepted,
        PauseReason::UsedAgain => Phrase::PauseUsedAgain,
        PauseReason::Erased => Phrase::PauseErased,
        PauseReason::NoTarget => Phrase::PauseNoTarget,
        PauseReason::Incomplete => Phrase::PauseIncomplete,
        // Also what a newer core pauses for.
        _ => Phrase::PauseUnknown,
    }
}

/// What can be answered: each button names the pause that it answers.
pub(super) fn buttons(wording: &Wording, request: RequestId, line: &TaskLine) -> Vec<Button> {
    let button = |pause, resolution, label, spoken| {
        let press = Press::Resolve(request, Answer { task: line.task, pause, resolution });
        let spoken = Line::new(spoken).with(Slot::Task, Value::Outside(&line.name, SHORT_NAME));
        let mut button = Button::new(press, wording.say(&Line::new(label), Form::Plain));
        button.spoken = Some(wording.say(&spoken, Form::Plain));
        button
    };
    let Some((pause, _)) = line.pause else {
        // What a person is to do has no pauses.
        return vec![button(0, Resolution::Done, Phrase::ButtonDone, Phrase::SpokenDone)];
    };
    let mut buttons = vec![
        button(pause, Resolution::Retry, Phrase::ButtonRetry, Phrase::SpokenRetry),
        button(pause, Resolution::Skip, Phrase::ButtonSkip, Phrase::SpokenSkip),
    ];
    if line.may_have_happened {
        buttons.push(button(pause, Resolution::Confirm, Phrase::ButtonConfirm, Phrase::SpokenConfirm));
    }
    buttons
}
