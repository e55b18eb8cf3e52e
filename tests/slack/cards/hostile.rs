//! Whatever people and apps are called: every message arrives, and no name says more than a name.

use proptest::prelude::*;
use seatgate_core::agenda::News;
use seatgate_core::message::{Content, DecisionLine, HandedOnLine, HolderLine, Message, PathLine, Row, Standing};
use seatgate_core::policy::{KeepReason, OnExpiry};
use seatgate_core::request::{Decision, Outcome, StateLabel, Why};
use seatgate_core::route::Turn;
use seatgate_core::schedule::Outlook;
use seatgate_slack::card::{Addressee, KeepAsk, NeedAsk, Reasons, ReassignAsk, Rendered, Renderer};
use seatgate_slack::client::NewMessage;
use serde_json::{Value, json};

use super::judges::refusal;
use super::routed::noting;
use super::samples::{asking, at, body, card, hostile, open, request, telling};
use crate::world::World;

/// Texts that somebody could have chosen as a name.
fn name() -> impl Strategy<Value = String> {
    let nasty = [
        "<!channel>",
        "<https://evil.example|Approve>",
        "&lt;!here&gt; &amp;amp;",
        "a\nApproved by Mona\r\n\u{2028}Kept",
        "\u{202e}evomer\u{2066}",
        "👩‍👩‍👧‍👦 Ana *Ruiz* `x` :tada: ~y~ {app}",
        "عمر \u{61c}עומר",
        "\u{0}\u{7}\u{1b}[31m",
        "   ",
        "",
        "https://evil.example/?a=b&c=<d>",
        "@channel <@U2> <!date^1^{date}|x>",
    ];
    prop_oneof![
        proptest::sample::select(nasty.to_vec()).prop_map(str::to_owned),
        proptest::sample::select(vec!["&", "<", "x", "é", "\u{10ffff}", "a "]).prop_map(|text| text.repeat(10_000)),
        any::<String>(),
        "[<>&!@#a-z|^ ]{0,120}",
    ]
}

prop_compose! {
    fn row()(
        number in 1..60_u32,
        names in (name(), name(), name()),
        state in proptest::sample::select(StateLabel::ALL),
        outcome in proptest::option::of(proptest::sample::select(Outcome::ALL)),
        decision in proptest::option::of((proptest::sample::select(Decision::ALL), name(), proptest::option::of(name()))),
        (test, reversible, doubt, free) in any::<(bool, bool, bool, bool)>(),
        (people, word, standing) in (proptest::collection::vec(name(), 0..8), name(), 0..3_u8),
        why in proptest::option::of(proptest::sample::select(Why::ALL)),
    ) -> Row {
        let (app, account, kind) = names;
        let mut row = open(number, &app, &account);
        (row.entitlement, row.state, row.test, row.reversible, row.may_have_happened) = (kind, state, test, reversible, doubt);
        row.outcome = if state == StateLabel::Closed { outcome } else { None };
        row.monthly_cost = row.monthly_cost.filter(|_| !free);
        row.path = people.iter().map(|name| PathLine::new(name, Why::NextManager, Turn::Away)).collect();
        row.votes = people.iter().map(|name| (name.clone(), at("2026-11-21T08:00:00Z"))).collect();
        row.handed_on = free.then(|| HandedOnLine::new(&word, Some(word.clone())));
        row.holder_said = doubt.then(|| HolderLine::new(Decision::Keep, Some(word)));
        (row.why, row.quorum) = (why, 1 + u32::from(free));
        row.standing = match standing {
            0 => Standing::Asked,
            1 => Standing::Voted,
            _ => Standing::Moved { to: people },
        };
        row.decision = decision.map(|(decision, by, reason)| {
            let mut line = DecisionLine::new(decision, by, at("2026-11-21T09:30:00Z"));
            (line.reason, line.keep_until) = (reason, (decision == Decision::Keep).then(|| at("9999-12-30T00:00:00Z")));
            line
        });
        row
    }
}

/// What is ours in markup: dates, the mention of the asked person, escaped characters.
fn without_ours(text: &str) -> String {
    let mut rest = text.replace("<@U1>", "").replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
    while let Some(start) = rest.find("<!date^") {
        let end = start + rest[start..].find('>').expect("a date is closed");
        let date = &rest[start + 7..end];
        let (seconds, format) = date.split_once('^').expect("a date has a format");
        assert!(seconds.chars().all(|c| c.is_ascii_digit()) && format.starts_with("{date_short"), "{date}");
        rest.replace_range(start..=end, "");
    }
    rest
}

/// In order: texts with their kinds.
fn texts(value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) if members.get("text").is_some_and(Value::is_string) => {
            found.push((value["text"].as_str().unwrap().to_owned(), value.clone()));
        }
        Value::Object(members) => members.values().for_each(|value| texts(value, found)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        _ => {}
    }
}

fn is_harmless(body: &Value) {
    assert_eq!(refusal(body), None, "{body}");
    let mut found = Vec::new();
    texts(&body["blocks"], &mut found);
    for (text, object) in &found {
        match object["type"].as_str() {
            Some("mrkdwn") => assert_eq!(object["verbatim"], true, "{object}"),
            kind => assert!(kind == Some("plain_text") && object["emoji"] == false, "{object}"),
        }
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{2028}']), "{text:?}");
    }
    let markup = found.iter().filter(|(_, object)| object["type"] == "mrkdwn").map(|(text, _)| text.as_str());
    for text in markup.chain(body["text"].as_str()) {
        let rest = without_ours(text);
        assert!(!rest.contains(['<', '>', '&']), "{rest}");
    }
}

fn messages(rows: Vec<Row>, page: u32) -> Vec<Message> {
    let mut again = asking(rows.iter().take(1).cloned().collect(), 0);
    again.repeated = true;
    let report = telling(Content::Report(rows.iter().take(16).cloned().collect()));
    let note = noting(News::Reminder, rows.iter().take(16).cloned().collect());
    vec![again, report, note, asking(rows, page)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_name_breaks_or_bends_a_message(rows in proptest::collection::vec(row(), 0..40), page in 0..5_u32) {
        let renderer = Renderer::default();
        let to = Addressee::Channel { mention: Some("U1".parse().unwrap()) };
        for message in messages(rows.clone(), page) {
            is_harmless(&body(renderer.message(&message, &to)));
        }
        is_harmless(&body(renderer.list(&rows, &rows, 1)));
        is_harmless(&renderer.home(&rows, &rows, 0));
        for row in rows.iter().take(3).cloned() {
            is_harmless(&renderer.need_modal(&NeedAsk::new(row.clone(), KeepReason::Optional, "x")));
            is_harmless(&renderer.reassign_modal(&ReassignAsk::new(row.clone(), "x")));
            let why = renderer.why(&Reasons::new(row.clone(), row.app, Outlook::default(), OnExpiry::Keep));
            is_harmless(&json!({ "text": why, "blocks": [] }));
        }
        let ask = KeepAsk::new(rows, KeepReason::Required, "x".repeat(4000));
        is_harmless(&renderer.keep_modal(&ask.within(at("2026-11-22T00:00:00Z"), at("2027-02-20T00:00:00Z"), at("2027-11-21T00:00:00Z"))));
    }
}

/// A hundred seats of usual names; of long names, each of another app; and approved for a long reason.
fn hundreds() -> [Vec<Row>; 3] {
    let long = "&".repeat(10_000);
    let usual = |n: u32| open(n, &format!("App {}", n % 7), &format!("person-{n}@example.com"));
    let strange = |n: u32| open(n, &format!("{n}{long}"), &long);
    let approved = |n: u32| {
        let mut row = usual(n);
        let mut line = DecisionLine::new(Decision::Approve, "Mona Li".to_owned(), at("2026-11-21T09:30:00Z"));
        line.reason = Some("because ".repeat(100));
        (row.state, row.decision) = (StateLabel::InGrace, Some(line));
        row
    };
    [(1..=100).map(usual).collect(), (1..=100).map(strange).collect(), (1..=100).map(approved).collect()]
}

/// Every seat of a digest is on exactly one of its pages, with its choice; and the text says all that the page shows.
#[test]
fn each_seat_is_on_one_page() {
    let mut on_first_page = Vec::new();
    for rows in hundreds() {
        let mut seen: Vec<String> = Vec::new();
        for page in 0..100 {
            let body = body(Renderer::default().message(&asking(rows.clone(), page), &Addressee::Direct));
            assert_eq!(refusal(&body), None);
            let ids = body["blocks"].as_array().unwrap().iter().filter_map(|block| block["block_id"].as_str());
            let choices = ids.filter(|id| id.ends_with("/choice")).map(str::to_owned);
            seen.extend(choices);
            assert!(body["text"].as_str().unwrap().contains(&format!("Page {} of ", page + 1)), "the text is cut");
            if page == 0 {
                on_first_page.push(seen.len());
            }
            if !body.to_string().contains(&format!("turn/{}", page + 1)) {
                break;
            }
        }
        let choice = |row: &Row| format!("{}/{}/choice", card(), row.request);
        let mut wanted: Vec<String> = rows.iter().map(choice).collect();
        wanted.sort();
        seen.sort();
        assert_eq!(seen, wanted);
    }
    assert!(on_first_page[0] == 15 && on_first_page[1..].iter().all(|count| *count < 15), "{on_first_page:?}");
}

#[test]
fn a_seat_that_is_shown_twice_has_one_choice() {
    let mut rows = vec![open(1, "Figma", "Ana"), open(1, "Figma", "Ana"), open(2, "Figma", "Ben")];
    rows[2].request = request(1);
    is_harmless(&body(Renderer::default().message(&asking(rows, 0), &Addressee::Direct)));
}

#[tokio::test]
async fn a_card_of_hostile_names_is_posted_and_says_them_as_names() {
    let world = World::new().await;
    let drawn = Renderer::default().message(&asking(vec![hostile()], 0), &Addressee::Direct);
    is_harmless(&body(drawn.clone()));
    let Rendered { text, blocks } = drawn;
    world.client.chat_post_message("U1", &NewMessage::new(text, blocks)).await.unwrap();
    let shown = world.slack.wait_for_message("U1", 1).await;
    let decoded = shown.text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    for name in ["<!channel> Mona said yes", "<https://evil.example|Login>", "<@U2> &lt;x&gt; pro"] {
        assert!(decoded.contains(name), "{name:?} is shown as it was written: {decoded}");
    }
    assert_eq!(shown.controls().len(), 4, "and it can be answered");
}
