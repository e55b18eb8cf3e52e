//! The modal that asks why a seat is kept, and until when.

use seatgate_core::message::Row;
use seatgate_core::policy::KeepReason;
use seatgate_core::time::Timestamp;
use serde_json::{Value, json};

use super::block::LONGEST_REASON;
use super::draft::Draft;
use super::{Notice, seat};
use crate::wording::{Form, Line, Phrase, Slot, Value as Filling, Wording};

/// The modal's `callback_id`.
pub const KEEP_CALLBACK: &str = "keep";
/// The block of the reason, and the action id of its input: a text of several lines. Absent when none is asked for.
pub const KEEP_REASON: &str = "keep_reason";
/// The block of the end date, and the action id of its input: a date such as `2026-12-31`.
pub const KEEP_UNTIL: &str = "keep_until";

/// How many seats are listed one by one.
const SHOWN: usize = 20;

/// What the modal asks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeepAsk {
    /// What is kept, one or several.
    pub rows: Vec<Row>,
    /// Whether a reason is asked for.
    pub reason: KeepReason,
    /// The first date that can be chosen: the day of this moment, in UTC.
    pub earliest: Timestamp,
    /// The date that is chosen at first: the last day before this moment, in UTC.
    pub default: Timestamp,
    /// The last date that can be chosen: the last day before this moment, in UTC.
    pub latest: Timestamp,
    /// What comes back with the answers: ids, at most 3000 characters. Everybody could forge it, so it is no authority.
    pub private_metadata: String,
}

/// Why the modal's answers cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeepProblem {
    /// There is no reason, and there must be one.
    ReasonRequired,
    /// The reason is too long.
    ReasonTooLong,
    /// The date is missing or none.
    NoDate,
    /// The end is past.
    EndsInPast,
    /// The end is further away than the policy allows.
    TooLong {
        /// The last date that is allowed.
        latest: Timestamp,
    },
    /// It cannot be taken for another reason. Shown below the date, which every modal has.
    Refused(Notice),
}

impl KeepAsk {
    /// Asks about these rows, with everything that comes back. Without dates, none is chosen at first.
    #[must_use]
    pub fn new(rows: Vec<Row>, reason: KeepReason, private_metadata: impl Into<String>) -> Self {
        let private_metadata = private_metadata.into();
        let (earliest, default, latest) = (Timestamp::MIN, Timestamp::MIN, Timestamp::MAX);
        Self { rows, reason, earliest, default, latest, private_metadata }
    }

    /// With the dates that can be chosen.
    #[must_use]
    pub fn within(mut self, earliest: Timestamp, default: Timestamp, latest: Timestamp) -> Self {
        (self.earliest, self.default, self.latest) = (earliest, default, latest);
        self
    }
}

impl KeepProblem {
    /// The block that it is about.
    pub(super) fn block(&self) -> &'static str {
        match self {
            Self::ReasonRequired | Self::ReasonTooLong => KEEP_REASON,
            Self::NoDate | Self::EndsInPast | Self::TooLong { .. } | Self::Refused(_) => KEEP_UNTIL,
        }
    }
}

pub(super) fn modal(wording: &Wording, ask: &KeepAsk) -> Value {
    let say = |line: &Line<'_>| wording.say(line, Form::Plain);
    let count = u64::try_from(ask.rows.len()).unwrap_or(u64::MAX);
    let mut draft = Draft::new(wording, KEEP_CALLBACK);
    let shown = ask.rows.iter().take(SHOWN);
    let seats: Vec<Line<'_>> = shown.map(seat::seat).collect();
    draft.section("seats", &seats);
    if ask.rows.len() > SHOWN {
        draft.context("more", &[Line::new(Phrase::AndMore).count(count - seats.len() as u64)]);
    }
    let mut blocks = draft.blocks;
    if ask.reason != KeepReason::Off {
        let [label, hint] = [Phrase::KeepReasonLabel, Phrase::KeepReasonHint].map(|phrase| say(&Line::new(phrase)));
        blocks.reason(KEEP_REASON, &label, &hint, ask.reason == KeepReason::Optional);
    }
    let mut input = json!({ "type": "datepicker", "action_id": KEEP_UNTIL });
    let mut hint = None;
    if ask.default > Timestamp::MIN {
        input["initial_date"] = json!(ask.default.last_date());
        let (earliest, latest) = (Filling::Day(ask.earliest), Filling::LastDay(ask.latest));
        let line = Line::new(Phrase::KeepUntilHint).with(Slot::Earliest, earliest).with(Slot::Latest, latest);
        hint = Some(say(&line));
    }
    blocks.input(KEEP_UNTIL, &say(&Line::new(Phrase::KeepUntilLabel)), hint.as_deref(), false, input);
    let title = if count == 1 { Phrase::KeepTitle } else { Phrase::KeepTitleMany };
    let labels = [title, Phrase::KeepSubmit, Phrase::KeepCancel].map(|phrase| say(&Line::new(phrase).count(count)));
    blocks.modal(KEEP_CALLBACK, labels.each_ref().map(String::as_str), &ask.private_metadata)
}

/// What is wrong, as plain text: Slack shows it below the input.
pub(super) fn explanation(wording: &Wording, problem: &KeepProblem) -> String {
    let line = match problem {
        KeepProblem::ReasonRequired => Line::new(Phrase::KeepNeedsReason),
        KeepProblem::ReasonTooLong => Line::new(Phrase::KeepReasonTooLong).count(LONGEST_REASON),
        KeepProblem::NoDate => Line::new(Phrase::KeepNeedsDate),
        KeepProblem::EndsInPast => Line::new(Phrase::KeepEndsInPast),
        KeepProblem::TooLong { latest } => {
            Line::new(Phrase::KeepTooLongUntil).with(Slot::Latest, Filling::LastDay(*latest))
        }
        KeepProblem::Refused(notice) => return notice.say(wording, Form::Plain),
    };
    wording.say(&line, Form::Plain)
}
