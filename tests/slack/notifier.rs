//! The notifier: whoever cannot be written to, posts without a clear answer, limits, threads.

use std::collections::BTreeMap;
use std::time::Duration;

use seatgate_core::port::Clock;
use seatgate_core::request::StateLabel;
use serde_json::json;

use crate::fake_slack::{Fault, Message, User};
use crate::house::{House, seat, seat_of};

/// Nobody's channel hears about it, so that only the card is posted.
fn quiet(number: usize) -> seatgate_core::seat::Candidate {
    seat(json!({"requesting_channel": null,
        "account": {"id": format!("00u{number}"), "email": format!("holder{number}@example.com")}}))
}

#[tokio::test]
async fn whoever_gets_no_direct_message_is_asked_in_the_channel_and_mentioned() {
    let house = House::new().await;
    house.slack.fault_in("chat.postMessage", "U1", Fault::Error("messages_tab_disabled"));
    let ids = house.sweep(vec![seat(json!({}))]).await;
    house.work().await;
    assert!(house.slack.messages_in("U1").is_empty());
    let card = house.slack.wait_for_message("C9", 1).await;
    assert!(card.text.contains("<@U1>"), "{}", card.text);
    assert_eq!(house.click(&card, "approve", ids[0], "U1").await, 200);
    house.work().await;
    let after = house.now_says(&card);
    assert!(after.controls().is_empty() && after.text.contains("<@U1>"), "{}", after.text);
}

#[tokio::test]
async fn whoever_is_not_in_slack_is_asked_in_the_channel_by_name_and_time_runs() {
    let house = House::new().await;
    let absent = ["gone@example.com", "guest@example.com", "bot@example.com", "nobody@example.com"];
    for (before, email) in absent.into_iter().enumerate() {
        let row =
            seat(json!({"requesting_channel": null, "manager": {"email": email, "name": format!("Boss {before}")},
            "account": {"email": format!("holder-of-{email}")}}));
        let ids = house.sweep(vec![row]).await;
        house.work().await;
        assert_eq!(house.request(ids[0]).await.label(), StateLabel::AwaitingDecision, "{email}");
        let card = house.slack.wait_for_message("C9", before + 1).await;
        assert!(card.text.contains(&format!("Boss {before} is asked")) && !card.text.contains("<@"), "{}", card.text);
        house.pass(1).await;
    }
    assert_eq!(house.slack.messages().len(), absent.len(), "each is told once, and nobody else");
    house.clock.advance(Duration::from_secs(15 * 86_400));
    house.pass(20).await;
    let waiting = house.gate.queries().count_by_state(None).await.unwrap().of(StateLabel::AwaitingDecision);
    assert_eq!(waiting, 0, "their time to answer has begun, and is up");
    for card in house.slack.messages_in("C9").iter().take(absent.len()) {
        assert!(card.controls().is_empty() && card.text.contains("Boss"), "{}", card.text);
    }
}

#[tokio::test]
async fn a_card_for_somebody_not_in_slack_is_found_in_the_channel() {
    let house = House::new().await;
    house.slack.with(|state| state.scopes.insert("channels:history".to_owned()));
    house.slack.fault("chat.postMessage", Fault::StatusAfter(502));
    house.sweep(vec![seat(json!({"requesting_channel": null, "manager": {"email": "nobody@example.com"}}))]).await;
    house.pass(3).await;
    assert_eq!(house.slack.messages_in("C9").len(), 1);
}

#[tokio::test]
async fn a_post_without_an_answer_is_found_by_its_metadata() {
    for fault in [Fault::StatusAfter(502), Fault::ResetAfter, Fault::SilentAfter] {
        let house = House::new().await;
        house.slack.with(|state| state.scopes.insert("im:history".to_owned()));
        house.slack.fault("chat.postMessage", fault.clone());
        let ids = house.sweep(vec![quiet(1)]).await;
        house.pass(3).await;
        let cards = house.slack.messages_in("U1");
        assert_eq!(cards.len(), 1, "{fault:?}");
        assert_eq!(cards[0].metadata.as_ref().unwrap()["event_type"], "seatgate_card");
        assert_eq!(house.click(&cards[0], "approve", ids[0], "U1").await, 200);
        house.pass(1).await;
        assert!(house.now_says(&cards[0]).controls().is_empty());
    }
}

#[tokio::test]
async fn where_the_scope_to_look_is_missing_slack_is_asked_once_not_for_each_card() {
    let house = House::new().await;
    for _ in 0..6 {
        house.slack.fault("chat.postMessage", Fault::StatusAfter(502));
    }
    house.sweep((1..=6).map(quiet).collect()).await;
    house.pass(30).await;
    let looks = house.slack.calls("conversations.history");
    assert!((1..=2).contains(&looks), "once for direct messages, once for the channel: {looks}");
}

#[tokio::test]
async fn a_post_that_never_arrived_is_sent_again_as_a_reminder() {
    let house = House::new().await;
    house.slack.with(|state| state.scopes.insert("im:history".to_owned()));
    house.slack.fault("chat.postMessage", Fault::StatusBefore(502));
    house.sweep(vec![quiet(1)]).await;
    house.pass(3).await;
    assert_eq!((house.slack.messages_in("U1").len(), house.slack.calls("chat.postMessage")), (1, 2));
}

#[tokio::test]
async fn a_429_in_one_channel_delays_no_other() {
    let house = House::new().await;
    house.slack.user(User::new("U6", "otto@example.com"));
    house.slack.fault_in("chat.postMessage", "U1", Fault::RateLimited { seconds: 30 });
    let other = seat(json!({"requesting_channel": null, "manager": {"email": "otto@example.com"},
        "account": {"email": "zoe@example.com"}}));
    house.sweep(vec![quiet(1), other]).await;
    house.work().await;
    assert_eq!((house.slack.messages_in("U1").len(), house.slack.messages_in("U6").len()), (0, 1));
    house.pass(29).await;
    assert!(house.slack.messages_in("U1").is_empty(), "not before the time that Slack asked for");
    house.pass(2).await;
    assert_eq!(house.slack.messages_in("U1").len(), 1);
}

#[tokio::test]
async fn a_429_for_one_card_that_is_drawn_anew_delays_no_other() {
    let house = House::new().await;
    house.slack.user(User::new("U6", "otto@example.com"));
    let other = seat(json!({"requesting_channel": null, "manager": {"email": "otto@example.com"},
        "account": {"email": "zoe@example.com"}}));
    let ids = house.sweep(vec![quiet(1), other]).await;
    house.work().await;
    let monas = house.slack.wait_for_message("U1", 1).await;
    let ottos = house.slack.wait_for_message("U6", 1).await;
    house.slack.fault_in("chat.update", &monas.channel, Fault::RateLimited { seconds: 30 });
    assert_eq!(house.click(&monas, "approve", ids[0], "U1").await, 200);
    house.work().await;
    assert_eq!(house.click(&ottos, "approve", ids[1], "U6").await, 200);
    house.pass(2).await;
    assert!(house.now_says(&ottos).controls().is_empty(), "{}", house.now_says(&ottos).text);
    assert!(house.now_says(&monas).edits.is_empty());
    house.pass(31).await;
    assert!(house.now_says(&monas).controls().is_empty());
}

#[tokio::test]
async fn a_message_that_can_no_longer_be_changed_is_answered_in_its_thread() {
    for error in ["edit_window_closed", "cant_update_message", "message_not_found", "is_inactive"] {
        let house = House::new().await;
        let (id, card) = house.ask().await;
        house.click(&card, "approve", id, "U1").await;
        // Whatever is drawn first cannot be.
        house.slack.fault_in("chat.update", &card.channel, Fault::Error(error));
        house.work().await;
        let reply = house.slack.wait_for_message("U1", 2).await;
        assert_eq!(reply.thread_ts.as_deref(), Some(card.ts.as_str()), "{error}");
        house.pass(3).await;
        let reply = house.now_says(&reply);
        assert!(reply.controls().is_empty() && reply.text.contains("Mona Li"), "{}", reply.text);
    }
}

#[tokio::test]
async fn a_card_that_was_deleted_ends_beside_where_it_was() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    house.click(&card, "approve", id, "U1").await;
    house.slack.with(|state| state.messages.retain(|message| message.ts != card.ts));
    house.pass(3).await;
    let after = house.slack.wait_for_message("U1", 1).await;
    assert!(after.thread_ts.is_none() && after.controls().is_empty() && after.text.contains("Mona Li"), "{after:?}");
}

#[tokio::test]
async fn a_wrong_token_or_a_missing_scope_is_no_reason_to_ask_somewhere_else() {
    let house = House::new().await;
    house.slack.fault("chat.postMessage", Fault::Error("invalid_auth"));
    house.sweep(vec![quiet(1)]).await;
    house.work().await;
    assert!(house.slack.messages().is_empty());
    house.pass(5).await;
    assert_eq!(house.slack.messages_in("U1").len(), 1, "it is tried again, for somebody may have mended it");
}

/// How many messages were posted to a channel, by the second.
fn by_second(messages: &[Message]) -> BTreeMap<i64, usize> {
    messages.iter().fold(BTreeMap::new(), |mut counts, message| {
        *counts.entry(message.posted_at.as_seconds()).or_default() += 1;
        counts
    })
}

#[tokio::test]
async fn a_hundred_outcomes_at_once_do_not_flood_the_channel() {
    let house = House::under(&[("digest", "1m")]).await;
    let ids = house.sweep((1..=100).map(seat_of).collect()).await;
    house.pass(62).await;
    let card = house.slack.wait_for_message("U1", 1).await;
    let began = house.clock.now();
    for id in &ids {
        let by = seatgate_core::gate::Submission::new(
            seatgate_core::person::Actor::Person(house.person("mona@example.com").await),
            seatgate_core::person::Surface::Inbox,
        );
        house.gate.act(*id, seatgate_core::gate::Ask::Approve, None, &by).await.unwrap();
    }
    house.pass(120).await;
    let messages = house.slack.messages_in("C1");
    let (notice, outcomes) = messages.split_first().unwrap();
    let together: Vec<i64> = by_second(outcomes).into_keys().collect();
    println!("100 outcomes: {} messages in {together:?}, from {}", outcomes.len(), began.as_seconds());
    assert!((7..=40).contains(&outcomes.len()), "told together: {}", outcomes.len());
    assert!(outcomes.iter().all(|outcome| outcome.thread_ts.as_deref() == Some(notice.ts.as_str())));
    // Slack's measure: about one a second, with short bursts of three.
    let times: Vec<i64> = outcomes.iter().map(|message| message.posted_at.as_seconds()).collect();
    for (index, time) in times.iter().enumerate().skip(3) {
        assert!(time - times[index - 3] >= 1, "no more than three at a time: {times:?}");
    }
    let span = times.last().unwrap() - times[0];
    assert!(times.len() as i64 <= span + 3, "{} messages in {span} s", times.len());
    let ends = outcomes.iter().map(|message| message.text.matches("holder").count()).sum::<usize>();
    assert!(ends >= 100, "every outcome is told: {ends}");
    assert!(house.now_says(&card).controls().iter().all(|control| control.starts_with("turn/")));
}

#[tokio::test]
async fn a_sweep_has_one_notice_and_its_outcomes_in_a_thread() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    let notice = house.slack.wait_for_message("C1", 1).await;
    assert!(notice.text.contains("45") && notice.thread_ts.is_none(), "{}", notice.text);
    house.click(&card, "approve", id, "U1").await;
    house.pass(5).await;
    let told = house.slack.messages_in("C1");
    assert_eq!(told.len(), 2, "the notice and one outcome");
    assert_eq!(told[1].thread_ts.as_deref(), Some(notice.ts.as_str()));
    assert!(told[1].text.contains("Ana Ruiz"), "{}", told[1].text);
    assert_ne!(house.now_says(&notice).text, notice.text, "the notice shows how the sweep goes");
}
