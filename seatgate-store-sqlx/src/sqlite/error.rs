//! What the ports say when SQLite fails. Judged by type and code, never by a message.

use seatgate_core::port::{StoreError, StoreErrorKind};

/// Primary result codes (<https://www.sqlite.org/rescode.html>) after which nothing was written and a later try may
/// succeed.
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const NOMEM: i32 = 7;
    pub(super) const READONLY: i32 = 8;
    pub(super) const INTERRUPT: i32 = 9;
    pub(super) const IOERR: i32 = 10;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const PROTOCOL: i32 = 15;
}

/// The primary result code, if SQLite itself refused.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// What an error says that came before any `COMMIT`: nothing was written.
fn kind(error: &sqlx::Error) -> StoreErrorKind {
    use code::{BUSY, CANTOPEN, FULL, INTERRUPT, IOERR, LOCKED, NOMEM, PROTOCOL, READONLY};
    let passes =
        |code| matches!(code, BUSY | LOCKED | NOMEM | READONLY | INTERRUPT | IOERR | FULL | CANTOPEN | PROTOCOL);
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            StoreErrorKind::Unavailable
        }
        _ if primary_code(error).is_some_and(passes) => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Corrupt,
    }
}

/// Whether somebody else has the file locked: in a log ahead of the file, that shows when a transaction begins.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(code::BUSY | code::LOCKED))
}

/// What an error of `COMMIT` says. Whoever is refused for being busy, or for want of room, has written nothing; any other
/// failure may show after a crash as a commit.
pub(super) fn commit_kind(error: &sqlx::Error) -> StoreErrorKind {
    match primary_code(error) {
        Some(code::BUSY | code::LOCKED | code::FULL) => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Unknown,
    }
}

/// A failure while doing `context`, before any `COMMIT`.
pub(super) fn store_error(context: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| StoreError::new(kind(&error), context).caused_by(error)
}
