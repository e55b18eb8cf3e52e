//! How an offboarding goes: one message a run, kept true; its buttons are there while something can be answered.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::id::{PersonRef, TaskId};
use seatgate_core::message::{OffboardingStanding, TaskLine};
use seatgate_core::request::{Decision, StateLabel, TaskStatus};

use super::block::Button;
use super::draft::Draft;
use super::{seat, second, task};
use crate::action::Verb;
use crate::id::UserId;
use crate::wording::{Form, Line, NAME, Phrase, Slot, Value, Wording};

/// How many tasks one block lists.
const LINES: usize = 10;
/// How many tasks have buttons at once; the others follow when these are answered.
const ANSWERABLE: usize = 12;
/// What the buttons and their explanations may take of a message, as [`Draft::size`] counts.
const ROOM_TO_ANSWER: [usize; 3] = [26, 6_000, 1_700];
/// What everything but the frame may take.
const ROOM: [usize; 3] = [42, 10_500, 3_100];
/// How much of a reason the summary shows.
const REASON: usize = 150;

/// The Slack users of those who are to do something by hand, where Slack knows them.
pub(super) type Users = BTreeMap<PersonRef, UserId>;

/// The whole message.
pub(super) fn standing<'w>(wording: &'w Wording, run: &OffboardingStanding, users: &Users) -> Draft<'w> {
    let mut draft = Draft::new(wording, run.card);
    let person = || Value::Outside(&run.person, NAME);
    draft.header(&Line::new(Phrase::HeadingOffboarding).with(Slot::Person, person()));
    if run.test {
        draft.section("test", &[Line::new(Phrase::Test)]);
    }
    draft.section("about", &about(run));
    let answers = answers(wording, run, users);
    let frame = draft.size();
    let taken = std::array::from_fn(|at| frame[at] + answers.size()[at]);
    draft.append(plan(wording, run, users, taken));
    draft.append(answers);
    if run.outcome.is_some() {
        draft.append(summary(wording, run, users));
    }
    draft
}

/// By whose wish it runs, and how it stands.
fn about(run: &OffboardingStanding) -> Vec<Line<'_>> {
    let mut lines = vec![second::asked(&run.playbook, &run.asked_by)];
    lines.extend(seat::reason(run.reason.as_deref()));
    lines.extend(run.decision.iter().filter(|decision| decision.by != run.asked_by).map(second::decided));
    lines.push(Line::new(second::status(run.state, run.outcome)));
    lines.extend(ended_early(run));
    if run.may_have_happened {
        lines.push(Line::new(Phrase::OffboardingDoubt));
    }
    lines
}

/// Who stopped or declined it, and why.
pub(super) fn ended_early(run: &OffboardingStanding) -> Vec<Line<'_>> {
    let stopped = run.stopped.iter().flat_map(|stop| {
        let by = Line::new(Phrase::StoppedBy).with(Slot::By, Value::Outside(&stop.by, NAME));
        [by].into_iter().chain(seat::reason(stop.reason.as_deref()))
    });
    let declined = run.decision.iter().filter(|decision| decision.decision == Decision::Keep);
    let declined = declined.filter_map(|decision| seat::reason(decision.reason.as_deref()));
    stopped.chain(declined).collect()
}

/// A line a task, in the playbook's order. Where not all of them fit, those that have ended are left out first.
fn plan<'w>(wording: &'w Wording, run: &OffboardingStanding, users: &Users, mut taken: [usize; 3]) -> Draft<'w> {
    let mut by_weight: Vec<&TaskLine> = run.tasks.iter().collect();
    by_weight.sort_by_key(|line| has_ended(line.status));
    let mut shown: BTreeSet<TaskId> = BTreeSet::new();
    for line in by_weight {
        let mut alone = Draft::new(wording, run.card);
        alone.section("task", &[task::line(line, users)]);
        let [_, characters, told] = alone.size();
        taken = [taken[0], taken[1] + characters, taken[2] + told];
        if taken.iter().zip(ROOM).any(|(taken, most)| *taken > most) {
            break;
        }
        shown.insert(line.task);
    }
    let lines: Vec<Line<'_>> =
        run.tasks.iter().filter(|line| shown.contains(&line.task)).map(|line| task::line(line, users)).collect();
    let mut draft = Draft::new(wording, run.card);
    for (number, lines) in lines.chunks(LINES).enumerate() {
        draft.section(&format!("tasks/{number}"), lines);
    }
    let more = run.tasks.len() - shown.len();
    if more > 0 {
        draft.context("more", &[Line::new(Phrase::AndMore).count(number(more))]);
    }
    draft
}

/// What waits for a person, each task with its buttons; and a button that stops everything.
fn answers<'w>(wording: &'w Wording, run: &OffboardingStanding, users: &Users) -> Draft<'w> {
    let mut draft = Draft::new(wording, run.card);
    let open: Vec<&TaskLine> = run.tasks.iter().filter(|line| run.outcome.is_none() && task::waits(line)).collect();
    let mut shown = 0;
    for line in open.iter().take(ANSWERABLE) {
        let mut entry = Draft::new(wording, run.card);
        entry.titled(&format!("{}/why", line.task), &task::named(line, users), &task::explained(line));
        entry.actions(&format!("{}/answer", line.task), task::buttons(wording, run.request, line));
        let size: [usize; 3] = std::array::from_fn(|at| draft.size()[at] + entry.size()[at]);
        if shown > 0 && size.iter().zip(ROOM_TO_ANSWER).any(|(size, most)| *size > most) {
            break;
        }
        draft.append(entry);
        shown += 1;
    }
    if open.len() > shown {
        draft.context("unanswered", &[Line::new(Phrase::MoreToAnswer).count(number(open.len() - shown))]);
    }
    if matches!(run.state, StateLabel::Executing | StateLabel::NeedsAttention) {
        draft.actions("stop", [stop(wording, run)]);
    }
    draft
}

fn stop(wording: &Wording, run: &OffboardingStanding) -> Button {
    let spoken = Line::new(Phrase::SpokenStop).with(Slot::Person, Value::Outside(&run.person, NAME / 2));
    let mut button = Button::new(Verb::Stop.on(run.request), wording.say(&Line::new(Phrase::ButtonStop), Form::Plain));
    button.spoken = Some(wording.say(&spoken, Form::Plain));
    button
}

/// What came of it: how much is done, and what is not, and why.
pub(super) fn summary<'w>(wording: &'w Wording, run: &OffboardingStanding, users: &Users) -> Draft<'w> {
    let mut draft = Draft::new(wording, run.card);
    let done = run.tasks.iter().filter(|line| line.status == TaskStatus::Done).count();
    let total = Value::Count(number(run.tasks.len()));
    let mut lines = vec![Line::new(Phrase::SummaryDone).count(number(done)).with(Slot::Total, total)];
    let left: Vec<&TaskLine> = run.tasks.iter().filter(|line| line.status != TaskStatus::Done).collect();
    lines.extend(left.iter().take(LINES).map(|line| left_out(line, users)));
    if left.len() > LINES {
        lines.push(Line::new(Phrase::AndMore).count(number(left.len() - LINES)));
    }
    draft.titled("summary", &Line::new(Phrase::HeadingSummary), &lines);
    draft
}

fn left_out<'a>(line: &'a TaskLine, users: &'a Users) -> Line<'a> {
    let named = |phrase| Line::new(phrase).said(Slot::Task, task::named(line, users));
    match (line.status, line.reason.as_deref()) {
        (TaskStatus::Skipped, Some(reason)) => {
            named(Phrase::SummarySkippedBecause).with(Slot::Reason, Value::Outside(reason, REASON))
        }
        (TaskStatus::Skipped, None) => named(Phrase::SummarySkipped),
        _ if line.may_have_happened => named(Phrase::SummaryDoubtful),
        _ => named(Phrase::SummaryNotDone),
    }
}

fn has_ended(status: TaskStatus) -> bool {
    matches!(status, TaskStatus::Done | TaskStatus::Skipped | TaskStatus::Cancelled)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
