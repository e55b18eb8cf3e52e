//! Doctor finds what is wrong with a Slack app, and says what to do.

use std::time::Duration;

use seatgate_slack::doctor::{Check, Doctor, OPTIONAL_SCOPES, REQUIRED_SCOPES, Verdict};
use seatgate_slack::verify::SigningSecrets;

use crate::fake_slack::{Channel, Fault, State};
use crate::world::World;

const SECRET: &str = "8f742231b10e8888abcd99baac0ffee5";

async fn examine(world: &World, secrets: &str, channel: Option<&str>) -> Vec<Check> {
    let secrets: SigningSecrets = secrets.parse().unwrap();
    let channel = channel.map(|channel| channel.parse().unwrap());
    Doctor::new(&world.client, &*world.clock, &secrets).channel(channel.as_ref()).examine().await
}

/// The one check that is not ok.
async fn fault(channel: &str, change: impl FnOnce(&mut State)) -> Check {
    let world = World::new().await;
    world.slack.with(|state| {
        state.scopes.insert("channels:read".to_owned());
        change(state);
    });
    let mut found = examine(&world, SECRET, Some(channel)).await;
    found.retain(|check| check.verdict != Verdict::Ok);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].advice.is_some());
    found.remove(0)
}

#[tokio::test]
async fn a_sound_setup_has_nothing_to_mend() {
    let world = World::new().await;
    world.slack.with(|state| state.scopes.insert("channels:read".to_owned()));
    let checks = examine(&world, SECRET, Some("C1")).await;
    assert!(checks.iter().all(|check| check.verdict == Verdict::Ok && check.advice.is_none()), "{checks:?}");
    let finding = |name: &str| checks.iter().find(|check| check.name == name).unwrap().finding.as_str();
    assert_eq!(finding("slack token"), "valid: workspace Fake (T1), bot user UBOT, app A1");
    assert!(finding("slack optional scopes").contains("im:history (finds a card again"));
    assert!(!finding("slack optional scopes").contains("channels:read"));
    assert_eq!(world.slack.calls("chat.postMessage"), 0);
    world.slack.with(|state| state.organisation = Some("E1".to_owned()));
    let checks = examine(&world, &format!("{SECRET},{SECRET}"), Some("C1")).await;
    assert!(
        checks[0].finding.starts_with("2 secrets") && checks[1].finding.contains("organisation Fake (E1)"),
        "{checks:?}"
    );
}

#[tokio::test]
async fn a_token_that_does_not_work_ends_the_visit() {
    let world = World::new().await;
    for (fault, says) in [
        (Fault::Error("invalid_auth"), "Bot User OAuth Token"),
        (Fault::Error("account_inactive"), "Bot User OAuth Token"),
        (Fault::StatusBefore(503), "try again later"),
    ] {
        world.slack.fault("auth.test", fault);
        let checks = examine(&world, SECRET, Some("C1")).await;
        let (last, before) = checks.split_last().unwrap();
        assert_eq!((last.name, last.verdict, before.len()), ("slack token", Verdict::Missing, 1));
        assert!(last.advice.as_deref().unwrap().contains(says), "{last:?}");
    }
}

#[tokio::test]
async fn scopes_are_named() {
    let check = fault("C1", |state| state.scopes.retain(|scope| scope != "commands" && scope != "users:read")).await;
    assert_eq!((check.name, check.verdict), ("slack scopes", Verdict::Missing));
    assert_eq!(check.finding, "lacks commands, users:read");
}

#[tokio::test]
async fn the_channel_is_looked_at_where_the_scopes_allow_it() {
    let missing = Verdict::Missing;
    let archived = fault("C3", |_| {}).await;
    assert_eq!((archived.verdict, archived.finding.as_str()), (missing, "C3 is archived"));
    let outside = fault("C2", |_| {}).await;
    assert_eq!((outside.verdict, outside.finding.as_str()), (missing, "the bot is not a member of C2"));
    let private = fault("G1", |_| {}).await;
    assert!(private.verdict == missing && private.advice.unwrap().contains("/invite @seatgate"));
    let share = |state: &mut State| {
        state.channels.insert("C1".to_owned(), Channel { is_ext_shared: true, ..Channel::new("C1") });
    };
    assert_eq!(fault("C1", share).await.verdict, Verdict::Warning);
    let blind = fault("C1", |state| assert!(state.scopes.remove("channels:read"))).await;
    assert!(blind.verdict == Verdict::Warning && blind.advice.unwrap().contains("/invite @seatgate"));
    let world = World::new().await;
    let none = examine(&world, SECRET, None).await.pop().unwrap();
    assert!(none.verdict == Verdict::Warning && none.advice.unwrap().contains("SEATGATE_SLACK_CHANNEL"));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_noticed_before_clicks_are_refused() {
    let world = World::new().await;
    world.slack.with(|state| state.ahead = Duration::from_secs(60));
    let clock = |checks: Vec<Check>| checks.into_iter().find(|check| check.name == "clock").unwrap();
    assert_eq!(clock(examine(&world, SECRET, None).await).verdict, Verdict::Ok);
    world.slack.with(|state| state.ahead = Duration::from_secs(61));
    let wrong = clock(examine(&world, SECRET, None).await);
    assert_eq!(
        (wrong.verdict, wrong.finding.starts_with("61 s behind Slack's")),
        (Verdict::Missing, true),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn a_strange_signing_secret_is_noticed_and_never_shown() {
    let world = World::new().await;
    let checks = examine(&world, &format!("{SECRET},xoxb-hidden"), Some("C1")).await;
    assert_eq!((checks[0].name, checks[0].verdict), ("slack signing secret", Verdict::Warning));
    assert!(checks[0].finding.contains("number 2"), "{checks:?}");
    assert!(!format!("{checks:?}").contains("hidden"));
}

#[test]
fn the_scopes_are_those_of_the_manifest() {
    let manifest = include_str!("../../seatgate-slack/manifest.yaml");
    let (_, after) = manifest.split_once("    bot:").unwrap();
    let listed = after.lines().skip(1).map_while(|line| line.strip_prefix("      - "));
    assert_eq!(listed.collect::<Vec<_>>(), REQUIRED_SCOPES);
    assert!(OPTIONAL_SCOPES.iter().all(|(scope, _)| after.lines().next().unwrap().contains(scope)));
}
