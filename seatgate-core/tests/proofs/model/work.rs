//! What a worker does, step by step, as `seatgate_core::worker` does it: claim, read, Begin, call, report, settle.

use seatgate_core::agenda::Next;
use seatgate_core::request::{
    AttemptResult, Command, PauseReason, Phase, ProbeAnswer, RemovalKind, Task, TaskAction, TaskState,
};
use seatgate_core::schedule::next_wake;

use super::judge::{Judged, Question};
use super::mutants::Mutant;
use super::scene::delivered;
use super::state::{Lease, Race, Reading, Reply, Report, State, Truth, Worker};
use super::store::{Answer, Kind};
use super::world::{Turn, World, goes_on};

/// A worker's next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Claim(Kind),
    /// What comes next, where there is no choice; the answer to the commit may be lost.
    Go {
        answer_lost: bool,
    },
    /// A wake-up finds that an older request is about the same seat.
    FindsSeatLost,
    /// The checks before Begin find that the seat was used again.
    FindsUsedAgain,
    /// The call ends like this.
    Call(Reply),
    /// The look ends like this.
    Probe(ProbeAnswer),
    /// The process dies.
    Crash,
}

const GO: Step = Step::Go { answer_lost: false };
const GO_UNHEARD: Step = Step::Go { answer_lost: true };

impl Truth {
    pub(crate) fn land(&mut self, key: u32) {
        self.in_the_air.retain(|other| *other != key);
        self.landed.push(key);
        self.landed.sort_unstable();
        self.landed.dedup();
    }

    fn send_off(&mut self, key: u32) {
        if !self.landed.contains(&key) {
            self.in_the_air.push(key);
            self.in_the_air.sort_unstable();
            self.in_the_air.dedup();
        }
    }
}

impl World {
    pub(crate) fn workers_turns(&self, state: &State, turns: &mut Vec<Turn>) {
        // It makes no difference which of two idle workers claims.
        let claims = state.workers.iter().position(|worker| matches!(worker, Worker::Idle));
        for kind in [Kind::Wake, Kind::Perform] {
            if let (Some(worker), true) = (claims, state.store.can_claim(kind, state.now())) {
                turns.push(Turn::Work { worker, step: Step::Claim(kind) });
            }
        }
        for (index, worker) in state.workers.iter().enumerate() {
            let mut steps = Vec::new();
            self.steps(state, worker, &mut steps);
            turns.extend(steps.into_iter().map(|step| Turn::Work { worker: index, step }));
        }
    }

    fn steps(&self, state: &State, worker: &Worker, steps: &mut Vec<Step>) {
        let mut commits = false;
        match worker {
            Worker::Idle => return,
            Worker::Claimed(_) | Worker::Reports { .. } => steps.push(GO),
            Worker::Read(lease, reading) => {
                commits = self.steps_after_reading(state, *lease, reading, steps);
            }
            Worker::Begun { .. } => self.replies(state, steps),
            Worker::Settles { reading, .. } => {
                steps.push(GO);
                commits = state.is_current(reading);
            }
        }
        if commits && state.troubles > 0 {
            steps.push(GO_UNHEARD);
        }
        if state.troubles > 0 {
            steps.push(Step::Crash);
        }
    }

    /// What can follow the reading; answers whether going on would commit.
    fn steps_after_reading(&self, state: &State, lease: Lease, reading: &Reading, steps: &mut Vec<Step>) -> bool {
        let (current, trouble) = (state.is_current(reading), state.troubles > 0);
        let task = reading.case.request.plan.tasks.first();
        match (lease.kind, task.map(|task| &task.state)) {
            (Kind::Perform, Some(TaskState::Probing { .. })) => self.looks(state, reading, steps),
            (Kind::Perform, Some(TaskState::Ready { .. })) => {
                steps.push(GO);
                if self.scene.checks && trouble && !reading.unanswered {
                    steps.push(Step::FindsUsedAgain);
                }
                return current;
            }
            (Kind::Wake, _) => {
                steps.push(GO);
                if self.scene.checks && trouble && !reading.unanswered {
                    steps.push(Step::FindsSeatLost);
                }
                return current;
            }
            _ => steps.push(GO),
        }
        false
    }

    fn replies(&self, state: &State, steps: &mut Vec<Step>) {
        steps.push(Step::Call(Reply::Done));
        if state.troubles > 0 {
            steps.extend([Reply::NotDone, Reply::Rejected, Reply::Unknown].map(Step::Call));
            if self.scene.target.accepts && !state.request().plan.keeps() {
                steps.push(Step::Call(Reply::Pending));
            }
        }
    }

    fn looks(&self, state: &State, reading: &Reading, steps: &mut Vec<Step>) {
        let request = &reading.case.request;
        let mut answers = vec![ProbeAnswer::CannotTell];
        if self.scene.target.probeable && !request.plan.keeps() {
            let (done, accepted) = (state.truth.is_done(), state.truth.accepted);
            answers.push(if done { ProbeAnswer::NotHeld } else { ProbeAnswer::Held });
            answers.extend((accepted && done).then_some(ProbeAnswer::Ended { removal: RemovalKind::Removed }));
            answers.extend((accepted && !done).then_some(ProbeAnswer::NotYet { check_after: None }));
        }
        let can_tell = answers.len() > 1;
        let is_free = |answer: &ProbeAnswer| {
            *answer == ProbeAnswer::CannotTell && !can_tell || goes_on(self, state, reading, *answer)
        };
        answers.retain(|answer| state.troubles > 0 || is_free(answer));
        steps.extend(answers.into_iter().map(Step::Probe));
    }

    pub(crate) fn work(&self, state: &mut State, index: usize, step: Step) {
        let worker = state.workers[index].clone();
        let now = match (worker, step) {
            (_, Step::Claim(kind)) => state.store.claim(kind).map_or(Worker::Idle, Worker::Claimed),
            (worker, Step::Crash) => self.crash(state, &worker),
            (Worker::Claimed(lease), _) => Worker::Read(lease, self.read(state)),
            (Worker::Read(lease, reading), step) => match lease.kind {
                Kind::Wake => self.wake(state, lease, reading, step),
                Kind::Perform => self.perform(state, lease, reading, step),
            },
            (Worker::Begun { lease, attempt, key }, Step::Call(reply)) => self.call(state, lease, attempt, key, reply),
            (Worker::Reports { lease, report }, _) => self.read_to_report(state, lease, report, false),
            (Worker::Settles { lease, report, reading }, Step::Go { answer_lost }) => {
                self.settle(state, lease, report, reading, answer_lost)
            }
            (worker, step) => panic!("{worker:?} cannot {step:?}"),
        };
        state.workers[index] = now;
    }

    fn crash(&self, state: &mut State, worker: &Worker) -> Worker {
        state.troubles -= 1;
        match worker {
            Worker::Begun { .. } => self.coverage.race(Race::CrashAfterBegin),
            Worker::Reports { .. } => self.coverage.race(Race::CrashAfterCall),
            _ => {}
        }
        Worker::Idle
    }

    // ---------------------------------------------------------------------------------------------------------- wake-ups

    fn wake(&self, state: &mut State, lease: Lease, reading: Reading, step: Step) -> Worker {
        if reading.unanswered && !self.has(Mutant::ForgetsChanges) {
            return Worker::Idle;
        }
        let seat_lost = step == Step::FindsSeatLost;
        let Some(judged) = self.ask(state, &reading, Question::Wake { seat_lost }) else {
            state.store.settle(lease, Next::Done, self.mutant);
            return Worker::Idle;
        };
        let after = &judged.after.request;
        let waits = after.phase == Phase::AwaitingDecision;
        let directory = self.next_known_change(state.day).filter(|_| waits);
        let due = next_wake(after, delivered(after)).into_iter().chain(directory).min();
        let due = due.filter(|_| !self.has(Mutant::WakeForgetsTheNext));
        let next = due.map_or(Next::Done, Next::At);
        if judged.facts.is_empty() {
            state.store.settle(lease, next, self.mutant);
            return Worker::Idle;
        }
        let answer = self.commit(state, &reading, &judged, Some(lease), Some((lease, next)));
        state.troubles -= u8::from(seat_lost && answer == Answer::Kept);
        match answer {
            Answer::Kept if step == GO_UNHEARD => {
                self.lose_answer(state);
                Worker::Read(lease, Reading { unanswered: true, ..reading })
            }
            Answer::WrongVersion => Worker::Read(lease, self.read(state)),
            Answer::Kept | Answer::LostLease => Worker::Idle,
        }
    }

    // ------------------------------------------------------------------------------------------------------------- tasks

    fn perform(&self, state: &mut State, lease: Lease, reading: Reading, step: Step) -> Worker {
        let Some(task) = reading.case.request.plan.tasks.first().cloned() else {
            state.store.settle(lease, Next::Done, self.mutant);
            return Worker::Idle;
        };
        match (&task.state, step) {
            (TaskState::Ready { .. }, Step::FindsUsedAgain) => {
                state.troubles -= 1;
                Worker::Reports { lease, report: Report::UsedAgain }
            }
            (TaskState::Ready { .. }, step) => self.begin(state, lease, reading, &task, step),
            (TaskState::Probing { .. }, Step::Probe(answer)) => {
                let blind = !self.scene.target.probeable || reading.case.request.plan.keeps();
                let free = blind || goes_on(self, state, &reading, answer);
                state.troubles = state.troubles.saturating_sub(u8::from(!free));
                Worker::Reports { lease, report: Report::Probed(answer) }
            }
            (TaskState::InFlight, _) => Worker::Reports { lease, report: Report::LoseLease { attempt: task.attempts } },
            _ => {
                state.store.settle(lease, Next::Done, self.mutant);
                Worker::Idle
            }
        }
    }

    /// Commits a Begin; the call follows only if that is kept.
    fn begin(&self, state: &mut State, lease: Lease, reading: Reading, task: &Task, step: Step) -> Worker {
        let begun = Worker::Begun { lease, attempt: task.attempts + 1, key: task.key_number };
        let kept_before = reading.unanswered && !self.has(Mutant::ForgetsChanges);
        if kept_before || self.has(Mutant::CallsBeforeBegin) {
            return begun;
        }
        let again = Next::At(state.now());
        let Some(judged) = self.ask(state, &reading, Question::Begin) else {
            state.store.settle(lease, again, self.mutant);
            return Worker::Idle;
        };
        match self.commit(state, &reading, &judged, Some(lease), None) {
            Answer::Kept if step == GO_UNHEARD => {
                self.lose_answer(state);
                Worker::Read(lease, Reading { unanswered: true, ..reading })
            }
            Answer::Kept => begun,
            Answer::WrongVersion => {
                self.coverage.race(Race::OvertakenBegin);
                state.store.settle(lease, again, self.mutant);
                Worker::Idle
            }
            Answer::LostLease => Worker::Idle,
        }
    }

    fn call(&self, state: &mut State, lease: Lease, attempt: u32, key: u32, reply: Reply) -> Worker {
        state.record.call(attempt);
        if state.truth.may_happen() {
            self.coverage.race(Race::DuplicateCall);
        }
        match reply {
            Reply::Done => state.truth.land(key),
            Reply::Unknown => state.truth.send_off(key),
            Reply::Pending => {
                state.truth.send_off(key);
                state.truth.accepted = true;
            }
            Reply::NotDone | Reply::Rejected => {}
        }
        state.troubles -= u8::from(reply != Reply::Done);
        Worker::Reports { lease, report: Report::Settle { attempt, reply } }
    }

    /// Reads the request once more; a report that is refused becomes an observation, or nothing.
    fn read_to_report(&self, state: &mut State, lease: Lease, report: Report, kept_before: bool) -> Worker {
        let mut reading = self.read(state);
        reading.unanswered = kept_before;
        if self.ask(state, &reading, Question::Report(report)).is_some() {
            return Worker::Settles { lease, report, reading };
        }
        self.late(lease, report)
    }

    fn settle(&self, state: &mut State, lease: Lease, report: Report, reading: Reading, answer_lost: bool) -> Worker {
        if reading.unanswered && !self.has(Mutant::ForgetsChanges) {
            return Worker::Idle;
        }
        let Some(judged) = self.ask(state, &reading, Question::Report(report)) else {
            return self.late(lease, report);
        };
        let exhausted = matches!(
            judged.after.request.plan.tasks.first().map(|task| &task.state),
            Some(TaskState::Paused { why: PauseReason::Unknown, .. })
        );
        let unfenced = matches!(report, Report::Observe { .. });
        let fence = Some(lease).filter(|_| !unfenced);
        match self.commit_report(state, &reading, &judged, fence) {
            Answer::Kept => {
                if exhausted && matches!(report, Report::Settle { .. } | Report::LoseLease { .. }) {
                    self.coverage.race(Race::Exhausted);
                }
                if unfenced {
                    self.coverage.race(Race::LateResult);
                }
                if !answer_lost {
                    return Worker::Idle;
                }
                self.lose_answer(state);
                Worker::Settles { lease, report, reading: Reading { unanswered: true, ..reading } }
            }
            Answer::WrongVersion => self.read_to_report(state, lease, report, reading.unanswered),
            Answer::LostLease => self.late(lease, report),
        }
    }

    fn commit_report(&self, state: &mut State, reading: &Reading, judged: &Judged, fence: Option<Lease>) -> Answer {
        let stale = fence.filter(|lease| !state.store.is_held(*lease));
        if stale.is_some() && self.has(Mutant::LateResultSettles) {
            let answer = self.commit(state, reading, judged, None, None);
            state.record.note(super::record::Wrong::StaleWrite, answer == Answer::Kept);
            return answer;
        }
        self.commit(state, reading, judged, fence, None)
    }

    /// A result whose worker lost its lease settles nothing; it is handed in as an observation.
    fn late(&self, lease: Lease, report: Report) -> Worker {
        match report {
            Report::Settle { attempt, reply } => Worker::Reports { lease, report: Report::Observe { attempt, reply } },
            _ => Worker::Idle,
        }
    }
}

impl Report {
    pub(crate) fn command(self, task: &Task) -> Command {
        let id = task.id;
        match self {
            Self::Settle { attempt, reply } => Command::Settle { task: id, attempt, result: reply.result(task) },
            Self::Observe { attempt, reply } => Command::Observe { task: id, attempt, result: reply.result(task) },
            Self::LoseLease { attempt } => Command::LoseLease { task: id, attempt },
            Self::Probed(answer) => Command::Probed { task: id, answer, receipt: None },
            Self::UsedAgain => Command::Block { task: id, why: PauseReason::UsedAgain },
        }
    }
}

impl Reply {
    fn result(self, task: &Task) -> AttemptResult {
        let removes = matches!(task.action, TaskAction::Remove { .. });
        let done = |removal: RemovalKind| AttemptResult::Done {
            removal: removes.then_some(removal),
            receipt: None,
            location: None,
        };
        match self {
            Self::Done => done(RemovalKind::Removed),
            Self::Pending => done(RemovalKind::Pending { check_after: None }),
            Self::NotDone => AttemptResult::NotDone { retry_at: None, detail: None },
            Self::Rejected => AttemptResult::Rejected { detail: None },
            Self::Unknown => AttemptResult::Unknown { detail: None },
        }
    }
}
