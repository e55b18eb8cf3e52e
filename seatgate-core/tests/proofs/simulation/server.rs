//! One server: a gate, its worker, and a driver in the manner of the core's own.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use seatgate_core::gate::Gate;
use seatgate_core::policy::Mode;
use seatgate_core::retry::Backoff;
use seatgate_core::worker::{Bundle, Finished, Worker};

use super::stage::{Newcomer, Role, Stage};
use super::world::{OPERATORS, World};

/// A running process.
pub struct Server {
    pub id: usize,
    pub gate: Gate,
    /// Whether it has started and takes calls.
    pub ready: Arc<AtomicBool>,
}

#[derive(Default)]
struct Bell {
    rung: AtomicBool,
    listener: Mutex<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        self.rung.store(true, Ordering::Relaxed);
        self.listener.lock().unwrap().take().into_iter().for_each(Waker::wake);
    }

    /// Waits for a ring, or as long as `sleep` takes.
    async fn or(&self, sleep: impl Future<Output = ()>) {
        let mut sleep = pin!(sleep);
        std::future::poll_fn(|context| {
            if self.rung.swap(false, Ordering::Relaxed) {
                return Poll::Ready(());
            }
            *self.listener.lock().unwrap() = Some(context.waker().clone());
            sleep.as_mut().poll(context)
        })
        .await;
    }
}

impl Server {
    pub fn start(world: &Arc<World>, id: usize) -> Self {
        let stage = &world.stage;
        let ahead = if stage.features.skewed { *stage.chance.pick(&[0, 1, 30, 240]) } else { 0 };
        let gate = world.gate(id, Duration::from_secs(ahead));
        let timer = Arc::clone(stage);
        let worker = Worker::new(&gate).with_timer(move |time| timer.sleep(time));
        let bell = Arc::new(Bell::default());
        let listener = Arc::clone(&bell);
        gate.on_commit(move || listener.ring());
        let ready = Arc::new(AtomicBool::new(false));
        let driver = Driver { stage: Arc::clone(stage), worker, bell, server: id, ready: Arc::clone(&ready) };
        let future = Box::pin(driver.run());
        stage.spawn(Newcomer { server: id, role: Role::Driver, name: "driver", future, claims: Vec::new() });
        Self { id, gate, ready }
    }

    pub fn is_live(&self) -> bool {
        self.gate.settings().mode == Mode::Live
    }
}

struct Driver {
    stage: Arc<Stage>,
    worker: Worker,
    bell: Arc<Bell>,
    server: usize,
    ready: Arc<AtomicBool>,
}

impl Driver {
    async fn run(self) {
        while self.boot().await.is_err() {
            self.stage.sleep(Duration::from_secs(1)).await;
        }
        self.ready.store(true, Ordering::Relaxed);
        loop {
            let wait = self.claim().await;
            self.bell.or(self.stage.sleep(wait)).await;
        }
    }

    async fn boot(&self) -> Result<(), seatgate_core::gate::GateError> {
        let gate = self.worker.gate();
        gate.appoint(&OPERATORS.map(|operator| operator.parse().unwrap())).await?;
        gate.start_mode(None).await.map(|_| ())
    }

    /// Takes what is due, and says how long to wait when nothing happens.
    async fn claim(&self) -> Duration {
        let (moment, poll) = (Duration::from_millis(20), Duration::from_secs(5));
        self.worker.gate().flush_access().await;
        let Ok(claims) = self.worker.claim(self.stage.features.in_flight).await else { return poll };
        let full = claims.items.len() == self.stage.features.in_flight;
        let any = !claims.items.is_empty();
        for bundle in Bundle::all_of(claims.items) {
            self.work_on(bundle);
        }
        let due = claims.next_due.map(|due| due.since(self.worker.gate().now()));
        match due {
            Some(due) if !full => due.clamp(moment, self.longest_wait(any)),
            Some(_) => moment.max(Duration::from_secs(1)),
            None => self.longest_wait(any),
        }
    }

    /// When all is calm nobody looks every few seconds: the days until a deadline pass quickly.
    fn longest_wait(&self, busy: bool) -> Duration {
        match (self.stage.is_calm(), busy) {
            (true, false) => Duration::from_secs(6 * 3_600),
            (true, true) => Duration::from_secs(30),
            (false, _) => Duration::from_secs(5),
        }
    }

    fn work_on(&self, bundle: Bundle) {
        let (stage, worker) = (Arc::clone(&self.stage), self.worker.clone());
        let claims = bundle.items().map(|claimed| (claimed.item.key(), claimed.token)).collect();
        let future = Box::pin(async move {
            let patience = worker.patience(&bundle);
            if let Some(finished) = within(&stage, patience, worker.perform(bundle)).await {
                settle(&stage, &worker, finished).await;
            }
        });
        self.stage.spawn(Newcomer { server: self.server, role: Role::Work, name: "work", future, claims });
    }
}

async fn within<F: Future>(stage: &Arc<Stage>, time: Duration, work: F) -> Option<F::Output> {
    let (mut work, mut sleep) = (pin!(work), pin!(stage.sleep(time)));
    std::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
    })
    .await
}

async fn settle(stage: &Arc<Stage>, worker: &Worker, finished: Finished) {
    const AGAIN: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(8));
    for attempt in 1..=9 {
        match worker.settle(vec![finished.clone()]).await {
            Err(error) if error.is_transient() => stage.sleep(AGAIN.delay(attempt, u64::MAX)).await,
            _ => return,
        }
    }
}
