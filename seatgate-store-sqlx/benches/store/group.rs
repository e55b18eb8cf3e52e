//! Decisions' commits on SQLite: 64 clients at once, and one alone. The baseline writes the same rows to a copy of the
//! same file, 64 decisions a transaction or one: one call of SQLite a decision, with all of its statements, and every
//! value computed before. At the end both files hold the same, which is checked.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use seatgate_core::port::{Change, RequestStore};
use seatgate_store_sqlx::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

use crate::figure::{Duel, Goal, rate, sized};
use crate::script::Script;
use crate::world;

pub(crate) async fn measure() {
    let (rounds, groups) = sized((7, 24), (1, 1));
    contest(64, rounds, groups, "SQLite: decisions' commits, 64 clients; plain SQL, 64 a transaction", 0.9).await;
    let (rounds, groups) = sized((7, 200), (1, 4));
    contest(1, rounds, groups, "SQLite: a decision's commit, one client; plain SQL, one a transaction", 1.0).await;
}

async fn contest(together: usize, rounds: usize, groups: usize, name: &str, goal: f64) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let size = groups * together;
    let changes = decisions(&file("ours.db"), rounds * size).await;
    std::fs::copy(file("ours.db"), file("theirs.db")).unwrap();
    std::fs::copy(file("ours.db"), file("after.db")).unwrap();
    let scripts = scripts(&file("after.db"), &changes).await;

    let ours = Arc::new(SqliteStore::open(file("ours.db")).await.unwrap());
    let mut theirs = plain(&file("theirs.db")).await;
    let mut duel = Duel::new(name, "/s");
    for (changes, scripts) in changes.chunks(size).zip(scripts.chunks(size)) {
        let baseline = run(scripts, together, &mut theirs).await;
        duel.round(world::commit_each(&ours, changes, together).await, baseline);
    }
    ours.close().await;
    theirs.close().await.unwrap();
    assert_same(&file("ours.db"), &file("theirs.db")).await;
    duel.tell(Goal::AtLeast(goal));
}

/// A file with as many open requests, and the changes that decide them.
async fn decisions(file: &Path, count: usize) -> Vec<Change> {
    let store = Arc::new(SqliteStore::open(file).await.unwrap());
    let gate = world::gate(Arc::clone(&store));
    let (_, requests) = world::sweep(&gate, 0, count, None).await;
    let changes = world::approvals(&gate, &requests).await;
    store.close().await;
    changes
}

/// What each of these changes does to the tables, as plain SQL.
async fn scripts(file: &Path, changes: &[Change]) -> Vec<Script> {
    let store = SqliteStore::open(file).await.unwrap();
    for changes in changes.chunks(256) {
        store.commit(changes.to_vec()).await.unwrap();
    }
    store.close().await;
    let mut after = plain(file).await;
    let mut scripts = Vec::new();
    for change in changes {
        scripts.push(Script::of_decision(change, &mut after).await);
    }
    after.close().await.unwrap();
    scripts
}

/// A connection with the settings that the store's own has, but that it copies the log itself, as often.
async fn plain(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("secure_delete", "ON")
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "-16384")
        .pragma("wal_autocheckpoint", "4000")
        .disable_statement_logging()
        .connect()
        .await
        .unwrap()
}

async fn run(scripts: &[Script], together: usize, connection: &mut SqliteConnection) -> f64 {
    let start = Instant::now();
    for scripts in scripts.chunks(together) {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        for script in scripts {
            script.run(&mut transaction).await;
        }
        transaction.commit().await.unwrap();
    }
    rate(scripts.len(), start.elapsed())
}

async fn assert_same(one: &Path, other: &Path) {
    let (mut one, mut other) = (plain(one).await, plain(other).await);
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut one).await.unwrap();
    assert!(tables.len() > 10);
    for table in tables {
        assert_eq!(content(&table, &mut one).await, content(&table, &mut other).await, "{table}");
    }
}

async fn content(table: &str, connection: &mut SqliteConnection) -> Vec<String> {
    let columns = AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')"));
    let columns: Vec<String> = sqlx::query_scalar(columns).fetch_all(&mut *connection).await.unwrap();
    let rows = AssertSqlSafe(format!("SELECT json_array({}) AS row FROM {table} ORDER BY row", columns.join(", ")));
    sqlx::query_scalar(rows).fetch_all(connection).await.unwrap()
}
