//! The chart of one currency: a bar a month, of all that is saved by then and, above it, all that is projected.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::money::{Currency, Totals};
use seatgate_core::savings::{Savings, Standing};

/// So many months fit, the last ones.
const MONTHS: usize = 12;
const HEIGHT: i128 = 120;
const STEP: usize = 50;

pub(super) struct Chart {
    pub(super) currency: &'static str,
    pub(super) width: usize,
    pub(super) bars: Vec<Bar>,
}

/// One month, in units of the picture.
pub(super) struct Bar {
    pub(super) month: String,
    pub(super) left: usize,
    pub(super) verified: i128,
    pub(super) projected: i128,
    pub(super) title: String,
}

impl Bar {
    pub(super) fn verified_top(&self) -> i128 {
        HEIGHT - self.verified
    }

    pub(super) fn projected_top(&self) -> i128 {
        HEIGHT - self.verified - self.projected
    }

    pub(super) fn middle(&self) -> usize {
        self.left + STEP / 2
    }
}

impl Chart {
    /// One a currency in which something is saved or projected.
    pub(super) fn of(savings: &Savings) -> Vec<Self> {
        let currencies: BTreeSet<Currency> = savings.lines().filter_map(|(key, _)| key.currency).collect();
        currencies.into_iter().filter_map(|currency| Self::of_currency(savings, currency)).collect()
    }

    fn of_currency(savings: &Savings, currency: Currency) -> Option<Self> {
        let (mut verified, mut projected) = (0_i128, 0_i128);
        let sums: Vec<(String, i128, i128)> = months(savings, currency)
            .into_iter()
            .map(|(month, [saved, hoped])| {
                verified = verified.saturating_add(saved);
                projected = projected.saturating_add(hoped);
                (month, verified, projected)
            })
            .collect();
        let highest = verified.saturating_add(projected);
        let shown = sums.len().saturating_sub(MONTHS);
        let bars: Vec<Bar> =
            sums.into_iter().skip(shown).enumerate().map(|(at, sums)| bar(at, sums, highest, currency)).collect();
        (highest > 0).then(|| Self { currency: currency.code(), width: bars.len() * STEP, bars })
    }
}

/// What each month adds, verified and projected.
fn months(savings: &Savings, currency: Currency) -> BTreeMap<String, [i128; 2]> {
    let mut months = BTreeMap::<String, [i128; 2]>::new();
    for (key, tally) in savings.lines().filter(|(key, _)| key.currency == Some(currency)) {
        let place = match key.standing {
            Standing::Verified => 0,
            Standing::Projected => 1,
            Standing::Kept | Standing::Unsaved => continue,
        };
        let minor: i128 = tally.monthly.iter().map(|(_, minor)| minor).sum();
        months.entry(key.month.clone()).or_default()[place] += minor;
    }
    months
}

fn bar(at: usize, (month, verified, projected): (String, i128, i128), highest: i128, currency: Currency) -> Bar {
    let told = |minor| {
        let mut total = Totals::default();
        total.add_sum(currency, minor);
        total.to_string()
    };
    let title = format!("{month}: {} saved, {} projected", told(verified), told(projected));
    let scaled = |minor: i128| minor.saturating_mul(HEIGHT) / highest.max(1);
    Bar { month, left: at * STEP, verified: scaled(verified), projected: scaled(projected), title }
}
