//! Keeping a seat: the modal, its mistakes, and who is late.

use seatgate_core::request::{Decision, Outcome};
use seatgate_core::testing::Fault;
use seatgate_slack::card::{KEEP_REASON, KEEP_UNTIL};
use serde_json::{Value, json};

use crate::fake_slack::{Fault as SlackFault, View};
use crate::house::{House, seat_of};

/// What is entered into the modal.
pub(crate) fn answers(reason: &str, until: &str) -> Value {
    json!({
        KEEP_REASON: {KEEP_REASON: {"type": "plain_text_input", "value": reason}},
        KEEP_UNTIL: {KEEP_UNTIL: {"type": "datepicker", "selected_date": until}},
    })
}

async fn open(house: &House) -> View {
    house.slack.wait_for("the modal", |state| state.views.first().cloned()).await
}

fn error(body: &Value) -> (&str, &str) {
    assert_eq!(body["response_action"], "errors", "{body}");
    let (block, text) = body["errors"].as_object().unwrap().iter().next().unwrap();
    (block, text.as_str().unwrap())
}

#[tokio::test]
async fn a_seat_is_kept_with_a_reason_and_an_end() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    assert_eq!(house.click(&card, "keep", id, "U1").await, 200);
    let view = open(&house).await;
    assert!(house.request(id).await.approval.verdict.is_none(), "nothing is decided by opening it");
    for (reason, until, block) in
        [(" ", "2027-02-01", KEEP_REASON), ("leave", "2026-11-01", KEEP_UNTIL), ("leave", "2039-01-01", KEEP_UNTIL)]
    {
        let (status, body) = house.send(house.slack.submit(&view, answers(reason, until))).await;
        assert_eq!((status, error(&body).0), (200, block), "{reason} {until}: {body}");
    }
    let (status, body) = house.send(house.slack.submit(&view, answers(&"x".repeat(2001), "2027-02-01"))).await;
    assert_eq!((status, error(&body).0), (200, KEEP_REASON));
    assert_eq!(house.slack.open_views().len(), 1, "mistakes leave it open");
    assert_eq!(house.send(house.slack.submit(&view, answers("She is on leave", "2027-02-01"))).await.0, 200);
    assert!(house.slack.open_views().is_empty());
    let verdict = house.request(id).await.approval.verdict.unwrap();
    assert_eq!(verdict.decision, Decision::Keep);
    assert_eq!(verdict.keep_until.unwrap().to_string(), "2027-02-02T00:00:00.000000Z");
    house.work().await;
    let after = house.now_says(&card);
    assert!(after.controls().is_empty() && after.text.contains("She is on leave"), "{}", after.text);
    assert_eq!(house.request(id).await.outcome(), Some(Outcome::Kept));
}

#[tokio::test]
async fn a_modal_that_is_submitted_after_the_decision_says_so() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    house.click(&card, "keep", id, "U1").await;
    let view = open(&house).await;
    house.click(&card, "approve", id, "U1").await;
    let (status, body) = house.send(house.slack.submit(&view, answers("leave", "2027-02-01"))).await;
    assert!(status == 200 && error(&body).1.contains("Mona Li"), "{body}");
    assert_eq!(house.request(id).await.approval.verdict.unwrap().decision, Decision::Approve);
}

#[tokio::test]
async fn a_modal_is_no_authority() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    house.click(&card, "keep", id, "U1").await;
    let view = open(&house).await;
    let stolen = house.slack.submit(&view, answers("mine", "2027-02-01")).with("/user/id", json!("U7"));
    house.slack.user(crate::fake_slack::User::new("U7", "ana@example.com"));
    let (_, body) = house.send(stolen).await;
    assert_eq!(error(&body).0, KEEP_UNTIL);
    assert_eq!(house.denied(1).await.get("slack keep own_seat"), Some(&1));
    let outsider = house.slack.submit(&view, answers("mine", "2027-02-01"));
    let (_, body) = house.send(outsider.with("/user/id", json!("U5")).with("/user/team_id", json!("T9"))).await;
    assert_eq!(error(&body).0, KEEP_UNTIL);
    let forged = house.slack.submit(&view, answers("mine", "2027-02-01")).with("/view/private_metadata", json!("x"));
    assert_eq!(error(&house.send(forged).await.1).0, KEEP_UNTIL);
    assert!(house.request(id).await.approval.verdict.is_none());
}

#[tokio::test]
async fn a_modal_stays_open_while_the_store_is_away() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    house.click(&card, "keep", id, "U1").await;
    let view = open(&house).await;
    house.store.fail_next(Fault::Before);
    assert_eq!(house.send(house.slack.submit(&view, answers("leave", "2027-02-01"))).await.0, 503);
    assert_eq!((house.slack.open_views().len(), house.request(id).await.approval.verdict), (1, None));
    assert_eq!(house.send(house.slack.submit(&view, answers("leave", "2027-02-01"))).await.0, 200);
    assert!(house.request(id).await.approval.verdict.is_some());
}

#[tokio::test]
async fn a_click_that_is_too_old_for_a_modal_asks_for_another() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    house.slack.fault("views.open", SlackFault::Error("trigger_expired"));
    assert_eq!(house.click(&card, "keep", id, "U1").await, 200);
    assert!(house.told("U1", 0).await.contains("click again"));
    house.click(&card, "keep", id, "U1").await;
    open(&house).await;
}

#[tokio::test]
async fn without_anything_to_ask_a_seat_is_kept_at_once() {
    let house = House::under(&[("keep_reason", "off"), ("keep_for", "365d")]).await;
    let (id, card) = house.ask().await;
    assert_eq!(house.click(&card, "keep", id, "U1").await, 200);
    assert_eq!(house.request(id).await.approval.verdict.unwrap().decision, Decision::Keep);
    assert_eq!(house.slack.calls("views.open"), 0);
}

#[tokio::test]
async fn the_last_day_that_the_policy_allows_can_be_chosen() {
    let house = House::under(&[("keep_max", "90d")]).await;
    let (id, card) = house.ask().await;
    house.click(&card, "keep", id, "U1").await;
    let view = open(&house).await;
    let last = house.gate.now().saturating_add(std::time::Duration::from_secs(90 * 86_400));
    assert_eq!(house.send(house.slack.submit(&view, answers("leave", &last.last_date()))).await.1, "");
    assert_eq!(house.request(id).await.approval.verdict.unwrap().keep_until, Some(last));
}

#[tokio::test]
async fn the_rest_of_a_digest_is_kept_with_one_modal() {
    let house = House::under(&[("digest", "1m")]).await;
    let ids = house.sweep((1..=3).map(seat_of).collect()).await;
    house.pass(61).await;
    let card = house.slack.wait_for_message("U1", 1).await;
    house.click(&card, "approve", ids[0], "U1").await;
    assert_eq!(house.send(house.slack.click(&card, "keep_rest").by("U1")).await.0, 200);
    let view = open(&house).await;
    assert_eq!(house.send(house.slack.submit(&view, answers("The whole team", "2027-02-01"))).await.1, "");
    let told = house.told("U1", 0).await;
    assert!(told.contains('2'), "{told}");
    let mut decisions = Vec::new();
    for id in ids {
        decisions.push(house.request(id).await.approval.verdict.unwrap().decision);
    }
    assert_eq!(decisions, [Decision::Approve, Decision::Keep, Decision::Keep]);
}
