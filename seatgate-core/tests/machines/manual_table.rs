//! The second machine for a task that a person does: no call, no pauses, and its own two answers.

use std::collections::BTreeSet;

use seatgate_core::request::{PauseReason, ProbeAnswer, Proof, Refusal, Task, TaskFacts, TaskInput, TaskState};

use crate::table::rules;
use crate::world::{REMOVED, World, at};

/// What is not named is refused. While the plan is being stopped, everything but the stop itself is.
const TABLE: &str = "
ready                   | complete | done attested
ready                   | skip     | skipped
waiting ready           | stop     | cancelled
";

fn states() -> [(&'static str, TaskState); 5] {
    [
        ("waiting", TaskState::Waiting),
        ("ready", TaskState::Ready { at: at(1_000) }),
        ("done", TaskState::Done { removal: None, proof: Proof::Attested, receipt: None }),
        ("skipped", TaskState::Skipped { reason: None }),
        ("cancelled", TaskState::Cancelled),
    ]
}

fn inputs() -> [(&'static str, TaskInput); 12] {
    [
        ("begin", TaskInput::Begin),
        ("settle", TaskInput::Settle { attempt: 0, result: REMOVED }),
        ("lose", TaskInput::LoseLease { attempt: 0 }),
        ("probed", TaskInput::Probed { answer: ProbeAnswer::NotHeld, receipt: None }),
        ("observe", TaskInput::Observe { attempt: 0, result: REMOVED }),
        ("block", TaskInput::Block(PauseReason::Erased)),
        ("retry", TaskInput::Retry { pause: 0 }),
        ("skip", TaskInput::Skip { pause: 0, reason: None }),
        ("skip_ahead", TaskInput::Skip { pause: 1, reason: None }),
        ("confirm", TaskInput::Confirm { pause: 0, reason: None }),
        ("complete", TaskInput::Complete { reason: None }),
        ("stop", TaskInput::Stop),
    ]
}

fn facts(stopping: bool) -> TaskFacts {
    let now = at(1_000);
    TaskFacts { now, idempotent: true, backoff_until: now, attempts: 8, give_up_at: at(2_000), stopping }
}

fn by_hand(world: &World, state: &TaskState) -> Task {
    let mut task = world.by_hand("badge", world.olga);
    task.state = state.clone();
    task
}

fn described(task: &Task, input: &TaskInput, stopping: bool) -> String {
    match task.next(input, &facts(stopping)) {
        Ok(TaskState::Done { proof, .. }) => format!("done {proof}"),
        Ok(other) => other.label().to_owned(),
        Err(_) => "refused".to_owned(),
    }
}

#[test]
fn every_pair_is_what_the_table_says() {
    let (world, table) = (World::new(), rules(TABLE, 3));
    let mut wrong = BTreeSet::new();
    for (state_name, state) in states() {
        for (input_name, input) in inputs() {
            let task = by_hand(&world, &state);
            let rule = table.iter().find(|rule| rule.names(0, state_name) && rule.names(1, input_name));
            let expected = rule.map_or("refused", |rule| rule.cells[2]);
            for (stopping, expected) in
                [(false, expected), (true, if input_name == "stop" { expected } else { "refused" })]
            {
                let answer = described(&task, &input, stopping);
                if answer != expected {
                    wrong.insert(format!("{state_name} x {input_name} ({stopping}): {answer}, but {expected}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whoever says that it is done hears why that cannot be taken.
#[test]
fn a_refused_word_says_whether_it_came_too_early_or_too_late() {
    let world = World::new();
    let complete = TaskInput::Complete { reason: None };
    for (name, state) in states() {
        let answer = by_hand(&world, &state).next(&complete, &facts(false));
        match name {
            "ready" => assert!(answer.is_ok()),
            "waiting" => assert_eq!(answer, Err(Refusal::NotReady)),
            _ => assert_eq!(answer, Err(Refusal::TaskEnded), "{name}"),
        }
    }
    assert_eq!(world.removal("lock").next(&complete, &facts(false)), Err(Refusal::NotManual));
}
