//! Why somebody is asked, and what comes while they do not answer.

use seatgate_core::message::Row;
use seatgate_core::policy::OnExpiry;
use seatgate_core::schedule::Outlook;
use seatgate_core::time::Timestamp;

use super::seat;
use crate::wording::{Line, Phrase, Slot, Value};

/// Everything that explains why somebody is asked. Holds personal data: never log it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reasons {
    /// The request, as it is shown to them.
    pub row: Row,
    /// Under which version of the policy.
    pub policy_version: String,
    /// What comes while nobody answers.
    pub outlook: Outlook,
    /// What the policy does when the time is up.
    pub on_expiry: OnExpiry,
}

impl Reasons {
    /// Why somebody is asked with `row`.
    #[must_use]
    pub fn new(row: Row, policy_version: impl Into<String>, outlook: Outlook, on_expiry: OnExpiry) -> Self {
        Self { row, policy_version: policy_version.into(), outlook, on_expiry }
    }

    pub(super) fn lines(&self) -> Vec<Line<'_>> {
        let row = &self.row;
        let mut lines = vec![seat::seat(row)];
        lines.extend(seat::why(row));
        lines.extend(seat::handed_on(row));
        lines.extend(seat::path(row));
        if row.is_live() {
            lines.extend(seat::holder_said(row));
            lines.extend(seat::votes(row));
            lines.extend(self.to_come());
        } else {
            lines.extend(seat::standing(row));
        }
        let version = Value::Outside(&self.policy_version, VERSION);
        lines.push(Line::new(Phrase::PolicyVersion).with(Slot::Version, version));
        lines
    }

    /// The next reminder, who else is asked when, and what happens at the end.
    fn to_come(&self) -> impl Iterator<Item = Line<'_>> {
        let at = |phrase, at: Timestamp| Line::new(phrase).with(Slot::At, Value::Moment(at));
        let Outlook { reminders, escalates_at, ends_at, .. } = &self.outlook;
        let reminder = reminders.first().map(|moment| at(Phrase::ReminderAt, *moment));
        let escalation = escalates_at.map(|moment| at(Phrase::EscalatesAt, moment));
        let end = ends_at.map(|until| Line::new(self.end()).with(Slot::Until, Value::Moment(until)));
        [reminder, escalation, end].into_iter().flatten()
    }

    fn end(&self) -> Phrase {
        match self.on_expiry {
            _ if self.row.asks_holder() => Phrase::EndsAsking,
            OnExpiry::Keep => Phrase::EndsKeeping,
            OnExpiry::Reclaim => Phrase::EndsReclaiming,
            OnExpiry::Close => Phrase::EndsClosing,
        }
    }
}

/// How much of a policy's version is shown.
const VERSION: usize = 80;
