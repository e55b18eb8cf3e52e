//! Work that many callers bring at once, done together: one statement, one transaction and one sync of the disk for all.
//!
//! Each kind of work has a queue. What comes while none of its kind is under way is done at once; what comes meanwhile is
//! done together after that. So a lone caller waits for nobody, and the busier the store is, the more callers share a
//! statement. A task of its own does it: a caller that is dropped takes nobody's work along.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use seatgate_core::port::{StoreError, StoreErrorKind};
use sqlx::PgConnection;
use tokio::sync::oneshot;

use super::error::{is_crossed, is_undone, kind};
use super::lines::Lines;
use crate::pieces::whole_failure;
use crate::row::unknown;

/// So often work is repeated that another transaction got in the way of.
pub(super) const TRIES: u32 = 5;
/// So many pieces may wait in a queue; more are refused.
const FULL: usize = 8_192;
/// So many pieces wait before a second statement helps the one that is under way: fewer are done sooner together.
const CROWD: usize = 8;
/// A piece that waited longer is refused, not done: whoever brought it would be gone, or ask again. So where the database
/// does not keep up, callers hear so instead of waiting ever longer.
const BEGUN_WITHIN: Duration = Duration::from_secs(5);
/// Longer than PostgreSQL lets any statement take. A connection that says nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(40);

/// One kind of work.
pub(super) trait Work: Send + Sync + 'static {
    /// What a caller gets.
    type Answer: Send + 'static;
    /// What its failure is a failure of.
    const CONTEXT: &'static str;
    /// Whether it writes. Then, without an answer, nobody knows whether it was done.
    const WRITES: bool;
    /// So many pieces share a statement.
    const BATCH: usize = 256;
    /// So many statements are under way at a time, at the most.
    const SIDE_BY_SIDE: usize = 1;

    /// Does the pieces in one transaction, and answers each in their order.
    fn perform(
        pieces: &[&Self],
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, sqlx::Error>> + Send;
}

/// A piece of work, and the way back to its caller.
struct Ticket<W: Work> {
    work: W,
    handed_in: Instant,
    reply: oneshot::Sender<Result<W::Answer, StoreError>>,
}

impl<W: Work> Ticket<W> {
    fn refuse_as_late(self) {
        let error = StoreError::new(StoreErrorKind::Unavailable, W::CONTEXT).caused_by("it waited too long");
        // A caller that was dropped does not care.
        let _ = self.reply.send(Err(error));
    }
}

struct State<W: Work> {
    waiting: VecDeque<Ticket<W>>,
    working: usize,
}

/// Where work of one kind is handed in.
pub(super) struct Queue<W: Work> {
    lines: Arc<Lines>,
    state: Arc<Mutex<State<W>>>,
}

impl<W: Work> Clone for Queue<W> {
    fn clone(&self) -> Self {
        Self { lines: self.lines.clone(), state: self.state.clone() }
    }
}

type Reply<A> = oneshot::Receiver<Result<A, StoreError>>;

/// Pieces on their way.
pub(super) struct HandedIn<W: Work>(Vec<Reply<W::Answer>>);

impl<W: Work> HandedIn<W> {
    /// Each answered on its own, in their order.
    pub(super) async fn answers(self) -> Vec<Result<W::Answer, StoreError>> {
        let mut answers = Vec::with_capacity(self.0.len());
        for reply in self.0 {
            answers.push(answer::<W>(reply).await);
        }
        answers
    }
}

impl<W: Work> Queue<W> {
    pub(super) fn over(lines: &Arc<Lines>) -> Self {
        let state = State { waiting: VecDeque::new(), working: 0 };
        Self { lines: lines.clone(), state: Arc::new(Mutex::new(state)) }
    }

    /// Does one piece.
    pub(super) async fn perform(&self, work: W) -> Result<W::Answer, StoreError> {
        let replies = self.submit([work])?;
        match replies.into_iter().next() {
            Some(reply) => answer::<W>(reply).await,
            None => Err(StoreError::new(StoreErrorKind::Unknown, W::CONTEXT)),
        }
    }

    /// Does pieces, each answered on its own, in their order.
    ///
    /// # Errors
    /// When there is no room for them; then none is done.
    pub(super) async fn perform_all(
        &self,
        works: impl IntoIterator<Item = W>,
    ) -> Result<Vec<Result<W::Answer, StoreError>>, StoreError> {
        Ok(self.hand_in(works)?.answers().await)
    }

    /// Hands in pieces that are done from now on, whether or not anybody waits for their answers.
    ///
    /// # Errors
    /// When there is no room for them; then none is done.
    pub(super) fn hand_in(&self, works: impl IntoIterator<Item = W>) -> Result<HandedIn<W>, StoreError> {
        Ok(HandedIn(self.submit(works)?))
    }

    fn submit(&self, works: impl IntoIterator<Item = W>) -> Result<Vec<Reply<W::Answer>>, StoreError> {
        let mut state = self.state();
        if state.waiting.len() >= FULL {
            return Err(StoreError::new(StoreErrorKind::Unavailable, W::CONTEXT).caused_by("too much is waiting"));
        }
        let handed_in = Instant::now();
        let ticket = |work| {
            let (reply, answer) = oneshot::channel();
            state.waiting.push_back(Ticket { work, handed_in, reply });
            answer
        };
        let replies = works.into_iter().map(ticket).collect();
        while state.working < W::SIDE_BY_SIDE && state.waiting.len() >= state.working * CROWD {
            state.working += 1;
            tokio::spawn(self.clone().work_off());
        }
        Ok(replies)
    }

    async fn work_off(self) {
        let mut turn = Turn { queue: &self, ended: false };
        loop {
            self.let_others_come().await;
            let line = self.lines.take(W::WRITES).await;
            let Some(batch) = self.next_batch(&mut turn) else {
                if let Ok(line) = line {
                    self.lines.give_back(line);
                }
                return;
            };
            match line {
                Ok(mut line) => {
                    if do_all(batch, &mut line.connection).await {
                        self.lines.give_back(line);
                    }
                }
                Err(error) => refuse(batch, error, false),
            }
        }
    }

    /// Whoever came to be at the same time, or was just answered, gets the chance to hand in work for this turn, as long as
    /// more of them do.
    async fn let_others_come(&self) {
        let mut waiting = 0;
        loop {
            tokio::task::yield_now().await;
            let now_waiting = self.state().waiting.len();
            if now_waiting <= waiting || now_waiting >= W::BATCH {
                return;
            }
            waiting = now_waiting;
        }
    }

    /// What waits and is not late, up to a batch; nothing ends the task.
    fn next_batch(&self, turn: &mut Turn<'_, W>) -> Option<Vec<Ticket<W>>> {
        let mut state = self.state();
        while state.waiting.front().is_some_and(|ticket| ticket.handed_in.elapsed() > BEGUN_WITHIN) {
            state.waiting.pop_front().into_iter().for_each(Ticket::refuse_as_late);
        }
        let count = state.waiting.len().min(W::BATCH);
        if count == 0 {
            // Under the lock: whoever brings the next piece sees that nobody is there.
            state.working -= 1;
            turn.ended = true;
            return None;
        }
        Some(state.waiting.drain(..count).collect())
    }

    /// Whatever panicked elsewhere has left a whole queue.
    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that works a queue off. Should it panic, the next caller starts another.
struct Turn<'a, W: Work> {
    queue: &'a Queue<W>,
    ended: bool,
}

impl<W: Work> Drop for Turn<'_, W> {
    fn drop(&mut self) {
        if !self.ended {
            self.queue.state().working -= 1;
        }
    }
}

async fn answer<W: Work>(reply: Reply<W::Answer>) -> Result<W::Answer, StoreError> {
    reply.await.unwrap_or_else(|error| Err(StoreError::new(StoreErrorKind::Unknown, W::CONTEXT).caused_by(error)))
}

/// Does a batch and answers it; if it fails as a whole, each piece by itself. Says whether the connection is good for more.
async fn do_all<W: Work>(batch: Vec<Ticket<W>>, connection: &mut PgConnection) -> bool {
    let pieces: Vec<&W> = batch.iter().map(|ticket| &ticket.work).collect();
    let error = match attempt(&pieces, connection).await {
        Ok(answers) => {
            reply_all(batch, answers);
            return true;
        }
        Err(error) => error,
    };
    if batch.len() == 1 || !is_undone(&error) {
        refuse(batch, error, true);
        return false;
    }
    tracing::warn!(%error, pieces = batch.len(), context = W::CONTEXT, "a batch failed; its pieces are tried one by one");
    let mut rest = batch.into_iter();
    while let Some(ticket) = rest.next() {
        match attempt(&[&ticket.work], connection).await {
            Ok(answers) => reply_all(vec![ticket], answers),
            // Each more would only wait as long.
            Err(error) if kind(&error, W::WRITES) == StoreErrorKind::Unavailable => {
                refuse([ticket].into_iter().chain(rest), error, true);
                return false;
            }
            Err(error) => refuse([ticket], error, true),
        }
    }
    false
}

/// Does pieces, again where another transaction got in the way: PostgreSQL has undone this one then.
async fn attempt<W: Work>(pieces: &[&W], connection: &mut PgConnection) -> Result<Vec<W::Answer>, sqlx::Error> {
    let mut tries = 1;
    loop {
        let work = tokio::time::timeout(SILENCE, W::perform(pieces, connection));
        let result = work.await.unwrap_or_else(|silent| Err(sqlx::Error::Io(silent.into())));
        match result {
            Err(error) if tries < TRIES && is_crossed(&error) => {
                tracing::debug!(%error, context = W::CONTEXT, "repeated")
            }
            Ok(answers) if answers.len() != pieces.len() => return Err(unknown("another number of answers")),
            result => return result,
        }
        tries += 1;
    }
}

fn reply_all<W: Work>(batch: Vec<Ticket<W>>, answers: Vec<W::Answer>) {
    for (ticket, answer) in batch.into_iter().zip(answers) {
        // A caller that was dropped does not care.
        let _ = ticket.reply.send(Ok(answer));
    }
}

fn refuse<W: Work>(batch: impl IntoIterator<Item = Ticket<W>>, error: sqlx::Error, was_sent: bool) {
    let kind = kind(&error, W::WRITES && was_sent);
    let cause = Arc::new(error);
    for ticket in batch {
        let _ = ticket.reply.send(Err(StoreError::new(kind, W::CONTEXT).caused_by(cause.clone())));
    }
}

/// All answers; a failure of one is the failure of all, and says whether any was done.
pub(super) fn each_or_none<A>(
    answers: Vec<Result<A, StoreError>>,
    context: &'static str,
) -> Result<Vec<A>, StoreError> {
    let mut done = Vec::with_capacity(answers.len());
    let mut failures = Vec::new();
    for answer in answers {
        match answer {
            Ok(answer) => done.push(answer),
            Err(error) => failures.push(error),
        }
    }
    let landed = !done.is_empty();
    whole_failure(failures, landed, context).map_or(Ok(done), Err)
}

/// Answers as they were asked for: the first of them belongs to the first of `places`.
pub(super) fn in_order<A>(places: &[usize], answers: Vec<A>) -> Vec<A> {
    let mut answers: Vec<(&usize, A)> = places.iter().zip(answers).collect();
    answers.sort_by_key(|(place, _)| **place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// A list in JSON, of values in JSON.
pub(super) fn list<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut list = String::from("[");
    for value in values {
        list.push_str(if list.len() > 1 { "," } else { "" });
        list.push_str(value);
    }
    list.push(']');
    list
}
