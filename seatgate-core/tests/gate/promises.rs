//! The promises, one by one, along the main ways.

use std::time::Duration;

use seatgate_core::authorize::Denial;
use seatgate_core::canonical::Digest;
use seatgate_core::gate::{Ask, GateError, Submission};
use seatgate_core::message::{Content, Message};
use seatgate_core::person::{Actor, MatchedBy, Surface};
use seatgate_core::policy::Mode;
use seatgate_core::port::{PeopleStore, RowStatus};
use seatgate_core::request::{Decision, Outcome, Proof, Refusal, Resolution, StateLabel, TaskState};
use seatgate_core::testing::{ScriptedDeprovisioner, Step, block_on, join_all};

use crate::house::{House, KEYED, World, ana, candidate};
use crate::invariants;
use crate::stepped::Steps;

fn reports(house: &House) -> Vec<Message> {
    let sent = house.world.notifier.sent().into_iter().map(|sent| sent.message);
    sent.filter(|message| matches!(message.content, Content::Report(_))).collect()
}

#[test]
fn approving_removes_once_with_proof_and_tells_only_then() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        let after = house.approve(id).await.unwrap();
        assert_eq!((after.label(), after.outcome()), (StateLabel::Executing, None));
        assert!(reports(&house).is_empty() && house.calls() == 0, "nothing is told, or done, before the worker");
        house.idle().await;
        let request = house.request(id).await;
        assert_eq!((request.label(), request.outcome()), (StateLabel::Closed, Some(Outcome::Reclaimed)));
        let task = &request.plan.tasks[0];
        assert!(matches!(task.state, TaskState::Done { proof: Proof::Receipt, .. }));
        let calls = house.world.target.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].key, task.id.to_string());
        let told = reports(&house);
        assert_eq!(told.len(), 1);
        assert!(told[0].plain_text().contains("The seat is reclaimed."));
        let kinds = house.kinds(id).await;
        assert_eq!(kinds, ["opened", "decided", "begun", "attempt_ended", "closed"]);
        invariants::check(&house.world).await;
    });
}

#[test]
fn the_trail_tells_who_when_through_what_seeing_what() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.world.pass(Duration::from_secs(60));
        let by = house.by("mona@example.com").await.submitted_by(Actor::system("portal").unwrap());
        house.gate.act(id, Ask::Approve, None, &by).await.unwrap();
        let entry = house.trail(id).await[1].clone();
        assert_eq!(entry["kind"], "decided");
        assert_eq!(entry["actor"], by.actor.to_string());
        assert_eq!(entry["submitted_by"], "system:portal");
        assert_eq!(entry["surface"], "inbox");
        assert_eq!(entry["at"], "2026-11-20T06:01:00.000000Z");
        assert_eq!(entry["data"]["relation"], "approver");
        let seen = entry["data"]["seen"]["id"].as_str().unwrap().parse().unwrap();
        let text = house.world.store.texts(&[seen]).await.unwrap().remove(0).unwrap();
        for fact in ["Figma (pro): Ana Ruiz", "172 days idle", "45.00 USD", "named as the holder's manager"] {
            assert!(text.contains(fact), "{fact} in {text}");
        }
    });
}

#[test]
fn digests_in_the_trail_are_salted() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.keep(id).await.unwrap();
        let digest = house.trail(id).await[1]["data"]["reason"]["digest"].as_str().unwrap().to_owned();
        assert_eq!(digest.len(), 64);
        assert_ne!(digest, Digest::of(b"on leave until spring").to_string(), "whoever guesses the text learns nothing");
    });
}

#[test]
fn keeping_files_an_exception_until_its_end() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        let after = house.keep(id).await.unwrap();
        assert_eq!(after.label(), StateLabel::Keeping);
        assert_eq!(house.sweep(vec![ana()]).await.results[0].status, RowStatus::Duplicate);
        house.idle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Kept));
        assert_eq!(house.sweep(vec![ana()]).await.results[0].status, RowStatus::Excepted);
        assert_eq!(house.calls(), 0);
        house.world.pass(Duration::from_secs(90 * 86_400));
        let again = candidate(serde_json::json!({"observed_at": "2027-02-18T06:00:00Z"}));
        assert_eq!(house.sweep(vec![again]).await.results[0].status, RowStatus::Asked);
        invariants::check(&house.world).await;
    });
}

#[test]
fn of_64_parallel_answers_one_counts_and_the_others_hear_which() {
    block_on(async {
        let world = World::new(ScriptedDeprovisioner::new(KEYED), &[]);
        let house = world.start(Steps::taking_turns());
        let id = house.open().await;
        let by = house.by("mona@example.com").await;
        let answers = join_all((0..64).map(|n| {
            let ask = if n % 2 == 0 { Ask::Approve } else { Ask::Keep { until: None } };
            house.gate.act(id, ask, Some("because"), &by)
        }))
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        let winner = house.request(id).await.approval.verdict.unwrap();
        for answer in answers.into_iter().filter_map(Result::err) {
            let GateError::Refused { refusal: Refusal::AlreadyDecided, request } = answer else {
                panic!("{answer}");
            };
            assert_eq!(request.approval.verdict.as_ref(), Some(&winner));
        }
        house.idle().await;
        let removed = winner.decision == Decision::Approve;
        assert_eq!(house.calls(), usize::from(removed));
        invariants::check(&world).await;
    });
}

#[test]
fn only_those_who_may_decide_do() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        let other = candidate(serde_json::json!({
            "account": {"email": "zoe@example.com"}, "manager": {"email": "otto@example.com"}
        }));
        house.sweep(vec![other]).await;
        let denied =
            async |by: &Submission, ask: Ask, reason: Option<&str>| match house.gate.act(id, ask, reason, by).await {
                Err(GateError::Denied(denial)) => Some(denial),
                _ => None,
            };
        let keep = Ask::Keep { until: None };
        let (otto, ana) = (house.by("otto@example.com").await, house.by("ana@example.com").await);
        assert_eq!(denied(&otto, Ask::Approve, None).await, Some(Denial::NotAsked));
        assert_eq!(denied(&ana, keep, Some("mine")).await, Some(Denial::OwnSeat));
        assert_eq!(denied(&ana, Ask::Approve, None).await, Some(Denial::HolderInforms));
        let token = Submission::new(Actor::Token("admin".parse().unwrap()), Surface::Api).with_admin_token();
        assert_eq!(denied(&token, Ask::Approve, Some("cleaning up")).await, Some(Denial::Nobody));
        assert_eq!(denied(&otto, Ask::Withdraw, None).await, Some(Denial::NotOperator));
        let otto = house.appoint("otto@example.com").await;
        assert_eq!(denied(&otto, Ask::Approve, None).await, Some(Denial::ReasonRequired));
        assert_eq!(house.kinds(id).await, ["opened"]);
        house.gate.act(id, Ask::Approve, Some("she has left"), &otto).await.unwrap();
    });
}

#[test]
fn a_match_by_address_is_recorded_and_refused_where_the_policy_is_strict() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        let mona = house.by("mona@example.com").await.matched_by(MatchedBy::Email);
        house.gate.act(id, Ask::Approve, None, &mona).await.unwrap();
        assert_eq!(house.trail(id).await[1]["data"]["matched_by"], "email");

        let house = House::with(ScriptedDeprovisioner::new(KEYED), &[("strict_identity", "true")]);
        let id = house.open().await;
        let mona = house.by("mona@example.com").await.matched_by(MatchedBy::Email);
        let refused = house.gate.act(id, Ask::Approve, None, &mona).await;
        assert!(matches!(refused, Err(GateError::Denied(Denial::WeakIdentity))), "{refused:?}");
        let olga = house.appoint("olga@example.com").await.matched_by(MatchedBy::Email);
        let refused = house.gate.switch(Mode::Off, &olga).await;
        assert!(matches!(refused, Err(GateError::Denied(Denial::WeakIdentity))), "{refused:?}");
        let denied = house.gate.queries().trail(house.gate.access_stream()).await.unwrap();
        assert!(denied.iter().all(|entry| entry.to_json().contains("\"denial\":\"weak_identity\"")));
        assert_eq!((denied.len(), house.kinds(id).await), (2, vec!["opened".to_owned()]));
        house.approve(id).await.unwrap();
        assert_eq!(house.trail(id).await[1]["data"]["matched_by"], serde_json::Value::Null);
    });
}

#[test]
fn undo_in_grace_means_never_a_call() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(KEYED), &[("grace", "1d")]);
        let id = house.open().await;
        assert_eq!(house.approve(id).await.unwrap().label(), StateLabel::InGrace);
        house.idle().await;
        let by = house.by("mona@example.com").await;
        let after = house.gate.act(id, Ask::Undo, None, &by).await.unwrap();
        assert_eq!(after.outcome(), Some(Outcome::Withdrawn));
        house.world.pass(Duration::from_secs(2 * 86_400));
        house.settle().await;
        assert_eq!(house.calls(), 0);
        invariants::check(&house.world).await;
    });
}

#[test]
fn the_end_of_grace_removes() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(KEYED), &[("grace", "1d")]);
        let id = house.open().await;
        house.approve(id).await.unwrap();
        house.world.pass(Duration::from_secs(86_400 - 1));
        house.idle().await;
        assert_eq!(house.calls(), 0);
        house.world.pass(Duration::from_secs(1));
        house.idle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
        let undo = house.gate.act(id, Ask::Undo, None, &house.by("mona@example.com").await).await;
        assert!(matches!(undo, Err(GateError::Refused { refusal: Refusal::Closed, .. })));
    });
}

#[test]
fn silence_keeps_the_seat_and_asks_again_sooner() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.world.pass(Duration::from_secs(14 * 86_400 - 1));
        house.idle().await;
        assert_eq!(house.request(id).await.label(), StateLabel::AwaitingDecision);
        house.world.pass(Duration::from_secs(1));
        house.idle().await;
        let request = house.request(id).await;
        assert_eq!(request.outcome(), Some(Outcome::Kept));
        let verdict = request.approval.verdict.unwrap();
        assert_eq!(verdict.by, Actor::Policy);
        let keeps = verdict.keep_until.unwrap().since(verdict.at);
        assert_eq!(keeps, Duration::from_secs(14 * 86_400));
        assert_eq!(house.calls(), 0);
    });
}

#[test]
fn a_card_ends_up_showing_the_end_without_buttons() {
    block_on(async {
        for keep in [false, true] {
            let house = House::new();
            let id = house.open().await;
            let _ = if keep { house.keep(id).await } else { house.approve(id).await };
            house.idle().await;
            let cards: Vec<Message> = house.world.notifier.shown();
            let cards = cards.iter().filter_map(|message| match &message.content {
                Content::Card { rows, .. } => Some(rows),
                _ => None,
            });
            for rows in cards {
                assert!(rows.iter().all(|row| !row.is_live() && row.outcome.is_some() && row.decision.is_some()));
            }
        }
    });
}

#[test]
fn a_dry_run_asks_and_does_nothing() {
    block_on(async {
        let house = House::new();
        house.mode(Mode::DryRun);
        let report = house.sweep(vec![ana()]).await;
        let id = report.results[0].request_id.unwrap();
        house.idle().await;
        let card = house.world.notifier.shown().remove(0);
        assert!(card.plain_text().starts_with("TEST"));
        house.approve(id).await.unwrap();
        house.settle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::DryRun));
        house.mode(Mode::Live);
        assert_eq!(house.sweep(vec![ana()]).await.results[0].status, RowStatus::Asked, "it occupied no seat");
        assert_eq!(house.calls(), 0);
    });
}

#[test]
fn off_takes_nothing_in_and_begins_nothing_but_decisions_commit() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.mode(Mode::Off);
        assert!(matches!(house.try_sweep(vec![ana()], None).await, Err(GateError::Off)));
        house.approve(id).await.unwrap();
        house.settle().await;
        assert_eq!((house.calls(), house.request(id).await.label()), (0, StateLabel::Executing));
        house.mode(Mode::Live);
        house.idle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
    });
}

#[test]
fn keeps_are_filed_while_off() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.mode(Mode::Off);
        house.keep(id).await.unwrap();
        house.idle().await;
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Kept));
        house.mode(Mode::Live);
        assert_eq!(house.sweep(vec![ana()]).await.results[0].status, RowStatus::Excepted);
    });
}

#[test]
fn an_erased_person_is_gone_and_the_chain_still_verifies() {
    block_on(async {
        let house = House::new();
        let id = house.open().await;
        house.keep(id).await.unwrap();
        house.idle().await;
        for email in ["mona@example.com", "ana@example.com"] {
            let person = house.by(email).await.actor.person().unwrap();
            house.gate.people().erase(person).await.unwrap();
        }
        let request = house.request(id).await;
        let joined = house.gate.join(std::slice::from_ref(&request)).await.unwrap();
        let shown = format!("{:?}", joined.row(&house.gate, &request, None, None));
        assert!(!shown.contains("Ana") && !shown.contains("Mona") && !shown.contains("leave"), "{shown}");
        assert_eq!(house.trail(id).await.len(), 5, "and `trail` verified it");
    });
}

#[test]
fn no_kept_text_names_somebody_who_was_erased() {
    block_on(async {
        for (email, words) in [("mona@example.com", ["Mona", "mona@"]), ("ana@example.com", ["Ana", "ana@"])] {
            let house = House::new();
            let id = house.open().await;
            house.keep(id).await.unwrap();
            house.idle().await;
            let request = house.request(id).await;
            let verdict = request.approval.verdict.unwrap();
            let kept =
                [Some(request.evidence.unwrap().received), verdict.seen, verdict.reason].map(|text| text.unwrap().id);
            let texts = async || house.world.store.texts(&kept).await.unwrap();
            assert!(texts().await.iter().flatten().any(|text| text.contains(words[0])), "there is something to erase");
            let person = house.by(email).await.actor.person().unwrap();
            house.gate.people().erase(person).await.unwrap();
            for text in texts().await.into_iter().flatten() {
                assert!(words.iter().all(|word| !text.contains(word)), "{text}");
            }
        }
    });
}

#[test]
fn a_removal_that_has_begun_cannot_be_withdrawn_but_stopped() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(KEYED), &[]);
        let id = house.open().await;
        let operator = house.appoint("lead@example.com").await;
        house.world.target.then(Step::fails(seatgate_core::port::EffectError::rejected("no")));
        house.approve(id).await.unwrap();
        house.idle().await;
        assert_eq!(house.request(id).await.label(), StateLabel::NeedsAttention);
        let withdraw = house.gate.act(id, Ask::Withdraw, None, &operator).await;
        assert!(matches!(withdraw, Err(GateError::Refused { refusal: Refusal::TooLate, .. })));
        let after = house.gate.act(id, Ask::Stop, None, &operator).await.unwrap();
        assert_eq!(after.outcome(), Some(Outcome::Stopped));
        let task = after.plan.tasks[0].id;
        let late = Ask::Resolve { task, pause: Some(1), resolution: Resolution::Retry };
        assert!(house.gate.act(id, late, None, &operator).await.is_err());
        invariants::check(&house.world).await;
    });
}
