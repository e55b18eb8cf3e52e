//! What whoever runs the server does from the command line.

use std::time::Duration;

use seatgate_core::port::{Clock, SystemClock};
use serde_json::Value;

use super::house::{Server, run};

fn output(directory: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (output, text) = run(directory, &[], arguments);
    (output.status.code(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_taken_away_and_checked() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Server::start(at, &[]);
    run(at, &[], &["sweep", "--sample"]);
    assert_eq!(output(at, &["audit", "export", "audit.ndjson"]), (Some(0), String::new()));
    let (printed, _) = run(at, &[], &["audit", "export"]);
    let file = std::fs::read_to_string(at.join("audit.ndjson")).unwrap();
    assert_eq!(String::from_utf8_lossy(&printed.stdout).lines().count(), file.lines().count());
    assert!(output(at, &["audit", "export", "--format", "csv"]).1.starts_with("record,stream,"));
    assert!(server.stop().success());

    let (code, said) = output(at, &["audit", "verify", "audit.ndjson"]);
    assert!(code == Some(0) && said.contains(" entries in 7 streams, as many as the last line counts"), "{said}");
    let entry: Value = serde_json::from_str(file.lines().nth(2).unwrap()).unwrap();
    std::fs::write(at.join("changed.ndjson"), file.replacen("\"surface\":\"webhook\"", "\"surface\":\"library\"", 1))
        .unwrap();
    let (code, said) = output(at, &["audit", "verify", "changed.ndjson"]);
    assert!(code == Some(1) && said.contains(", entry 1: was changed") && said.contains("does NOT verify"), "{said}");
    let without: Vec<&str> = file.lines().enumerate().filter(|(n, _)| *n != 2).map(|(_, line)| line).collect();
    std::fs::write(at.join("shorter.ndjson"), without.join("\n")).unwrap();
    let (code, said) = output(at, &["audit", "verify", "shorter.ndjson"]);
    assert!(code == Some(1) && said.contains(entry["stream"].as_str().unwrap()), "{said}");
    assert_eq!(output(at, &["audit", "verify", "missing.ndjson"]).0, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switched_mode_survives_a_restart_and_an_emergency_stop_any_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Server::start(at, &[]);
    let (code, said) = output(at, &["policy", "--mode", "off"]);
    assert!(code == Some(0) && said.starts_with("mode off, policy "), "{said}");
    let (_, swept) = output(at, &["sweep", "--sample"]);
    assert!(swept.starts_with("503"), "{swept}");
    server.kill();
    let server = Server::start(at, &[]);
    let (_, said) = output(at, &["policy"]);
    assert!(said.starts_with("mode off") && said.contains("min_idle"), "{said}");
    server.kill();
    let server = Server::start(at, &[("SEATGATE_MODE", "live")]);
    assert!(output(at, &["policy"]).1.starts_with("mode off"));
    assert_eq!(output(at, &["policy", "--mode", "dry_run"]).0, Some(0));
    server.kill();
    let server = Server::start(at, &[("SEATGATE_MODE", "live")]);
    assert!(output(at, &["policy"]).1.starts_with("mode live"));
    assert_eq!(output(at, &["policy", "--mode", "on"]).0, Some(2));
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn exceptions_are_listed_and_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Server::start(at, &[]);
    run(at, &[], &["sweep", "--sample"]);
    let (_, listed) = output(at, &["requests", "--state", "awaiting_decision"]);
    let row = listed.lines().find(|line| line.contains("ana@example.com")).unwrap();
    let id = row.split(' ').next().unwrap().to_owned();
    let kept = output(at, &["decide", &id, "keep", "--as", "mona@example.com", "--reason", "On leave"]);
    assert_eq!(kept.0, Some(0), "{}", kept.1);
    let exceptions = super::house::eventually(|| async {
        let (_, listed) = output(at, &["exceptions", "list"]);
        (listed.lines().count() == 2).then_some(listed)
    })
    .await;
    let row = exceptions.lines().nth(1).unwrap();
    assert!(row.contains("ana@example.com") && row.contains("Mona Li") && row.ends_with("On leave"), "{row}");
    let exception = row.split(' ').next().unwrap();
    assert_eq!(output(at, &["exceptions", "revoke", exception]).0, Some(0));
    assert_eq!(output(at, &["exceptions"]).1.lines().count(), 1);
    let (code, said) = output(at, &["exceptions", "revoke", exception]);
    assert!(code == Some(1) && said.starts_with("404"), "{said}");
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_swept_by_a_mapping_and_another_joins_it() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let own = "[intake.mappings.own]\npreset = \"torii\"\ndates = \"m/d/yyyy\"\napp_id = { value = \"figma\" }\n";
    std::fs::write(at.join("seatgate.toml"), own).unwrap();
    std::fs::write(at.join("figma.csv"), "Email,Last used date\nana@example.com,2026-01-30\n").unwrap();
    std::fs::write(at.join("more.csv"), "Email,Last used date\nbo@example.com,1/30/2026\ncy@example.com,30/1/2026\n")
        .unwrap();
    let server = Server::start(at, &[("SEATGATE_CONFIG", "seatgate.toml")]);
    let (code, refused) = output(at, &["sweep", "figma.csv", "--mapping", "torii"]);
    assert!(code == Some(1) && refused.contains("400") && refused.contains("/app_id"), "{refused}");
    let (code, swept) = output(at, &["sweep", "figma.csv", "--mapping", "torii", "--app-id", "figma"]);
    assert!(code == Some(0) && swept.contains("1 asked"), "{swept}");
    let id = swept.lines().last().unwrap().split(':').next().unwrap();
    let (code, joined) = output(at, &["sweep", "more.csv", "--mapping", "own", "--sweep", id]);
    assert!(code == Some(0) && joined.contains(&format!("{id}: 1 asked, 1 rejected")), "{joined}");
    assert!(joined.contains("(at /Last used date)"), "{joined}");
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn exceptions_are_added_and_asked_about_before_a_sweep() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Server::start(at, &[]);
    let until = SystemClock.now().saturating_add(Duration::from_secs(86_400)).to_string();
    let add = ["exceptions", "add", "--app", "figma", "--email", "ana@example.com", "--entitlement", "pro", "--until"];
    let (code, said) = output(at, &[&add[..], &[until.as_str()]].concat());
    assert!(code == Some(1) && said.starts_with("422") && said.contains("(at /reason)"), "{said}");
    let (code, said) = output(at, &[&add[..], &[until.as_str(), "--reason", "On leave", "--json"]].concat());
    assert_eq!(code, Some(0), "{said}");
    let exception: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&exception["entitlement"], &exception["until"]), (&Value::from("pro"), &Value::from(until)));
    let table =
        "app_id,account_email,entitlement,monthly_cost\nfigma,ana@example.com,pro,45\nfigma,ana@example.com,,\n";
    std::fs::write(at.join("seats.csv"), table).unwrap();
    let (code, said) = output(at, &["exceptions", "check", "seats.csv"]);
    let words: Vec<&str> = said.lines().skip(1).map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!((code, words), (Some(0), vec!["yes", "no"]), "{said}");
    let (_, answers) = output(at, &["exceptions", "check", "seats.csv", "--json"]);
    let answers: Value = serde_json::from_str(&answers).unwrap();
    assert_eq!((&answers[0]["exception_id"], &answers[1]["excepted"]), (&exception["id"], &Value::from(false)));
    let (_, listed) = output(at, &["exceptions", "list", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()[0]["id"], exception["id"]);
    assert_eq!(output(at, &["exceptions", "add", "--app", "figma", "--until", "2026-12-31"]).0, Some(2), "whose?");
    let (code, said) = output(at, &["exceptions", "check", "missing.csv"]);
    assert!(code == Some(1) && said.starts_with("missing.csv: "), "{said}");
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_is_looked_up_and_what_a_limit_held_is_released() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Server::start(at, &[("SEATGATE_POLICY__MAX_REQUESTS_PER_SWEEP", "2")]);
    let (swept, _) = run(at, &[], &["sweep", "--sample", "--json"]);
    assert!(swept.status.success() && swept.stderr.is_empty(), "no bar where there is no terminal: {swept:?}");
    let swept: Value = serde_json::from_slice(&swept.stdout).unwrap();
    let id = swept["sweep_id"].as_str().unwrap();
    let (code, said) = output(at, &["sweeps", "show", id]);
    let last = format!("{id}, from system:webhook at ");
    assert!(code == Some(0) && said.lines().last().unwrap().starts_with(&last), "{said}");
    assert!(said.ends_with(": 2 asked, 1 filtered, 3 held\n") && said.contains("\n2    held"), "{said}");
    let (code, said) = output(at, &["sweeps", "release", id, "--as", "nobody@example.com"]);
    assert!(code == Some(1) && said.starts_with("403"), "{said}");
    let (code, said) = output(at, &["sweeps", "release", id, "--as", "mona@example.com"]);
    assert!(code == Some(0) && said.ends_with(": 5 asked, 1 filtered\n"), "{said}");
    let (_, shown) = output(at, &["sweeps", "show", id, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["counts"]["asked"], 5);
    let (_, requests) = output(at, &["requests", "--state", "awaiting_decision", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&requests).unwrap().as_array().unwrap().len(), 5);
    for bad in ["swp_0", "../livez"] {
        assert_eq!(output(at, &["sweeps", "show", bad]).0, Some(1), "{bad}");
    }
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_asks_whom_one_names() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Server::start(at, &[]);
    let (code, said) = output(at, &["sweep", "--sample", "--manager", "me@example.com"]);
    assert!(code == Some(0) && said.ends_with("5 asked, 1 filtered\n"), "{said}");
    let (_, requests) = output(at, &["requests", "--json"]);
    let requests: Value = serde_json::from_str(&requests).unwrap();
    let asked = requests.as_array().unwrap().iter().map(|request| &request["approvers"][0]["email"]);
    assert_eq!(asked.collect::<Vec<_>>(), ["me@example.com"; 5]);
    assert_eq!(output(at, &["sweep", "seats.csv", "--manager", "me@example.com"]).0, Some(2));
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn savings_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Server::start(at, &[]);
    run(at, &[], &["sweep", "--sample"]);
    let (_, listed) = output(at, &["requests", "--state", "awaiting_decision"]);
    let id = listed.lines().find(|line| line.contains("ana@example.com")).unwrap().split(' ').next().unwrap();
    assert_eq!(output(at, &["decide", id, "approve", "--as", "mona@example.com"]).0, Some(0));
    let said = super::house::eventually(|| async {
        let (_, said) = output(at, &["savings"]);
        said.contains("verified: 1 seats").then_some(said)
    })
    .await;
    let line = said.lines().nth(1).unwrap();
    assert!(line.contains("figma") && line.contains("verified") && line.contains("receipt"), "{said}");
    assert!(said.ends_with("projected: 0 seats\nkept: 0 seats\nunsaved: 0 seats\n"), "{said}");
    let (_, json) = output(at, &["savings", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["verified"]["requests"], 1);
    assert!(server.stop().success());
}
