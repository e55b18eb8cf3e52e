//! What is said about one seat, wherever it is shown: facts and how it stands, line by line.

use seatgate_core::message::{DecisionLine, PathLine, Row, Standing};
use seatgate_core::policy::HolderRelease;
use seatgate_core::request::{Decision, Outcome, StateLabel, Why, WithdrawReason};
use seatgate_core::route::Turn;
use seatgate_core::seat::Activity;
use seatgate_core::time::Timestamp;

use super::second;
use crate::wording::{Line, NAME, Phrase, Slot, Value};

/// How much of a reason is shown.
const REASON: usize = 300;
/// How many of those who were met on the way, or who have voted, are named.
const PEOPLE: usize = 5;
/// How much of a name fits on a button.
const SHORT_NAME: usize = 24;
const DAY: u64 = 86_400;

/// App, kind of licence and account.
pub(super) fn seat(row: &Row) -> Line<'_> {
    named(row, NAME)
}

/// The same, short enough for a button, beside what the button does.
pub(super) fn short(row: &Row) -> Line<'_> {
    named(row, SHORT_NAME)
}

/// The same, at most so many characters of each name.
pub(super) fn named(row: &Row, most: usize) -> Line<'_> {
    if let Some(offboarding) = &row.offboarding {
        return second::named(row, offboarding, most);
    }
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
pub(super) fn why(row: &Row) -> Option<Line<'static>> {
    let phrase = match row.why? {
        Why::Holder => Phrase::WhyHolder,
        Why::Manager => Phrase::WhyManager,
        Why::NextManager => Phrase::WhyNextManager,
        Why::Delegate => Phrase::WhyDelegate,
        Why::Owner => Phrase::WhyOwner,
        Why::Fallback => Phrase::WhyFallback,
        Why::Operator => Phrase::WhyOperator,
        Why::Reassigned => Phrase::WhyReassigned,
        Why::FourEyes => Phrase::WhyFourEyes,
        _ => return None,
    };
    Some(Line::new(phrase))
}

/// Who was met on the way to the reader, and what became of them.
pub(super) fn detours(row: &Row) -> Vec<Line<'_>> {
    named_some(row.path.iter().filter(|step| step.turn != Turn::Asked).map(met).collect())
}

/// The same with the reader.
pub(super) fn path(row: &Row) -> Vec<Line<'_>> {
    named_some(row.path.iter().map(met).collect())
}

fn met(step: &PathLine) -> Line<'_> {
    let role = match step.role {
        Why::Holder => Phrase::RoleHolder,
        Why::Manager => Phrase::RoleManager,
        Why::NextManager => Phrase::RoleNextManager,
        Why::Delegate => Phrase::RoleDelegate,
        Why::Owner => Phrase::RoleOwner,
        Why::Fallback => Phrase::RoleFallback,
        Why::Reassigned => Phrase::RoleReassigned,
        _ => Phrase::RoleOperator,
    };
    let turn = match step.turn {
        Turn::StoodInFor => Phrase::TurnStoodInFor,
        Turn::Away => Phrase::TurnAway,
        Turn::Disabled => Phrase::TurnDisabled,
        Turn::Bot => Phrase::TurnBot,
        Turn::Holder => Phrase::TurnHolder,
        Turn::Cycle => Phrase::TurnCycle,
        _ => Phrase::TurnAsked,
    };
    let line = Line::new(Phrase::Met).with(Slot::Person, Value::Outside(&step.name, NAME));
    line.said(Slot::Role, Line::new(role)).said(Slot::Status, Line::new(turn))
}

/// The first of them; the others are counted.
fn named_some(mut lines: Vec<Line<'_>>) -> Vec<Line<'_>> {
    let more = lines.len().saturating_sub(PEOPLE);
    lines.truncate(PEOPLE);
    if more > 0 {
        lines.push(Line::new(Phrase::AndMore).count(number(more)));
    }
    lines
}

/// What the holder said, where they were asked first.
pub(super) fn holder_said(row: &Row) -> Vec<Line<'_>> {
    let Some(said) = &row.holder_said else { return Vec::new() };
    let phrase = match (row.asks_holder(), said.answer) {
        (true, Decision::Keep) => Phrase::YouNeed,
        (true, Decision::Approve) => Phrase::YouRelease,
        (false, Decision::Keep) => Phrase::HolderNeeds,
        (false, Decision::Approve) => Phrase::HolderReleases,
    };
    [Line::new(phrase)].into_iter().chain(reason(said.reason.as_deref())).collect()
}

/// Who handed it to the reader, and why.
pub(super) fn handed_on(row: &Row) -> Vec<Line<'_>> {
    let Some(handed_on) = &row.handed_on else { return Vec::new() };
    let by = Line::new(Phrase::HandedOnBy).with(Slot::By, Value::Outside(&handed_on.by, NAME));
    [by].into_iter().chain(reason(handed_on.note.as_deref())).collect()
}

/// How many approvals are in, where the policy wants several, and whose.
pub(super) fn votes(row: &Row) -> Vec<Line<'_>> {
    if row.quorum < 2 {
        return Vec::new();
    }
    let waits = row.state == StateLabel::AwaitingDecision && row.standing != Standing::Voted;
    let tally = waits.then(|| tally(Phrase::VotesOfTotal, row));
    let votes = row.votes.iter().map(|(by, at)| voted(by, *at)).collect();
    tally.into_iter().chain(named_some(votes)).collect()
}

fn voted(by: &str, at: Timestamp) -> Line<'_> {
    Line::new(Phrase::VotedBy).with(Slot::By, Value::Outside(by, NAME)).with(Slot::At, Value::Moment(at))
}

fn tally(phrase: Phrase, row: &Row) -> Line<'_> {
    Line::new(phrase).count(number(row.votes.len())).with(Slot::Total, Value::Count(row.quorum.into()))
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// What an answer brings about: *Approve removal*, or the holder's own word.
pub(super) fn effect(row: &Row) -> Line<'_> {
    if row.offboarding.is_some() {
        return Line::new(Phrase::FourEyesEffect);
    }
    Line::new(match (row.asks_holder(), row.holder_release, row.reversible) {
        (true, HolderRelease::Informs, _) => Phrase::HolderInforms,
        (true, HolderRelease::Suffices, true) => Phrase::HolderReversible,
        (true, HolderRelease::Suffices, false) => Phrase::HolderIrreversible,
        (false, _, true) => Phrase::Reversible,
        (false, _, false) => Phrase::Irreversible,
    })
}

/// The same in a few words: below a heading that asks.
pub(super) fn finality(row: &Row) -> Line<'_> {
    if row.asks_holder() || row.offboarding.is_some() {
        return effect(row);
    }
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
    if row.offboarding.is_some() {
        return second::standing(row);
    }
    let mut lines = holder_said(row);
    lines.extend(votes(row));
    if let Some(decision) = &row.decision {
        lines.push(decided(decision));
        lines.extend(reason(decision.reason.as_deref()));
    }
    // Whoever kept it and until when says more than that it is kept.
    let said = row.outcome == Some(Outcome::Kept) && row.decision.is_some();
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

pub(super) fn reason(reason: Option<&str>) -> Option<Line<'_>> {
    let reason = reason.filter(|reason| !reason.trim().is_empty())?;
    Some(Line::new(Phrase::Reason).with(Slot::Reason, Value::Outside(reason, REASON)))
}

fn state(row: &Row) -> Line<'_> {
    if let Some(outcome) = row.outcome {
        let used_again = outcome == Outcome::Withdrawn && row.withdrawn == Some(WithdrawReason::UsedAgain);
        return Line::new(if used_again { Phrase::UsedAgain } else { ended(outcome) });
    }
    match (row.state, row.until) {
        (StateLabel::AwaitingDecision, _) if !row.is_live() => elsewhere(row),
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

/// How a request stands that waits for others than the reader.
fn elsewhere(row: &Row) -> Line<'_> {
    match &row.standing {
        Standing::Moved { to } if to.is_empty() => Line::new(Phrase::MovedAway),
        Standing::Moved { to } if row.asks_holder() => Line::new(Phrase::MovedOn).with(Slot::People, Value::Names(to)),
        Standing::Moved { to } => Line::new(Phrase::MovedTo).with(Slot::People, Value::Names(to)),
        _ => tally(Phrase::YourVote, row),
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
