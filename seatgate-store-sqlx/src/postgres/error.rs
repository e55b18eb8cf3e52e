//! What the ports say when PostgreSQL fails. Judged by type and code, never by a message.

use seatgate_core::port::{StoreError, StoreErrorKind};

/// SQLSTATEs (<https://www.postgresql.org/docs/current/errcodes-appendix.html>), or classes of them.
mod code {
    /// Two transactions got in each other's way, and this one was undone: serialization, and deadlock.
    pub(super) const CROSSED: [&str; 2] = ["40001", "40P01"];
    /// The server goes, and takes the connection along: it may have committed before.
    pub(super) const GOING: [&str; 3] = ["57P01", "57P02", "57P05"];
    /// Undone, and a later try may succeed: the connection was refused, the transaction was undone, room or connections
    /// are short, a lock or a statement took too long, the server starts or only reads, its disk fails.
    pub(super) const PASSES: [&str; 7] = ["08", "25", "40", "53", "55", "57", "58"];
}

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Into::into)
}

/// Whether a transaction was undone because of another one, so that it succeeds when it is repeated at once.
pub(super) fn is_crossed(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|state| code::CROSSED.contains(&state.as_str()))
}

/// What the failure of a statement says that changes nothing, or that never began.
fn read_kind(error: &sqlx::Error) -> StoreErrorKind {
    let passes = |state: String| code::PASSES.iter().any(|class| state.starts_with(class));
    match error {
        sqlx::Error::Database(_) if !sqlstate(error).is_some_and(passes) => StoreErrorKind::Corrupt,
        sqlx::Error::Decode(_) | sqlx::Error::Encode(_) | sqlx::Error::ColumnDecode { .. } => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Unavailable,
    }
}

/// What the failure of a write says once it was sent. What PostgreSQL refuses is undone; without its answer, or as it
/// goes, nobody knows.
fn write_kind(error: &sqlx::Error) -> StoreErrorKind {
    let going = |state: String| code::GOING.contains(&state.as_str());
    match error {
        sqlx::Error::Database(_) if sqlstate(error).is_none_or(going) => StoreErrorKind::Unknown,
        sqlx::Error::Database(_) | sqlx::Error::Encode(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
            read_kind(error)
        }
        _ => StoreErrorKind::Unknown,
    }
}

/// Whether PostgreSQL said that it has undone the transaction, and stays.
pub(super) fn is_undone(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|state| !code::GOING.contains(&state.as_str()))
}

/// What a failure says: of a write that was sent, or of anything else.
pub(super) fn kind(error: &sqlx::Error, written: bool) -> StoreErrorKind {
    if written { write_kind(error) } else { read_kind(error) }
}

/// A failure while reading for `context`, or before anything was sent.
pub(super) fn store_error(context: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| StoreError::new(read_kind(&error), context).caused_by(error)
}

/// A failure of a write for `context`.
pub(super) fn write_error(context: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| StoreError::new(write_kind(&error), context).caused_by(error)
}
