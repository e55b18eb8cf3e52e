//! A gate with one target and one operator, its router, and ways to call it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use seatgate_core::gate::Gate;
use seatgate_core::memory::MemoryStore;
use seatgate_core::playbook::Playbooks;
use seatgate_core::policy::{Policy, PolicyDraft};
use seatgate_core::port::{Clock, Idempotency, Router as Targets, Target};
use seatgate_core::testing::{Faulty, ManualClock, RecordingNotifier, ScriptedDeprovisioner, SeededEntropy};
use seatgate_core::time::Timestamp;
use seatgate_core::worker::Worker;
use seatgate_http::intake::mapping::Mapping;
use seatgate_http::server::{HttpOptions, SlackHealth, router};
use seatgate_http::sign::{Signer, Verifier, WebhookSecret, WebhookSecrets};
use seatgate_http::token::ApiTokens;
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
pub(crate) const TOKEN: &str = "a-token-of-enough-letters";
pub(crate) const OPERATOR: &str = "olga@example.com";
pub(crate) const MANAGER: &str = "mona@example.com";

/// A reply, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and pointer of a problem.
    pub(crate) fn problem(&self) -> (u16, &str) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], self.status.as_u16());
        for member in ["type", "title", "detail"] {
            assert!(self.body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {self:?}");
        }
        (self.status.as_u16(), self.body["pointer"].as_str().unwrap_or("-"))
    }
}

pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) target: Arc<ScriptedDeprovisioner>,
    pub(crate) notifier: Arc<RecordingNotifier>,
    /// Fails where it is told to.
    pub(crate) store: Arc<Faulty<MemoryStore>>,
    pub(crate) router: Router,
    memory: Arc<MemoryStore>,
    deliveries: AtomicU32,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_policy(&[]).await
    }

    pub(crate) async fn with_policy(keys: &[(&str, &str)]) -> Self {
        Self::with(keys, |options| options).await
    }

    pub(crate) async fn with_mapping(name: &str, mapping: Mapping) -> Self {
        Self::with(&[], |options| options.mapping(name, mapping)).await
    }

    pub(crate) async fn with_slack(slack: SlackHealth) -> Self {
        Self::with(&[], |options| options.slack(move || slack.clone())).await
    }

    /// A world whose server is about to stop.
    pub(crate) async fn leaving() -> Self {
        Self::with(&[], |options| options.leaving(|| true)).await
    }

    async fn with(keys: &[(&str, &str)], set_up: impl FnOnce(HttpOptions) -> HttpOptions) -> Self {
        let target = Arc::new(ScriptedDeprovisioner::new(Idempotency::Unknown));
        let targets = Targets::new().route("figma".parse().unwrap(), Target::new("figma", target.clone()));
        Self { target, ..Self::set_up(targets, Self::clock(), keys, set_up).await }
    }

    /// The clock of a world, before there is one.
    pub(crate) fn clock() -> Arc<ManualClock> {
        Arc::new(ManualClock::new("2026-11-22T08:00:00Z".parse::<Timestamp>().unwrap()))
    }

    /// A world with targets of its own.
    pub(crate) async fn removing_through(targets: Targets, clock: Arc<ManualClock>, keys: &[(&str, &str)]) -> Self {
        Self::set_up(targets, clock, keys, |options| options).await
    }

    /// A world with targets and playbooks of its own.
    pub(crate) async fn offboarding(targets: Targets, clock: Arc<ManualClock>, playbooks: &Value) -> Self {
        let names = targets.targets().map(|target| target.name.clone()).collect();
        let playbooks = Playbooks::read(playbooks.as_object().unwrap(), None, &names).unwrap();
        Self::furnish(targets, clock, &[], playbooks, |options| options).await
    }

    async fn set_up(
        targets: Targets,
        clock: Arc<ManualClock>,
        keys: &[(&str, &str)],
        set_up: impl FnOnce(HttpOptions) -> HttpOptions,
    ) -> Self {
        Self::furnish(targets, clock, keys, Playbooks::default(), set_up).await
    }

    async fn furnish(
        targets: Targets,
        clock: Arc<ManualClock>,
        keys: &[(&str, &str)],
        playbooks: Playbooks,
        set_up: impl FnOnce(HttpOptions) -> HttpOptions,
    ) -> Self {
        let mut draft = PolicyDraft::default();
        keys.iter().for_each(|(key, value)| draft.set(key, value));
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let notifier = Arc::new(RecordingNotifier::default());
        let target = Arc::new(ScriptedDeprovisioner::new(Idempotency::Unknown));
        let faulty = Arc::new(Faulty::new(store.clone()));
        let gate = Gate::builder(store.clone(), clock.clone(), Arc::new(SeededEntropy::new(1)))
            .router(targets)
            .notifier(notifier.clone())
            .timer(tokio::time::sleep)
            .requests(faulty.clone())
            .policy(Policy::from_draft(&draft).unwrap())
            .playbooks(playbooks)
            .build()
            .unwrap();
        gate.appoint(&[OPERATOR.parse().unwrap()]).await.unwrap();
        let verifier = Verifier::new(SECRET.parse::<WebhookSecrets>().unwrap());
        let options = HttpOptions::new(verifier, ApiTokens::admin(TOKEN).unwrap());
        let router = router(gate.clone(), set_up(options));
        Self { gate, clock, target, notifier, store: faulty, router, memory: store, deliveries: AtomicU32::new(0) }
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
        assert_eq!(parts.headers.get("x-content-type-options").unwrap(), "nosniff");
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// The server once more, on the same store, with another policy.
    pub(crate) async fn again(&self, policy: Policy) -> Gate {
        let targets = Targets::new().route("figma".parse().unwrap(), Target::new("figma", self.target.clone()));
        let gate = Gate::builder(self.memory.clone(), self.clock.clone(), Arc::new(SeededEntropy::new(2)))
            .router(targets)
            .policy(policy)
            .build()
            .unwrap();
        gate.appoint(&[OPERATOR.parse().unwrap()]).await.unwrap();
        gate
    }

    /// The same world, served by this gate.
    pub(crate) fn serving(self, gate: Gate) -> Self {
        let verifier = Verifier::new(SECRET.parse::<WebhookSecrets>().unwrap());
        let router = router(gate.clone(), HttpOptions::new(verifier, ApiTokens::admin(TOKEN).unwrap()));
        Self { gate, router, ..self }
    }

    /// A call of the API with the token.
    pub(crate) async fn api(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {TOKEN}"));
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.call(request.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.api("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.api("POST", path, Some(body)).await
    }

    /// A delivery with a new id.
    pub(crate) async fn deliver(&self, body: &Value) -> Reply {
        let id = format!("msg_{}", self.deliveries.fetch_add(1, Ordering::SeqCst));
        self.call(self.signed(&id, "/v1/candidates", body.to_string().as_bytes())).await
    }

    /// A delivery of that media type with a new id.
    pub(crate) async fn deliver_as(&self, media_type: &str, body: &[u8]) -> Reply {
        let id = format!("msg_{}", self.deliveries.fetch_add(1, Ordering::SeqCst));
        self.call(self.signed_as(media_type, &id, "/v1/candidates", body)).await
    }

    pub(crate) fn signed_as(&self, media_type: &str, id: &str, path: &str, body: &[u8]) -> Request<Body> {
        let mut request = self.signed(id, path, body);
        request.headers_mut().insert("content-type", media_type.parse().unwrap());
        request
    }

    pub(crate) fn signed(&self, id: &str, path: &str, body: &[u8]) -> Request<Body> {
        signed(SECRET, id, self.clock.now().as_seconds(), path, body)
    }

    /// Asks about a seat, and answers with the path of the request.
    pub(crate) async fn open(&self) -> String {
        let reply = self.deliver(&candidate("ana")).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{reply:?}");
        format!("/v1/requests/{}", reply.body["results"][0]["request_id"].as_str().unwrap())
    }

    pub(crate) async fn decide(&self, request: &str, body: Value) -> Reply {
        self.post(&format!("{request}/decision"), body).await
    }

    pub(crate) async fn work(&self) {
        Worker::new(&self.gate).run_until_idle().await.unwrap();
    }

    /// What the access stream says about denials: action and reason.
    pub(crate) async fn denials(&self) -> Vec<(String, String)> {
        let entries = self.gate.queries().trail(self.gate.access_stream()).await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let parse = |body: &str| serde_json::from_str::<Value>(body).unwrap()["data"].clone();
        let data = entries.iter().map(|entry| parse(&entry.body));
        data.map(|data| (text(&data["action"]), text(&data["denial"]))).collect()
    }
}

pub(crate) fn signed(secret: &str, id: &str, at: i64, path: &str, body: &[u8]) -> Request<Body> {
    let signer = Signer::new(secret.parse::<WebhookSecret>().unwrap());
    let mut request = Request::builder().method("POST").uri(path).header("content-type", "application/json");
    for (name, value) in signer.sign(&id.parse().unwrap(), at, body).into_pairs() {
        request = request.header(name, value);
    }
    request.body(Body::from(body.to_vec())).unwrap()
}

/// A candidate with everything, held by `name`.
pub(crate) fn candidate(name: &str) -> Value {
    json!({
        "source": "okta-sweep", "external_id": "row-17", "app": {"id": "figma", "name": "Figma"},
        "account": {"id": format!("00u-{name}"), "email": format!("{name}@example.com"), "name": "Ana Ruiz"},
        "entitlement": "pro", "manager": {"email": MANAGER, "name": "Mona Li"},
        "last_activity_at": "2026-06-01T00:00:00Z", "never_used": false, "observed_at": "2026-11-20T06:00:00Z",
        "monthly_cost": {"amount": "45.00", "currency": "USD"}, "requesting_channel": "C0SWEEP",
        "risk_tags": ["finance"], "custom": {"cost_center": "42"}
    })
}

/// `as`, for a body.
pub(crate) fn person(email: &str) -> Value {
    json!({ "email": email })
}
