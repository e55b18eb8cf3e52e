//! Which seats are asked about, and how often that has changed.

use std::collections::BTreeMap;

use crate::id::{AccountId, RequestId};
use crate::port::SeatStatusRow;
use crate::seat::{AppId, Entitlement, Seat};
use crate::time::Timestamp;

/// A seat, with merges of accounts followed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    account: AccountId,
    app: AppId,
    entitlement: Entitlement,
}

impl Place {
    /// The place of `seat`, whose account has become `account`.
    pub(super) fn of(seat: &Seat, account: AccountId) -> Self {
        Self { account, app: seat.app.id.clone(), entitlement: seat.entitlement.clone() }
    }
}

#[derive(Default)]
pub(super) struct Seats(BTreeMap<Place, SeatStatusRow>);

impl Seats {
    pub(super) fn row(&self, place: &Place) -> SeatStatusRow {
        self.0.get(place).copied().unwrap_or_default()
    }

    pub(super) fn take(&mut self, place: Place, request: RequestId) {
        self.0.entry(place).or_default().open_request = Some(request);
    }

    /// Frees whatever seat the request has by now.
    pub(super) fn release(&mut self, request: RequestId, quiet_until: Option<Timestamp>) {
        for row in self.0.values_mut().filter(|row| row.open_request == Some(request)) {
            *row = SeatStatusRow::new(row.generation + 1, None).quiet_until(quiet_until.or(row.quiet_until));
        }
    }

    pub(super) fn raise_generation(&mut self, place: Place) {
        self.0.entry(place).or_default().generation += 1;
    }

    /// Moves the seats of `from` to `to`, and answers with the requests that lose theirs.
    pub(super) fn merge(&mut self, from: AccountId, to: AccountId) -> Vec<RequestId> {
        let places: Vec<Place> = self.0.keys().filter(|place| place.account == from).cloned().collect();
        let mut losers = Vec::new();
        for place in places {
            let Some(row) = self.0.remove(&place) else { continue };
            let target = Place { account: to, ..place };
            let Some(other) = self.0.get(&target).copied() else {
                self.0.insert(target, row);
                continue;
            };
            losers.extend(row.open_request.zip(other.open_request).map(|(a, b)| a.max(b)));
            let open = row.open_request.into_iter().chain(other.open_request).min();
            let merged = SeatStatusRow::new(row.generation.max(other.generation) + 1, open);
            self.0.insert(target, merged.quiet_until(row.quiet_until.max(other.quiet_until)));
        }
        losers
    }
}
