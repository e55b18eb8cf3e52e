//! Who and what a small world has: people, a seat, a target, and how much may go wrong.

use seatgate_core::id::{AccountId, CardId, DelegationId, PersonRef, RequestId, SweepId};
use seatgate_core::person::{Actor, Text, TextRef};
use seatgate_core::policy::{Mode, OnExpiry, RetryTerms, Terms};
use seatgate_core::port::{Delegation, DirectoryEntry, Entropy, Period, SeededEntropy};
use seatgate_core::request::{
    Asked, Command, CommandKind, EventKind, Opening, Origin, Outcome, Request, Resolution, Subject, TargetFacts, Why,
};
use seatgate_core::route::Known;
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
    /// Manages Mona.
    Nora,
    /// May stand in for Mona.
    Dan,
}

const EVERYBODY: [Who; 6] = [Who::Ana, Who::Mona, Who::Olga, Who::Sam, Who::Nora, Who::Dan];

/// What somebody wants of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wish {
    Approve,
    Keep,
    Undo,
    Withdraw,
    Stop,
    /// To approve, whereupon the target says that the seat was used again.
    ApproveUsed,
    /// To hand it to somebody else.
    Reassign(Who),
    /// To go on under a policy that wants so many approvals.
    Apply(u32),
    /// To answer the pause that they saw.
    Answer(Resolution),
}

impl Wish {
    pub(crate) fn command(self, request: &Request, pause: Option<u32>, names: &Names) -> Option<Command> {
        let reason = Some(names.reason);
        Some(match self {
            Self::ApproveUsed => Command::ComeBack,
            Self::Reassign(who) => Command::Reassign { to: names.person(who), reason },
            Self::Apply(quorum) => {
                let terms = Box::new(Terms { quorum, ..request.terms.clone() });
                Command::ApplyPolicy { version: format!("quorum-{quorum}"), terms }
            }
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
    /// Who is asked at first.
    pub(crate) asked: &'static [Who],
    /// So many people must approve.
    pub(crate) quorum: u32,
    /// Whoever is asked is reminded after so many days each.
    pub(crate) reminders: &'static [u64],
    /// Others are asked as well after so many days, if at all.
    pub(crate) escalates: u64,
    /// Time is up after so many days.
    pub(crate) expires: u64,
    /// Dan stands in for Mona between these days.
    pub(crate) delegated: Option<(u8, u8)>,
    /// Mona has left from this day on.
    pub(crate) leaves: Option<u8>,
    /// Everybody wants one thing, at whatever time.
    pub(crate) wishes: Vec<(Who, Wish)>,
    /// So many things go wrong at most: see [`super::world`].
    pub(crate) troubles: u8,
    /// So many days may pass.
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
            asked: &[Who::Mona],
            quorum: 1,
            reminders: &[],
            escalates: 0,
            expires: 1,
            delegated: None,
            leaves: None,
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
            quorum: self.quorum,
            holder_wait: Span::days(1),
            remind_after: self.reminders.iter().map(|after| Span::days(*after)).collect(),
            escalate_after: Span::days(self.escalates),
            expire_after: Span::days(self.expires),
            on_expiry: self.on_expiry,
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

impl Scene {
    /// What the directory says on this day.
    pub(crate) fn known(&self, names: &Names, today: u8) -> Known {
        let [_, mona, olga, _, nora, dan] = names.people;
        let entry = |who: Who| {
            let mut entry = DirectoryEntry::unknown(names.person(who));
            match who {
                Who::Ana => entry.manager = Some(mona),
                Who::Mona => {
                    entry.manager = Some(nora);
                    entry.disabled = self.leaves.is_some_and(|day| today >= day);
                    let id = DelegationId::generate(day(0), &SeededEntropy::new(4));
                    let delegation = |(from, to)| Delegation::new(id, mona, dan, Period::new(day(from), Some(day(to))));
                    entry.delegations = self.delegated.map(delegation).into_iter().collect();
                }
                _ => {}
            }
            entry
        };
        let mut known = Known::new([olga]);
        known.learn(EVERYBODY.map(entry));
        known.owners.insert(app(), vec![]);
        known
    }

    /// How somebody is asked at first.
    fn asking(&self, who: Who, names: &Names, card: CardId) -> Asked {
        let why = if who == Who::Ana { Why::Holder } else { Why::Manager };
        let mut asked = Asked::new(names.person(who), why, card);
        if let Some((0, to)) = self.delegated.filter(|_| who == Who::Mona) {
            asked = Asked::new(names.person(Who::Dan), Why::Delegate, card);
            (asked.on_behalf_of, asked.until) = (Some(names.person(who)), Some(day(to)));
        }
        asked
    }
}

/// When the first of those who are asked got their card: it arrives at once.
pub(crate) fn delivered(request: &Request) -> Option<Timestamp> {
    request.approval.active().map(|asked| asked.at.unwrap_or(request.opened_at)).min()
}

fn app() -> AppId {
    "figma".parse().unwrap()
}

/// The names behind a scene: ids are the same in every history.
#[derive(Debug)]
pub(crate) struct Names {
    people: [PersonRef; 6],
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
        let account = AccountId::generate(day(0), &entropy);
        let seat = Seat::new(App::new(app(), None), account, "pro".parse().unwrap(), Some(self.person(Who::Ana)));
        let origin = Origin::new(SweepId::generate(day(0), &entropy), 0, self.actor(Who::Sam));
        let ask = |who: &Who| scene.asking(*who, self, CardId::generate(day(0), &entropy));
        let asked = scene.asked.iter().map(ask).collect();
        let opening =
            Opening::new(Subject::Seat(seat), origin, scene.mode, "0123456789abcdef".to_owned(), scene.terms());
        Request::open(RequestId::generate(day(0), &entropy), day(0), opening.asking(asked))
    }
}

/// The instant so many days after the opening.
pub(crate) fn day(days: u8) -> Timestamp {
    Timestamp::from_micros((OPENED + i64::from(days) * DAY) * 1_000_000)
}

/// Chance has no part in the model: ids are the same in every history, but for those of new cards, and no wait is longer
/// than nothing.
pub(crate) fn no_chance(request: &Request) -> impl Entropy + use<> {
    SeededEntropy::new(3 + request.approval.asked.len() as u64)
}

pub(crate) fn target_facts(target: Target) -> TargetFacts {
    TargetFacts::new(target.idempotent, target.reversible)
}
