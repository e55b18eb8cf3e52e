//! The example server asks whom Slack's profiles name, where it is told which field of theirs names the manager.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Scene, button};
use crate::fake_slack::User;

const FIELD: (&str, &str) = ("SLACK_MANAGER_FIELD", "Xf1");

fn managed(id: &str, email: &str, manager: &str) -> User {
    User { fields: BTreeMap::from([("Xf1".to_owned(), manager.to_owned())]), ..User::new(id, email) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_whom_slack_alone_knows_is_asked_past_one_who_has_left() {
    let scene = Scene::with(&[FIELD]).await;
    scene.slack.with(|state| state.scopes.insert("users.profile:read".to_owned()));
    scene.slack.user(managed("U7", "ana@example.com", "U8"));
    scene.slack.user(User { deleted: true, ..managed("U8", "gus@example.com", "U1") });
    scene.report(Value::Null);
    let card = scene.slack.wait_for_message("U1", 1).await;
    assert!(card.text.contains("gus (the manager) has left"), "{}", card.text);
    let request = scene.request().await;
    let mona = &request["approvers"][0];
    assert_eq!((&mona["email"], &mona["why"]), (&json!("mona@example.com"), &json!("next_manager")), "{request}");
    let turns: Vec<&Value> = mona["path"].as_array().unwrap().iter().map(|step| &step["turn"]).collect();
    assert_eq!(turns, ["disabled", "asked"]);
    scene.slack.click(&card, &button(&card, "approve")).by("U1").send(&scene.server().base).await;
    assert_eq!(scene.closed().await["outcome"], "reclaimed");
}
