//! How an effect, or a look into a store, can fail.

use crate::time::Timestamp;

/// How an effect on the outside ended when it did not succeed. There are three ways, and whatever cannot be classified
/// is the third.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EffectErrorKind {
    /// Certainly not performed: a refused connection, 429, 503. It is repeated.
    NotDone,
    /// Refused for good: it needs a human.
    Rejected,
    /// It may have been performed: a time-out, a reset, 500, 502, 504.
    Unknown,
}

/// An effect that did not succeed.
///
/// The detail is shown to operators and kept with the request's texts: say what the target said, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct EffectError {
    kind: EffectErrorKind,
    detail: String,
    retry_at: Option<Timestamp>,
    target_gone: bool,
}

impl EffectError {
    /// Certainly not performed.
    #[must_use]
    pub fn not_done(detail: impl Into<String>) -> Self {
        Self { kind: EffectErrorKind::NotDone, detail: detail.into(), retry_at: None, target_gone: false }
    }

    /// Refused for good.
    #[must_use]
    pub fn rejected(detail: impl Into<String>) -> Self {
        Self { kind: EffectErrorKind::Rejected, detail: detail.into(), retry_at: None, target_gone: false }
    }

    /// Nobody knows.
    #[must_use]
    pub fn unknown(detail: impl Into<String>) -> Self {
        Self { kind: EffectErrorKind::Unknown, detail: detail.into(), retry_at: None, target_gone: false }
    }

    /// The target wants to be asked again then. Only heeded for [`EffectErrorKind::NotDone`].
    #[must_use]
    pub fn retry_at(mut self, at: Timestamp) -> Self {
        self.retry_at = Some(at);
        self
    }

    /// The target says that it no longer exists: its lane is closed for an hour, so that the others in it are not refused
    /// one by one. Each of those hours lets a call through, and the first one that works opens the lane.
    #[must_use]
    pub fn target_gone(mut self) -> Self {
        self.target_gone = true;
        self
    }

    /// Which of the three.
    #[must_use]
    pub fn kind(&self) -> EffectErrorKind {
        self.kind
    }

    /// What happened.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether the target says that it no longer exists.
    #[must_use]
    pub fn is_target_gone(&self) -> bool {
        self.target_gone
    }

    /// When the target wants to be asked again.
    #[must_use]
    pub fn wanted_at(&self) -> Option<Timestamp> {
        self.retry_at
    }
}

/// What went wrong in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It could not be reached, or is too busy. Nothing was written; try again.
    Unavailable,
    /// The answer was lost: a write may have happened. Repeating the same change is safe.
    Unknown,
    /// It holds something that cannot be read.
    Corrupt,
}

/// A store did not do its part.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct StoreError {
    kind: StoreErrorKind,
    context: &'static str,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// A failure of this kind while doing `context`.
    #[must_use]
    pub fn new(kind: StoreErrorKind, context: &'static str) -> Self {
        Self { kind, context, source: None }
    }

    /// With what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}
