//! Two servers on one PostgreSQL, and the way there from a file.

use std::time::Instant;

use serde_json::{Value, json};

use crate::cluster::{self, Cluster};
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
async fn a_server_goes_on_in_postgresql_after_its_file_was_moved() {
    let Some(cluster) = Cluster::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let output = |environment: &[(&str, &str)], arguments: &[&str]| {
        let (output, text) = run(at, environment, arguments);
        (output.status.code(), text)
    };
    let server = Server::start(at, &[]);
    run(at, &[], &["sweep", "--sample", "--manager", "mona@example.com"]);
    let (_, requests) = output(&[], &["requests"]);
    let mut ids = requests.lines().skip(1).map(|line| line.split(' ').next().unwrap());
    let (kept, waiting) = (ids.next().unwrap(), ids.next().unwrap());
    let decided = output(&[], &["decide", kept, "keep", "--as", "mona@example.com", "--reason", "On leave"]);
    assert_eq!(decided.0, Some(0), "{}", decided.1);
    let secrets = std::fs::read(at.join("seatgate.secrets")).unwrap();
    let secrets: Value = serde_json::from_slice(&secrets).unwrap();
    let token = secrets["api_token"].as_str().unwrap();
    assert_eq!(server.closed(kept, token).await["outcome"], "kept");
    let to = ["migrate-store", "--from", "sqlite://seatgate.db", "--to", cluster.url()];
    let (code, said) = output(&[], &to);
    assert!(code == Some(1) && said.starts_with("nothing was moved: the database is already open"), "{said}");
    assert!(server.stop().success());

    let before = [&["requests", "--json"][..], &["exceptions", "--json"], &["trail", kept]];
    let server = Server::start(at, &[]);
    let told = before.map(|arguments| output(&[], arguments));
    assert!(server.stop().success());
    let (code, said) = output(&[], &[&to[..], &["--json"]].concat());
    let moved: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{code:?} {said}"));
    assert_eq!((code, &moved["tables"]["requests"]), (Some(0), &json!(5)), "{said}");
    let (code, said) = output(&[("DATABASE_URL", cluster.url())], &to[..3]);
    assert!(code == Some(1) && said.contains("not empty") && !said.contains(cluster.url()), "{said}");

    let environment = [("DATABASE_URL", cluster.url())];
    let server = Server::start(at, &environment);
    assert_eq!(before.map(|arguments| output(&environment, arguments)), told);
    let decided = output(&environment, &["decide", waiting, "approve", "--as", "mona@example.com"]);
    assert_eq!(decided.0, Some(0), "{}", decided.1);
    assert_eq!(server.closed(waiting, token).await["outcome"], "reclaimed");
    assert!(server.stop().success());
}

#[test]
fn what_cannot_be_moved_is_refused_without_a_word_of_the_password() {
    let directory = tempfile::tempdir().unwrap();
    let refused = [
        ("sqlite://seatgate.db", "postgres://u:secret@localhost/db", "nothing was moved: there is no such file"),
        ("postgres://u:secret@localhost/db", "postgres://u:secret@localhost/db", "--from: expected a file"),
        ("sqlite://seatgate.db", "mysql://u:secret@localhost/db", "--to: expected a server"),
    ];
    for (from, to, why) in refused {
        let (output, said) = run(directory.path(), &[], &["migrate-store", "--from", from, "--to", to]);
        assert!(output.status.code() == Some(1) && said.starts_with(why) && !said.contains("secret"), "{said}");
    }
    assert!(!directory.path().join("seatgate.db").exists());
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
