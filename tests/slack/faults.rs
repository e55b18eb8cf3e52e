//! Every class of error, however the call ends.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::testing::ManualClock;
use seatgate_core::time::Timestamp;
use seatgate_slack::client::{CallMeter, ErrorKind, SlackClient, Standing};

use crate::fake_slack::{Fault, TOKEN};
use crate::world::{World, card};

/// Posts under a fault: the error's name and kind, and whether the message is there.
async fn post_under(world: &World, fault: Fault) -> (String, ErrorKind, bool) {
    let before = world.slack.messages().len();
    world.slack.fault("chat.postMessage", fault);
    let error = world.client.chat_post_message("U1", &card("Ask")).await.unwrap_err();
    // Past any wait that the error asked for.
    world.clock.advance(Duration::from_secs(7200));
    (error.name().to_owned(), error.kind(), world.slack.messages().len() > before)
}

#[tokio::test]
async fn errors_that_slack_names() {
    let world = World::new().await;
    let wait = ErrorKind::RetryAfter(Duration::from_secs(30));
    let cases = [
        ("ratelimited", wait),
        ("service_unavailable", wait),
        ("internal_error", ErrorKind::Unknown),
        ("fatal_error", ErrorKind::Unknown),
        ("messages_tab_disabled", ErrorKind::Elsewhere),
        ("restricted_action_read_only_channel", ErrorKind::Elsewhere),
        ("token_revoked", ErrorKind::Halt),
        ("account_inactive", ErrorKind::Halt),
        ("invalid_arguments", ErrorKind::OurBug),
        ("an_error_of_tomorrow", ErrorKind::Other),
    ];
    for (name, kind) in cases {
        assert_eq!(post_under(&world, Fault::Error(name)).await, (name.to_owned(), kind, false));
    }
}

#[tokio::test]
async fn calls_are_counted_and_the_last_one_tells_how_slack_is() {
    let world = World::new().await;
    assert_eq!(world.client.meter(), CallMeter::default());
    for (fault, standing) in [
        (Fault::Error("token_revoked"), Standing::Refused),
        (Fault::Error("missing_scope"), Standing::Refused),
        (Fault::StatusBefore(502), Standing::Unreachable),
        (Fault::RateLimited { seconds: 1 }, Standing::Ok),
    ] {
        post_under(&world, fault).await;
        assert_eq!(world.client.meter().standing, standing);
    }
    world.slack.fault("conversations.info", Fault::Error("missing_scope"));
    assert!(world.client.conversations_info(&"C1".parse().unwrap()).await.is_err());
    assert_eq!(world.client.meter().standing, Standing::Ok, "looking at channels is optional");
    for _ in 0..4 {
        let _ = world.client.chat_post_message("U1", &card("Ask")).await;
    }
    let counted = [("halt", 2), ("ok", 3), ("retry", 1), ("unknown", 1)];
    let counted = counted.map(|(result, count)| (("chat.postMessage", result), count));
    let expected = counted.into_iter().chain([(("conversations.info", "halt"), 1)]).collect();
    assert_eq!(world.client.meter().calls, expected, "what is paced is not sent");
    let nobody = SlackClient::builder(TOKEN.parse().unwrap(), world.clock.clone()).base_url("http://127.0.0.1:9/api/");
    let nobody = nobody.build().unwrap();
    assert!(nobody.auth_test().await.is_err() && nobody.auth_test().await.unwrap_err().name() == "not_connected");
    assert_eq!(nobody.meter().standing, Standing::Unreachable);
}

#[tokio::test]
async fn what_may_have_happened_is_unknown() {
    let world = World::patient(Duration::from_millis(500)).await;
    let garbage = || Fault::BodyAfter("<html>fine</html>".to_owned());
    let huge = || Fault::BodyAfter(format!("{{\"ok\": true, \"x\": \"{}\"}}", "x".repeat(1 << 20)));
    let nothing = || Fault::BodyAfter("{\"ok\": true}".to_owned());
    let cases = [
        (Fault::StatusBefore(500), "http_500", false),
        (Fault::StatusBefore(503), "http_503", false),
        (Fault::StatusAfter(502), "http_502", true),
        (Fault::SilentBefore, "timed_out", false),
        (Fault::SilentAfter, "timed_out", true),
        (Fault::ResetBefore, "broken_off", false),
        (Fault::ResetAfter, "broken_off", true),
        (garbage(), "unreadable_response", true),
        (huge(), "unreadable_response", true),
        (nothing(), "unreadable_response", true),
    ];
    for (fault, name, happened) in cases {
        let shown = format!("{fault:.40?}");
        assert_eq!(post_under(&world, fault).await, (name.to_owned(), ErrorKind::Unknown, happened), "{shown}");
    }
    assert_eq!(world.slack.calls("chat.postMessage"), 10, "nothing is repeated");
}

#[tokio::test]
async fn other_statuses_keep_their_number() {
    let world = World::new().await;
    for status in [302, 403, 404] {
        let expected = (format!("http_{status}"), ErrorKind::Other, false);
        assert_eq!(post_under(&world, Fault::StatusBefore(status)).await, expected);
    }
}

#[tokio::test]
async fn no_connection_is_certainly_not_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api/", listener.local_addr().unwrap());
    drop(listener);
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
    let client = SlackClient::builder(TOKEN.parse().unwrap(), clock).base_url(base).build().unwrap();
    let error = client.auth_test().await.unwrap_err();
    assert_eq!((error.name(), error.kind()), ("not_connected", ErrorKind::RetryAfter(Duration::from_secs(30))));
    assert!(!format!("{error} {error:?} {client:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_wrong_token_halts() {
    let world = World::new().await;
    let builder = SlackClient::builder("xoxb-other".parse().unwrap(), world.clock.clone());
    let client = builder.base_url(world.slack.api_url()).build().unwrap();
    let error = client.auth_test().await.unwrap_err();
    assert_eq!((error.name(), error.kind()), ("invalid_auth", ErrorKind::Halt));
}
