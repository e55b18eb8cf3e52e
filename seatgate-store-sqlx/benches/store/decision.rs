//! A decision's commit on PostgreSQL. The baseline is pgbench, PostgreSQL's own load generator in C, which calls the very
//! same function with changes of the same kind: what it adds to the statement is one look-up by key, for where we send the
//! change with each call it reads it from a table.

use std::process::Command;

use seatgate_core::port::Change;

use crate::cluster;
use crate::database::{self, Database};
use crate::figure::{Duel, Goal, sized};
use crate::world;

/// What the store calls (`src/postgres/commit.rs`), with a change from the table.
const SCRIPT: &str = r"
\set i :i + 1
\set n :first + :client_id + :i * :clients
SELECT commit_together(batch::jsonb, opened, moved, events, texts) FROM recorded WHERE n = :n;
";

/// In the place of the store's function: takes its calls down instead of performing them.
const RECORD: &str = "
CREATE TABLE recorded (n bigint GENERATED ALWAYS AS IDENTITY (START 0 MINVALUE 0) PRIMARY KEY, batch text NOT NULL,
    opened text[] NOT NULL, moved text[] NOT NULL, events text[] NOT NULL, texts text[] NOT NULL);
ALTER TABLE recorded ALTER COLUMN batch SET STORAGE EXTERNAL, ALTER COLUMN moved SET STORAGE EXTERNAL,
    ALTER COLUMN events SET STORAGE EXTERNAL;
ALTER FUNCTION commit_together(jsonb, text[], text[], text[], text[]) RENAME TO real_commit_together;
CREATE FUNCTION commit_together(batch jsonb, opened text[], moved text[], events text[], texts text[]) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO recorded (batch, opened, moved, events, texts) VALUES (batch::text, opened, moved, events, texts);
    RETURN 'committed';
END $$;";
const PERFORM: &str = "
DROP FUNCTION commit_together(jsonb, text[], text[], text[], text[]);
ALTER FUNCTION real_commit_together(jsonb, text[], text[], text[], text[]) RENAME TO commit_together;";

const DECIDED: &str = "SELECT count(*) FROM requests WHERE decider IS NOT NULL";

pub(crate) async fn measure() {
    for clients in [8, 32] {
        let (rounds, size) = sized((7, 1024), (1, 32));
        let Some(ours) = Database::new("decision").await else { return };
        let theirs = Database::new("pgbench").await.unwrap();
        let changes = decisions(&ours, rounds * size).await;
        record(&theirs, &decisions(&theirs, rounds * size).await).await;
        ours.settle_down().await;
        let mut duel = Duel::new(format!("PostgreSQL: a decision's commit, {clients} clients; pgbench"), "/s");
        for (round, changes) in changes.chunks(size).enumerate() {
            let baseline = pgbench(&theirs, round * size, size, clients);
            duel.round(world::commit_each(&ours.store, changes, clients).await, baseline);
        }
        for database in [ours, theirs] {
            assert_eq!(database.count(DECIDED).await, (rounds * size) as i64, "{}", database.schema);
            database.drop_it().await;
        }
        duel.tell(Goal::AtLeast(0.9));
    }
}

/// As many open requests, and the changes that decide them.
async fn decisions(database: &Database, count: usize) -> Vec<Change> {
    let gate = world::gate(database.store.clone());
    let (_, requests) = world::sweep(&gate, 0, count, None).await;
    world::approvals(&gate, &requests).await
}

async fn record(database: &Database, changes: &[Change]) {
    database.run(RECORD).await;
    world::commit_each(&database.store, changes, 1).await;
    database.run(PERFORM).await;
}

/// How many a second pgbench lands of the changes from number `first` on.
fn pgbench(database: &Database, first: usize, count: usize, clients: usize) -> f64 {
    let script = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(script.path(), SCRIPT).unwrap();
    let each = count / clients;
    let output = Command::new(format!("{}/pgbench", cluster::programs(&["initdb", "pgbench"]).unwrap()))
        .args(["-n", "-M", "prepared", "-j", "2", "-D", "i=-1"])
        .args(["-D", &format!("first={first}"), "-D", &format!("clients={clients}")])
        .args(["-c", &clients.to_string(), "-t", &each.to_string(), "-f"])
        .arg(script.path())
        .arg(database::url().unwrap())
        .env("PGOPTIONS", format!("-c search_path={} -c jit=off", database.schema))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("pgbench: {said}\n{}", String::from_utf8_lossy(&output.stderr)))
}
