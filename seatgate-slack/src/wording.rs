//! The words of everything that Slack shows: templates that can be replaced.

use std::sync::Arc;

/// Words for everything. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Wording {
    _templates: Arc<()>,
}

impl Wording {
    /// English: what everything says unless it is replaced.
    #[must_use]
    pub fn english() -> Self {
        Self::default()
    }
}
