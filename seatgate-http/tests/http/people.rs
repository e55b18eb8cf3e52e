//! Lists of people are taken in over the API, and shown.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::world::{MANAGER, Reply, TOKEN, World};

const PATH: &str = "/v1/people";

async fn put(world: &World, body: Value) -> Reply {
    world.api("PUT", PATH, Some(body)).await
}

async fn put_as(world: &World, media_type: &str, body: &str) -> Reply {
    let request = Request::builder().method("PUT").uri(PATH).header("content-type", media_type);
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    world.call(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn shown(world: &World, email: &str) -> Value {
    let page = world.get(&format!("{PATH}?email={email}")).await;
    assert_eq!((page.status.as_u16(), &page.body["next"]), (200, &json!(null)), "{page:?}");
    page.body["items"][0].clone()
}

/// What became of each row: its status, and where it does not fit.
fn outcomes(reply: &Reply) -> Vec<(String, Option<String>)> {
    assert_eq!(reply.status, 200, "{reply:?}");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let results = reply.body["results"].as_array().unwrap().iter().enumerate();
    results
        .map(|(place, result)| {
            assert_eq!(result["row"], place);
            assert_eq!(result["id"].is_string(), result["status"] == "saved", "{result}");
            (text(&result["status"]).unwrap(), text(&result["problem"]["pointer"]))
        })
        .collect()
}

async fn recorded(world: &World) -> usize {
    world.gate.queries().trail(seatgate_core::trail::Stream::System).await.unwrap().len()
}

fn full() -> Value {
    json!({
        "email": "ana@example.com", "name": "Ana Ruiz", "slack": "T1/U1", "manager": {"email": MANAGER},
        "disabled": true, "bot": true, "absences": [{"from": "2026-12-21", "until": "2026-12-31"}],
        "owns": ["figma", "miro"]
    })
}

#[tokio::test]
async fn what_a_row_says_is_shown_and_said_again_it_is_no_news() {
    let world = World::new().await;
    let reply = put(&world, full()).await;
    assert_eq!(outcomes(&reply), [("saved".to_owned(), None)]);
    assert_eq!(reply.body["counts"], json!({"saved": 1}));
    let ana = shown(&world, "Ana@Example.com").await;
    assert_eq!(
        ana,
        json!({
            "id": reply.body["results"][0]["id"], "email": "ana@example.com", "name": "Ana Ruiz", "slack": "T1/U1",
            "manager": {"email": MANAGER, "name": null}, "disabled": true, "bot": true,
            "absences": [{"from": "2026-12-21T00:00:00.000000Z", "until": "2027-01-01T00:00:00.000000Z"}],
            "owns": ["figma", "miro"]
        })
    );
    let entries = recorded(&world).await;
    outcomes(&put(&world, json!([full(), full()])).await);
    assert_eq!(recorded(&world).await, entries);

    outcomes(&put(&world, json!({"email": "ana@example.com", "name": "A. Ruiz"})).await);
    assert_eq!(shown(&world, "ana@example.com").await, ana, "what a row does not say stays");
    let less =
        json!({"email": "ana@example.com", "manager": null, "disabled": false, "absences": [], "owns": ["miro"]});
    outcomes(&put(&world, less).await);
    let ana = shown(&world, "ana@example.com").await;
    assert_eq!((&ana["manager"], &ana["disabled"], &ana["bot"]), (&json!(null), &json!(false), &json!(true)));
    assert_eq!((&ana["absences"], &ana["owns"]), (&json!([]), &json!(["miro"])));
}

#[tokio::test]
async fn a_bad_row_is_named_and_spoils_no_other() {
    let world = World::new().await;
    outcomes(&put(&world, full()).await);
    let cases = [
        (json!(7), Some("")),
        (json!({}), Some("/email")),
        (json!({"email": "bo"}), Some("/email")),
        (json!({"email": "bo@example.com", "emial": ""}), Some("/emial")),
        (json!({"email": "bo@example.com", "name": "\u{0}"}), Some("/name")),
        (json!({"email": "bo@example.com", "slack": "U1"}), Some("/slack")),
        (json!({"email": "bo@example.com", "slack": "T1/U1"}), Some("/slack")),
        (json!({"email": "bo@example.com", "manager": {"email": ""}}), Some("/manager/email")),
        (json!({"email": "bo@example.com", "manager": {"email": "Bo@example.com"}}), Some("/manager/email")),
        (json!({"email": "bo@example.com", "manager": {"mail": ""}}), Some("/manager/mail")),
        (json!({"email": "bo@example.com", "disabled": "yes"}), Some("/disabled")),
        (json!({"email": "bo@example.com", "absences": [{}]}), Some("/absences/0/from")),
        (
            json!({"email": "bo@example.com", "absences": [{"from": "2026-12-21", "until": "2026-12-20"}]}),
            Some("/absences/0/until"),
        ),
        (json!({"email": "bo@example.com", "owns": ["figma", ""]}), Some("/owns/1")),
        (json!({"email": "cy@example.com", "bot": true}), None),
    ];
    let reply = put(&world, cases.iter().map(|(row, _)| row.clone()).collect()).await;
    for ((row, expected), (_, pointer)) in cases.iter().zip(outcomes(&reply)) {
        assert_eq!(pointer.as_deref(), *expected, "{row}");
    }
    assert_eq!(reply.body["counts"], json!({"rejected": 14, "saved": 1}));
    assert_eq!(shown(&world, "cy@example.com").await["bot"], true);
    let bo = shown(&world, "bo@example.com").await;
    assert_eq!((&bo["slack"], &bo["manager"], &bo["owns"]), (&json!(null), &json!(null), &json!([])));
}

#[tokio::test]
async fn owners_keep_their_order() {
    let world = World::new().await;
    let rows = |apps: [&[&str]; 3]| {
        let rows = ["ana", "bo", "cy"].into_iter().zip(apps);
        rows.map(|(name, apps)| json!({"email": format!("{name}@example.com"), "owns": apps})).collect::<Value>()
    };
    outcomes(&put(&world, rows([&[], &["figma"], &["figma"]])).await);
    outcomes(&put(&world, rows([&["figma"], &["figma"], &[]])).await);
    let owners = world.gate.directory().owners(&"figma".parse().unwrap()).await.unwrap();
    let [ana, bo] = [shown(&world, "ana@example.com").await, shown(&world, "bo@example.com").await];
    let owners: Vec<Value> = owners.iter().map(|owner| json!(owner)).collect();
    assert_eq!(owners, [bo["id"].clone(), ana["id"].clone()]);
}

#[tokio::test]
async fn a_table_says_all_of_its_columns_and_nothing_of_others() {
    let world = World::new().await;
    outcomes(&put(&world, full()).await);
    let table = "email,manager_email,disabled,owns,away_from,away_until\n\
        ana@example.com,,,,,\n\
        bo@example.com,ana@example.com,TRUE,figma; miro,2026-12-21,\n\
        cy@example.com,,perhaps,,,\n\
        di@example.com,,,,,2026-12-21\n";
    let reply = put_as(&world, "text/csv", table).await;
    let pointers: Vec<_> = outcomes(&reply).into_iter().map(|(_, pointer)| pointer).collect();
    assert_eq!(pointers, [None, None, Some("/disabled".to_owned()), Some("/absences/0/from".to_owned())]);
    let ana = shown(&world, "ana@example.com").await;
    assert_eq!((&ana["manager"], &ana["disabled"], &ana["owns"]), (&json!(null), &json!(false), &json!([])));
    assert_eq!((&ana["absences"], &ana["bot"], &ana["slack"]), (&json!([]), &json!(true), &json!("T1/U1")));
    let bo = shown(&world, "bo@example.com").await;
    assert_eq!((&bo["manager"]["email"], &bo["disabled"]), (&json!("ana@example.com"), &json!(true)));
    assert_eq!(bo["owns"], json!(["figma", "miro"]));
    assert_eq!(bo["absences"], json!([{"from": "2026-12-21T00:00:00.000000Z", "until": null}]));

    for header in ["", "name\n", "email,boss\n", "email,email\n"] {
        assert_eq!(put_as(&world, "text/csv", header).await.problem().0, 400, "{header}");
    }
    let lines = "{\"email\": \"ed@example.com\"}\n\n{\"email\": \"flo@example.com\"}\n";
    assert_eq!(outcomes(&put_as(&world, "application/x-ndjson", lines).await).len(), 2);
    assert_eq!(put_as(&world, "text/plain", lines).await.problem().0, 415);
    assert_eq!(put_as(&world, "application/json", "[{]").await.problem().0, 400);
}

#[tokio::test]
async fn people_are_listed_page_by_page() {
    let world = World::new().await;
    outcomes(&put(&world, json!([{"email": "ana@example.com"}, {"email": "bo@example.com"}])).await);
    let all = world.get(PATH).await.body["items"].as_array().unwrap().clone();
    assert_eq!(all.len(), 3, "the operator as well");
    let first = world.get(&format!("{PATH}?limit=2")).await;
    let next = first.body["next"].as_str().unwrap();
    let second = world.get(&format!("{PATH}?limit=2&cursor={next}")).await;
    assert_eq!((&second.body["items"], &second.body["next"]), (&json!([all[2]]), &json!(null)));
    assert_eq!(shown(&world, "nobody@example.com").await, json!(null));
    for query in ["email=ana", "email=ana@example.com&limit=2", "cursor=x", "name=Ana"] {
        assert_eq!(world.get(&format!("{PATH}?{query}")).await.problem().0, 400, "{query}");
    }
}
