//! Sweeps of any length: what is kept of their rows until they are asked about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical::Digest;
use crate::id::SweepId;
use crate::seat::AppId;
use crate::time::Timestamp;

/// What makes a sweep one whose rows come in batches, and are asked about once it is sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bulk {
    /// What the sender calls where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether nobody is asked: the answers say who would have been.
    #[serde(default)]
    pub dry_run: bool,
    /// How many seats these apps have in all, in place of what the policy says.
    #[serde(default)]
    pub seats: BTreeMap<AppId, u32>,
    /// Since when it takes no more rows. Kept beside the rest, as the one thing that changes.
    #[serde(skip)]
    pub sealed_at: Option<Timestamp>,
}

impl Bulk {
    /// Open for rows.
    #[must_use]
    pub fn new(source: Option<String>, dry_run: bool, seats: BTreeMap<AppId, u32>) -> Self {
        Self { source, dry_run, seats, sealed_at: None }
    }

    /// Closed for rows since then, if it is.
    #[must_use]
    pub fn sealed(mut self, at: Option<Timestamp>) -> Self {
        self.sealed_at = at;
        self
    }
}

/// A row as it is kept until it is asked about. Holds personal data: never log it.
///
/// Nobody has looked yet whose it is, so erasing a person does not reach it: it goes when its sweep is worked off.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchRow {
    /// Of what was sent, so that the same row sent again is known.
    pub digest: Digest,
    /// The candidate as it was received, on one line. Empty for a row that was rejected at once.
    pub text: String,
}

impl BatchRow {
    /// A row with this digest.
    #[must_use]
    pub fn new(digest: Digest, text: String) -> Self {
        Self { digest, text }
    }
}

/// Rows of one sweep that came together.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// Of this sweep.
    pub sweep: SweepId,
    /// The number of the first.
    pub from: u32,
    /// When they came.
    pub received_at: Timestamp,
    /// They, in order.
    pub rows: Vec<BatchRow>,
}

impl Batch {
    /// These rows of `sweep`, numbered from `from`.
    #[must_use]
    pub fn new(sweep: SweepId, from: u32, received_at: Timestamp, rows: Vec<BatchRow>) -> Self {
        Self { sweep, from, received_at, rows }
    }

    /// The number after that of its last row.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.from.saturating_add(u32::try_from(self.rows.len()).unwrap_or(u32::MAX))
    }
}

/// The end of a sweep's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seal {
    /// Which sweep.
    pub sweep: SweepId,
    /// How many rows it has.
    pub rows: u32,
    /// When.
    pub at: Timestamp,
}

impl Seal {
    /// `sweep` ends with so many rows.
    #[must_use]
    pub fn new(sweep: SweepId, rows: u32, at: Timestamp) -> Self {
        Self { sweep, rows, at }
    }
}
