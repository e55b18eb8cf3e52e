//! The modal that asks why a task is skipped, or how somebody knows that it happened.

use serde_json::Value;

use super::block::LONGEST_REASON;
use super::draft::Draft;
use super::{KeepProblem, keep};
use crate::wording::{Form, Line, NAME, Phrase, Slot, Value as Filling, Wording};

/// The `callback_id` of the modal that skips a task.
pub const SKIP_CALLBACK: &str = "skip";
/// The `callback_id` of the modal that confirms a task.
pub const CONFIRM_CALLBACK: &str = "confirm";
/// The block of the reason in both, and the action id of its input: a text of several lines.
pub const ANSWER_REASON: &str = "answer_reason";

/// What the modal asks. Whatever is wrong with its answer is a [`KeepProblem`], shown below the reason.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AnswerAsk {
    /// What the playbook calls the task.
    pub task: String,
    /// Whether it is confirmed, and not skipped.
    pub confirms: bool,
    /// What comes back with the answer: ids, at most 3000 characters. Everybody could forge it, so it is no authority.
    pub private_metadata: String,
}

impl AnswerAsk {
    /// Asks why this task is skipped.
    #[must_use]
    pub fn skip(task: impl Into<String>, private_metadata: impl Into<String>) -> Self {
        Self { task: task.into(), confirms: false, private_metadata: private_metadata.into() }
    }

    /// Asks how somebody knows that this task happened.
    #[must_use]
    pub fn confirm(task: impl Into<String>, private_metadata: impl Into<String>) -> Self {
        Self { confirms: true, ..Self::skip(task, private_metadata) }
    }
}

pub(super) fn modal(wording: &Wording, ask: &AnswerAsk) -> Value {
    let say = |phrase| wording.say(&Line::new(phrase), Form::Plain);
    let (callback, title, submit, label, effect) = if ask.confirms {
        let effect = Phrase::ConfirmTaskEffect;
        (CONFIRM_CALLBACK, Phrase::ConfirmTaskTitle, Phrase::ButtonConfirm, Phrase::ConfirmTaskReason, effect)
    } else {
        (SKIP_CALLBACK, Phrase::SkipTitle, Phrase::ButtonSkip, Phrase::SkipReason, Phrase::SkipEffect)
    };
    let mut draft = Draft::new(wording, callback);
    draft.section("task", &[Line::new(effect).with(Slot::Task, Filling::Outside(&ask.task, NAME))]);
    let mut blocks = draft.blocks;
    blocks.reason(ANSWER_REASON, &say(label), &say(Phrase::AnswerReasonHint), false);
    let labels = [title, submit, Phrase::KeepCancel].map(say);
    blocks.modal(callback, labels.each_ref().map(String::as_str), &ask.private_metadata)
}

/// What is wrong, as plain text: Slack shows it below the input.
pub(super) fn explanation(wording: &Wording, problem: &KeepProblem) -> String {
    match problem {
        KeepProblem::ReasonRequired => wording.say(&Line::new(Phrase::AnswerNeedsReason), Form::Plain),
        KeepProblem::ReasonTooLong => {
            wording.say(&Line::new(Phrase::KeepReasonTooLong).count(LONGEST_REASON), Form::Plain)
        }
        other => keep::explanation(wording, other),
    }
}
