//! What was begun, kept, stopped, decided; and what is recorded of it.

use seatgate_core::person::Actor;
use seatgate_core::policy::{Mode, OnExpiry, Terms};
use seatgate_core::request::{
    ApprovalState, Command, Decision, EventKind, Outcome, PauseReason, Refusal, Relation, Request, StateLabel, Subject,
    TaskAction, TaskState, Transition, WithdrawReason,
};
use seatgate_core::schedule::next_wake;

use crate::world::*;

use super::*;

// -------------------------------------------------------------------------------------------------------------- ever begun

#[test]
fn ever_begun_means_also_a_begin_whose_lease_was_lost() {
    let mut world = World::new();
    let approved = world.approved();
    let request = follow(&mut world, approved, &[BEGIN, VANISH]);
    assert_eq!(status(&request), "ready");
    assert_eq!(world.judge(&request, &WITHDRAW), Err(Refusal::TooLate));
}

#[test]
fn checks_before_begin_withdraw_only_if_nothing_was_ever_begun_else_they_pause() {
    for why in [PauseReason::Excepted, PauseReason::UsedAgain, PauseReason::Erased] {
        let mut world = World::new();
        let fresh = world.approved();
        let begun_before = follow(&mut world, fresh.clone(), &[BEGIN, FAIL]);
        let block = |request: &Request| world.then(request, Command::Block { task: task(request).id, why });
        assert_eq!(block(&fresh).outcome(), Some(Outcome::Withdrawn));
        assert_eq!(task(&block(&begun_before)).state, TaskState::Paused { pause: 1, why });
    }
}

#[test]
fn a_check_withdraws_nothing_that_is_not_about_to_begin() {
    let world = World::new();
    let (awaiting, in_grace) = (world.request(with_grace()), world.then(&world.request(with_grace()), APPROVE));
    let why = PauseReason::UsedAgain;
    let block = |request: &Request| world.judge(request, &Command::Block { task: task(&in_grace).id, why });
    assert_eq!(block(&awaiting), Err(Refusal::UnknownTask));
    assert_eq!(block(&in_grace), Err(Refusal::NotReady));
}

// --------------------------------------------------------------------------------------------------------------- keep plans

#[test]
fn a_keep_plan_refuses_stop_withdraw_and_undo() {
    let world = World::new();
    let kept = world.kept();
    assert_eq!(kept.label(), StateLabel::Keeping);
    for command in [STOP, WITHDRAW, UNDO] {
        assert_eq!(world.judge(&kept, &command), Err(Refusal::AlreadyKept), "{command:?}");
    }
}

#[test]
fn begin_precedes_every_perform_filing_included() {
    let world = World::new();
    for request in [world.kept(), world.approved()] {
        let unbegun = Command::Settle { task: task(&request).id, attempt: 0, result: REMOVED };
        assert_eq!(world.judge(&request, &unbegun), Err(Refusal::StaleAttempt));
        assert_eq!(kinds(&world.judge(&request, &begin(&request)).unwrap()), [EventKind::Begun]);
    }
}

#[test]
fn filing_is_repeated_whatever_the_target_promises_for_it_is_ours_and_idempotent() {
    let mut world = world(NOT_IDEMPOTENT);
    let kept = world.kept();
    let exception = kept.exception();
    let again = follow(&mut world, kept, &[BEGIN, TIME_OUT]);
    assert_eq!((status(&again), again.exception()), ("ready", exception));
}

// --------------------------------------------------------------------------------------------------------------------- stop

#[test]
fn stopping_probes_an_unknown_and_never_repeats_it() {
    for how in [TIME_OUT, VANISH] {
        let mut world = World::new();
        let approved = world.approved();
        let probing = follow(&mut world, approved, &[BEGIN, HALT, how]);
        assert_eq!((probing.label(), status(&probing)), (StateLabel::Stopping, "probing"));
        assert_eq!(world.judge(&probing, &begin(&probing)), Err(Refusal::Stopping));
        let ended = follow(&mut world, probing, &[HELD]);
        assert_eq!((ended.outcome(), status(&ended)), (Some(Outcome::Stopped), "cancelled"));
        assert!(task(&ended).may_have_happened);
    }
}

#[test]
fn a_removal_that_comes_through_while_stopping_is_reclaimed() {
    let mut world = World::new();
    let approved = world.approved();
    let closed = follow(&mut world, approved, &[BEGIN, HALT, DONE]);
    assert_eq!(closed.outcome(), Some(Outcome::Reclaimed));
}

#[test]
fn stop_keeps_the_agenda_items_of_tasks_in_flight_or_probing() {
    for commands in [&[BEGIN][..], &[BEGIN, ACCEPTED]] {
        let mut world = World::new();
        let approved = world.approved();
        let open = follow(&mut world, approved, commands);
        let stopped = world.then(&open, STOP);
        assert_eq!(performs(&world, Some(&open), &stopped), []);
    }
}

#[test]
fn what_stop_does_to_a_task_is_what_the_table_of_the_task_says() {
    let world = World::new();
    let mut request = world.request(Terms::default());
    let first = world.removal("one");
    let mut second = world.removal("two");
    second.needs = vec![first.id];
    request.apply(&world.approval_of(vec![first, second]));
    let (stopped, begun) = (world.then(&request, STOP), world.then(&request, begin(&request)));
    assert_eq!(stopped.outcome(), Some(Outcome::Stopped));
    let stopping = world.then(&begun, STOP);
    let states: Vec<_> = stopping.plan.tasks.iter().map(|task| task.state.label()).collect();
    assert_eq!((stopping.label(), states), (StateLabel::Stopping, vec!["in_flight", "cancelled"]));
}

// -------------------------------------------------------------------------------------------------- decisions and their end

#[test]
fn a_removal_begins_only_while_it_is_approved_and_wanted() {
    let world = World::new();
    let in_grace = world.then(&world.request(with_grace()), APPROVE);
    let ready = world.approved();
    for (request, refusal) in [
        (world.then(&in_grace, UNDO), Refusal::Closed),
        (world.then(&in_grace, WITHDRAW), Refusal::Closed),
        (world.then(&ready, WITHDRAW), Refusal::Closed),
        (world.then(&ready, STOP), Refusal::Closed),
        (in_grace, Refusal::NotReady),
    ] {
        assert_eq!(world.judge(&request, &begin(&request)), Err(refusal));
    }
    let (kept, removal) = (world.kept(), task(&ready).id);
    assert_eq!(world.judge(&kept, &Command::Begin { task: removal }), Err(Refusal::UnknownTask));
}

#[test]
fn a_second_decision_is_refused_even_if_it_is_the_same() {
    let world = World::new();
    for decided in [world.approved(), world.kept(), world.begun(), world.then(&world.approved(), STOP)] {
        for again in [APPROVE, world.keep()] {
            assert_eq!(world.judge(&decided, &again), Err(Refusal::AlreadyDecided));
        }
    }
}

#[test]
fn undo_is_legal_until_the_wake_that_ends_the_grace_period_commits() {
    let mut world = World::new();
    let in_grace = world.then(&world.request(with_grace()), APPROVE);
    world.now = at(10 * 86_400);
    assert_eq!(world.then(&in_grace, UNDO).outcome(), Some(Outcome::Withdrawn));
    let executing = world.then(&in_grace, Command::Wake);
    assert_eq!(world.judge(&executing, &UNDO), Err(Refusal::NothingToUndo));
}

#[test]
fn wake_is_harmless_when_nothing_is_due() {
    let mut world = World::new();
    let awaiting = world.request(Terms::default());
    for request in [awaiting.clone(), world.then(&world.request(with_grace()), APPROVE), world.begun(), world.kept()] {
        let transition = world.judge(&request, &Command::Wake).unwrap();
        assert_eq!((transition.facts.len(), &transition.after), (0, &request));
    }
    world.now = next_wake(&awaiting, Some(at(0))).unwrap();
    assert_eq!(kinds(&world.judge(&awaiting, &Command::Wake).unwrap()), [EventKind::Reminded]);
}

#[test]
fn deadlines_start_when_a_card_was_delivered() {
    let mut world = World::new();
    let awaiting = world.request(Terms::default());
    assert_eq!(next_wake(&awaiting, None), None);
    world.now = at(300 * 86_400);
    let mut context = world.context_of(&Command::Wake);
    context.delivered_at = None;
    assert_eq!(awaiting.handle(&Command::Wake, &context).unwrap().facts, []);
}

#[test]
fn two_accounts_that_turn_out_to_be_one_withdraw_the_newer_request_unless_it_has_begun() {
    let world = World::new();
    let woken = |request: &Request| {
        let mut context = world.context_of(&Command::Wake);
        context.seat_lost = true;
        request.handle(&Command::Wake, &context).unwrap().after.outcome()
    };
    assert_eq!(woken(&world.request(Terms::default())), Some(Outcome::Withdrawn));
    assert_eq!(woken(&world.approved()), Some(Outcome::Withdrawn));
    assert_eq!((woken(&world.begun()), woken(&world.kept())), (None, None));
}

#[test]
fn of_whoever_is_to_leave_nobody_is_asked_any_more_and_what_is_decided_goes_on() {
    let world = World::new();
    let woken = |request: &Request| {
        let mut context = world.context_of(&Command::Wake);
        context.holder_leaves = true;
        request.handle(&Command::Wake, &context).unwrap().after
    };
    let open = woken(&world.request(Terms::default()));
    assert_eq!((open.outcome(), open.withdrawn), (Some(Outcome::Withdrawn), Some(WithdrawReason::Offboarding)));
    let in_grace = world.then(&world.request(with_grace()), APPROVE);
    for decided in [in_grace, world.approved(), world.begun(), world.kept()] {
        assert_eq!(woken(&decided), decided);
    }
}

fn expired(target: Promises, on_expiry: OnExpiry, mode: Mode) -> Transition {
    let mut world = world(target);
    let mut request = world.request(Terms { on_expiry, ..Terms::default() });
    request.mode = mode;
    world.now = at(30 * 86_400);
    world.judge(&request, &Command::Wake).unwrap()
}

#[test]
fn silence_removes_only_what_can_be_undone_and_only_if_the_policy_says_so() {
    let decided = |target, on_expiry| {
        let transition = expired(target, on_expiry, Mode::Live);
        let verdict = transition.after.approval.verdict.unwrap();
        assert_eq!((verdict.by, verdict.relation), (Actor::Policy, Relation::Policy));
        assert_eq!(transition.facts[0].actor, Actor::Policy, "and so in the trail");
        verdict.decision
    };
    assert_eq!(decided((true, true), OnExpiry::Reclaim), Decision::Approve);
    assert_eq!(decided(IRREVERSIBLE, OnExpiry::Reclaim), Decision::Keep);
    assert_eq!(decided((true, true), OnExpiry::Keep), Decision::Keep);
}

#[test]
fn silence_keeps_for_as_long_as_the_policy_says_for_silence() {
    let transition = expired((true, true), OnExpiry::Keep, Mode::Live);
    let verdict = transition.after.approval.verdict.unwrap();
    assert_eq!(verdict.keep_until.map(|until| until.since(verdict.at).as_secs()), Some(14 * 86_400));
}

#[test]
fn silence_can_close() {
    let transition = expired((true, true), OnExpiry::Close, Mode::Live);
    assert_eq!(kinds(&transition), [EventKind::Expired, EventKind::Closed]);
    assert_eq!(transition.after.outcome(), Some(Outcome::Expired));
    assert_eq!(transition.after.approval.state, ApprovalState::Lapsed);
}

#[test]
fn a_dry_run_closes_as_one_without_tasks() {
    let world = World::new();
    let mut request = world.request(with_grace());
    request.mode = Mode::DryRun;
    for command in [APPROVE, world.keep()] {
        let after = world.then(&request, command);
        assert_eq!((after.outcome(), after.plan.tasks.len()), (Some(Outcome::DryRun), 0));
    }
    for on_expiry in [OnExpiry::Keep, OnExpiry::Reclaim, OnExpiry::Close] {
        let after = expired((true, true), on_expiry, Mode::DryRun).after;
        assert_eq!((after.outcome(), after.plan.tasks.len()), (Some(Outcome::DryRun), 0));
    }
}

#[test]
fn a_decision_that_releases_nothing_ends_the_request() {
    let world = World::new();
    for terms in [Terms::default(), with_grace()] {
        let mut request = world.request(terms);
        request.subject = Subject::Person(world.ana);
        let approved = world.then(&request, APPROVE);
        let mut later = World::new();
        later.now = at(10 * 86_400);
        assert_eq!(later.then(&approved, Command::Wake).outcome(), Some(Outcome::Stopped), "or it would wait for ever");
    }
}

#[test]
fn the_end_of_a_keep_lies_within_what_the_policy_allows() {
    let world = World::new();
    let request = world.request(Terms::default());
    let keep = |until| world.judge(&request, &Command::Keep { reason: Some(world.text("why")), until: Some(until) });
    assert_eq!(keep(world.now), Err(Refusal::KeepEndsInPast));
    assert_eq!(keep(at(366 * 86_400)), Err(Refusal::KeepTooLong));
    assert!(keep(at(365 * 86_400)).is_ok());
    let unexplained = Command::Keep { reason: None, until: None };
    assert_eq!(world.judge(&request, &unexplained), Err(Refusal::ReasonRequired));
}

#[test]
fn the_exception_that_a_keep_files_ends_when_the_decision_says() {
    let world = World::new();
    let until = at(30 * 86_400);
    let keep = Command::Keep { reason: Some(world.text("on leave")), until: Some(until) };
    let kept = world.then(&world.request(Terms::default()), keep);
    let TaskAction::File { exception } = task(&kept).action else { panic!("{:?}", task(&kept)) };
    assert_eq!(kept.exception(), Some((exception, until)));
    assert_eq!((world.approved().exception(), world.request(Terms::default()).exception()), (None, None));
}

// ------------------------------------------------------------------------------------------------------------ personal data

#[test]
fn a_request_keeps_no_address_of_the_policy() {
    let world = World::new();
    let terms = Terms { fallback_approvers: vec!["it-lead@example.com".to_owned()], ..Terms::default() };
    let opening = world.opening(Mode::Live, terms);
    assert!(!serde_json::to_string(&opening).unwrap().contains('@'));
}

#[test]
fn whoever_acts_is_recorded_apart_from_whoever_handed_it_in() {
    let world = World::new();
    let mut context = world.context();
    context.submitted_by = Some(Actor::Token("ci".parse().unwrap()));
    let transition = world.request(Terms::default()).handle(&APPROVE, &context).unwrap();
    let verdict = transition.after.approval.verdict.unwrap();
    assert_eq!((verdict.by, verdict.submitted_by), (Actor::Person(world.mona), context.submitted_by.clone()));
    assert_eq!(transition.facts[0].submitted_by, context.submitted_by);
}
