//! What holds in every history, however people, workers and targets behave.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use seatgate_core::agenda::{Announcement, Audience, Item};
use seatgate_core::id::TaskId;
use seatgate_core::request::{
    ApprovalState, AttemptResult, Decision, Event, EventKind, Fact, Outcome, Phase, RemovalKind, Request, Resolution,
    RouteCause, TaskAction, TaskState,
};
use seatgate_core::schedule::next_wake;
use seatgate_core::trail::verify;
use serde_json::Value;

use crate::canonical::plain;
use crate::history::{History, PERSONAL, UNKNOWN_RESULT, any_start, any_steps};
use crate::world::at;

fn ambiguous(result: &AttemptResult) -> bool {
    matches!(
        result,
        AttemptResult::Unknown { .. } | AttemptResult::Done { removal: Some(RemovalKind::Pending { .. }), .. }
    )
}

fn next_of(event: &Event) -> Option<(TaskId, &TaskState)> {
    match event {
        Event::AttemptEnded { task, next, .. }
        | Event::Probed { task, next, .. }
        | Event::Observed { task, next, .. }
        | Event::Blocked { task, next }
        | Event::Resolved { task, next, .. } => Some((*task, next)),
        _ => None,
    }
}

/// The tasks that may have happened although they are not done, told from the facts alone.
fn may_have_happened(facts: &[Fact]) -> BTreeSet<TaskId> {
    let mut open = BTreeSet::new();
    for fact in facts {
        if let Event::AttemptEnded { task, result, .. } = &fact.event
            && ambiguous(result)
        {
            open.insert(*task);
        }
        if let Some((task, TaskState::Done { .. })) = next_of(&fact.event) {
            open.remove(&task);
        }
    }
    open
}

/// A request that no worker works on and no human is asked about would wait for ever.
fn somebody_minds(request: &Request) -> bool {
    let some = |wanted: fn(&TaskState) -> bool| request.plan.tasks.iter().any(|task| wanted(&task.state));
    match request.phase {
        Phase::AwaitingDecision | Phase::InGrace { .. } => next_wake(request, Some(at(0))).is_some(),
        Phase::Executing => some(|state| !state.is_end() && *state != TaskState::Waiting),
        Phase::Stopping => some(TaskState::is_open_effect),
        Phase::Closed { .. } => request.plan.tasks.iter().all(|task| task.state.is_end()),
    }
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.iter().for_each(|(name, item)| {
            found.push(name.clone());
            strings(item, found);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn task_of(item: &Item) -> Option<TaskId> {
    match item {
        Item::Perform { task, .. } => Some(*task),
        _ => None,
    }
}

/// Checks the agenda as it stands against the state beside it.
fn agenda_fits(history: &History) -> Result<(), TestCaseError> {
    let performs: BTreeMap<TaskId, _> =
        history.agenda.values().filter_map(|(item, due)| Some((task_of(item)?, *due))).collect();
    for task in &history.request.plan.tasks {
        let due = performs.get(&task.id).copied();
        match task.state {
            TaskState::Ready { at } | TaskState::Probing { at } => prop_assert_eq!(due, Some(at)),
            TaskState::InFlight => prop_assert!(due.is_some(), "a call in flight keeps its item"),
            _ => prop_assert_eq!(due, None, "{:?}", task.state),
        }
    }
    if let Some(wake) = next_wake(&history.request, Some(at(0))) {
        let item = Item::Wake(history.id);
        let due = history.agenda.get(&item.key()).map(|(_, due)| *due);
        prop_assert!(history.moments.is_empty() || due.is_some_and(|due| due <= wake));
    }
    Ok(())
}

/// A history that never met something proves nothing about it.
#[test]
fn the_histories_meet_votes_other_people_and_other_policies() {
    let mut runner = TestRunner::deterministic();
    let (mut met, mut handed_on, mut decided_by_votes) = (BTreeSet::new(), 0, 0);
    for _ in 0..512 {
        let (start, steps) = (any_start(), any_steps()).new_tree(&mut runner).unwrap().current();
        let history = History::of(&start, &steps);
        let routed = |fact: &Fact| matches!(fact.event, Event::Routed { cause: RouteCause::Reassigned, .. });
        met.extend(history.facts.iter().map(|fact| fact.event.kind()));
        handed_on += history.facts.iter().filter(|fact| routed(fact)).count();
        let approval = &history.request.approval;
        decided_by_votes += usize::from(!approval.votes.is_empty() && approval.state == ApprovalState::Approved);
    }
    for kind in [EventKind::Voted, EventKind::PolicyApplied] {
        assert!(met.contains(&kind), "no history comes to {kind}");
    }
    assert!(handed_on > 0 && decided_by_votes > 0, "{handed_on} handed on, {decided_by_votes} by several people");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn state_is_the_fold_of_the_trail(start in any_start(), steps in any_steps()) {
        let history = History::of(&start, &steps);
        prop_assert_eq!(&Request::replay(history.id, history.facts.clone()).unwrap(), &history.request);
        let read: Vec<Fact> = history.trail().0.iter().map(|entry| entry.fact().expect("a fact")).collect();
        prop_assert_eq!(&read, &history.facts);
        prop_assert_eq!(&Request::replay(history.id, read).unwrap(), &history.request);
        let stored = serde_json::to_string(&history.request).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Request>(&stored).unwrap(), &history.request);
    }

    #[test]
    fn one_decision_and_one_end(start in any_start(), steps in any_steps()) {
        let history = History::of(&start, &steps);
        let count = |wanted: fn(&Event) -> bool| history.facts.iter().filter(|fact| wanted(&fact.event)).count();
        let decisions = count(|event| matches!(event, Event::Decided { .. }));
        prop_assert!(decisions <= 1);
        let ends = count(|event| matches!(event, Event::Closed { .. }));
        prop_assert_eq!(ends, usize::from(history.request.outcome().is_some()));
    }

    /// By whoever is asked at that time, or operates, each counting once; the policy and a decided plan's opening aside.
    #[test]
    fn an_approval_is_that_of_as_many_people_as_the_policy_wants(start in any_start(), steps in any_steps()) {
        let history = History::of(&start, &steps);
        let mut voters = BTreeSet::new();
        for moment in history.moments.iter().filter(|moment| moment.before.approval.state == ApprovalState::Open) {
            let terms = &moment.after.terms;
            for fact in &moment.facts {
                let by = fact.actor.person();
                let may = |person| {
                    person == history.world.olga || moment.before.approval.asks(person, fact.at).is_some()
                };
                match &fact.event {
                    Event::Voted { principal, .. } => {
                        prop_assert!(by.is_some_and(may));
                        prop_assert!(voters.insert(*principal), "one vote a person");
                    }
                    Event::Decided { decision: Decision::Approve, .. } if by.is_some() && !start.is_decided() => {
                        voters.extend(by);
                        prop_assert!(voters.len() >= terms.quorum as usize, "{} of {}", voters.len(), terms.quorum);
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn nobody_is_asked_twice_at_once_and_whoever_hands_it_on_is_asked_no_more(
        start in any_start(), steps in any_steps(),
    ) {
        let history = History::of(&start, &steps);
        for moment in &history.moments {
            let active: Vec<_> = moment.after.approval.active().map(|asked| asked.person).collect();
            let people: BTreeSet<_> = active.iter().collect();
            prop_assert_eq!(people.len(), active.len());
            for fact in &moment.facts {
                if let Event::Routed { cause: RouteCause::Reassigned, left, asked, .. } = &fact.event {
                    let gone = |card| moment.after.approval.asked.iter().any(|one| one.card == card && one.left);
                    prop_assert!(left.iter().all(|card| gone(*card)) && asked.len() == 1);
                    prop_assert!(active.contains(&asked[0].person));
                }
            }
        }
    }

    #[test]
    fn a_removal_begins_after_its_approval_and_before_any_end(start in any_start(), steps in any_steps()) {
        let history = History::of(&start, &steps);
        let (mut decision, mut ended, mut in_flight) = (None, false, BTreeSet::new());
        for fact in &history.facts {
            match &fact.event {
                Event::Decided { decision: what, .. } => decision = Some(*what),
                Event::Undone { .. } | Event::Withdrawn { .. } | Event::StopAsked { .. } | Event::Closed { .. }
                | Event::Expired => ended = true,
                Event::Begun { task, .. } => {
                    let action = &history.request.plan.task(*task).unwrap().action;
                    let removes = matches!(action, TaskAction::Remove { .. });
                    let wanted = if removes { Decision::Approve } else { Decision::Keep };
                    prop_assert_eq!(decision, Some(wanted));
                    prop_assert!(!ended);
                    prop_assert!(in_flight.insert(*task), "one call at a time");
                }
                Event::AttemptEnded { task, .. } => prop_assert!(in_flight.remove(task)),
                _ => {}
            }
        }
    }

    #[test]
    fn the_end_says_what_is_proved_and_what_may_have_happened(start in any_start(), steps in any_steps()) {
        let history = History::of(&start, &steps);
        let Some(end) = history.facts.iter().position(|fact| matches!(fact.event, Event::Closed { .. })) else {
            return Ok(());
        };
        let Event::Closed { outcome, may_have_happened: said } = history.facts[end].event else { unreachable!() };
        let open = may_have_happened(&history.facts[..end]);
        prop_assert_eq!(said, !open.is_empty());
        let tasks = &history.request.plan.tasks;
        for task in tasks {
            prop_assert_eq!(task.may_have_happened, open.contains(&task.id));
        }
        let done = tasks.iter().filter(|task| matches!(task.state, TaskState::Done { .. })).count();
        let all = !tasks.is_empty() && done == tasks.len();
        match outcome {
            Outcome::Reclaimed => prop_assert!(all && !history.request.plan.keeps() && !said),
            Outcome::Kept => prop_assert!(all && history.request.plan.keeps() && !said),
            Outcome::PartlyReclaimed => prop_assert!(done > 0 && !all && !history.request.plan.stopped),
            Outcome::Stopped => prop_assert!(!all && (done == 0 || history.request.plan.stopped)),
            Outcome::Withdrawn => prop_assert!(!history.request.plan.ever_begun),
            Outcome::Expired | Outcome::DryRun => prop_assert!(tasks.is_empty()),
        }
    }

    #[test]
    fn the_key_changes_after_a_definite_rejection_only(start in any_start(), steps in any_steps()) {
        #[derive(Default)]
        struct Seen { key: String, used: BTreeSet<String>, rejected: bool, retried: bool, ambiguous: bool }
        let history = History::of(&start, &steps);
        let mut tasks: BTreeMap<TaskId, Seen> = BTreeMap::new();
        for fact in &history.facts {
            match &fact.event {
                Event::Begun { task, key, .. } => {
                    let seen = tasks.entry(*task).or_default();
                    let first = seen.used.is_empty();
                    let renewed = seen.rejected && seen.retried && !seen.ambiguous;
                    prop_assert_eq!(!first && *key != seen.key, renewed);
                    prop_assert!(*key == seen.key || seen.used.insert(key.clone()), "an old key came back");
                    prop_assert!(!first || *key == task.to_string());
                    *seen = Seen {
                        key: key.clone(), used: std::mem::take(&mut seen.used), ambiguous: seen.ambiguous,
                        ..Seen::default()
                    };
                }
                Event::AttemptEnded { task, result, .. } => {
                    let seen = tasks.entry(*task).or_default();
                    seen.rejected = matches!(result, AttemptResult::Rejected { .. });
                    seen.ambiguous |= ambiguous(result);
                }
                Event::Resolved { task, resolution: Resolution::Retry, .. } => {
                    tasks.entry(*task).or_default().retried = true;
                }
                _ => {}
            }
        }
    }

    #[test]
    fn an_unknown_is_repeated_only_where_a_repeat_is_harmless(start in any_start(), steps in any_steps()) {
        let history = History::of(&start, &steps);
        for moment in &history.moments {
            let filing = moment.before.plan.keeps();
            for fact in &moment.facts {
                let unknown = match &fact.event {
                    Event::AttemptEnded { result, .. } => ambiguous(result),
                    Event::Probed { .. } => true,
                    _ => false,
                };
                if let Some((_, TaskState::Ready { .. })) = next_of(&fact.event).filter(|_| unknown) {
                    prop_assert!(filing || moment.idempotent);
                    prop_assert!(!moment.before.plan.stopped);
                }
            }
        }
    }

    #[test]
    fn after_the_end_things_are_noted_and_nothing_changes(start in any_start(), steps in any_steps()) {
        let history = History::of(&start, &steps);
        for moment in history.moments.iter().filter(|moment| moment.before.outcome().is_some()) {
            for fact in &moment.facts {
                let note = matches!(fact.event, Event::Observed { .. } | Event::Verified { .. });
                prop_assert!(note, "{:?}", fact.event);
            }
            let mut after = moment.after.clone();
            after.verified = moment.before.verified;
            prop_assert_eq!(&after, &moment.before);
        }
    }

    #[test]
    fn nothing_waits_for_ever(start in any_start(), steps in any_steps(), result in 0..=UNKNOWN_RESULT) {
        let mut history = History::of(&start, &steps);
        for moment in &history.moments {
            prop_assert!(somebody_minds(&moment.after), "{:?}", moment.after.plan);
        }
        history.finish(result);
        prop_assert!(history.request.outcome().is_some(), "{:?}", history.request);
    }

    /// `Text` and `PersonDraft` cannot be in a fact: its types have room for a `TextRef` and a `PersonRef` only. The
    /// histories plant names, addresses and reasons wherever texts and the policy can bring some.
    #[test]
    fn no_personal_data_is_in_the_trail_or_the_state(start in any_start(), steps in any_steps()) {
        let history = History::of(&start, &steps);
        let mut found = Vec::new();
        for entry in history.trail().0 {
            strings(&serde_json::from_str(&entry.to_json()).unwrap(), &mut found);
        }
        strings(&serde_json::to_value(&history.request).unwrap(), &mut found);
        for text in found {
            prop_assert!(!PERSONAL.iter().any(|word| text.contains(word)), "{}", text);
        }
    }

    #[test]
    fn the_agenda_holds_exactly_what_is_to_be_done(start in any_start(), steps in any_steps()) {
        let mut history = History::of(&start, &[]);
        agenda_fits(&history)?;
        for step in &steps {
            history.step(step);
            agenda_fits(&history)?;
        }
    }

    #[test]
    fn every_card_is_synced_when_its_face_changes(start in any_start(), steps in any_steps()) {
        let mut history = History::of(&start, &[]);
        for step in &steps {
            history.agenda.clear();
            let before = history.request.clone();
            history.step(step);
            let count = |wanted: fn(&Item) -> bool| history.agenda.values().filter(|(item, _)| wanted(item)).count();
            let changed = before.label() != history.request.label();
            let cards = count(|item| matches!(item, Item::SyncCard(_)));
            let notice = usize::from(history.request.channel.is_some());
            prop_assert!(!changed || cards == history.request.approval.asked.len() + notice);
            let closed = before.outcome() != history.request.outcome();
            let heard = |item: &Item| matches!(item, Item::Announce(Announcement { to: Audience::Channel(_), .. }));
            prop_assert!(!closed || count(heard) == 1);
        }
    }

    #[test]
    fn entries_are_canonical_and_their_chain_verifies(start in any_start(), steps in any_steps()) {
        let history = History::of(&start, &steps);
        let (entries, chain) = history.trail();
        for entry in &entries {
            for text in [entry.body.clone(), entry.to_json()] {
                let value: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(plain(&value), text);
            }
        }
        let lines: Vec<String> = entries.iter().map(|entry| entry.to_json()).collect();
        let end = verify(chain.stream, lines.iter().map(String::as_str));
        prop_assert_eq!(end, Ok(chain));
    }
}
