//! Outside texts that want to be something else: a script, a line of the log, a formula.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use seatgate_core::port::{EffectError, Removal};
use seatgate_core::testing::Step;
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::scene::{DEMO, Scene, token};
use crate::world::{MANAGER, OPERATOR, World, candidate};

const SCRIPT: &str = "=1+<script>alert('x')</script><img src=x onerror=alert(1)>\"'&";

/// A candidate in which every text is [`SCRIPT`].
fn scripted(account: &str) -> Value {
    let mut row = candidate(account);
    row["app"]["name"] = json!(SCRIPT);
    row["account"] = json!({ "id": format!("{account}{SCRIPT}"), "name": SCRIPT });
    row["manager"]["name"] = json!(SCRIPT);
    for member in ["source", "external_id", "entitlement", "requesting_channel"] {
        row[member] = json!(SCRIPT);
    }
    row["risk_tags"] = json!([SCRIPT]);
    row["custom"] = json!({ SCRIPT: [SCRIPT] });
    row
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn is_harmless(page: &str, path: &str) {
    for tag in ["<script", "<img", "\"'&", "onerror=alert(1)>"] {
        assert!(!page.contains(tag), "{tag} on {path}: {page}");
    }
}

/// Asks about one scripted seat and answers with the request's id.
async fn ask(world: &World, account: &str) -> String {
    let reply = world.deliver(&scripted(account)).await;
    assert_eq!(reply.body["counts"], json!({ "asked": 1 }), "{reply:?}");
    reply.body["results"][0]["request_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn no_text_writes_html_on_any_page() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let ids = [ask(world, "a").await, ask(world, "b").await, ask(world, "c").await, ask(world, "d").await];
    let [_, kept, removed, failed] = ids.each_ref().map(|id| format!("/v1/requests/{id}"));
    let by = json!({ "email": MANAGER });
    let keep = json!({ "decision": "keep", "reason": SCRIPT, "as": by });
    assert_eq!(world.decide(&kept, keep).await.status, 200);
    world.target.then(Step::answers(Removal::removed().with_receipt(SCRIPT)));
    world.target.then(Step::fails(EffectError::rejected(SCRIPT)));
    for request in [&removed, &failed] {
        let approve = json!({ "decision": "approve", "reason": SCRIPT, "as": by });
        assert_eq!(world.decide(request, approve).await.status, 200);
        world.clock.advance(std::time::Duration::from_secs(3_601));
        world.work().await;
    }
    let mut pages: Vec<String> = ids.iter().map(|id| format!("/requests/{id}")).collect();
    pages.extend(["/", "/?select=all", "/requests", "/requests?state=closed", "/exceptions"].map(str::to_owned));
    let words = encoded(SCRIPT);
    for word in ["notice", "select", "after", "before", "state", "address"] {
        pages.extend([format!("/?{word}={words}"), format!("/requests?{word}={words}")]);
    }
    for who in [MANAGER, OPERATOR] {
        for path in &pages {
            let (status, page) = scene.page(path, who).await;
            assert_eq!(status, 200, "{path}");
            is_harmless(&page, path);
        }
    }
    let shown = scene.page("/requests", OPERATOR).await.1;
    assert!(shown.contains("&#60;script&#62;"), "the texts are shown as they are: {shown}");
    forms_show_what_was_written(&scene, &ids[0]).await;
}

/// What was written comes back into a form, and a search into its field.
async fn forms_show_what_was_written(scene: &Scene, id: &str) {
    let token = token(&scene.page("/", MANAGER).await.1);
    let words = encoded(SCRIPT);
    let written = format!("token={token}&reason={words}&keep_until={words}&decision=keep");
    for (path, body) in [
        (format!("/requests/{id}/decision"), written.clone()),
        ("/bulk".to_owned(), format!("{written}&request={id}")),
        ("/bulk".to_owned(), format!("{written}&request={id}&confirmed=yes")),
    ] {
        let (status, page) = scene.send(scene.form(&path, MANAGER, &body)).await;
        assert_eq!(status, 422, "{path}");
        assert!(page.contains("&#60;script&#62;"), "{page}");
        is_harmless(&page, &path);
    }
    let search = axum::http::Request::get(format!("http://{DEMO}/?address={words}")).header("host", "localhost");
    let (_, page) = scene.send(search.body(axum::body::Body::empty()).unwrap()).await;
    assert!(page.contains("Nobody with this address"), "{page}");
    is_harmless(&page, "the search");
}

#[tokio::test]
async fn no_cell_of_an_export_is_a_formula() {
    let scene = Scene::new().await;
    let id = ask(&scene.world, "a").await;
    let keep = json!({ "decision": "keep", "reason": "=HYPERLINK(\"x\")", "as": { "email": MANAGER } });
    assert_eq!(scene.world.decide(&format!("/v1/requests/{id}"), keep).await.status, 200);
    let reply = scene.world.get("/v1/audit?format=csv").await;
    let table = reply.body.as_str().unwrap();
    let mut cells = 0;
    for row in csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(table.as_bytes()).records() {
        for cell in &row.unwrap() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell}");
            cells += 1;
        }
    }
    assert!(cells > 50, "{table}");
}

#[tokio::test]
async fn a_name_of_two_lines_is_refused_at_its_field() {
    let world = World::new().await;
    let names = ["/account/name", "/manager/name", "/app/name", "/account/id", "/entitlement"];
    for place in names {
        for odd in ["Ana\nERROR the trail is gone", "Ana\r\nx", "Ana\u{1b}[2J", "Ana\u{0}"] {
            let mut row = candidate("ana");
            *row.pointer_mut(place).unwrap() = json!(odd);
            let reply = world.deliver(&row).await;
            assert_eq!(reply.body["results"][0]["problem"]["pointer"], place, "{odd:?}: {reply:?}");
        }
    }
}

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for &Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut &*self);
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        values.record(&mut &*self);
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut &*self);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[tokio::test]
async fn nothing_from_outside_is_written_to_the_log() {
    let log = Log::default();
    // While there is only one, what other tests' threads come upon first is taken for never logged, by all threads.
    let _second = tracing::Dispatch::new(log.clone());
    let _logging = tracing::subscriber::set_default(log.clone());
    let scene = Scene::new().await;
    let marked = |row: Value| row.to_string().replace("alert", "MARK-OF-OUTSIDE\\n");
    let row: Value = serde_json::from_str(&marked(scripted("a")).replace("\\n", "")).unwrap();
    let reply = scene.world.deliver(&row).await;
    let id = reply.body["results"][0]["request_id"].as_str().unwrap().to_owned();
    scene.world.deliver(&serde_json::from_str(&marked(scripted("b"))).unwrap()).await;
    scene.world.target.then(Step::fails(EffectError::rejected("MARK-OF-OUTSIDE\nERROR")));
    let reason = "MARK-OF-OUTSIDE\nERROR the trail is gone";
    let approve = json!({ "decision": "approve", "reason": reason, "as": { "email": MANAGER } });
    assert_eq!(scene.world.decide(&format!("/v1/requests/{id}"), approve).await.status, 200);
    scene.world.clock.advance(std::time::Duration::from_secs(3_601));
    scene.world.work().await;
    for path in ["/requests/MARK-OF-OUTSIDE%0AERROR", "/?notice=MARK-OF-OUTSIDE%0A", "/MARK-OF-OUTSIDE"] {
        scene.page(path, MANAGER).await;
        scene.world.get(&format!("/v1{path}")).await;
    }
    let text = log.0.lock().unwrap().clone();
    assert!(text.contains("route=\"/v1/candidates\""), "nothing was logged: {text}");
    for private in ["MARK-OF-OUTSIDE", "example.com", "a-token-of", "whsec_"] {
        assert!(!text.contains(private), "{private} in {text}");
    }
}
