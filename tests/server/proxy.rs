//! A configured server whose inbox stands behind a proxy, and a removal that waits for an operator.

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::browser::is_sound;
use super::house::{Server, eventually, run};
use super::webdriver::Browser;

const TOKEN: &str = "a-token-of-the-test";
pub(crate) const PROXY_SECRET: &str = "the-proxy-and-the-server-know";
pub(crate) const PROXY_SECRET_HEADER: &str = "x-seatgate-proxy-secret";
/// Of the inbox, which believes a proxy.
pub(crate) const INBOX: &str =
    "[inbox]\nidentity = \"trusted_header\"\nheader = \"x-forwarded-email\"\nsecret_file = \"proxy\"\n";

/// A target that refuses every removal for good.
async fn refusing_target() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let refusing = Router::new().fallback(|| async { (StatusCode::BAD_REQUEST, "no such user") });
    tokio::spawn(async move { axum::serve(listener, refusing).await });
    address
}

/// A server with one request whose removal was refused, and the request's path.
async fn needing_attention(directory: &std::path::Path) -> (Server, String) {
    let address = refusing_target().await;
    let url = format!("http://{address}/hook");
    let environment = [
        ("SEATGATE_INTAKE_SECRET", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
        ("SEATGATE_API_TOKEN", TOKEN),
        ("SEATGATE_DEPROVISION_URL", &url),
        ("SEATGATE_DEPROVISION_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("SEATGATE_ALLOW_PRIVATE_TARGETS", &address),
        ("SEATGATE_OPERATORS", "olga@example.com"),
        ("SEATGATE_CONFIG", "seatgate.toml"),
    ];
    std::fs::write(directory.join("seatgate.toml"), INBOX).unwrap();
    std::fs::write(directory.join("proxy"), format!("{PROXY_SECRET}\n")).unwrap();
    let server = Server::start(directory, &environment);
    let seat = json!({ "app": { "id": "figma", "name": "Figma" }, "account": { "email": "ana@example.com", "name": "Ana Ruiz" },
        "never_used": true, "manager": { "email": "mona@example.com", "name": "Mona Li" } });
    std::fs::write(directory.join("seat.json"), seat.to_string()).unwrap();
    let (swept, text) = run(directory, &environment, &["--server", &server.base, "sweep", "seat.json"]);
    assert!(swept.status.success(), "{text}");
    let (_, page) = server.get("/v1/requests", TOKEN).await;
    let id = page["items"][0]["id"].as_str().unwrap().to_owned();
    let approve = json!({ "decision": "approve", "as": { "email": "mona@example.com" } });
    assert_eq!(server.post(&format!("/v1/requests/{id}/decision"), TOKEN, &approve).await.0, 200);
    eventually(|| async {
        let (_, request) = server.get(&format!("/v1/requests/{id}"), TOKEN).await;
        (request["state"] == "needs_attention").then_some(())
    })
    .await;
    (server, format!("/requests/{id}"))
}

async fn look(server: &Server, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let call = server.http.get(server.url(path));
    let call = headers.iter().fold(call, |call, (name, value)| call.header(*name, *value));
    let response = call.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_believes_the_proxy_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (server, request) = needing_attention(directory.path()).await;
    let (olga, mona) = (("x-forwarded-email", "olga@example.com"), ("x-forwarded-email", "mona@example.com"));
    let secret = (PROXY_SECRET_HEADER, PROXY_SECRET);
    for headers in [vec![], vec![olga], vec![olga, (PROXY_SECRET_HEADER, "something-else-altogether")]] {
        assert_eq!(look(&server, &request, &headers).await.0, 401, "{headers:?}");
    }
    let (status, page) = look(&server, &request, &[olga, secret]).await;
    assert!(status == 200 && page.contains(">Retry</button>"), "{page}");
    let (status, page) = look(&server, &request, &[mona, secret]).await;
    assert!(status == 200 && !page.contains(">Retry</button>"), "{page}");
    let (_, page) = look(&server, "/", &[("x-forwarded-email", "eve@example.com"), secret]).await;
    assert!(page.contains("Nobody has asked you about a seat yet."), "{page}");
    assert_eq!(look(&server, "/livez", &[]).await, (200, "ok".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_answers_a_pause_in_the_browser() {
    let Some(browser) = Browser::start().await else { return };
    let directory = tempfile::tempdir().unwrap();
    let (server, request) = needing_attention(directory.path()).await;
    browser.send_headers(&[("x-forwarded-email", "olga@example.com"), (PROXY_SECRET_HEADER, PROXY_SECRET)]).await;
    for (width, name) in [(1280, "desktop"), (390, "phone")] {
        browser.resize(width, 800).await;
        browser.open(&server.base).await;
        is_sound(&browser, "what needs attention", &format!("attention-{name}")).await;
        browser.click("//section[contains(., 'Needs attention')]//a").await;
        browser.says("The target refused it").await;
        is_sound(&browser, "a pause", &format!("pause-{name}")).await;
    }
    let skip = "//form[.//button[.='Skip']]";
    browser.write(&format!("{skip}//input[@name='reason']"), "Removed by hand").await;
    browser.click(&format!("{skip}//button")).await;
    browser.says("Your answer is recorded.").await;
    browser.says("Removed by hand").await;
    assert_eq!(browser.console().await, Vec::<Value>::new());
    let (_, closed) = server.get(&format!("/v1{request}"), TOKEN).await;
    assert_eq!((&closed["state"], &closed["tasks"][0]["status"]), (&json!("closed"), &json!("skipped")), "{closed}");
}
