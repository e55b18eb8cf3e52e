//! The modal that asks a holder why they still need their seat.

use seatgate_core::message::Row;
use seatgate_core::policy::KeepReason;
use serde_json::Value;

use super::draft::Draft;
use super::seat;
use crate::wording::{Form, Line, Phrase, Wording};

/// The modal's `callback_id`.
pub const NEED_CALLBACK: &str = "need";
/// The block of the reason, and the action id of its input: a text of several lines.
pub const NEED_REASON: &str = "need_reason";

/// What the modal asks. Whatever is wrong with its answer is a [`KeepProblem`](super::KeepProblem), shown below the reason.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NeedAsk {
    /// The holder's seat.
    pub row: Row,
    /// Whether a reason is required.
    pub reason: KeepReason,
    /// What comes back with the answer: ids, at most 3000 characters. Everybody could forge it, so it is no authority.
    pub private_metadata: String,
}

impl NeedAsk {
    /// Asks about this seat.
    #[must_use]
    pub fn new(row: Row, reason: KeepReason, private_metadata: impl Into<String>) -> Self {
        Self { row, reason, private_metadata: private_metadata.into() }
    }
}

pub(super) fn modal(wording: &Wording, ask: &NeedAsk) -> Value {
    let say = |phrase| wording.say(&Line::new(phrase), Form::Plain);
    let mut draft = Draft::new(wording, NEED_CALLBACK);
    draft.section("seat", &[seat::seat(&ask.row)]);
    let mut blocks = draft.blocks;
    let optional = ask.reason != KeepReason::Required;
    blocks.reason(NEED_REASON, &say(Phrase::NeedReasonLabel), &say(Phrase::NeedReasonHint), optional);
    let labels = [Phrase::NeedTitle, Phrase::NeedSubmit, Phrase::KeepCancel].map(say);
    blocks.modal(NEED_CALLBACK, labels.each_ref().map(String::as_str), &ask.private_metadata)
}
