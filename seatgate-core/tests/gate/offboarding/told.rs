//! What people and channels are told while an offboarding runs.

use std::time::Duration;

use seatgate_core::agenda::News;
use seatgate_core::gate::Ask;
use seatgate_core::message::{Content, Message, OffboardingStanding, Recipient, TaskLine};
use seatgate_core::port::{EffectError, NotifyError};
use seatgate_core::request::{Event, Relation, Request, Resolution, TaskStatus};
use seatgate_core::testing::{Sent, Step, block_on};
use serde_json::{Value, json};

use super::scene::{Scene, leaver};

const DAY: Duration = Duration::from_secs(86_400);

fn by_hand() -> Value {
    json!({"leaver": {"tasks": [
        {"name": "lock", "target": "okta"},
        {"name": "badge", "kind": "manual", "assignee": "ivo@example.com", "needs": ["lock"]},
    ]}})
}

fn rejected() -> Step {
    Step::fails(EffectError::rejected("no such account"))
}

/// What is told of a task: its name, how it stands, and who ended it.
type Told = (String, TaskStatus, Option<String>);

/// The news of the run, each with its tasks.
fn news(scene: &Scene) -> Vec<(News, Vec<Told>)> {
    let told = |line: &TaskLine| (line.name.clone(), line.status, line.ended_by.clone());
    let sent = scene.notifier.sent();
    let news = sent.iter().filter_map(|sent| match &sent.message.content {
        Content::Progress { news, run } => Some((*news, run.tasks.iter().map(told).collect())),
        _ => None,
    });
    news.collect()
}

/// Whatever was sent to Ivo.
fn errands(scene: &Scene) -> Vec<Sent> {
    let to_ivo = |message: &Message| match &message.to {
        Recipient::Person(person) => person.label() == "ivo@example.com",
        _ => false,
    };
    scene.notifier.sent().into_iter().filter(|sent| to_ivo(&sent.message)).collect()
}

fn errand(sent: &Sent) -> &OffboardingStanding {
    match &sent.message.content {
        Content::Errand(run) => run,
        other => panic!("{other:?}"),
    }
}

async fn seconds(scene: &Scene, seconds: u64) {
    for _ in 0..seconds {
        scene.pass(Duration::from_secs(1));
        scene.idle().await;
    }
}

#[test]
fn a_channel_hears_of_each_task_once_and_then_how_it_ended() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        scene.script("figma", rejected());
        let id = scene.start().await;
        seconds(&scene, 5).await;
        let told: Vec<_> = news(&scene).into_iter().flat_map(|(_, tasks)| tasks).collect();
        let names: Vec<&str> = told.iter().map(|(name, ..)| name.as_str()).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["figma", "github", "lock", "vpn"], "{names:?}");
        assert!(told.contains(&("figma".to_owned(), TaskStatus::Paused, None)));
        scene.notifier.clear();
        scene.answer(id, "figma", Resolution::Skip).await.unwrap();
        seconds(&scene, 5).await;
        let told = news(&scene);
        let olga = Some("olga@example.com".to_owned());
        assert!(told.iter().any(|(_, tasks)| tasks.contains(&("figma".to_owned(), TaskStatus::Skipped, olga.clone()))));
        assert_eq!(told.iter().filter(|(news, _)| *news == News::Standing).count(), 1);
        assert_eq!(told.last().map(|(news, tasks)| (*news, tasks.len())), Some((News::Standing, 5)), "{told:?}");
        scene.notifier.clear();
        scene.settle().await;
        assert_eq!(news(&scene), [], "nothing is told twice");
    });
}

#[test]
fn a_message_that_may_have_arrived_is_repeated_as_one_that_may() {
    block_on(async {
        let scene = Scene::new(&json!({"leaver": {"tasks": [{"name": "lock", "target": "okta"}]}})).await;
        (0..2).for_each(|_| scene.script("okta", rejected()));
        let id = scene.start().await;
        seconds(&scene, 5).await;
        scene.notifier.clear();
        scene.notifier.lose_next_reply();
        scene.answer(id, "lock", Resolution::Retry).await.unwrap();
        seconds(&scene, 60).await;
        let sent = scene.notifier.sent();
        let progress = sent.iter().filter(|sent| matches!(sent.message.content, Content::Progress { .. }));
        let repeated: Vec<bool> = progress.map(|sent| sent.message.repeated).collect();
        assert_eq!(repeated, [false, true]);
    });
}

#[test]
fn what_was_never_tried_before_a_stop_is_told_by_the_summary_alone() {
    block_on(async {
        let scene = Scene::new(&leaver()).await;
        scene.script("okta", rejected());
        let id = scene.start().await;
        seconds(&scene, 5).await;
        scene.notifier.clear();
        scene.act(id, Ask::Stop, "otto@example.com").await.unwrap();
        seconds(&scene, 5).await;
        let told = news(&scene);
        assert_eq!(told[0].1, [("lock".to_owned(), TaskStatus::Cancelled, None)], "it was tried");
        assert_eq!(told.iter().map(|(news, _)| *news).collect::<Vec<_>>(), [News::Task, News::Standing]);
        let shown = scene.notifier.shown().into_iter().find_map(|message| match message.content {
            Content::Offboarding(run) => run.stopped,
            _ => None,
        });
        let stopped = shown.expect("the run's message says who stopped it");
        assert_eq!((stopped.by.as_str(), stopped.reason.as_deref()), ("otto@example.com", Some("because")));
    });
}

#[test]
fn whoever_does_a_task_is_asked_when_it_is_due_and_not_before() {
    block_on(async {
        let scene = Scene::new(&by_hand()).await;
        scene.script("okta", rejected());
        let id = scene.start().await;
        seconds(&scene, 5).await;
        assert_eq!(errands(&scene), [], "another task comes first");
        scene.answer(id, "lock", Resolution::Retry).await.unwrap();
        seconds(&scene, 5).await;
        let asked = errands(&scene);
        assert_eq!((asked.len(), asked[0].is_update), (1, false));
        let lines: Vec<_> = errand(&asked[0]).tasks.iter().map(|line| (line.name.as_str(), line.status)).collect();
        assert_eq!(lines, [("badge", TaskStatus::Ready)]);
        let task = scene.task_id(id, "badge").await;
        let done = Ask::Resolve { task, pause: None, resolution: Resolution::Done };
        scene.act(id, done, "ivo@example.com").await.unwrap();
        seconds(&scene, 5).await;
        let kept = errands(&scene);
        assert_eq!((kept.len(), kept[1].is_update), (2, true), "the same message");
        let line = &errand(&kept[1]).tasks[0];
        assert_eq!((line.status, line.ended_by.as_deref()), (TaskStatus::Done, Some("ivo@example.com")));
        assert_eq!(line.receipt.as_deref(), Some("because"));
        assert_eq!(relations(&scene, id).await, [Some(Relation::Operator), Some(Relation::Assignee)]);
    });
}

/// By what right each answer to a task was given.
async fn relations(scene: &Scene, id: seatgate_core::id::RequestId) -> Vec<Option<Relation>> {
    let entries = scene.gate.queries().trail(seatgate_core::trail::Stream::Request(id)).await.unwrap();
    let facts: Vec<_> = entries.iter().map(|entry| entry.fact().unwrap()).collect();
    assert_eq!(Request::replay(id, facts.clone()).unwrap(), scene.request(id).await, "the trail is the truth");
    let resolved = facts.into_iter().filter_map(|fact| match fact.event {
        Event::Resolved { relation, .. } => Some(relation),
        _ => None,
    });
    resolved.collect()
}

#[test]
fn a_stop_is_shown_to_whoever_was_asked_and_to_nobody_else() {
    block_on(async {
        let scene = Scene::new(&by_hand()).await;
        let id = scene.start().await;
        seconds(&scene, 5).await;
        scene.act(id, Ask::Stop, "otto@example.com").await.unwrap();
        seconds(&scene, 5).await;
        let kept = errands(&scene);
        assert_eq!(kept.len(), 2);
        assert_eq!(errand(&kept[1]).tasks[0].status, TaskStatus::Cancelled);
        assert!(errand(&kept[1]).stopped.is_some());
        // Whoever was not asked yet need not hear of it.
        let other = Scene::new(&by_hand()).await;
        other.script("okta", rejected());
        let id = other.start().await;
        seconds(&other, 5).await;
        other.act(id, Ask::Stop, "otto@example.com").await.unwrap();
        seconds(&other, 5).await;
        assert_eq!(errands(&other), []);
    });
}

#[test]
fn whoever_leaves_is_asked_to_do_nothing() {
    block_on(async {
        let book = json!({"leaver": {"tasks": [{"name": "badge", "kind": "manual", "assignee": "ana@example.com"}]}});
        let scene = Scene::new(&book).await;
        scene.start().await;
        seconds(&scene, 5).await;
        let to_people =
            scene.notifier.sent().into_iter().filter(|sent| matches!(sent.message.to, Recipient::Person(_)));
        assert_eq!(to_people.count(), 0);
    });
}

#[test]
fn reminders_come_as_the_policy_says_while_the_task_waits() {
    block_on(async {
        let scene = Scene::new(&by_hand()).await;
        let id = scene.start().await;
        seconds(&scene, 5).await;
        let reminders = || {
            let sent = errands(&scene);
            let of = |sent: &&Sent| matches!(sent.message.content, Content::Progress { news: News::Reminder, .. });
            sent.iter().filter(of).count()
        };
        for (days, expected) in [(1, 0), (1, 1), (1, 1), (1, 2), (9, 2)] {
            scene.pass(DAY * days);
            scene.idle().await;
            assert_eq!(reminders(), expected);
        }
        let done = Scene::new(&by_hand()).await;
        let other = done.start().await;
        seconds(&done, 5).await;
        done.answer(other, "badge", Resolution::Done).await.unwrap();
        done.pass(DAY * 30);
        done.idle().await;
        assert_eq!(errands(&done).len(), 2, "asked, and then shown as done");
        assert_eq!(scene.request(id).await.outcome(), None);
    });
}

#[test]
fn a_card_whose_reply_was_lost_is_found_again_and_kept_true() {
    block_on(async {
        let scene = Scene::new(&json!({"leaver": {"tasks": [
            {"name": "badge", "kind": "manual", "assignee": "ivo@example.com"}]}}))
        .await;
        scene.notifier.finds_copies();
        let id = scene.start().await;
        scene.notifier.fail_next(NotifyError::RetryAt(None));
        scene.notifier.lose_next_reply();
        seconds(&scene, 60).await;
        scene.answer(id, "badge", Resolution::Done).await.unwrap();
        seconds(&scene, 60).await;
        let shown: Vec<Message> = scene.notifier.shown();
        let errands: Vec<_> = shown.iter().filter(|m| matches!(m.content, Content::Errand(_))).collect();
        assert_eq!(errands.len(), 1);
        let Content::Errand(run) = &errands[0].content else { unreachable!() };
        assert_eq!(run.tasks[0].status, TaskStatus::Done);
    });
}
