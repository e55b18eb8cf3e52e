//! Several things at once: what runs already, what was sent twice.

use seatgate_core::testing::Step;
use seatgate_core::worker::Worker;
use serde_json::json;

use crate::fake_slack::Fault;
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
