//! The main job of the demo: a sweep, a click in the browser, the removal call, the trail.

use std::path::Path;

use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderValue, SET_COOKIE};
use serde_json::{Value, json};

use super::house::{Server, between, run};

/// Somebody who uses the inbox.
struct Browser<'a> {
    server: &'a Server,
    cookie: String,
}

impl<'a> Browser<'a> {
    async fn sign_in(server: &'a Server, name: &str) -> Self {
        let mut browser = Self { server, cookie: String::new() };
        let page = browser.page("/").await;
        let before_name = page.split(&format!(">{name}<")).next().unwrap();
        let person = before_name.rsplit("name=\"person\" value=\"").next().unwrap().split('"').next().unwrap();
        let response = browser.submit("/person", &format!("token={}&person={person}", token(&page))).await;
        let cookie: &HeaderValue = &response.headers()[SET_COOKIE];
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
        browser.cookie = cookie.split(';').next().unwrap().to_owned();
        browser
    }

    async fn page(&self, path: &str) -> String {
        let response = self.server.http.get(self.server.url(path)).header(COOKIE, &self.cookie).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }

    async fn submit(&self, path: &str, form: &str) -> reqwest::Response {
        let request = self.server.http.post(self.server.url(path)).header(COOKIE, &self.cookie);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = request.body(form.to_owned()).send().await.unwrap();
        assert_eq!(response.status(), 303, "{path}");
        response
    }

    /// Answers the card of this seat, and says which request it was.
    async fn answer(&self, seat: &str, words: &str) -> String {
        let page = self.page("/").await;
        let card = page.split("<article").find(|card| card.contains(seat)).expect(&page).to_owned();
        let path = between(&card, "action=\"", "\"");
        self.submit(path, &format!("token={}&{words}", token(&page))).await;
        between(path, "/requests/", "/decision").to_owned()
    }
}

fn token(page: &str) -> &str {
    between(page, "name=\"token\" value=\"", "\"")
}

fn secrets(directory: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(directory.join("seatgate.secrets")).unwrap()).unwrap()
}

/// The status that the sweep's table shows for an account.
fn status<'a>(table: &'a str, account: &str) -> &'a str {
    let row = table.lines().find(|line| line.contains(account)).expect(table);
    row.split_whitespace().nth(1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_of_the_demo() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(directory.path(), &[]);
    let api_token = secrets(directory.path())["api_token"].as_str().unwrap().to_owned();
    let (_, swept) = run(directory.path(), &[], &["sweep", "--sample"]);
    assert!(swept.contains("5 asked, 1 filtered"), "{swept}");
    assert_eq!(status(&swept, "eva@example.com"), "filtered");

    let mona = Browser::sign_in(&server, "Mona Li").await;
    let removed = mona.answer("Figma: Ana Ruiz", "decision=approve").await;
    let request = server.closed(&removed, &api_token).await;
    assert_eq!((&request["outcome"], &request["tasks"][0]["proof"]), (&json!("reclaimed"), &json!("receipt")));
    assert_eq!(
        (&request["decision"]["by"]["name"], &request["decision"]["surface"]),
        (&json!("Mona Li"), &json!("inbox"))
    );
    let page = mona.page(&format!("/requests/{removed}")).await;
    assert!(page.contains("The seat is reclaimed.") && page.contains("Chain verified"), "{page}");
    let (trail, printed) = run(directory.path(), &[], &["trail", &removed]);
    assert!(trail.status.success() && printed.contains("chain verified: 5 entries"), "{printed}");

    let kept = mona.answer("Zoom: Ben Okafor", "decision=keep&reason=On+leave").await;
    assert_eq!(server.closed(&kept, &api_token).await["outcome"], "kept");
    let (_, again) = run(directory.path(), &[], &["sweep", "--sample"]);
    assert_eq!(status(&again, "ben@example.com"), "excepted");
    assert_eq!(status(&again, "carla@example.com"), "duplicate");

    let key = request["tasks"][0]["id"].as_str().unwrap();
    let call = format!("removal call: figma / ana@example.com, key {key}, signature valid");
    assert_eq!(server.line("removal call"), call);
    assert_eq!(server.printed().iter().filter(|line| line.starts_with("removal call")).count(), 1);
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_decide_and_say_who_was_first() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]);
    let file = directory.path().join("seat.json");
    let seat = json!({ "app": { "id": "figma" }, "account": { "email": "ana@example.com", "name": "\u{1b}[2J" },
        "never_used": true, "manager": { "email": "mona@example.com", "name": "Mona Li" } });
    std::fs::write(&file, seat.to_string()).unwrap();
    let (_, swept) = run(directory.path(), &[], &["sweep", "seat.json", "--dry-run"]);
    assert!(swept.contains("rejected") && swept.contains("/account/name"), "{swept}");
    std::fs::write(&file, seat.to_string().replace("\\u001b[2J", "Ana")).unwrap();
    assert_eq!(
        status(&run(directory.path(), &[], &["sweep", "seat.json", "--dry-run"]).1, "ana@"),
        "suppressed_dry_run"
    );
    assert_eq!(status(&run(directory.path(), &[], &["sweep", "seat.json"]).1, "ana@"), "asked");
    let (_, listed) = run(directory.path(), &[], &["requests", "--state", "awaiting_decision"]);
    let id = listed.lines().nth(1).unwrap().split(' ').next().unwrap();
    let decide =
        |decision, person| run(directory.path(), &[], &["decide", id, decision, "--as", person, "--reason", "x"]);
    let (denied, text) = decide("approve", "eve@example.com");
    assert!(denied.status.code() == Some(1) && text.starts_with("403"), "{text}");
    assert!(decide("keep", "mona@example.com").0.status.success());
    let (second, text) = decide("approve", "mona@example.com");
    assert!(second.status.code() == Some(1) && text.contains("409") && text.contains("keep by Mona Li at "), "{text}");
    for bad in [vec!["trail", "../livez"], vec!["sweep", "missing.json"], vec!["requests", "--state", "lost"]] {
        assert_eq!(run(directory.path(), &[], &bad).0.status.code(), Some(1), "{bad:?}");
    }
    drop(server);
    let (unreachable, text) = run(directory.path(), &[], &["requests"]);
    assert!(unreachable.status.code() == Some(1) && text.contains("did not answer"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_decisions_at_once_one_counts() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]);
    let api_token = secrets(directory.path())["api_token"].as_str().unwrap().to_owned();
    run(directory.path(), &[], &["sweep", "--sample"]);
    let (_, page) = server.get("/v1/requests?limit=1", &api_token).await;
    let request = &page["items"][0];
    let (id, manager) = (request["id"].as_str().unwrap(), request["approvers"][0]["email"].clone());
    let path = format!("/v1/requests/{id}/decision");
    let bodies = [
        json!({ "decision": "approve", "as": { "email": manager } }),
        json!({ "decision": "keep", "reason": "Back soon", "as": { "email": manager } }),
    ];
    let mut calls = tokio::task::JoinSet::new();
    for body in bodies.iter().cycle().take(64) {
        let call = server.http.post(server.url(&path)).bearer_auth(&api_token).json(body);
        calls.spawn(async move {
            let response = call.send().await.unwrap();
            (response.status().as_u16(), response.json::<Value>().await.unwrap())
        });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1);
    let decision = &server.closed(id, &api_token).await["decision"];
    for (_, problem) in answers.iter().filter(|(status, _)| *status != 200) {
        assert_eq!((&problem["status"], &problem["decision"]), (&json!(409), decision));
    }
}

#[cfg(unix)]
#[test]
fn what_the_demo_keeps_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let first = Server::start(directory.path(), &[]);
    let token = secrets(directory.path())["api_token"].clone();
    for file in ["seatgate.secrets", "seatgate.db"] {
        let mode = directory.path().join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let (second, text) = run(directory.path(), &[("SEATGATE_LISTEN", "127.0.0.1:0")], &[]);
    assert!(second.status.code() == Some(2) && text.contains("already open"), "{text}");
    assert_eq!(secrets(directory.path())["server"], json!(first.base));
    assert!(first.stop().success());
    let again = Server::start(directory.path(), &[]);
    assert_eq!(secrets(directory.path())["api_token"], token);
    assert_eq!(secrets(directory.path())["server"], json!(again.base));
}
