//! Policy: who is asked, when, for how long, and what silence means. Data, validated as a whole.
//!
//! A [`PolicyDraft`] is what a file and the environment say; [`Policy::from_draft`] finds every mistake in it at once
//! or makes a [`Policy`], which gives each app its effective [`Terms`].

mod draft;
mod problem;
pub(crate) mod read;
mod terms;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical::{sha256_hex, to_canonical};

pub use draft::PolicyDraft;
pub use problem::{PolicyProblem, PolicyProblems};
pub use terms::{HolderRelease, KeepReason, Mode, OnExpiry, RetryTerms, Terms};

/// The effective policy of every app. Valid as soon as it exists.
///
/// Serializes with its version, so that a stored policy keeps the version its requests bear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    version: String,
    default: Terms,
    apps: BTreeMap<String, Terms>,
}

impl Policy {
    /// The policy that `draft` says, with the defaults for what it leaves out. An app's own keys replace those of
    /// every app one by one; a list is replaced as a whole.
    ///
    /// # Errors
    /// When the draft has mistakes: all of them, each with its key.
    pub fn from_draft(draft: &PolicyDraft) -> Result<Self, PolicyProblems> {
        let (default, apps) = read::policy(draft.table())?;
        Ok(Self::new(default, apps))
    }

    /// An app whose terms are the default ones is left out, so that policies with the same effect have one version.
    fn new(default: Terms, mut apps: BTreeMap<String, Terms>) -> Self {
        apps.retain(|_, terms| *terms != default);
        Self { version: version(&default, &apps), default, apps }
    }

    /// The terms under which a seat of `app` is handled.
    #[must_use]
    pub fn terms(&self, app: &str) -> &Terms {
        self.apps.get(app).unwrap_or(&self.default)
    }

    /// The terms of every app that has none of its own.
    #[must_use]
    pub fn default_terms(&self) -> &Terms {
        &self.default
    }

    /// The apps with terms that differ from the default ones, by their ids.
    pub fn apps(&self) -> impl Iterator<Item = (&str, &Terms)> {
        self.apps.iter().map(|(app, terms)| (app.as_str(), terms))
    }

    /// What names this policy: 16 hexadecimal digits that depend on its effect alone.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(Terms::default(), BTreeMap::new())
    }
}

/// The first 16 digits of the SHA-256 of the canonical JSON.
fn version(default: &Terms, apps: &BTreeMap<String, Terms>) -> String {
    let value = serde_json::json!({ "default": default, "apps": apps });
    // Terms hold texts, truth values and integers of 32 bits, and these always have a canonical form.
    let canonical = to_canonical(&value).unwrap_or_default();
    sha256_hex(canonical.as_bytes()).chars().take(16).collect()
}

#[cfg(test)]
mod tests;
