//! Somebody leaves, from the command line: the demo's target does what the playbook says, and people do the rest.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::watch;

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
    let id = started.trim_end_matches(": started\n");
    let (code, said) = seatgate(&["offboard", "answer", id, "bagde", "done"]);
    assert!(code == Some(1) && said.contains("no task of this name"), "{said}");
    let (code, said) = seatgate(&["offboard", "answer", id, "badge", "skip", "--as", "olga@example.com"]);
    assert!(code == Some(1) && said.starts_with("422") && said.contains("reason"), "{said}");
    let done = ["offboard", "answer", id, "badge", "done", "--as", "ivo@example.com", "--reason", "in the safe"];
    assert_eq!(seatgate(&done), (Some(0), format!("{id}: closed\n")));
    assert_eq!(rows()[1]["receipt"], "in the safe");
    let (_, second) = seatgate(&["offboard", "ben@example.com"]);
    let id = second.trim_end_matches(": started\n");
    let (code, said) = seatgate(&["offboard", "stop", id, "--reason", "he stays"]);
    assert!(code == Some(0) && said.starts_with(id), "{said}");
    let (_, table) = seatgate(&["offboard", "list", "--person", "ben@example.com", "--json"]);
    assert!(table.contains("he stays"), "{table}");
    assert!(server.stop().success());
}

const TOKEN: &str = "a-token-of-enough-letters";
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Two targets and a listener to events, on one socket. The target `slow` keeps its callers waiting until it is let go.
#[derive(Clone)]
struct Outside {
    address: String,
    /// Where each call went, under which key or id, and its body.
    calls: Arc<Mutex<Vec<(String, String, Value)>>>,
    free: watch::Sender<bool>,
}

impl Outside {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let outside = Self { address, calls: Arc::default(), free: watch::Sender::new(false) };
        let routes = Router::new().route("/{place}", post(take)).with_state(outside.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        outside
    }

    fn calls(&self, place: &str) -> Vec<(String, Value)> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.0 == place).map(|(_, id, body)| (id.clone(), body.clone())).collect()
    }

    /// The file of a server that removes and tells here.
    fn file(&self) -> String {
        let target = |name: &str| {
            format!(
                "[targets.{name}]\nkind = \"webhook\"\nurl = \"http://{}/{name}\"\nsecret = \"{SECRET}\"\ntimeout = \"1s\"\n",
                self.address
            )
        };
        let tasks = "[[playbooks.leaver.tasks]]\nname = \"lock\"\ntarget = \"idp\"\n\
                     [[playbooks.leaver.tasks]]\nname = \"wipe\"\ntarget = \"slow\"\nneeds = [\"lock\"]\n";
        let events = format!("[events]\nurl = \"http://{}/events\"\nsecret = \"{SECRET}\"\n", self.address);
        format!("{}{}{tasks}{events}", target("idp"), target("slow"))
    }
}

async fn take(State(outside): State<Outside>, Path(place): Path<String>, headers: HeaderMap, body: String) {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let body = serde_json::from_str(&body).unwrap();
    outside.calls.lock().unwrap().push((place.clone(), id, body));
    if place == "slow" {
        outside.free.subscribe().wait_for(|free| *free).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_goes_on_with_an_offboarding_and_repeats_no_settled_task() {
    let (directory, outside) = (tempfile::tempdir().unwrap(), Outside::start().await);
    std::fs::write(directory.path().join("seatgate.toml"), outside.file()).unwrap();
    let environment = [
        ("SEATGATE_CONFIG", "seatgate.toml"),
        ("SEATGATE_API_TOKEN", TOKEN),
        ("SEATGATE_INTAKE_SECRET", SECRET),
        ("SEATGATE_ALLOW_PRIVATE_TARGETS", outside.address.as_str()),
    ];
    let server = Server::start(directory.path(), &environment);
    let ana = json!({"person": {"email": "ana@example.com", "name": "Ana Ruiz"}, "reason": "moves on"});
    let (status, started) = server.post("/v1/offboardings", TOKEN, &ana).await;
    assert_eq!(status, 202, "{started}");
    let id = started["request_id"].as_str().unwrap();
    eventually(|| async { (!outside.calls("slow").is_empty()).then_some(()) }).await;
    server.kill();
    outside.free.send_replace(true);

    let server = Server::start(directory.path(), &environment);
    let request = server.closed(id, TOKEN).await;
    assert_eq!(request["outcome"], "reclaimed", "{request}");
    let attempts = |task: usize| request["tasks"][task]["attempts"].as_u64().unwrap();
    assert!(attempts(0) == 1 && attempts(1) > 1, "{request}");
    assert_eq!(outside.calls("idp").len(), 1, "what was settled is not repeated");
    let mut keys: Vec<String> = outside.calls("slow").into_iter().map(|(key, _)| key).collect();
    keys.dedup();
    assert_eq!(keys.len(), 1, "one key as long as it may have happened");

    let expected = [request["tasks"][0]["id"].clone(), request["tasks"][1]["id"].clone(), request["id"].clone()];
    let expected = expected.map(|id| format!("{}-finished", id.as_str().unwrap()));
    let told = eventually(|| async {
        let told = outside.calls("events");
        expected.iter().all(|id| told.iter().any(|(told, _)| told == id)).then_some(told)
    });
    let told = told.await;
    assert!(told.iter().all(|(id, _)| expected.contains(id)), "{told:?}");
    let (_, over) = told.iter().find(|(id, _)| *id == expected[2]).unwrap();
    assert_eq!((&over["type"], &over["outcome"]), (&json!("request.finished"), &json!("reclaimed")));
    assert!(server.stop().success());
}
