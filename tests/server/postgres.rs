//! Two servers on one PostgreSQL.

use std::time::Instant;

use serde_json::{Value, json};

use crate::cluster;
use crate::crash::{Ground, INTAKE, TOKEN};
use crate::database::Database;
use crate::house::{Server, eventually, run};

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

#[tokio::test(flavor = "multi_thread")]
async fn the_emergency_stop_on_one_server_stops_the_other() {
    let Some(database) = Database::create("stopped").await else { return };
    let directory = tempfile::tempdir().unwrap();
    let ground = Ground::new(directory.path(), Some(&database.url)).await;
    let [one, other] = [0, 1].map(|life| ground.start(life, None).unwrap());
    let seats = json!(["figma", "zoom"].map(|app| {
        json!({ "app": { "id": app }, "account": { "email": "ana@example.com" }, "never_used": true,
            "manager": { "email": "mona@example.com" } })
    }));
    std::fs::write(directory.path().join("seats.json"), seats.to_string()).unwrap();
    let secrets = [("SEATGATE_INTAKE_SECRET", INTAKE), ("SEATGATE_API_TOKEN", TOKEN)];
    let (swept, said) = run(directory.path(), &secrets, &["--server", &one.base, "sweep", "seats.json"]);
    assert!(swept.status.success(), "{said}");
    let (_, page) = one.get("/v1/requests", TOKEN).await;
    let [removed, kept] = [0, 1].map(|number| page["items"][number]["id"].as_str().unwrap().to_owned());
    let decide = async |id: &str, decision: &str| {
        let body = json!({ "decision": decision, "reason": "Seen", "as": { "email": "mona@example.com" } });
        assert_eq!(other.post(&format!("/v1/requests/{id}/decision"), TOKEN, &body).await.0, 200);
    };

    let started = Instant::now();
    let off = one.http.put(one.url("/v1/policy")).bearer_auth(TOKEN).json(&json!({ "mode": "off" }));
    assert_eq!(off.send().await.unwrap().status(), 200);
    one.kill();
    eventually(|| async { (other.get("/v1/policy", TOKEN).await.1["mode"] == "off").then_some(()) }).await;
    println!("off on one server holds on the other after {:?}", started.elapsed());
    // What is decided later is done later: a keep shows that the worker has been there, and left the removal alone.
    decide(&removed, "approve").await;
    decide(&kept, "keep").await;
    assert_eq!(other.closed(&kept, TOKEN).await["outcome"], "kept");
    let (_, waiting) = other.get(&format!("/v1/requests/{removed}"), TOKEN).await;
    assert_eq!((&waiting["tasks"][0]["status"], ground.target.calls().len()), (&json!("ready"), 0));
    let live = other.http.put(other.url("/v1/policy")).bearer_auth(TOKEN).json(&json!({ "mode": "live" }));
    assert_eq!(live.send().await.unwrap().status(), 200);
    assert_eq!(other.closed(&removed, TOKEN).await["outcome"], "reclaimed");
    assert!(other.stop().success());
}
