//! Taking in candidates on PostgreSQL: from parsed rows to open requests, each answer durable. The baseline inserts the
//! very rows that this left in the tables into the same tables: 1000 candidates a transaction, one `INSERT ... SELECT
//! FROM unnest` a table, nothing read, nothing checked, nothing hashed.

use std::time::Instant;

use sqlx::AssertSqlSafe;

use crate::database::Database;
use crate::figure::{Duel, Goal, is_long, rate, sized, tell};
use crate::world;

const BATCH: usize = 1000;

/// The columns that can be given: table, name, type.
pub(crate) const COLUMNS: &str = "
SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns JOIN information_schema.tables
USING (table_schema, table_name)
WHERE table_schema = current_schema AND table_type = 'BASE TABLE' AND is_identity = 'NO' AND table_name NOT LIKE '\\_%'
ORDER BY table_name, ordinal_position";

pub(crate) async fn measure() {
    let (rounds, size) = sized((5, 5 * BATCH), (1, 20));
    let mut duel = Duel::new("PostgreSQL: candidates taken in, one delivery of 5000; plain `unnest`", "rows/s");
    for round in 0..rounds {
        let Some(ours) = Database::new(&format!("intake{round}")).await else { return };
        let theirs = Database::new(&format!("intake_raw{round}")).await.unwrap();
        let gate = world::gate(ours.store.clone());
        let start = Instant::now();
        world::sweep(&gate, 0, size, None).await;
        let took = rate(size, start.elapsed());
        let tables = tables(&ours, size.div_ceil(BATCH)).await;
        ours.run("CHECKPOINT").await;
        let start = Instant::now();
        insert(&theirs, &tables, size.div_ceil(BATCH)).await;
        duel.round(took, rate(size, start.elapsed()));
        for database in [ours, theirs] {
            assert_eq!(database.count("SELECT count(*) FROM requests").await, size as i64, "{}", database.schema);
            database.drop_it().await;
        }
    }
    duel.tell(Goal::AtLeast(0.5));
    memory().await;
}

/// What a table holds, batch by batch and column by column.
struct Table {
    insert: String,
    batches: Vec<Vec<Vec<Option<String>>>>,
}

async fn tables(database: &Database, batches: usize) -> Vec<Table> {
    let columns: Vec<(String, String, String)> = sqlx::query_as(COLUMNS).fetch_all(&database.pool).await.unwrap();
    let mut tables = Vec::new();
    for of_table in columns.chunk_by(|one, other| one.0 == other.0) {
        tables.push(Table::read(database, of_table, batches).await);
    }
    tables.retain(|table| !table.batches.is_empty());
    tables
}

impl Table {
    async fn read(database: &Database, columns: &[(String, String, String)], batches: usize) -> Self {
        let table = &columns[0].0;
        let names = columns.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let numbered = |form: &dyn Fn(usize, &str) -> String| {
            columns.iter().zip(1..).map(|((.., kind), n)| form(n, kind)).collect::<Vec<_>>().join(", ")
        };
        let casts = numbered(&|n, kind| format!("c{n}::{kind}"));
        let (lists, given) = (numbered(&|n, _| format!("${n}::text[]")), numbered(&|n, _| format!("c{n}")));
        let insert = format!("INSERT INTO {table} ({names}) SELECT {casts} FROM unnest({lists}) AS given ({given})");
        let texts = columns.iter().map(|(_, name, _)| format!("{name}::text")).collect::<Vec<_>>().join(", ");
        let read = format!("SELECT ARRAY[{texts}] FROM {table} ORDER BY ctid");
        let rows: Vec<Vec<Option<String>>> =
            sqlx::query_scalar(AssertSqlSafe(read)).fetch_all(&database.pool).await.unwrap();
        let turned = |rows: &[Vec<Option<String>>]| {
            (0..columns.len()).map(|column| rows.iter().map(|row| row[column].clone()).collect()).collect()
        };
        Self { insert, batches: rows.chunks(rows.len().div_ceil(batches).max(1)).map(turned).collect() }
    }
}

async fn insert(database: &Database, tables: &[Table], batches: usize) {
    for batch in 0..batches {
        let mut transaction = database.pool.begin().await.unwrap();
        for table in tables {
            let Some(columns) = table.batches.get(batch) else { continue };
            let mut insert = sqlx::query(AssertSqlSafe(table.insert.as_str()));
            for column in columns {
                insert = insert.bind(column);
            }
            insert.execute(&mut *transaction).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }
}

/// How much memory a long sweep takes: it comes in deliveries, and what was taken in is not held.
async fn memory() {
    let size = if is_long() { 1_000_000 } else { sized(40_000, 40) };
    let Some(database) = Database::new("memory").await else { return };
    let gate = world::gate(database.store.clone());
    let deliveries = 20;
    let (mut joins, mut early, mut most) = (None, 0, 0);
    for delivery in 0..deliveries {
        let (sweep, _) = world::sweep(&gate, delivery * size / deliveries, size / deliveries, joins).await;
        joins = Some(sweep);
        most = most.max(resident());
        if delivery == deliveries / 4 {
            early = most;
        }
    }
    database.drop_it().await;
    let name = format!("memory that grew from the first quarter of a sweep of {size} to its end");
    tell(&name, (most - early) as f64 / 1e6, "MB", Goal::AtMost(16.0));
}

/// The memory of this process in bytes, where the system says so.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}
