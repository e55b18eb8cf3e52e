//! The connections over which work of many callers is done together.
//!
//! They are not the pool's: that asks a connection whether it is there whenever one comes back, which costs as much as a
//! small statement.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Semaphore, SemaphorePermit};

/// A connection that was idle for longer is asked whether it is still there: so the first caller after a restart of the
/// database does not find out, and a busy server does not pay for it.
pub(super) const STALE: Duration = Duration::from_secs(1);

/// A server that does not take a connection for so long is as good as away.
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);

/// What these sessions set beside what all do. Every statement of theirs finds rows by keys that it brings: its plan is
/// made once, and so must suit tables that grow, although they may be empty when it is made.
const PLANS: [(&str, &str); 9] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("enable_memoize", "off"),
    // A look-up by key costs next to nothing beside anything that passes over rows.
    ("seq_page_cost", "0"),
    ("random_page_cost", "0"),
];

/// So many at most, those that read and those that write counted apart: neither waits for the other.
pub(super) struct Lines {
    connect: PgConnectOptions,
    readers: Semaphore,
    writers: Semaphore,
    count: u32,
    idle: Mutex<Vec<(PgConnection, Instant)>>,
}

/// A connection, and the right to use one.
pub(super) struct Line<'a> {
    pub(super) connection: PgConnection,
    permit: SemaphorePermit<'a>,
}

impl Lines {
    /// Opens none before it is wanted.
    pub(super) fn new(connect: &PgConnectOptions, each: u32) -> Self {
        let permits = usize::try_from(each).unwrap_or(1);
        Self {
            connect: connect.clone().options(PLANS),
            readers: Semaphore::new(permits),
            writers: Semaphore::new(permits),
            count: each,
            idle: Mutex::default(),
        }
    }

    /// A connection that is free, or a new one; waits while all are in use.
    pub(super) async fn take(&self, writes: bool) -> Result<Line<'_>, sqlx::Error> {
        let permits = if writes { &self.writers } else { &self.readers };
        let permit = permits.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        loop {
            // The guard must not be held across what follows.
            let idle = self.idle().pop();
            let Some((mut connection, since)) = idle else { break };
            if since.elapsed() < STALE || connection.ping().await.is_ok() {
                return Ok(Line { connection, permit });
            }
        }
        let connect = tokio::time::timeout(CONNECTED_WITHIN, self.connect.connect()).await;
        let connection = connect.unwrap_or_else(|silent| Err(sqlx::Error::Io(silent.into())))?;
        Ok(Line { connection, permit })
    }

    /// Takes back a connection after work that went well; after any other it is dropped instead.
    pub(super) fn give_back(&self, line: Line<'_>) {
        self.idle().push((line.connection, Instant::now()));
        drop(line.permit);
    }

    /// Waits for what is under way, and hangs up. Nothing can be taken afterwards.
    pub(super) async fn close(&self) {
        for permits in [&self.readers, &self.writers] {
            // Refused where somebody has closed them before.
            let _ = permits.acquire_many(self.count).await;
            permits.close();
        }
        let idle = std::mem::take(&mut *self.idle());
        for (connection, _) in idle {
            // It goes in any case.
            let _ = connection.close().await;
        }
    }

    /// Whatever panicked elsewhere has left a whole list.
    fn idle(&self) -> MutexGuard<'_, Vec<(PgConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
