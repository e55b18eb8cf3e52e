//! The aggregate: every phase against every command.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::id::TaskId;
use seatgate_core::policy::{Mode, OnExpiry, Terms};
use seatgate_core::request::{
    Command, Context, OnFailure, Outcome, PauseReason, ProbeAnswer, ProbeFinding, Refusal, RemovalKind, Request,
    Resolution, StateLabel, TargetFacts, Transition,
};
use seatgate_core::time::Timestamp;

use crate::table::rules;
use crate::world::*;

/// Phases: `again` is ready after an attempt that certainly did nothing; `paused` was rejected; `doubt` is paused and may have
/// happened; `filing…` is a keep plan; `closed_…` with the outcome. Commands: `wake_due` comes when everything that waits
/// for a time is due, `wake_lost` when an older request has the seat; `…_bare` gives no reason. Answers: the label with the
/// status of the task, or the outcome; `nothing` is accepted without a fact.
const TABLE: &str = "
# Deciding ------------------------------------------------------------------------------------------------------
awaiting                                        | approve          | executing ready
awaiting                                        | keep             | keeping ready
awaiting                                        | keep_bare        | refused ReasonRequired
in_grace ready begun again probing paused doubt | approve keep*    | refused AlreadyDecided
filing* stopping* closed_reclaimed closed_partly closed_kept | approve keep* | refused AlreadyDecided
closed_stopped closed_dry_run                   | approve keep*    | refused AlreadyDecided
closed_expired closed_withdrawn closed_undone   | approve keep*    | refused Closed

# Taking it back ------------------------------------------------------------------------------------------------
awaiting ready begun again probing paused doubt stopping* | undo   | refused NothingToUndo
in_grace                                        | undo             | closed withdrawn
filing* closed_kept                             | undo             | refused AlreadyKept
closed_reclaimed closed_partly closed_stopped   | undo             | refused Closed
closed_dry_run closed_expired closed_withdrawn closed_undone | undo | refused Closed

awaiting in_grace ready                         | withdraw         | closed withdrawn
begun again probing paused doubt stopping*      | withdraw         | refused TooLate
filing*                                         | withdraw         | refused AlreadyKept
closed_*                                        | withdraw         | refused Closed

awaiting in_grace                               | stop             | refused NothingToStop
ready again paused doubt                        | stop             | closed stopped
begun                                           | stop             | stopping in_flight
probing                                         | stop             | stopping probing
filing*                                         | stop             | refused AlreadyKept
stopping*                                       | stop             | refused Stopping
closed_*                                        | stop             | refused Closed

# Asking somebody else, going on under another policy, coming back ------------------------------------------------------
awaiting                                        | reassign         | awaiting_decision none
awaiting                                        | reassign_bare    | refused AnswerNeedsReason
awaiting                                        | reassign_holder  | refused CannotBeAsked
awaiting                                        | reassign_asked   | refused AlreadyAsked
in_grace ready begun again probing paused doubt | reassign*        | refused AlreadyDecided
filing* stopping* closed_reclaimed closed_partly closed_kept | reassign* | refused AlreadyDecided
closed_stopped closed_dry_run                   | reassign*        | refused AlreadyDecided
closed_expired closed_withdrawn closed_undone   | reassign*        | refused Closed

awaiting                                        | apply_policy     | awaiting_decision none
in_grace                                        | apply_policy     | in_grace waiting
ready again                                     | apply_policy     | executing ready
begun                                           | apply_policy     | executing in_flight
probing                                         | apply_policy     | executing probing
paused doubt filing_paused                      | apply_policy     | needs_attention paused
filing                                          | apply_policy     | keeping ready
filing_begun                                    | apply_policy     | keeping in_flight
stopping                                        | apply_policy     | stopping in_flight
stopping_probing                                | apply_policy     | stopping probing
closed_*                                        | apply_policy     | refused Closed

awaiting in_grace ready                         | come_back        | closed withdrawn
begun again probing paused doubt stopping*      | come_back        | refused TooLate
filing*                                         | come_back        | refused AlreadyKept
closed_*                                        | come_back        | refused Closed

# Time ----------------------------------------------------------------------------------------------------------
any                                             | wake             | nothing
awaiting                                        | wake_due         | keeping ready
in_grace                                        | wake_due         | executing ready
ready begun again probing paused doubt          | wake_due         | nothing
filing* stopping* closed_*                      | wake_due         | nothing
awaiting in_grace ready                         | wake_lost        | closed withdrawn
begun again probing paused doubt                | wake_lost        | nothing
filing* stopping* closed_*                      | wake_lost        | nothing

# A task of another request, or of none ---------------------------------------------------------------------------
any                                             | begin_unknown    | refused UnknownTask
awaiting closed_expired closed_withdrawn closed_dry_run | begin settle* lose probed* observe block retry skip* confirm* | refused UnknownTask

# Work ----------------------------------------------------------------------------------------------------------
in_grace                                        | begin settle* lose probed* block retry skip* confirm* | refused NotReady
closed_reclaimed closed_partly closed_kept closed_stopped closed_undone | begin settle* lose probed* block retry skip* confirm* | refused Closed

ready again                                     | begin            | executing in_flight
filing                                          | begin            | keeping in_flight
begun probing filing_begun                      | begin            | refused AlreadyBegun
paused doubt filing_paused                      | begin            | refused NotReady
stopping*                                       | begin            | refused Stopping

ready again probing paused doubt filing filing_paused stopping_probing | settle* lose | refused StaleAttempt
begun                                           | settle_done      | closed reclaimed
begun                                           | settle_not_done  | executing ready
begun                                           | settle_rejected  | needs_attention paused
begun                                           | settle_unknown lose | executing ready
filing_begun                                    | settle_done      | closed kept
filing_begun                                    | settle_not_done settle_unknown lose | keeping ready
filing_begun                                    | settle_rejected  | needs_attention paused
stopping                                        | settle_done      | closed reclaimed
stopping                                        | settle_not_done settle_rejected | closed stopped
stopping                                        | settle_unknown lose | stopping probing

ready begun again paused doubt filing* stopping | probed*          | refused NotProbing
probing                                         | probed_held      | needs_attention paused
probing                                         | probed_not_held  | closed reclaimed
probing                                         | probed_cannot_tell probed_not_yet | executing probing
probing stopping_probing                        | probed_ended     | closed reclaimed
stopping_probing                                | probed_held      | closed stopped
stopping_probing                                | probed_not_held  | closed reclaimed
stopping_probing                                | probed_cannot_tell probed_not_yet | stopping probing

# Late results: of an attempt that was begun they are recorded, whatever has become of the request -----------------
in_grace ready filing closed_undone             | observe          | refused StaleAttempt
begun                                           | observe          | executing in_flight
again                                           | observe          | executing ready
paused filing_paused                            | observe          | needs_attention paused
filing_begun                                    | observe          | keeping in_flight
stopping                                        | observe          | stopping in_flight
probing doubt stopping_probing                  | observe          | closed reclaimed
closed_reclaimed                                | observe          | closed reclaimed
closed_partly                                   | observe          | closed partly_reclaimed
closed_kept                                     | observe          | closed kept
closed_stopped                                  | observe          | closed stopped

# A check just before Begin found an exception --------------------------------------------------------------------
ready                                           | block            | closed withdrawn
again filing                                    | block            | needs_attention paused
begun probing paused doubt filing_begun filing_paused stopping* | block | refused NotReady

# A human answers a pause -----------------------------------------------------------------------------------------
ready begun again probing filing filing_begun stopping* | retry skip confirm | refused NotPaused
ready begun again probing paused doubt filing* stopping* | skip_bare confirm_bare | refused AnswerNeedsReason
paused doubt                                    | retry            | executing ready
filing_paused                                   | retry            | keeping ready
paused doubt filing_paused                      | skip             | closed stopped
paused filing_paused                            | confirm          | refused NothingToConfirm
doubt                                           | confirm          | closed reclaimed

# A look at the target after the end --------------------------------------------------------------------------------
closed_reclaimed                                | verify*          | closed reclaimed
closed_partly                                   | verify*          | closed partly_reclaimed
closed_kept closed_expired closed_withdrawn closed_undone closed_stopped closed_dry_run | verify* | refused NothingToVerify
awaiting in_grace ready begun again probing paused doubt filing* stopping* | verify* | refused NothingToVerify
";

/// A request in each phase, with the world it is in.
fn phases() -> BTreeMap<&'static str, (World, Request)> {
    let names = [
        "awaiting",
        "in_grace",
        "ready",
        "begun",
        "again",
        "probing",
        "paused",
        "doubt",
        "filing",
        "filing_begun",
        "filing_paused",
        "stopping",
        "stopping_probing",
        "closed_reclaimed",
        "closed_partly",
        "closed_kept",
        "closed_expired",
        "closed_withdrawn",
        "closed_undone",
        "closed_stopped",
        "closed_dry_run",
    ];
    names.into_iter().map(|name| (name, phase(name))).collect()
}

fn phase(name: &str) -> (World, Request) {
    let mut world = World::new();
    let settled = |world: &World, request: &Request, result| world.then(request, settle(request, result));
    let request = match name {
        "awaiting" => world.request(Terms::default()),
        "in_grace" => world.then(&world.request(with_grace()), APPROVE),
        "ready" => world.approved(),
        "begun" => world.begun(),
        "again" => {
            let request = settled(&world, &world.begun(), NOT_DONE);
            world.now = due(&request).unwrap();
            request
        }
        "probing" => {
            world.target = TargetFacts::new(false, true);
            settled(&world, &world.begun(), UNKNOWN)
        }
        "paused" => settled(&world, &world.begun(), REJECTED),
        "doubt" => {
            let (other, probing) = phase("probing");
            other.then(&probing, probed(&probing, ProbeAnswer::Held))
        }
        "filing" => world.kept(),
        "filing_begun" => filing_begun(&world),
        "stopping" => world.then(&world.begun(), STOP),
        other => return (World::new(), late_phase(&world, other)),
    };
    (world, request)
}

fn late_phase(world: &World, name: &str) -> Request {
    let settled = |request: &Request, result| world.then(request, settle(request, result));
    let expiring = Terms { on_expiry: OnExpiry::Close, ..Terms::default() };
    match name {
        "filing_paused" => settled(&filing_begun(world), REJECTED),
        "stopping_probing" => settled(&world.then(&world.begun(), STOP), UNKNOWN),
        "closed_reclaimed" => settled(&world.begun(), REMOVED),
        "closed_partly" => partly_reclaimed(world),
        "closed_kept" => settled(&filing_begun(world), REMOVED),
        "closed_expired" => handle(world, &world.request(expiring), &Command::Wake, at(30 * DAY)).unwrap().after,
        "closed_withdrawn" => world.then(&world.request(Terms::default()), WITHDRAW),
        "closed_undone" => world.then(&world.then(&world.request(with_grace()), APPROVE), UNDO),
        "closed_stopped" => world.then(&settled(&world.begun(), NOT_DONE), STOP),
        "closed_dry_run" => {
            let mut request = world.request(Terms::default());
            request.mode = Mode::DryRun;
            world.then(&request, APPROVE)
        }
        other => panic!("{other} is no phase"),
    }
}

fn filing_begun(world: &World) -> Request {
    let kept = world.kept();
    world.then(&kept, begin(&kept))
}

/// One task done, one skipped.
fn partly_reclaimed(world: &World) -> Request {
    let mut request = world.request(Terms::default());
    let (first, mut second) = (world.removal("one"), world.removal("two"));
    second.on_failure = OnFailure::Skip;
    let (one, two) = (first.id, second.id);
    request.apply(&world.approval_of(vec![first, second]));
    for (task, result) in [(one, REMOVED), (two, REJECTED)] {
        request = world.then(&request, Command::Begin { task });
        request = world.then(&request, Command::Settle { task, attempt: 1, result });
    }
    request
}

const DAY: i64 = 86_400;

fn commands(world: &World, request: &Request) -> BTreeMap<&'static str, Command> {
    let task = request.plan.tasks.first();
    let id = task.map_or_else(|| TaskId::generate(at(0), &world.entropy), |task| task.id);
    let attempt = task.map_or(1, |task| task.attempts.max(1));
    let pause = task.map_or(1, |task| task.pauses.max(1));
    let reason = Some(world.text("because"));
    let settle = |result| Command::Settle { task: id, attempt, result };
    let probed = |answer| Command::Probed { task: id, answer, receipt: None };
    let resolve = |resolution, reason| Command::Resolve { task: id, pause, resolution, reason };
    let reassign = |to, reason| Command::Reassign { to, reason };
    BTreeMap::from([
        ("approve", APPROVE),
        ("keep", Command::Keep { reason, until: None }),
        ("keep_bare", Command::Keep { reason: None, until: None }),
        ("undo", UNDO),
        ("withdraw", WITHDRAW),
        ("stop", STOP),
        ("reassign", reassign(world.sam, reason)),
        ("reassign_bare", reassign(world.sam, None)),
        ("reassign_holder", reassign(world.ana, reason)),
        ("reassign_asked", reassign(world.mona, reason)),
        ("apply_policy", Command::ApplyPolicy { version: "fedcba9876543210".to_owned(), terms: Box::default() }),
        ("come_back", Command::ComeBack),
        ("wake", Command::Wake),
        ("wake_due", Command::Wake),
        ("wake_lost", Command::Wake),
        ("begin", Command::Begin { task: id }),
        ("begin_unknown", Command::Begin { task: TaskId::generate(at(0), &world.entropy) }),
        ("settle_done", settle(REMOVED)),
        ("settle_not_done", settle(NOT_DONE)),
        ("settle_rejected", settle(REJECTED)),
        ("settle_unknown", settle(UNKNOWN)),
        ("lose", Command::LoseLease { task: id, attempt }),
        ("probed_held", probed(ProbeAnswer::Held)),
        ("probed_not_held", probed(ProbeAnswer::NotHeld)),
        ("probed_cannot_tell", probed(ProbeAnswer::CannotTell)),
        ("probed_not_yet", probed(ProbeAnswer::NotYet { check_after: None })),
        ("probed_ended", probed(ProbeAnswer::Ended { removal: RemovalKind::Removed })),
        ("observe", Command::Observe { task: id, attempt, result: REMOVED }),
        ("block", Command::Block { task: id, why: PauseReason::Excepted }),
        ("retry", resolve(Resolution::Retry, None)),
        ("skip", resolve(Resolution::Skip, reason)),
        ("skip_bare", resolve(Resolution::Skip, None)),
        ("confirm", resolve(Resolution::Confirm, reason)),
        ("confirm_bare", resolve(Resolution::Confirm, None)),
        ("verify_gone", Command::Verify { finding: ProbeFinding::Gone }),
        ("verify_regranted", Command::Verify { finding: ProbeFinding::Regranted }),
    ])
}

fn handle(world: &World, request: &Request, command: &Command, now: Timestamp) -> Result<Transition, Refusal> {
    let context = Context::worker(now, &world.entropy).delivered_at(Some(at(0))).with_target(world.target);
    request.handle(command, &context)
}

fn judged(world: &World, request: &Request, name: &str, command: &Command) -> Result<Transition, Refusal> {
    match name {
        "wake_due" => handle(world, request, command, at(30 * DAY)),
        "wake_lost" => {
            let mut context = world.context_of(command);
            context.seat_lost = true;
            request.handle(command, &context)
        }
        _ => world.judge(request, command),
    }
}

fn described(answer: Result<Transition, Refusal>) -> String {
    match answer {
        Err(refusal) => format!("refused {refusal:?}"),
        Ok(transition) if transition.facts.is_empty() => "nothing".to_owned(),
        Ok(transition) => match transition.after.outcome() {
            Some(outcome) => format!("closed {outcome}"),
            None => {
                let status = transition.after.plan.tasks.first().map_or("none", |task| task.state.label());
                format!("{} {status}", transition.after.label())
            }
        },
    }
}

#[test]
fn every_phase_answers_every_command_as_the_table_says() {
    let (table, phases) = (rules(TABLE, 3), phases());
    let (mut pairs, mut used, mut wrong) = (0, BTreeSet::new(), Vec::new());
    for (phase, (world, request)) in &phases {
        for (name, command) in commands(world, request) {
            let applying: Vec<_> = table.iter().filter(|rule| rule.names(0, phase) && rule.names(1, name)).collect();
            let [rule] = applying[..] else { panic!("{phase} x {name} is in {} rules", applying.len()) };
            let answer = described(judged(world, request, name, &command));
            if answer != rule.cells[2] {
                wrong.push(format!("{phase} x {name}: {answer}, but: {}", rule.line));
            }
            pairs += 1;
            used.insert(rule.line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((pairs, used.len()), (21 * 36, table.len()));
}

#[test]
fn the_table_names_phases_and_commands_that_exist() {
    let phases = phases();
    let (world, request) = &phases["ready"];
    let commands = commands(world, request);
    for rule in rules(TABLE, 3) {
        rule.knows(0, &phases.keys().copied().collect());
        rule.knows(1, &commands.keys().copied().collect());
    }
}

#[test]
fn the_phases_cover_every_label_and_every_outcome() {
    let phases = phases();
    let labels: BTreeSet<_> = phases.values().map(|(_, request)| request.label()).collect();
    let outcomes: BTreeSet<_> = phases.values().filter_map(|(_, request)| request.outcome()).collect();
    assert_eq!((labels.len(), outcomes.len()), (StateLabel::ALL.len(), Outcome::ALL.len()));
}

#[test]
fn what_records_nothing_changes_nothing() {
    for (world, request) in phases().values() {
        for (name, command) in commands(world, request) {
            if let Ok(transition) = judged(world, request, name, &command) {
                assert!(!transition.facts.is_empty() || transition.after == *request, "{name}");
            }
        }
    }
}
