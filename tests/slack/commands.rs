//! Commands, mentions and the home tab.

use seatgate_core::port::Clock;
use seatgate_core::request::StateLabel;
use serde_json::{Value, json};

use crate::fake_slack::{Fault as SlackFault, Message, User};
use crate::house::{House, seat};

fn ephemeral(answer: (u16, Value)) -> String {
    assert_eq!((answer.0, &answer.1["response_type"]), (200, &json!("ephemeral")), "{answer:?}");
    answer.1["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn commands_are_answered_to_whoever_typed_them() {
    let house = House::new().await;
    let (id, _) = house.ask().await;
    for text in ["", "help", "what"] {
        let help = ephemeral(house.send(house.slack.command("/seatgate", text).by("U1")).await);
        assert!(help.contains("/seatgate list"), "{help}");
    }
    let list = ephemeral(house.send(house.slack.command("/seatgate", "list").by("U1")).await);
    assert!(list.contains("Figma") && list.contains("Ana Ruiz"), "{list}");
    house.slack.user(User::new("U6", "otto@example.com"));
    let ottos =
        seat(json!({"app": {"id": "jira"}, "manager": {"email": "otto@example.com"}, "requesting_channel": null}));
    house.sweep(vec![ottos]).await;
    let list = ephemeral(house.send(house.slack.command("/seatgate", "list").by("U6")).await);
    assert!(list.contains("jira") && !list.contains("Figma"), "what waits for others is not shown: {list}");
    let offboard = ephemeral(house.send(house.slack.command("/offboard", "<@U6> leaver").by("U1")).await);
    assert!(offboard.contains("not set up here"), "{offboard}");
    let outsider = ephemeral(house.send(house.slack.command("/seatgate", "list").by("U5")).await);
    assert!(!outsider.contains("Figma"), "{outsider}");
    assert_eq!(house.denied(1).await.get("slack command outsider"), Some(&1));
    assert_eq!(house.request(id).await.label(), StateLabel::AwaitingDecision);
}

/// The list of a `/seatgate list`, as something to click on. The fake keeps it as a message, to see it replaced.
async fn list(house: &House) -> Message {
    let answer = house.send(house.slack.command("/seatgate", "list").by("U1")).await;
    let list = Message {
        channel: "C1".to_owned(),
        ts: "1800000000.777777".to_owned(),
        author: "UBOT".to_owned(),
        text: answer.1["text"].as_str().unwrap().to_owned(),
        blocks: answer.1["blocks"].as_array().unwrap().clone(),
        thread_ts: None,
        metadata: None,
        posted_at: house.clock.now(),
        life: None,
        edits: Vec::new(),
    };
    house.slack.with(|state| state.messages.push(list.clone()));
    list
}

#[tokio::test]
async fn a_click_on_a_list_that_one_person_sees_draws_it_anew() {
    let house = House::new().await;
    let (id, _) = house.ask().await;
    let list = list(&house).await;
    let click = || {
        let click = house.slack.click(&list, &format!("approve/{id}")).by("U1");
        click.with("/container/is_ephemeral", json!(true))
    };
    let edits = async |count: usize| {
        let redrawn = |state: &crate::fake_slack::State| {
            state.message(&list.channel, &list.ts).filter(|now| now.edits.len() == count).cloned()
        };
        house.slack.wait_for("the list drawn anew", redrawn).await
    };
    assert_eq!(house.send(click()).await.0, 200);
    let after = edits(1).await;
    assert!(after.controls().is_empty() && after.text.contains("Removal approved by Mona Li"), "{}", after.text);
    assert!(house.slack.ephemerals().is_empty(), "who succeeds sees it on the list");
    // An older copy of it is refused, says why, and shows how things stand.
    assert_eq!(house.send(click()).await.0, 200);
    edits(2).await;
    assert!(house.told("U1", 0).await.contains("Mona Li"));
}

#[tokio::test]
async fn the_home_tab_shows_what_waits_and_its_buttons_work() {
    let house = House::new().await;
    let (id, _) = house.ask().await;
    let opened = house.slack.event(json!({"type": "app_home_opened", "tab": "home"})).by("U1");
    assert_eq!(house.send(opened).await.0, 200);
    let home = house.slack.wait_for("the home tab", |state| state.homes.get("U1").cloned()).await;
    let approve = format!("approve/{id}");
    assert!(home.control(&approve).is_some());
    assert_eq!(house.send(house.slack.click_in(&home, &approve)).await.0, 200);
    assert!(house.request(id).await.approval.verdict.is_some());
    let redrawn = |state: &crate::fake_slack::State| {
        state.homes.get("U1").filter(|home| home.control(&approve).is_none()).cloned()
    };
    let home = house.slack.wait_for("the home tab without buttons", redrawn).await;
    assert!(home.view.to_string().contains("Ana Ruiz"), "what they decided lately is there");
}

#[tokio::test]
async fn a_mention_is_answered_to_one_person_and_a_repeated_event_is_dropped() {
    let house = House::new().await;
    house.slack.with(|state| state.channels.get_mut("C1").unwrap().members.insert("U1".to_owned()));
    house.ask().await;
    let mention = || {
        let event = json!({"type": "app_mention", "channel": "C1", "ts": "1800000000.000100", "text": "<@UBOT> list",
            "user_team": "T1"});
        house.slack.event(event).by("U1").with("/event_id", json!("Ev0SAME"))
    };
    for _ in 0..3 {
        assert_eq!(house.send(mention()).await.0, 200);
    }
    assert!(house.told("U1", 0).await.contains("Ana Ruiz"));
    let other = mention().with("/event_id", json!("Ev0OTHER"));
    assert_eq!(house.send(other).await.0, 200);
    house.told("U1", 1).await;
    assert_eq!(house.slack.ephemerals().len(), 2);
    assert!(house.slack.messages_in("C1").iter().all(|message| !message.text.contains("Ana Ruiz")), "only they see it");
}

#[tokio::test]
async fn the_event_route_proves_itself_and_takes_what_it_does_not_know() {
    let house = House::new().await;
    assert_eq!(house.send(house.slack.url_verification("abc")).await, (200, json!("abc")));
    assert_eq!(house.workspace.unknown_payloads(), 0);
    assert_eq!(house.send(house.slack.event(json!({"type": "reaction_added"})).by("U1")).await.0, 200);
    let (_, card) = house.ask().await;
    let newer = house.slack.click(&card, card.controls()[0]).by("U1").with("/type", json!("block_suggestion"));
    assert_eq!(house.send(newer).await.0, 200);
    assert_eq!(house.workspace.unknown_payloads(), 2, "both are counted");
}

#[tokio::test]
async fn while_slack_does_not_say_who_we_are_nothing_is_decided() {
    let house = House::new().await;
    let (id, card) = house.ask().await;
    house.slack.fault("auth.test", SlackFault::StatusBefore(500));
    assert_eq!(house.click(&card, "approve", id, "U1").await, 503);
    assert!(house.request(id).await.approval.verdict.is_none());
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    assert_eq!(house.slack.calls("auth.test"), 2, "it is asked once, and remembered");
}
