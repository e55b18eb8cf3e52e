//! What must hold of every step of a plan, said without asking the core.

use seatgate_core::request::{Outcome, Phase, Proof, Request, StateLabel, Task, TaskState};

use super::world::Turn;

pub(super) const OFFERED: &str = "what is offered is accepted";

/// The rule that this step breaks, if it breaks one.
pub(super) fn broken(before: &Request, turn: Turn, after: &Request, done: &[bool]) -> Option<&'static str> {
    let rules: [(&'static str, bool); 7] = [
        ("only what it needs changes with a task", frame(before, turn, after)),
        ("stop cancels what is not open, and nothing else", stop(before, turn, after)),
        ("a task begins after what it needs, and never after a stop", begin(before, turn)),
        ("closed means that every task has ended", closed(after)),
        ("the outcome says how the tasks ended", outcome(after)),
        ("what may have happened is said", doubt(after, done)),
        ("attention is needed while a task is paused", attention(after)),
    ];
    rules.into_iter().find(|(_, holds)| !holds).map(|(rule, _)| rule)
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
        | Turn::Reply(index, _)
        | Turn::Vanish(index)
        | Turn::Late(index, _)
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
fn doubt(after: &Request, done: &[bool]) -> bool {
    after.plan.tasks.iter().zip(done).all(|(task, done)| match &task.state {
        TaskState::Done { proof, .. } => *done || *proof == Proof::Attested,
        TaskState::InFlight => true,
        _ => !done || task.may_have_happened,
    })
}

fn attention(after: &Request) -> bool {
    let paused = after.plan.tasks.iter().any(|task| matches!(task.state, TaskState::Paused { .. }));
    match after.phase {
        Phase::Executing => paused == (after.label() == StateLabel::NeedsAttention),
        _ => !paused,
    }
}
