//! Copying the log into the file, beside the writer.
//!
//! Left to SQLite, the commit that finds the log long copies all of it before it is answered, and everybody behind it waits
//! as well. So a task with a connection of its own copies it while the writer goes on. Then the writer copies the little that
//! came meanwhile, between two transactions: only a log of which everything is copied starts again from its beginning.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// So many pages that are not in the file yet are worth copying (16 MiB): every request touches pages all over the indexes,
/// and a page that changes often is copied once.
const LONG: i64 = 4000;
/// A log of so many pages must start again: then the little that is not copied, for somebody read beside it, is copied again
/// and again. The writer's own limit is further off, for a log that nobody else copies.
const VERY_LONG: i64 = 2 * LONG;
/// So many jobs are done between two looks at the log.
const JOBS: usize = 16;

/// How long the log is, without copying any of it.
const LENGTH: &str = "PRAGMA wal_checkpoint(NOOP)";
/// Waits for nobody, and nobody waits for it: what somebody still reads beside is left for later.
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The task's handle, for the writer.
pub(super) struct Copier {
    /// Tells the task to look at the log. Dropped, it ends the task.
    looks: mpsc::Sender<()>,
    /// Jobs since the last look.
    jobs: usize,
    /// The log was copied, but for what came meanwhile.
    copied: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Copier {
    /// Starts the task with a connection of its own.
    pub(super) fn start(connection: SqliteConnection) -> Self {
        let (looks, wanted) = mpsc::channel(1);
        let copied = Arc::new(AtomicBool::default());
        let task = tokio::spawn(run(connection, wanted, Arc::clone(&copied)));
        Self { looks, jobs: 0, copied, task }
    }

    /// Notes that so many jobs were done through the writer's connection, which is between two transactions, and copies the
    /// rest of the log if it is the writer's turn. A failure is nobody's: what is not copied is still in the log.
    pub(super) async fn follow(&mut self, jobs: usize, writer: &mut SqliteConnection) {
        self.jobs += jobs;
        if self.jobs >= JOBS {
            self.jobs = 0;
            // A look that is still to come will do.
            let _ = self.looks.try_send(());
        }
        if self.copied.swap(false, Ordering::AcqRel)
            && let Err(error) = pragma(COPY, writer).await
        {
            tracing::warn!(%error, "the rest of the log could not be copied into the database file");
        }
    }

    /// Ends the task, and returns when its connection is closed.
    pub(super) async fn close(self) {
        drop(self.looks);
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "what copies the log did not end well");
        }
    }
}

async fn run(mut connection: SqliteConnection, mut looks: mpsc::Receiver<()>, copied: Arc<AtomicBool>) {
    while looks.recv().await.is_some() {
        match copy_if_long(&mut connection, LONG, VERY_LONG).await {
            Ok(false) => {}
            Ok(true) => copied.store(true, Ordering::Release),
            Err(error) => tracing::warn!(%error, "the log could not be copied into the database file"),
        }
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the connection that copies the log did not close well");
    }
}

/// Copies the log if so much of it is not copied, or if it is very long; whether it did.
async fn copy_if_long(connection: &mut SqliteConnection, long: i64, very_long: i64) -> Result<bool, sqlx::Error> {
    let (length, copied) = pragma(LENGTH, connection).await?;
    let wanted = length - copied >= long || (length >= very_long && length > copied);
    if wanted {
        pragma(COPY, connection).await?;
    }
    Ok(wanted)
}

/// How many pages the log has, and how many of them are copied.
async fn pragma(statement: &'static str, connection: &mut SqliteConnection) -> Result<(i64, i64), sqlx::Error> {
    let (_, length, copied): (i64, i64, i64) = sqlx::query_as(statement).fetch_one(connection).await?;
    Ok((length, copied))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use seatgate_core::port::{Answer, RequestStore};
    use seatgate_core::testing::World;
    use sqlx::Executor as _;

    use super::*;
    use crate::sqlite::{SqliteStore, open};

    async fn connect(path: &Path) -> SqliteConnection {
        open::writing(open::connect_options(path)).await.unwrap()
    }

    /// Some pages into the log.
    async fn write(connection: &mut SqliteConnection) {
        connection.execute("INSERT INTO much VALUES (zeroblob(100000))").await.unwrap();
    }

    #[tokio::test]
    async fn a_long_log_is_copied_beside_a_writer_and_starts_again_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        open::own(&path).unwrap();
        let (mut writer, mut copier, mut reader) = (connect(&path).await, connect(&path).await, connect(&path).await);
        writer.execute("CREATE TABLE much (content BLOB)").await.unwrap();
        write(&mut writer).await;
        assert!(!copy_if_long(&mut copier, 1000, 1000).await.unwrap());
        assert_eq!(pragma(LENGTH, &mut copier).await.unwrap().1, 0, "a short log is left alone");

        reader.execute("BEGIN; SELECT * FROM much").await.unwrap();
        writer.execute("BEGIN IMMEDIATE").await.unwrap();
        write(&mut writer).await;
        assert!(copy_if_long(&mut copier, 10, 1000).await.unwrap());
        let (length, copied) = pragma(LENGTH, &mut copier).await.unwrap();
        assert!(length >= 24 && copied == length, "the writer did not keep it from copying: {copied} of {length}");
        writer.execute("COMMIT").await.unwrap();

        assert!(copy_if_long(&mut copier, 10, 1000).await.unwrap());
        let (length, still) = pragma(LENGTH, &mut copier).await.unwrap();
        assert_eq!(still, copied, "what is new to a reader stays in the log");
        assert!(!copy_if_long(&mut copier, 1000, 1000).await.unwrap(), "nor is it long");
        assert!(copy_if_long(&mut copier, 1000, 40).await.unwrap(), "but very long");
        reader.execute("COMMIT").await.unwrap();

        let mut copier = Copier::start(copier);
        copier.follow(1, &mut writer).await;
        assert!(pragma(LENGTH, &mut reader).await.unwrap().1 < length, "it is not the writer's turn");
        copier.copied.store(true, Ordering::Release);
        copier.follow(1, &mut writer).await;
        copier.close().await;
        assert_eq!(pragma(LENGTH, &mut reader).await.unwrap(), (length, length));
        writer.execute("INSERT INTO much VALUES (1)").await.unwrap();
        assert!(pragma(LENGTH, &mut reader).await.unwrap().0 < length, "it has started again");
    }

    #[tokio::test]
    async fn the_log_of_a_store_starts_again_once_nobody_reads_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seatgate.db");
        let store = SqliteStore::open(path.as_path()).await.unwrap();
        let (world, mut reader, mut watch) = (World::new(1), connect(&path).await, connect(&path).await);
        reader.execute("BEGIN; SELECT count(*) FROM events").await.unwrap();
        let mut length = 0;
        while length < VERY_LONG {
            let mut change = world.change(&mut world.new_chain());
            change.texts = vec![world.text(&"long ".repeat(100_000), None)];
            assert_eq!(store.commit(vec![change]).await.unwrap(), [Answer::Committed]);
            length = pragma(LENGTH, &mut watch).await.unwrap().0;
        }
        reader.execute("COMMIT").await.unwrap();
        while length > LONG {
            let change = world.change(&mut world.new_chain());
            assert_eq!(store.commit(vec![change]).await.unwrap(), [Answer::Committed]);
            length = pragma(LENGTH, &mut watch).await.unwrap().0;
            assert!(length < 15_000, "nobody has copied it, and soon a commit will");
        }
        watch.close().await.unwrap();
        reader.close().await.unwrap();
        store.close().await;
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["seatgate.db", "seatgate.db.lock"], "nothing has the file open");
    }
}
