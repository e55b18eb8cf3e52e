//! The world around a plan: what can happen next, and what comes of it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use seatgate_core::id::{PersonRef, RequestId, TaskId};
use seatgate_core::person::{Actor, Surface, Text, TextRef};
use seatgate_core::policy::{Mode, RetryTerms, Terms};
use seatgate_core::port::SeededEntropy;
use seatgate_core::request::{
    AttemptResult, Command, Context, Offboarding, Opening, Origin, PauseReason, Phase, ProbeAnswer, Relation,
    RemovalKind, Request, Resolution, Subject, TargetFacts, Task, TaskAction, TaskState,
};
use seatgate_core::time::{Span, Timestamp};

use super::rules;

/// Which tasks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scene {
    /// Two that need nothing, and one that needs both.
    SideBySide,
    /// One for a person, one that needs it, and one that needs nothing.
    ByHand,
}

/// A deliberate mistake around the real core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutant {
    /// What waits becomes ready as soon as anything has ended.
    ReleasesEarly,
    /// Paused tasks stay when the plan is stopped.
    StopLeavesPauses,
    /// What may have happened is forgotten when a task is skipped.
    ForgetsDoubt,
    /// The request closes although a task waits.
    ClosesEarly,
    /// A paused task pauses the others.
    PauseHoldsUpAll,
    /// No mistake: shows that two tasks can be paused at once.
    TwoPausesAreWrong,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Begin(usize),
    Reply(usize, Reply),
    Vanish(usize),
    Late(usize, u32),
    LookUp(usize),
    Answer(usize, Resolution),
    Stop,
    Withdraw,
}

/// How a call comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Done,
    NotDone,
    Rejected,
    /// Nobody knows; it was performed.
    UnknownDone,
    /// Nobody knows; it was not performed.
    UnknownNot,
}

/// What some history has to meet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    pub(super) stop_raced_success: bool,
    pub(super) late_result_counted: bool,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    request: Arc<Request>,
    digest: u64,
    /// Attempts whose worker vanished, by task: their results may come late, once.
    pub(super) lost: Vec<Vec<u32>>,
    /// Whether the effect is there, whatever anybody believes.
    pub(super) done: Vec<bool>,
    troubles: u8,
    retries: u8,
    pub(super) seen: Seen,
    pub(super) broken: Option<&'static str>,
}

impl State {
    pub(super) fn request(&self) -> &Request {
        &self.request
    }

    fn enter(&mut self, request: Request) {
        let text = serde_json::to_string(&(&request.phase, request.approval.state, &request.plan)).unwrap();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        (self.digest, self.request) = (hasher.finish(), Arc::new(request));
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.digest, &self.lost, &self.done, self.troubles, self.retries, self.seen, self.broken).hash(hasher);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let same = self.digest == other.digest && self.lost == other.lost && self.done == other.done;
        let bounds = (self.troubles, self.retries) == (other.troubles, other.retries);
        same && bounds && self.seen == other.seen && self.broken == other.broken
    }
}

#[derive(Debug)]
pub(super) struct World {
    scene: Scene,
    mutant: Option<Mutant>,
    entropy: SeededEntropy,
    olga: PersonRef,
    reason: TextRef,
}

fn now() -> Timestamp {
    Timestamp::from_micros(1_795_132_800_000_000)
}

/// So many things go wrong at most; one more with `SEATGATE_LONG` set.
fn troubles() -> u8 {
    2 + u8::from(std::env::var_os("SEATGATE_LONG").is_some())
}

impl World {
    pub(super) fn new(scene: Scene, mutant: Option<Mutant>) -> Self {
        let entropy = SeededEntropy::new(1);
        let olga = PersonRef::generate(now(), &entropy);
        let reason = Text::new("because", None, now(), &entropy).reference;
        Self { scene, mutant, entropy, olga, reason }
    }

    fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn tasks(&self) -> Vec<Task> {
        let id = || TaskId::generate(now(), &self.entropy);
        let call = |name: &str| {
            let (target, parameters) = (name.to_owned(), Default::default());
            Task::new(id(), name, TaskAction::Call { target, app: name.parse().unwrap(), parameters })
        };
        let hand = || Task::new(id(), "hand", TaskAction::Manual { assignee: self.olga });
        let [mut a, b, mut c] = match self.scene {
            Scene::SideBySide => [call("a"), call("b"), call("c")],
            Scene::ByHand => [call("a"), call("b"), hand()],
        };
        match self.scene {
            Scene::SideBySide => c.needs = vec![a.id, b.id],
            Scene::ByHand => a.needs = vec![c.id],
        }
        vec![a, b, c]
    }

    /// An offboarding that an operator has just decided.
    pub(super) fn opening(&self) -> State {
        let retry = RetryTerms { first: Span::seconds(0), attempts: 2, ..RetryTerms::default() };
        let terms = Terms { retry, ..Terms::default() };
        let leaver = PersonRef::generate(now(), &self.entropy);
        let origin = Origin::offboarding(Actor::Person(self.olga));
        let opening = Opening::new(Subject::Person(leaver), origin, Mode::Live, "0".repeat(16), terms)
            .offboarding(Offboarding::new("leaver", false, None), self.tasks());
        let opened = Request::open(RequestId::generate(now(), &self.entropy), now(), opening);
        let begun = opened.handle(&Command::Approve { reason: None }, &self.context()).unwrap().after;
        let (lost, done) = (vec![Vec::new(); 3], vec![false; 3]);
        let request = Arc::new(begun.clone());
        let (retries, seen) = (1, Seen::default());
        let mut state = State { request, digest: 0, lost, done, troubles: troubles(), retries, seen, broken: None };
        state.enter(begun);
        state
    }

    fn context(&self) -> Context<'_> {
        let context = Context::new(now(), &self.entropy, Actor::Person(self.olga), Surface::Library);
        context.by_right_of(Relation::Operator).with_target(TargetFacts::new(false, false))
    }

    pub(super) fn turns(&self, state: &State) -> Vec<Turn> {
        let mut turns = Vec::new();
        if state.broken.is_some() {
            return turns;
        }
        let trouble = state.troubles > 0;
        for (index, task) in state.request().plan.tasks.iter().enumerate() {
            let on = |answer| Turn::Answer(index, answer);
            turns.extend(state.lost[index].iter().map(|attempt| Turn::Late(index, *attempt)));
            match task.state {
                _ if task.waits_for_person() => turns.extend([on(Resolution::Done), on(Resolution::Skip)]),
                TaskState::Ready { .. } => turns.push(Turn::Begin(index)),
                TaskState::InFlight => {
                    turns.push(Turn::Reply(index, Reply::Done));
                    let bad = [Reply::NotDone, Reply::Rejected, Reply::UnknownDone, Reply::UnknownNot];
                    turns.extend(bad.into_iter().filter(|_| trouble).map(|reply| Turn::Reply(index, reply)));
                    turns.extend(trouble.then_some(Turn::Vanish(index)));
                }
                TaskState::Probing { .. } => turns.push(Turn::LookUp(index)),
                TaskState::Paused { .. } => {
                    turns.push(on(Resolution::Skip));
                    turns.extend((state.retries > 0).then_some(on(Resolution::Retry)));
                    turns.extend(task.may_have_happened.then_some(on(Resolution::Confirm)));
                }
                _ => {}
            }
        }
        if state.request().phase == Phase::Executing {
            turns.push(Turn::Stop);
        }
        if !state.request().plan.ever_begun && state.request().outcome().is_none() {
            turns.push(Turn::Withdraw);
        }
        turns
    }

    pub(super) fn take(&self, state: &State, turn: Turn) -> State {
        let mut next = state.clone();
        let before = state.request();
        let command = self.command(&mut next, turn);
        let after = match before.handle(&command, &self.context()) {
            Ok(transition) => self.mistaken(before, turn, transition.after),
            Err(refusal) => {
                // Whatever is offered is accepted; only late news may find nothing left to say.
                next.broken = (!matches!(turn, Turn::Late(..))).then_some(rules::OFFERED);
                panic_on(next.broken, turn, refusal);
                return next;
            }
        };
        note(&mut next.seen, before, turn, &after);
        next.broken = rules::broken(before, turn, &after, &next.done);
        if self.has(Mutant::TwoPausesAreWrong) && after.plan.paused() > 1 {
            next.broken = Some("two tasks are paused");
        }
        next.enter(after);
        next
    }

    fn command(&self, next: &mut State, turn: Turn) -> Command {
        let tasks = &next.request.plan.tasks;
        let (id, attempts) = (|index: usize| tasks[index].id, |index: usize| tasks[index].attempts);
        let reason = Some(self.reason);
        match turn {
            Turn::Begin(index) => Command::Begin { task: id(index) },
            Turn::Reply(index, reply) => {
                let command = Command::Settle { task: id(index), attempt: attempts(index), result: reply.result() };
                next.done[index] |= matches!(reply, Reply::Done | Reply::UnknownDone);
                next.troubles -= u8::from(reply != Reply::Done);
                command
            }
            Turn::Vanish(index) => {
                let (task, attempt) = (id(index), attempts(index));
                next.troubles -= 1;
                next.lost[index].push(attempt);
                Command::LoseLease { task, attempt }
            }
            Turn::Late(index, attempt) => {
                let command = Command::Observe { task: id(index), attempt, result: Reply::Done.result() };
                next.lost[index].retain(|other| *other != attempt);
                next.done[index] = true;
                command
            }
            Turn::LookUp(index) => Command::Probed { task: id(index), answer: ProbeAnswer::CannotTell, receipt: None },
            Turn::Answer(index, resolution) => {
                let pause = tasks[index].pauses;
                let command = Command::Resolve { task: id(index), pause, resolution, reason };
                next.retries -= u8::from(resolution == Resolution::Retry);
                next.done[index] |= resolution == Resolution::Done;
                command
            }
            Turn::Stop => Command::Stop { reason },
            Turn::Withdraw => Command::Withdraw { reason },
        }
    }

    /// What a mutant makes of it.
    fn mistaken(&self, before: &Request, turn: Turn, mut after: Request) -> Request {
        let pause = || TaskState::Paused { pause: 1, why: PauseReason::Rejected };
        let tasks = &mut after.plan.tasks;
        match (self.mutant, turn) {
            (Some(Mutant::ReleasesEarly), Turn::Reply(..)) => tasks
                .iter_mut()
                .filter(|task| task.state == TaskState::Waiting)
                .for_each(|task| task.state = TaskState::Ready { at: now() }),
            (Some(Mutant::StopLeavesPauses), Turn::Stop) => {
                tasks.iter_mut().zip(&before.plan.tasks).for_each(|(task, was)| {
                    if matches!(was.state, TaskState::Paused { .. }) {
                        task.state = was.state.clone();
                    }
                });
            }
            (Some(Mutant::ForgetsDoubt), Turn::Answer(index, Resolution::Skip)) => {
                tasks[index].may_have_happened = false
            }
            (Some(Mutant::ClosesEarly), Turn::Answer(_, Resolution::Skip)) => {
                after.phase = Phase::Closed { outcome: seatgate_core::request::Outcome::PartlyReclaimed, at: now() };
            }
            (Some(Mutant::PauseHoldsUpAll), Turn::Reply(_, Reply::Rejected)) => tasks
                .iter_mut()
                .filter(|task| matches!(task.state, TaskState::Ready { .. }))
                .for_each(|task| task.state = pause()),
            _ => {}
        }
        after
    }
}

fn panic_on(broken: Option<&'static str>, turn: Turn, refusal: impl std::fmt::Debug) {
    assert!(broken.is_none(), "{turn:?} was refused: {refusal:?}");
}

fn note(seen: &mut Seen, before: &Request, turn: Turn, after: &Request) {
    match turn {
        Turn::Reply(_, Reply::Done) => seen.stop_raced_success |= before.phase == Phase::Stopping,
        Turn::Late(index, _) => {
            seen.late_result_counted |= before.plan.tasks[index].state != after.plan.tasks[index].state;
        }
        _ => {}
    }
}

impl Reply {
    fn result(self) -> AttemptResult {
        match self {
            Self::Done => AttemptResult::Done { removal: Some(RemovalKind::Removed), receipt: None, location: None },
            Self::NotDone => AttemptResult::NotDone { retry_at: None, detail: None },
            Self::Rejected => AttemptResult::Rejected { detail: None },
            Self::UnknownDone | Self::UnknownNot => AttemptResult::Unknown { detail: None },
        }
    }
}
