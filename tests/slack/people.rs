//! What people do in Slack arrives as it was meant: signed by the fake, verified and read by us.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use seatgate_core::port::Clock;
use seatgate_core::testing::ManualClock;
use seatgate_slack::payload::{Event, EventsRequest, Interaction, Place, Word};
use seatgate_slack::verify::{RequestHeaders, SigningSecrets};
use serde_json::json;

use crate::fake_slack::SIGNING_SECRET;
use crate::world::{FORM, World, card, modal, verified};

const JSON: Option<&str> = Some("application/json");

#[tokio::test]
async fn a_click_names_who_where_and_what() {
    let world = World::new().await;
    world.client.chat_post_message("U1", &card("Ask")).await.unwrap();
    let message = world.slack.wait_for_message("U1", 1).await;
    assert_eq!(message.controls(), ["keep"]);
    let click = world.read_click(&world.slack.click(&message, "keep").by("U5"));
    assert_eq!((click.by.user.as_str(), click.by.team.unwrap().as_str()), ("U5", "T9"), "an outsider's own workspace");
    assert_eq!(click.actions[0].input.one(), Some("1:req_1"));
    let Place::Message { channel, ts, .. } = click.place else { panic!() };
    assert_eq!((channel.as_str(), ts.as_str()), (message.channel.as_str(), message.ts.as_str()));

    world.slack.with(|state| state.organisation = Some("E1".to_owned()));
    let click = world.read_click(&world.slack.click(&message, "keep").by("U1"));
    assert!(click.install.team.is_none() && click.install.org_wide);
}

#[tokio::test]
async fn a_modal_is_filled_in_and_submitted() {
    let world = World::new().await;
    world.client.chat_post_message("U1", &card("Ask")).await.unwrap();
    let message = world.slack.wait_for_message("U1", 1).await;
    let click = world.read_click(&world.slack.click(&message, "keep").by("U1"));
    world.client.views_open(&click.trigger.unwrap(), &modal()).await.unwrap();
    let view = world.slack.open_views().remove(0);
    let values = json!({"reason": {"text": {"type": "plain_text_input", "value": "on leave"}}});
    let (_, _, body) = world.slack.submit(&view, values).request();
    let Ok(Interaction::Submission(modal)) = world.reader().interaction(FORM, &verified(&body, world.clock.now()))
    else {
        panic!()
    };
    assert_eq!((modal.view.id.as_str(), modal.view.private_metadata.as_str()), (view.id.as_str(), "req_1"));
    assert_eq!(modal.inputs.at("reason", "text").and_then(|input| input.one()), Some("on leave"));
    let (_, _, body) = world.slack.close(&view).request();
    let closed = world.reader().interaction(FORM, &verified(&body, world.clock.now()));
    assert!(matches!(closed, Ok(Interaction::Closed(closed)) if closed.by.user.as_str() == "U1"));
}

#[tokio::test]
async fn a_command_and_events_arrive() {
    let world = World::new().await;
    let (path, _, body) = world.slack.command("/offboard", "<@U3|guest> leaver").by("U1").request();
    let command = world.reader().command(FORM, &verified(&body, world.clock.now())).unwrap();
    assert_eq!((path, command.command.as_str()), ("/slack/commands", "/offboard"));
    assert_eq!(command.text.words().next(), Some(Word::Mention("U3".parse().unwrap())));
    assert!(command.trigger.is_some() && command.response_url.is_some());

    let opened = world.slack.event(json!({"type": "app_home_opened", "tab": "home"})).by("U1");
    let (_, _, body) = opened.request();
    let Ok(EventsRequest::Callback(callback)) = world.reader().event(JSON, &verified(&body, world.clock.now())) else {
        panic!()
    };
    assert!(matches!(callback.event, Event::AppHomeOpened(home) if home.by.user.as_str() == "U1"));
    let (_, _, body) = world.slack.url_verification("abc").request();
    let challenge = world.reader().event(JSON, &verified(&body, world.clock.now()));
    assert_eq!(challenge, Ok(EventsRequest::UrlVerification { challenge: "abc".to_owned() }));
}

/// An app that verifies and does nothing else: 200 or 401.
async fn app(State(clock): State<Arc<ManualClock>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let secrets: SigningSecrets = SIGNING_SECRET.parse().unwrap();
    let signature = RequestHeaders::from_lookup(|name| headers.get(name).map(|value| value.as_bytes()));
    match secrets.verify(&signature, body, clock.now()) {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::UNAUTHORIZED,
    }
}

#[tokio::test]
async fn what_is_sent_to_the_app_is_signed() {
    let world = World::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/slack/commands", post(app)).with_state(world.clock.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let command = || world.slack.command("/seatgate", "help").by("U1");
    assert_eq!(command().send(&base).await.status, 200);
    assert_eq!(command().signed_with("another").send(&base).await.status, 401);
    let long_ago = world.clock.now().saturating_sub(std::time::Duration::from_secs(301));
    assert_eq!(command().signed_at(long_ago).send(&base).await.status, 401);
}
