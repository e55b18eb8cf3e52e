//! What a store's failure says to others.

use seatgate_core::port::{EffectError, StoreError, StoreErrorKind};

/// The same failure as an effect's.
pub(crate) fn effect_error(error: &StoreError) -> EffectError {
    match error.kind() {
        StoreErrorKind::Unavailable => EffectError::not_done(error.to_string()),
        _ => EffectError::unknown(error.to_string()),
    }
}
