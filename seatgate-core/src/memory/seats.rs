//! Which seats are asked about, and how often that has changed.

use std::collections::BTreeMap;

use crate::id::{AccountId, PersonRef, RequestId};
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
pub(super) struct Seats {
    rows: BTreeMap<Place, SeatStatusRow>,
    /// Who is being offboarded, by which request.
    leaving: BTreeMap<PersonRef, RequestId>,
}

impl Seats {
    pub(super) fn row(&self, place: &Place) -> SeatStatusRow {
        self.rows.get(place).copied().unwrap_or_default()
    }

    pub(super) fn take(&mut self, place: Place, request: RequestId) {
        self.rows.entry(place).or_default().open_request = Some(request);
    }

    /// The open request about the person's leaving.
    pub(super) fn leaving(&self, person: PersonRef) -> Option<RequestId> {
        self.leaving.get(&person).copied()
    }

    pub(super) fn take_person(&mut self, person: PersonRef, request: RequestId) {
        self.leaving.insert(person, request);
    }

    /// Frees whatever seat or person the request has by now.
    pub(super) fn release(&mut self, request: RequestId, quiet_until: Option<Timestamp>) {
        self.leaving.retain(|_, leaver| *leaver != request);
        for row in self.rows.values_mut().filter(|row| row.open_request == Some(request)) {
            *row = SeatStatusRow::new(row.generation + 1, None).quiet_until(quiet_until.or(row.quiet_until));
        }
    }

    pub(super) fn raise_generation(&mut self, place: Place) {
        self.rows.entry(place).or_default().generation += 1;
    }

    /// Moves the seats of `from` to `to`, and answers with the requests that lose theirs.
    pub(super) fn merge(&mut self, from: AccountId, to: AccountId) -> Vec<RequestId> {
        let places: Vec<Place> = self.rows.keys().filter(|place| place.account == from).cloned().collect();
        let mut losers = Vec::new();
        for place in places {
            let Some(row) = self.rows.remove(&place) else { continue };
            let target = Place { account: to, ..place };
            let Some(other) = self.rows.get(&target).copied() else {
                self.rows.insert(target, row);
                continue;
            };
            losers.extend(row.open_request.zip(other.open_request).map(|(a, b)| a.max(b)));
            let open = row.open_request.into_iter().chain(other.open_request).min();
            let merged = SeatStatusRow::new(row.generation.max(other.generation) + 1, open);
            self.rows.insert(target, merged.quiet_until(row.quiet_until.max(other.quiet_until)));
        }
        losers
    }
}
