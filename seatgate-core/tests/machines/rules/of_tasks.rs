//! What may have happened, keys, probes, pauses, late results, limits.

use seatgate_core::agenda::AgendaChange;
use seatgate_core::person::Actor;
use seatgate_core::policy::{RetryTerms, Terms};
use seatgate_core::request::{
    AttemptResult, Command, Event, EventKind, OnFailure, Outcome, PauseReason, ProbeFinding, Proof, Refusal,
    RemovalKind, Request, Resolution, TaskState,
};
use seatgate_core::time::Span;

use crate::world::*;

use super::*;

// ------------------------------------------------------------------------------------------------- what may have happened

#[test]
fn may_have_happened_stays_until_done() {
    let mut world = World::new();
    let mut request = world.approved();
    assert!(!task(&request).may_have_happened);
    for commands in [[BEGIN, TIME_OUT], [BEGIN, FAIL], [BEGIN, REJECT], [RETRY, BEGIN]] {
        request = follow(&mut world, request, &commands);
        assert!(task(&request).may_have_happened, "{}", status(&request));
    }
    let done = follow(&mut world, request, &[DONE]);
    assert!(!task(&done).may_have_happened);
}

#[test]
fn a_lost_lease_and_a_pending_removal_may_have_happened_too() {
    for how in [VANISH, ACCEPTED] {
        let mut world = World::new();
        let approved = world.approved();
        let request = follow(&mut world, approved, &[BEGIN, how]);
        assert!(task(&request).may_have_happened);
    }
}

#[test]
fn every_outcome_but_reclaimed_carries_what_may_have_happened() {
    for (end, state, outcome) in [(SKIP, "skipped", Outcome::Stopped), (HALT, "cancelled", Outcome::Stopped)] {
        let mut world = world(NOT_IDEMPOTENT);
        let approved = world.approved();
        let doubt = follow(&mut world, approved, &[BEGIN, TIME_OUT, HELD]);
        let transition = world.judge(&doubt, &end(&world, &doubt)).unwrap();
        let closed = Event::Closed { outcome, may_have_happened: true };
        assert_eq!(transition.facts.last().map(|fact| &fact.event), Some(&closed));
        assert_eq!((status(&transition.after), task(&transition.after).may_have_happened), (state, true));
    }
}

#[test]
fn on_failure_skip_is_refused_while_it_may_have_happened() {
    let mut world = World::new();
    let mut request = world.request(Terms::default());
    let mut removal = world.removal("one");
    removal.on_failure = OnFailure::Skip;
    request.apply(&world.approval_of(vec![removal]));
    let certain = follow(&mut world, request.clone(), &[BEGIN, REJECT]);
    let doubtful = follow(&mut world, request, &[BEGIN, TIME_OUT, BEGIN, REJECT]);
    assert_eq!((status(&certain), status(&doubtful)), ("skipped", "paused"));
}

#[test]
fn confirm_is_offered_only_while_it_may_have_happened() {
    let mut world = world(NOT_IDEMPOTENT);
    let approved = world.approved();
    let confirm =
        |world: &World, request: &Request| world.judge(request, &resolve(world, request, Resolution::Confirm));
    let rejected = follow(&mut world, approved.clone(), &[BEGIN, REJECT]);
    assert_eq!(confirm(&world, &rejected), Err(Refusal::NothingToConfirm));
    let doubt = follow(&mut world, approved, &[BEGIN, TIME_OUT, HELD]);
    assert_eq!(confirm(&world, &doubt).unwrap().after.outcome(), Some(Outcome::Reclaimed));
}

#[test]
fn a_removal_that_an_operator_confirms_is_one_and_an_exception_that_they_confirm_removes_nothing() {
    let mut world = World::new();
    let terms = Terms { retry: RetryTerms { attempts: 1, ..RetryTerms::default() }, ..Terms::default() };
    for (decision, removed) in [(APPROVE, Some(RemovalKind::Removed)), (world.keep(), None)] {
        let decided = world.then(&world.request(terms.clone()), decision);
        let doubt = follow(&mut world, decided, &[BEGIN, TIME_OUT]);
        let confirmed = world.then(&doubt, resolve(&world, &doubt, Resolution::Confirm));
        let TaskState::Done { removal, proof, .. } = task(&confirmed).state else { panic!("{}", status(&confirmed)) };
        assert_eq!((removal, proof), (removed, Proof::Attested));
    }
}

#[test]
fn whoever_ended_a_task_is_named_beside_it_and_nobody_where_the_target_did() {
    let mut world = World::new();
    let approved = world.approved();
    let doubt = follow(&mut world, approved.clone(), &[BEGIN, TIME_OUT, BEGIN, REJECT]);
    for (resolution, ended) in [(Resolution::Skip, true), (Resolution::Confirm, true), (Resolution::Retry, false)] {
        let answered = world.then(&doubt, resolve(&world, &doubt, resolution));
        assert_eq!(task(&answered).ended_by, ended.then_some(Actor::Person(world.mona)), "{resolution}");
    }
    assert_eq!(task(&follow(&mut world, approved, &[BEGIN, DONE])).ended_by, None);
}

#[test]
fn given_up_after_an_ambiguous_attempt_is_not_failure() {
    let mut world = World::new();
    let approved = world.approved();
    let request = follow(&mut world, approved, &[BEGIN, TIME_OUT, BEGIN]);
    world.now = at(2 * 86_400);
    let given_up = follow(&mut world, request, &[FAIL]);
    assert!(matches!(task(&given_up).state, TaskState::Paused { why: PauseReason::GaveUp, .. }));
    assert!(task(&given_up).may_have_happened);
}

#[test]
fn a_command_about_a_task_names_it_and_no_other_does() {
    let world = World::new();
    let request = world.begun();
    let id = task(&request).id;
    let block = Command::Block { task: id, why: PauseReason::Excepted };
    let deeds = [BEGIN, DONE, VANISH, HELD, RETRY].map(|deed| deed(&world, &request));
    for command in deeds.into_iter().chain([observe(&request, 1, REMOVED), block]) {
        assert_eq!(command.task(), Some(id), "{command:?}");
    }
    for command in [APPROVE, UNDO, WITHDRAW, STOP, world.keep(), Command::Wake, Command::ComeBack] {
        assert_eq!(command.task(), None, "{command:?}");
    }
}

#[test]
fn attempts_that_failed_together_come_back_apart() {
    let back = [1, 2, 3].map(|seed| {
        let mut world = World::seeded(seed);
        let approved = world.approved();
        due(&follow(&mut world, approved, &[BEGIN, FAIL])).unwrap()
    });
    assert!(back[0] != back[1] && back[1] != back[2] && back[0] != back[2], "{back:?}");
}

// --------------------------------------------------------------------------------------------------------------------- keys

#[test]
fn a_new_key_comes_only_after_a_definite_rejection_and_no_ambiguous_attempt() {
    let new_key = |commands: &[Deed]| {
        let mut world = World::new();
        let approved = world.approved();
        let first = task(&approved).key();
        let last = task(&follow(&mut world, approved, commands)).key();
        assert!(last == first || last == format!("{first}-2"), "{last}");
        last != first
    };
    assert!(new_key(&[BEGIN, REJECT, RETRY]));
    assert!(!new_key(&[BEGIN, REJECT]), "not before the Retry");
    assert!(!new_key(&[BEGIN, TIME_OUT, BEGIN, REJECT, RETRY]), "not after an ambiguous attempt");
    assert!(!new_key(&[BEGIN, VANISH, BEGIN, REJECT, RETRY]), "not after a lost lease");
    assert!(!new_key(&[BEGIN, ACCEPTED, UNSURE, UNSURE, BEGIN, REJECT, RETRY]), "not after a pending one");
    assert!(!new_key(&[BEGIN, FAIL, BEGIN]), "not without a rejection");
}

#[test]
fn an_attempt_under_a_new_key_that_is_not_rejected_keeps_that_key() {
    let mut world = World::new();
    let approved = world.approved();
    let second = follow(&mut world, approved, &[BEGIN, REJECT, RETRY]);
    let key = task(&second).key();
    let later = follow(&mut world, second, &[BEGIN, TIME_OUT, BEGIN, REJECT, RETRY]);
    assert_eq!(task(&later).key(), key);
}

// ------------------------------------------------------------------------------------------------------------------- probes

#[test]
fn held_after_an_ambiguous_attempt_is_ready_only_if_idempotent_and_clears_nothing() {
    for (idempotent, expected) in [(true, "ready"), (false, "paused")] {
        let mut world = World::new();
        let approved = world.approved();
        let probing = follow(&mut world, approved, &[BEGIN, TIME_OUT, BEGIN, ACCEPTED]);
        world.target.idempotent = idempotent;
        let after = follow(&mut world, probing, &[HELD]);
        assert_eq!((status(&after), task(&after).may_have_happened), (expected, true));
    }
}

#[test]
fn a_target_that_accepts_for_ever_and_removes_nothing_ends_with_a_human() {
    let mut world = World::new();
    let approved = world.approved();
    let mut request = follow(&mut world, approved, &[BEGIN, TIME_OUT, BEGIN, ACCEPTED]);
    for _ in 0..1_000 {
        match status(&request) {
            "ready" => request = follow(&mut world, request, &[BEGIN, ACCEPTED]),
            "probing" => request = follow(&mut world, request, &[HELD]),
            _ => break,
        }
    }
    assert!(
        matches!(task(&request).state, TaskState::Paused { why: PauseReason::StillHeld, .. }),
        "{:?}",
        request.plan
    );
}

#[test]
fn a_probe_that_cannot_tell_twice_pauses() {
    let mut world = world(NOT_IDEMPOTENT);
    let approved = world.approved();
    let once = follow(&mut world, approved, &[BEGIN, TIME_OUT, UNSURE]);
    assert_eq!(status(&once), "probing");
    let twice = follow(&mut world, once, &[UNSURE]);
    assert!(matches!(task(&twice).state, TaskState::Paused { why: PauseReason::Unknown, .. }));
}

#[test]
fn what_is_never_ready_to_be_told_ends_with_a_human() {
    let mut world = World::new();
    let approved = world.approved();
    let mut request = follow(&mut world, approved, &[BEGIN, ACCEPTED]);
    let mut polls = 0;
    while status(&request) == "probing" {
        request = follow(&mut world, request, &[NOT_YET]);
        polls += 1;
    }
    assert!(polls > 100, "{polls}");
    assert!(matches!(task(&request).state, TaskState::Paused { why: PauseReason::Unknown, .. }));
    assert!(task(&request).may_have_happened);
    assert!(world.now >= at(86_400) && world.now < at(86_400 + 700));
}

#[test]
fn the_place_that_tells_is_known_until_a_later_answer_names_another() {
    let mut world = World::new();
    let [first, second] = ["/removals/1", "/removals/2"].map(|place| Some(world.text(place)));
    let accepted = |location| AttemptResult::Done {
        removal: Some(RemovalKind::Pending { check_after: None }),
        receipt: None,
        location,
    };
    let approved = world.approved();
    let begun = follow(&mut world, approved, &[BEGIN]);
    let accepting = world.then(&begun, settle(&begun, accepted(first)));
    let doubt = follow(&mut world, accepting, &[UNSURE, UNSURE, BEGIN, TIME_OUT]);
    assert_eq!(task(&doubt).location, first, "the key is the same, and so is the removal");
    let begun = follow(&mut world, doubt, &[BEGIN]);
    assert_eq!(task(&world.then(&begun, settle(&begun, accepted(second)))).location, second);
    let lost = follow(&mut world, begun, &[VANISH]);
    assert_eq!(
        task(&world.then(&lost, observe(&lost, 3, accepted(second)))).location,
        second,
        "late, but good to know"
    );
}

#[test]
fn probes_of_a_pending_removal_come_less_and_less_often() {
    let mut world = World::new();
    let approved = world.approved();
    let mut request = follow(&mut world, approved, &[BEGIN, ACCEPTED]);
    let mut waits = Vec::new();
    for _ in 0..20 {
        request = follow(&mut world, request, &[HELD]);
        waits.push(due(&request).unwrap().since(world.now).as_secs());
    }
    assert!(waits[0] <= 2 && waits[19] >= 300, "{waits:?}");
}

// ------------------------------------------------------------------------------------------------------ lanes and the agenda

#[test]
fn a_closed_lane_blocks_begin_only() {
    let mut world = World::new();
    let (awaiting, approved) = (world.request(Terms::default()), world.approved());
    let gated = |changes: &[AgendaChange]| match changes {
        [AgendaChange::Schedule { gated, .. }] => Some(*gated),
        _ => None,
    };
    assert_eq!(gated(&performs(&world, Some(&awaiting), &approved)), Some(true));
    let begun = follow(&mut world, approved, &[BEGIN]);
    let probing = follow(&mut world, begun.clone(), &[ACCEPTED]);
    assert_eq!(gated(&performs(&world, Some(&begun), &probing)), Some(false));
}

#[test]
fn begin_keeps_the_item_under_which_it_was_claimed() {
    let world = World::new();
    let ready = world.approved();
    assert_eq!(performs(&world, Some(&ready), &world.then(&ready, begin(&ready))), []);
}

#[test]
fn every_probe_schedules_the_next_one_even_at_the_same_instant() {
    let mut world = World::new();
    let mut terms = Terms::default();
    terms.retry.first = Span::seconds(0);
    let approved = world.then(&world.request(terms), APPROVE);
    let probing = follow(&mut world, approved, &[BEGIN, ACCEPTED]);
    let again = follow(&mut world, probing.clone(), &[HELD]);
    assert_eq!(due(&again), due(&probing));
    assert_eq!(performs(&world, Some(&probing), &again).len(), 1, "the lease on the item would only run out");
}

// ----------------------------------------------------------------------------------------------------------- human answers

#[test]
fn an_answer_to_another_pause_is_stale() {
    let mut world = World::new();
    let approved = world.approved();
    let first = follow(&mut world, approved, &[BEGIN, REJECT]);
    let answers = [Resolution::Retry, Resolution::Skip, Resolution::Confirm];
    let answers = answers.map(|resolution| resolve(&world, &first, resolution));
    let second = follow(&mut world, first, &[RETRY, BEGIN, REJECT]);
    assert_eq!(task(&second).pauses, 2);
    for answer in answers {
        assert_eq!(world.judge(&second, &answer), Err(Refusal::StalePause));
    }
}

#[test]
fn skip_and_confirm_need_a_reason() {
    let mut world = world(NOT_IDEMPOTENT);
    let approved = world.approved();
    let doubt = follow(&mut world, approved, &[BEGIN, TIME_OUT, HELD]);
    for resolution in [Resolution::Skip, Resolution::Confirm] {
        let answer = Command::Resolve { task: task(&doubt).id, pause: 1, resolution, reason: None };
        assert_eq!(world.judge(&doubt, &answer), Err(Refusal::AnswerNeedsReason));
    }
}

#[test]
fn a_skipped_task_satisfies_needs() {
    let mut world = World::new();
    let mut request = world.request(Terms::default());
    let first = world.removal("one");
    let mut second = world.removal("two");
    second.needs = vec![first.id];
    request.apply(&world.approval_of(vec![first, second]));
    assert_eq!(request.plan.tasks[1].state, TaskState::Waiting);
    let request = follow(&mut world, request, &[BEGIN, REJECT, SKIP]);
    assert!(matches!(request.plan.tasks[1].state, TaskState::Ready { .. }));
    let id = request.plan.tasks[1].id;
    let request = world.then(&request, Command::Begin { task: id });
    let request = world.then(&request, Command::Settle { task: id, attempt: 1, result: REMOVED });
    assert_eq!(request.outcome(), Some(Outcome::PartlyReclaimed));
}

// ------------------------------------------------------------------------------------------------------------- late results

#[test]
fn a_late_result_can_only_turn_probing_or_an_ambiguous_pause_into_done() {
    let observed = |target: Promises, commands: &[Deed]| {
        let mut world = world(target);
        let approved = world.approved();
        let before = follow(&mut world, approved, commands);
        let transition = world.judge(&before, &observe(&before, 1, REMOVED)).unwrap();
        assert_eq!(kinds(&transition)[0], EventKind::Observed, "always recorded");
        let changed = status(&transition.after) != status(&before);
        assert_eq!(changed, transition.after.outcome() != before.outcome());
        changed
    };
    assert!(observed(NOT_IDEMPOTENT, &[BEGIN, VANISH]), "probing");
    assert!(observed(NOT_IDEMPOTENT, &[BEGIN, VANISH, HELD]), "paused, ambiguous");
    assert!(!observed((true, true), &[BEGIN, VANISH]), "ready");
    assert!(!observed((true, true), &[BEGIN, VANISH, BEGIN]), "in flight");
    assert!(!observed((true, true), &[BEGIN, REJECT]), "paused, certain");
    assert!(!observed(NOT_IDEMPOTENT, &[BEGIN, VANISH, HELD, SKIP]), "skipped");
    assert!(!observed(NOT_IDEMPOTENT, &[BEGIN, VANISH, HELD, HALT]), "cancelled");
}

#[test]
fn bad_news_that_comes_late_changes_nothing() {
    let mut world = world(NOT_IDEMPOTENT);
    let approved = world.approved();
    let probing = follow(&mut world, approved, &[BEGIN, VANISH]);
    for result in [NOT_DONE, REJECTED, UNKNOWN, PENDING] {
        assert_eq!(world.then(&probing, observe(&probing, 1, result)), probing);
    }
}

#[test]
fn a_late_result_after_the_end_is_recorded_without_a_second_end() {
    let mut world = World::new();
    let approved = world.approved();
    let closed = follow(&mut world, approved, &[BEGIN, DONE]);
    let transition = world.judge(&closed, &observe(&closed, 1, REMOVED)).unwrap();
    assert_eq!(kinds(&transition), [EventKind::Observed]);
    assert_eq!(transition.after, closed);
}

#[test]
fn an_attempt_that_was_never_begun_has_no_late_result() {
    let mut world = world(NOT_IDEMPOTENT);
    let approved = world.approved();
    let probing = follow(&mut world, approved, &[BEGIN, VANISH]);
    for attempt in [0, 2, u32::MAX] {
        let judged = world.judge(&probing, &observe(&probing, attempt, REMOVED));
        assert_eq!(judged, Err(Refusal::StaleAttempt), "{attempt}");
    }
}

#[test]
fn nothing_makes_a_task_ready_within_the_grace_period() {
    let world = World::new();
    let in_grace = world.then(&world.request(with_grace()), APPROVE);
    let (id, next) = (task(&in_grace).id, TaskState::Waiting);
    let mut after = in_grace.clone();
    let mut fact = world.approval_of(Vec::new());
    fact.event = Event::Observed { task: id, attempt: 1, result: NOT_DONE, next };
    after.apply(&fact);
    assert_eq!(after, in_grace);
}

#[test]
fn verified_and_regranted_are_legal_after_the_end() {
    let mut world = World::new();
    let approved = world.approved();
    let closed = follow(&mut world, approved, &[BEGIN, DONE]);
    for finding in [ProbeFinding::Gone, ProbeFinding::Regranted] {
        let verified = world.then(&closed, Command::Verify { finding });
        assert_eq!((verified.verified, verified.outcome()), (Some(finding), Some(Outcome::Reclaimed)));
    }
    assert_eq!(
        world.judge(&world.approved(), &Command::Verify { finding: ProbeFinding::Gone }),
        Err(Refusal::NothingToVerify)
    );
}

// ------------------------------------------------------------------------------------------------------------------- limits

#[test]
fn attempts_bound_ambiguous_tries() {
    let mut world = World::new();
    let terms = Terms { retry: RetryTerms { attempts: 3, ..RetryTerms::default() }, ..Terms::default() };
    let approved = world.then(&world.request(terms), APPROVE);
    let two = follow(&mut world, approved, &[BEGIN, TIME_OUT, BEGIN, FAIL, BEGIN, TIME_OUT]);
    assert_eq!(status(&two), "ready");
    let three = follow(&mut world, two, &[BEGIN, TIME_OUT]);
    assert!(matches!(task(&three).state, TaskState::Paused { why: PauseReason::Unknown, .. }));
}

#[test]
fn give_up_after_bounds_certain_not_dones_by_age_not_by_number() {
    let mut world = World::new();
    let mut request = world.approved();
    let mut tries = 0;
    while status(&request) == "ready" {
        request = follow(&mut world, request, &[BEGIN, FAIL]);
        tries += 1;
    }
    assert!(tries > 100, "{tries}");
    assert!(matches!(task(&request).state, TaskState::Paused { why: PauseReason::GaveUp, .. }));
    assert!(world.now >= at(86_400) && world.now < at(86_400 + 700));
}

#[test]
fn counters_at_their_end_stop_counting_and_nothing_panics() {
    let mut world = world(NOT_IDEMPOTENT);
    let mut request = world.approved();
    let task = request.plan.tasks.first_mut().unwrap();
    for counter in [
        &mut task.attempts,
        &mut task.round_attempts,
        &mut task.ambiguous,
        &mut task.cannot_tell,
        &mut task.pauses,
        &mut task.key_number,
    ] {
        *counter = u32::MAX;
    }
    let rejected = follow(&mut world, request.clone(), &[BEGIN, REJECT, RETRY, BEGIN]);
    assert_eq!(status(&rejected), "in_flight");
    let doubtful = follow(&mut world, request, &[BEGIN, TIME_OUT, UNSURE]);
    assert_eq!(status(&doubtful), "probing");
}
