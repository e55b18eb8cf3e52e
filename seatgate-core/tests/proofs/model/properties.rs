//! What must hold in every state of every history, one function each. They ask the observer's record and the truth at the
//! target, never what the code under test believes, but for where they judge exactly that.

use std::collections::BTreeSet;

use stateright::{Model, Property};

use seatgate_core::request::{Outcome, Phase, Proof, TaskAction, TaskState};
use seatgate_core::schedule::next_wake;

use super::record::Wrong;
use super::scene::{day, delivered};
use super::state::State;
use super::world::{Turn, World};

type Rule = (&'static str, fn(&World, &State) -> bool);

/// Every property by its name.
const ALWAYS: [Rule; 23] = [
    ("at most one decision", at_most_one_decision),
    ("no removal without approval", no_removal_without_approval),
    ("no Begin after keep, undo, withdraw or stop", no_begin_after_the_end),
    ("no call before its Begin is kept", no_call_before_its_begin_is_kept),
    ("nothing that has begun is taken back", nothing_begun_is_taken_back),
    ("nobody keeps their own seat", nobody_keeps_their_own_seat),
    ("no removal with fewer people's approval than the policy wants", enough_people_approve),
    ("whoever is not asked has no say", whoever_is_not_asked_has_no_say),
    ("an escalation takes nobody's say", an_escalation_takes_nobodys_say),
    ("nobody is reminded twice of the same", nobody_is_reminded_twice),
    ("nobody is asked twice at a time", nobody_is_asked_twice_at_a_time),
    ("an open request asks somebody", an_open_request_asks_somebody),
    ("no stale write", no_stale_write),
    ("the state is the fold of the trail", the_state_is_the_fold_of_the_trail),
    ("whoever won is not told that they lost", whoever_won_is_not_told_that_they_lost),
    ("an answer is for the pause that was seen", an_answer_is_for_the_pause_that_was_seen),
    ("nothing done without proof", nothing_done_without_proof),
    ("what may have been done is not called certainly undone", doubt_is_carried),
    ("a late result only closes what is open", a_late_result_only_closes_what_is_open),
    ("a new key only after a definite rejection", a_new_key_only_after_a_definite_rejection),
    ("every duplicate call bears the same key", every_duplicate_call_bears_the_same_key),
    ("no doubtful call is repeated unasked", no_doubtful_call_is_repeated_unasked),
    ("every end is settled", every_end_is_settled),
];

/// All of them, for the checker.
pub(crate) fn all() -> impl Iterator<Item = Property<World>> {
    ALWAYS.into_iter().map(|(name, holds)| Property::always(name, holds))
}

/// One decision a request, whoever clicks, however often.
fn at_most_one_decision(_: &World, state: &State) -> bool {
    state.record.decisions <= 1
}

/// No call that removes leaves before somebody who may has approved; the policy counts only where it says `reclaim`, the
/// target can give back, and somebody was asked. That is the one named exception.
fn no_removal_without_approval(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::CallWithoutApproval)
}

/// Once a keep, an undo, a withdrawal or a stop is kept, no Begin is.
fn no_begin_after_the_end(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::BegunAfterTheEnd)
}

/// Every call bears the number of an attempt that the trail knows already.
fn no_call_before_its_begin_is_kept(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::CallWithoutBegin)
}

/// Undo and Withdraw are for what has not begun, also where the lease of what began was lost.
fn nothing_begun_is_taken_back(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::TakenBackAfterBegin)
}

/// Keeping one's own seat needs somebody else.
fn nobody_keeps_their_own_seat(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::OwnSeatKept)
}

/// So many different people as the policy in force wants; a stand-in and whom they stand in for are one.
fn enough_people_approve(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::TooFewApprovals)
}

/// Only whoever is asked at that moment votes and decides: not who was, nor who stood in; or an operator.
fn whoever_is_not_asked_has_no_say(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::SayOfSomebodyNotAsked)
}

/// Escalation adds.
fn an_escalation_takes_nobodys_say(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::EscalationReplaced)
}

/// Each reminder of the policy comes once to those who are asked.
fn nobody_is_reminded_twice(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::RemindedAgain)
}

/// One card with live buttons each.
fn nobody_is_asked_twice_at_a_time(_: &World, state: &State) -> bool {
    let active: Vec<_> = state.request().approval.active().map(|asked| asked.person).collect();
    let people: BTreeSet<_> = active.iter().collect();
    people.len() == active.len()
}

/// In these worlds there is always somebody left who can be asked.
fn an_open_request_asks_somebody(_: &World, state: &State) -> bool {
    state.request().phase != Phase::AwaitingDecision || state.request().approval.active().next().is_some()
}

/// A worker whose item was claimed by another settles nothing.
fn no_stale_write(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::StaleWrite)
}

/// Nothing that was kept is lost, and nothing is in the state that is not in the trail.
fn the_state_is_the_fold_of_the_trail(_: &World, state: &State) -> bool {
    state.record.fold.digest == state.store.case.digest
}

/// A lost answer does not turn the winner of a race into the loser.
fn whoever_won_is_not_told_that_they_lost(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::WinnerWasRefused)
}

/// Retry, Skip and Confirm count for the pause that was on the card, and for no later one.
fn an_answer_is_for_the_pause_that_was_seen(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::AnsweredAnotherPause)
}

/// Whatever is Done was really done, or an operator has confirmed it; `reclaimed` and `kept` say that of every task.
fn nothing_done_without_proof(_: &World, state: &State) -> bool {
    let tasks = &state.request().plan.tasks;
    let proved = tasks.iter().all(|task| match &task.state {
        TaskState::Done { proof: Proof::Attested, .. } => state.record.confirmed,
        TaskState::Done { removal, .. } => {
            state.truth.is_done() && removal.is_some() == matches!(task.action, TaskAction::Remove { .. })
        }
        _ => true,
    });
    let closed_well = matches!(state.request().outcome(), Some(Outcome::Reclaimed | Outcome::Kept));
    let all_done = tasks.iter().all(|task| matches!(task.state, TaskState::Done { .. }));
    proved && (!closed_well || all_done && !tasks.is_empty())
}

/// A task that was skipped, cancelled or is waiting for a human although its call was performed, or may be yet, says so;
/// so does a request that is closed otherwise than well.
fn doubt_is_carried(_: &World, state: &State) -> bool {
    if !state.truth.may_happen() {
        return true;
    }
    let says_so = |state: &TaskState| {
        matches!(state, TaskState::Skipped { .. } | TaskState::Cancelled | TaskState::Paused { .. })
    };
    let tasks = state.request().plan.tasks.iter();
    let carried = tasks.filter(|task| says_so(&task.state)).all(|task| task.may_have_happened);
    let closed = match state.record.closed {
        None | Some((Outcome::Reclaimed | Outcome::Kept, _)) => true,
        Some((_, may_have_happened)) => may_have_happened,
    };
    carried && closed
}

/// A late result is recorded, and turns Probing or a doubtful Paused into Done, or nothing.
fn a_late_result_only_closes_what_is_open(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::LateResultCounted)
}

/// By the trail: the last attempt under the old key was rejected, and none under it was ambiguous.
fn a_new_key_only_after_a_definite_rejection(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::KeyChanged)
}

/// By the truth: what was performed, or may be yet, was so under one key.
fn every_duplicate_call_bears_the_same_key(_: &World, state: &State) -> bool {
    state.truth.keys() <= 1
}

/// A target that promises nothing is called again after an ambiguous attempt only because a human said so.
fn no_doubtful_call_is_repeated_unasked(_: &World, state: &State) -> bool {
    !state.record.wrongs.contains(&Wrong::RepeatedUnasked)
}

/// Where nothing can happen any more, the request is closed; or its deadline lies beyond the last day of this world, and the
/// wake-up for it is on the agenda. Together with [`super::graph::walk`], which finds no cycle, this is what "every request
/// settles" means here.
fn every_end_is_settled(world: &World, state: &State) -> bool {
    let can_go_on = || {
        let mut turns: Vec<Turn> = Vec::new();
        world.actions(state, &mut turns);
        !turns.is_empty()
    };
    match state.request().phase {
        Phase::Closed { .. } => state.store.perform.is_none(),
        _ if state.day < world.scene.days || can_go_on() => true,
        Phase::AwaitingDecision | Phase::InGrace { .. } => {
            let due = next_wake(state.request(), delivered(state.request()));
            let comes = state.store.wake.as_ref().is_some_and(|wake| due.is_some_and(|due| wake.due <= due));
            comes && due.is_some_and(|due| due > day(world.scene.days))
        }
        Phase::Executing | Phase::Stopping => false,
    }
}
