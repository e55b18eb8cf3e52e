//! Exceptions.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::id::ExceptionId;
use crate::port::{EffectError, Exception, ExceptionStore, NamedSeat, StoreError};
use crate::time::Timestamp;

/// Every exception that was ever filed.
#[derive(Default)]
pub(super) struct Exceptions(BTreeMap<ExceptionId, Exception>);

impl State {
    /// Of several exceptions for a seat, the one that holds longest.
    fn active_exception(&self, seat: &NamedSeat, now: Timestamp) -> Option<&Exception> {
        let place = self.accounts.seat_key(&seat.seat);
        let covers =
            |exception: &&Exception| exception.is_active(now) && self.accounts.seat_key(&exception.seat) == place;
        self.exceptions.0.values().filter(covers).max_by_key(|exception| exception.until)
    }

    fn file(&mut self, exception: &Exception) {
        if let Entry::Vacant(entry) = self.exceptions.0.entry(exception.id) {
            entry.insert(exception.clone());
            self.seats.raise_generation(self.accounts.seat_key(&exception.seat));
        }
    }
}

#[async_trait]
impl ExceptionStore for MemoryStore {
    async fn active(&self, seats: &[NamedSeat], now: Timestamp) -> Result<Vec<Option<Exception>>, StoreError> {
        let state = self.state();
        Ok(seats.iter().map(|seat| state.active_exception(seat, now).cloned()).collect())
    }

    async fn file(&self, exception: &Exception) -> Result<(), EffectError> {
        self.state().file(exception);
        Ok(())
    }

    async fn revoke(&self, id: ExceptionId, now: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.state();
        let held = state.exceptions.0.get_mut(&id).filter(|exception| exception.is_active(now));
        Ok(held.map(|exception| exception.revoked_at = Some(now)).is_some())
    }

    async fn list(
        &self,
        now: Timestamp,
        after: Option<ExceptionId>,
        limit: usize,
    ) -> Result<Vec<Exception>, StoreError> {
        let state = self.state();
        let fits = |exception: &&Exception| exception.is_active(now) && after.is_none_or(|after| exception.id > after);
        Ok(state.exceptions.0.values().filter(fits).take(limit).cloned().collect())
    }
}
