//! How the tasks of an offboarding go: side by side, one after the other, paused, skipped, stopped.

use std::time::Duration;

use seatgate_core::authorize::Denial;
use seatgate_core::gate::{Ask, GateError};
use seatgate_core::port::{EffectError, Idempotency, PlaybookStep};
use seatgate_core::request::{Outcome, PauseReason, Proof, Refusal, Resolution, StateLabel, TaskState, TaskStatus};
use seatgate_core::testing::{Step, block_on};
use serde_json::json;

use super::scene::{Scene, leaver};

fn rejected() -> Step {
    Step::fails(EffectError::rejected("no such account"))
}

async fn statuses(scene: &Scene, id: seatgate_core::id::RequestId) -> Vec<TaskStatus> {
    scene.standing(id).await.into_iter().map(|(_, status)| status).collect()
}

#[test]
fn a_paused_task_holds_up_only_those_that_need_it() {
    block_on(async {
        use TaskStatus::{Done, Paused, Waiting};
        let scene = Scene::new(&leaver()).await;
        scene.script("figma", rejected());
        let id = scene.start().await;
        scene.idle().await;
        assert_eq!(statuses(&scene, id).await, [Done, Paused, Done, Done, Waiting]);
        assert_eq!(scene.request(id).await.label(), StateLabel::NeedsAttention);
        scene.answer(id, "figma", Resolution::Retry).await.unwrap();
        scene.idle().await;
        assert_eq!(statuses(&scene, id).await, [Done; 5]);
        assert_eq!(scene.request(id).await.outcome(), Some(Outcome::Reclaimed));
    });
}

#[test]
fn two_pauses_at_once_are_answered_apart() {
    block_on(async {
        use TaskStatus::{Done, Paused, Skipped, Waiting};
        let scene = Scene::new(&leaver()).await;
        ["figma", "github"].iter().for_each(|target| scene.script(target, rejected()));
        let id = scene.start().await;
        scene.idle().await;
        assert_eq!(statuses(&scene, id).await, [Done, Paused, Paused, Done, Waiting]);
        scene.answer(id, "github", Resolution::Skip).await.unwrap();
        scene.idle().await;
        assert_eq!(statuses(&scene, id).await, [Done, Paused, Skipped, Done, Waiting]);
        assert_eq!(scene.request(id).await.label(), StateLabel::NeedsAttention, "one is still paused");
        scene.answer(id, "figma", Resolution::Retry).await.unwrap();
        scene.idle().await;
        assert_eq!(scene.request(id).await.outcome(), Some(Outcome::PartlyReclaimed));
    });
}

#[test]
fn stop_lets_what_is_open_come_to_its_end_and_begins_nothing() {
    block_on(async {
        use TaskStatus::{Cancelled, Done};
        let scene = Scene::new(&leaver()).await;
        scene.script("figma", rejected());
        let id = scene.start().await;
        scene.idle().await;
        let stopped = scene.act(id, Ask::Stop, "otto@example.com").await.unwrap();
        assert_eq!(stopped.outcome(), Some(Outcome::Stopped));
        assert_eq!(statuses(&scene, id).await, [Done, Cancelled, Done, Done, Cancelled]);
        scene.settle().await;
        assert_eq!(scene.calls("laptop"), 0);
        let late = scene.answer(id, "figma", Resolution::Retry).await;
        assert!(matches!(late, Err(GateError::Refused { refusal: Refusal::Closed, .. })));
    });
}

#[test]
fn doubt_is_kept_per_task_and_only_doubt_can_be_confirmed() {
    block_on(async {
        let scene = Scene::with(&leaver(), Idempotency::Unknown).await;
        scene.script("figma", Step::loses_the_reply());
        scene.script("github", rejected());
        let id = scene.start().await;
        scene.settle().await;
        let (figma, github) = (scene.task(id, "figma").await, scene.task(id, "github").await);
        assert_eq!((figma.may_have_happened, github.may_have_happened), (true, false));
        let refused = scene.answer(id, "github", Resolution::Confirm).await;
        assert!(matches!(refused, Err(GateError::Refused { refusal: Refusal::NothingToConfirm, .. })));
        scene.answer(id, "figma", Resolution::Confirm).await.unwrap();
        scene.answer(id, "github", Resolution::Skip).await.unwrap();
        scene.settle().await;
        assert_eq!(scene.request(id).await.outcome(), Some(Outcome::PartlyReclaimed));
        assert_eq!(scene.calls("figma"), 1, "what may have happened was not repeated");
    });
}

#[test]
fn a_refusal_can_be_passed_over_by_the_playbook() {
    block_on(async {
        let mut book = leaver();
        book["leaver"]["tasks"][1]["on_failure"] = json!("skip");
        let scene = Scene::new(&book).await;
        scene.script("figma", rejected());
        let id = scene.start().await;
        scene.idle().await;
        assert_eq!(scene.task(id, "figma").await.state.status(), TaskStatus::Skipped);
        assert_eq!(scene.request(id).await.outcome(), Some(Outcome::PartlyReclaimed));
    });
}

#[test]
fn a_tasks_own_terms_beat_the_policys() {
    block_on(async {
        let book = json!({"leaver": {"tasks": [{
            "name": "lock", "target": "okta", "timeout": "40s",
            "retry": {"first": "1s", "max": "2s", "attempts": 2},
        }]}});
        let scene = Scene::new(&book).await;
        (0..5).for_each(|_| scene.script("okta", Step::fails(EffectError::unknown("no answer"))));
        let id = scene.start().await;
        scene.settle().await;
        assert_eq!(scene.calls("okta"), 2, "the policy would allow 8");
        let why = |state: &TaskState| matches!(state, TaskState::Paused { why: PauseReason::Unknown, .. });
        assert!(why(&scene.task(id, "lock").await.state));
        let timeouts: Vec<_> = scene.targets["okta"].jobs.lock().unwrap().iter().map(|job| job.timeout).collect();
        assert_eq!(timeouts, [Duration::from_secs(40); 2]);
    });
}

#[test]
fn a_target_is_told_the_step_and_the_trail_names_nobody() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        let id = scene.start().await;
        scene.idle().await;
        let job = scene.targets["okta"].jobs.lock().unwrap()[0].clone();
        let mut step = PlaybookStep::new("leaver", "lock");
        step.parameters = [("login", "ana@example.com"), ("note", "Ana Ruiz leaves")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        assert_eq!(job.step, Some(step));
        assert_eq!(job.account.email, Some("ana@example.com".parse().unwrap()));
        assert_eq!(job.reason.as_deref(), Some("she moves to Lisbon"));
        assert_eq!(job.approved_by.unwrap().email(), Some(&"olga@example.com".parse().unwrap()));
        let entries = scene.gate.queries().trail(seatgate_core::trail::Stream::Request(id)).await.unwrap();
        let kept = serde_json::to_string(&scene.request(id).await).unwrap();
        for text in entries.iter().map(seatgate_core::trail::Entry::to_json).chain([kept]) {
            for word in ["ana@", "Ana", "olga@", "Lisbon"] {
                assert!(!text.contains(word), "{word} is in {text}");
            }
        }
    });
}

#[test]
fn what_is_not_known_of_the_person_is_not_made_up() {
    block_on(async {
        let book = json!({"leaver": {"tasks": [
            {"name": "lock", "target": "okta", "parameters": {"heir": "{manager_email}"}}]}});
        let scene = Scene::new(&book).await;
        let id = scene.start().await;
        scene.idle().await;
        let task = scene.task(id, "lock").await;
        assert!(matches!(task.state, TaskState::Paused { why: PauseReason::Incomplete, .. }));
        assert_eq!(scene.calls("okta"), 0);
    });
}

#[test]
fn somebody_erased_is_named_to_no_target() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        scene.script("okta", rejected());
        let id = scene.start().await;
        scene.idle().await;
        let ana = scene.person("ana@example.com").await;
        scene.gate.people().erase(ana).await.unwrap();
        scene.answer(id, "lock", Resolution::Retry).await.unwrap();
        scene.idle().await;
        assert!(matches!(scene.task(id, "lock").await.state, TaskState::Paused { why: PauseReason::Erased, .. }));
        assert_eq!(scene.calls("okta"), 1);
    });
}

fn by_hand() -> serde_json::Value {
    json!({"leaver": {"tasks": [
        {"name": "badge", "kind": "manual", "assignee": "ivo@example.com"},
        {"name": "lock", "target": "okta", "needs": ["badge"]},
    ]}})
}

#[test]
fn a_task_for_a_person_waits_for_their_word() {
    block_on(async {
        let scene = Scene::new(&by_hand()).await;
        scene.report_ana().await;
        let id = scene.start().await;
        scene.settle().await;
        assert_eq!(statuses(&scene, id).await, [TaskStatus::Ready, TaskStatus::Waiting]);
        let (task, resolution) = (scene.task_id(id, "badge").await, Resolution::Done);
        let done = Ask::Resolve { task, pause: None, resolution };
        let denial = |answer| match answer {
            Err(GateError::Denied(denial)) => denial,
            other => panic!("{other:?}"),
        };
        assert_eq!(denial(scene.act(id, done, "mona@example.com").await), Denial::NotAssignee);
        assert_eq!(denial(scene.act(id, done, "ana@example.com").await), Denial::OwnOffboarding);
        let other = Ask::Resolve { task, pause: None, resolution: Resolution::Skip };
        assert_eq!(
            denial(scene.act(id, other, "ivo@example.com").await),
            Denial::NotOperator,
            "skipping is for operators"
        );
        scene.act(id, done, "ivo@example.com").await.unwrap();
        let state = scene.task(id, "badge").await.state;
        assert!(matches!(state, TaskState::Done { proof: Proof::Attested, removal: None, .. }));
        scene.idle().await;
        assert_eq!((scene.request(id).await.outcome(), scene.calls("okta")), (Some(Outcome::Reclaimed), 1));
        let again = scene.act(id, done, "ivo@example.com").await;
        assert!(matches!(again, Err(GateError::Refused { refusal: Refusal::Closed, .. })));
    });
}

#[test]
fn an_operator_skips_or_does_a_task_for_a_person_and_nothing_else_answers_it() {
    block_on(async {
        for (resolution, outcome) in
            [(Resolution::Skip, Outcome::PartlyReclaimed), (Resolution::Done, Outcome::Reclaimed)]
        {
            let scene = Scene::new(&by_hand()).await;
            let id = scene.start().await;
            for refused in [Resolution::Retry, Resolution::Confirm] {
                assert!(
                    matches!(scene.answer(id, "badge", refused).await, Err(GateError::Refused { .. })),
                    "{refused}"
                );
            }
            scene.answer(id, "badge", resolution).await.unwrap();
            scene.idle().await;
            assert_eq!(scene.request(id).await.outcome(), Some(outcome));
        }
    });
}

#[test]
fn done_is_no_answer_to_a_task_for_a_target() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        scene.script("okta", rejected());
        let id = scene.start().await;
        scene.idle().await;
        let done = scene.answer(id, "lock", Resolution::Done).await;
        assert!(matches!(done, Err(GateError::Refused { refusal: Refusal::NotManual, .. })));
    });
}
