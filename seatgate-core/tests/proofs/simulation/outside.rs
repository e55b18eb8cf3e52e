//! The people and programs outside: who sends what, and what they remember of the answers.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::card::CardEdit;
use seatgate_core::gate::{Ask, Gate, GateError, Offboard, SeatNames, Submission, Sweep, SweepReport};
use seatgate_core::id::{DelegationId, RequestId};
use seatgate_core::person::{Actor, MatchedBy, PersonDraft, Surface};
use seatgate_core::policy::Mode;
use seatgate_core::port::{Delegation, PeopleStore, Period, RowStatus};
use seatgate_core::request::{Refusal, Request, Resolution, StateLabel, Task, TaskState};
use seatgate_core::seat::{Candidate, CandidateDraft};
use seatgate_core::testing::block_on;
use serde_json::json;

use super::features::Doing;
use super::reached::Reached;
use super::seen::{Heard, Seen};
use super::server::Server;
use super::stage::{Newcomer, Role};
use super::upload::upload;
use super::world::{APPS, Delivery, PEOPLE, PLAYBOOKS, World};

/// Sends one call of this kind to a server.
pub fn send(world: &Arc<World>, server: &Server, doing: Doing) {
    let chance = &world.stage.chance;
    match doing {
        Doing::Sweep => deliver(world, server, new_delivery(world)),
        Doing::Upload => upload(world, server),
        Doing::Redeliver => {
            let count = world.known().deliveries.len();
            if count > 0 {
                let again = world.known().deliveries[chance.below(count)].clone();
                world.stage.meet(Reached::Redelivered);
                deliver(world, server, again);
            }
        }
        Doing::Approve
        | Doing::Keep
        | Doing::Undo
        | Doing::Withdraw
        | Doing::Stop
        | Doing::Resolve
        | Doing::Reassign
        | Doing::ApplyPolicy => {
            let all = world.requests();
            let fitting: Vec<&Request> = all.iter().filter(|request| fits(doing, request)).collect();
            let any: Vec<&Request> = all.iter().collect();
            if let Some(request) = chance.any(if chance.one_in(4) { &any } else { &fitting }) {
                ask(world, server, doing, request);
            }
        }
        Doing::File => file(world, server),
        Doing::Revoke => revoke(world, server),
        Doing::Switch => {
            switch(world, server, *chance.pick(&[Mode::Off, Mode::DryRun, Mode::Live, Mode::Live, Mode::Live]))
        }
        Doing::Release => release(world, server),
        Doing::EditCard => edit_card(world, server),
        Doing::Erase => erase(world, server),
        Doing::Offboard => offboard(world, server),
        Doing::EditDirectory => edit_directory(world),
        Doing::UseSeats => {
            let used = seatgate_core::port::Clock::now(&*world.stage.clock);
            let target = world.targets.values().nth(chance.below(APPS.len())).expect("three targets");
            target.ledger.use_seats_at(used);
            world.stage.meet(Reached::SeatUsed);
        }
    }
}

pub fn call<F>(world: &Arc<World>, server: &Server, name: &'static str, call: impl FnOnce(Arc<World>, Gate) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let future = Box::pin(call(Arc::clone(world), server.gate.clone()));
    world.stage.spawn(Newcomer { server: server.id, role: Role::Client, name, future, claims: Vec::new() });
}

fn hear(world: &World, answer: Heard) {
    let by = world.stage.log().running;
    world.stage.tell(|| format!("heard {answer:?}").chars().take(300).collect());
    world.stage.see(Seen::Heard { answer, by });
}

/// Notes why a call came to nothing.
pub fn fail(world: &World, error: &GateError) {
    world.stage.tell(|| format!("heard: {error}"));
    match error {
        GateError::Denied(_) => world.stage.meet(Reached::Denied),
        // What came of it is their own doing, and they are told what it is.
        GateError::Refused { refusal: Refusal::UsedAgain, .. } => world.stage.meet(Reached::Refused),
        GateError::Refused { refusal: _, request } => {
            world.stage.meet(Reached::Refused);
            hear(world, Heard::Refused { request: request.id });
        }
        GateError::NotFiled(_) => world.stage.meet(Reached::NotFiled),
        _ => {}
    }
}

// ------------------------------------------------------------------------------------------------------------- sweeps

fn new_delivery(world: &World) -> Delivery {
    let chance = &world.stage.chance;
    let count = 1 + chance.below(4);
    let rows = (0..count).map(|_| candidate(world)).collect();
    let sender = match chance.below(4) {
        0 => Actor::Person(world.person(PEOPLE[0])),
        _ => Actor::system("scan").expect("a name"),
    };
    let sweeps = world.known().sweeps.clone();
    let joins = if chance.one_in(5) { chance.any(&sweeps) } else { None };
    let inbound = (!chance.one_in(4)).then(|| world.inbound());
    let delivery = Delivery { inbound, submitted_by: sender, joins, rows };
    if delivery.inbound.is_some() {
        world.known().deliveries.push(delivery.clone());
    }
    delivery
}

/// A seat of a few people in a few apps, now and then one that is nobody's concern.
pub fn candidate(world: &World) -> Candidate {
    let chance = &world.stage.chance;
    let (app, name) = (*chance.pick(&APPS), *chance.pick(&["ana", "ben", "cyn"]));
    let shape = if world.stage.features.aliases { chance.below(3) } else { 2 };
    let mut draft = json!({
        "app": {"id": app},
        "account": {},
        "entitlement": *chance.pick(&["pro", "pro", "full"]),
        "last_activity_at": if chance.one_in(12) { "2026-11-19T00:00:00Z" } else { "2026-06-01T00:00:00Z" },
        "monthly_cost": {"amount": "45.00", "currency": "USD"},
    });
    if shape != 0 {
        draft["account"]["id"] = json!(format!("00u-{name}"));
    }
    if shape != 1 {
        draft["account"]["email"] = json!(format!("{name}@example.com"));
    }
    match chance.below(8) {
        0 => {}
        1 => draft["manager"] = json!({"email": format!("{name}@example.com")}),
        2 | 3 => draft["manager"] = json!({"email": "otto@example.com"}),
        _ => draft["manager"] = json!({"email": "mona@example.com"}),
    }
    if !chance.one_in(6) {
        draft["requesting_channel"] = json!(*chance.pick(&["C0SWEEP", "C0SWEEP", "C0OTHER"]));
    }
    serde_json::from_value::<CandidateDraft>(draft).expect("a draft").parse().expect("a candidate")
}

/// Hands rows in, and again a few times if that came to nothing.
pub fn deliver(world: &Arc<World>, server: &Server, delivery: Delivery) {
    let dry_run = world.stage.chance.one_in(20);
    call(world, server, "sweep", |world, gate| async move {
        for _ in 0..3 {
            let mut sweep = Sweep::new(delivery.submitted_by.clone(), Surface::Webhook, Vec::new());
            sweep.rows = delivery.rows.iter().cloned().map(Ok).collect();
            sweep.inbound.clone_from(&delivery.inbound);
            (sweep.joins, sweep.dry_run) = (delivery.joins, dry_run && delivery.inbound.is_none());
            match gate.sweep(sweep).await {
                Ok(report) => return swept(&world, delivery.id(), report),
                Err(error) if error.is_transient() && delivery.inbound.is_some() => {
                    world.stage.sleep(Duration::from_secs(1)).await;
                }
                Err(error) => return fail(&world, &error),
            }
        }
    });
}

fn swept(world: &World, delivery: Option<String>, report: SweepReport) {
    for result in &report.results {
        match result.status {
            RowStatus::Excepted => world.stage.meet(Reached::Excepted),
            RowStatus::Held => world.stage.meet(Reached::Held),
            RowStatus::Filtered => world.stage.meet(Reached::Filtered),
            RowStatus::Duplicate => world.stage.meet(Reached::Duplicate),
            _ => {}
        }
    }
    {
        let mut known = world.known();
        known.sweeps.push(report.sweep);
        known.delivered.extend(delivery.clone());
    }
    hear(world, Heard::Swept { delivery, report });
}

fn release(world: &Arc<World>, server: &Server) {
    let sweeps = world.known().sweeps.clone();
    let Some(sweep) = world.stage.chance.any(&sweeps) else { return };
    let by = operator_or_not(world);
    call(world, server, "release", move |world, gate| async move {
        match gate.release(sweep, &by).await {
            Ok(report) => {
                world.stage.meet(Reached::Released);
                swept(&world, None, report);
            }
            Err(error) => fail(&world, &error),
        }
    });
}

// ----------------------------------------------------------------------------------------------------------- requests

fn somebody(world: &World) -> Submission {
    let chance = &world.stage.chance;
    let email = if chance.one_in(2) { "mona@example.com" } else { *chance.pick(&PEOPLE) };
    let person = Actor::Person(world.person(email));
    let surface = *chance.pick(&[Surface::Slack, Surface::Inbox, Surface::Api, Surface::Cli]);
    let by = match surface {
        Surface::Api if chance.one_in(3) => {
            Submission::new("token:admin".parse().expect("an actor"), surface).with_admin_token()
        }
        Surface::Api => Submission::new(person, surface).submitted_by("token:admin".parse().expect("an actor")),
        _ => Submission::new(person, surface),
    };
    if chance.one_in(6) { by.matched_by(MatchedBy::Email) } else { by }
}

/// Mostly somebody who is asked, now and then anybody.
fn somebody_asked(world: &World, request: &Request) -> Submission {
    let people: Vec<_> = request.approval.asked.iter().map(|asked| asked.person).collect();
    match world.stage.chance.any(&people) {
        Some(person) if !world.stage.chance.one_in(4) => Submission::new(Actor::Person(person), Surface::Slack),
        _ => somebody(world),
    }
}

fn operator_or_not(world: &World) -> Submission {
    if world.stage.chance.one_in(5) { somebody(world) } else { world.operator() }
}

/// A task that a person is to do now.
pub fn waits_for_person(request: &Request) -> Option<&Task> {
    request.plan.tasks.iter().find(|task| task.waits_for_person())
}

/// The person whose task it is, or anybody who may have a say in tasks.
fn assignee_or_operator(world: &World, task: &Task) -> Submission {
    match task.assignee().filter(|_| world.stage.chance.one_in(2)) {
        Some(assignee) => Submission::new(Actor::Person(assignee), Surface::Inbox),
        None => operator_or_not(world),
    }
}

/// Whether a request stands so that this may make sense.
fn fits(doing: Doing, request: &Request) -> bool {
    let wanted: &[StateLabel] = match doing {
        Doing::Approve | Doing::Keep | Doing::Reassign | Doing::ApplyPolicy => &[StateLabel::AwaitingDecision],
        Doing::Undo => &[StateLabel::InGrace],
        Doing::Withdraw => &[StateLabel::AwaitingDecision, StateLabel::InGrace, StateLabel::Executing],
        Doing::Stop => &[StateLabel::Executing, StateLabel::NeedsAttention],
        _ if waits_for_person(request).is_some() => return true,
        _ => &[StateLabel::NeedsAttention],
    };
    wanted.contains(&request.label())
}

fn ask(world: &Arc<World>, server: &Server, doing: Doing, request: &Request) {
    let reason = (!world.stage.chance.one_in(3)).then_some("because");
    if let Some((ask, by)) = what(world, doing, request) {
        act(world, server, request.id, ask, reason, by);
    }
}

fn what(world: &World, doing: Doing, request: &Request) -> Option<(Ask, Submission)> {
    let chance = &world.stage.chance;
    let days = |days: u64| request.opened_at.saturating_add(Duration::from_secs(days * 86_400));
    Some(match doing {
        Doing::Approve => (Ask::Approve, somebody_asked(world, request)),
        Doing::Keep => {
            let until = *chance.pick(&[None, None, Some(days(30)), Some(days(0))]);
            (Ask::Keep { until }, somebody_asked(world, request))
        }
        Doing::Reassign => {
            let to = world.person(PEOPLE[chance.below(PEOPLE.len())]);
            (Ask::Reassign { to }, somebody_asked(world, request))
        }
        Doing::ApplyPolicy => (Ask::ApplyPolicy, operator_or_not(world)),
        Doing::Undo => (Ask::Undo, somebody_asked(world, request)),
        Doing::Withdraw => (Ask::Withdraw, operator_or_not(world)),
        Doing::Stop => (Ask::Stop, operator_or_not(world)),
        _ => {
            let task = chance.any(&request.plan.tasks.iter().collect::<Vec<_>>())?;
            let pause = match chance.below(3) {
                0 => None,
                1 => Some(task.pauses),
                _ => Some(task.pauses.saturating_sub(1)),
            };
            let resolution = *chance.pick(Resolution::ALL);
            (Ask::Resolve { task: task.id, pause, resolution }, assignee_or_operator(world, task))
        }
    })
}

fn act(world: &Arc<World>, server: &Server, id: RequestId, ask: Ask, reason: Option<&'static str>, by: Submission) {
    call(world, server, "act", move |world, gate| async move {
        match gate.act(id, ask, reason, &by).await {
            Ok(after) => hear(&world, Heard::Acted { ask, actor: by.actor, after: Box::new(after) }),
            Err(error) => fail(&world, &error),
        }
    });
}

/// An operator answers a pause, or for somebody who is to do a task, so that the request comes to an end.
pub fn attend(world: &Arc<World>, server: &Server, request: &Request) {
    let paused = |state: &TaskState| matches!(state, TaskState::Paused { .. });
    let paused = request.plan.tasks.iter().find(|task| paused(&task.state));
    let Some(task) = paused.or_else(|| waits_for_person(request)) else { return };
    let resolution = match (task.may_have_happened, task.pauses) {
        _ if task.waits_for_person() => *world.stage.chance.pick(&[Resolution::Done, Resolution::Skip]),
        (true, _) => *world.stage.chance.pick(&[Resolution::Confirm, Resolution::Skip]),
        (false, 0..=3) => Resolution::Retry,
        (false, _) => Resolution::Skip,
    };
    let ask = Ask::Resolve { task: task.id, pause: None, resolution };
    let by = match resolution {
        Resolution::Done => assignee_or_operator(world, task),
        _ => world.operator(),
    };
    act(world, server, request.id, ask, Some("looked it up"), by);
}

/// Somebody leaves; they are taken through tasks, at targets and by hand.
fn offboard(world: &Arc<World>, server: &Server) {
    let leaver = *world.stage.chance.pick(&["ana@example.com", "ben@example.com", "cyn@example.com"]);
    let draft = PersonDraft::new(leaver.parse().expect("an address"), None);
    let (by, playbook) = (operator_or_not(world), *world.stage.chance.pick(&PLAYBOOKS));
    call(world, server, "offboard", move |world, gate| async move {
        match gate.offboard(&Offboard::new(draft).by(playbook), &by).await {
            Ok(_) => world.stage.meet(Reached::Offboarded),
            Err(GateError::AlreadyLeaving(_)) => world.stage.meet(Reached::LeavingAlready),
            Err(error) => fail(&world, &error),
        }
    });
}

// ------------------------------------------------------------------------------------------------ exceptions and modes

fn file(world: &Arc<World>, server: &Server) {
    let candidate = candidate(world);
    let seat = SeatNames::new(candidate.app, candidate.account, candidate.entitlement);
    let seconds = *world.stage.chance.pick(&[1, 600, 86_400, 80 * 86_400]);
    let by = operator_or_not(world);
    call(world, server, "file an exception", move |world, gate| async move {
        let until = gate.now().saturating_add(Duration::from_secs(seconds));
        match gate.file_exception(seat, until, Some("a project"), &by).await {
            Ok(exception) => {
                world.stage.meet(Reached::Filed);
                world.known().exceptions.push(exception.id);
                hear(&world, Heard::Filed(Box::new(exception)));
            }
            Err(error) => fail(&world, &error),
        }
    });
}

fn revoke(world: &Arc<World>, server: &Server) {
    let exceptions = world.known().exceptions.clone();
    let Some(id) = world.stage.chance.any(&exceptions) else { return };
    let by = operator_or_not(world);
    call(world, server, "revoke an exception", move |world, gate| async move {
        match gate.revoke_exception(id, &by).await {
            Ok(()) => world.stage.meet(Reached::Revoked),
            Err(error) => fail(&world, &error),
        }
    });
}

/// Switches one server's mode.
pub fn switch(world: &Arc<World>, server: &Server, mode: Mode) {
    let by = world.operator();
    call(world, server, "switch", move |world, gate| async move {
        match gate.switch(mode, &by).await {
            Ok(()) if mode == Mode::Off => world.stage.meet(Reached::SwitchedOff),
            Ok(()) => world.stage.meet(Reached::SwitchedLive),
            Err(error) => fail(&world, &error),
        }
    });
}

fn edit_card(world: &Arc<World>, server: &Server) {
    let places = world.known().places.clone();
    let count = places.len();
    if count == 0 {
        return;
    }
    let (card, place) = places[world.stage.chance.below(count)].clone();
    let edit = match world.stage.chance.one_in(2) {
        true => CardEdit::Adopt { place },
        false => CardEdit::Turn { page: 1 },
    };
    call(world, server, "edit a card", move |world, gate| async move {
        if let Err(error) = gate.edit_card(card, edit).await {
            fail(&world, &error.into());
        }
    });
}

/// Somebody leaves or comes back, is away, gets another manager, or somebody stands in for them. Nobody tells the gate.
fn edit_directory(world: &Arc<World>) {
    let chance = &world.stage.chance;
    let person = world.person(&format!("{}@example.com", chance.pick(&["mona", "otto", "nora", "dan", "lead"])));
    let other = world.person(&format!("{}@example.com", chance.pick(&["mona", "dan", "nora", "ana", "eve"])));
    let now = seatgate_core::port::Clock::now(&*world.stage.clock);
    let start = now.saturating_add(Duration::from_secs(*chance.pick(&[0, 20, 600])));
    let end = start.saturating_add(Duration::from_secs(*chance.pick(&[20, 300, 7_200])));
    let period = Period::new(start, (!chance.one_in(4)).then_some(end));
    let id = DelegationId::generate(now, &*world.entropy);
    world.stage.meet(Reached::DirectoryEdited);
    let choice = chance.below(8);
    world.directory.edit(person, |entry| match choice {
        0 => entry.disabled = !entry.disabled,
        1 => entry.absences = vec![period],
        2 => entry.manager = Some(other),
        3 => (entry.disabled, entry.absences, entry.delegations) = (false, Vec::new(), Vec::new()),
        _ if person != other => entry.delegations.push(Delegation::new(id, person, other, period)),
        _ => {}
    });
}

fn erase(world: &Arc<World>, server: &Server) {
    let email = *world.stage.chance.pick(&["ana@example.com", "ben@example.com"]);
    let Ok(Some(person)) = block_on(world.store.find(&email.parse().expect("an address"))) else { return };
    call(world, server, "erase", move |world, gate| async move {
        if gate.people().erase(person).await.is_ok() {
            world.stage.meet(Reached::Erased);
        }
    });
}
