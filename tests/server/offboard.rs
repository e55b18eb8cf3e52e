//! Somebody leaves, from the command line: the demo's target does what the playbook says, and people do the rest.

use serde_json::Value;

use super::house::{Server, eventually, run};

const FILE: &str = r#"
    operators = "olga@example.com, otto@example.com"
    default_playbook = "leaver"
    [[playbooks.leaver.tasks]]
    name = "lock"
    target = "demo"
    app = "google"
    [[playbooks.leaver.tasks]]
    name = "badge"
    kind = "manual"
    assignee = "ivo@example.com"
    needs = ["lock"]
    [[playbooks.leaver.tasks]]
    name = "vpn"
    target = "demo"
    app = "vpn"
    optional = true
"#;

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_offboarded_from_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    std::fs::write(at.join("seatgate.toml"), FILE).unwrap();
    let environment = [("SEATGATE_CONFIG", "seatgate.toml")];
    let server = Server::start(at, &environment);
    let seatgate = |arguments: &[&str]| {
        let (output, text) = run(at, &environment, arguments);
        (output.status.code(), text)
    };
    let rows = || {
        let (_, text) = seatgate(&["offboard", "list", "--person", "ana@example.com", "--json"]);
        serde_json::from_str::<Vec<Value>>(&text).unwrap()
    };
    let (code, refused) = seatgate(&["offboard", "ana@example.com", "--without", "lock"]);
    assert!(code == Some(1) && refused.starts_with("422") && refused.contains("/without"), "{refused}");
    let (code, started) = seatgate(&["offboard", "ana@example.com", "--without", "vpn", "--reason", "moves on"]);
    assert!(code == Some(0) && started.starts_with("req_") && started.ends_with(": started\n"), "{started}");
    let (code, again) = seatgate(&["offboard", "ana@example.com"]);
    assert!(code == Some(1) && again.starts_with("409"), "{again}");
    let stands = eventually(|| async {
        let stands: Vec<String> = rows().iter().map(|row| format!("{} {}", row["task"], row["status"])).collect();
        (stands == ["\"lock\" \"done\"", "\"badge\" \"ready\""]).then_some(stands)
    });
    stands.await;
    let (_, listed) = seatgate(&["offboard", "list", "--result", "ready"]);
    assert!(listed.lines().count() == 2 && listed.contains("badge"), "{listed}");
    assert_eq!(seatgate(&["offboard"]).0, Some(2), "whom?");
    assert!(server.stop().success());
}
