//! What is said about one seat, wherever it is shown: facts and how it stands, line by line.

use seatgate_core::message::{DecisionLine, Row};
use seatgate_core::request::{Decision, Outcome, StateLabel, Why};
use seatgate_core::seat::Activity;
use seatgate_core::time::Timestamp;

use crate::action::Press;
use crate::card::block::Button;
use crate::wording::{Form, Line, NAME, Phrase, Slot, Value, Wording};

/// How much of a reason is shown.
const REASON: usize = 300;
/// How much of a name fits on a button, beside what the button does.
const SHORT_NAME: usize = 24;
const DAY: u64 = 86_400;

/// App, kind of licence and account.
pub(super) fn seat(row: &Row) -> Line<'_> {
    named(row, NAME)
}

fn named(row: &Row, most: usize) -> Line<'_> {
    let outside = |text| Value::Outside(text, most);
    let phrase = if row.entitlement.is_empty() { Phrase::Seat } else { Phrase::SeatOfKind };
    let line = Line::new(phrase).with(Slot::App, outside(&row.app)).with(Slot::Account, outside(&row.account));
    line.with(Slot::Kind, outside(&row.entitlement))
}

/// The app with the kind of licence.
pub(super) fn app(row: &Row) -> Line<'_> {
    if row.entitlement.is_empty() {
        return Line::verbatim(&row.app);
    }
    let kind = Value::Outside(&row.entitlement, NAME);
    Line::new(Phrase::AppOfKind).with(Slot::App, Value::Outside(&row.app, NAME)).with(Slot::Kind, kind)
}

/// The account, with the kind of licence: below its app's name.
pub(super) fn account(row: &Row) -> Line<'_> {
    if row.entitlement.is_empty() {
        return Line::verbatim(&row.account);
    }
    let (account, kind) = (Value::Outside(&row.account, NAME), Value::Outside(&row.entitlement, NAME));
    Line::new(Phrase::AccountOfKind).with(Slot::Account, account).with(Slot::Kind, kind)
}

/// When it was last used.
pub(super) fn usage(row: &Row) -> Option<Line<'_>> {
    let (activity, observed) = row.activity?;
    let line = match activity {
        Activity::NeverUsed => Line::new(Phrase::NeverUsed),
        Activity::LastAt(at) => {
            let days = observed.since(at).as_secs() / DAY;
            let phrase = if days == 1 { Phrase::IdleOne } else { Phrase::Idle };
            Line::new(phrase).with(Slot::Days, Value::Count(days)).with(Slot::Date, Value::Day(at))
        }
    };
    Some(line.with(Slot::Observed, Value::Day(observed)))
}

/// What it costs a month.
pub(super) fn cost(row: &Row) -> Option<Line<'_>> {
    row.monthly_cost.map(|cost| Line::new(Phrase::Cost).with(Slot::Cost, Value::Cost(cost)))
}

/// Why the reader was asked.
pub(super) fn why(row: &Row) -> Option<Line<'_>> {
    match row.why? {
        Why::Manager => Some(Line::new(Phrase::WhyManager)),
        Why::Fallback => Some(Line::new(Phrase::WhyFallback)),
        Why::Operator => Some(Line::new(Phrase::WhyOperator)),
        _ => None,
    }
}

/// What *Approve removal* does.
pub(super) fn effect(row: &Row) -> Line<'_> {
    Line::new(if row.reversible { Phrase::Reversible } else { Phrase::Irreversible })
}

/// The same in a few words: below a heading that asks.
pub(super) fn finality(row: &Row) -> Line<'_> {
    Line::new(if row.reversible { Phrase::NotFinally } else { Phrase::Finally })
}

/// When it was last used and what it costs, on one line.
pub(super) fn evidence(row: &Row) -> Option<Line<'_>> {
    match (usage(row), cost(row)) {
        (Some(usage), Some(cost)) => Some(Line::new(Phrase::Pair).said(Slot::First, usage).said(Slot::Second, cost)),
        (usage, cost) => usage.or(cost),
    }
}

/// Who decided what, why, and how it stands now.
pub(super) fn standing(row: &Row) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    if let Some(decision) = &row.decision {
        lines.push(decided(decision));
        lines.extend(reason(decision));
    }
    // Whoever kept it and until when says more than that it is kept.
    let said = row.outcome == Some(Outcome::Kept) && !lines.is_empty();
    if !said {
        lines.push(state(row));
    }
    if row.may_have_happened {
        let keeps = row.decision.as_ref().is_some_and(|decision| decision.decision == Decision::Keep);
        lines.push(Line::new(if keeps { Phrase::MayBeFiled } else { Phrase::MayBeRemoved }));
    }
    lines
}

/// Who decided, what, when, and until when a seat is kept.
pub(super) fn decided(decision: &DecisionLine) -> Line<'_> {
    let line = match (decision.decision, decision.keep_until) {
        (Decision::Approve, _) => Line::new(Phrase::ApprovedBy),
        (Decision::Keep, None) => Line::new(Phrase::KeptBy),
        (Decision::Keep, Some(until)) => Line::new(Phrase::KeptUntilBy).with(Slot::Until, Value::LastDay(until)),
    };
    line.with(Slot::By, Value::Outside(&decision.by, NAME)).with(Slot::At, Value::Moment(decision.at))
}

fn reason(decision: &DecisionLine) -> Option<Line<'_>> {
    let reason = decision.reason.as_deref().filter(|reason| !reason.trim().is_empty())?;
    Some(Line::new(Phrase::Reason).with(Slot::Reason, Value::Outside(reason, REASON)))
}

fn state(row: &Row) -> Line<'_> {
    if let Some(outcome) = row.outcome {
        return Line::new(ended(outcome));
    }
    match (row.state, row.until) {
        (StateLabel::AwaitingDecision, Some(until)) => by(Phrase::WaitingUntil, until),
        (StateLabel::AwaitingDecision, None) => Line::new(Phrase::Waiting),
        (StateLabel::InGrace, Some(until)) => by(Phrase::InGraceUntil, until),
        (StateLabel::InGrace, None) => Line::new(Phrase::InGrace),
        (StateLabel::Executing, _) => Line::new(Phrase::Executing),
        (StateLabel::Keeping, _) => Line::new(Phrase::Keeping),
        (StateLabel::Stopping, _) => Line::new(Phrase::Stopping),
        (StateLabel::NeedsAttention, _) => Line::new(Phrase::NeedsAttention),
        (StateLabel::Closed, _) => Line::new(Phrase::Closed),
    }
}

fn ended(outcome: Outcome) -> Phrase {
    match outcome {
        Outcome::Reclaimed => Phrase::Reclaimed,
        Outcome::PartlyReclaimed => Phrase::PartlyReclaimed,
        Outcome::Kept => Phrase::Kept,
        Outcome::Expired => Phrase::Expired,
        Outcome::Withdrawn => Phrase::Withdrawn,
        Outcome::Stopped => Phrase::Stopped,
        Outcome::DryRun => Phrase::DryRun,
    }
}

/// Until when it can be answered, as a request to the reader.
pub(super) fn answer_by(row: &Row) -> Option<Line<'_>> {
    row.until.map(|until| by(Phrase::AnswerBy, until))
}

fn by<'a>(phrase: Phrase, until: Timestamp) -> Line<'a> {
    Line::new(phrase).with(Slot::Until, Value::Moment(until))
}

/// What can be done about it at this moment: answer, undo, or nothing.
pub(super) fn buttons(wording: &Wording, row: &Row) -> Vec<Button> {
    let button = |press, label, spoken| {
        let spoken = Line::new(spoken).said(Slot::Seat, named(row, SHORT_NAME));
        let mut button = Button::new(press, wording.say(&Line::new(label), Form::Plain));
        button.spoken = Some(wording.say(&spoken, Form::Plain));
        button
    };
    match row.state {
        StateLabel::AwaitingDecision => {
            let mut approve = button(Press::Approve(row.request), Phrase::ButtonApprove, Phrase::SpokenApprove);
            approve.confirm = Some(confirm(wording, row));
            vec![approve, button(Press::Keep(row.request), Phrase::ButtonKeep, Phrase::SpokenKeep)]
        }
        StateLabel::InGrace => vec![button(Press::Undo(row.request), Phrase::ButtonUndo, Phrase::SpokenUndo)],
        _ => Vec::new(),
    }
}

fn confirm(wording: &Wording, row: &Row) -> [String; 4] {
    let text = if row.reversible { Phrase::ConfirmReversible } else { Phrase::ConfirmIrreversible };
    let text = Line::new(text).said(Slot::Seat, named(row, NAME / 2));
    let lines = [Line::new(Phrase::ConfirmTitle), text, Line::new(Phrase::ConfirmYes), Line::new(Phrase::ConfirmNo)];
    lines.map(|line| wording.say(&line, Form::Plain))
}
