//! Changes that wait together, landed together: one call for all of them, as long as nothing stands in the way of any.

use seatgate_core::port::Change;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor as _};

use super::lane;
use super::writer::Desk;
use crate::batch::Batch;
use crate::changes::add_change;

/// The views into which lists of rows are inserted, and the triggers that land them.
const LANDING: &str = include_str!("landing.sql");

/// The columns of the view with what is expected, then those of the view with what lands.
const CHECKED: [&str; 7] = ["created", "grown", "fences", "takes", "sweeps", "deliveries", "answers"];
const LANDED: [&str; 16] = [
    "releases", "events", "opened", "moved", "asked", "tasks", "unsaved", "savings", "cards", "members", "texts",
    "subjects", "wanted", "replaced", "removed", "held",
];

const APPEND: &str =
    "INSERT INTO landing VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
/// One statement: outside of a transaction it is one by itself, for which SQLite keeps no copies of pages to undo it alone,
/// and one answer of the driver's thread, each of which wakes the writer.
const LAND: &str =
    "INSERT INTO whole VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
    $18, $19, $20, $21, $22, $23, $24)";

/// Lists that only a change by itself may bring.
const RARE: [&str; 10] =
    ["unmoved", "leavers", "quiet", "bulks", "seals", "joins", "released", "directory", "settled", "edits"];

/// Prepares a connection for landing, once its tables are there. A SQLite before 3.51, as a host application may bring it,
/// gives the elements of a list as text alone, and reads that anew for each of their columns.
pub(super) async fn prepare(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let binary = connection.execute("SELECT 1 FROM jsonb_each('[]')").await.is_ok();
    let landing = if binary { LANDING.to_owned() } else { in_text() };
    sqlx::raw_sql(AssertSqlSafe(landing)).execute(connection).await.map(|_| ())
}

fn in_text() -> String {
    LANDING.replace("jsonb_each", "json_each")
}

/// Everything that these changes bring, to land together. None: they cannot.
pub(super) fn gather(changes: &[&Change]) -> Result<Option<Batch>, sqlx::Error> {
    let mut parts = Vec::with_capacity(changes.len());
    for change in changes {
        let mut part = Batch::whole();
        add_change(change, &mut part)?;
        parts.push(part);
    }
    let batch = Batch::of(&parts.iter().collect::<Vec<_>>());
    Ok(batch.filter(|batch| RARE.iter().all(|list| batch.count(list) == 0)))
}

/// Whether [`commit`] can land it: what is said about lanes has statements of its own.
pub(super) fn is_whole(batch: &Batch) -> bool {
    batch.count("lanes") == 0
}

/// Lands a batch, outside of a transaction in one of its own. On an error nothing of it is kept.
pub(super) async fn commit(batch: &Batch, desk: &mut Desk) -> Result<(), sqlx::Error> {
    call(LAND, &CHECKED, batch, desk).await
}

/// Lands these changes, of which this is the batch. On an error one of them does not fit, and what was written must be
/// undone.
pub(super) async fn land(batch: &Batch, changes: &[&Change], desk: &mut Desk) -> Result<(), sqlx::Error> {
    commit(batch, desk).await?;
    for report in changes.iter().filter_map(|change| change.lane.as_ref()) {
        lane::report(report, desk).await?;
    }
    Ok(())
}

/// Writes what lands once the checks have passed.
pub(super) async fn append(batch: &Batch, desk: &mut Desk) -> Result<(), sqlx::Error> {
    call(APPEND, &[], batch, desk).await
}

async fn call(sql: &'static str, checked: &[&str], batch: &Batch, desk: &mut Desk) -> Result<(), sqlx::Error> {
    let now = desk.lease_clock.now().as_micros();
    let landed = LANDED.iter().fold(sqlx::query(sql), |call, list| call.bind(batch.list(list))).bind(now);
    let call = checked.iter().fold(landed, |call, list| call.bind(batch.list(list)));
    call.execute(&mut desk.connection).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use seatgate_core::port::SystemClock;
    use seatgate_core::testing::World;

    use super::*;
    use crate::sqlite::writer::{Outcome, Work};
    use crate::sqlite::{SqliteStore, open};

    /// Changes that must land together, if at all.
    struct Together(Vec<Change>);

    #[async_trait]
    impl Work for Together {
        type Answer = bool;
        const CONTEXT: &'static str = "landing together";

        async fn perform(&self, desk: &mut Desk) -> Result<Outcome<bool>, sqlx::Error> {
            let changes: Vec<_> = self.0.iter().collect();
            let batch = gather(&changes)?.unwrap();
            let landed = land(&batch, &changes, desk).await.is_ok();
            Ok(if landed { Outcome::Keep(true) } else { Outcome::Undo(false) })
        }
    }

    #[tokio::test]
    async fn changes_that_fit_land_in_one_go_and_one_that_does_not_fit_stops_all() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("seatgate.db")).await.unwrap();
        let world = World::new(1);
        let mut chains: Vec<_> = (0..70).map(|_| world.new_chain()).collect();
        for _ in 0..2 {
            let mut changes: Vec<_> = chains.iter_mut().map(|chain| world.change(chain)).collect();
            let open = || world.opened_change(&world.seat(world.account_id()), 0, world.person_ref());
            changes.extend(std::iter::repeat_with(open).take(10));
            assert!(store.writer.perform(Together(changes.clone())).await.unwrap());
            assert!(!store.writer.perform(Together(changes)).await.unwrap(), "they are known");
        }
        store.close().await;
    }

    #[tokio::test]
    async fn one_call_keeps_a_batch_that_fits_and_nothing_of_one_that_does_not() {
        keeps_what_fits(LANDING.to_owned()).await;
    }

    #[tokio::test]
    async fn so_it_does_with_an_older_sqlite() {
        let landing = in_text();
        assert!(!landing.contains("jsonb_"));
        keeps_what_fits(landing).await;
    }

    async fn keeps_what_fits(landing: String) {
        let folder = tempfile::tempdir().unwrap();
        let (path, _guard) = open::own(&folder.path().join("seatgate.db")).unwrap();
        let mut connection = open::writing(open::connect_options(&path)).await.unwrap();
        open::migrate(&mut connection).await.unwrap();
        connection.execute(AssertSqlSafe(landing)).await.unwrap();
        let mut desk = Desk { connection, lease_clock: Arc::new(SystemClock) };
        let world = World::new(1);
        let mut chain = world.new_chain();
        let (first, second) = (world.change(&mut chain), world.change(&mut chain));
        let fresh = world.change(&mut world.new_chain());
        for (changes, fits) in [(vec![&first], true), (vec![&fresh, &first], false), (vec![&second, &fresh], true)] {
            let batch = gather(&changes).unwrap().unwrap();
            assert_eq!(commit(&batch, &mut desk).await.is_ok(), fits);
            assert!(desk.connection.execute("ROLLBACK").await.is_err(), "the transaction has ended");
        }
        let kept: i64 =
            sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&mut desk.connection).await.unwrap();
        assert_eq!(kept, 3);
    }
}
