//! Why nothing was moved.

use seatgate_core::port::StoreError;
use seatgate_core::trail::Broken;

/// Why a move was given up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// There is nothing to move.
    #[error("there is no such file")]
    NoFile,
    /// Another release wrote the file.
    #[error("the file was written by another release")]
    Foreign,
    /// The target has rows already.
    #[error("the target is not empty: there are rows in {table}")]
    NotEmpty {
        /// In which table.
        table: &'static str,
    },
    /// Other rows arrived than were sent.
    #[error("{sent} rows of {table} were sent, but {found} arrived")]
    Differs {
        /// Which table.
        table: &'static str,
        /// How many the file has.
        sent: u64,
        /// How many the target had.
        found: u64,
    },
    /// The trail of the file does not verify: somebody changed it, or it is damaged.
    #[error("the trail does not verify")]
    Trail(#[from] Broken),
    /// A chain ends elsewhere than the file says, or has no entries.
    #[error("the trail does not verify: {stream} does not end where it should")]
    End {
        /// Which chain.
        stream: String,
    },
    /// One of the two databases failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
