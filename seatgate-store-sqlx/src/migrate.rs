//! Moving everything from a file to a database that several servers can share.

mod error;
mod trail;

use std::path::Path;

pub use self::error::MigrateError;
pub(crate) use self::trail::TrailCheck;
use crate::postgres::{PgOptions, PgStore, TakeOver};
use crate::sqlite::{HandOver, Table};

/// Every table, each after those that it refers to. The last fencing token, a table here and a sequence there, is moved
/// beside them.
pub(crate) const TABLES: [&str; 29] = [
    "streams",
    "events",
    "requests",
    "request_asked",
    "tasks",
    "savings",
    "seats",
    "agenda",
    "lanes",
    "cards",
    "card_requests",
    "sweeps",
    "bulk_sweeps",
    "batches",
    "inbound_ids",
    "sweep_rows",
    "exceptions",
    "accounts",
    "account_aliases",
    "people",
    "identities",
    "texts",
    "text_subjects",
    "directory",
    "absences",
    "delegations",
    "app_owners",
    "operators",
    TOKENS,
];
/// The table of the one number.
const TOKENS: &str = "agenda_token";

/// How far a move has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is under way.
    pub step: Step,
    /// How many rows of it are done.
    pub done: u64,
    /// How many there are.
    pub of: u64,
}

/// What is under way in a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The rows of all tables are copied.
    Copying,
    /// The copied trail is checked, entry by entry.
    Checking,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// How many rows each table has.
    pub tables: Vec<(&'static str, u64)>,
    /// How many chains the trail has.
    pub streams: u64,
    /// How many entries they have, all of which verify.
    pub entries: u64,
}

impl Moved {
    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

/// Moves everything from the SQLite file at `from` to an empty PostgreSQL database, all of it or nothing: requests, trail,
/// agenda, cards, people and exceptions come to stand there byte for byte, and every chain is verified before the move is
/// kept. The memory that it takes does not grow with the file.
///
/// No server may have the file open, and none can open it meanwhile. Nothing in it changes, but that it is migrated first
/// if it is of an earlier release; whoever starts a server on it afterwards has two that both act. The tables of the
/// target are made as by [`PgStore::open`]; servers that have it open already wait until the move has ended.
///
/// Leases are not moved: what was under one can be claimed at once, and the claim says that a lease was lost. Fencing
/// tokens go on where they were.
///
/// # Errors
/// When there is no such file, a server has it open, another release wrote it, or it is damaged; when the target is not
/// empty or cannot be reached; when what arrived is not what was sent. Then the target stays empty, unless the error is a
/// [`StoreErrorKind::Unknown`](seatgate_core::port::StoreErrorKind::Unknown): the reply to the commit was lost, and the
/// target holds everything or nothing.
///
/// # Cancel safety
/// Dropping the future before its end leaves the target with everything or with nothing.
pub async fn sqlite_to_postgres(
    from: &Path,
    to: impl Into<PgOptions>,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Moved, MigrateError> {
    let mut source = HandOver::open(from).await?;
    let target = PgStore::open(to).await?;
    let moved = move_all(&mut source, &target, &mut progress).await;
    target.close().await;
    source.close().await;
    moved
}

async fn move_all(
    source: &mut HandOver,
    target: &PgStore,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<Moved, MigrateError> {
    let mut target = target.take_over().await?;
    let mut tables = Vec::with_capacity(TABLES.len());
    for name in TABLES.into_iter().filter(|name| *name != TOKENS) {
        tables.push(source.table(name).await?);
    }
    let (of, mut done) = (tables.iter().map(|table| table.rows).sum(), 0);
    for table in &tables {
        copy(table, source, &mut target, |rows| {
            done += rows;
            progress(Progress { step: Step::Copying, done, of });
        })
        .await?;
    }
    target.continue_numbers(source.last_token().await?).await?;
    for table in &tables {
        let found = target.count(table.name).await?;
        if found != table.rows {
            return Err(MigrateError::Differs { table: table.name, sent: table.rows, found });
        }
    }
    let of = tables.iter().find(|table| table.name == "events").map_or(0, |events| events.rows);
    let (streams, entries) = target.check_trail(|done| progress(Progress { step: Step::Checking, done, of })).await?;
    target.keep().await?;
    let tables = tables.iter().map(|table| (table.name, table.rows)).collect();
    Ok(Moved { tables, streams, entries })
}

/// Copies a table page by page, and says how many rows each page had.
async fn copy(
    table: &Table,
    source: &mut HandOver,
    target: &mut TakeOver,
    mut copied: impl FnMut(u64) + Send,
) -> Result<(), MigrateError> {
    let mut last = None;
    loop {
        let page = source.page(table, last.as_deref()).await?;
        if page.is_empty() {
            return Ok(());
        }
        target.take(table.name, &table.columns, &page).await?;
        copied(page.len() as u64);
        last = page.into_iter().next_back();
    }
}
