//! What must hold of every step of a plan, said without asking the core.

use seatgate_core::request::{Outcome, Phase, Proof, Request, StateLabel, Task, TaskState};

use super::world::{Reply, Truth, Turn};

pub(super) const OFFERED: &str = "what is offered is accepted";
pub(super) const LATE: &str = "late news ends what is open, and changes nothing else";
pub(super) const REPEATED: &str =
    "what may have happened is repeated under its key, and asked for where it is not harmless";

/// One step, and what is so of each task after it.
pub(super) struct Step<'a> {
    pub(super) before: &'a Request,
    pub(super) turn: Turn,
    pub(super) after: &'a Request,
    /// Whether it is the result of a worker whose lease another one has taken over.
    pub(super) late: bool,
    pub(super) truth: &'a [Truth],
    /// Whether the targets promise to do nothing twice.
    pub(super) harmless: bool,
}

/// The rule that this step breaks, if it breaks one.
pub(super) fn broken(step: &Step<'_>) -> Option<&'static str> {
    let Step { before, turn, after, truth, .. } = *step;
    let rules: [(&'static str, bool); 9] = [
        (LATE, late(step)),
        (REPEATED, repeat(step)),
        ("only what it needs changes with a task", frame(before, turn, after)),
        ("stop cancels what is not open, and nothing else", stop(before, turn, after)),
        ("a task begins after what it needs, and never after a stop", begin(before, turn)),
        ("closed means that every task has ended", closed(after)),
        ("the outcome says how the tasks ended", outcome(after)),
        ("what may have happened is said", doubt(after, truth)),
        ("attention is needed while a task is paused", attention(after)),
    ];
    rules.into_iter().find(|(_, holds)| !holds).map(|(rule, _)| rule)
}

/// Only good news is believed, and only where nobody knows: a late refusal says nothing of the attempts after it.
fn late(step: &Step<'_>) -> bool {
    let Turn::Reply(index, _, reply) = step.turn else { return true };
    let (was, is) = (&step.before.plan.tasks[index], &step.after.plan.tasks[index]);
    let open = match was.state {
        TaskState::Probing { .. } => true,
        TaskState::Paused { .. } => was.may_have_happened,
        _ => false,
    };
    !step.late || (was == is && !(open && reply == Reply::Done)) || (open && reply == Reply::Done && ended_well(is))
}

/// It bears the same key; and where a repeat is not harmless, a person has asked for it.
fn repeat(step: &Step<'_>) -> bool {
    let Turn::Begin(index) = step.turn else { return true };
    let (task, truth) = (&step.before.plan.tasks[index], &step.truth[index]);
    truth.open.is_none_or(|key| key == task.key_number && (step.harmless || truth.asked))
}

fn ended_well(task: &Task) -> bool {
    matches!(task.state, TaskState::Done { .. } | TaskState::Skipped { .. })
}

fn needs_are_met(request: &Request, task: &Task) -> bool {
    task.needs.iter().all(|need| request.plan.tasks.iter().any(|other| other.id == *need && ended_well(other)))
}

/// A step of one task leaves the others alone; but what waited for it may become ready.
fn frame(before: &Request, turn: Turn, after: &Request) -> bool {
    let own = match turn {
        Turn::Begin(index)
        | Turn::Reply(index, ..)
        | Turn::TakeOver(index)
        | Turn::LookUp(index)
        | Turn::Answer(index, _) => index,
        Turn::Stop | Turn::Withdraw => return true,
    };
    before.plan.tasks.iter().zip(&after.plan.tasks).enumerate().all(|(index, (was, is))| {
        let released = was.state == TaskState::Waiting
            && matches!(is.state, TaskState::Ready { .. })
            && needs_are_met(after, is)
            && !after.plan.stopped;
        index == own || was == is || released
    })
}

fn stop(before: &Request, turn: Turn, after: &Request) -> bool {
    if !matches!(turn, Turn::Stop | Turn::Withdraw) {
        return true;
    }
    before.plan.tasks.iter().zip(&after.plan.tasks).all(|(was, is)| {
        let stays = was.state.is_end() || was.state.is_open_effect();
        if stays { was.state == is.state } else { is.state == TaskState::Cancelled }
    })
}

fn begin(before: &Request, turn: Turn) -> bool {
    let Turn::Begin(index) = turn else { return true };
    before.phase == Phase::Executing && needs_are_met(before, &before.plan.tasks[index])
}

fn closed(after: &Request) -> bool {
    after.outcome().is_some() == after.plan.tasks.iter().all(|task| task.state.is_end())
}

fn outcome(after: &Request) -> bool {
    let Some(outcome) = after.outcome() else { return true };
    let done = after.plan.tasks.iter().filter(|task| matches!(task.state, TaskState::Done { .. })).count();
    let untouched = !after.plan.ever_begun && done == 0;
    match outcome {
        Outcome::Reclaimed => done == after.plan.tasks.len(),
        Outcome::PartlyReclaimed => done > 0 && done < after.plan.tasks.len() && !after.plan.stopped,
        // A late result may have told of success since.
        Outcome::Stopped => done == 0 || after.plan.stopped,
        Outcome::Withdrawn => untouched,
        _ => false,
    }
}

/// Done is so, or somebody attests it; and what is so without being said to be done is said to be possible.
fn doubt(after: &Request, truth: &[Truth]) -> bool {
    after.plan.tasks.iter().zip(truth).all(|(task, truth)| match &task.state {
        TaskState::Done { proof, .. } => truth.done || *proof == Proof::Attested,
        TaskState::InFlight => true,
        _ => !truth.done || task.may_have_happened,
    })
}

fn attention(after: &Request) -> bool {
    let paused = after.plan.tasks.iter().any(|task| matches!(task.state, TaskState::Paused { .. }));
    match after.phase {
        Phase::Executing => paused == (after.label() == StateLabel::NeedsAttention),
        _ => !paused,
    }
}
