//! The one connection that writes, and the task that owns it.
//!
//! Jobs wait in a bounded channel. The task takes whatever waits, opens one transaction, performs all changes together, or
//! else, as any other job, each under a savepoint of its own, commits, and only then answers: so many commits share one sync
//! of the disk, and a lone one waits for nobody. Nobody else holds the connection, so a caller that is dropped never leaves a transaction half done.

use std::error::Error;
use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use seatgate_core::port::{Change, Clock, StoreError, StoreErrorKind};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _};
use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};
use tokio::sync::{mpsc, oneshot};

use super::copier::Copier;
use super::error::{commit_kind, is_busy, store_error};
use super::together;
use crate::batch::Batch;

/// So many jobs may wait; whoever brings another one waits with it, but not for long.
const QUEUE: usize = 1024;
const ROOM_WITHIN: Duration = Duration::from_secs(2);
/// A job that waited longer is refused, unwritten: whoever brought it would be gone, or ask again. So where the disk does
/// not keep up, callers hear so instead of waiting ever longer.
const BEGUN_WITHIN: Duration = Duration::from_secs(5);
/// So many jobs share a transaction.
const BATCH: usize = 256;

/// What a job works with.
pub(super) struct Desk {
    /// The connection, inside a transaction.
    pub(super) connection: SqliteConnection,
    /// The store's own clock, for leases and nothing else.
    pub(super) lease_clock: Arc<dyn Clock>,
}

/// What a job has come to.
pub(super) enum Outcome<A> {
    /// What it wrote is to be kept.
    Keep(A),
    /// What it wrote is to be undone.
    Undo(A),
}

/// Something to write. Performed once more, in a transaction of its own, when a shared transaction failed.
#[async_trait]
pub(super) trait Work: Send + Sync + 'static {
    /// What the caller gets.
    type Answer: Send + 'static;
    /// What its failure is a failure of.
    const CONTEXT: &'static str;

    /// Writes it. On an error everything that this job wrote is undone, and no other job is touched.
    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<Self::Answer>, sqlx::Error>;

    /// The change that it is, if it is one, and the answer when it is kept: those are written together where they can be.
    fn change(&self) -> Option<(&Change, Self::Answer)> {
        None
    }
}

/// A [`Work`] with the way back to its caller, the answer's type hidden.
#[async_trait]
trait Job: Send {
    /// Performs it and remembers the answer. `false`: what it wrote is to be undone.
    async fn perform(&mut self, desk: &mut Desk) -> bool;
    /// The change that it is, if it is one.
    fn change(&self) -> Option<&Change>;
    /// Remembers that its change was written.
    fn written(&mut self);
    /// Answers, after the commit.
    fn answer(self: Box<Self>);
    /// Answers that its transaction failed.
    fn fail(self: Box<Self>, failure: Failure);
    /// Whether it waited too long.
    fn is_late(&self) -> bool;
}

struct Ticket<W: Work> {
    work: W,
    handed_in: Instant,
    answer: Option<Result<W::Answer, StoreError>>,
    reply: oneshot::Sender<Result<W::Answer, StoreError>>,
}

#[async_trait]
impl<W: Work> Job for Ticket<W> {
    async fn perform(&mut self, desk: &mut Desk) -> bool {
        let (answer, keep) = match self.work.perform(desk).await {
            Ok(Outcome::Keep(answer)) => (Ok(answer), true),
            Ok(Outcome::Undo(answer)) => (Ok(answer), false),
            Err(error) => (Err(store_error(W::CONTEXT)(error)), false),
        };
        self.answer = Some(answer);
        keep
    }

    fn change(&self) -> Option<&Change> {
        self.work.change().map(|(change, _)| change)
    }

    fn written(&mut self) {
        self.answer = self.work.change().map(|(_, answer)| Ok(answer));
    }

    fn answer(self: Box<Self>) {
        if let Some(answer) = self.answer {
            // A caller that was dropped does not care.
            let _ = self.reply.send(answer);
        }
    }

    fn fail(self: Box<Self>, failure: Failure) {
        let error = StoreError::new(failure.kind, W::CONTEXT).caused_by(failure.error);
        let _ = self.reply.send(Err(error));
    }

    fn is_late(&self) -> bool {
        self.handed_in.elapsed() > BEGUN_WITHIN
    }
}

/// A transaction that failed as a whole.
#[derive(Clone)]
struct Failure {
    kind: StoreErrorKind,
    /// Whether it never began: then that is no job's fault, and none would fare better alone.
    before_all: bool,
    error: Arc<dyn Error + Send + Sync>,
}

impl Failure {
    fn of_begin(error: sqlx::Error) -> Self {
        Self { before_all: true, ..Self::before_commit(error) }
    }

    fn before_commit(error: sqlx::Error) -> Self {
        Self { kind: StoreErrorKind::Unavailable, before_all: false, error: Arc::new(error) }
    }

    fn of_commit(error: sqlx::Error) -> Self {
        Self { kind: commit_kind(&error), before_all: false, error: Arc::new(error) }
    }

    fn too_late() -> Self {
        Self {
            kind: StoreErrorKind::Unavailable,
            before_all: true,
            error: Arc::from(Box::<dyn Error + Send + Sync>::from(TOO_LATE)),
        }
    }
}

const TOO_LATE: &str = "it waited too long to be written";

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// Where jobs are handed in.
#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Message>);

/// An answer to come.
pub(super) struct Pending<A> {
    reply: oneshot::Receiver<Result<A, StoreError>>,
    context: &'static str,
}

impl<A> Pending<A> {
    /// The answer. Dropping this leaves the job where it is.
    pub(super) async fn answer(self) -> Result<A, StoreError> {
        let lost = |error| StoreError::new(StoreErrorKind::Unknown, self.context).caused_by(error);
        self.reply.await.map_err(lost)?
    }
}

impl Writer {
    /// Starts the task. It ends, and lets go of `guard`, when it is closed or every sender is gone.
    pub(super) fn start(desk: Desk, copier: Copier, guard: File) -> Self {
        let (sender, messages) = mpsc::channel(QUEUE);
        tokio::spawn(Task { desk, messages, copier, guard }.run());
        Self(sender)
    }

    /// Hands in a job.
    pub(super) async fn submit<W: Work>(&self, work: W) -> Result<Pending<W::Answer>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Message::Job(Box::new(Ticket { work, handed_in: Instant::now(), answer: None, reply }));
        let refused = |why: &str| StoreError::new(StoreErrorKind::Unavailable, W::CONTEXT).caused_by(why);
        let sent = match self.0.try_send(job) {
            Err(TrySendError::Full(job)) => self.0.send_timeout(job, ROOM_WITHIN).await,
            Err(TrySendError::Closed(job)) => Err(SendTimeoutError::Closed(job)),
            Ok(()) => Ok(()),
        };
        match sent {
            Ok(()) => Ok(Pending { reply: answer, context: W::CONTEXT }),
            Err(SendTimeoutError::Closed(_)) => Err(refused("the store is closed")),
            Err(SendTimeoutError::Timeout(_)) => Err(refused("too much waits to be written")),
        }
    }

    /// Hands in a job and waits for its answer.
    pub(super) async fn perform<W: Work>(&self, work: W) -> Result<W::Answer, StoreError> {
        self.submit(work).await?.answer().await
    }

    /// Ends the task after everything that waits.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.0.send(Message::Close(done)).await.is_ok() {
            // An error means that the task has ended otherwise.
            let _ = closed.await;
        }
    }
}

struct Task {
    desk: Desk,
    messages: mpsc::Receiver<Message>,
    copier: Copier,
    /// Keeps other processes away from the file for as long as this one writes to it.
    guard: File,
}

impl Task {
    async fn run(mut self) {
        let mut closing: Vec<oneshot::Sender<()>> = Vec::new();
        let mut jobs = 0;
        while let Some(first) = self.messages.recv().await {
            // For one that comes alone after another, giving way would only hand this task to a thread that must wake up.
            if jobs > 1 || !self.messages.is_empty() {
                self.let_others_come().await;
            }
            let batch = self.gather(first, &mut closing);
            jobs = batch.len();
            self.land(batch).await;
            self.copier.follow(jobs, &mut self.desk.connection).await;
        }
        // The last connection to close empties the log into the file.
        self.copier.close().await;
        if let Err(error) = self.desk.connection.close().await {
            tracing::warn!(%error, "the writing connection did not close well");
        }
        drop(self.guard);
        for done in closing {
            // Whoever asked to close may have stopped waiting.
            let _ = done.send(());
        }
    }

    /// Callers that were just answered get the chance to queue up their next job, as long as more of them do.
    async fn let_others_come(&self) {
        let mut waiting = 0;
        loop {
            tokio::task::yield_now().await;
            let now_waiting = self.messages.len();
            if now_waiting <= waiting || now_waiting >= BATCH {
                return;
            }
            waiting = now_waiting;
        }
    }

    /// What waits, up to a batch.
    fn gather(&mut self, first: Message, closing: &mut Vec<oneshot::Sender<()>>) -> Vec<Box<dyn Job>> {
        let mut batch = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Job(job) => batch.push(job),
                Message::Close(done) => {
                    self.messages.close();
                    closing.push(done);
                }
            }
            next = if batch.len() < BATCH { self.messages.try_recv().ok() } else { None };
        }
        batch
    }

    /// Lands a batch in one transaction; if that fails as a whole, each job in one of its own, as long as they begin.
    async fn land(&mut self, batch: Vec<Box<dyn Job>>) {
        let (late, mut batch): (Vec<_>, Vec<_>) = batch.into_iter().partition(|job| job.is_late());
        late.into_iter().for_each(|job| job.fail(Failure::too_late()));
        if batch.is_empty() {
            return;
        }
        let Err(failure) = self.transact(&mut batch).await else {
            return batch.into_iter().for_each(Job::answer);
        };
        let mut begins = !failure.before_all;
        tracing::warn!(error = %failure.error, jobs = batch.len(), begins, "a transaction failed");
        for mut job in batch {
            let done = if begins { self.transact(std::slice::from_mut(&mut job)).await } else { Err(failure.clone()) };
            match done {
                Ok(()) => job.answer(),
                Err(failure) => {
                    begins &= !failure.before_all;
                    job.fail(failure);
                }
            }
        }
    }

    /// One transaction with all of them, and one call for it where they are changes that land together.
    async fn transact(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let changes_only = jobs.iter().all(|job| job.change().is_some());
        let mut batch = batch_of(jobs);
        if let Some(whole) = batch.take_if(|batch| changes_only && together::is_whole(batch))
            && self.commit_at_once(&whole).await?
        {
            jobs.iter_mut().for_each(|job| job.written());
            return Ok(());
        }
        let done = match self.sql("BEGIN IMMEDIATE; SAVEPOINT job").await {
            Err(error) => Err(Failure::of_begin(error)),
            Ok(()) => match self.perform(jobs, batch).await {
                Ok(()) => self.sql("COMMIT").await.map_err(Failure::of_commit),
                Err(error) => Err(Failure::before_commit(error)),
            },
        };
        if done.is_err() {
            self.roll_back().await;
        }
        done
    }

    /// Whether a batch has landed. If not, nothing of it is kept, and each of its changes may be tried alone, which says
    /// what stands in the way.
    async fn commit_at_once(&mut self, batch: &Batch) -> Result<bool, Failure> {
        let Err(error) = together::commit(batch, &mut self.desk).await else { return Ok(true) };
        // It has waited for whoever holds the file, and nobody waits for that twice.
        if is_busy(&error) {
            return Err(Failure::of_begin(error));
        }
        tracing::debug!(%error, "changes did not land at once");
        Ok(false)
    }

    /// Refused when SQLite has ended the transaction itself, which is as good.
    async fn roll_back(&mut self) {
        let _ = self.sql("ROLLBACK").await;
    }

    /// Each under a savepoint of its own, of which the first is there; the changes together, if they make a batch and it
    /// fits.
    async fn perform(&mut self, jobs: &mut [Box<dyn Job>], batch: Option<Batch>) -> Result<(), sqlx::Error> {
        let together = match batch {
            Some(batch) => self.perform_changes(jobs, &batch).await?,
            None => false,
        };
        let others = jobs.iter_mut().filter(|job| !together || job.change().is_none());
        for (number, job) in others.enumerate() {
            if number > 0 || together {
                self.sql("RELEASE job; SAVEPOINT job").await?;
            }
            if !job.perform(&mut self.desk).await {
                self.sql("ROLLBACK TO job").await?;
            }
        }
        Ok(())
    }

    /// Writes all changes at once, if it can be done; then it says so.
    async fn perform_changes(&mut self, jobs: &mut [Box<dyn Job>], batch: &Batch) -> Result<bool, sqlx::Error> {
        let changes: Vec<&Change> = jobs.iter().filter_map(|job| job.change()).collect();
        if let Err(error) = together::land(batch, &changes, &mut self.desk).await {
            // What fails here fails again where it is written alone, and spoils no other there.
            tracing::debug!(%error, changes = changes.len(), "changes did not land together");
            return self.sql("ROLLBACK TO job").await.map(|()| false);
        }
        jobs.iter_mut().filter(|job| job.change().is_some()).for_each(|job| job.written());
        Ok(true)
    }

    async fn sql(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.desk.connection.execute(statement).await.map(|_| ())
    }
}

/// What the changes among these bring, if there are any and they can land together.
fn batch_of(jobs: &[Box<dyn Job>]) -> Option<Batch> {
    let changes: Vec<&Change> = jobs.iter().filter_map(|job| job.change()).collect();
    if changes.is_empty() {
        return None;
    }
    together::gather(&changes).unwrap_or_else(|error| {
        tracing::debug!(%error, changes = changes.len(), "changes cannot land together");
        None
    })
}
