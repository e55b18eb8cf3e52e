//! One state of the small world. Two states with the same fingerprint have the same futures: so version numbers and
//! fencing tokens, which are only ever compared, enter it as the answers to those comparisons.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use seatgate_core::request::{ProbeAnswer, Request};
use seatgate_core::time::Timestamp;

use super::record::Record;
use super::store::{Kind, Row, Store};

/// A request with the hash of all that can change in it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) request: Request,
    pub(crate) digest: u64,
}

impl Case {
    pub(crate) fn new(request: Request) -> Arc<Self> {
        let Request { phase, approval, plan, verified, terms, .. } = &request;
        let text = serde_json::to_string(&(phase, approval, plan, verified, terms.quorum)).unwrap();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Arc::new(Self { digest: hasher.finish(), request })
    }
}

/// What somebody read, and what they will say it was when they commit.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) case: Arc<Case>,
    pub(crate) version: u32,
    /// Their change was kept already, but the answer was lost: they say it again.
    pub(crate) unanswered: bool,
}

/// Somebody with a wish.
#[derive(Debug, Clone)]
pub(crate) enum Person {
    /// Has not clicked, or has to begin again.
    Waiting,
    /// Has a card in front of them that shows this pause.
    Saw(u32),
    /// Their click has read the request, and is about to commit.
    Clicked { pause: Option<u32>, reading: Reading },
    /// Was told what came of it.
    Told,
}

/// An item under a worker's lease.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    pub(crate) kind: Kind,
    pub(crate) token: u32,
    pub(crate) wanted: u32,
}

/// How a call ended, as its worker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reply {
    Done,
    Pending,
    NotDone,
    Rejected,
    Unknown,
}

/// What a worker has to report about the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Report {
    Settle { attempt: u32, reply: Reply },
    Observe { attempt: u32, reply: Reply },
    LoseLease { attempt: u32 },
    Probed(ProbeAnswer),
    UsedAgain,
}

/// One of two workers: the steps of `seatgate_core::worker`, each of which the others may come between.
#[derive(Debug, Clone)]
pub(crate) enum Worker {
    Idle,
    /// Has claimed an item.
    Claimed(Lease),
    /// Has read the request, and is about to commit a Begin or a wake-up, or to call for a look.
    Read(Lease, Reading),
    /// Begin is committed: the call of this attempt is about to be sent, or under way.
    Begun {
        lease: Lease,
        attempt: u32,
        key: u32,
    },
    /// Knows what to report.
    Reports {
        lease: Lease,
        report: Report,
    },
    /// Has read the request again to report, and is about to commit.
    Settles {
        lease: Lease,
        report: Report,
        reading: Reading,
    },
}

impl Worker {
    pub(crate) fn lease(&self) -> Option<Lease> {
        match self {
            Self::Idle => None,
            Self::Claimed(lease) | Self::Read(lease, _) => Some(*lease),
            Self::Begun { lease, .. } | Self::Reports { lease, .. } | Self::Settles { lease, .. } => Some(*lease),
        }
    }
}

/// What is so at the target, whatever anybody believes. Keys are known by their number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Truth {
    /// Keys under which a call was performed: the seat is gone, or the exception filed, if there is one.
    pub(crate) landed: Vec<u32>,
    /// Keys under which a call may still be performed, or never.
    pub(crate) in_the_air: Vec<u32>,
    /// The target has accepted a removal, and will do it.
    pub(crate) accepted: bool,
}

impl Truth {
    pub(crate) fn is_done(&self) -> bool {
        !self.landed.is_empty()
    }

    /// Whether it was performed, or may be yet.
    pub(crate) fn may_happen(&self) -> bool {
        self.is_done() || !self.in_the_air.is_empty()
    }

    /// How many different keys were ever at work.
    pub(crate) fn keys(&self) -> usize {
        let mut keys: Vec<u32> = self.landed.iter().chain(&self.in_the_air).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len()
    }
}

/// A race, or a fault in the middle of something, that the rules are there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Race {
    /// Two people have clicked, and only one can win.
    TwoClicks,
    /// Somebody clicks while a worker is about to commit a wake-up.
    ClickAndWake,
    /// Somebody's change was committed between a worker's look and its Begin.
    OvertakenBegin,
    /// A worker lost its lease after Begin: its call is made all the same.
    StolenLease,
    /// A result came too late to settle anything.
    LateResult,
    /// A worker vanished between Begin and its call.
    CrashAfterBegin,
    /// A worker vanished with a result that it had not reported.
    CrashAfterCall,
    /// A change was kept, and whoever made it did not hear of it.
    LostAnswer,
    /// A change was said again, and found to be kept.
    SaidTwice,
    /// Somebody answered a pause that was over.
    StalePause,
    /// Two calls were made under one key.
    DuplicateCall,
    /// As many ambiguous attempts as are allowed.
    Exhausted,
    /// A call was performed after its worker had given it up.
    LateLanding,
}

impl Race {
    pub(crate) const ALL: [Self; 13] = [
        Self::TwoClicks,
        Self::ClickAndWake,
        Self::OvertakenBegin,
        Self::StolenLease,
        Self::LateResult,
        Self::CrashAfterBegin,
        Self::CrashAfterCall,
        Self::LostAnswer,
        Self::SaidTwice,
        Self::StalePause,
        Self::DuplicateCall,
        Self::Exhausted,
        Self::LateLanding,
    ];
}

/// Everything.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) day: u8,
    pub(crate) store: Store,
    /// In the order of the scene's wishes.
    pub(crate) people: Vec<Person>,
    pub(crate) workers: [Worker; 2],
    pub(crate) truth: Truth,
    /// What an observer has seen.
    pub(crate) record: Record,
    /// So many things may still go wrong.
    pub(crate) troubles: u8,
}

impl State {
    pub(crate) fn request(&self) -> &Request {
        &self.store.case.request
    }

    pub(crate) fn now(&self) -> Timestamp {
        super::scene::day(self.day)
    }

    pub(crate) fn is_current(&self, reading: &Reading) -> bool {
        reading.version == self.store.version
    }

    fn hash_reading<H: Hasher>(&self, reading: &Reading, hasher: &mut H) {
        (reading.case.digest, self.is_current(reading), reading.unanswered).hash(hasher);
    }

    fn hash_lease<H: Hasher>(&self, lease: Lease, hasher: &mut H) {
        let row = self.store.row(lease.kind);
        let ours = row.is_some_and(|row| row.token == lease.token);
        (lease.kind, ours, row.is_some_and(|row| row.wanted == lease.wanted)).hash(hasher);
    }

    fn digest_of(&self, worker: &Worker) -> u64 {
        let mut hasher = DefaultHasher::new();
        std::mem::discriminant(worker).hash(&mut hasher);
        if let Some(lease) = worker.lease() {
            self.hash_lease(lease, &mut hasher);
        }
        match worker {
            Worker::Idle | Worker::Claimed(_) => {}
            Worker::Read(_, reading) => self.hash_reading(reading, &mut hasher),
            Worker::Begun { attempt, key, .. } => (attempt, key).hash(&mut hasher),
            Worker::Reports { report, .. } => report.hash(&mut hasher),
            Worker::Settles { report, reading, .. } => {
                report.hash(&mut hasher);
                self.hash_reading(reading, &mut hasher);
            }
        }
        hasher.finish()
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.day, self.troubles, self.store.case.digest).hash(hasher);
        let row = |row: &Option<Row>| row.as_ref().map(|row| (row.due, row.leased));
        (row(&self.store.wake), row(&self.store.perform)).hash(hasher);
        for person in &self.people {
            std::mem::discriminant(person).hash(hasher);
            match person {
                Person::Waiting | Person::Told => {}
                Person::Saw(pause) => pause.hash(hasher),
                Person::Clicked { pause, reading } => {
                    pause.hash(hasher);
                    self.hash_reading(reading, hasher);
                }
            }
        }
        // It makes no difference which worker is which.
        let mut workers = self.workers.each_ref().map(|worker| self.digest_of(worker));
        workers.sort_unstable();
        workers.hash(hasher);
        (&self.truth, &self.record).hash(hasher);
    }
}

/// By fingerprint: states are told apart by nothing else.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let digest = |state: &Self| {
            let mut hasher = DefaultHasher::new();
            state.hash(&mut hasher);
            hasher.finish()
        };
        digest(self) == digest(other)
    }
}
