//! How many requests one sweep may open.
//!
//! An app whose terms set another number than every app's is counted by itself; all other apps share the one number. Where
//! it is known how many seats an app has, a share of them is a limit of its own beside that number.

use std::collections::BTreeMap;

use crate::policy::Policy;
use crate::port::{Problem, RowResult, RowStatus};
use crate::seat::{AppId, Candidate};

/// What a row is counted with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Share {
    /// The app by itself, or all others, against the number of requests.
    Requests(Option<AppId>),
    /// The app, against the share of its seats.
    Seats(AppId),
}

/// The limits of one sweep.
pub(in crate::gate) struct Limits<'a> {
    policy: &'a Policy,
    /// How many seats an app has, in place of what the policy says.
    seats: &'a BTreeMap<AppId, u32>,
    apps: BTreeMap<u32, AppId>,
    shares: BTreeMap<AppId, Vec<Share>>,
    most: BTreeMap<Share, u64>,
    /// What was asked about before, by rows that are not counted here.
    before: BTreeMap<AppId, u64>,
}

/// What is left of them.
pub(in crate::gate) struct Room<'a> {
    limits: &'a Limits<'a>,
    taken: BTreeMap<&'a Share, u64>,
}

impl<'a> Limits<'a> {
    /// Those of a sweep that knows of these `seats`, for a delivery with these rows, numbered from `first_row`.
    pub(in crate::gate) fn of(
        policy: &'a Policy,
        seats: &'a BTreeMap<AppId, u32>,
        first_row: u32,
        rows: &[Result<Candidate, Problem>],
    ) -> Self {
        let (apps, shares, most) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut limits = Self { policy, seats, apps, shares, most, before: BTreeMap::new() };
        for (row, candidate) in (first_row..).zip(rows) {
            if let Ok(candidate) = candidate {
                limits.count(row, &candidate.app.id);
            }
        }
        limits
    }

    /// With so many requests that were opened before.
    pub(in crate::gate) fn after(mut self, opened: &BTreeMap<AppId, u64>) -> Self {
        opened.keys().for_each(|app| self.know(app));
        self.before.clone_from(opened);
        self
    }

    /// Counts a row about a seat of this app, once it is asked about.
    pub(in crate::gate) fn count(&mut self, row: u32, app: &AppId) {
        self.know(app);
        self.apps.insert(row, app.clone());
    }

    /// Which limits hold for the app.
    fn know(&mut self, app: &AppId) {
        if self.shares.contains_key(app) {
            return;
        }
        let terms = self.policy.terms(app.as_str());
        let everywhere = self.policy.default_terms().max_requests_per_sweep;
        let by_itself = terms.max_requests_per_sweep != everywhere;
        let requests = Share::Requests(by_itself.then(|| app.clone()));
        self.most.insert(requests.clone(), terms.max_requests_per_sweep.into());
        let mut shares = vec![requests];
        let seats = self.seats.get(app).copied().unwrap_or(terms.seats);
        if seats > 0 {
            let seated = Share::Seats(app.clone());
            self.most.insert(seated.clone(), u64::from(seats) * u64::from(terms.max_share_per_sweep) / 100);
            shares.push(seated);
        }
        self.shares.insert(app.clone(), shares);
    }

    /// With so many requests that the whole sweep has opened, those of these answers among them.
    pub(in crate::gate) fn count_all(&mut self, mut opened: BTreeMap<AppId, u64>, answered: &BTreeMap<u32, RowResult>) {
        for (app, ours) in self.asked(answered) {
            opened.entry(app.clone()).and_modify(|all| *all = all.saturating_sub(ours));
        }
        opened.keys().for_each(|app| self.know(app));
        self.before = opened;
    }

    /// How many requests these answers and those before them have opened, by app.
    pub(in crate::gate) fn opened(&self, answered: &BTreeMap<u32, RowResult>) -> BTreeMap<AppId, u64> {
        let mut opened = self.before.clone();
        for (app, ours) in self.asked(answered) {
            *opened.entry(app.clone()).or_default() += ours;
        }
        opened
    }

    /// How many of the rows that are counted here these answers ask about, by app.
    fn asked(&self, answered: &BTreeMap<u32, RowResult>) -> BTreeMap<&AppId, u64> {
        let mut asked = BTreeMap::new();
        for (row, _) in answered.iter().filter(|(_, result)| result.status == RowStatus::Asked) {
            if let Some(app) = self.apps.get(row) {
                *asked.entry(app).or_default() += 1;
            }
        }
        asked
    }

    /// What is left once these rows are answered.
    pub(in crate::gate) fn room(&self, answered: &BTreeMap<u32, RowResult>) -> Room<'_> {
        let mut room = Room { limits: self, taken: BTreeMap::new() };
        for (app, requests) in self.opened(answered) {
            for share in self.shares.get(&app).into_iter().flatten() {
                *room.taken.entry(share).or_default() += requests;
            }
        }
        room
    }
}

impl Room<'_> {
    /// Takes the place of one request; `false` if there is none left.
    pub(in crate::gate) fn take(&mut self, row: u32) -> bool {
        let shares = self.limits.apps.get(&row).and_then(|app| self.limits.shares.get(app));
        let Some(shares) = shares else { return true };
        let taken = |share: &Share| self.taken.get(share).copied().unwrap_or_default();
        let fits = shares.iter().all(|share| self.limits.most.get(share).is_none_or(|most| taken(share) < *most));
        if fits {
            shares.iter().for_each(|share| *self.taken.entry(share).or_default() += 1);
        }
        fits
    }
}
