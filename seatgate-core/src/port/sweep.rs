//! Sweeps as they are kept: the deliveries that brought them, and what became of each row.

use serde::{Deserialize, Serialize};

use crate::canonical::Digest;
use crate::id::{RequestId, SweepId};
use crate::label::labels;
use crate::person::{Actor, TextRef};
use crate::port::Bulk;
use crate::time::Timestamp;

/// A signed delivery, so that a repeated one is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inbound {
    /// The delivery's id.
    pub id: String,
    /// SHA-256 of its body.
    pub digest: Digest,
    /// The number of its first row in the sweep. More than 0 only where it joined one.
    pub first_row: u32,
}

impl Inbound {
    /// A delivery that brings a sweep of its own.
    #[must_use]
    pub fn new(id: String, digest: Digest) -> Self {
        Self { id, digest, first_row: 0 }
    }

    /// Its rows come after those that the sweep had.
    #[must_use]
    pub fn from_row(mut self, first_row: u32) -> Self {
        self.first_row = first_row;
        self
    }
}

/// One scan's batch of candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepRecord {
    /// Which.
    pub id: SweepId,
    /// The delivery that brought it, if it was a signed one; asked for by a delivery, that one.
    pub inbound: Option<Inbound>,
    /// Who handed it in.
    pub submitted_by: Actor,
    /// When; asked for by a delivery, when that one came.
    pub received_at: Timestamp,
    /// How many rows it has, those of every delivery.
    pub rows: u32,
    /// Where its rows come in batches.
    pub bulk: Option<Bulk>,
}

impl SweepRecord {
    /// A sweep without rows.
    #[must_use]
    pub fn new(id: SweepId, inbound: Option<Inbound>, submitted_by: Actor, received_at: Timestamp) -> Self {
        Self { id, inbound, submitted_by, received_at, rows: 0, bulk: None }
    }

    /// With so many rows.
    #[must_use]
    pub fn with_rows(mut self, rows: u32) -> Self {
        self.rows = rows;
        self
    }

    /// With rows that come in batches.
    #[must_use]
    pub fn in_bulk(mut self, bulk: Option<Bulk>) -> Self {
        self.bulk = bulk;
        self
    }

    /// Whether batches of rows may still come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.bulk.as_ref().is_some_and(|bulk| bulk.sealed_at.is_none())
    }
}

/// More rows for a sweep that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Join {
    /// Which.
    pub sweep: SweepId,
    /// The delivery that brings them, if it is a signed one. Its first row is `from`.
    pub inbound: Option<Inbound>,
    /// How many rows the sweep has before.
    pub from: u32,
    /// How many these are.
    pub rows: u32,
    /// When they came.
    pub received_at: Timestamp,
}

impl Join {
    /// So many rows for `sweep`, after the `from` that it has.
    #[must_use]
    pub fn new(sweep: SweepId, inbound: Option<Inbound>, from: u32, rows: u32, received_at: Timestamp) -> Self {
        let inbound = inbound.map(|inbound| inbound.from_row(from));
        Self { sweep, inbound, from, rows, received_at }
    }
}

labels! {
    /// What became of one row.
    RowStatus {
        /// Somebody is asked.
        Asked = "asked",
        /// The seat is asked about already.
        Duplicate = "duplicate",
        /// An exception covers the seat.
        Excepted = "excepted",
        /// The policy does not ask about such a seat.
        Filtered = "filtered",
        /// Over a limit, until released.
        Held = "held",
        /// It cannot be used.
        Rejected = "rejected",
        /// A dry run asks nobody.
        SuppressedDryRun = "suppressed_dry_run",
        /// Kept, and not looked at yet. No answer that is stored: whatever a sweep in bulk has no answer to is received.
        Received = "received",
    }
}

/// What is wrong with a row: a field, by JSON pointer, and what is expected there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// A short name for the kind of problem.
    pub title: String,
    /// What is expected.
    pub detail: String,
    /// Where.
    pub pointer: String,
}

impl Problem {
    /// Something wrong at `pointer`.
    #[must_use]
    pub fn new(title: impl Into<String>, detail: impl Into<String>, pointer: impl Into<String>) -> Self {
        Self { title: title.into(), detail: detail.into(), pointer: pointer.into() }
    }
}

/// The answer to one row of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RowResult {
    /// Which row, from 0.
    pub row: u32,
    /// What became of it.
    pub status: RowStatus,
    /// The request that asks about the seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// What is wrong with it, or why it was filtered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What was received, as it is kept while the row is held. Not for the outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<TextRef>,
    /// When it was received, as that is kept while the row is held. Not for the outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
}

impl RowResult {
    /// The answer to `row`.
    #[must_use]
    pub fn new(row: u32, status: RowStatus) -> Self {
        Self { row, status, request_id: None, problem: None, candidate: None, received_at: None }
    }

    /// With the request that asks about the seat.
    #[must_use]
    pub fn about(mut self, request: RequestId) -> Self {
        self.request_id = Some(request);
        self
    }

    /// With what was received, and when, so that the row can be released.
    #[must_use]
    pub fn keeping(mut self, candidate: TextRef, received_at: Timestamp) -> Self {
        (self.candidate, self.received_at) = (Some(candidate), Some(received_at));
        self
    }

    /// With what is wrong.
    #[must_use]
    pub fn because(mut self, problem: Problem) -> Self {
        self.problem = Some(problem);
        self
    }
}
