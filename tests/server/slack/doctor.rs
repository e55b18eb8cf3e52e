//! `doctor` finds each fault, names what to do, and changes nothing.

use std::path::Path;
use std::time::Duration;

use super::{borrowed, environment, workspace};
use crate::fake_slack::{Channel, FakeSlack, State};
use crate::house::{Server, run};

const SECRET: &str = "8f742231b10e8888abcd99baac0ffee5";
const TARGET: &str = "127.0.0.1:9";

fn doctor(directory: &Path, environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let (output, text) = run(directory, environment, &["doctor"]);
    (output.status.code(), text)
}

/// What doctor says about a server of this workspace, with `more` in its environment.
fn visit(slack: &FakeSlack, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    let environment = environment(slack, SECRET, TARGET);
    doctor(directory.path(), &[borrowed(&environment).as_slice(), more].concat())
}

async fn seeing() -> FakeSlack {
    let slack = workspace().await;
    slack.with(|state| state.scopes.insert("channels:read".to_owned()));
    slack
}

/// The row of the table that starts so.
fn row<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no row {start} in {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_server_has_nothing_to_mend_whether_it_runs_or_not() {
    let (slack, directory) = (seeing().await, tempfile::tempdir().unwrap());
    let environment = environment(&slack, SECRET, TARGET);
    let environment = borrowed(&environment);
    let (code, text) = doctor(directory.path(), &environment);
    assert!(code == Some(0) && text.ends_with("0 missing, 0 warnings\n"), "{text}");
    assert!(row(&text, "database").ends_with("the first start creates it"), "{text}");
    assert!(row(&text, "slack token").ends_with("valid: workspace Fake (T1), bot user UBOT, app A1"), "{text}");
    assert!(row(&text, "target ").contains("*: signed calls to 127.0.0.1"), "{text}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing was written");
    let server = Server::start(directory.path(), &environment);
    let (code, text) = doctor(directory.path(), &environment);
    assert!(code == Some(0) && row(&text, "database").ends_with("every migration is in"), "{text}");
    assert!(server.stop().success());
    assert_eq!(slack.calls("chat.postMessage"), 0);
    for hidden in [super::INTAKE, super::REMOVAL, super::API_TOKEN, crate::fake_slack::TOKEN, SECRET] {
        assert!(!text.contains(hidden), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_slack_is_named() {
    type Fault = fn(&mut State);
    let faults: [(Fault, &str, &str); 5] = [
        (|state| assert!(state.scopes.remove("im:write")), "slack scopes ", "lacks im:write"),
        (|state| assert!(state.scopes.remove("channels:read")), "slack channel ", "cannot be looked at"),
        (|state| state.channels.clear(), "slack channel ", "there is no channel C0SWEEP"),
        (
            |state| state.channels.extend([("C0SWEEP".to_owned(), Channel::without_bot("C0SWEEP"))]),
            "slack channel ",
            "the bot is not a member of C0SWEEP",
        ),
        (|state| state.ahead = Duration::from_secs(120), "clock ", "s behind Slack's"),
    ];
    for (fault, name, finding) in faults {
        let slack = seeing().await;
        slack.with(fault);
        let (code, text) = visit(&slack, &[]);
        let row = row(&text, name);
        assert!(row.contains(finding), "{finding}: {text}");
        assert_eq!(code, Some(i32::from(row.contains(" missing "))), "{text}");
        assert!(text.contains(&format!("\n{}(", name)), "no advice about {name}: {text}");
    }
    let slack = seeing().await;
    let reading = [("SLACK_MANAGER_FIELD", "Xf1")];
    let (code, text) = visit(&slack, &reading);
    assert!(code == Some(1) && row(&text, "slack scopes ").contains("lacks users.profile:read"), "{text}");
    slack.with(|state| state.scopes.insert("users.profile:read".to_owned()));
    assert_eq!(visit(&slack, &reading).0, Some(0));
    let (code, text) = visit(&slack, &[("SLACK_BOT_TOKEN", "xoxb-another")]);
    assert!(code == Some(1) && row(&text, "slack token ").contains("(auth.test: invalid_auth)"), "{text}");
    let (code, text) = visit(&slack, &[("SLACK_SIGNING_SECRET", "copied wrongly".trim_end_matches(" wrongly"))]);
    assert!(code == Some(0) && row(&text, "slack signing secret ").contains(" warning "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_slack_is_looked_at_too() {
    let slack = seeing().await;
    let cases = [
        ("DATABASE_URL", "sqlite://missing/seatgate.db", "database ", "there is no such folder", 1),
        ("SEATGATE_ALLOW_PRIVATE_TARGETS", "", "target ", "targets.*.url", 1),
        ("SEATGATE_POLICY__ON_EXPIRY", "reclaim", "policy  ", "refused for", 1),
        ("SEATGATE_OPERATORS", "", "operators ", "none: nobody can mend", 0),
    ];
    for (variable, value, name, finding, code) in cases {
        let (ended, text) = visit(&slack, &[(variable, value)]);
        assert!(ended == Some(code) && row(&text, name).contains(finding), "{variable}: {text}");
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("seatgate.db"), "no database, but as long as a page of one would be").unwrap();
    std::fs::write(
        directory.path().join("seatgate.toml"),
        "[policy.apps.figma]\non_expiry = \"reclaim\"\n[targets.figma]\nkind = \"pretend\"\nreversible = true\n",
    )
    .unwrap();
    let secrets = [("SEATGATE_INTAKE_SECRET", super::INTAKE), ("SEATGATE_API_TOKEN", super::API_TOKEN)];
    let (code, text) = doctor(directory.path(), &[&secrets[..], &[("SEATGATE_CONFIG", "seatgate.toml")]].concat());
    assert!(code == Some(1) && row(&text, "database ").contains(" missing "), "{text}");
    assert!(row(&text, "policy ").contains("on_expiry = \"reclaim\" for figma"), "{text}");
    assert!(row(&text, "target ").contains("figma only pretends"), "{text}");
    assert!(row(&text, "slack ").ends_with("not configured: people answer in the web inbox alone"), "{text}");
    let (code, text) = doctor(directory.path(), &secrets);
    assert!(code == Some(1) && row(&text, "targets ").contains("every candidate is rejected"), "{text}");
}

#[test]
fn a_demo_needs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (code, text) = doctor(directory.path(), &[]);
    assert!(code == Some(0) && row(&text, "slack ").contains("not configured"), "{text}");
}
