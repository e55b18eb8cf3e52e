//! What a schedule plays on: luck, time, who runs now, and the record of everything.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use seatgate_core::port::{Clock, StoreErrorKind};
use seatgate_core::testing::ManualClock;
use seatgate_core::time::Timestamp;

use super::chance::Chance;
use super::features::Features;
use super::reached::{Counts, Reached};
use super::seen::{By, Seen};
use super::stepped::{Failed, Moment, Pause, Steps, turn};

pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a future is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The loop of a server.
    Driver,
    /// A bundle of items.
    Work,
    /// A call from outside.
    Client,
    /// A call that reaches its target late. It dies with no server of ours.
    Late,
}

/// A future that is to run.
pub struct Newcomer {
    pub server: usize,
    pub role: Role,
    pub name: &'static str,
    pub future: Running,
    /// What it works on: keys and tokens.
    pub claims: Vec<(String, u64)>,
}

/// Shared by everything of one schedule.
pub struct Stage {
    pub chance: Chance,
    pub features: Features,
    pub clock: Arc<ManualClock>,
    pub lease_clock: Arc<ManualClock>,
    /// The mishaps are over.
    calm: AtomicBool,
    log: Mutex<Log>,
    timers: Mutex<Vec<(Timestamp, Waker)>>,
    newcomers: Mutex<Vec<Newcomer>>,
}

/// What has happened so far.
pub struct Log {
    pub running: By,
    /// What the running future works on.
    pub claims: Vec<(String, u64)>,
    pub step: u64,
    pub seen: Vec<Seen>,
    pub counts: Counts,
    /// Changes with every step, and is the same for the same schedule.
    pub digest: u64,
    /// The steps in words, if they are wanted.
    pub trace: Option<Vec<String>>,
}

impl Stage {
    pub fn new(seed: u64, traced: bool) -> Self {
        let chance = Chance::new(seed);
        let features = Features::draw(&chance);
        let now: Timestamp = "2026-11-20T06:00:00Z".parse().unwrap();
        let log = Log {
            running: By { server: 0, task: 0, since: 0 },
            claims: Vec::new(),
            step: 0,
            seen: Vec::new(),
            counts: Counts::default(),
            digest: seed,
            trace: traced.then(Vec::new),
        };
        Self {
            chance,
            features,
            clock: Arc::new(ManualClock::new(now)),
            lease_clock: Arc::new(ManualClock::new(now)),
            calm: AtomicBool::new(false),
            log: Mutex::new(log),
            timers: Mutex::default(),
            newcomers: Mutex::default(),
        }
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Whether a mishap happens that happens once in `n` times.
    pub fn mishap(&self, n: u32) -> bool {
        !self.is_calm() && self.chance.one_in(n)
    }

    pub fn meet(&self, reached: Reached) {
        self.log().counts.meet(reached);
    }

    pub fn see(&self, seen: Seen) {
        self.log().seen.push(seen);
    }

    /// Writes a step down: into the digest always, into the trace where one is wanted.
    pub fn note(&self, word: &'static str, number: u64) {
        const PRIME: u64 = 0x0000_0100_0000_01B3;
        let mut log = self.log();
        let mut digest = log.digest;
        for byte in word.bytes().chain(number.to_le_bytes()) {
            digest = (digest ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        log.digest = digest;
        let (by, step) = (log.running, log.step);
        if let Some(trace) = &mut log.trace {
            trace.push(format!("{step} {} server {} future {}: {word} {number}", self.clock.now(), by.server, by.task));
        }
    }

    /// Writes more down where a trace is wanted.
    pub fn tell(&self, words: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.log().trace {
            trace.push(format!("    {}", words()));
        }
    }

    pub fn spawn(&self, newcomer: Newcomer) {
        self.newcomers.lock().unwrap().push(newcomer);
    }

    pub fn newcomers(&self) -> Vec<Newcomer> {
        std::mem::take(&mut self.newcomers.lock().unwrap())
    }

    /// Time goes by, for leases as well.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.lease_clock.advance(time);
        self.wake_sleepers();
    }

    pub fn wake_sleepers(&self) {
        let now = self.clock.now();
        self.timers.lock().unwrap().retain(|(at, waker)| {
            if *at <= now {
                waker.wake_by_ref();
            }
            *at > now
        });
    }

    /// When the first sleeper wakes.
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.timers.lock().unwrap().iter().map(|(at, _)| *at).min()
    }

    pub fn sleep(self: &Arc<Self>, time: Duration) -> impl Future<Output = ()> + Send + use<> {
        let (stage, until) = (Arc::clone(self), self.clock.now().saturating_add(time));
        std::future::poll_fn(move |context| {
            if stage.clock.now() >= until {
                return Poll::Ready(());
            }
            stage.timers.lock().unwrap().push((until, context.waker().clone()));
            Poll::Pending
        })
    }

    /// Steps at which everybody takes turns and a store may fail.
    pub fn steps(self: &Arc<Self>, fails: bool) -> Steps {
        let stage = Arc::clone(self);
        Steps::failing(move |moment| {
            let stage = Arc::clone(&stage);
            Box::pin(async move {
                stage.note(moment.call, u64::from(moment.after));
                turn().await;
                if fails { stage.fault(moment) } else { Ok(()) }
            }) as Pause
        })
    }

    fn fault(&self, moment: Moment) -> Result<(), Failed> {
        if moment.after {
            if self.mishap(self.features.store_after) {
                self.meet(Reached::StoreErrorAfter);
                self.note("the reply is lost", 0);
                return Err(Failed(StoreErrorKind::Unknown));
            }
        } else if self.mishap(self.features.store_before) {
            self.meet(Reached::StoreErrorBefore);
            self.note("the store fails", 0);
            let unclear = self.chance.one_in(2);
            return Err(Failed(if unclear { StoreErrorKind::Unknown } else { StoreErrorKind::Unavailable }));
        }
        Ok(())
    }
}

/// The clock of one server, which is ahead of the others.
pub struct ServerClock {
    pub clock: Arc<ManualClock>,
    pub ahead: Duration,
}

impl Clock for ServerClock {
    fn now(&self) -> Timestamp {
        self.clock.now().saturating_add(self.ahead)
    }
}
