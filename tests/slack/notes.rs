//! What somebody is told below their card: that they are waited for, and that they are not any more.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::gate::{Ask, Submission};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{Clock, Idempotency, Router, Target};
use seatgate_core::request::Outcome;
use seatgate_core::testing::ScriptedDeprovisioner;
use serde_json::json;

use crate::fake_slack::{Fault, Message, User};
use crate::house::{House, seat, seat_of};

const DAY: u64 = 86_400;
const REMINDER: &str = "Your answer is still waited for";

impl House {
    /// Days go by, and whatever became due is told.
    async fn pass_days(&self, days: u64) {
        self.clock.advance(Duration::from_secs(days * DAY));
        self.pass(5).await;
    }
}

fn replies<'a>(messages: &'a [Message], to: &Message) -> Vec<&'a Message> {
    messages.iter().filter(|message| message.thread_ts.as_deref() == Some(to.ts.as_str())).collect()
}

#[tokio::test]
async fn a_reminder_comes_below_the_card_and_says_until_when() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    house.pass_days(2).await;
    let all = house.slack.messages_in("U1");
    let reminders = replies(&all, &card);
    assert_eq!((reminders.len(), all.len()), (1, 2));
    for fact in [REMINDER, "Ana Ruiz", "Please answer by"] {
        assert!(reminders[0].text.contains(fact), "{fact}: {}", reminders[0].text);
    }
    assert!(reminders[0].controls().is_empty());
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    house.pass_days(2).await;
    assert_eq!(house.slack.messages_in("U1").len(), 2, "whoever has answered is not reminded");
}

#[tokio::test]
async fn a_reminder_of_many_names_a_few_and_counts_the_others() {
    let house = House::under(&[("digest", "1m")]).await;
    house.sweep((1..=8).map(seat_of).collect()).await;
    house.pass(61).await;
    let card = house.slack.wait_for_message("U1", 1).await;
    house.pass_days(2).await;
    // A minute, in which the others of the digest are waited for.
    house.pass(61).await;
    let all = house.slack.messages_in("U1");
    let reminders = replies(&all, &card);
    assert_eq!(reminders.len(), 1, "one for all");
    let named = reminders[0].text.matches("@example.com").count();
    assert!(named == 5 && reminders[0].text.contains("And 3 more."), "{}", reminders[0].text);
}

#[tokio::test]
async fn whoever_is_asked_in_a_channel_is_reminded_there_and_mentioned() {
    let house = House::new().await;
    house.slack.fault_in("chat.postMessage", "U1", Fault::Error("messages_tab_disabled"));
    house.sweep(vec![seat(json!({"requesting_channel": null}))]).await;
    house.work().await;
    let card = house.slack.wait_for_message("C9", 1).await;
    house.pass_days(2).await;
    let all = house.slack.messages_in("C9");
    let reminders = replies(&all, &card);
    assert!(reminders.len() == 1 && reminders[0].text.contains("For <@U1>:"), "{all:?}");
    assert!(reminders[0].text.contains(REMINDER) && house.slack.messages_in("U1").is_empty());
}

#[tokio::test]
async fn where_the_card_is_gone_the_reminder_comes_beside_it() {
    let house = House::new().await;
    let (_, card) = house.ask().await;
    house.slack.with(|state| state.messages.retain(|message| message.ts != card.ts));
    house.pass_days(2).await;
    let reminder = house.slack.wait_for_message("U1", 1).await;
    assert!(reminder.text.contains(REMINDER) && reminder.thread_ts.is_none(), "{}", reminder.text);
}

#[tokio::test]
async fn a_reminder_without_an_answer_is_sent_again_and_says_so() {
    let house = House::new().await;
    house.sweep(vec![seat(json!({"requesting_channel": null}))]).await;
    house.work().await;
    house.slack.wait_for_message("U1", 1).await;
    house.slack.fault("chat.postMessage", Fault::StatusAfter(502));
    house.pass_days(2).await;
    let told = house.slack.messages_in("U1");
    let last = told.last().unwrap();
    assert!(told.len() == 3 && last.text.contains("You may have seen this before"), "{}", last.text);
}

#[tokio::test]
async fn whom_an_operator_overrules_reads_it_below_their_card() {
    let house = House::new().await;
    house.slack.user(User::new("U6", "otto@example.com"));
    house.gate.appoint(&["slack:T1/U6".parse().unwrap()]).await.unwrap();
    let (id, card) = house.ask().await;
    let otto = house.gate.person("slack:T1/U6".parse().unwrap(), Some("Otto Ng".to_owned())).await.unwrap();
    let by = Submission::new(Actor::Person(otto), Surface::Inbox);
    house.gate.act(id, Ask::Approve, Some("The contract ends today"), &by).await.unwrap();
    house.pass(5).await;
    let all = house.slack.messages_in("U1");
    let notes = replies(&all, &card);
    assert_eq!(notes.len(), 1);
    for fact in ["An operator has decided in your place", "Otto Ng", "The contract ends today"] {
        assert!(notes[0].text.contains(fact), "{fact}: {}", notes[0].text);
    }
}

#[tokio::test]
async fn a_seat_that_is_used_again_is_not_removed_and_everybody_hears_why() {
    let target = Arc::new(ScriptedDeprovisioner::new(Idempotency::Natural).probeable());
    let policy = [("fallback_approvers", "otto@example.com"), ("quorum", "2")];
    let looks = |target: Arc<ScriptedDeprovisioner>| Router::new().otherwise(Target::new("idp", target));
    let house = House::with(&policy, |builder| builder.router(looks(target.clone())).timer(tokio::time::sleep)).await;
    house.slack.user(User::new("U6", "otto@example.com"));
    let (id, card) = house.ask().await;
    let other = house.slack.wait_for_message("U6", 1).await;
    target.use_seats_at(house.clock.now());
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    assert!(house.told("U1", 0).await.contains("used again"));
    house.pass(5).await;
    assert_eq!((house.request(id).await.outcome(), target.calls().len()), (Some(Outcome::Withdrawn), 0));
    for (user, card) in [("U1", &card), ("U6", &other)] {
        let shown = house.now_says(card);
        assert!(shown.controls().is_empty() && shown.text.contains("used again; nothing was done"), "{}", shown.text);
        let all = house.slack.messages_in(user);
        let notes = replies(&all, card);
        assert!(notes.len() == 1 && notes[0].text.contains("your answer is not needed any more"), "{user}: {notes:?}");
    }
}
