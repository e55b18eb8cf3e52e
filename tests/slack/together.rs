//! Several things at once: what runs already, what was sent twice.

use seatgate_core::gate::{Ask, Submission};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::testing::{Step, join_all};
use seatgate_core::worker::Worker;
use serde_json::json;

use crate::fake_slack::{Fault, User};
use crate::house::{House, seat};

/// What a copy says of itself.
const REMINDER: &str = "A reminder, or a copy";

#[tokio::test]
async fn a_click_while_the_removal_runs_shows_that_it_runs() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    house.target.then(Step::hangs());
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    let other = Worker::new(&house.gate);
    let meanwhile = async {
        while house.target.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        let edits = house.now_says(&card).edits.len();
        assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
        assert!(house.told("U1", 0).await.contains("Mona Li"));
        other.run_until_idle().await.unwrap();
        let shown = house.now_says(&card);
        assert!(shown.edits.len() > edits && shown.controls().is_empty(), "{}", shown.text);
        assert!(shown.text.contains("Removing the seat.") && !shown.text.contains("reclaimed"), "{}", shown.text);
    };
    tokio::select! {
        () = house.work() => panic!("the target answered"),
        () = meanwhile => {}
    }
    assert_eq!(house.target.calls().len(), 1);
}

#[tokio::test]
async fn only_what_may_be_a_copy_says_that_it_is_a_reminder() {
    let house = House::new().await;
    house.slack.fault("chat.postMessage", Fault::StatusAfter(502));
    house.sweep(vec![seat(json!({"requesting_channel": null}))]).await;
    house.work().await;
    let first = house.slack.wait_for_message("U1", 1).await;
    assert!(!first.text.contains(REMINDER), "{}", first.text);
    house.pass(3).await;
    let second = house.slack.wait_for_message("U1", 2).await;
    assert!(second.text.contains(REMINDER), "{}", second.text);
    assert!(second.blocks.iter().any(|block| block.to_string().contains(REMINDER)));
}

#[tokio::test]
async fn of_two_who_are_asked_one_decides_and_the_other_hears_who_and_when() {
    let policy =
        [("fallback_approvers", "mona@example.com,otto@example.com"), ("keep_reason", "off"), ("keep_for", "365d")];
    let house = House::under(&policy).await;
    house.slack.user(User::new("U6", "otto@example.com"));
    let id = house.sweep(vec![seat(json!({"manager": null, "requesting_channel": null}))]).await[0];
    house.work().await;
    let cards = [house.slack.wait_for_message("U1", 1).await, house.slack.wait_for_message("U6", 1).await];
    let clicks = (0..64).map(|n| {
        let (card, user) = [(&cards[0], "U1"), (&cards[1], "U6")][n % 2];
        house.click(card, ["approve", "keep"][n / 2 % 2], id, user)
    });
    assert_eq!(join_all(clicks).await, [200; 64]);
    let told = |state: &crate::fake_slack::State| {
        (state.ephemerals.len() >= 63).then(|| state.ephemerals.iter().map(|one| one.text.clone()).collect::<Vec<_>>())
    };
    let told = house.slack.wait_for("63 answers", told).await;
    let decider = house.request(id).await.approval.decider().expect("somebody decided");
    let details = house.gate.people().details(&[decider]).await.unwrap();
    let name = details[0].as_ref().unwrap().label();
    assert!(told.len() == 63 && told.iter().all(|text| text.contains(&name) && text.contains("<!date^")), "{told:?}");
    house.pass(3).await;
    for card in &cards {
        let shown = house.now_says(card);
        assert!(shown.controls().is_empty() && shown.text.contains(&name), "{}", shown.text);
    }
}

#[tokio::test]
async fn the_channel_hears_who_keeps_a_seat_why_and_until_when() {
    let house = House::new().await;
    let (id, _) = house.ask().await;
    let mona = Submission::new(Actor::Person(house.person("mona@example.com").await), Surface::Slack);
    let until = Some("2027-01-31T23:59:59Z".parse().unwrap());
    house.gate.act(id, Ask::Keep { until }, Some("Back in spring"), &mona).await.unwrap();
    house.pass(5).await;
    let told = house.slack.messages_in("C1");
    let outcome = told.iter().find(|message| message.thread_ts.is_some()).expect("an outcome in the thread");
    for fact in ["Ana Ruiz", "Mona Li", "Back in spring", "2027-01-31"] {
        assert!(outcome.text.contains(fact), "{fact}: {}", outcome.text);
    }
}
