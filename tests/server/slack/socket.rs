//! A server that Slack cannot reach: it opens a socket, and no signing secret is set.

use serde_json::json;

use super::{Scene, button};
use crate::fake_slack::{APP_TOKEN, SIGNING_SECRET};

/// The scene's server once more, with Socket Mode alone.
async fn over_socket() -> Scene {
    let mut scene = Scene::new().await;
    assert!(scene.server.take().unwrap().stop().success());
    scene.environment.retain(|(name, _)| name != "SLACK_SIGNING_SECRET");
    scene.environment.push(("SLACK_APP_TOKEN".to_owned(), APP_TOKEN.to_owned()));
    scene.start();
    scene.slack.wait_for_sockets(1).await;
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_over_the_socket_removes_the_seat() {
    let mut scene = over_socket().await;
    let card = scene.ask().await;
    let click = || scene.slack.click(&card, &button(&card, "approve")).by("U1").signed_with(SIGNING_SECRET);
    let by_http = click().send(&scene.server().base).await;
    assert_eq!(by_http.status, 404, "without a signing secret there are no routes");
    assert_eq!(scene.request().await["decision"], json!(null));
    scene.slack.over_socket().send(click()).await;
    scene.target.called(0, 1).await;
    scene.over(&card, "reclaimed").await;
    assert_eq!(scene.closed().await["outcome"], json!("reclaimed"));
    assert!(scene.server.take().unwrap().stop().success());
    assert!(scene.slack.wait_for_end(0).await, "it said goodbye");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_token_that_is_refused_leaves_the_inbox_running() {
    let mut scene = Scene::new().await;
    assert!(scene.server.take().unwrap().stop().success());
    scene.environment.push(("SLACK_APP_TOKEN".to_owned(), "xapp-1-A1-other".to_owned()));
    scene.start();
    let asked =
        |state: &crate::fake_slack::State| state.calls.iter().any(|call| call.method == "apps.connections.open");
    scene.slack.wait_for("the refusal", |state| asked(state).then_some(())).await;
    let card = scene.ask().await;
    let click = scene.slack.click(&card, &button(&card, "approve")).by("U1");
    assert_eq!(click.send(&scene.server().base).await.status, 200, "the routes still hear");
    assert!(scene.server.take().unwrap().stop().success());
}
