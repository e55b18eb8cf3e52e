//! Runs a worker on a tokio runtime: many items at a time, with time-outs, woken by commits.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::retry::Backoff;
use crate::time::Timestamp;
use crate::worker::{Bundle, Finished, Worker};

/// So far apart are two claims at the least: what becomes due meanwhile is claimed together. After a rest the first comes
/// at once.
const PACE: Duration = Duration::from_millis(8);
/// So many times as long as a claim takes, the next waits after it, up to [`SLOWEST`]: a store that is busy has fewer
/// claims to grant, each of more items.
const REST: u32 = 2;
/// So far apart are two claims at the most, however long they take.
const SLOWEST: Duration = Duration::from_millis(25);
/// So far apart are two claims that take messages as well. There are more of them than of anything else, each in a lane of
/// its own; what is decided does not wait for them, and a card that changes again meanwhile is shown once.
const MESSAGES: Duration = Duration::from_millis(40);

/// How the driver runs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DriverOptions {
    /// How many items are done at a time.
    pub in_flight: usize,
    /// How long it waits at the most before it looks again: for work, and for a mode that was switched to through another
    /// server. At least a millisecond.
    pub poll: Duration,
    /// How long it waits for items in flight when it is told to stop.
    pub drain: Duration,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self { in_flight: 128, poll: Duration::from_secs(5), drain: Duration::from_secs(20) }
    }
}

/// Works off the agenda until `stop` is ready; then claims nothing more and waits for what is in flight.
///
/// No failure ends it: an item that fails comes back, and a store that fails is asked again at the next poll.
///
/// # Cancel safety
/// Dropping the future drops the items in flight, as a crash would: their leases run out, and they come back.
pub async fn run(worker: Worker, options: DriverOptions, stop: impl Future<Output = ()>) {
    let worker = worker.with_timer(tokio::time::sleep);
    let news = Arc::new(Notify::new());
    let bell = Arc::clone(&news);
    worker.gate().on_commit(move || bell.notify_one());
    let mut tasks = JoinSet::new();
    let mut look = tokio::time::interval(options.poll.max(Duration::from_millis(1)));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(stop);
    let mut messages_from = Instant::now();
    loop {
        let started = Instant::now();
        let wait = claim_and_spawn(&worker, &options, &mut messages_from, &mut tasks).await;
        let pace = tokio::time::sleep_until(started + pace(started.elapsed()));
        tokio::select! {
            () = &mut stop => break,
            () = news.notified() => {}
            () = tokio::time::sleep(wait) => {}
            // A store that is away is asked again.
            _ = look.tick() => { let _ = worker.gate().follow_mode().await; }
            Some(_) = tasks.join_next() => {}
        }
        tokio::select! {
            () = &mut stop => break,
            () = pace => {}
        }
        while tasks.try_join_next().is_some() {}
    }
    let drained = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(options.drain, drained).await;
    worker.gate().flush_access().await;
}

/// How far apart two claims are of which the first took so long.
fn pace(claim: Duration) -> Duration {
    (claim * (1 + REST)).clamp(PACE, SLOWEST.max(claim))
}

/// Fills up what is in flight, and says how long to wait when nothing happens. Messages are claimed as well from
/// `messages_from` on, which moves on only when they were: so nothing else fills all the room before them.
async fn claim_and_spawn(
    worker: &Worker,
    options: &DriverOptions,
    messages_from: &mut Instant,
    tasks: &mut JoinSet<()>,
) -> Duration {
    worker.gate().flush_access().await;
    let free = options.in_flight.saturating_sub(tasks.len());
    if free == 0 {
        return options.poll;
    }
    let messages = Instant::now() >= *messages_from;
    let claims = if messages { worker.claim(free).await } else { worker.claim_but_messages(free).await };
    let Ok(claims) = claims else { return options.poll };
    if messages {
        *messages_from = Instant::now() + MESSAGES;
    }
    let full = claims.items.len() == free;
    for bundle in Bundle::all_of(claims.items) {
        tasks.spawn(work(worker.clone(), bundle));
    }
    let until_due = if full { options.poll } else { wait(options.poll, claims.next_due, worker.gate().now()) };
    // A claim without messages does not say what is due.
    if messages { until_due } else { until_due.min(messages_from.saturating_duration_since(Instant::now())) }
}

async fn work(worker: Worker, bundle: Bundle) {
    let patience = worker.patience(&bundle);
    // Given up, the item is left to its lease, and comes back.
    if let Ok(finished) = tokio::time::timeout(patience, worker.perform(bundle)).await {
        settle(&worker, finished).await;
    }
}

/// A result is all that is known of an effect, so it is kept while the store is away. A good half minute: a lease that
/// ran out by then was taken over, and the result still enters as an observation.
async fn settle(worker: &Worker, finished: Finished) {
    const TRIES: u32 = 9;
    const AGAIN: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(8));
    for attempt in 1..=TRIES {
        match worker.settle(vec![finished.clone()]).await {
            Err(error) if error.is_transient() => tokio::time::sleep(AGAIN.delay(attempt, u64::MAX)).await,
            _ => return,
        }
    }
}

/// At least a moment, so that an item that is due but held back by a quota does not make the loop spin.
fn wait(poll: Duration, next_due: Option<Timestamp>, now: Timestamp) -> Duration {
    const MOMENT: Duration = Duration::from_millis(20);
    next_due.map_or(poll, |due| due.since(now).clamp(MOMENT, poll))
}
