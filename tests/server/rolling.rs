//! Servers that are replaced one by one: nobody who asks notices.

use std::path::Path;

use reqwest::header::CONNECTION;
use serde_json::json;

use super::crash::target::Target;
use super::crash::{INTAKE, REMOVAL, TOKEN};
use super::house::{Server, eventually, run};

fn start(directory: &Path, target: &Target, drain: &str) -> Server {
    let url = target.url(0);
    let environment = [
        ("SEATGATE_INTAKE_SECRET", INTAKE),
        ("SEATGATE_API_TOKEN", TOKEN),
        ("SEATGATE_DEPROVISION_URL", &url),
        ("SEATGATE_DEPROVISION_SECRET", REMOVAL),
        ("SEATGATE_ALLOW_PRIVATE_TARGETS", &target.address),
        ("SEATGATE_DRAIN", drain),
    ];
    let server = Server::start(directory, &environment);
    let seat = json!({ "app": { "id": "figma" }, "account": { "email": "ana@example.com" }, "never_used": true,
        "manager": { "email": "mona@example.com" } });
    std::fs::write(directory.join("seat.json"), seat.to_string()).unwrap();
    let (swept, said) = run(directory, &environment, &["--server", &server.base, "sweep", "seat.json"]);
    assert!(swept.status.success(), "{said}");
    server
}

/// Approves the one request there is, and answers its id once its removal is being called.
async fn approved(server: &Server, target: &Target) -> String {
    let (_, page) = server.get("/v1/requests", TOKEN).await;
    let id = page["items"][0]["id"].as_str().unwrap().to_owned();
    let approve = json!({ "decision": "approve", "as": { "email": "mona@example.com" } });
    assert_eq!(server.post(&format!("/v1/requests/{id}/decision"), TOKEN, &approve).await.0, 200);
    target.called(0, 1).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_leaves_says_so_first_and_ends_what_it_has_begun() {
    let (directory, target) = (tempfile::tempdir().unwrap(), Target::start().await);
    target.hold(Some(0));
    let server = start(directory.path(), &target, "1h");
    let id = approved(&server, &target).await;
    let closes = async || {
        let alive = server.http.get(server.url("/livez")).send().await.unwrap();
        assert_eq!(alive.status(), 200);
        alive.headers().get(CONNECTION).is_some_and(|value| value == "close")
    };
    assert!(!closes().await);
    server.tell_to_stop();
    eventually(|| async {
        let (status, ready) = server.get("/readyz", "").await;
        (status == 503 && ready["status"] == "leaving").then_some(())
    })
    .await;
    // Whoever has not noticed yet is answered as ever, and told not to use the connection again.
    assert!(closes().await);
    assert_eq!(server.get(&format!("/v1/requests/{id}"), TOKEN).await.1["state"], "executing");
    let (http, alive) = (server.http.clone(), server.url("/livez"));
    let stopping = tokio::task::spawn_blocking(move || server.stop());
    eventually(|| async { http.get(&alive).send().await.is_err().then_some(()) }).await;
    target.hold(None);
    assert!(stopping.await.unwrap().success());
    assert_eq!(target.calls().into_values().map(|calls| calls.len()).collect::<Vec<_>>(), [1]);

    let server = start(directory.path(), &target, "0s");
    assert_eq!(server.closed(&id, TOKEN).await["outcome"], "reclaimed");
    assert!(server.stop().success());
    assert_eq!(target.calls().into_values().map(|calls| calls.len()).collect::<Vec<_>>(), [1], "nothing was repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_of_a_server_that_leaves_ends_by_itself() {
    let (directory, target) = (tempfile::tempdir().unwrap(), Target::start().await);
    let server = start(directory.path(), &target, "1s");
    let started = std::time::Instant::now();
    assert!(server.stop().success());
    assert!(started.elapsed() >= std::time::Duration::from_secs(1), "{:?}", started.elapsed());
}
