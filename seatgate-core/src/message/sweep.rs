//! How a sweep goes, as its notice says it.

use std::collections::BTreeMap;

use crate::id::{CardId, SweepId};
use crate::money::Totals;
use crate::port::RowStatus;
use crate::request::{Outcome, StateLabel};
use crate::time::Timestamp;

/// How a sweep goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepStanding {
    /// Which.
    pub sweep: SweepId,
    /// Which card shows it.
    pub card: CardId,
    /// When it came in.
    pub received_at: Timestamp,
    /// Whether it is only a test: nothing will be done.
    pub test: bool,
    /// What became of its rows.
    pub rows: BTreeMap<RowStatus, u64>,
    /// How its requests stand, those that the message's channel hears about.
    pub standings: Vec<StateTally>,
}

/// How many requests stand or ended in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateTally {
    /// How they stand.
    pub state: StateLabel,
    /// How they ended.
    pub outcome: Option<Outcome>,
    /// How many.
    pub count: u64,
    /// What they cost a month together.
    pub monthly_cost: Totals,
}

impl StateTally {
    /// So many that stand so.
    #[must_use]
    pub fn new(state: StateLabel, outcome: Option<Outcome>, count: u64, monthly_cost: Totals) -> Self {
        Self { state, outcome, count, monthly_cost }
    }
}

impl SweepStanding {
    /// A sweep of which nothing is known but that it came in.
    #[must_use]
    pub fn new(sweep: SweepId, card: CardId, received_at: Timestamp) -> Self {
        Self { sweep, card, received_at, test: false, rows: BTreeMap::new(), standings: Vec::new() }
    }

    /// How many requests there are.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.standings.iter().map(|standing| standing.count).sum()
    }

    /// What the seats of all its requests cost a month: the money at stake.
    #[must_use]
    pub fn at_stake(&self) -> Totals {
        Totals::sum(self.standings.iter().map(|standing| &standing.monthly_cost))
    }

    /// What the seats that are reclaimed cost a month.
    #[must_use]
    pub fn reclaimed(&self) -> Totals {
        let reclaimed = self.standings.iter().filter(|standing| standing.outcome == Some(Outcome::Reclaimed));
        Totals::sum(reclaimed.map(|standing| &standing.monthly_cost))
    }

    pub(super) fn plain_text(&self) -> String {
        let count = |(status, count): (&RowStatus, &u64)| format!("{count} {status}");
        let rows = self.rows.iter().map(count).collect::<Vec<_>>().join(", ");
        let test = if self.test { "TEST: " } else { "" };
        let mut lines = vec![format!("{test}Sweep of {}: {rows}.", self.received_at.date())];
        let at_stake = self.at_stake();
        if !at_stake.is_empty() {
            lines.push(format!("At stake: {at_stake} a month. Reclaimed: {} a month.", self.reclaimed()));
        }
        lines.extend(self.standings.iter().map(|standing| {
            let label = standing.outcome.map_or_else(|| standing.state.label(), Outcome::label);
            format!("{}: {label}", standing.count)
        }));
        lines.join("\n")
    }
}
