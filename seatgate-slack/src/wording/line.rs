//! Something to say: a phrase and what fills its slots. It becomes text only at the end, once for each form.

use seatgate_core::money::{Money, Totals};
use seatgate_core::time::Timestamp;

use super::outside::{ELLIPSIS, harmless};
use super::phrase::Phrase;
use super::slot::Slot;
use crate::id::UserId;

/// How much of a name is shown.
pub(crate) const NAME: usize = 80;
/// How many of several names are shown.
const NAMES: usize = 5;

/// Where a text goes, and so how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `mrkdwn`: escaped, and moments show in the reader's own time.
    Markup,
    /// The text beside the blocks: escaped, and moments are written out in UTC.
    Text,
    /// `plain_text`: nothing in it means anything to Slack.
    Plain,
}

/// Something to say.
#[derive(Debug, Clone)]
pub(crate) struct Line<'a> {
    pub(super) phrase: Phrase,
    values: Vec<(Slot, Value<'a>)>,
}

/// What fills a slot.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    /// A text from outside, at most so many characters of it.
    Outside(&'a str, usize),
    /// A name from outside that was put together for this line.
    Name(String),
    /// Several names from outside.
    Names(&'a [String]),
    /// How many.
    Count(u64),
    /// A moment.
    Moment(Timestamp),
    /// A last day, as it was chosen: a reader's own time zone would make it another.
    LastDay(Timestamp),
    /// A day.
    Day(Timestamp),
    /// An amount.
    Cost(Money),
    /// Amounts.
    Costs(Totals),
    /// Somebody in Slack.
    User(&'a UserId),
    /// Another line.
    Said(Box<Line<'a>>),
}

impl<'a> Line<'a> {
    /// A phrase, its slots still empty.
    pub(crate) fn new(phrase: Phrase) -> Self {
        Self { phrase, values: Vec::new() }
    }

    /// Fills a slot.
    pub(crate) fn with(mut self, slot: Slot, value: Value<'a>) -> Self {
        self.values.push((slot, value));
        self
    }

    /// A name from outside, and nothing else.
    pub(crate) fn verbatim(name: &'a str) -> Self {
        Self::new(Phrase::Verbatim).with(Slot::Text, Value::Outside(name, NAME))
    }

    pub(crate) fn count(self, count: u64) -> Self {
        self.with(Slot::Count, Value::Count(count))
    }

    pub(crate) fn costs(self, costs: Totals) -> Self {
        self.with(Slot::Cost, Value::Costs(costs))
    }

    pub(crate) fn said(self, slot: Slot, line: Line<'a>) -> Self {
        self.with(slot, Value::Said(Box::new(line)))
    }

    pub(super) fn value(&self, slot: Slot) -> Option<&Value<'a>> {
        self.values.iter().find(|(filled, _)| *filled == slot).map(|(_, value)| value)
    }
}

impl Value<'_> {
    pub(super) fn text(&self, form: Form) -> String {
        match self {
            Self::Outside(text, most) => harmless(text, *most, form != Form::Plain),
            Self::Name(name) => harmless(name, NAME, form != Form::Plain),
            Self::Names(names) => listed(names, form),
            Self::Count(count) => count.to_string(),
            Self::Moment(at) => moment(*at, "{date_short_pretty}, {time}", written(*at), form),
            Self::Day(at) => moment(*at, "{date_short}", at.date(), form),
            Self::LastDay(at) => at.last_date(),
            Self::Cost(cost) => cost.to_string(),
            Self::Costs(costs) => costs.to_string(),
            Self::User(user) if form == Form::Plain => user.to_string(),
            Self::User(user) => format!("<@{user}>"),
            Self::Said(_) => String::new(), // the wording says it
        }
    }
}

fn listed(names: &[String], form: Form) -> String {
    let mut shown: Vec<String> =
        names.iter().take(NAMES).map(|name| harmless(name, NAME, form != Form::Plain)).collect();
    if names.len() > NAMES {
        shown.push(ELLIPSIS.to_string());
    }
    shown.join(", ")
}

/// Slack shows a moment in the reader's own time zone and language.
fn moment(at: Timestamp, format: &str, in_utc: String, form: Form) -> String {
    let seconds = at.as_seconds();
    if form == Form::Markup && seconds >= 0 { format!("<!date^{seconds}^{format}|{in_utc}>") } else { in_utc }
}

/// To the minute, such as `2026-11-20 06:00 UTC`.
fn written(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(date), Some(time)) => format!("{date} {time} UTC"),
        _ => text,
    }
}
