//! What is attacked: a server whose inbox stands behind a proxy, and one whose inbox is the demo's.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::request::Builder;
use seatgate_core::gate::{Ask, Submission, Sweep};
use seatgate_core::id::{PersonRef, RequestId};
use seatgate_core::person::{Actor, Identity, PersonDraft, Surface};
use seatgate_core::port::{NewPerson, OsEntropy, RequestFilter, SeededEntropy};
use seatgate_core::seat::CandidateDraft;
use seatgate_core::trail::Stream;
use seatgate_http::inbox::{InboxIdentity, InboxOptions, PROXY_SECRET_HEADER, router};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::{MANAGER, OPERATOR, World, candidate};

pub(super) const PROXY_SECRET: &str = "the-proxy-and-we-know-it";
pub(super) const EMAIL_HEADER: &str = "x-forwarded-email";
pub(super) const OTHER: &str = "omar@example.com";
/// In the host of a call: the demo's inbox answers it.
pub(super) const DEMO: &str = "demo";

/// What an entry of the access stream says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Denied {
    /// `-` for nobody, `token` for the token's own name, else an address.
    pub(super) who: &'static str,
    pub(super) surface: &'static str,
    pub(super) action: &'static str,
    pub(super) why: &'static str,
    /// Whether it names the request that was attacked.
    pub(super) request: bool,
}

pub(super) struct Scene {
    pub(super) world: World,
    proxied: Router,
    demo: Router,
    /// Ana's seat, asked of [`MANAGER`].
    pub(super) anas: RequestId,
    /// Leo's seat, asked of [`OTHER`].
    pub(super) leos: RequestId,
    /// The manager's own seat, asked of the manager.
    pub(super) own: RequestId,
    /// Zoe's seat, asked of the manager, who sent the sweep.
    pub(super) sent: RequestId,
    /// Bo's seat, whose removal [`OTHER`] has approved; it is in its grace period.
    pub(super) approved: RequestId,
    /// The exception that Kim's seat is under.
    pub(super) exception: String,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let world = World::with_policy(&[("grace", "1h")]).await;
        let identity = InboxIdentity::trusted_header(EMAIL_HEADER, PROXY_SECRET).unwrap();
        let proxied = router(world.gate.clone(), InboxOptions::new(identity));
        let demo = router(world.gate.clone(), InboxOptions::new(InboxIdentity::demo(&SeededEntropy::new(7))));
        let nobody = RequestId::generate(world.gate.now(), &OsEntropy);
        let (leos, own, sent, approved) = (nobody, nobody, nobody, nobody);
        let mut scene =
            Self { world, proxied, demo, anas: nobody, leos, own, sent, approved, exception: String::new() };
        let webhook = Actor::webhook();
        scene.anas = scene.open("ana", MANAGER, webhook.clone()).await;
        scene.leos = scene.open("leo", OTHER, webhook.clone()).await;
        scene.own = scene.open("mona", MANAGER, webhook.clone()).await;
        scene.approved = scene.open("bo", OTHER, webhook.clone()).await;
        scene.decide(scene.approved, Ask::Approve).await;
        let kims = scene.open("kim", OTHER, webhook).await;
        scene.decide(kims, Ask::Keep { until: None }).await;
        scene.world.work().await;
        let exceptions = scene.world.gate.exceptions().list(scene.world.gate.now(), None, 1).await.unwrap();
        scene.exception = exceptions[0].id.to_string();
        let mona = scene.actor(MANAGER).await;
        scene.sent = scene.open("zoe", MANAGER, mona).await;
        assert_eq!(scene.denials().await, []);
        scene
    }

    async fn open(&self, name: &str, manager: &str, by: Actor) -> RequestId {
        let mut row = candidate(name);
        row["manager"] = json!({ "email": manager });
        let draft: CandidateDraft = serde_json::from_value(row).unwrap();
        let sweep = Sweep::new(by, Surface::Library, vec![Ok(draft.parse().unwrap())]);
        self.world.gate.sweep(sweep).await.unwrap().results[0].request_id.unwrap()
    }

    async fn decide(&self, id: RequestId, ask: Ask) {
        let by = Submission::new(self.actor(OTHER).await, Surface::Library);
        self.world.gate.act(id, ask, Some("because"), &by).await.unwrap();
    }

    async fn actor(&self, address: &str) -> Actor {
        let identity: Identity = address.parse().unwrap();
        let reference = PersonRef::generate(self.world.gate.now(), &OsEntropy);
        let person = NewPerson::new(PersonDraft::new(identity, None), reference);
        Actor::Person(self.world.gate.people().people(vec![person]).await.unwrap()[0])
    }

    /// Status and body of an answer. A call with a host is one of a browser.
    pub(super) async fn send(&self, call: Request<Body>) -> (u16, String) {
        let router = match call.uri().authority().map(|host| host.as_str()) {
            Some(DEMO) => &self.demo,
            Some(_) => &self.proxied,
            None => &self.world.router,
        };
        let response = router.clone().oneshot(call).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// A page as somebody sees it who came through the proxy.
    pub(super) async fn page(&self, path: &str, who: &str) -> (u16, String) {
        self.send(signed_in(Request::get(format!("http://seats{path}")), who).body(Body::empty()).unwrap()).await
    }

    /// A form as `who` sends it.
    pub(super) fn form(&self, path: &str, who: &str, body: &str) -> Request<Body> {
        let call = signed_in(Request::post(format!("http://seats{path}")), who);
        call.header("content-type", FORM).body(Body::from(body.to_owned())).unwrap()
    }

    /// Everything but the access stream: states, trails, exceptions and what is to be done.
    pub(super) async fn everything(&self) -> String {
        let (gate, now) = (&self.world.gate, self.world.gate.now());
        let mut all = format!("{:?}", gate.queries().list(&RequestFilter::first(100)).await.unwrap());
        for stream in gate.queries().streams(None, 100).await.unwrap() {
            if !matches!(stream, Stream::Access(_)) {
                all.push_str(&format!("{:?}", gate.queries().trail(stream).await.unwrap()));
            }
        }
        all.push_str(&format!("{:?}", gate.exceptions().list(now, None, 100).await.unwrap()));
        let items = gate.queries().agenda_depth(now, true).await.unwrap().items;
        format!("{all} {items} {:?} {:?}", gate.settings(), self.world.target.calls().len())
    }

    pub(super) async fn a_minute_later(&self) {
        self.world.clock.advance(Duration::from_secs(60));
        self.world.gate.flush_access().await;
    }

    /// The entries of the access stream, with their counts.
    pub(super) async fn denials(&self) -> Vec<(Denied, u64)> {
        let entries = self.world.gate.queries().trail(self.world.gate.access_stream()).await.unwrap();
        let mut denials = Vec::new();
        for entry in entries {
            let entry: Value = serde_json::from_str(&entry.body).unwrap();
            let data = &entry["data"];
            let denied = Denied {
                who: self.who(entry["actor"].as_str().unwrap()).await,
                surface: label(&entry["surface"]),
                action: label(&data["action"]),
                why: label(&data["denial"]),
                request: data["request"].is_string(),
            };
            denials.push((denied, data["count"].as_u64().unwrap()));
        }
        denials
    }

    async fn who(&self, actor: &str) -> &'static str {
        for address in [MANAGER, OTHER, OPERATOR] {
            let person = self.world.gate.people().find(&address.parse().unwrap()).await.unwrap();
            if person.is_some_and(|person| Actor::Person(person).to_string() == actor) {
                return address;
            }
        }
        if actor == Actor::anonymous().to_string() { "-" } else { "token" }
    }
}

pub(super) const FORM: &str = "application/x-www-form-urlencoded";

fn signed_in(call: Builder, who: &str) -> Builder {
    call.header(PROXY_SECRET_HEADER, PROXY_SECRET).header(EMAIL_HEADER, who)
}

/// The labels that are compared live as long as the test.
fn label(value: &Value) -> &'static str {
    value.as_str().unwrap().to_owned().leak()
}

/// The token of a page's forms.
pub(super) fn token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}
