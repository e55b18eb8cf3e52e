//! How many requests one sweep may open.
//!
//! An app whose terms set another number than every app's is counted by itself; all other apps share the one number.

use std::collections::BTreeMap;

use crate::id::RequestId;
use crate::policy::Policy;
use crate::port::{Problem, RowResult, RowStatus};
use crate::seat::{AppId, Candidate};

/// What a row is counted with: its app by itself, or all others.
type Share = Option<AppId>;

/// The limits of one sweep.
pub(in crate::gate) struct Limits {
    shares: BTreeMap<u32, Share>,
    most: BTreeMap<Share, usize>,
}

/// What is left of them.
pub(in crate::gate) struct Room<'a> {
    limits: &'a Limits,
    taken: BTreeMap<&'a Share, usize>,
}

impl Limits {
    /// Those of a sweep, for a delivery with these rows, numbered from `first_row`.
    pub(in crate::gate) fn of(policy: &Policy, first_row: u32, rows: &[Result<Candidate, Problem>]) -> Self {
        let everywhere = policy.default_terms().max_requests_per_sweep;
        let mut limits = Self { shares: BTreeMap::new(), most: BTreeMap::from([(None, most(everywhere))]) };
        for (row, candidate) in (first_row..).zip(rows) {
            if let Ok(candidate) = candidate {
                limits.count(policy, row, &candidate.app.id);
            }
        }
        limits
    }

    /// Counts a row about a seat of this app, once it is asked about.
    pub(in crate::gate) fn count(&mut self, policy: &Policy, row: u32, app: &AppId) {
        let everywhere = policy.default_terms().max_requests_per_sweep;
        let own = policy.terms(app.as_str()).max_requests_per_sweep;
        let share = (own != everywhere).then(|| app.clone());
        self.most.entry(share.clone()).or_insert(most(own));
        self.shares.insert(row, share);
    }

    /// Rows that are asked about and not counted yet, with their requests: those of other deliveries.
    pub(in crate::gate) fn uncounted(&self, answered: &BTreeMap<u32, RowResult>) -> Vec<(u32, RequestId)> {
        let asked = answered.values().filter(|result| result.status == RowStatus::Asked);
        let uncounted = asked.filter(|result| !self.shares.contains_key(&result.row));
        uncounted.filter_map(|result| Some((result.row, result.request_id?))).collect()
    }

    /// What is left once these rows are answered.
    pub(in crate::gate) fn room<'a>(&'a self, answered: &BTreeMap<u32, RowResult>) -> Room<'a> {
        let mut room = Room { limits: self, taken: BTreeMap::new() };
        for (row, _) in answered.iter().filter(|(_, result)| result.status == RowStatus::Asked) {
            room.take(*row);
        }
        room
    }
}

fn most(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Room<'_> {
    /// Takes the place of one request; `false` if there is none left.
    pub(in crate::gate) fn take(&mut self, row: u32) -> bool {
        let Some(share) = self.limits.shares.get(&row) else { return true };
        let taken = self.taken.entry(share).or_insert(0);
        let fits = self.limits.most.get(share).is_none_or(|most| *taken < *most);
        *taken += usize::from(fits);
        fits
    }
}
