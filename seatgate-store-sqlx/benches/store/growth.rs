//! Whole cycles on PostgreSQL beside a long history: intake, decision, effect on a target that does nothing, request
//! closed. The history is made of real cycles, copied with new ids in every table, so that all tables and indexes grow as
//! in life. The baseline is the same with 10,000 requests of history. The longest, of a million, needs 20 GB of disk:
//! `SEATGATE_GROWTH` sets another end (100000).

use std::time::{Duration, Instant};

use seatgate_core::driver::{self, DriverOptions};
use seatgate_core::gate::{Ask, Gate};
use seatgate_core::worker::Worker;
use sqlx::AssertSqlSafe;
use tokio::sync::oneshot;

use crate::candidates::COLUMNS;
use crate::database::Database;
use crate::figure::{Duel, Goal, is_long, rate, sized};
use crate::world;

const IN_FLIGHT: usize = 32;
const TASKS: &str = "SELECT count(*) FROM agenda WHERE key LIKE 'task/%'";
const OPEN: &str = "SELECT count(*) FROM requests WHERE closed_at IS NULL";

/// What a copy's ids are: the same but for the last five digits, which are the copy's number, and for the version, so that
/// no copy is what it was made of. People stay who they are, so that those who are asked get a history as well.
const IDS: &str = "((?:req|tsk|exc|crd|swp|acc|txt|chg|msg)_[0-9a-f]{12})7([0-9a-f]{14})[0-9a-f]{5}";
const IDS_OF_PEOPLE: &str = "(prs_[0-9a-f]{12})7([0-9a-f]{14})[0-9a-f]{5}";
/// What somebody or something is called elsewhere: these become others by an ending.
const NAMES: [&str; 4] = ["ext_id", "email", "value", "identity"];
/// What is to be done does not grow with what was done.
const QUEUES: [&str; 2] = ["agenda", "lanes"];

pub(crate) async fn measure() {
    if !is_long() && crate::figure::is_measured() {
        return;
    }
    let end =
        std::env::var("SEATGATE_GROWTH").map_or(1_000_000, |end| end.parse().expect("SEATGATE_GROWTH is a number"));
    let mut sizes = sized([10_000, 100_000, 1_000_000], [60, 120, 180]).to_vec();
    sizes.retain(|size| *size <= end);
    let (rounds, size) = sized((5, 2000), (1, 32));
    let mut databases = Vec::new();
    for &history in &sizes {
        let Some(database) = Database::new(&format!("history{history}")).await else { return };
        fill(&database, history, sized(500, 30)).await;
        databases.push(database);
    }
    let name = |history| format!("PostgreSQL: whole cycles, {history} requests of history; 10000 of history");
    let mut duels: Vec<Duel> = sizes[1..].iter().map(|history| Duel::new(name(*history), "/s")).collect();
    for round in 0..rounds {
        let mut rates = Vec::new();
        for database in &databases {
            rates.push(cycles(database, (round + 1) * 1_000_000, size).await);
        }
        for (duel, rate) in duels.iter_mut().zip(&rates[1..]) {
            duel.round(*rate, rates[0]);
        }
    }
    for database in databases {
        assert_eq!(database.count(OPEN).await, 0, "{}", database.schema);
        database.drop_it().await;
    }
    duels.iter().for_each(|duel| duel.tell(Goal::AtLeast(0.9)));
}

/// As many closed requests: some real ones, and copies of them.
async fn fill(database: &Database, history: usize, real: usize) {
    cycles(database, 0, real).await;
    let columns: Vec<(String, String, String)> = sqlx::query_as(COLUMNS).fetch_all(&database.pool).await.unwrap();
    for columns in columns.chunk_by(|one, other| one.0 == other.0) {
        if !QUEUES.contains(&columns[0].0.as_str()) {
            copy(database, columns, history / real - 1).await;
        }
    }
    database.settle_down().await;
    assert_eq!(database.count("SELECT count(*) FROM requests").await, history as i64);
}

async fn copy(database: &Database, columns: &[(String, String, String)], copies: usize) {
    let table = &columns[0].0;
    let is_people = table == "people" || table == "identities";
    let ids = if is_people { IDS_OF_PEOPLE } else { IDS };
    let value = |(_, name, kind): &(String, String, String)| match kind.as_str() {
        "text" if NAMES.contains(&name.as_str()) => format!("{name} || '-' || copy"),
        "text" => format!("regexp_replace({name}, '{ids}', '\\18\\2' || lpad(to_hex(copy), 5, '0'), 'g')"),
        _ => name.clone(),
    };
    let names = columns.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let values = columns.iter().map(value).collect::<Vec<_>>().join(", ");
    // Who is asked is there already in each copy.
    let insert = format!(
        "INSERT INTO {table} ({names}) SELECT {values} FROM generate_series(1, {copies}) AS copy CROSS JOIN _{table}
        ON CONFLICT DO NOTHING"
    );
    let mut transaction = database.pool.begin().await.unwrap();
    for sql in [format!("CREATE TEMPORARY TABLE _{table} ON COMMIT DROP AS TABLE {table}"), insert] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

/// So many cycles, about seats from number `first` on; answers how many a second.
async fn cycles(database: &Database, first: usize, count: usize) -> f64 {
    let gate = world::gate(database.store.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let driver = tokio::spawn(driver::run(Worker::new(&gate), DriverOptions::default(), async move {
        let _ = stopped.await;
    }));
    let start = Instant::now();
    let clients: Vec<_> = (0..IN_FLIGHT)
        .map(|client| {
            let gate = gate.clone();
            tokio::spawn(async move {
                for n in (client..count).step_by(IN_FLIGHT) {
                    ask_and_approve(&gate, first + n).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    while database.count(TASKS).await > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let rate = rate(count, start.elapsed());
    drop(stop);
    driver.await.unwrap();
    rate
}

async fn ask_and_approve(gate: &Gate, n: usize) {
    let (_, requests) = world::sweep(gate, n, 1, None).await;
    let by = world::asked(gate, n).await;
    gate.act(requests[0], Ask::Approve, None, &by).await.unwrap();
}
