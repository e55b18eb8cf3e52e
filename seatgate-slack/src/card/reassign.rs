//! The modal that asks who is to answer instead, and why they.

use seatgate_core::message::Row;
use serde_json::{Value, json};

use super::block::LONGEST_REASON;
use super::draft::Draft;
use super::{Notice, seat};
use crate::wording::{Form, Line, Phrase, Wording};

/// The modal's `callback_id`.
pub const REASSIGN_CALLBACK: &str = "reassign";
/// The block of the person, and the action id of its input: a user of the workspace.
pub const REASSIGN_TO: &str = "reassign_to";
/// The block of the note, and the action id of its input: a text of several lines.
pub const REASSIGN_NOTE: &str = "reassign_note";

/// What the modal asks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReassignAsk {
    /// What somebody else is to answer about.
    pub row: Row,
    /// What comes back with the answers: ids, at most 3000 characters. Everybody could forge it, so it is no authority.
    pub private_metadata: String,
}

/// Why the modal's answers cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReassignProblem {
    /// Nobody was chosen.
    NobodyChosen,
    /// There is no note, and there must be one.
    NoteRequired,
    /// The note is too long.
    NoteTooLong,
    /// It cannot be taken for another reason. Shown below the person.
    Refused(Notice),
}

impl ReassignAsk {
    /// Asks about this seat.
    #[must_use]
    pub fn new(row: Row, private_metadata: impl Into<String>) -> Self {
        Self { row, private_metadata: private_metadata.into() }
    }
}

impl ReassignProblem {
    /// The block that it is about.
    pub(super) fn block(&self) -> &'static str {
        match self {
            Self::NoteRequired | Self::NoteTooLong => REASSIGN_NOTE,
            Self::NobodyChosen | Self::Refused(_) => REASSIGN_TO,
        }
    }
}

pub(super) fn modal(wording: &Wording, ask: &ReassignAsk) -> Value {
    let say = |phrase| wording.say(&Line::new(phrase), Form::Plain);
    let mut draft = Draft::new(wording, REASSIGN_CALLBACK);
    draft.section("seat", &[seat::seat(&ask.row)]);
    let mut blocks = draft.blocks;
    let people = json!({ "type": "users_select", "action_id": REASSIGN_TO });
    blocks.input(REASSIGN_TO, &say(Phrase::ReassignToLabel), None, false, people);
    blocks.reason(REASSIGN_NOTE, &say(Phrase::ReassignNoteLabel), &say(Phrase::ReassignNoteHint), false);
    let labels = [Phrase::ReassignTitle, Phrase::ReassignSubmit, Phrase::KeepCancel].map(say);
    blocks.modal(REASSIGN_CALLBACK, labels.each_ref().map(String::as_str), &ask.private_metadata)
}

/// What is wrong, as plain text: Slack shows it below the input.
pub(super) fn explanation(wording: &Wording, problem: &ReassignProblem) -> String {
    let line = match problem {
        ReassignProblem::NobodyChosen => Line::new(Phrase::ReassignNeedsPerson),
        ReassignProblem::NoteRequired => Line::new(Phrase::ReassignNeedsNote),
        ReassignProblem::NoteTooLong => Line::new(Phrase::KeepReasonTooLong).count(LONGEST_REASON),
        ReassignProblem::Refused(notice) => return notice.say(wording, Form::Plain),
    };
    wording.say(&line, Form::Plain)
}
