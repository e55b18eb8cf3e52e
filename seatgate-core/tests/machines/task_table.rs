//! The second machine, pair by pair, under every combination of the facts that matter.
//!
//! For each state and input the rules are read from the top; the last one has no condition, so that nothing is left open.

use std::collections::{BTreeMap, BTreeSet};

use seatgate_core::request::{
    AttemptResult, OnFailure, PauseReason, ProbeAnswer, Proof, Refusal, RemovalKind, Task, TaskFacts, TaskInput,
    TaskState,
};
use seatgate_core::time::Timestamp;

use crate::table::{Rule, rules};
use crate::world::{NOT_DONE, PENDING, REJECTED, REMOVED, UNKNOWN, World, at};

/// States: `later` is Ready, but not due yet. Inputs: `…_stale` names an attempt or a pause that is over, `…_ahead` one that
/// has not been. Conditions:
///
/// - `stopping`: the plan is being stopped
/// - `idempotent`: the target promises that a repeat does nothing twice
/// - `may`: an attempt may have happened
/// - `ambiguous`: one since the last Retry came back unknown
/// - `tries_up`: one more unknown is one too many
/// - `age_up`: a certain not-done has been repeated for long enough
/// - `told_once`: the probe before could not tell
/// - `skips`: `on_failure = "skip"`
const TABLE: &str = "
# Begin ------------------------------------------------------------------------------------------------------------
any                                   | begin                   | stopping             | refused Stopping
ready                                 | begin                   |                      | in_flight
in_flight probing                     | begin                   |                      | refused AlreadyBegun
waiting later paused done             | begin                   |                      | refused NotReady
skipped cancelled                     | begin                   |                      | refused NotReady

# A result in time -------------------------------------------------------------------------------------------------
in_flight                             | settle_done             |                      | done receipt
in_flight                             | settle_pending          |                      | probing backoff
in_flight                             | settle_pending_later    | age_up               | probing now
in_flight                             | settle_pending_later    |                      | probing wish
in_flight                             | settle_pending_in_years | age_up               | probing now
in_flight                             | settle_pending_in_years |                      | probing limit
in_flight                             | settle_not_done*        | stopping             | cancelled
in_flight                             | settle_not_done*        | age_up               | paused gave_up
in_flight                             | settle_not_done         |                      | ready backoff
in_flight                             | settle_not_done_later   |                      | ready wish
in_flight                             | settle_not_done_earlier |                      | ready now
in_flight                             | settle_not_done_in_years |                     | ready limit
in_flight                             | settle_rejected         | skips !may           | skipped
in_flight                             | settle_rejected         | stopping             | cancelled
in_flight                             | settle_rejected         |                      | paused rejected
in_flight                             | settle_unknown lose     | stopping             | probing now
in_flight                             | settle_unknown lose     | !idempotent          | probing now
in_flight                             | settle_unknown lose     | tries_up             | paused unknown
in_flight                             | settle_unknown lose     |                      | ready backoff
in_flight                             | stale_settle stale_lose |                      | refused StaleAttempt
waiting ready later probing paused    | settle* lose stale_*    |                      | refused StaleAttempt
done skipped cancelled                | settle* lose stale_*    |                      | refused StaleAttempt

# A probe ----------------------------------------------------------------------------------------------------------
probing                               | probed_not_held         |                      | done read_back
probing                               | probed_ended            |                      | done receipt
probing                               | probed_not_yet* probed_ended_not | age_up stopping | cancelled
probing                               | probed_not_yet* probed_ended_not | age_up      | paused unknown
probing                               | probed_not_yet probed_ended_not  |             | probing backoff
probing                               | probed_not_yet_later    |                      | probing wish
probing                               | probed_not_yet_in_years |                      | probing limit
probing                               | probed_held             | ambiguous stopping   | cancelled
probing                               | probed_held             | ambiguous idempotent !age_up | ready backoff
probing                               | probed_held             | ambiguous            | paused still_held
probing                               | probed_held             | age_up stopping      | cancelled
probing                               | probed_held             | age_up               | paused still_held
probing                               | probed_held             |                      | probing backoff
probing                               | probed_cannot_tell      | !told_once           | probing backoff
probing                               | probed_cannot_tell      | stopping             | cancelled
# pending at a target without a look-up is asked again under the same key
probing                               | probed_cannot_tell      | !ambiguous idempotent !age_up | ready backoff
probing                               | probed_cannot_tell      |                      | paused unknown
waiting ready later in_flight paused  | probed*                 |                      | refused NotProbing
done skipped cancelled                | probed*                 |                      | refused NotProbing

# A result too late: recorded, and good news only --------------------------------------------------------------------
any                                   | observe_never_begun     |                      | refused StaleAttempt
probing                               | observe_done            |                      | done receipt
paused                                | observe_done            | may                  | done receipt
paused                                | observe_done            |                      | unchanged
waiting ready later in_flight         | observe_done            |                      | unchanged
done skipped cancelled                | observe_done            |                      | unchanged
any                                   | observe_pending observe_not_done observe_rejected observe_unknown | | unchanged

# A check before Begin ---------------------------------------------------------------------------------------------
ready later                           | block                   | stopping             | cancelled
ready later                           | block                   |                      | paused used_again
waiting in_flight probing paused      | block                   |                      | refused NotReady
done skipped cancelled                | block                   |                      | refused NotReady

# A human ----------------------------------------------------------------------------------------------------------
paused                                | retry* skip* confirm*   | stopping             | refused Stopping
paused                                | retry                   |                      | ready now
paused                                | skip                    |                      | skipped
paused                                | confirm                 | may                  | done attested
paused                                | confirm                 |                      | refused NothingToConfirm
paused                                | retry_stale skip_stale confirm_stale |         | refused StalePause
paused                                | retry_ahead skip_ahead confirm_ahead |         | refused StalePause
waiting ready later in_flight probing | retry retry_stale skip skip_stale confirm confirm_stale | | refused StalePause
done skipped cancelled                | retry retry_stale skip skip_stale confirm confirm_stale | | refused StalePause
# Only what is for a person is done by one.
any                                   | complete                |                      | refused NotManual
waiting ready later in_flight probing | retry_ahead skip_ahead confirm_ahead |         | refused NotPaused
done skipped cancelled                | retry_ahead skip_ahead confirm_ahead |         | refused NotPaused

# Stop -------------------------------------------------------------------------------------------------------------
waiting ready later paused            | stop                    |                      | cancelled
in_flight probing                     | stop                    |                      | unchanged
done skipped cancelled                | stop                    |                      | refused TaskEnded
";

const CONDITIONS: [&str; 8] =
    ["stopping", "idempotent", "may", "ambiguous", "tries_up", "age_up", "told_once", "skips"];
/// Attempts begun and pauses so far, in every state of this table.
const ATTEMPT: u32 = 3;
const PAUSE: u32 = 2;

fn now() -> Timestamp {
    at(1_000)
}

fn backoff() -> Timestamp {
    at(2_000)
}

fn wish() -> Timestamp {
    at(3_000)
}

/// Until when a certain not-done is repeated, unless that is over.
fn limit() -> Timestamp {
    at(4_000)
}

fn states() -> BTreeMap<&'static str, TaskState> {
    BTreeMap::from([
        ("waiting", TaskState::Waiting),
        ("ready", TaskState::Ready { at: now() }),
        ("later", TaskState::Ready { at: at(1_001) }),
        ("in_flight", TaskState::InFlight),
        ("probing", TaskState::Probing { at: at(900) }),
        ("paused", TaskState::Paused { pause: PAUSE, why: PauseReason::Excepted }),
        ("done", TaskState::Done { removal: Some(RemovalKind::Removed), proof: Proof::Receipt, receipt: None }),
        ("skipped", TaskState::Skipped { reason: None }),
        ("cancelled", TaskState::Cancelled),
    ])
}

/// Fails to compile when a state is added, so that the table grows with them. (Inputs are non-exhaustive out here.)
fn is_known(state: &TaskState) -> usize {
    match state {
        TaskState::Waiting
        | TaskState::Ready { .. }
        | TaskState::InFlight
        | TaskState::Probing { .. }
        | TaskState::Paused { .. }
        | TaskState::Done { .. }
        | TaskState::Skipped { .. }
        | TaskState::Cancelled => 8,
    }
}

fn inputs() -> BTreeMap<&'static str, TaskInput> {
    let settle = |result| TaskInput::Settle { attempt: ATTEMPT, result };
    let observe = |result| TaskInput::Observe { attempt: ATTEMPT, result };
    let pending_at = |at| {
        let removal = Some(RemovalKind::Pending { check_after: Some(at) });
        settle(AttemptResult::Done { removal, receipt: None, location: None })
    };
    let probed = |answer| TaskInput::Probed { answer, receipt: None };
    let not_yet_at = |at| probed(ProbeAnswer::NotYet { check_after: Some(at) });
    let not_done_at = |at| AttemptResult::NotDone { retry_at: Some(at), detail: None };
    let mut inputs = BTreeMap::from([
        ("begin", TaskInput::Begin),
        ("settle_done", settle(REMOVED)),
        ("settle_pending", settle(PENDING)),
        ("settle_pending_later", pending_at(wish())),
        ("settle_pending_in_years", pending_at(at(1_000_000))),
        ("settle_not_done", settle(NOT_DONE)),
        ("settle_not_done_later", settle(not_done_at(wish()))),
        ("settle_not_done_earlier", settle(not_done_at(at(500)))),
        ("settle_not_done_in_years", settle(not_done_at(at(1_000_000)))),
        ("settle_rejected", settle(REJECTED)),
        ("settle_unknown", settle(UNKNOWN)),
        ("stale_settle", TaskInput::Settle { attempt: ATTEMPT - 1, result: REMOVED }),
        ("lose", TaskInput::LoseLease { attempt: ATTEMPT }),
        ("stale_lose", TaskInput::LoseLease { attempt: ATTEMPT + 1 }),
        ("probed_held", probed(ProbeAnswer::Held)),
        ("probed_not_held", probed(ProbeAnswer::NotHeld)),
        ("probed_cannot_tell", probed(ProbeAnswer::CannotTell)),
        ("probed_not_yet", probed(ProbeAnswer::NotYet { check_after: None })),
        ("probed_not_yet_later", not_yet_at(wish())),
        ("probed_not_yet_in_years", not_yet_at(at(1_000_000))),
        ("probed_ended", probed(ProbeAnswer::Ended { removal: RemovalKind::StillBilled })),
        ("probed_ended_not", probed(ProbeAnswer::Ended { removal: RemovalKind::Pending { check_after: None } })),
        ("observe_done", TaskInput::Observe { attempt: ATTEMPT - 1, result: REMOVED }),
        ("observe_pending", observe(PENDING)),
        ("observe_not_done", observe(NOT_DONE)),
        ("observe_rejected", observe(REJECTED)),
        ("observe_unknown", observe(UNKNOWN)),
        ("observe_never_begun", TaskInput::Observe { attempt: ATTEMPT + 1, result: REMOVED }),
        ("block", TaskInput::Block(PauseReason::UsedAgain)),
        ("complete", TaskInput::Complete { reason: None }),
        ("stop", TaskInput::Stop),
    ]);
    let pauses = [
        (["retry", "skip", "confirm"], PAUSE),
        (["retry_stale", "skip_stale", "confirm_stale"], PAUSE - 1),
        (["retry_ahead", "skip_ahead", "confirm_ahead"], PAUSE + 1),
    ];
    for ([retry, skip, confirm], pause) in pauses {
        inputs.insert(retry, TaskInput::Retry { pause });
        inputs.insert(skip, TaskInput::Skip { pause, reason: None });
        inputs.insert(confirm, TaskInput::Confirm { pause, reason: None });
    }
    inputs
}

/// Which of [`CONDITIONS`] hold.
type Case = BTreeSet<&'static str>;

/// Every combination that can be: what came back unknown may have happened.
fn cases() -> Vec<Case> {
    let all = (0..1_u32 << CONDITIONS.len()).map(|bits| {
        CONDITIONS.into_iter().enumerate().filter(|(index, _)| bits >> index & 1 == 1).map(|(_, name)| name).collect()
    });
    all.filter(|case: &Case| case.contains("may") || !case.contains("ambiguous")).collect()
}

fn task(world: &World, state: &TaskState, case: &Case) -> Task {
    let mut task = world.removal("remove-figma");
    task.state = state.clone();
    task.attempts = ATTEMPT;
    task.pauses = PAUSE;
    task.may_have_happened = case.contains("may");
    task.ambiguous = case.contains("ambiguous").into();
    task.cannot_tell = case.contains("told_once").into();
    task.on_failure = if case.contains("skips") { OnFailure::Skip } else { OnFailure::Pause };
    task
}

fn facts(task: &Task, case: &Case) -> TaskFacts {
    TaskFacts {
        now: now(),
        idempotent: case.contains("idempotent"),
        backoff_until: backoff(),
        attempts: task.ambiguous + if case.contains("tries_up") { 1 } else { 2 },
        give_up_at: if case.contains("age_up") { now() } else { limit() },
        stopping: case.contains("stopping"),
    }
}

fn described(was: &TaskState, answer: Result<TaskState, Refusal>) -> String {
    let time = |at: Timestamp| match at {
        at if at == now() => "now",
        at if at == backoff() => "backoff",
        at if at == wish() => "wish",
        at if at == limit() => "limit",
        _ => "at another time",
    };
    match answer {
        Err(refusal) => format!("refused {refusal:?}"),
        Ok(next) if next == *was => "unchanged".to_owned(),
        Ok(TaskState::Ready { at }) => format!("ready {}", time(at)),
        Ok(TaskState::Probing { at }) => format!("probing {}", time(at)),
        Ok(TaskState::Paused { pause, why }) => {
            assert_eq!(pause, PAUSE + 1, "each pause has a number of its own");
            format!("paused {}", serde_json::to_value(why).unwrap().as_str().unwrap())
        }
        Ok(TaskState::Done { proof, .. }) => format!("done {proof}"),
        Ok(other) => other.label().to_owned(),
    }
}

fn holds(rule: &Rule, case: &Case) -> bool {
    rule.cells[2].split_whitespace().all(|word| match word.strip_prefix('!') {
        Some(word) => !case.contains(word),
        None => case.contains(word),
    })
}

#[test]
fn every_pair_under_all_facts_is_what_the_table_says() {
    let (world, table, cases) = (World::new(), rules(TABLE, 4), cases());
    let (mut used, mut wrong) = (BTreeSet::new(), BTreeSet::new());
    for (state_name, state) in &states() {
        for (input_name, input) in &inputs() {
            for case in &cases {
                let applies =
                    |rule: &&Rule| rule.names(0, state_name) && rule.names(1, input_name) && holds(rule, case);
                let rule = table.iter().find(applies);
                let rule = rule.unwrap_or_else(|| panic!("no rule for {state_name} x {input_name} when {case:?}"));
                used.insert(rule.line);
                let task = task(&world, state, case);
                let answer = described(state, task.next(input, &facts(&task, case)));
                if answer != rule.cells[3] {
                    wrong.insert(format!("{state_name} x {input_name} when {case:?}: {answer}, but: {}", rule.line));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong: {:#?}", wrong.len(), wrong.iter().take(20).collect::<Vec<_>>());
    let unused: Vec<_> = table.iter().map(|rule| rule.line).filter(|line| !used.contains(line)).collect();
    assert!(unused.is_empty(), "rules that decide nothing: {unused:#?}");
}

#[test]
fn the_table_is_total_and_says_so() {
    let (table, states, inputs) = (rules(TABLE, 4), states(), inputs());
    for rule in &table {
        rule.knows(0, &states.keys().copied().collect());
        rule.knows(1, &inputs.keys().copied().collect());
        rule.knows(2, &CONDITIONS.into());
    }
    for (state, input) in states.keys().flat_map(|state| inputs.keys().map(move |input| (state, input))) {
        let rules: Vec<_> = table.iter().filter(|rule| rule.names(0, state) && rule.names(1, input)).collect();
        let (last, others) = rules.split_last().unwrap_or_else(|| panic!("{state} x {input} is not in the table"));
        assert!(last.cells[2].is_empty(), "{state} x {input}: what else? {}", last.line);
        assert!(others.iter().all(|rule| !rule.cells[2].is_empty()), "{state} x {input}: two answers");
    }
    let labels: BTreeSet<_> = states.values().map(TaskState::label).collect();
    assert_eq!(labels.len(), states.values().map(is_known).max().unwrap());
    assert_eq!((states.len() * inputs.len(), cases().len()), (360, 192));
}
