//! Who is asked, with the real binary: the holder first, two approvals, and a request that is handed on.

use serde_json::{Value, json};

use super::house::{Server, run};

const ENVIRONMENT: [(&str, &str); 3] = [
    ("SEATGATE_POLICY__QUORUM", "2"),
    ("SEATGATE_POLICY__ASK_HOLDER_FIRST", "true"),
    ("SEATGATE_POLICY__FALLBACK_APPROVERS", "it-lead@example.com"),
];

fn said(directory: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (output, text) = run(directory, &[], arguments);
    (output.status.code(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_holder_is_heard_two_approve_and_one_of_them_was_handed_it() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Server::start(at, &ENVIRONMENT);
    run(at, &[], &["sweep", "--sample"]);
    let (_, listed) = said(at, &["requests", "--state", "awaiting_decision"]);
    let row = listed.lines().find(|line| line.contains("ana@example.com")).unwrap();
    let id = row.split(' ').next().unwrap().to_owned();

    let (code, shown) = said(at, &["requests", "show", &id]);
    assert!(code == Some(0) && shown.contains("asked: ana@example.com (holder)"), "{shown}");
    let release = said(at, &["decide", &id, "approve", "--as", "ana@example.com", "--reason", "I moved teams"]);
    assert_eq!(release, (Some(0), format!("{id}: awaiting_decision\n")));
    let handed = said(
        at,
        &["requests", "reassign", &id, "--to", "nils@example.com", "--reason", "Away", "--as", "mona@example.com"],
    );
    assert!(handed.0 == Some(0) && handed.1.contains("asked: nils@example.com (reassigned)"), "{}", handed.1);
    for line in
        ["asked: mona@example.com (manager)", "no longer asked", "the holder says: approve", "approvals: 0 of 2"]
    {
        assert!(handed.1.contains(line), "{line} in {}", handed.1);
    }
    let (code, refused) = said(at, &["decide", &id, "approve", "--as", "mona@example.com"]);
    assert!(code == Some(1) && refused.starts_with("403"), "{refused}");

    let first = said(at, &["decide", &id, "approve", "--as", "nils@example.com"]);
    assert_eq!(first, (Some(0), format!("{id}: awaiting_decision\n")));
    let (code, again) = said(at, &["decide", &id, "approve", "--as", "nils@example.com"]);
    assert!(code == Some(1) && again.starts_with("409"), "{again}");
    let shown = said(at, &["requests", "show", &id]).1;
    assert!(shown.contains("approvals: 1 of 2") && shown.contains("approved by nils@example.com"), "{shown}");
    assert_eq!(said(at, &["decide", &id, "approve", "--as", "it-lead@example.com"]).0, Some(0));

    let secrets: Value = serde_json::from_slice(&std::fs::read(at.join("seatgate.secrets")).unwrap()).unwrap();
    let token = secrets["api_token"].as_str().unwrap();
    let request = server.closed(&id, token).await;
    assert_eq!(
        (&request["outcome"], &request["decision"]["by"]["email"]),
        (&json!("reclaimed"), &json!("it-lead@example.com"))
    );
    let (code, trail) = said(at, &["trail", &id]);
    for kind in ["holder_answered", "routed", "voted", "decided", "chain verified"] {
        assert!(code == Some(0) && trail.contains(kind), "{kind} in {trail}");
    }
    assert!(server.stop().success());
}
