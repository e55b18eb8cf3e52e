//! Two servers on one PostgreSQL.

use serde_json::{Value, json};

use crate::cluster;
use crate::house::{Server, run};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_decisions_on_two_servers_one_counts() {
    let Some(url) = cluster::url() else { return };
    let directory = tempfile::tempdir().unwrap();
    let environment = [("DATABASE_URL", url)];
    let servers = [(); 2].map(|()| Server::start(directory.path(), &environment));
    let secrets = std::fs::read(directory.path().join("seatgate.secrets")).unwrap();
    let secrets: Value = serde_json::from_slice(&secrets).unwrap();
    let token = secrets["api_token"].as_str().unwrap();
    // The database may be one that is used again and again.
    let email = format!("user{}@example.com", std::process::id());
    let seat = json!({ "app": { "id": "figma" }, "account": { "email": email }, "never_used": true,
        "manager": { "email": "mona@example.com" } });
    std::fs::write(directory.path().join("seat.json"), seat.to_string()).unwrap();
    let (_, swept) = run(directory.path(), &environment, &["sweep", "seat.json"]);
    let id = swept.split_whitespace().find(|word| word.starts_with("req_")).unwrap_or_else(|| panic!("{swept}"));

    let bodies = [json!({ "decision": "approve" }), json!({ "decision": "keep", "reason": "Back soon" })];
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..64 {
        let mut body = bodies[number / 2 % 2].clone();
        body["as"] = json!({ "email": "mona@example.com" });
        let server = &servers[number % 2];
        let call = server.http.post(server.url(&format!("/v1/requests/{id}/decision"))).bearer_auth(token).json(&body);
        calls.spawn(async move { call.send().await.unwrap().status().as_u16() });
    }
    let mut answers = calls.join_all().await;
    answers.sort_unstable();
    assert_eq!((answers[0], &answers[1..]), (200, &[409; 63][..]));
    let decisions = [servers[0].closed(id, token).await, servers[1].closed(id, token).await];
    assert_eq!(decisions[0], decisions[1], "both tell the same");
    for server in servers {
        let (status, ready) = server.get("/readyz", token).await;
        assert_eq!((status, &ready["checks"]["database"]), (200, &json!("ok")));
        assert!(server.stop().success());
    }
}
