//! An offboarding, one named test a rule: who has it before them, what a *no* comes to, and what is left out.

use std::collections::BTreeSet;

use seatgate_core::agenda::{AgendaChange, Item, changes};
use seatgate_core::id::PersonRef;
use seatgate_core::policy::{Mode, RetryTerms, Terms};
use seatgate_core::request::{Command, Outcome, Request, Resolution, StateLabel, Task};
use seatgate_core::time::{Span, Timestamp};

use crate::world::{APPROVE, NOT_DONE, STOP, WITHDRAW, World, at, begin, resolve, settle, status, task};

/// Sam is to collect the badge. The playbook names whoever leaves as well, who is never asked to do a part of it.
fn tasks(world: &World) -> Vec<Task> {
    vec![world.by_hand("badge", world.sam), world.by_hand("laptop", world.ana)]
}

fn decline(world: &World) -> Command {
    Command::Keep { reason: Some(world.text("he stays")), until: None }
}

fn states(request: &Request) -> Vec<&'static str> {
    request.plan.tasks.iter().map(|task| task.state.label()).collect()
}

// ------------------------------------------------------------------------------------------------------------- the decision

#[test]
fn an_approval_releases_what_was_planned() {
    let world = World::new();
    let planned = tasks(&world);
    let request = world.leaving(planned.clone());
    assert_eq!(states(&request), ["waiting", "waiting"]);
    let approved = world.then(&request, APPROVE);
    assert_eq!((approved.label(), states(&approved)), (StateLabel::Executing, vec!["ready", "ready"]));
    assert!(approved.plan.tasks.iter().map(|task| task.id).eq(planned.iter().map(|task| task.id)));
}

/// A *no* is no exception: it ends with the request, and what had been planned stays in view.
#[test]
fn whoever_declines_releases_nothing_and_keeps_no_seat() {
    let world = World::new();
    let declined = world.then(&world.leaving(tasks(&world)), Command::Keep { reason: None, until: None });
    assert_eq!((declined.outcome(), states(&declined)), (Some(Outcome::Withdrawn), vec!["cancelled", "cancelled"]));
    assert_eq!((declined.approval.verdict.as_ref().unwrap().keep_until, declined.exception()), (None, None));
}

#[test]
fn only_a_no_to_an_offboarding_declines_it() {
    let world = World::new();
    let request = world.leaving(tasks(&world));
    assert!(world.then(&request, decline(&world)).is_declined());
    for other in [world.then(&request, APPROVE), request, world.kept(), world.approved()] {
        assert!(!other.is_declined(), "{}", other.label());
    }
}

#[test]
fn a_leaving_is_decided_once_somebody_approved_it_and_stays_so() {
    let world = World::new();
    let request = world.leaving(tasks(&world));
    let approved = world.then(&request, APPROVE);
    assert!(approved.is_leaving_decided() && world.then(&approved, STOP).is_leaving_decided());
    let mut dry = request.clone();
    dry.mode = Mode::DryRun;
    let undecided = [world.then(&request, decline(&world)), world.then(&dry, APPROVE), request];
    for other in undecided.into_iter().chain([world.approved(), world.kept()]) {
        assert!(!other.is_leaving_decided(), "{} {}", other.mode, other.label());
    }
}

/// What that person's manager was asked about their seats is withdrawn when their leaving is decided, not when it is next due.
#[test]
fn a_leaving_that_is_decided_wakes_what_waits_for_it_once() {
    let world = World::new();
    let wakes = |before: &Request, after: &Request| -> Vec<Timestamp> {
        let changes = changes(Some(before), after, None, "*", at(60), &world.entropy).into_iter();
        let due = |change| match change {
            AgendaChange::Schedule { item: Item::Wake(_), due, .. } => Some(due),
            _ => None,
        };
        changes.filter_map(due).collect()
    };
    let request = world.leaving(tasks(&world));
    let approved = world.then(&request, APPROVE);
    assert_eq!(wakes(&request, &approved), [at(60)]);
    let badge_done = world.then(&approved, resolve(&world, &approved, Resolution::Done));
    assert_eq!(
        (wakes(&approved, &badge_done), wakes(&request, &world.then(&request, decline(&world)))),
        (vec![], vec![])
    );
    assert_eq!(wakes(&world.request(Terms::default()), &world.approved()), []);
}

// -------------------------------------------------------------------------------------------------------- who has it before them

#[test]
fn it_is_on_the_list_of_whoever_is_asked_and_then_of_whoever_is_to_do_a_task() {
    let world = World::new();
    let request = world.leaving(tasks(&world));
    assert_eq!(request.listed_for(), BTreeSet::from([world.olga]));
    assert_eq!(world.then(&request, APPROVE).listed_for(), BTreeSet::from([world.olga, world.sam]));
    assert_eq!(world.then(&request, decline(&world)).listed_for(), BTreeSet::from([world.olga]));
}

#[test]
fn whoever_was_asked_or_is_to_do_a_task_may_look_at_it() {
    let world = World::new();
    let request = world.leaving(tasks(&world));
    let may = |request: &Request, people: [PersonRef; 4]| people.map(|person| request.concerns(person));
    let people = [world.olga, world.sam, world.ana, world.nora];
    assert_eq!(may(&request, people), [true, false, false, false]);
    assert_eq!(may(&world.then(&request, APPROVE), people), [true, true, false, false]);
}

#[test]
fn a_text_about_it_may_name_everybody_who_has_to_do_with_it() {
    let world = World::new();
    let mut request = world.leaving(tasks(&world));
    request.offboarding.as_mut().unwrap().manager = Some(world.nora);
    let named: BTreeSet<PersonRef> = request.people().collect();
    assert_eq!(named, BTreeSet::from([world.ana, world.mona, world.olga, world.sam, world.nora]));
}

// ------------------------------------------------------------------------------------------------------------- what is left out

#[test]
fn why_a_task_was_left_out_is_said_by_whoever_left_it_out() {
    let world = World::new();
    let request = world.leaving(tasks(&world));
    let why = |request: &Request| request.left_out(task(request));
    let no = decline(&world);
    let Command::Keep { reason: declined, .. } = &no else { panic!("{no:?}") };
    assert_eq!(why(&world.then(&request, no.clone())), *declined);

    let because = Some(world.text("yes, as agreed"));
    let approved = world.then(&request, Command::Approve { reason: because });
    assert_eq!(why(&approved), None, "it is not");
    let stop = Some(world.text("the wrong Ana"));
    assert_eq!(why(&world.then(&approved, Command::Stop { reason: stop })), stop);
    let skip = resolve(&world, &approved, Resolution::Skip);
    let Command::Resolve { reason: skipped, .. } = skip else { panic!("{skip:?}") };
    assert_eq!(why(&world.then(&approved, skip)), skipped);
    let done = world.then(&approved, resolve(&world, &approved, Resolution::Done));
    assert_eq!((status(&done), why(&done)), ("done", None));
    assert_eq!(why(&world.then(&request, WITHDRAW)), None, "nobody stopped what never began");
}

#[test]
fn what_was_stopped_halfway_ends_as_stopped_and_what_went_on_without_a_task_as_done_in_part() {
    let world = World::new();
    let approved = world.then(&world.leaving(tasks(&world)), APPROVE);
    let badge_done = world.then(&approved, resolve(&world, &approved, Resolution::Done));
    assert_eq!(world.then(&badge_done, STOP).outcome(), Some(Outcome::Stopped));
    let badge_skipped = world.then(&approved, resolve(&world, &approved, Resolution::Skip));
    let laptop = &approved.plan.tasks[1];
    let done = Command::Resolve { task: laptop.id, pause: 0, resolution: Resolution::Done, reason: None };
    assert_eq!(world.then(&badge_skipped, done).outcome(), Some(Outcome::PartlyReclaimed));
}

/// Each task of a playbook can say how it is tried again; what it does not say is the policy's.
#[test]
fn a_task_is_given_up_when_it_says_else_when_the_policy_does() {
    let hours = |hours: u64| RetryTerms { give_up_after: Span::seconds(hours * 3_600), ..RetryTerms::default() };
    let after_two_hours = |of_task: Option<RetryTerms>, of_policy: RetryTerms| {
        let mut world = World::new();
        let mut removal = world.removal("lock");
        removal.retry = of_task;
        let mut request = world.leaving(vec![removal]);
        request.terms = Terms { retry: of_policy, ..Terms::default() };
        let approved = world.then(&request, APPROVE);
        let begun = world.then(&approved, begin(&approved));
        world.now = at(2 * 3_600);
        status(&world.then(&begun, settle(&begun, NOT_DONE)))
    };
    assert_eq!(after_two_hours(Some(hours(1)), hours(24)), "paused");
    assert_eq!(after_two_hours(Some(hours(24)), hours(1)), "ready");
    assert_eq!((after_two_hours(None, hours(1)), after_two_hours(None, hours(24))), ("paused", "ready"));
}
