//! The modal that shows what an offboarding will do before it starts, and lets optional tasks be left out.

use serde_json::{Value, json};

use super::block::LONGEST_REASON;
use super::draft::Draft;
use crate::wording::{Form, Line, NAME, Phrase, Slot, Value as Filling, Wording, shortened};

/// The modal's `callback_id`.
pub const OFFBOARD_CALLBACK: &str = "offboard";
/// The block of the reason, and the action id of its input: a text of several lines.
pub const OFFBOARD_REASON: &str = "offboard_reason";
/// What the blocks of the optional tasks are called, and the action ids of their checkboxes, each with a number after it,
/// from 0: Slack takes ten boxes in one.
pub const OFFBOARD_TASKS: &str = "offboard_tasks_";

/// How many boxes one block takes.
const BOXES: usize = 10;
/// How many tasks one block lists.
const LINES: usize = 10;
/// How many tasks are listed; the others are counted.
const SHOWN: usize = 60;
/// How many characters fit beside a box.
const BOX: usize = 75;

/// What the modal asks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OffboardAsk {
    /// Who leaves.
    pub person: String,
    /// By which playbook.
    pub playbook: String,
    /// Whether another operator has to approve it.
    pub four_eyes: bool,
    /// Whether it is only a test: nothing will be done.
    pub test: bool,
    /// What will be done, in the playbook's order.
    pub tasks: Vec<OffboardTask>,
    /// The reason that was given already.
    pub reason: Option<String>,
    /// What comes back with the answer: ids, at most 3000 characters. Everybody could forge it, so it is no authority.
    pub private_metadata: String,
}

/// One task of a playbook, as it is shown before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffboardTask {
    /// What the playbook calls it.
    pub name: String,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it can be undone at its target.
    pub reversible: bool,
    /// Who does it, where that is a person.
    pub assignee: Option<String>,
}

impl OffboardAsk {
    /// Asks whether `person` is to be taken through these tasks of a playbook.
    #[must_use]
    pub fn new(
        person: impl Into<String>,
        playbook: impl Into<String>,
        tasks: Vec<OffboardTask>,
        private_metadata: impl Into<String>,
    ) -> Self {
        let (person, playbook, private_metadata) = (person.into(), playbook.into(), private_metadata.into());
        Self { person, playbook, four_eyes: false, test: false, tasks, reason: None, private_metadata }
    }
}

impl OffboardTask {
    /// A task for a target that cannot undo it.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), optional: false, reversible: false, assignee: None }
    }
}

pub(super) fn modal(wording: &Wording, ask: &OffboardAsk) -> Value {
    let say = |phrase| wording.say(&Line::new(phrase), Form::Plain);
    let mut draft = Draft::new(wording, OFFBOARD_CALLBACK);
    about(&mut draft, ask);
    let mut blocks = draft.blocks;
    let optional: Vec<Value> = ask.tasks.iter().filter(|task| task.optional).map(|task| checkbox(&task.name)).collect();
    for (number, boxes) in optional.chunks(BOXES).enumerate() {
        let id = format!("{OFFBOARD_TASKS}{number}");
        let input = json!({ "type": "checkboxes", "action_id": id, "options": boxes, "initial_options": boxes });
        blocks.input(&id, &say(Phrase::OffboardOptional), None, true, input);
    }
    let mut input = json!({ "type": "plain_text_input", "action_id": OFFBOARD_REASON, "multiline": true, "max_length": LONGEST_REASON });
    if let Some(reason) = &ask.reason {
        input["initial_value"] = json!(shortened(reason, usize::try_from(LONGEST_REASON).unwrap_or(usize::MAX)));
    }
    blocks.input(OFFBOARD_REASON, &say(Phrase::OffboardReason), Some(&say(Phrase::AnswerReasonHint)), true, input);
    let labels = [Phrase::OffboardTitle, Phrase::OffboardSubmit, Phrase::KeepCancel].map(say);
    blocks.modal(OFFBOARD_CALLBACK, labels.each_ref().map(String::as_str), &ask.private_metadata)
}

fn about(draft: &mut Draft<'_>, ask: &OffboardAsk) {
    if ask.test {
        draft.section("test", &[Line::new(Phrase::Test)]);
    }
    let named = Line::new(Phrase::OffboardingOf).with(Slot::Person, Filling::Outside(&ask.person, NAME));
    let named = named.with(Slot::Playbook, Filling::Outside(&ask.playbook, NAME));
    let when = if ask.four_eyes { Phrase::OffboardFourEyes } else { Phrase::OffboardAtOnce };
    draft.titled("about", &named, &[Line::new(when)]);
    let lines: Vec<Line<'_>> = ask.tasks.iter().take(SHOWN).map(task).collect();
    for (number, lines) in lines.chunks(LINES).enumerate() {
        draft.section(&format!("tasks/{number}"), lines);
    }
    let more = ask.tasks.len().saturating_sub(SHOWN);
    if more > 0 {
        draft.context("more", &[Line::new(Phrase::AndMore).count(u64::try_from(more).unwrap_or(u64::MAX))]);
    }
}

fn task(task: &OffboardTask) -> Line<'_> {
    let phrase = match (&task.assignee, task.reversible) {
        (Some(_), _) => Phrase::TaskFor,
        (None, true) => Phrase::TaskReversible,
        (None, false) => Phrase::TaskIrreversible,
    };
    let line = Line::new(phrase).with(Slot::Task, Filling::Outside(&task.name, NAME));
    match &task.assignee {
        Some(assignee) => line.with(Slot::Person, Filling::Outside(assignee, NAME)),
        None => line,
    }
}

fn checkbox(task: &str) -> Value {
    json!({ "text": { "type": "plain_text", "text": shortened(task, BOX), "emoji": false }, "value": task })
}
