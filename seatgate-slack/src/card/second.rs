//! An offboarding as a row: what a second operator is asked, and how it stands, in words of its own.

use seatgate_core::message::{DecisionLine, OffboardingLine, Row};
use seatgate_core::request::{Decision, Outcome, StateLabel};

use super::block::Button;
use super::draft::Draft;
use super::seat::reason;
use crate::action::Verb;
use crate::wording::{Form, Line, NAME, Phrase, Slot, Value, Wording};

/// How many tasks are listed; the others are counted.
const TASKS: usize = 20;
/// How much of the names fits on a button.
const SHORT_NAME: usize = 20;

/// Who leaves, and by which playbook, at most so many characters of each.
pub(super) fn named<'a>(row: &'a Row, line: &'a OffboardingLine, most: usize) -> Line<'a> {
    let named = Line::new(Phrase::OffboardingOf).with(Slot::Person, Value::Outside(&row.account, most));
    named.with(Slot::Playbook, Value::Outside(&line.playbook, most))
}

/// What stands above a card about it.
pub(super) fn heading(row: &Row) -> Line<'_> {
    if row.is_live() {
        return Line::new(Phrase::HeadingAskOffboarding);
    }
    Line::new(Phrase::HeadingOffboarding).with(Slot::Person, Value::Outside(&row.account, NAME))
}

/// What a second operator has to know: who leaves, by whose wish, why, and through what.
pub(super) fn facts(draft: &mut Draft<'_>, row: &Row, line: &OffboardingLine) {
    let mut lines = vec![named(row, line, NAME), asked(&line.playbook, &line.asked_by)];
    lines.extend(reason(line.reason.as_deref()));
    draft.section(&format!("{}/about", row.request), &lines);
    let mut tasks: Vec<Line<'_>> = line.tasks.iter().take(TASKS).map(|task| Line::verbatim(task)).collect();
    let more = line.tasks.len().saturating_sub(TASKS);
    if more > 0 {
        tasks.push(Line::new(Phrase::AndMore).count(u64::try_from(more).unwrap_or(u64::MAX)));
    }
    draft.titled(&format!("{}/tasks", row.request), &Line::new(Phrase::LabelTasks), &tasks);
}

/// *Approve*, which asks again, and *Decline*.
pub(super) fn answers(wording: &Wording, row: &Row, line: &OffboardingLine) -> Vec<Button> {
    let button = |press, label, spoken| {
        let spoken = Line::new(spoken).said(Slot::Seat, named(row, line, SHORT_NAME));
        let mut button = Button::new(press, wording.say(&Line::new(label), Form::Plain));
        button.spoken = Some(wording.say(&spoken, Form::Plain));
        button
    };
    let mut approve =
        button(Verb::Approve.on(row.request), Phrase::ButtonApproveOffboarding, Phrase::SpokenApproveOffboarding);
    let text = Line::new(Phrase::ConfirmOffboarding).said(Slot::Seat, named(row, line, NAME));
    let [title, yes, no] =
        [Phrase::ConfirmOffboardingTitle, Phrase::ButtonApproveOffboarding, Phrase::ConfirmNo].map(Line::new);
    approve.confirm = Some([title, text, yes, no].map(|line| wording.say(&line, Form::Plain)));
    vec![approve, button(Verb::Decline.on(row.request), Phrase::ButtonDecline, Phrase::SpokenDecline)]
}

/// By which playbook, and who asked for it.
pub(super) fn asked<'a>(playbook: &'a str, by: &'a str) -> Line<'a> {
    let asked = Line::new(Phrase::OffboardingAskedBy).with(Slot::Playbook, Value::Outside(playbook, NAME));
    asked.with(Slot::By, Value::Outside(by, NAME))
}

/// How it stands, for whoever was asked or hears of it.
pub(super) fn standing(row: &Row) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = row.decision.iter().map(decided).collect();
    lines.extend(row.decision.as_ref().and_then(|decision| reason(decision.reason.as_deref())));
    lines.push(Line::new(status(row.state, row.outcome)));
    if row.may_have_happened {
        lines.push(Line::new(Phrase::OffboardingDoubt));
    }
    lines
}

/// Who decided what, and when.
pub(super) fn decided(decision: &DecisionLine) -> Line<'_> {
    let phrase = match decision.decision {
        Decision::Approve => Phrase::VotedBy,
        Decision::Keep => Phrase::DeclinedBy,
    };
    Line::new(phrase).with(Slot::By, Value::Outside(&decision.by, NAME)).with(Slot::At, Value::Moment(decision.at))
}

/// The state, or the end, in words about a person rather than a seat.
pub(super) fn status(state: StateLabel, outcome: Option<Outcome>) -> Phrase {
    match (state, outcome) {
        (_, Some(Outcome::Reclaimed)) => Phrase::OffboardingDone,
        (_, Some(Outcome::PartlyReclaimed)) => Phrase::OffboardingPartly,
        (_, Some(Outcome::Expired)) => Phrase::OffboardingExpired,
        (_, Some(Outcome::Withdrawn | Outcome::Kept)) => Phrase::OffboardingWithdrawn,
        (_, Some(Outcome::Stopped)) => Phrase::Stopped,
        (_, Some(Outcome::DryRun)) => Phrase::DryRun,
        (StateLabel::AwaitingDecision, None) => Phrase::OffboardingWaits,
        (StateLabel::NeedsAttention, None) => Phrase::OffboardingAttention,
        (StateLabel::Stopping, None) => Phrase::Stopping,
        _ => Phrase::OffboardingRuns,
    }
}
