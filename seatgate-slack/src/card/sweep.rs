//! The notice of a sweep, which is kept true; and the reports of what ended.

use seatgate_core::message::{Row, StateTally, SweepStanding};
use seatgate_core::port::RowStatus;
use seatgate_core::request::{Outcome, StateLabel};

use super::draft::Draft;
use super::seat;
use crate::wording::{Line, Phrase, Slot, Value, Wording};

/// How a sweep goes.
pub(super) fn sweep<'w>(wording: &'w Wording, sweep: &SweepStanding) -> Draft<'w> {
    let mut draft = Draft::new(wording, sweep.card);
    draft.header(&Line::new(Phrase::HeadingSweep).with(Slot::Date, Value::Day(sweep.received_at)));
    if sweep.test {
        draft.section("test", &[Line::new(Phrase::Test)]);
    }
    let row = |(status, count): (&RowStatus, &u64)| tally(row_status(*status)).count(*count);
    let rows: Vec<Line<'_>> = sweep.rows.iter().filter(|(_, count)| **count > 0).map(row).collect();
    if !rows.is_empty() {
        draft.titled("rows", &Line::new(Phrase::SweepRows), &rows);
    }
    let standings: Vec<Line<'_>> = sweep.standings.iter().filter(|one| one.count > 0).map(standing).collect();
    if standings.is_empty() {
        draft.section("standing", &[Line::new(Phrase::SweepEmpty)]);
    } else {
        draft.titled("standing", &Line::new(Phrase::SweepStanding), &standings);
    }
    let money = [(Phrase::AtStake, sweep.at_stake()), (Phrase::ReclaimedCost, sweep.reclaimed())];
    let money = money.into_iter().filter(|(_, costs)| !costs.is_empty());
    let money: Vec<Line<'_>> = money.map(|(phrase, costs)| Line::new(phrase).costs(costs)).collect();
    draft.section("money", &money);
    draft
}

/// What ended, or needs attention: a short section each.
pub(super) fn report<'w>(wording: &'w Wording, rows: &[Row]) -> Draft<'w> {
    let mut draft = Draft::new(wording, "report");
    for row in rows {
        let test = row.test.then(|| Line::new(Phrase::Test));
        let lines: Vec<Line<'_>> = test.into_iter().chain(seat::standing(row)).chain(seat::cost(row)).collect();
        draft.titled(&row.request.to_string(), &seat::seat(row), &lines);
    }
    draft
}

fn tally<'a>(status: Phrase) -> Line<'a> {
    Line::new(Phrase::Tally).said(Slot::Status, Line::new(status))
}

fn standing(standing: &StateTally) -> Line<'_> {
    let status = standing.outcome.map_or_else(|| state(standing.state), outcome);
    let phrase = if standing.monthly_cost.is_empty() { Phrase::Tally } else { Phrase::TallyCost };
    let line = Line::new(phrase).said(Slot::Status, Line::new(status)).count(standing.count);
    line.costs(standing.monthly_cost.clone())
}

fn row_status(status: RowStatus) -> Phrase {
    match status {
        RowStatus::Asked => Phrase::RowAsked,
        RowStatus::Duplicate => Phrase::RowDuplicate,
        RowStatus::Excepted => Phrase::RowExcepted,
        RowStatus::Filtered => Phrase::RowFiltered,
        RowStatus::Held => Phrase::RowHeld,
        RowStatus::Rejected => Phrase::RowRejected,
        RowStatus::SuppressedDryRun => Phrase::RowSuppressed,
        RowStatus::Received => Phrase::RowReceived,
    }
}

fn state(state: StateLabel) -> Phrase {
    match state {
        StateLabel::AwaitingDecision => Phrase::ShortWaiting,
        StateLabel::InGrace => Phrase::ShortInGrace,
        StateLabel::Executing => Phrase::ShortExecuting,
        StateLabel::Keeping => Phrase::ShortKeeping,
        StateLabel::Stopping => Phrase::ShortStopping,
        StateLabel::NeedsAttention => Phrase::ShortAttention,
        StateLabel::Closed => Phrase::ShortClosed,
    }
}

fn outcome(outcome: Outcome) -> Phrase {
    match outcome {
        Outcome::Reclaimed => Phrase::ShortReclaimed,
        Outcome::PartlyReclaimed => Phrase::ShortPartlyReclaimed,
        Outcome::Kept => Phrase::ShortKept,
        Outcome::Expired => Phrase::ShortExpired,
        Outcome::Withdrawn => Phrase::ShortWithdrawn,
        Outcome::Stopped => Phrase::ShortStopped,
        Outcome::DryRun => Phrase::ShortDryRun,
    }
}
