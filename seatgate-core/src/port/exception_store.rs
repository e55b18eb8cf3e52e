//! Exceptions: dated, reasoned "do not ask again".

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::id::{ExceptionId, RequestId};
use crate::person::{Actor, TextRef};
use crate::port::{EffectError, StoreError};
use crate::seat::{AccountNames, Seat};
use crate::time::Timestamp;

/// A seat that is not asked about until `until`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exception {
    /// Which.
    pub id: ExceptionId,
    /// For which seat.
    pub seat: Seat,
    /// Until when, exclusive.
    pub until: Timestamp,
    /// Why.
    pub reason: Option<TextRef>,
    /// Who decided it.
    pub filed_by: Actor,
    /// When it was decided.
    pub filed_at: Timestamp,
    /// In answer to which request.
    pub request: Option<RequestId>,
    /// Since when it does not hold any more.
    pub revoked_at: Option<Timestamp>,
}

impl Exception {
    /// An exception for `seat`.
    #[must_use]
    pub fn new(id: ExceptionId, seat: Seat, until: Timestamp, filed_by: Actor, filed_at: Timestamp) -> Self {
        Self { id, seat, until, reason: None, filed_by, filed_at, request: None, revoked_at: None }
    }

    /// Whether it holds at `now`.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        now < self.until && self.revoked_at.is_none()
    }
}

/// A seat with the names that a store outside ours can match by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedSeat {
    /// The seat.
    pub seat: Seat,
    /// The account's own names.
    pub account: AccountNames,
}

impl NamedSeat {
    /// A seat with its names.
    #[must_use]
    pub fn new(seat: Seat, account: AccountNames) -> Self {
        Self { seat, account }
    }
}

/// Keeps exceptions.
///
/// # Contract
/// - **ES-1** `file` is idempotent by id: filing again changes nothing, and filing a revoked id does not revive it.
/// - **ES-2** After `Ok` from `file`, `active` finds the exception, also in another process, until its end.
/// - **ES-3** A store that also is the gate's [`RequestStore`](crate::port::RequestStore) raises the generation of the
///   seat in the transaction that files, so that a sweep which has read before cannot ask. For any other store the gate
///   asks again just before a removal begins.
/// - **ES-4** `active` judges by the `now` it is given, and answers in the order of the question.
/// - **ES-5** `revoke` is idempotent, and says whether there was an exception that held.
///
/// # Cancel safety
/// Dropping the future of `file` or `revoke` leaves it unknown whether it was done; both may be repeated.
#[async_trait]
pub trait ExceptionStore: Send + Sync {
    /// The exception that covers each seat at `now`, if one does.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn active(&self, seats: &[NamedSeat], now: Timestamp) -> Result<Vec<Option<Exception>>, StoreError>;

    /// Files an exception.
    ///
    /// # Errors
    /// As for a removal: not done, rejected, or unknown.
    async fn file(&self, exception: &Exception) -> Result<(), EffectError>;

    /// Ends an exception now.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn revoke(&self, id: ExceptionId, now: Timestamp) -> Result<bool, StoreError>;

    /// Every exception that holds at `now`, by id, after `after`, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn list(
        &self,
        now: Timestamp,
        after: Option<ExceptionId>,
        limit: usize,
    ) -> Result<Vec<Exception>, StoreError>;
}
