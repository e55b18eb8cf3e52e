//! Changes that wait together, landed together: two calls for all of them, with a statement a table, as long as nothing
//! stands in the way of any.

use seatgate_core::port::Change;

use super::lane;
use super::writer::Desk;
use crate::batch::Batch;
use crate::changes::add_change;

const CHECK: &str = include_str!("together_check.sql");
const LAND: &str = include_str!("land.sql");

/// The lists in the order of the parameters.
const CHECKED: [&str; 7] = ["created", "grown", "fences", "takes", "sweeps", "deliveries", "answers"];
const LANDED: [&str; 16] = [
    "releases", "events", "opened", "moved", "asked", "tasks", "unsaved", "savings", "cards", "members", "texts",
    "subjects", "wanted", "replaced", "removed", "held",
];

/// Lists that only a change by itself may bring.
const RARE: [&str; 10] =
    ["unmoved", "leavers", "quiet", "bulks", "seals", "joins", "released", "directory", "settled", "edits"];

/// Lands all of these changes: `false` if one of them does not fit or brings something rare; then what was written must be
/// undone.
pub(super) async fn land(changes: &[&Change], desk: &mut Desk) -> Result<bool, sqlx::Error> {
    let mut parts = Vec::with_capacity(changes.len());
    for change in changes {
        let mut part = Batch::whole();
        add_change(change, &mut part)?;
        parts.push(part);
    }
    let Some(batch) = Batch::of(&parts.iter().collect::<Vec<_>>()) else { return Ok(false) };
    if RARE.iter().any(|list| batch.count(list) > 0) || !fit(&batch, desk).await? {
        return Ok(false);
    }
    append(&batch, desk).await?;
    for report in changes.iter().filter_map(|change| change.lane.as_ref()) {
        lane::report(report, desk).await?;
    }
    Ok(true)
}

/// Whether what these changes expect is so; what says so is written with it.
async fn fit(batch: &Batch, desk: &mut Desk) -> Result<bool, sqlx::Error> {
    let check = CHECKED.iter().fold(sqlx::query(CHECK), |check, list| check.bind(batch.list(list)));
    let fitting = check.fetch_all(&mut desk.connection).await?;
    Ok(fitting.len() >= CHECKED.iter().map(|list| batch.count(list)).sum())
}

/// Writes what lands once the checks have passed: of the lists, those that are there.
pub(super) async fn append(batch: &Batch, desk: &mut Desk) -> Result<(), sqlx::Error> {
    let now = desk.lease_clock.now().as_micros();
    let land = LANDED.iter().fold(sqlx::query(LAND), |land, list| land.bind(batch.list(list)));
    land.bind(now).execute(&mut desk.connection).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use seatgate_core::testing::World;

    use super::*;
    use crate::sqlite::SqliteStore;
    use crate::sqlite::writer::{Outcome, Work};

    /// Changes that must land together, if at all.
    struct Together(Vec<Change>);

    #[async_trait]
    impl Work for Together {
        type Answer = bool;
        const CONTEXT: &'static str = "landing together";

        async fn perform(&self, desk: &mut Desk) -> Result<Outcome<bool>, sqlx::Error> {
            let landed = land(&self.0.iter().collect::<Vec<_>>(), desk).await?;
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
}
