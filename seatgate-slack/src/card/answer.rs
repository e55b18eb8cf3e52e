//! The modals that ask why, or how somebody knows: a task is skipped, confirmed or done, an offboarding stopped or declined.

use serde_json::Value;

use super::block::LONGEST_REASON;
use super::draft::Draft;
use super::{KeepProblem, keep};
use crate::wording::{Form, Line, NAME, Phrase, Slot, Value as Filling, Wording};

/// The block of the reason in all of them, and the action id of its input: a text of several lines.
pub const ANSWER_REASON: &str = "answer_reason";

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerKind {
    /// A task is left out. Needs a reason.
    Skip,
    /// A task has happened. Needs a reason.
    Confirm,
    /// A task was done by hand.
    Done,
    /// An offboarding is stopped.
    Stop,
    /// An offboarding is declined.
    Decline,
}

impl AnswerKind {
    /// Each of them.
    pub const ALL: [Self; 5] = [Self::Skip, Self::Confirm, Self::Done, Self::Stop, Self::Decline];

    /// The modal's `callback_id`.
    #[must_use]
    pub fn callback(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Confirm => "confirm",
            Self::Done => "done",
            Self::Stop => "stop",
            Self::Decline => "decline",
        }
    }

    /// Whether it is taken only with a reason.
    #[must_use]
    pub fn needs_reason(self) -> bool {
        matches!(self, Self::Skip | Self::Confirm)
    }

    /// What the modal is called, its button, what it brings about, and what it asks.
    fn phrases(self) -> [Phrase; 4] {
        use Phrase as P;
        match self {
            Self::Skip => [P::SkipTitle, P::ButtonSkip, P::SkipEffect, P::SkipReason],
            Self::Confirm => [P::ConfirmTaskTitle, P::ButtonConfirm, P::ConfirmTaskEffect, P::ConfirmTaskReason],
            Self::Done => [P::DoneTitle, P::ButtonDone, P::ConfirmTaskEffect, P::DoneNote],
            Self::Stop => [P::ConfirmStopTitle, P::ConfirmStopYes, P::ConfirmStop, P::StopReason],
            Self::Decline => [P::DeclineTitle, P::ButtonDecline, P::DeclineEffect, P::DeclineReason],
        }
    }
}

/// What the modal asks. Whatever is wrong with its answer is a [`KeepProblem`], shown below the reason.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AnswerAsk {
    /// What is answered.
    pub kind: AnswerKind,
    /// What the playbook calls the task, or who leaves.
    pub about: String,
    /// What comes back with the answer: ids, at most 3000 characters. Everybody could forge it, so it is no authority.
    pub private_metadata: String,
}

impl AnswerAsk {
    /// Asks about a task, or somebody's offboarding.
    #[must_use]
    pub fn new(kind: AnswerKind, about: impl Into<String>, private_metadata: impl Into<String>) -> Self {
        Self { kind, about: about.into(), private_metadata: private_metadata.into() }
    }
}

pub(super) fn modal(wording: &Wording, ask: &AnswerAsk) -> Value {
    let say = |phrase| wording.say(&Line::new(phrase), Form::Plain);
    let (kind, [title, submit, effect, label]) = (ask.kind, ask.kind.phrases());
    let slot = match kind {
        AnswerKind::Stop | AnswerKind::Decline => Slot::Person,
        _ => Slot::Task,
    };
    let mut draft = Draft::new(wording, kind.callback());
    draft.section("effect", &[Line::new(effect).with(slot, Filling::Outside(&ask.about, NAME))]);
    let mut blocks = draft.blocks;
    blocks.reason(ANSWER_REASON, &say(label), &say(Phrase::AnswerReasonHint), !kind.needs_reason());
    let labels = [title, submit, Phrase::KeepCancel].map(say);
    blocks.modal(kind.callback(), labels.each_ref().map(String::as_str), &ask.private_metadata)
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
