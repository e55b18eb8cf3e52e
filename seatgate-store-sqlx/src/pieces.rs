//! Work that is done in pieces.

use seatgate_core::port::{StoreError, StoreErrorKind};

/// What to say about work done in pieces of which some failed: that nothing was written only if that is certain.
pub(crate) fn whole_failure(mut failures: Vec<StoreError>, landed: bool, context: &'static str) -> Option<StoreError> {
    let unknown = failures.iter().position(|failure| failure.kind() == StoreErrorKind::Unknown);
    let worst = (!failures.is_empty()).then(|| failures.swap_remove(unknown.unwrap_or_default()))?;
    if landed { Some(StoreError::new(StoreErrorKind::Unknown, context).caused_by(worst)) } else { Some(worst) }
}
