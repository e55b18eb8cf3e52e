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
    /// One that needs another, at targets that promise to do nothing twice.
    Keyed,
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
    /// Whoever takes over an attempt whose lease ran out believes that nothing was sent.
    LostLeaseIsNotDone,
    /// Whoever takes it over calls again, though the target promises nothing.
    RepeatsBlindly,
    /// Leases are not fenced, and results bear no number: a late one is taken for that of the attempt in flight.
    StaleWorkerSettles,
    /// A late refusal pauses what it is about.
    LateRefusalCounts,
    /// No mistake: shows that two tasks can be paused at once.
    TwoPausesAreWrong,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// A worker takes the task's item under a lease, and begins an attempt.
    Begin(usize),
    /// The call of this attempt comes back to its worker, whoever holds the lease by now.
    Reply(usize, u32, Reply),
    /// The lease runs out while the call is on its way, and another worker takes the item over.
    TakeOver(usize),
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
    pub(super) late_refusal_in_flight: bool,
}

/// A call that is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Call {
    attempt: u32,
    /// The token of its worker's lease.
    token: u8,
}

/// What is so of a task, whatever anybody believes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Truth {
    /// The token of the last lease on its item: whoever has an older one has lost it.
    token: u8,
    calls: Vec<Call>,
    /// Whether the effect is there.
    pub(super) done: bool,
    /// The number of the key of an attempt that ended without anybody knowing how, if one did.
    pub(super) open: Option<u32>,
    /// Whether a person has asked for another one since.
    pub(super) asked: bool,
}

impl Truth {
    /// Nobody knows how an attempt under this key ended.
    fn is_open(&mut self, key: u32) {
        (self.open, self.asked) = (Some(key), false);
    }

    fn is_late(&self, attempt: u32) -> bool {
        self.calls.iter().any(|call| call.attempt == attempt && call.token != self.token)
    }
}

#[derive(Debug, Clone)]
pub(super) struct State {
    request: Arc<Request>,
    digest: u64,
    /// By task.
    truth: Vec<Truth>,
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
        (self.digest, &self.truth, self.troubles, self.retries, self.seen, self.broken).hash(hasher);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let same = self.digest == other.digest && self.truth == other.truth;
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
        let [mut a, mut b, mut c] = match self.scene {
            Scene::SideBySide | Scene::Keyed => [call("a"), call("b"), call("c")],
            Scene::ByHand => [call("a"), call("b"), hand()],
        };
        match self.scene {
            Scene::SideBySide => c.needs = vec![a.id, b.id],
            Scene::ByHand => a.needs = vec![c.id],
            Scene::Keyed => {
                b.needs = vec![a.id];
                return vec![a, b];
            }
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
        let truth = vec![Truth::default(); begun.plan.tasks.len()];
        let request = Arc::new(begun.clone());
        let (retries, seen) = (1, Seen::default());
        let mut state = State { request, digest: 0, truth, troubles: troubles(), retries, seen, broken: None };
        state.enter(begun);
        state
    }

    fn context(&self) -> Context<'_> {
        let context = Context::new(now(), &self.entropy, Actor::Person(self.olga), Surface::Library);
        let idempotent = self.scene == Scene::Keyed || self.has(Mutant::RepeatsBlindly);
        context.by_right_of(Relation::Operator).with_target(TargetFacts::new(idempotent, false))
    }

    pub(super) fn turns(&self, state: &State) -> Vec<Turn> {
        let mut turns = Vec::new();
        if state.broken.is_some() {
            return turns;
        }
        let trouble = state.troubles > 0;
        for (index, task) in state.request().plan.tasks.iter().enumerate() {
            let on = |answer| Turn::Answer(index, answer);
            let truth = &state.truth[index];
            for Call { attempt, .. } in &truth.calls {
                turns
                    .extend(replies(truth.is_late(*attempt), trouble).map(|reply| Turn::Reply(index, *attempt, reply)));
            }
            match task.state {
                _ if task.waits_for_person() => turns.extend([on(Resolution::Done), on(Resolution::Skip)]),
                TaskState::Ready { .. } => turns.push(Turn::Begin(index)),
                TaskState::InFlight => turns.extend(trouble.then_some(Turn::TakeOver(index))),
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
        let late = matches!(turn, Turn::Reply(index, attempt, _) if state.truth[index].is_late(attempt));
        let command = self.command(&mut next, turn, late);
        let after = match before.handle(&command, &self.context()) {
            Ok(transition) => self.mistaken(before, turn, transition.after),
            Err(refusal) => {
                // Whatever is offered is accepted; only late news may find nothing left to say.
                next.broken = (!late).then_some(rules::OFFERED);
                panic_on(next.broken, turn, refusal);
                return next;
            }
        };
        note(&mut next.seen, before, turn, &after, late);
        let (truth, harmless) = (next.truth.as_slice(), self.scene == Scene::Keyed);
        next.broken = rules::broken(&rules::Step { before, turn, after: &after, late, truth, harmless });
        if self.has(Mutant::TwoPausesAreWrong) && after.plan.paused() > 1 {
            next.broken = Some("two tasks are paused");
        }
        next.enter(after);
        next
    }

    fn command(&self, next: &mut State, turn: Turn, late: bool) -> Command {
        let tasks = &next.request.plan.tasks;
        let (id, attempts) = (|index: usize| tasks[index].id, |index: usize| tasks[index].attempts);
        let reason = Some(self.reason);
        match turn {
            Turn::Begin(index) => {
                let truth = &mut next.truth[index];
                truth.token += 1;
                truth.calls.push(Call { attempt: attempts(index) + 1, token: truth.token });
                Command::Begin { task: id(index) }
            }
            Turn::Reply(index, attempt, reply) => {
                let truth = &mut next.truth[index];
                truth.calls.retain(|call| call.attempt != attempt);
                truth.done |= matches!(reply, Reply::Done | Reply::UnknownDone);
                if !late && matches!(reply, Reply::UnknownDone | Reply::UnknownNot) {
                    truth.is_open(tasks[index].key_number);
                }
                next.troubles -= u8::from(!late && reply != Reply::Done);
                self.told(&tasks[index], attempt, reply.result(), late)
            }
            Turn::TakeOver(index) => {
                let (task, attempt) = (id(index), attempts(index));
                next.truth[index].token += 1;
                next.truth[index].is_open(tasks[index].key_number);
                next.troubles -= 1;
                match self.mutant {
                    Some(Mutant::LostLeaseIsNotDone) => {
                        Command::Settle { task, attempt, result: Reply::NotDone.result() }
                    }
                    _ => Command::LoseLease { task, attempt },
                }
            }
            Turn::LookUp(index) => Command::Probed { task: id(index), answer: ProbeAnswer::CannotTell, receipt: None },
            Turn::Answer(index, resolution) => {
                let pause = tasks[index].pauses;
                let command = Command::Resolve { task: id(index), pause, resolution, reason };
                next.retries -= u8::from(resolution == Resolution::Retry);
                next.truth[index].asked |= resolution == Resolution::Retry;
                next.truth[index].done |= resolution == Resolution::Done;
                command
            }
            Turn::Stop => Command::Stop { reason },
            Turn::Withdraw => Command::Withdraw { reason },
        }
    }

    /// What comes of a result: settled under its lease, or observed where the store says that another one holds it.
    fn told(&self, task: &Task, attempt: u32, result: AttemptResult, late: bool) -> Command {
        let unfenced = self.has(Mutant::StaleWorkerSettles) && task.state == TaskState::InFlight;
        match late && !unfenced {
            true => Command::Observe { task: task.id, attempt, result },
            false => Command::Settle { task: task.id, attempt: if late { task.attempts } else { attempt }, result },
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
            (Some(Mutant::PauseHoldsUpAll), Turn::Reply(_, _, Reply::Rejected)) => tasks
                .iter_mut()
                .filter(|task| matches!(task.state, TaskState::Ready { .. }))
                .for_each(|task| task.state = pause()),
            (Some(Mutant::LateRefusalCounts), Turn::Reply(index, attempt, Reply::Rejected))
                if attempt < tasks[index].attempts =>
            {
                tasks[index].state = pause();
            }
            _ => {}
        }
        after
    }
}

fn panic_on(broken: Option<&'static str>, turn: Turn, refusal: impl std::fmt::Debug) {
    assert!(broken.is_none(), "{turn:?} was refused: {refusal:?}");
}

fn note(seen: &mut Seen, before: &Request, turn: Turn, after: &Request, late: bool) {
    let Turn::Reply(index, _, reply) = turn else { return };
    let (was, is) = (&before.plan.tasks[index].state, &after.plan.tasks[index].state);
    seen.stop_raced_success |= !late && reply == Reply::Done && before.phase == Phase::Stopping;
    seen.late_result_counted |= late && was != is;
    seen.late_refusal_in_flight |= late && reply == Reply::Rejected && *was == TaskState::InFlight;
}

/// How a call may come back. One that is late has cost its trouble already, and nobody hears of one that never does.
fn replies(late: bool, trouble: bool) -> impl Iterator<Item = Reply> {
    let bad = [Reply::NotDone, Reply::Rejected, Reply::UnknownDone, Reply::UnknownNot];
    let told = move |reply: &Reply| !late || matches!(reply, Reply::NotDone | Reply::Rejected);
    [Reply::Done].into_iter().chain(bad.into_iter().filter(move |_| trouble || late).filter(told))
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
