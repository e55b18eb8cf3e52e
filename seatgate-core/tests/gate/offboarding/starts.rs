//! Who may start an offboarding, and what starting it does.

use seatgate_core::authorize::Denial;
use seatgate_core::gate::{Ask, GateError, Offboard, OffboardProblem, Submission, Trial};
use seatgate_core::message::Content;
use seatgate_core::person::{Actor, PersonDraft, Surface};
use seatgate_core::policy::Mode;
use seatgate_core::port::{EffectError, RowStatus};
use seatgate_core::request::{Outcome, StateLabel, TaskStatus};
use seatgate_core::testing::{Step, block_on};
use serde_json::json;
use std::time::Duration;

use super::scene::{Scene, four_eyes, leaver, leaving};
use crate::house::ana;

fn denied<T: std::fmt::Debug>(answer: Result<T, GateError>) -> Denial {
    match answer {
        Err(GateError::Denied(denial)) => denial,
        other => panic!("expected a denial, got {other:?}"),
    }
}

#[test]
fn an_operators_word_opens_and_decides_it_in_one_change() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        let id = scene.start().await;
        let request = scene.request(id).await;
        assert_eq!(scene.kinds(id).await, ["opened", "decided"]);
        assert_eq!(request.label(), StateLabel::Executing);
        assert_eq!(request.approval.decider(), Some(scene.person("olga@example.com").await));
        scene.idle().await;
        let told = scene.notifier.shown();
        let standing = told.iter().find_map(|message| match &message.content {
            Content::Offboarding(standing) => Some(standing),
            _ => None,
        });
        let standing = standing.expect("the channel sees how it goes");
        assert_eq!((standing.person.as_str(), standing.asked_by.as_str()), ("Ana Ruiz", "olga@example.com"));
        assert_eq!(standing.reason.as_deref(), Some("she moves to Lisbon"));
        assert_eq!(scene.request(id).await.outcome(), Some(Outcome::Reclaimed));
    });
}

#[test]
fn only_operators_may_and_who_is_denied_is_recorded() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        scene.report_ana().await;
        let mona = scene.by("mona@example.com").await;
        let answer = scene.gate.offboard(&leaving(), &mona).await;
        assert_eq!(denied(answer), Denial::NotOperator);
        // A stranger does not learn which playbooks there are.
        let odd = leaving().by("none");
        assert_eq!(denied(scene.gate.offboard(&odd, &mona).await), Denial::NotOperator);
        assert_eq!(scene.denials().await, [("offboard".to_owned(), "not_operator".to_owned())]);
    });
}

#[test]
fn nobody_offboards_themselves_or_meddles_with_their_own() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        let olga = Offboard::new(PersonDraft::new("olga@example.com".parse().unwrap(), None));
        assert_eq!(denied(scene.offboard(&olga, "olga@example.com").await), Denial::OwnOffboarding);
        let id = scene.offboard(&olga, "otto@example.com").await.unwrap().id;
        assert_eq!(denied(scene.act(id, Ask::Stop, "olga@example.com").await), Denial::OwnOffboarding);
        scene.act(id, Ask::Stop, "otto@example.com").await.unwrap();
    });
}

#[test]
fn an_operator_who_was_removed_is_refused_and_recorded() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        let id = scene.start().await;
        scene.gate.appoint(&["otto@example.com".parse().unwrap()]).await.unwrap();
        assert_eq!(denied(scene.act(id, Ask::Stop, "olga@example.com").await), Denial::NotOperator);
        assert_eq!(scene.denials().await, [("stop".to_owned(), "not_operator".to_owned())]);
        assert!(scene.request(id).await.outcome().is_none());
    });
}

#[test]
fn there_is_one_open_offboarding_a_person() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        let open = scene.start().await;
        match scene.offboard(&leaving(), "otto@example.com").await {
            Err(GateError::AlreadyLeaving(id)) => assert_eq!(id, open),
            other => panic!("{other:?}"),
        }
        scene.idle().await;
        assert_eq!(scene.request(open).await.outcome(), Some(Outcome::Reclaimed));
        scene.start().await;
    });
}

#[test]
fn what_nobody_has_decided_about_their_seats_is_withdrawn() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        let asked = scene.report_ana().await;
        scene.idle().await;
        scene.start().await;
        scene.idle().await;
        let withdrawn = scene.request(asked).await;
        assert_eq!(withdrawn.outcome(), Some(Outcome::Withdrawn));
        assert_eq!(scene.kinds(asked).await, ["opened", "withdrawn", "closed"]);
    });
}

#[test]
fn nobody_is_asked_about_the_seats_of_whoever_leaves_until_that_is_over() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        scene.script("okta", Step::fails(EffectError::rejected("no such account")));
        let id = scene.start().await;
        scene.idle().await;
        for dry_run in [false, true] {
            let report = scene.sweep_ana(dry_run).await;
            assert_eq!((report.status, report.request_id), (RowStatus::Filtered, None), "dry run: {dry_run}");
            let why = report.problem.unwrap();
            assert!(why.title == "Being offboarded" && why.detail.contains(&id.to_string()), "{why:?}");
        }
        let trial = Trial::new(0, Ok(ana()), scene.gate.now());
        let simulated = scene.gate.simulate(vec![trial], &scene.gate.settings().policy.clone()).await.unwrap();
        assert_eq!(simulated.rows[0].status, RowStatus::Filtered);
        scene.act(id, Ask::Stop, "otto@example.com").await.unwrap();
        assert_eq!(scene.sweep_ana(false).await.status, RowStatus::Asked, "it is over, and the seat is still held");
    });
}

#[test]
fn four_eyes_wait_for_another_operator() {
    block_on(async {
        let scene = Scene::new(&four_eyes()).await;
        let asked = scene.report_ana().await;
        let id = scene.start().await;
        scene.idle().await;
        assert_eq!((scene.request(id).await.label(), scene.calls("okta")), (StateLabel::AwaitingDecision, 0));
        assert_eq!(scene.request(asked).await.outcome(), None, "nothing is withdrawn before it is decided");
        assert_eq!(scene.standing(id).await, [("lock".to_owned(), TaskStatus::Waiting)]);
        assert_eq!(denied(scene.act(id, Ask::Approve, "olga@example.com").await), Denial::OwnAsking);
        assert_eq!(denied(scene.act(id, Ask::Approve, "ana@example.com").await), Denial::OwnOffboarding);
        assert_eq!(denied(scene.act(id, Ask::Approve, "mona@example.com").await), Denial::NotOperator);
        scene.act(id, Ask::Approve, "otto@example.com").await.unwrap();
        scene.idle().await;
        assert_eq!((scene.request(id).await.outcome(), scene.calls("okta")), (Some(Outcome::Reclaimed), 1));
        assert_eq!(scene.request(asked).await.outcome(), Some(Outcome::Withdrawn));
    });
}

#[test]
fn four_eyes_are_those_of_two_people() {
    block_on(async {
        let scene = Scene::new(&four_eyes()).await;
        let token = Submission::new(Actor::Token("admin".parse().unwrap()), Surface::Api).with_admin_token();
        assert_eq!(denied(scene.gate.offboard(&leaving(), &token).await), Denial::Nobody);
    });
}

#[test]
fn who_declines_ends_it_and_nothing_is_filed() {
    block_on(async {
        let scene = Scene::new(&four_eyes()).await;
        let id = scene.start().await;
        let declined = scene.act(id, Ask::Keep { until: None }, "otto@example.com").await.unwrap();
        assert_eq!((declined.outcome(), declined.exception()), (Some(Outcome::Withdrawn), None));
        assert_eq!(scene.standing(id).await, [("lock".to_owned(), TaskStatus::Cancelled)]);
        scene.start().await;
    });
}

#[test]
fn silence_ends_it_and_does_nothing() {
    block_on(async {
        let scene = Scene::new(&four_eyes()).await;
        let id = scene.start().await;
        scene.idle().await;
        scene.pass(Duration::from_secs(15 * 86_400));
        scene.idle().await;
        assert_eq!((scene.request(id).await.outcome(), scene.calls("okta")), (Some(Outcome::Expired), 0));
        assert_eq!(scene.standing(id).await, [("lock".to_owned(), TaskStatus::Cancelled)]);
    });
}

#[test]
fn optional_tasks_can_be_left_out_and_others_cannot() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        for (name, problem) in
            [("lock", OffboardProblem::NotOptional("lock".into())), ("tea", OffboardProblem::NoTask("tea".into()))]
        {
            let answer = scene.offboard(&leaving().without([name]), "olga@example.com").await;
            assert!(matches!(answer, Err(GateError::BadOffboarding(found)) if found == problem), "{name}");
        }
        let id = scene.offboard(&leaving().without(["vpn"]), "olga@example.com").await.unwrap().id;
        let names: Vec<_> = scene.request(id).await.plan.tasks.iter().map(|task| task.name.clone()).collect();
        assert_eq!(names, ["lock", "figma", "github", "wipe"]);
    });
}

#[test]
fn what_a_left_out_task_waited_for_comes_first_all_the_same() {
    block_on(async {
        let chain = json!({"leaver": {"tasks": [
            {"name": "lock", "target": "okta"},
            {"name": "export", "target": "figma", "needs": ["lock"], "optional": true},
            {"name": "wipe", "target": "laptop", "needs": ["export"]},
        ]}});
        let scene = Scene::new(&chain).await;
        let ask = leaving().without(["export"]);
        let id = scene.offboard(&ask, "olga@example.com").await.unwrap().id;
        assert_eq!(scene.task(id, "wipe").await.needs, [scene.task_id(id, "lock").await]);
    });
}

#[test]
fn which_playbook_must_be_clear() {
    block_on(async {
        let mut two = leaver();
        two["contractor"] = two["leaver"].clone();
        let scene = Scene::new(&two).await;
        let problem = |answer| match answer {
            Err(GateError::BadOffboarding(problem)) => problem,
            other => panic!("{other:?}"),
        };
        let unclear = scene.offboard(&leaving(), "olga@example.com").await;
        assert_eq!(problem(unclear), OffboardProblem::WhichPlaybook);
        let unknown = leaving().by("x");
        assert_eq!(problem(scene.offboard(&unknown, "olga@example.com").await), OffboardProblem::NoPlaybook);
        let known = leaving().by("contractor");
        scene.offboard(&known, "olga@example.com").await.unwrap();
    });
}

#[test]
fn a_test_calls_nobody_and_switched_off_nothing_starts() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        scene.mode(Mode::Off);
        assert!(matches!(scene.offboard(&leaving(), "olga@example.com").await, Err(GateError::Off)));
        scene.mode(Mode::DryRun);
        let id = scene.start().await;
        scene.idle().await;
        assert_eq!(scene.request(id).await.outcome(), Some(Outcome::DryRun));
        assert_eq!(scene.calls("okta") + scene.calls("vpn"), 0);
        scene.mode(Mode::Live);
        scene.start().await;
    });
}
