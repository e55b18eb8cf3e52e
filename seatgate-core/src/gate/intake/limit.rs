//! How many requests one sweep may open.
//!
//! An app whose terms set another number than every app's is counted by itself; all other apps share the one number.

use std::collections::BTreeMap;

use crate::policy::Policy;
use crate::port::{Problem, RowResult, RowStatus};
use crate::seat::{AppId, Candidate};

/// What a row is counted with: its app by itself, or all others.
type Share = Option<AppId>;

/// The limits of one sweep.
pub(super) struct Limits {
    shares: BTreeMap<u32, Share>,
    most: BTreeMap<Share, usize>,
}

/// What is left of them.
pub(super) struct Room<'a> {
    limits: &'a Limits,
    taken: BTreeMap<&'a Share, usize>,
}

impl Limits {
    /// Those of a sweep with these rows.
    pub(super) fn of(policy: &Policy, rows: &[Result<Candidate, Problem>]) -> Self {
        let everywhere = policy.default_terms().max_requests_per_sweep;
        let most = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let mut limits = Self { shares: BTreeMap::new(), most: BTreeMap::from([(None, most(everywhere))]) };
        for (row, candidate) in (0_u32..).zip(rows) {
            let Ok(candidate) = candidate else { continue };
            let own = policy.terms(candidate.app.id.as_str()).max_requests_per_sweep;
            let share = (own != everywhere).then(|| candidate.app.id.clone());
            limits.most.entry(share.clone()).or_insert(most(own));
            limits.shares.insert(row, share);
        }
        limits
    }

    /// What is left once these rows are answered.
    pub(super) fn room<'a>(&'a self, answered: &BTreeMap<u32, RowResult>) -> Room<'a> {
        let mut room = Room { limits: self, taken: BTreeMap::new() };
        for (row, _) in answered.iter().filter(|(_, result)| result.status == RowStatus::Asked) {
            room.take(*row);
        }
        room
    }
}

impl Room<'_> {
    /// Takes the place of one request; `false` if there is none left.
    pub(super) fn take(&mut self, row: u32) -> bool {
        let Some(share) = self.limits.shares.get(&row) else { return true };
        let taken = self.taken.entry(share).or_insert(0);
        let fits = self.limits.most.get(share).is_none_or(|most| *taken < *most);
        *taken += usize::from(fits);
        fits
    }
}
