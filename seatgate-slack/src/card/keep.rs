//! The modal that asks why a seat is kept, and until when.

use seatgate_core::message::Row;
use seatgate_core::policy::KeepReason;
use seatgate_core::time::Timestamp;
use serde_json::{Value, json};

/// The modal's `callback_id`.
pub const KEEP_CALLBACK: &str = "keep";
/// The block of the reason, and the action id of its input: a text of several lines. Absent when none is asked for.
pub const KEEP_REASON: &str = "keep_reason";
/// The block of the end date, and the action id of its input: a date such as `2026-12-31`.
pub const KEEP_UNTIL: &str = "keep_until";

/// What the modal asks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeepAsk {
    /// What is kept, one or several.
    pub rows: Vec<Row>,
    /// Whether a reason is asked for.
    pub reason: KeepReason,
    /// The first date that can be chosen.
    pub earliest: Timestamp,
    /// The date that is chosen at first.
    pub default: Timestamp,
    /// The last date that can be chosen.
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
    /// It cannot be taken for another reason.
    Refused(super::Notice),
}

impl KeepAsk {
    /// Asks about these rows, with everything that comes back.
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

pub(super) fn modal(ask: &KeepAsk) -> Value {
    let plain = |text: &str| json!({ "type": "plain_text", "text": text, "emoji": false });
    let mut blocks = Vec::new();
    if ask.reason != KeepReason::Off {
        let element = json!({ "type": "plain_text_input", "action_id": KEEP_REASON, "multiline": true });
        let optional = ask.reason == KeepReason::Optional;
        blocks.push(json!({ "type": "input", "block_id": KEEP_REASON, "optional": optional,
                            "label": plain("Why is it needed?"), "element": element }));
    }
    let element = json!({ "type": "datepicker", "action_id": KEEP_UNTIL, "initial_date": ask.default.last_date() });
    let label = plain("Until when?");
    blocks.push(json!({ "type": "input", "block_id": KEEP_UNTIL, "label": label, "element": element }));
    json!({ "type": "modal", "callback_id": KEEP_CALLBACK, "private_metadata": ask.private_metadata,
            "title": plain("Keep seat"), "submit": plain("Keep seat"), "close": plain("Cancel"), "blocks": blocks })
}

pub(super) fn explanation(problem: &KeepProblem) -> String {
    match problem {
        KeepProblem::ReasonRequired => "Please say why the seat is needed.".to_owned(),
        KeepProblem::ReasonTooLong => "Please say it in at most 2000 characters.".to_owned(),
        KeepProblem::NoDate => "Please choose a date.".to_owned(),
        KeepProblem::EndsInPast => "Please choose a date in the future.".to_owned(),
        KeepProblem::TooLong { latest } => format!("The latest date allowed is {}.", latest.last_date()),
        KeepProblem::Refused(notice) => super::notice::words(notice),
    }
}
