//! Modes of single apps, policies that are applied to what is open, and what a policy would lead to.

use seatgate_core::policy::{Policy, PolicyDraft};
use serde_json::{Value, json};

use crate::world::{MANAGER, World, candidate, person};

fn candidates(names: &[&str]) -> Value {
    json!(names.iter().map(|name| candidate(name)).collect::<Vec<_>>())
}

#[tokio::test]
async fn an_app_is_switched_alone_and_takes_the_mode_of_every_app_again() {
    let world = World::new().await;
    let path = world.open().await;
    let dry = world.api("PUT", "/v1/policy", Some(json!({"apps": {"figma": {"mode": "dry_run"}}}))).await;
    assert_eq!((dry.status.as_u16(), &dry.body["mode"]), (200, &json!("live")));
    assert_eq!(dry.body["modes"], json!({"figma": "dry_run"}));

    // What was asked live begins nothing while the app is not live.
    world.decide(&path, json!({"decision": "approve", "as": person(MANAGER)})).await;
    world.work().await;
    assert_eq!(world.target.calls().len(), 0);
    // What is asked now is a test.
    let reply = world.deliver(&candidate("ben")).await;
    let id = reply.body["results"][0]["request_id"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&format!("/v1/requests/{id}")).await.body["mode"], "dry_run");

    world.api("PUT", "/v1/policy", Some(json!({"apps": {"figma": {"mode": "off"}}}))).await;
    let reply = world.deliver(&candidate("cleo")).await;
    assert_eq!(reply.body["results"][0]["status"], "filtered", "{reply:?}");
    assert_eq!(reply.body["results"][0]["problem"]["pointer"], "/app/id");

    let live = world.api("PUT", "/v1/policy", Some(json!({"apps": {"figma": {"mode": null}}}))).await;
    assert_eq!(live.body["modes"], json!({}));
    world.clock.advance(std::time::Duration::from_secs(60));
    world.work().await;
    assert_eq!(world.target.calls().len(), 1);
    let kinds: Vec<String> = world
        .gate
        .queries()
        .trail(seatgate_core::trail::Stream::System)
        .await
        .unwrap()
        .into_iter()
        .map(|e| e.kind)
        .collect();
    assert_eq!(kinds, ["app_mode_set"; 3]);
}

#[tokio::test]
async fn a_wrong_app_or_mode_is_named() {
    let world = World::new().await;
    for (body, pointer) in [
        (json!({"apps": {"figma": {"mode": "on"}}}), "/apps/figma/mode"),
        (json!({"apps": {"": {"mode": "off"}}}), "/apps/"),
        (json!({"apps": {"figma": {"mod": "off"}}}), "/apps/figma/mod"),
        (json!({"apps": {}}), "/mode"),
    ] {
        assert_eq!(world.api("PUT", "/v1/policy", Some(body)).await.problem(), (422, pointer));
    }
}

#[tokio::test]
async fn open_requests_go_on_under_the_policy_in_force_when_that_is_asked_for() {
    let world = World::new().await;
    let path = world.open().await;
    let old = world.get(&path).await.body["policy_version"].clone();
    let mut draft = PolicyDraft::default();
    draft.set("grace", "24h");
    let gate = world.again(Policy::from_draft(&draft).unwrap()).await;
    gate.start_policy().await.unwrap();
    gate.start_policy().await.unwrap();
    let adopted = gate.queries().trail(seatgate_core::trail::Stream::System).await.unwrap();
    assert_eq!(adopted.iter().map(|entry| entry.kind.as_str()).collect::<Vec<_>>(), ["policy_adopted"]);

    let world = world.serving(gate);
    assert_eq!(world.get(&path).await.body["policy_version"], old);
    let applied = world.post("/v1/policy/apply", json!({"app": "figma"})).await;
    assert_eq!((applied.status.as_u16(), &applied.body["applied"]), (200, &json!(1)));
    assert_eq!(world.get(&path).await.body["policy_version"], applied.body["version"]);
    assert_eq!(world.post("/v1/policy/apply", json!({})).await.body["unchanged"], 1);
    assert_eq!(world.post("/v1/policy/apply", json!({"app": "slack"})).await.body["unchanged"], 0);
    let approved = world.decide(&path, json!({"decision": "approve", "as": person(MANAGER)})).await;
    assert_eq!(approved.body["state"], "in_grace", "the grace period of the new policy: {approved:?}");
    let denied = world.post("/v1/policy/apply", json!({"as": person("eve@example.com")})).await;
    assert_eq!(denied.problem().0, 403);
}

#[tokio::test]
async fn candidates_are_tried_without_asking_anybody() {
    let world = World::with_policy(&[("max_requests_per_sweep", "2")]).await;
    world.open().await;
    let mut rows = candidates(&["ana", "ben", "ben", "cleo", "dora"]);
    rows[3]["risk_tags"] = json!(["legal-hold"]);
    rows.as_array_mut().unwrap().push(json!({"app": {"id": "figma"}}));
    rows.as_array_mut().unwrap().push(candidate("emil"));
    let policy = json!({"exempt_tags": ["legal-hold"], "max_requests_per_sweep": 2, "remind_after": ["1d"]});
    let before = world.get("/v1/audit").await.body;
    let reply = world.post("/v1/simulate", json!({"candidates": rows, "policy": policy})).await;
    assert_eq!(reply.status.as_u16(), 200, "{reply:?}");
    let statuses: Vec<&str> =
        reply.body["rows"].as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["duplicate", "asked", "duplicate", "filtered", "asked", "rejected", "held"]);
    assert_eq!(reply.body["rows"][1]["asked"][0]["why"], "manager");
    assert_eq!(reply.body["at_stake"], json!([{"amount": "90.00", "currency": "USD"}]));
    let mona = &reply.body["people"][0];
    assert_eq!((&mona["seats"], &mona["messages"], &mona["reminders"]), (&json!(2), &json!(2), &json!(2)));
    assert_eq!(reply.body["rows"][3]["today"]["status"], "asked", "the policy in force exempts nobody: {reply:?}");
    assert_eq!(world.get("/v1/audit").await.body, before, "nothing is recorded");
    assert_eq!(world.notifier.sent().len(), 0);
}

#[tokio::test]
async fn a_past_sweep_is_replayed_under_another_policy() {
    let world = World::with_policy(&[("max_requests_per_sweep", "1")]).await;
    let reply = world.deliver(&candidates(&["ana", "ben"])).await;
    let sweep = reply.body["sweep_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/simulate?sweep={sweep}");
    let digest = world.post(&path, json!({"policy": {"digest": "1h", "quorum": 2}})).await;
    assert_eq!(digest.status.as_u16(), 200, "{digest:?}");
    // Ana's seat is asked about by now; Ben's was held.
    assert_eq!(digest.body["counts"], json!({"asked": 1, "duplicate": 1}));
    assert_eq!((&digest.body["not_kept"], &digest.body["differences"]), (&json!(0), &json!(1)));
    let asked: Vec<&Value> =
        digest.body["rows"][1]["asked"].as_array().unwrap().iter().map(|ask| &ask["why"]).collect();
    assert_eq!(asked, [&json!("manager"), &json!("operator")], "two must approve");
    let same = world.post(&path, json!({})).await;
    assert_eq!((&same.body["differences"], &same.body["counts"]["asked"]), (&json!(0), &json!(1)));
    assert_eq!(world.post("/v1/simulate?sweep=swp_1", json!({})).await.problem().0, 404);
}

#[tokio::test]
async fn what_cannot_be_tried_is_named() {
    let world = World::new().await;
    for (body, pointer) in [
        (json!({"candidates": [candidate("ana")], "policy": {"qourum": 2}}), "/policy/qourum"),
        (
            json!({"candidates": [candidate("ana")], "policy": {"apps": {"figma": {"grace": "x"}}}}),
            "/policy/apps/figma/grace",
        ),
        (json!({"candidates": [candidate("ana")], "csv": ""}), "/csv"),
        (json!({"policy": {}}), "/candidates"),
    ] {
        assert_eq!(world.post("/v1/simulate", body).await.problem(), (422, pointer));
    }
    let csv = "app_id,account_email,never_used\nfigma,ana@example.com,true\n";
    let reply = world.post("/v1/simulate", json!({"csv": csv})).await;
    assert_eq!(reply.body["counts"], json!({"asked": 1}), "{reply:?}");
}
