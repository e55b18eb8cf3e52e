//! `doctor --sample`: a card that looks real and is not, and the call that it would lead to.

use seatgate_core::port::{Clock, SystemClock};
use seatgate_http::sign::{Verifier, WebhookHeaders};
use serde_json::Value;

use super::{API_TOKEN, REMOVAL, Scene, borrowed, button};
use crate::house::{eventually, run};

/// The call that doctor printed: its first line, its headers, its body.
fn printed(text: &str) -> (&str, Vec<(&str, &str)>, &str) {
    let (_, call) = text.split_once("\n\n").unwrap();
    let (head, body) = call.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let start = lines.next().unwrap();
    (start, lines.map(|line| line.split_once(": ").unwrap()).collect(), body.trim_end())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_operator_gets_a_card_that_says_what_it_is() {
    let scene = Scene::new().await;
    let (code, text) = scene.command(&["doctor", "--sample"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("a sample card was sent to slack:T1/U2; nothing is stored"), "{text}");
    let card = scene.slack.wait_for_message("U2", 1).await;
    assert!(card.text.contains("TEST") && card.text.contains("sample@example.com"), "{}", card.text);

    let (start, headers, body) = printed(&text);
    assert_eq!(start, format!("POST http://{}/hook/0", scene.target.address));
    let lookup = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
    let verifier = Verifier::new(REMOVAL.parse().unwrap());
    let call = verifier.verify(&WebhookHeaders::from_lookup(lookup), body.as_bytes(), SystemClock.now()).unwrap();
    assert_eq!(lookup("idempotency-key"), Some(call.id().as_str().as_bytes()));
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["type"], &body["account"]["email"]), (&"seat.deprovision".into(), &"sample@example.com".into()));
    assert!(!text.contains(REMOVAL) && scene.target.calls().is_empty(), "printed, not made");

    for what in ["approve", "keep"] {
        let click = scene.slack.click(&card, &button(&card, what)).by("U2");
        assert_eq!(click.send(&scene.server().base).await.status, 200);
    }
    let told = eventually(|| async { Some(scene.slack.ephemerals()).filter(|told| told.len() == 2) }).await;
    assert!(told.iter().all(|told| told.user == "U2" && told.text.contains("This is a sample")), "{told:?}");
    assert!(scene.slack.open_views().is_empty());
    let (_, requests) = scene.server().get("/v1/requests", API_TOKEN).await;
    assert_eq!(requests["items"].as_array().unwrap().len(), 0);
    assert!(scene.server.unwrap().stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_goes_to_whom_one_names_or_nowhere() {
    let scene = Scene::new().await;
    assert_eq!(scene.command(&["doctor", "--sample", "--to", "mona@example.com"]).0, Some(0));
    assert!(scene.slack.wait_for_message("U1", 1).await.text.contains("TEST"));
    let (code, text) = scene.command(&["doctor", "--sample", "--to", "nobody@example.com"]);
    assert!(code == Some(1) && text.contains("nobody@example.com is no active member"), "{text}");
    assert_eq!(scene.slack.messages().len(), 1, "no channel hears of it");
    for bad in [&["doctor", "--to", "mona@example.com"][..], &["doctor", "--sample", "--to", "mona"]] {
        assert_eq!(scene.command(bad).0, Some(2), "{bad:?}");
    }
    let without: Vec<_> = scene.environment.iter().filter(|(name, _)| !name.contains("SLACK")).cloned().collect();
    let (output, text) = run(scene.directory.path(), &borrowed(&without), &["doctor", "--sample"]);
    assert!(output.status.code() == Some(2) && text.contains("Slack is not configured"), "{text}");
}
