//! Clicks on cards: committed first, then answered; who comes second hears who was first.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::id::RequestId;
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::Actor;
use seatgate_core::request::{Outcome, StateLabel};
use seatgate_core::testing::{Fault, Step, join_all};
use seatgate_store_sqlx::{SqliteOptions, SqliteStore};
use serde_json::json;

use crate::fake_slack::{Fault as SlackFault, User};
use crate::house::{House, seat, seat_of};
use crate::world::World;

#[tokio::test]
async fn an_approval_is_kept_before_it_is_answered_and_the_card_shows_the_end() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    assert_eq!(card.controls(), ["approve", "keep", "reassign", "why"].map(|kind| format!("{kind}/{id}")));
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    let verdict = house.request(id).await.approval.verdict.expect("decided when it is answered");
    assert_eq!(verdict.by, Actor::Person(house.person("mona@example.com").await));
    house.work().await;
    let after = house.now_says(&card);
    assert!(after.controls().is_empty() && after.text.contains("Mona Li"), "{}", after.text);
    assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
    let trail = house.gate.queries().trail(seatgate_core::trail::Stream::Request(id)).await.unwrap();
    let decided: serde_json::Value = serde_json::from_str(&trail[1].to_json()).unwrap();
    assert_eq!((&decided["surface"], &decided["data"]["matched_by"]), (&json!("slack"), &json!("email")));
    assert!(house.slack.ephemerals().is_empty(), "who succeeds sees it on the card");
}

#[tokio::test]
async fn of_64_clicks_at_once_one_decides_and_the_others_hear_who_and_when() {
    let house = House::under(&[("keep_reason", "off"), ("keep_for", "365d")]).await;
    let (id, card) = house.ask().await;
    let clicks = (0..64).map(|n| house.click(&card, ["approve", "keep"][n % 2], id, "U1"));
    assert_eq!(join_all(clicks).await, [200; 64]);
    let told = house.slack.wait_for("63 answers", |state| {
        (state.ephemerals.len() >= 63).then(|| state.ephemerals.iter().map(|one| one.text.clone()).collect::<Vec<_>>())
    });
    let told = told.await;
    assert!(
        told.len() == 63 && told.iter().all(|text| text.contains("Mona Li") && text.contains("<!date^")),
        "{told:?}"
    );
    house.work().await;
    let trail = house.gate.queries().trail(seatgate_core::trail::Stream::Request(id)).await.unwrap();
    let decided = trail.iter().filter(|entry| entry.to_json().contains("\"kind\":\"decided\"")).count();
    assert_eq!((decided, house.now_says(&card).controls().len()), (1, 0));
    assert!(house.request(id).await.outcome().is_some() && house.target.calls().len() <= 1);
}

#[tokio::test]
async fn whoever_was_not_asked_is_told_so_and_the_card_is_drawn_anew() {
    let house = House::new().await;
    house.slack.user(User::new("U6", "otto@example.com"));
    let (id, card) = house.ask().await;
    let edits = house.now_says(&card).edits.len();
    for user in ["U6", "U5", "U3"] {
        assert_eq!(house.click(&card, "approve", id, user).await, 200);
        assert!(!house.told(user, 0).await.is_empty());
    }
    assert_eq!(house.request(id).await.label(), StateLabel::AwaitingDecision);
    house.denied(2).await;
    house.clock.advance(Duration::from_secs(61));
    let denied = house.denied(3).await;
    assert_eq!(denied.get("slack approve not_asked"), Some(&2), "a stranger and a guest: {denied:?}");
    assert_eq!(denied.get("slack approve outsider"), Some(&1), "{denied:?}");
    house.work().await;
    assert!(house.now_says(&card).edits.len() > edits, "the message they clicked on is redrawn");
}

#[tokio::test]
async fn an_address_of_a_guest_is_nobodys() {
    let house = House::new().await;
    let (_, card) = house.ask().await;
    let theirs = seat(json!({"manager": {"email": "guest@example.com"}, "account": {"email": "zoe@example.com"}}));
    let id = house.sweep(vec![theirs]).await[0];
    let click = house.slack.click(&card, card.controls()[0]).by("U3");
    assert_eq!(house.send(click.with("/actions/0/value", json!(format!("1:{id}")))).await.0, 200);
    assert_eq!(house.denied(1).await.get("slack approve not_asked"), Some(&1));
    assert!(house.request(id).await.approval.verdict.is_none());
}

#[tokio::test]
async fn a_strict_policy_takes_only_the_slack_user() {
    let house = House::under(&[("strict_identity", "true")]).await;
    let (id, card) = house.ask().await;
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    house.told("U1", 0).await;
    assert_eq!(house.denied(1).await.get("slack approve weak_identity"), Some(&1));
    assert!(house.request(id).await.approval.verdict.is_none());
    house.gate.appoint(&["slack:T1/U1".parse().unwrap()]).await.unwrap();
    assert_eq!(house.click(&card, "keep", id, "U1").await, 200);
    let view = house.slack.wait_for("the modal", |state| state.views.first().cloned()).await;
    let values = crate::modals::answers("She is on leave", "2027-02-01");
    assert_eq!(house.send(house.slack.submit(&view, values)).await.0, 200);
    let verdict = house.request(id).await.approval.verdict.unwrap();
    assert_eq!(verdict.relation.label(), "operator");
}

#[tokio::test]
async fn while_the_store_is_away_nothing_is_said_as_done_and_the_next_click_works() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    for ahead in 1..=2 {
        house.store.fail_at(house.store.calls() + ahead, Fault::Before);
        assert_eq!(house.click(&card, "approve", id, "U1").await, 503);
        assert!(house.request(id).await.approval.verdict.is_none());
    }
    assert!(house.slack.ephemerals().is_empty());
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    assert!(house.request(id).await.approval.verdict.is_some());
}

#[tokio::test]
async fn a_click_while_the_removal_runs_shows_that_it_runs() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    house.target.then(Step::fails(seatgate_core::port::EffectError::unknown("504")));
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    assert_eq!(house.click(&card, "keep", id, "U1").await, 200);
    assert!(house.told("U1", 0).await.contains("Mona Li"));
    assert!(house.slack.open_views().is_empty(), "nobody is asked why, when it is too late");
    house.work().await;
    let after = house.now_says(&card);
    assert!(after.controls().is_empty() && house.request(id).await.outcome().is_none(), "{}", after.text);
    house.pass(2).await;
    assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
}

#[tokio::test]
async fn an_approval_can_be_undone_in_its_grace() {
    let house = House::under(&[("grace", "1d")]).await;
    let (id, card) = house.ask().await;
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    house.work().await;
    let waiting = house.now_says(&card);
    assert_eq!(waiting.controls(), [format!("undo/{id}")]);
    assert_eq!(house.click(&waiting, "undo", id, "U1").await, 200);
    assert_eq!(house.request(id).await.outcome(), Some(Outcome::Withdrawn));
    house.clock.advance(Duration::from_secs(2 * 86_400));
    house.work().await;
    assert_eq!((house.target.calls().len(), house.now_says(&card).controls().len()), (0, 0));
}

#[tokio::test]
async fn a_card_of_another_version_is_drawn_anew() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    let edits = house.now_says(&card).edits.len();
    let old = house.slack.click(&card, &format!("approve/{id}")).by("U1").with("/actions/0/value", json!("0:req"));
    assert_eq!(house.send(old).await.0, 200);
    house.told("U1", 0).await;
    house.work().await;
    assert!(house.now_says(&card).edits.len() > edits && house.request(id).await.approval.verdict.is_none());
}

#[tokio::test]
async fn a_digest_is_answered_row_by_row_and_all_at_once() {
    let house = House::under(&[("digest", "1m"), ("keep_reason", "off"), ("keep_for", "365d")]).await;
    let ids = house.sweep((1..=4).map(seat_of).collect()).await;
    house.pass(61).await;
    let card = house.slack.wait_for_message("U1", 1).await;
    assert_eq!(house.slack.messages_in("U1").len(), 1, "one card about four seats");
    assert_eq!(house.click(&card, "approve", ids[0], "U1").await, 200);
    assert_eq!(house.click(&card, "keep", ids[1], "U1").await, 200);
    assert_eq!(house.send(house.slack.click(&card, "approve_rest").by("U1")).await.0, 200);
    let told = house.told("U1", 0).await;
    assert!(told.contains("approved: 3") && told.contains("Not recorded: 1"), "all that they approved: {told}");
    house.pass(3).await;
    let mut outcomes = Vec::new();
    for id in &ids {
        outcomes.push(house.request(*id).await.outcome());
    }
    let (gone, kept) = (Some(Outcome::Reclaimed), Some(Outcome::Kept));
    assert_eq!(outcomes, [gone, kept, gone, gone]);
    assert!(house.now_says(&card).controls().is_empty());
    // An old copy of the digest in somebody's hand: what they kept is kept, the others are refused, all in one answer.
    assert_eq!(house.send(house.slack.click(&card, "keep_rest").by("U1")).await.0, 200);
    let told = house.told("U1", 1).await;
    assert!(told.contains("kept: 1") && told.contains("Not recorded: 3"), "{told}");
}

/// Clicks while the store fails ever later, until a click is done by half; returns whom it has decided about.
async fn decide_by_half(house: &House, card: &crate::fake_slack::Message, control: &str, ids: &[RequestId]) -> usize {
    for ahead in 1..40 {
        house.store.fail_at(house.store.calls() + ahead, Fault::Before);
        assert_eq!(house.send(house.slack.click(card, control).by("U1")).await.0, 503);
        let mut decided = 0;
        for id in ids {
            decided += usize::from(house.request(*id).await.approval.verdict.is_some());
        }
        if decided > 0 {
            return decided;
        }
    }
    panic!("no click was done by half")
}

#[tokio::test]
async fn the_second_click_after_half_of_the_rest_counts_the_first_half_too() {
    for (control, told) in [("approve_rest", "approved: 4"), ("keep_rest", "kept: 4")] {
        let house = House::under(&[("digest", "1m"), ("keep_reason", "off"), ("keep_for", "365d")]).await;
        let ids = house.sweep((1..=4).map(seat_of).collect()).await;
        house.pass(61).await;
        let card = house.slack.wait_for_message("U1", 1).await;
        let half = decide_by_half(&house, &card, control, &ids).await;
        assert!(half < ids.len(), "{control}: {half}");
        assert_eq!(house.send(house.slack.click(&card, control).by("U1")).await.0, 200);
        let answer = house.told("U1", 0).await;
        assert!(answer.contains(told) && !answer.contains("Not recorded"), "{answer}");
    }
}

#[tokio::test]
async fn only_whoever_is_asked_turns_the_pages_of_a_digest() {
    let house = House::under(&[("digest", "1m")]).await;
    house.slack.user(User::new("U6", "otto@example.com"));
    house.sweep((1..=20).map(seat_of).collect()).await;
    house.pass(61).await;
    let card = house.slack.wait_for_message("U1", 1).await;
    let turn = card.controls().into_iter().find(|control| control.starts_with("turn/")).unwrap().to_owned();
    assert_eq!(house.send(house.slack.click(&card, &turn).by("U6")).await.0, 200);
    assert_eq!(house.denied(1).await.get("slack turn_page not_asked"), Some(&1));
    assert_eq!(house.send(house.slack.click(&card, &turn).by("U1")).await.0, 200);
    house.pass(1).await;
    assert_ne!(house.now_says(&card).controls(), card.controls());
}

#[tokio::test]
async fn a_card_that_was_posted_twice_ends_twice() {
    let house = House::new().await;
    house.slack.fault("chat.postMessage", SlackFault::StatusAfter(502));
    let requests = house.sweep(vec![seat(json!({"requesting_channel": null}))]).await;
    house.pass(3).await;
    let copies = house.slack.messages_in("U1");
    assert_eq!(copies.len(), 2, "without the scope it cannot be found, so it is repeated");
    assert_eq!(house.click(&copies[0], "approve", requests[0], "U1").await, 200);
    house.pass(3).await;
    for copy in &copies {
        assert!(house.now_says(copy).controls().is_empty(), "{}", house.now_says(copy).text);
    }
}

#[tokio::test]
async fn over_sqlite_all_is_the_same() {
    let world = World::patient(Duration::from_secs(2)).await;
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(folder.path().join("seatgate.db")).lease_clock(world.clock.clone());
    let store = Arc::new(SqliteStore::open(options).await.unwrap());
    let house = House::over(store, world, &[]).await;
    let (id, card) = house.ask().await;
    let statuses = join_all((0..8).map(|_| house.click(&card, "approve", id, "U1"))).await;
    assert_eq!(statuses, [200; 8]);
    let heard = |state: &crate::fake_slack::State| (state.ephemerals.len() == 7).then_some(());
    house.slack.wait_for("7 answers", heard).await;
    house.work().await;
    let after = house.now_says(&card);
    assert!(after.controls().is_empty() && house.request(id).await.outcome() == Some(Outcome::Reclaimed));
    assert_eq!(house.target.calls().len(), 1);
}

#[tokio::test]
async fn an_app_of_a_whole_organisation_takes_its_people_and_no_strangers() {
    let house = House::new().await;
    house.slack.with(|state| state.organisation = Some("E1".to_owned()));
    let (id, card) = house.ask().await;
    assert_eq!(house.click(&card, "approve", id, "U5").await, 200);
    assert_eq!(house.denied(1).await.get("slack approve outsider"), Some(&1));
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    assert!(house.request(id).await.approval.verdict.is_some());
}

#[tokio::test]
async fn in_an_organisation_a_click_may_name_another_workspace_than_the_person_is_known_by() {
    let house = House::under(&[("strict_identity", "true")]).await;
    house.slack.with(|state| state.organisation = Some("E1".to_owned()));
    house.gate.appoint(&["slack:T1/U1".parse().unwrap()]).await.unwrap();
    let (id, card) = house.ask().await;
    let click =
        |user: &str| house.slack.click(&card, &format!("keep/{id}")).by(user).with("/user/team_id", json!("T2"));
    house.slack.user(User::new("U6", "otto@example.com"));
    assert_eq!(house.send(click("U6")).await.0, 200);
    house.told("U6", 0).await;
    assert!(house.slack.open_views().is_empty(), "somebody else is still somebody else");
    assert_eq!(house.send(click("U1")).await.0, 200);
    let view = house.slack.wait_for("the modal", |state| state.views.first().cloned()).await;
    let submit = house.slack.submit(&view, crate::modals::answers("She is on leave", "2027-02-01"));
    assert_eq!(house.send(submit.with("/user/team_id", json!("T3"))).await.0, 200);
    assert_eq!(house.request(id).await.approval.verdict.unwrap().relation.label(), "operator");
}

#[tokio::test]
async fn slack_hears_in_time_also_when_it_does_not_say_who_clicked() {
    let world = World::patient(Duration::from_secs(15)).await;
    let store = Arc::new(MemoryStore::new(world.clock.clone()));
    let house = House::over(store, world, &[]).await;
    let (id, card) = house.ask().await;
    house.slack.fault("users.info", SlackFault::SilentBefore);
    let began = std::time::Instant::now();
    assert_eq!(house.click(&card, "approve", id, "U1").await, 503);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(house.request(id).await.approval.verdict.is_none());
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
}
