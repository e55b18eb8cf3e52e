//! Each method of the client, and what Slack refuses.

use std::time::Duration;

use seatgate_slack::client::{Ephemeral, ErrorKind, HistoryQuery, Metadata, NewMessage, Response, SlackError};
use serde_json::json;

use crate::fake_slack::{BOT, Fault};
use crate::world::{World, button, card, modal, section};

fn told<T>(result: Result<T, SlackError>) -> (String, ErrorKind) {
    let error = result.err().expect("it is refused");
    (error.name().to_owned(), error.kind())
}

#[tokio::test]
async fn the_token_says_who_we_are_and_what_we_may_do() {
    let world = World::new().await;
    let me = world.client.auth_test().await.unwrap();
    assert_eq!((me.user.as_str(), me.team.as_ref().unwrap().as_str(), me.org_wide), (BOT, "T1", false));
    assert!(me.scopes.iter().any(|scope| scope == "chat:write"), "{:?}", me.scopes);
    world.slack.with(|state| state.organisation = Some("E1".to_owned()));
    let me = world.client.auth_test().await.unwrap();
    assert_eq!((me.team, me.enterprise.unwrap().as_str(), me.org_wide), (None, "E1", true));
}

#[tokio::test]
async fn a_card_goes_to_a_person_and_is_updated_where_it_went() {
    let world = World::new().await;
    let metadata = Metadata::new("seatgate_card", json!({"request": "req_1"}));
    let posted = world.client.chat_post_message("U1", &card("Ask").metadata(metadata.clone())).await.unwrap();
    assert_eq!(posted.channel.as_str(), "D0U1");
    let updated = world.client.chat_update(&posted, &card("Done")).await.unwrap();
    assert_eq!(updated, posted);
    let message = world.slack.message("D0U1", posted.ts.as_str());
    assert_eq!((message.text.as_str(), message.edits.len()), ("Done", 1));
    assert_eq!(message.edits[0].0, "Ask");

    world.slack.with(|state| state.scopes.insert("im:history".to_owned()));
    let page = world.client.conversations_history(&HistoryQuery::newest(posted.channel)).await.unwrap();
    assert_eq!(page.next, None);
    assert_eq!(page.messages[0].metadata.as_ref(), Some(&metadata), "it is found again by its metadata");
}

#[tokio::test]
async fn bodies_are_json_but_for_users() {
    let world = World::new().await;
    world.client.users_info(&"U1".parse().unwrap()).await.unwrap();
    assert_eq!(world.slack.last_call("users.info").content_type, "application/x-www-form-urlencoded");
    world.client.chat_post_message("C1", &card("Ask")).await.unwrap();
    let call = world.slack.last_call("chat.postMessage");
    assert_eq!(call.content_type, "application/json; charset=utf-8");
    assert_eq!((&call.body["unfurl_links"], &call.body["unfurl_media"]), (&json!(false), &json!(false)));
}

#[tokio::test]
async fn people_are_found_and_told_apart() {
    let world = World::new().await;
    let mona = world.client.users_lookup_by_email(&"mona@example.com".parse().unwrap()).await.unwrap();
    assert_eq!((mona.id.as_str(), mona.is_member()), ("U1", true));
    assert!(!format!("{mona:?}").contains("mona"));
    for (user, deleted, bot, guest, stranger) in [
        ("U2", true, false, false, false),
        ("U3", false, false, true, false),
        ("U4", false, true, false, false),
        ("U5", false, false, false, true),
    ] {
        let user = world.client.users_info(&user.parse().unwrap()).await.unwrap();
        assert_eq!((user.deleted, user.is_bot, user.is_guest, user.is_stranger), (deleted, bot, guest, stranger));
        assert!(!user.is_member());
    }
    for email in ["gone@example.com", "nobody@example.com"] {
        let refused = told(world.client.users_lookup_by_email(&email.parse().unwrap()).await);
        assert_eq!(refused, ("users_not_found".to_owned(), ErrorKind::Elsewhere), "{email}");
    }
    let refused = told(world.client.users_info(&"U99".parse().unwrap()).await);
    assert_eq!(refused, ("user_not_found".to_owned(), ErrorKind::Elsewhere));
}

#[tokio::test]
async fn who_cannot_be_reached_is_asked_elsewhere() {
    let world = World::new().await;
    for (channel, name) in [
        ("C2", "not_in_channel"),
        ("C3", "is_archived"),
        ("G1", "channel_not_found"),
        ("C9", "channel_not_found"),
        ("U2", "user_disabled"),
    ] {
        let refused = told(world.client.chat_post_message(channel, &card("Ask")).await);
        assert_eq!(refused, (name.to_owned(), ErrorKind::Elsewhere), "{channel}");
    }
    assert!(world.slack.messages().is_empty());
}

#[tokio::test]
async fn what_breaks_the_rules_is_our_bug() {
    let world = World::new().await;
    let twice = json!({"type": "actions", "block_id": "b", "elements": [button(), button()]});
    let same_block = json!({"type": "divider", "block_id": "b"});
    let many = Metadata::new("seatgate_card", json!({"ids": "x".repeat(9_000)}));
    let full = vec![section(&"x".repeat(2_900)); 5];
    let cases = [
        (NewMessage::new("", vec![section("x")]), "no_text"),
        (NewMessage::new("x".repeat(40_001), vec![]), "msg_too_long"),
        (NewMessage::new("x", vec![section("x"); 51]), "invalid_blocks"),
        (NewMessage::new("x", vec![section(&"x".repeat(3_001))]), "invalid_blocks"),
        (NewMessage::new("x", vec![twice]), "invalid_blocks"),
        (NewMessage::new("x", vec![same_block.clone(), same_block]), "invalid_blocks"),
        (NewMessage::new("x", vec![json!({"type": "rich_text"})]), "invalid_blocks"),
        (NewMessage::new("x", full), "msg_blocks_too_long"),
        (card("x").metadata(many), "metadata_too_large"),
    ];
    for (message, name) in cases {
        let refused = told(world.client.chat_post_message("U1", &message).await);
        assert_eq!(refused, (name.to_owned(), ErrorKind::OurBug));
        world.clock.advance(Duration::from_secs(1));
    }
    assert!(world.slack.messages().is_empty());
}

#[tokio::test]
async fn a_card_beyond_editing_says_so() {
    let world = World::new().await;
    let mut posted = world.client.chat_post_message("U1", &card("Ask")).await.unwrap();
    world.slack.with(|state| state.edit_window = Some(Duration::from_secs(60)));
    world.clock.advance(Duration::from_secs(61));
    let error = world.client.chat_update(&posted, &card("Done")).await.unwrap_err();
    assert_eq!((error.name(), error.kind()), ("edit_window_closed", ErrorKind::Other));
    assert!(error.is_beyond_editing());
    for (name, change) in [("cant_update_message", "U1"), ("cant_update_message", "U3")] {
        world.slack.with(|state| state.messages[0].author = change.to_owned());
        assert_eq!(world.client.chat_update(&posted, &card("Done")).await.unwrap_err().name(), name);
    }
    let reply = NewMessage::new("Done", vec![]).in_thread(posted.ts.clone());
    assert!(world.client.chat_post_message(posted.channel.as_str(), &reply).await.is_ok());
    assert_eq!(world.slack.messages()[1].thread_ts.as_deref(), Some(posted.ts.as_str()));
    posted.ts = "1.000001".parse().unwrap();
    let error = world.client.chat_update(&posted, &card("Done")).await.unwrap_err();
    assert!(error.name() == "message_not_found" && error.is_beyond_editing());
    let reply = NewMessage::new("Done", vec![]).in_thread(posted.ts.clone());
    assert!(world.client.chat_post_message(posted.channel.as_str(), &reply).await.unwrap_err().has_no_thread());
}

#[tokio::test]
async fn ephemerals_are_for_one_person() {
    let world = World::new().await;
    world.slack.with(|state| state.channels.get_mut("C1").unwrap().members.insert("U1".to_owned()));
    let for_whom = |user: &str| Ephemeral::new("C1".parse().unwrap(), user.parse().unwrap(), card("Only you"));
    world.client.chat_post_ephemeral(&for_whom("U1")).await.unwrap();
    assert_eq!(world.slack.ephemerals()[0].user, "U1");
    assert_eq!(told(world.client.chat_post_ephemeral(&for_whom("U3")).await).0, "user_not_in_channel");
}

#[tokio::test]
async fn a_modal_opens_once_and_in_time() {
    let world = World::new().await;
    world.client.chat_post_message("U1", &card("Ask")).await.unwrap();
    let message = world.slack.wait_for_message("U1", 1).await;
    let click = world.read_click(&world.slack.click(&message, "keep").by("U1"));
    let trigger = click.trigger.unwrap();
    let open = world.client.views_open(&trigger, &modal()).await.unwrap();
    assert_eq!(world.slack.open_views()[0].user, "U1");

    let again = world.client.views_open(&trigger, &modal()).await.unwrap_err();
    assert!(again.name() == "exchanged_trigger_id" && again.asks_for_a_new_click());
    let late = world.read_click(&world.slack.click(&message, "keep").by("U1")).trigger.unwrap();
    world.clock.advance(Duration::from_secs(4));
    let late = world.client.views_open(&late, &modal()).await.unwrap_err();
    assert!(late.name() == "expired_trigger_id" && late.asks_for_a_new_click());

    let newer = world.client.views_update(&open.id, open.hash.as_deref(), &modal()).await.unwrap();
    assert_ne!(newer.hash, open.hash);
    assert_eq!(told(world.client.views_update(&open.id, open.hash.as_deref(), &modal()).await).0, "hash_conflict");
    let home = json!({"type": "home", "blocks": [section("Nothing waits for you")]});
    world.client.views_publish(&"U1".parse().unwrap(), &home).await.unwrap();
    assert_eq!(world.slack.home("U1").unwrap().view, home);
    assert_eq!(told(world.client.views_publish(&"U1".parse().unwrap(), &modal()).await).1, ErrorKind::OurBug);
}

#[tokio::test]
async fn a_response_url_answers_five_times_within_half_an_hour() {
    let world = World::new().await;
    world.client.chat_post_message("U1", &card("Ask")).await.unwrap();
    let message = world.slack.wait_for_message("U1", 1).await;
    let url = world.read_click(&world.slack.click(&message, "keep").by("U1")).response_url.unwrap();
    for _ in 0..4 {
        world.client.respond(&url, &Response::ephemeral("Already decided")).await.unwrap();
    }
    assert_eq!(world.slack.ephemerals().len(), 4);
    world.client.respond(&url, &Response::ephemeral("Done").blocks(vec![section("Done")]).replacing()).await.unwrap();
    assert_eq!(world.slack.wait_for_edit(&message, 1).await.text, "Done");
    let used = told(world.client.respond(&url, &Response::ephemeral("Once more")).await);
    assert_eq!(used, ("used_url".to_owned(), ErrorKind::Other));

    let url = world.read_click(&world.slack.click(&message, "keep").by("U1")).response_url.unwrap();
    world.clock.advance(Duration::from_secs(30 * 60 + 1));
    assert_eq!(told(world.client.respond(&url, &Response::ephemeral("Late")).await).0, "expired_url");
}

#[tokio::test]
async fn channels_are_looked_at() {
    let world = World::new().await;
    let channel = "C1".parse().unwrap();
    assert_eq!(told(world.client.conversations_info(&channel).await), ("missing_scope".to_owned(), ErrorKind::Halt));
    world.slack.with(|state| state.scopes.extend(["channels:read".to_owned(), "channels:history".to_owned()]));
    assert!(world.client.conversations_info(&channel).await.unwrap().is_member);
    assert!(!world.client.conversations_info(&"C2".parse().unwrap()).await.unwrap().is_member);
    assert_eq!(told(world.client.conversations_info(&"G1".parse().unwrap()).await).0, "channel_not_found");

    for text in ["one", "two", "three"] {
        world.client.chat_post_message("C1", &card(text)).await.unwrap();
    }
    let mut query = HistoryQuery::newest(channel);
    query.limit = 2;
    let page = world.client.conversations_history(&query).await.unwrap();
    query.cursor = page.next.clone();
    let last = world.client.conversations_history(&query).await.unwrap();
    assert_eq!((page.messages.len(), last.messages.len(), last.next), (2, 1, None));
    assert!(page.messages[0].ts > page.messages[1].ts);
}

#[tokio::test]
async fn a_burst_is_paced_without_a_call() {
    let world = World::new().await;
    let mut waits = Vec::new();
    for _ in 0..5 {
        if let Err(error) = world.client.chat_post_message("C1", &card("Ask")).await {
            assert_eq!(error.name(), "paced");
            waits.push(error.kind());
        }
    }
    assert_eq!(waits, [ErrorKind::RetryAfter(Duration::from_secs(1)); 2]);
    assert_eq!(world.slack.calls("chat.postMessage"), 3, "what is paced is not sent");
    world.clock.advance(Duration::from_secs(1));
    assert!(world.client.chat_post_message("C1", &card("Ask")).await.is_ok());
}

#[tokio::test]
async fn a_429_for_a_message_holds_its_channel_only() {
    let world = World::new().await;
    world.slack.fault("chat.postMessage", Fault::RateLimited { seconds: 30 });
    let limited = told(world.client.chat_post_message("U1", &card("Ask")).await);
    assert_eq!(limited, ("ratelimited".to_owned(), ErrorKind::RetryAfter(Duration::from_secs(30))));

    world.clock.advance(Duration::from_secs(10));
    let held = told(world.client.chat_post_message("U1", &card("Ask")).await);
    assert_eq!(held, ("paced".to_owned(), ErrorKind::RetryAfter(Duration::from_secs(20))));
    assert!(world.client.chat_post_message("C1", &card("Ask")).await.is_ok(), "another channel goes on");
    assert_eq!(world.slack.calls("chat.postMessage"), 2);
    world.clock.advance(Duration::from_secs(20));
    assert!(world.client.chat_post_message("U1", &card("Ask")).await.is_ok());
}

#[tokio::test]
async fn any_other_429_holds_its_method_only() {
    let world = World::new().await;
    world.slack.fault("auth.test", Fault::RateLimited { seconds: 30 });
    assert_eq!(told(world.client.auth_test().await).0, "ratelimited");
    world.clock.advance(Duration::from_secs(10));
    let held = told(world.client.auth_test().await);
    assert_eq!(held, ("paced".to_owned(), ErrorKind::RetryAfter(Duration::from_secs(20))));
    assert!(world.client.users_info(&"U1".parse().unwrap()).await.is_ok(), "another method goes on");
    world.clock.advance(Duration::from_secs(20));
    assert!(world.client.auth_test().await.is_ok());
    assert_eq!(world.slack.calls("auth.test"), 2);
}
