//! Claiming and settling in batches of 100 on PostgreSQL. The baseline takes the 100 earliest from the same table with
//! `SKIP LOCKED`, and deletes what it took, by key and token: no lanes, no quotas, no modes, no cards.

use std::sync::Arc;
use std::time::Instant;

use seatgate_core::agenda::{AgendaChange, Claim, Item, Lane, Next, Settlement};
use seatgate_core::id::{ChangeId, RequestId, TaskId};
use seatgate_core::port::{Answer, Change, Clock, OsEntropy, RequestStore, SystemClock};
use seatgate_core::trail::{Chain, Stream};

use crate::database::Database;
use crate::figure::{Duel, Goal, rate, sized};

const BATCH: usize = 100;
/// As many targets have removals waiting.
const LANES: usize = 10;

/// Without lanes, it has the index that serves it instead of the one that serves them.
const BY_DUE: &str = "DROP INDEX agenda_lane; CREATE INDEX agenda_due ON agenda (due, key)";
const TAKE: &str = "
WITH free AS (
    SELECT key FROM agenda WHERE due <= $1 AND (lease_until IS NULL OR lease_until <= $1)
    ORDER BY due, key LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE agenda SET token = nextval('agenda_token'), lease_until = $1 + 20000000
FROM free WHERE agenda.key = free.key RETURNING agenda.key, agenda.item, agenda.token";
const DROP: &str = "DELETE FROM agenda USING unnest($1::text[], $2::bigint[]) AS done (key, token)
WHERE agenda.key = done.key AND agenda.token = done.token";

pub(crate) async fn measure() {
    for workers in [1, 4] {
        let (rounds, batches) = sized((7, 40), (1, 4));
        let Some(ours) = Database::new("agenda").await else { return };
        let theirs = Database::new("agenda_raw").await.unwrap();
        theirs.run(BY_DUE).await;
        let name = format!("PostgreSQL: claim and settle {BATCH} at a time, {workers} at once; plain SQL");
        let mut duel = Duel::new(name, "items/s");
        for _ in 0..rounds {
            for database in [&ours, &theirs] {
                fill(database, batches * BATCH).await;
                database.settle_down().await;
            }
            let baseline = work(&theirs, workers, batches / workers, plain).await;
            duel.round(work(&ours, workers, batches / workers, claim_and_settle).await, baseline);
        }
        for database in [ours, theirs] {
            assert_eq!(database.count("SELECT count(*) FROM agenda").await, 0, "{}", database.schema);
            database.drop_it().await;
        }
        duel.tell(Goal::AtLeast(0.8));
    }
}

/// Removals that are due, spread over the targets.
async fn fill(database: &Database, items: usize) {
    let now = SystemClock.now();
    let schedule = |n: usize| AgendaChange::Schedule {
        item: Item::Perform { request: RequestId::generate(now, &OsEntropy), task: TaskId::generate(now, &OsEntropy) },
        due: now,
        lane: Some(Lane::Removals(format!("target{}", n % LANES))),
        gated: true,
    };
    let mut change = Change::new(ChangeId::generate(now, &OsEntropy), &Chain::empty(Stream::System));
    change.agenda = (0..items).map(schedule).collect();
    assert_eq!(database.store.commit(vec![change]).await.unwrap(), [Answer::Committed]);
}

/// Lets so many workers work off so many batches each, and answers how many items a second that made.
async fn work<F>(database: &Database, workers: usize, batches: usize, batch: impl Fn(Arc<Worker>) -> F) -> f64
where
    F: Future<Output = usize> + Send + 'static,
{
    let worker = Arc::new(Worker { store: database.store.clone(), pool: database.pool.clone() });
    let start = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    let mut items = 0;
    for _ in 0..workers {
        running.spawn(batch(Arc::clone(&worker)));
    }
    let mut left = workers * batches - workers;
    while let Some(done) = running.join_next().await {
        items += done.unwrap();
        if left > 0 {
            left -= 1;
            running.spawn(batch(Arc::clone(&worker)));
        }
    }
    assert_eq!(items, workers * batches * BATCH, "every batch is full");
    rate(items, start.elapsed())
}

struct Worker {
    store: Arc<seatgate_store_sqlx::PgStore>,
    pool: sqlx::PgPool,
}

async fn claim_and_settle(worker: Arc<Worker>) -> usize {
    let mut claim = Claim::new(SystemClock.now(), BATCH);
    claim.per_lane = 1000;
    let claimed = worker.store.claim(claim).await.unwrap().items;
    let settlements = claimed.iter().map(|claimed| Settlement::new(claimed, Next::Done)).collect();
    let settled = worker.store.settle(settlements).await.unwrap();
    assert!(settled.iter().all(|ours| *ours));
    settled.len()
}

async fn plain(worker: Arc<Worker>) -> usize {
    let take = sqlx::query_as(TAKE).bind(SystemClock.now().as_micros()).bind(BATCH as i64);
    let taken: Vec<(String, String, i64)> = take.fetch_all(&worker.pool).await.unwrap();
    let (keys, tokens): (Vec<String>, Vec<i64>) = taken.into_iter().map(|(key, _, token)| (key, token)).unzip();
    let dropped = sqlx::query(DROP).bind(keys).bind(tokens).execute(&worker.pool).await.unwrap();
    usize::try_from(dropped.rows_affected()).unwrap()
}
