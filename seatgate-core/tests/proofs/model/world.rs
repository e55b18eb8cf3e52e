//! The small world: whose turn it can be, and what comes of it. Every step is one commit, one call or one mishap; people and
//! workers come between each other's steps in every order.
//!
//! A mishap uses up one of the scene's troubles: a worker vanishes, a lease is taken too early, the answer to a commit is
//! lost, a call ends in any way but well, a look at the target tells nothing new, a check before Begin says no. When they
//! are used up, everything goes well: so no history goes on for ever.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::agenda::{AgendaChange, Item, Next, changes};
use seatgate_core::request::{CommandKind, Fact, Outcome, ProbeAnswer, ProbeFinding, Request, Resolution, TaskState};
use seatgate_core::time::Timestamp;

use super::coverage::Coverage;
use super::judge::{Judge, Judged, Question};
use super::mutants::Mutant;
use super::record::{Record, Wrong};
use super::scene::{Scene, Start, Who, Wish, day, delivered, no_chance};
use super::state::{Case, Lease, Person, Race, Reading, Report, State, Truth, Worker};
use super::store::{Answer, Change, Kind, Store};
use super::work::Step;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// A day passes.
    Day,
    /// This person goes on; the answer to their commit may be lost.
    Click { person: usize, answer_lost: bool },
    /// Somebody who looks after things skips the task that is paused.
    Skip,
    /// This worker does its next step.
    Work { worker: usize, step: Step },
    /// The lease on an item runs out.
    Expire(Kind),
    /// A call that was in the air is performed.
    Land(u32),
    /// A call that was in the air is not performed.
    Fade(u32),
    /// The target is looked at after the end.
    Verify,
}

/// A scene with the real core in it, or with a mistake around it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) coverage: Arc<Coverage>,
    judge: Judge,
}

impl World {
    pub(crate) fn new(scene: Scene, mutant: Option<Mutant>) -> Self {
        let judge = Judge::new(&scene, mutant);
        Self { scene, mutant, coverage: Arc::default(), judge }
    }

    pub(crate) fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn opening(&self) -> State {
        let opened = Case::new(self.judge.names.request(&self.scene));
        let mut state = State {
            day: 0,
            store: Store::new(Arc::clone(&opened)),
            people: self.scene.wishes.iter().map(|_| Person::Waiting).collect(),
            workers: [Worker::Idle, Worker::Idle],
            truth: Truth::default(),
            record: Record::new(opened),
            troubles: self.scene.troubles,
        };
        let request = state.request();
        let mut agenda = changes(None, request, delivered(request), "*", day(0), &no_chance(request));
        let known = self.scene.known(&self.judge.names, 0);
        let wake = |due| AgendaChange::Schedule { item: Item::Wake(request.id), due, lane: None, gated: false };
        agenda.extend(known.next_change(day(0)).map(wake));
        let after = Arc::clone(&state.store.case);
        let change = Change { expected: 0, fence: None, after, agenda, settles: None };
        state.store.commit(&change, None);
        let decision = match self.scene.start {
            Start::Asked => return state,
            Start::Approved => Wish::Approve,
            Start::Kept => Wish::Keep,
        };
        let reading = self.read(&state);
        let judged = self.ask(&state, &reading, Question::Wish(Who::Mona, decision, None)).expect("Mona may decide");
        self.commit(&mut state, &reading, &judged, None, None);
        state
    }

    /// When the directory says something else next.
    pub(crate) fn next_known_change(&self, today: u8) -> Option<Timestamp> {
        self.scene.known(&self.judge.names, today).next_change(day(today))
    }

    pub(crate) fn read(&self, state: &State) -> Reading {
        Reading { case: Arc::clone(&state.store.case), version: state.store.version, unanswered: false }
    }

    /// What comes of a question about what was read; nothing, if it is refused.
    pub(crate) fn ask(&self, state: &State, reading: &Reading, question: Question) -> Option<Arc<Judged>> {
        self.judge.ask(&reading.case, state.day, question)
    }

    // -------------------------------------------------------------------------------------------------------- the store

    /// Keeps what was judged, if nobody has come between; the observer hears of it.
    pub(crate) fn commit(
        &self,
        state: &mut State,
        reading: &Reading,
        judged: &Judged,
        fence: Option<Lease>,
        settles: Option<(Lease, Next)>,
    ) -> Answer {
        let (command, after) = (judged.command, &judged.after.request);
        let mut agenda = judged.agenda.clone();
        if settles.is_some() {
            agenda.retain(|edit| !matches!(edit, AgendaChange::Schedule { item: Item::Wake(_), .. }));
        }
        if let Some(task) = after.plan.tasks.first() {
            let item = Item::Perform { request: after.id, task: task.id };
            if command == CommandKind::Begin {
                agenda.push(AgendaChange::Hold { item, lease: Duration::from_secs(20) });
            } else if command == CommandKind::Stop && self.has(Mutant::StopDropsItem) {
                agenda.push(AgendaChange::Remove(item));
            }
        }
        let unseen = self.has(Mutant::BeginsUnseen) && command == CommandKind::Begin;
        let expected = if unseen { state.store.version } else { reading.version };
        let shown = fence.filter(|_| !unseen);
        let change = Change { expected, fence: shown, after: Arc::clone(&judged.after), agenda, settles };
        let stale = fence.is_some_and(|lease| !state.store.is_held(lease));
        let answer = state.store.commit(&change, self.mutant);
        if answer == Answer::Kept {
            state.record.note(Wrong::StaleWrite, stale);
            self.observe(state, reading, judged);
        }
        answer
    }

    fn observe(&self, state: &mut State, reading: &Reading, judged: &Judged) {
        self.coverage.keep(judged.command, judged.facts.iter().map(|(fact, _)| fact.event.kind()));
        // What was judged is about the fold of the trail: so its states are those of the fold. Else fold anew.
        let known = state.record.fold.digest == reading.case.digest;
        for (fact, after) in &judged.facts {
            let before = Arc::clone(&state.record.fold);
            state.record.fold = if known { Arc::clone(after) } else { self.folded(&before, fact) };
            state.record.keep(fact, &before.request, &self.scene, &self.judge.names);
        }
    }

    fn folded(&self, before: &Case, fact: &Fact) -> Arc<Case> {
        let mut request = before.request.clone();
        self.judge.fold(&mut request, fact);
        Case::new(request)
    }

    /// Somebody made this commit; its answer may be lost.
    pub(crate) fn lose_answer(&self, state: &mut State) {
        state.troubles -= 1;
        self.coverage.race(Race::LostAnswer);
    }

    // ------------------------------------------------------------------------------------------------------------ turns

    pub(crate) fn turns(&self, state: &State, turns: &mut Vec<Turn>) {
        if state.day < self.scene.days {
            turns.push(Turn::Day);
        }
        for index in 0..state.people.len() {
            self.clicks(state, index, turns);
        }
        if paused(state.request()).is_some() {
            turns.push(Turn::Skip);
        }
        self.workers_turns(state, turns);
        for kind in [Kind::Wake, Kind::Perform] {
            let leased = state.store.row(kind).is_some_and(|row| row.leased);
            if leased && (state.troubles > 0 || !self.is_minded(state, kind)) {
                turns.push(Turn::Expire(kind));
            }
        }
        turns.extend(state.truth.in_the_air.iter().map(|key| Turn::Land(*key)));
        if !state.truth.accepted {
            turns.extend(state.truth.in_the_air.iter().map(|key| Turn::Fade(*key)));
        }
        let removed = matches!(state.request().outcome(), Some(Outcome::Reclaimed));
        if self.scene.verifies && removed && state.request().verified.is_none() {
            turns.push(Turn::Verify);
        }
    }

    /// Whether a worker still works under the lease.
    fn is_minded(&self, state: &State, kind: Kind) -> bool {
        let ours = |lease: Lease| lease.kind == kind && state.store.is_held(lease);
        state.workers.iter().any(|worker| worker.lease().is_some_and(ours))
    }

    pub(crate) fn take(&self, state: &mut State, turn: Turn) {
        match turn {
            Turn::Day => state.day += 1,
            Turn::Click { person, answer_lost } => self.click(state, person, answer_lost),
            Turn::Skip => self.skip(state),
            Turn::Work { worker, step } => self.work(state, worker, step),
            Turn::Expire(kind) => {
                if self.is_minded(state, kind) {
                    state.troubles -= 1;
                    let begun = |worker: &Worker| matches!(worker, Worker::Begun { .. });
                    if state.workers.iter().any(begun) {
                        self.coverage.race(Race::StolenLease);
                    }
                }
                state.store.expire(kind);
            }
            Turn::Land(key) => {
                if !state.workers.iter().any(|worker| matches!(worker, Worker::Reports { .. })) {
                    self.coverage.race(Race::LateLanding);
                }
                state.truth.land(key);
            }
            Turn::Fade(key) => state.truth.in_the_air.retain(|other| *other != key),
            Turn::Verify => self.verify(state),
        }
        self.note_races(state);
    }

    fn verify(&self, state: &mut State) {
        let reading = self.read(state);
        if let Some(judged) = self.ask(state, &reading, Question::Verify(ProbeFinding::Gone)) {
            self.commit(state, &reading, &judged, None, None);
        }
    }

    // ----------------------------------------------------------------------------------------------------------- people

    fn clicks(&self, state: &State, person: usize, turns: &mut Vec<Turn>) {
        let can = match (&state.people[person], self.scene.wishes[person].1) {
            (Person::Told, _) => false,
            (Person::Waiting, Wish::Answer(_)) => paused(state.request()).is_some(),
            _ => true,
        };
        if can {
            turns.push(Turn::Click { person, answer_lost: false });
        }
        let commits = matches!(&state.people[person], Person::Clicked { reading, .. } if state.is_current(reading));
        if commits && state.troubles > 0 {
            turns.push(Turn::Click { person, answer_lost: true });
        }
    }

    fn click(&self, state: &mut State, person: usize, answer_lost: bool) {
        let (_, wish) = self.scene.wishes[person];
        let now = match state.people[person].clone() {
            Person::Waiting => match (wish, paused(state.request())) {
                (Wish::Answer(_), Some(pause)) => Person::Saw(pause),
                _ => self.look(state, person, None, false),
            },
            Person::Saw(pause) => self.look(state, person, Some(pause), false),
            Person::Clicked { reading, .. } if reading.unanswered && !self.has(Mutant::ForgetsChanges) => {
                self.coverage.race(Race::SaidTwice);
                Person::Told
            }
            Person::Clicked { pause, reading } => self.insist(state, person, pause, reading, answer_lost),
            Person::Told => Person::Told,
        };
        state.people[person] = now;
    }

    /// Reads the request, and is told at once if the wish is refused.
    fn look(&self, state: &mut State, person: usize, pause: Option<u32>, kept_before: bool) -> Person {
        let (who, wish) = self.scene.wishes[person];
        let mut reading = self.read(state);
        reading.unanswered = kept_before;
        if self.ask(state, &reading, Question::Wish(who, wish, pause)).is_some() {
            return Person::Clicked { pause, reading };
        }
        state.record.note(Wrong::WinnerWasRefused, kept_before);
        if pause.is_some() && pause != paused(&reading.case.request) {
            self.coverage.race(Race::StalePause);
        }
        Person::Told
    }

    fn insist(
        &self,
        state: &mut State,
        person: usize,
        pause: Option<u32>,
        reading: Reading,
        answer_lost: bool,
    ) -> Person {
        let (who, wish) = self.scene.wishes[person];
        let question = Question::Wish(who, wish, pause);
        let Some(judged) = self.ask(state, &reading, question) else { return Person::Told };
        let answers = paused(&state.record.fold.request);
        match self.commit(state, &reading, &judged, None, None) {
            Answer::Kept if answer_lost => {
                self.lose_answer(state);
                Person::Clicked { pause, reading: Reading { unanswered: true, ..reading } }
            }
            Answer::Kept => {
                state.record.note(Wrong::AnsweredAnotherPause, pause.is_some() && pause != answers);
                Person::Told
            }
            Answer::WrongVersion | Answer::LostLease => self.look(state, person, pause, reading.unanswered),
        }
    }

    fn skip(&self, state: &mut State) {
        let reading = self.read(state);
        let wish = Wish::Answer(Resolution::Skip);
        let question = Question::Wish(Who::Olga, wish, paused(&reading.case.request));
        if let Some(judged) = self.ask(state, &reading, question) {
            self.commit(state, &reading, &judged, None, None);
        }
    }

    fn note_races(&self, state: &State) {
        let ready = |person: &&Person| matches!(person, Person::Clicked { reading, .. } if state.is_current(reading));
        let clicks = state.people.iter().filter(ready).count();
        let wakes = state.workers.iter().any(|worker| match worker {
            Worker::Read(lease, reading) => lease.kind == Kind::Wake && state.is_current(reading),
            _ => false,
        });
        if clicks > 1 {
            self.coverage.race(Race::TwoClicks);
        }
        if clicks > 0 && wakes {
            self.coverage.race(Race::ClickAndWake);
        }
    }
}

/// The pause that a card would show now.
pub(crate) fn paused(request: &Request) -> Option<u32> {
    match request.plan.tasks.first()?.state {
        TaskState::Paused { pause, .. } => Some(pause),
        _ => None,
    }
}

/// Whether a look that tells this brings the task any further.
pub(crate) fn goes_on(world: &World, state: &State, reading: &Reading, answer: ProbeAnswer) -> bool {
    let judged = world.ask(state, reading, Question::Report(Report::Probed(answer)));
    let after = judged.as_ref().and_then(|judged| judged.after.request.plan.tasks.first());
    after.is_none_or(|task| !matches!(task.state, TaskState::Probing { .. }))
}
