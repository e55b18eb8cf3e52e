//! Who and what a small world has: people, a seat, a target, and how much may go wrong.

use seatgate_core::authorize::Action as Right;
use seatgate_core::id::{AccountId, CardId, PersonRef, RequestId, SweepId};
use seatgate_core::person::{Actor, Text, TextRef};
use seatgate_core::policy::{Mode, OnExpiry, RetryTerms, Terms};
use seatgate_core::port::{Entropy, SeededEntropy};
use seatgate_core::request::{
    Asked, Command, CommandKind, EventKind, Opening, Origin, Outcome, Request, Resolution, Subject, TargetFacts, Why,
};
use seatgate_core::seat::{App, AppId, Seat};
use seatgate_core::time::{Span, Timestamp};

use super::state::Race;

/// When every request of the model is opened: 2026-11-20.
const OPENED: i64 = 1_795_132_800;
const DAY: i64 = 86_400;

/// The people of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// Holds the seat.
    Ana,
    /// Manages Ana and is asked.
    Mona,
    /// Operates seatgate.
    Olga,
    /// Uploaded the sweep; was not asked.
    Sam,
}

/// What somebody wants of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wish {
    Approve,
    Keep,
    Undo,
    Withdraw,
    Stop,
    /// To answer the pause that they saw.
    Answer(Resolution),
}

impl Wish {
    pub(crate) fn command(self, request: &Request, pause: Option<u32>, reason: TextRef) -> Option<Command> {
        let reason = Some(reason);
        Some(match self {
            Self::Approve => Command::Approve { reason },
            Self::Keep => Command::Keep { reason, until: None },
            Self::Undo => Command::Undo { reason },
            Self::Withdraw => Command::Withdraw { reason },
            Self::Stop => Command::Stop { reason },
            Self::Answer(resolution) => {
                let task = request.plan.tasks.first()?.id;
                Command::Resolve { task, pause: pause?, resolution, reason }
            }
        })
    }
}

/// Who may do what by the promises, said without asking the core: the manager who was asked and the operator decide;
/// whoever holds the seat or uploaded the sweep does not.
pub(crate) fn is_entitled(who: Who, right: Right) -> bool {
    match right {
        Right::Approve | Right::Keep | Right::Undo => matches!(who, Who::Mona | Who::Olga),
        _ => who == Who::Olga,
    }
}

/// What the target is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// A repeat with the same key does nothing twice.
    pub(crate) idempotent: bool,
    /// What it removes can be given back.
    pub(crate) reversible: bool,
    /// It tells whether the seat is held; else it never can.
    pub(crate) probeable: bool,
    /// It may accept a removal and do it later.
    pub(crate) accepts: bool,
}

/// Repeats are harmless; it tells nothing.
pub(crate) const IDEMPOTENT: Target = Target { idempotent: true, reversible: true, probeable: false, accepts: false };
/// Promises nothing, but tells who holds a seat.
pub(crate) const PROBEABLE: Target = Target { idempotent: false, reversible: false, probeable: true, accepts: false };
/// Promises and tells nothing.
pub(crate) const OPAQUE: Target = Target { idempotent: false, reversible: false, probeable: false, accepts: false };
/// Accepts removals, and tells later whether they are done.
pub(crate) const ACCEPTING: Target = Target { idempotent: true, reversible: false, probeable: true, accepts: true };

/// How far the request has come when the model starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Mona is asked.
    Asked,
    /// Mona has approved: the removal is ready.
    Approved,
    /// Mona has kept the seat: the exception is to be filed.
    Kept,
}

/// One small world, all of whose histories are checked.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) start: Start,
    pub(crate) mode: Mode,
    pub(crate) target: Target,
    /// Whether approvals wait for a day.
    pub(crate) grace: bool,
    pub(crate) on_expiry: OnExpiry,
    /// Ambiguous attempts in a row that are allowed.
    pub(crate) attempts: u32,
    /// Everybody wants one thing, at whatever time.
    pub(crate) wishes: Vec<(Who, Wish)>,
    /// So many things go wrong at most: see [`super::world`].
    pub(crate) troubles: u8,
    /// So many days may pass; all deadlines are a day.
    pub(crate) days: u8,
    /// The checks before Begin may find that the seat was used again, and accounts may turn out to be one.
    pub(crate) checks: bool,
    /// The target is looked at once more after the end.
    pub(crate) verifies: bool,
    /// What some history must come to, so that the check is about something.
    pub(crate) outcomes: &'static [Outcome],
    /// Commands that some history must accept.
    pub(crate) commands: &'static [CommandKind],
    /// Events that some history must record.
    pub(crate) events: &'static [EventKind],
    /// Races that some history must run.
    pub(crate) races: &'static [Race],
}

impl Scene {
    /// A world in which nothing goes wrong and nobody wants anything.
    pub(crate) fn new(name: &'static str, start: Start, target: Target) -> Self {
        Self {
            name,
            start,
            mode: Mode::Live,
            target,
            grace: false,
            on_expiry: OnExpiry::Close,
            attempts: 3,
            wishes: Vec::new(),
            troubles: 0,
            days: 0,
            checks: false,
            verifies: false,
            outcomes: &[],
            commands: &[],
            events: &[],
            races: &[],
        }
    }

    fn terms(&self) -> Terms {
        Terms {
            grace: Span::days(self.grace.into()),
            expire_after: Span::days(1),
            on_expiry: self.on_expiry,
            remind_after: Vec::new(),
            escalate_after: Span::days(0),
            retry: RetryTerms {
                first: Span::seconds(0),
                attempts: self.attempts,
                give_up_after: Span::days(1),
                ..RetryTerms::default()
            },
            ..Terms::default()
        }
    }
}

/// The names behind a scene: ids are the same in every history.
#[derive(Debug)]
pub(crate) struct Names {
    people: [PersonRef; 4],
    pub(crate) reason: TextRef,
}

impl Names {
    pub(crate) fn new() -> Self {
        let entropy = SeededEntropy::new(1);
        let people = std::array::from_fn(|_| PersonRef::generate(day(0), &entropy));
        let reason = Text::new("I looked it up", None, day(0), &entropy).reference;
        Self { people, reason }
    }

    pub(crate) fn person(&self, who: Who) -> PersonRef {
        self.people[who as usize]
    }

    pub(crate) fn actor(&self, who: Who) -> Actor {
        Actor::Person(self.person(who))
    }

    /// The request about Ana's seat.
    pub(crate) fn request(&self, scene: &Scene) -> Request {
        let entropy = SeededEntropy::new(2);
        let app: AppId = "figma".parse().unwrap();
        let account = AccountId::generate(day(0), &entropy);
        let seat = Seat::new(App::new(app, None), account, "pro".parse().unwrap(), Some(self.person(Who::Ana)));
        let origin = Origin::new(SweepId::generate(day(0), &entropy), 0, self.actor(Who::Sam));
        let mona = Asked::new(self.person(Who::Mona), Why::Manager, CardId::generate(day(0), &entropy));
        let opening =
            Opening::new(Subject::Seat(seat), origin, scene.mode, "0123456789abcdef".to_owned(), scene.terms());
        Request::open(RequestId::generate(day(0), &entropy), day(0), opening.asking(vec![mona]))
    }
}

/// The instant so many days after the opening.
pub(crate) fn day(days: u8) -> Timestamp {
    Timestamp::from_micros((OPENED + i64::from(days) * DAY) * 1_000_000)
}

/// Chance has no part in the model: ids are the same in every history, and no wait is longer than nothing.
pub(crate) fn no_chance() -> impl Entropy {
    SeededEntropy::new(3)
}

pub(crate) fn target_facts(target: Target) -> TargetFacts {
    TargetFacts::new(target.idempotent, target.reversible)
}
