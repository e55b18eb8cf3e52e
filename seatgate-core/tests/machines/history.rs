//! Random histories: a request, and whatever people, workers and targets may do to it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use seatgate_core::agenda::{AgendaChange, Item, changes};
use seatgate_core::authorize::{Action, Caller, authorize};
use seatgate_core::id::{ChangeId, PersonRef, RequestId, TaskId};
use seatgate_core::person::Actor;
use seatgate_core::policy::{KeepReason, Mode, OnExpiry, RetryTerms, Terms};
use seatgate_core::port::DirectoryEntry;
use seatgate_core::request::{
    AttemptResult, Command, Event, Fact, OnFailure, PauseReason, ProbeAnswer, ProbeFinding, Relation, RemovalKind,
    Request, Resolution, TargetFacts, TaskState,
};
use seatgate_core::route::Known;
use seatgate_core::time::{Span, Timestamp};
use seatgate_core::trail::{Chain, Entry, Stream};

use crate::world::{STOP, UNDO, WITHDRAW, World, at};

/// Words that only texts and people's tables may hold.
pub(crate) const PERSONAL: [&str; 4] = ["@", "Ana", "leave", "looked"];

/// One thing that may happen. Numbers pick among what there is.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Somebody answers, if they may.
    Decide {
        by: usize,
        keep: bool,
        days: Option<i64>,
    },
    /// Somebody who may asks somebody else instead.
    Reassign {
        by: usize,
        to: usize,
    },
    /// The operator puts it under another policy.
    ApplyPolicy {
        terms: Box<Terms>,
    },
    Undo,
    Withdraw,
    Stop,
    /// Time passes.
    Pass {
        seconds: i64,
    },
    Wake {
        seat_lost: bool,
    },
    /// The worker does what the task's state asks for; a vanished worker never reports.
    Work {
        task: usize,
        result: usize,
        vanish: bool,
    },
    /// The worker's commands whatever the state.
    Stray {
        task: usize,
        result: usize,
        attempt: u32,
        which: usize,
    },
    Late {
        task: usize,
        result: usize,
        back: u32,
    },
    Block {
        task: usize,
        why: usize,
    },
    Answer {
        task: usize,
        how: usize,
        stale: bool,
    },
    Verify {
        gone: bool,
    },
    /// The target is configured anew.
    Retarget {
        idempotent: bool,
        reversible: bool,
    },
}

/// How a history begins.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    seed: u64,
    terms: Terms,
    mode: Mode,
    /// So many tasks instead of the one that a seat has; each may need the one before it, and be skipped on failure.
    tasks: Vec<(bool, bool)>,
    target: (bool, bool),
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let quorum = prop_oneof![3 => Just(1), 2 => Just(2), 1 => Just(3)];
    (any::<bool>(), 0..3_usize, 0..3_usize, 1..4_u32, quorum).prop_map(|(grace, expiry, reason, attempts, quorum)| {
        Terms {
            grace: Span::days(grace.into()),
            on_expiry: OnExpiry::ALL[expiry],
            keep_reason: KeepReason::ALL[reason],
            quorum,
            fallback_approvers: vec!["it-lead@example.com".to_owned()],
            retry: RetryTerms { attempts, give_up_after: Span::seconds(7_200), ..RetryTerms::default() },
            ..Terms::default()
        }
    })
}

pub(crate) fn any_start() -> impl Strategy<Value = Start> {
    let mode = prop_oneof![9 => Just(Mode::Live), 1 => Just(Mode::DryRun)];
    let tasks = prop_oneof![3 => Just(Vec::new()), 2 => prop::collection::vec(any::<(bool, bool)>(), 1..4)];
    (any::<u64>(), any_terms(), mode, tasks, any::<(bool, bool)>())
        .prop_map(|(seed, terms, mode, tasks, target)| Start { seed, terms, mode, tasks, target })
}

impl Start {
    /// Whether it begins with a plan that is decided.
    pub(crate) fn is_decided(&self) -> bool {
        self.mode == Mode::Live && !self.tasks.is_empty()
    }
}

pub(crate) fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any_step(), 0..60)
}

fn any_step() -> impl Strategy<Value = Step> {
    let task = 0..3_usize;
    let result = 0..RESULTS;
    let person = 0..PEOPLE;
    prop_oneof![
        6 => (person.clone(), prop::bool::weighted(0.2), prop::option::of(-1..400_i64))
            .prop_map(|(by, keep, days)| Step::Decide { by, keep, days }),
        2 => (person.clone(), person).prop_map(|(by, to)| Step::Reassign { by, to }),
        1 => any_terms().prop_map(|terms| Step::ApplyPolicy { terms: Box::new(terms) }),
        1 => Just(Step::Undo),
        1 => Just(Step::Withdraw),
        1 => Just(Step::Stop),
        14 => prop_oneof![0..5_i64, 0..2_000_i64, 0..200_000_i64].prop_map(|seconds| Step::Pass { seconds }),
        6 => prop::bool::weighted(0.03).prop_map(|seat_lost| Step::Wake { seat_lost }),
        50 => (task.clone(), result.clone(), prop::bool::weighted(0.1))
            .prop_map(|(task, result, vanish)| Step::Work { task, result, vanish }),
        2 => (task.clone(), result.clone(), 0..4_u32, 0..4_usize)
            .prop_map(|(task, result, attempt, which)| Step::Stray { task, result, attempt, which }),
        3 => (task.clone(), result, 0..3_u32).prop_map(|(task, result, back)| Step::Late { task, result, back }),
        1 => (task.clone(), 0..3_usize).prop_map(|(task, why)| Step::Block { task, why }),
        10 => (task, 0..3_usize, prop::bool::weighted(0.1))
            .prop_map(|(task, how, stale)| Step::Answer { task, how, stale }),
        1 => any::<bool>().prop_map(|gone| Step::Verify { gone }),
        1 => any::<(bool, bool)>().prop_map(|(idempotent, reversible)| Step::Retarget { idempotent, reversible }),
    ]
}

const RESULTS: usize = 9;
/// As many as [`History::person`] knows.
const PEOPLE: usize = 4;
/// Index of a result that is not known.
pub(crate) const UNKNOWN_RESULT: usize = 8;

/// One accepted command: what was before, what was recorded, what is after, and what the target promised then.
pub(crate) struct Moment {
    pub(crate) before: Request,
    pub(crate) facts: Vec<Fact>,
    pub(crate) after: Request,
    pub(crate) idempotent: bool,
}

/// A request with everything it ever recorded, and the agenda beside it.
pub(crate) struct History {
    pub(crate) world: World,
    pub(crate) id: RequestId,
    pub(crate) request: Request,
    pub(crate) facts: Vec<Fact>,
    pub(crate) moments: Vec<Moment>,
    pub(crate) agenda: BTreeMap<String, (Item, Timestamp)>,
}

impl History {
    /// Everything that happens when these steps are tried in order; a refused one changes nothing.
    pub(crate) fn of(start: &Start, steps: &[Step]) -> Self {
        let mut history = Self::open(start);
        for step in steps {
            history.step(step);
        }
        history
    }

    fn open(start: &Start) -> Self {
        let mut world = World::seeded(start.seed);
        world.target = TargetFacts::new(start.target.0, start.target.1);
        let id = RequestId::generate(at(0), &world.entropy);
        let opening = world.opening(start.mode, start.terms.clone());
        let mut opened = world.approval_of(Vec::new());
        opened.event = Event::Opened(Box::new(opening.clone()));
        let request = Request::open(id, opened.at, opening);
        let (facts, moments, agenda) = (vec![opened], Vec::new(), BTreeMap::new());
        let mut history = Self { world, id, request, facts, moments, agenda };
        if start.is_decided() {
            history.decide_on(&start.tasks);
        }
        history
    }

    /// A plan of several tasks, as an offboarding has one.
    fn decide_on(&mut self, tasks: &[(bool, bool)]) {
        let mut plan: Vec<seatgate_core::request::Task> = Vec::new();
        for (index, (needs, skips)) in tasks.iter().enumerate() {
            let mut task = self.world.removal(&format!("task-{index}"));
            task.needs = plan.last().filter(|_| *needs).map(|before| before.id).into_iter().collect();
            task.on_failure = if *skips { OnFailure::Skip } else { OnFailure::Pause };
            plan.push(task);
        }
        let fact = self.world.approval_of(plan);
        let mut after = self.request.clone();
        after.apply(&fact);
        self.take(vec![fact], after);
    }

    pub(crate) fn step(&mut self, step: &Step) {
        match step {
            Step::Pass { seconds } => {
                let wait = std::time::Duration::from_secs(seconds.unsigned_abs());
                self.world.now = self.world.now.saturating_add(wait);
            }
            Step::Retarget { idempotent, reversible } => {
                self.world.target = TargetFacts::new(*idempotent, *reversible);
            }
            _ => {
                self.wait_for(step);
                if let Some(command) = self.command(step) {
                    self.handle(step, &command);
                }
            }
        }
    }

    /// A worker claims a task when it is due, not before.
    fn wait_for(&mut self, step: &Step) {
        let Step::Work { task, .. } = step else { return };
        let tasks = &self.request.plan.tasks;
        if let Some(TaskState::Ready { at } | TaskState::Probing { at }) =
            tasks.get(task % tasks.len().max(1)).map(|task| &task.state)
        {
            self.world.now = self.world.now.max(*at);
        }
    }

    /// Somebody with a say, or without: Mona, the operator, whoever manages Mona, and whoever sent the sweep.
    fn person(&self, index: usize) -> PersonRef {
        let World { mona, olga, nora, sam, .. } = self.world;
        [mona, olga, nora, sam][index % PEOPLE]
    }

    fn known(&self) -> Known {
        let World { ana, mona, olga, nora, sam, .. } = self.world;
        let mut known = Known::new([olga]);
        known.owners.insert(World::app(), Vec::new());
        known.learn([ana, mona, olga, nora, sam].map(DirectoryEntry::unknown));
        known
    }

    /// By what right somebody does what they ask, as [`authorize`] says; nothing, where they may not.
    fn right(&self, person: PersonRef, command: &Command) -> Option<Relation> {
        let caller = Caller::new(Actor::Person(person), true);
        let operators = BTreeSet::from([self.world.olga]);
        authorize(&caller, Action::of(command)?, &self.request, &operators, self.world.now).ok()
    }

    fn handle(&mut self, step: &Step, command: &Command) {
        let by = match step {
            Step::Decide { by, .. } | Step::Reassign { by, .. } => Some(self.person(*by)),
            Step::ApplyPolicy { .. } => Some(self.world.olga),
            _ => None,
        };
        let judged = {
            let mut context = self.world.context_of(command).knowing(self.known());
            context.seat_lost = matches!(step, Step::Wake { seat_lost: true });
            if let Some(person) = by {
                let Some(relation) = self.right(person, command) else { return };
                (context.actor, context.relation) = (Actor::Person(person), Some(relation));
            }
            self.request.handle(command, &context)
        };
        if let Ok(transition) = judged {
            self.take(transition.facts, transition.after);
        }
    }

    fn take(&mut self, facts: Vec<Fact>, after: Request) {
        self.plan_agenda(&after);
        self.facts.extend(facts.iter().cloned());
        let before = std::mem::replace(&mut self.request, after.clone());
        self.moments.push(Moment { before, facts, after, idempotent: self.world.target.idempotent });
    }

    /// What is recorded of all that, and the end of the chain.
    pub(crate) fn trail(&self) -> (Vec<Entry>, Chain) {
        let mut chain = Chain::empty(Stream::Request(self.id));
        let entry = |fact| {
            let change = ChangeId::generate(self.world.now, &self.world.entropy);
            chain.record(change, fact).unwrap()
        };
        (self.facts.iter().map(entry).collect(), chain)
    }

    /// Takes over what the agenda must hold from now on, as a store does.
    fn plan_agenda(&mut self, after: &Request) {
        let entropy = &self.world.entropy;
        for change in changes(Some(&self.request), after, Some(at(0)), "figma", self.world.now, entropy) {
            match change {
                AgendaChange::Schedule { item, due, .. } => {
                    let earliest = |known: &(Item, Timestamp)| known.1.min(due);
                    let known = self.agenda.get(&item.key()).filter(|_| item.coalesces());
                    let due = known.map_or(due, earliest);
                    self.agenda.insert(item.key(), (item, due));
                }
                AgendaChange::Remove(item) => {
                    self.agenda.remove(&item.key());
                }
                other => panic!("{other:?} is for workers"),
            }
        }
    }

    fn command(&self, step: &Step) -> Option<Command> {
        let reason = Some(self.world.text("Ana is on leave"));
        Some(match *step {
            Step::Decide { keep: false, .. } => Command::Approve { reason },
            Step::Reassign { to, .. } => Command::Reassign { to: self.person(to), reason },
            Step::ApplyPolicy { ref terms } => {
                let version = format!("{:016x}", self.facts.len());
                Command::ApplyPolicy { version, terms: terms.clone() }
            }
            Step::Decide { keep: true, days, .. } => {
                let until = days.map(|days| at(self.world.now.as_seconds() - crate::world::OPENED + days * 86_400));
                Command::Keep { reason, until }
            }
            Step::Undo => UNDO,
            Step::Withdraw => WITHDRAW,
            Step::Stop => STOP,
            Step::Wake { .. } => Command::Wake,
            Step::Verify { gone: true } => Command::Verify { finding: ProbeFinding::Gone },
            Step::Verify { gone: false } => Command::Verify { finding: ProbeFinding::Regranted },
            Step::Pass { .. } | Step::Retarget { .. } => return None,
            _ => return self.task_command(step),
        })
    }

    fn task_command(&self, step: &Step) -> Option<Command> {
        let task = |index: usize| self.request.plan.tasks.get(index % self.request.plan.tasks.len().max(1));
        let whys = [PauseReason::Excepted, PauseReason::UsedAgain, PauseReason::Erased];
        Some(match *step {
            Step::Work { task: index, result, vanish } => return self.work(index, result, vanish),
            Step::Stray { task: index, result, attempt, which } => {
                let task = task(index)?.id;
                match which {
                    0 => Command::Begin { task },
                    1 => Command::Settle { task, attempt, result: self.result(result) },
                    2 => Command::LoseLease { task, attempt },
                    _ => self.probed(task, result),
                }
            }
            Step::Late { task: index, result, back } => {
                let task = task(index)?;
                let attempt = task.attempts.saturating_sub(back);
                Command::Observe { task: task.id, attempt, result: self.result(result) }
            }
            Step::Block { task: index, why } => Command::Block { task: task(index)?.id, why: whys[why] },
            Step::Answer { task: index, how, stale } => {
                let task = task(index)?;
                let pause = task.pauses.saturating_sub(stale.into());
                let reason = Some(self.world.text("I looked it up"));
                Command::Resolve { task: task.id, pause, resolution: Resolution::ALL[how], reason }
            }
            _ => return None,
        })
    }

    fn work(&self, index: usize, result: usize, vanish: bool) -> Option<Command> {
        let tasks = &self.request.plan.tasks;
        let task = tasks.get(index % tasks.len().max(1))?;
        let (id, attempt) = (task.id, task.attempts);
        match task.state {
            TaskState::Ready { .. } => Some(Command::Begin { task: id }),
            TaskState::InFlight if vanish => Some(Command::LoseLease { task: id, attempt }),
            TaskState::InFlight => Some(Command::Settle { task: id, attempt, result: self.result(result) }),
            TaskState::Probing { .. } => Some(self.probed(id, result)),
            _ => None,
        }
    }

    fn probed(&self, task: TaskId, result: usize) -> Command {
        let answer = answer(result, self.world.now);
        let ended = matches!(answer, ProbeAnswer::Ended { .. });
        let receipt = ended.then(|| self.world.text("ana@example.com is gone, leave it at that"));
        Command::Probed { task, answer, receipt }
    }

    fn result(&self, index: usize) -> AttemptResult {
        let detail = Some(self.world.text("ana@example.com is in a group that blocks it"));
        let soon = Some(self.world.now.saturating_add(std::time::Duration::from_secs(60)));
        let done = |removal| AttemptResult::Done { removal: Some(removal), receipt: detail, location: None };
        let accepted = |check_after| AttemptResult::Done {
            removal: Some(RemovalKind::Pending { check_after }),
            receipt: None,
            location: Some(self.world.text("https://idp.example.com/removals/ana@example.com")),
        };
        match index {
            0 => done(RemovalKind::Removed),
            1 => done(RemovalKind::AlreadyAbsent),
            2 => done(RemovalKind::Scheduled { effective_at: at(9_000_000) }),
            3 => done(RemovalKind::StillBilled),
            4 => accepted(soon),
            5 => accepted(None),
            6 => AttemptResult::NotDone { retry_at: soon, detail },
            7 => AttemptResult::Rejected { detail },
            _ => AttemptResult::Unknown { detail },
        }
    }

    /// Lets everything come to its end: time passes, targets answer with `result`, people skip what is paused.
    pub(crate) fn finish(&mut self, result: usize) {
        for _ in 0..300 {
            if self.request.outcome().is_some() {
                return;
            }
            self.step(&Step::Pass { seconds: 86_400 });
            self.step(&Step::Wake { seat_lost: false });
            for task in 0..self.request.plan.tasks.len() {
                self.step(&Step::Work { task, result, vanish: false });
                self.step(&Step::Answer { task, how: 1, stale: false });
            }
        }
    }
}

fn answer(index: usize, now: Timestamp) -> ProbeAnswer {
    let soon = now.saturating_add(std::time::Duration::from_secs(60));
    match index % 6 {
        0 => ProbeAnswer::NotHeld,
        1 => ProbeAnswer::Held,
        2 => ProbeAnswer::Ended { removal: RemovalKind::AlreadyAbsent },
        3 => ProbeAnswer::NotYet { check_after: None },
        4 => ProbeAnswer::NotYet { check_after: Some(soon) },
        _ => ProbeAnswer::CannotTell,
    }
}
