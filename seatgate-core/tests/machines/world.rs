//! People, seats and requests to test with.

use seatgate_core::id::{AccountId, CardId, PersonRef, RequestId, SweepId, TaskId};
use seatgate_core::person::{Actor, MatchedBy, Surface, Text, TextRef};
use seatgate_core::policy::{Mode, Terms};
use seatgate_core::port::SeededEntropy;
use seatgate_core::request::{
    Asked, AttemptResult, Command, Context, Decision, Event, Fact, Offboarding, Opening, Origin, ProbeAnswer, Refusal,
    Relation, RemovalKind, Request, Resolution, Subject, TargetFacts, Task, TaskAction, TaskState, Transition, Why,
};
use seatgate_core::seat::{Activity, App, AppId, Evidence, Seat};
use seatgate_core::time::{Span, Timestamp};

/// When the requests of these tests are opened: 2026-11-20.
pub(crate) const OPENED: i64 = 1_795_132_800;

/// The instant so many seconds after the opening.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((OPENED + seconds) * 1_000_000)
}

/// A repeatable world with a few people.
pub(crate) struct World {
    pub(crate) entropy: SeededEntropy,
    pub(crate) now: Timestamp,
    pub(crate) target: TargetFacts,
    /// Holds the seat.
    pub(crate) ana: PersonRef,
    /// Manages Ana and is asked.
    pub(crate) mona: PersonRef,
    /// Operates seatgate.
    pub(crate) olga: PersonRef,
    /// Uploaded the sweep.
    pub(crate) sam: PersonRef,
    /// Manages Mona.
    pub(crate) nora: PersonRef,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::seeded(7)
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        let entropy = SeededEntropy::new(seed);
        let person = || PersonRef::generate(at(0), &entropy);
        let (ana, mona, olga, sam, nora) = (person(), person(), person(), person(), person());
        Self { now: at(0), target: TargetFacts::new(true, true), ana, mona, olga, sam, nora, entropy }
    }

    pub(crate) fn app() -> AppId {
        "figma".parse().unwrap()
    }

    pub(crate) fn text(&self, body: &str) -> TextRef {
        Text::new(body, None, self.now, &self.entropy).reference
    }

    pub(crate) fn opening(&self, mode: Mode, terms: Terms) -> Opening {
        let account = AccountId::generate(at(0), &self.entropy);
        let app = App::new(Self::app(), Some("Figma".to_owned()));
        let seat = Seat::new(app, account, "pro".parse().unwrap(), Some(self.ana));
        let origin = Origin::new(SweepId::generate(at(0), &self.entropy), 0, Actor::Person(self.sam));
        let received = self.text("{\"account\":{\"email\":\"ana@example.com\",\"name\":\"Ana Ruiz\"}}");
        let evidence = Evidence::new(Activity::NeverUsed, at(0), None, received);
        let card = CardId::generate(at(0), &self.entropy);
        Opening::new(Subject::Seat(seat), origin, mode, "0123456789abcdef".to_owned(), terms)
            .with_evidence(evidence)
            .asking(vec![Asked::new(self.mona, Why::Manager, card)])
            .telling(Some("C0SWEEP".parse().unwrap()))
    }

    /// A live request under `terms`.
    pub(crate) fn request(&self, terms: Terms) -> Request {
        let id = RequestId::generate(at(0), &self.entropy);
        Request::open(id, at(0), self.opening(Mode::Live, terms))
    }

    /// The offboarding of Ana by these tasks, which Mona asked for and Olga is asked to approve.
    pub(crate) fn leaving(&self, tasks: Vec<Task>) -> Request {
        let asked = vec![Asked::new(self.olga, Why::FourEyes, CardId::generate(at(0), &self.entropy))];
        let mut opening = self.opening(Mode::Live, Terms::default()).asking(asked);
        (opening.subject, opening.evidence) = (Subject::Person(self.ana), None);
        opening.origin = Origin::offboarding(Actor::Person(self.mona));
        let opening = opening.offboarding(Offboarding::new("leaver", true, None), tasks);
        Request::open(RequestId::generate(at(0), &self.entropy), at(0), opening)
    }

    /// A task that somebody does by hand.
    pub(crate) fn by_hand(&self, name: &str, assignee: PersonRef) -> Task {
        Task::new(TaskId::generate(at(0), &self.entropy), name, TaskAction::Manual { assignee })
    }

    /// A task that removes the seat.
    pub(crate) fn removal(&self, name: &str) -> Task {
        Task::new(TaskId::generate(at(0), &self.entropy), name, TaskAction::Remove { app: Self::app() })
    }

    /// The decision to remove, with a plan of these tasks.
    pub(crate) fn approval_of(&self, tasks: Vec<Task>) -> Fact {
        let event = Event::Decided {
            decision: Decision::Approve,
            relation: Relation::Approver,
            matched_by: MatchedBy::Identity,
            reason: None,
            keep_until: None,
            seen: None,
            grace_until: None,
            tasks,
        };
        Fact::new(self.now, Actor::Person(self.mona), None, Surface::Inbox, event)
    }

    pub(crate) fn context(&self) -> Context<'_> {
        let actor = Actor::Person(self.mona);
        let context = Context::new(self.now, &self.entropy, actor, Surface::Inbox);
        context.by_right_of(Relation::Approver).delivered_at(Some(at(0))).with_target(self.target)
    }

    /// Judges `command` as the worker would (for its own commands) or Mona (for all others).
    pub(crate) fn judge(&self, request: &Request, command: &Command) -> Result<Transition, Refusal> {
        request.handle(command, &self.context_of(command))
    }

    pub(crate) fn context_of(&self, command: &Command) -> Context<'_> {
        if seatgate_core::authorize::Action::of(command).is_some() {
            return self.context();
        }
        Context::worker(self.now, &self.entropy).delivered_at(Some(at(0))).with_target(self.target)
    }

    /// The state after `command`, which must be accepted.
    pub(crate) fn then(&self, request: &Request, command: Command) -> Request {
        self.judge(request, &command).unwrap_or_else(|refusal| panic!("{command:?}: {refusal}")).after
    }

    /// A request whose removal was approved and is ready.
    pub(crate) fn approved(&self) -> Request {
        self.then(&self.request(Terms::default()), APPROVE)
    }

    /// A request whose removal has begun.
    pub(crate) fn begun(&self) -> Request {
        let ready = self.approved();
        self.then(&ready, begin(&ready))
    }

    /// A request that is kept; the exception is to be filed.
    pub(crate) fn kept(&self) -> Request {
        self.then(&self.request(Terms::default()), self.keep())
    }

    pub(crate) fn keep(&self) -> Command {
        Command::Keep { reason: Some(self.text("Ana is on leave")), until: None }
    }
}

/// Terms with a day of grace.
pub(crate) fn with_grace() -> Terms {
    Terms { grace: Span::days(1), ..Terms::default() }
}

pub(crate) const APPROVE: Command = Command::Approve { reason: None };
pub(crate) const UNDO: Command = Command::Undo { reason: None };
pub(crate) const WITHDRAW: Command = Command::Withdraw { reason: None };
pub(crate) const STOP: Command = Command::Stop { reason: None };

pub(crate) const REMOVED: AttemptResult =
    AttemptResult::Done { removal: Some(RemovalKind::Removed), receipt: None, location: None };
pub(crate) const PENDING: AttemptResult =
    AttemptResult::Done { removal: Some(RemovalKind::Pending { check_after: None }), receipt: None, location: None };
pub(crate) const NOT_DONE: AttemptResult = AttemptResult::NotDone { retry_at: None, detail: None };
pub(crate) const REJECTED: AttemptResult = AttemptResult::Rejected { detail: None };
pub(crate) const UNKNOWN: AttemptResult = AttemptResult::Unknown { detail: None };

/// The first task of a request's plan.
pub(crate) fn task(request: &Request) -> &Task {
    request.plan.tasks.first().expect("a plan with a task")
}

pub(crate) fn status(request: &Request) -> &'static str {
    task(request).state.label()
}

pub(crate) fn begin(request: &Request) -> Command {
    Command::Begin { task: task(request).id }
}

/// The first task's current attempt ends like this.
pub(crate) fn settle(request: &Request, result: AttemptResult) -> Command {
    let task = task(request);
    Command::Settle { task: task.id, attempt: task.attempts, result }
}

pub(crate) fn lose_lease(request: &Request) -> Command {
    let task = task(request);
    Command::LoseLease { task: task.id, attempt: task.attempts }
}

pub(crate) fn probed(request: &Request, answer: ProbeAnswer) -> Command {
    Command::Probed { task: task(request).id, answer, receipt: None }
}

/// A late result of the first task's attempt number `attempt`.
pub(crate) fn observe(request: &Request, attempt: u32, result: AttemptResult) -> Command {
    Command::Observe { task: task(request).id, attempt, result }
}

/// A human's answer to the first task's current pause.
pub(crate) fn resolve(world: &World, request: &Request, resolution: Resolution) -> Command {
    let task = task(request);
    let reason = Some(world.text("I looked it up"));
    Command::Resolve { task: task.id, pause: task.pauses, resolution, reason }
}

/// When the first task is due, if it waits for a time.
pub(crate) fn due(request: &Request) -> Option<Timestamp> {
    match task(request).state {
        TaskState::Ready { at } | TaskState::Probing { at } => Some(at),
        _ => None,
    }
}
