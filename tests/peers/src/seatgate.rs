//! seatgate, in this process and over HTTP: signature, policy, authority, cards, agenda and hash chain included.

mod store;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::canonical::Digest;
use seatgate_core::driver::{self, DriverOptions};
use seatgate_core::gate::{Ask, Gate, Submission, Sweep};
use seatgate_core::id::RequestId;
use seatgate_core::message::Message;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{
    Clock, Deprovisioner, EffectError, Idempotency, Inbound, Job, Notifier, NotifyError, OsEntropy, Posted, Removal,
    Router, SystemClock, Target,
};
use seatgate_core::seat::CandidateDraft;
use seatgate_core::worker::Worker;
use seatgate_http::server::{HttpOptions, router};
use seatgate_http::sign::{SignedHeaders, Signer, Verifier, WebhookHeaders, WebhookId, WebhookSecret, WebhookSecrets};
use seatgate_http::token::ApiTokens;
use seatgate_store_sqlx::{PgOptions, PgStore};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::store::Watched;
use crate::IN_FLIGHT;
use crate::peer::{Candidate, Outcome, Peer, manager, remove};
use crate::table::NOTHING;
use crate::waiting::Waiting;

const TOKEN: &str = "a-token-of-enough-letters";
const CONNECTIONS: u32 = 16;
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A target that does nothing, and does it well.
struct NoOp;

#[async_trait]
impl Deprovisioner for NoOp {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        remove(job.account.id.as_deref().unwrap_or_default());
        Ok(Removal::removed())
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Natural
    }
}

/// Where cards go.
struct Quiet;

#[async_trait]
impl Notifier for Quiet {
    async fn post(&self, _message: &Message) -> Result<Posted, NotifyError> {
        Ok(Posted::at("here"))
    }

    async fn update(&self, posted: &Posted, _message: &Message) -> Result<Posted, NotifyError> {
        Ok(posted.clone())
    }
}

/// What runs, however it is called.
struct Engine {
    gate: Gate,
    watched: Arc<Watched>,
    secret: WebhookSecret,
    stop: watch::Sender<bool>,
    driver: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    async fn start(url: &str) -> Outcome<Self> {
        let store = Arc::new(PgStore::open(PgOptions::new(url).connections(CONNECTIONS)).await?);
        let watched = Arc::new(Watched { store: Arc::clone(&store), closed: Waiting::default() });
        let target = Target::new("noop", Arc::new(NoOp)).with_concurrency(IN_FLIGHT);
        let gate = Gate::builder(store, Arc::new(SystemClock), Arc::new(OsEntropy))
            .requests(watched.clone())
            .notifier(Arc::new(Quiet))
            .router(Router::new().otherwise(target))
            .build()?;
        let (stop, mut stops) = watch::channel(false);
        let stopped = async move { drop(stops.wait_for(|stop| *stop).await) };
        let driver = tokio::spawn(driver::run(Worker::new(&gate), DriverOptions::default(), stopped));
        let secret = WebhookSecret::generate(&OsEntropy);
        Ok(Self { gate, watched, secret, stop, driver: Some(driver).into() })
    }

    /// As the sender of a sweep signs it.
    fn sign(&self, n: usize, body: &[u8]) -> Outcome<SignedHeaders> {
        let id: WebhookId = format!("msg_{n}").parse()?;
        Ok(Signer::new(self.secret.clone()).sign(&id, SystemClock.now().as_seconds(), body))
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(WebhookSecrets::from(self.secret.clone()))
    }

    /// Until no card waits to be brought up to date.
    async fn rest(&self) -> Outcome<()> {
        while self.gate.queries().agenda_depth(self.gate.now(), true).await?.due > 0 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    async fn stop(&self) {
        let _ = self.stop.send(true);
        let driver = self.driver.lock().ok().and_then(|mut driver| driver.take());
        if let Some(driver) = driver {
            let _ = driver.await;
        }
        self.watched.store.close().await;
    }
}

/// Called as a library, as the example server's routes call it.
pub(crate) struct InProcess(Engine);

impl InProcess {
    pub(crate) async fn start(url: &str) -> Outcome<Self> {
        Engine::start(url).await.map(Self)
    }

    /// What the route of the intake does.
    async fn take_in(&self, n: usize) -> Outcome<RequestId> {
        let Self(engine) = self;
        let body = Candidate::body(n)?;
        let signed = engine.sign(n, &body)?;
        let headers = WebhookHeaders {
            id: Some(signed.id.as_bytes()),
            timestamp: Some(signed.timestamp.as_bytes()),
            signature: Some(signed.signature.as_bytes()),
        };
        let delivery = engine.verifier().verify(&headers, body, engine.gate.now())?;
        let candidate = serde_json::from_slice::<CandidateDraft>(delivery.body())?.parse()?;
        let inbound = Inbound::new(delivery.id().to_string(), Digest::of(delivery.body()));
        let sweep = Sweep::new(Actor::webhook(), Surface::Webhook, vec![Ok(candidate)]).delivered_as(inbound);
        let report = engine.gate.sweep(sweep).await?;
        report.results.first().and_then(|row| row.request_id).ok_or_else(|| "nobody was asked".into())
    }
}

#[async_trait]
impl Peer for InProcess {
    fn name(&self) -> &'static str {
        "seatgate, in process"
    }

    fn settings(&self) -> String {
        format!(
            "this checkout; PgStore with {CONNECTIONS} connections, {IN_FLIGHT} removals at a time, else its defaults"
        )
    }

    fn lacks(&self) -> &'static str {
        NOTHING
    }

    async fn cycle(&self, n: usize) -> Outcome<()> {
        let id = self.take_in(n).await?;
        let Self(engine) = self;
        let manager = engine.gate.people().find(&manager(n).parse()?).await?.ok_or("nobody was asked")?;
        let by = Submission::new(Actor::Person(manager), Surface::Api);
        engine.gate.act(id, Ask::Approve, None, &by).await?;
        engine.watched.closed.wait(id).await.ok_or_else(|| "the engine is gone".into())
    }

    async fn rest(&self) -> Outcome<()> {
        self.0.rest().await
    }

    async fn stop(&self) {
        self.0.stop().await;
    }
}

/// Called over HTTP on loopback, by the routes that the example server has.
pub(crate) struct OverHttp {
    engine: Engine,
    base: String,
    http: reqwest::Client,
}

impl OverHttp {
    pub(crate) async fn start(url: &str, http: reqwest::Client) -> Outcome<Self> {
        let engine = Engine::start(url).await?;
        let options = HttpOptions::new(engine.verifier(), ApiTokens::admin(TOKEN)?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let routes = router(engine.gate.clone(), options);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { engine, base, http })
    }
}

#[async_trait]
impl Peer for OverHttp {
    fn name(&self) -> &'static str {
        "seatgate, over HTTP"
    }

    fn settings(&self) -> String {
        "as in process, behind the example server's routes; HTTP/1.1, connections kept".to_owned()
    }

    fn lacks(&self) -> &'static str {
        NOTHING
    }

    async fn cycle(&self, n: usize) -> Outcome<()> {
        let body = Candidate::body(n)?;
        let call = self.http.post(format!("{}/v1/candidates", self.base)).header("content-type", "application/json");
        let pairs = self.engine.sign(n, &body)?.into_pairs();
        let call = pairs.into_iter().fold(call, |call, (name, value)| call.header(name, value));
        let answer: Value = call.body(body).send().await?.error_for_status()?.json().await?;
        let id = answer["results"][0]["request_id"].as_str().ok_or("nobody was asked")?;
        let decision = json!({"decision": "approve", "as": {"email": manager(n)}});
        let call = self.http.post(format!("{}/v1/requests/{id}/decision", self.base)).bearer_auth(TOKEN);
        call.json(&decision).send().await?.error_for_status()?.bytes().await?;
        self.engine.watched.closed.wait(id.parse()?).await.ok_or_else(|| "the engine is gone".into())
    }

    async fn rest(&self) -> Outcome<()> {
        self.engine.rest().await
    }

    async fn stop(&self) {
        self.engine.stop().await;
    }
}
