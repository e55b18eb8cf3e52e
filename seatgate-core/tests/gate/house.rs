//! A gate with everything around it, in one process, on manual clocks.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::gate::{Ask, Gate, GateBuilder, GateError, Submission, Sweep, SweepReport};
use seatgate_core::id::{PersonRef, RequestId};
use seatgate_core::memory::MemoryStore;
use seatgate_core::message::Content;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::policy::{Mode, Policy, PolicyDraft};
use seatgate_core::port::{Clock, Idempotency, Inbound, Layered, NotifyError, Router, RowStatus, Target};
use seatgate_core::request::Request;
use seatgate_core::seat::{Candidate, CandidateDraft};
use seatgate_core::testing::{
    ManualClock, RecordingNotifier, ScriptedDeprovisioner, ScriptedDirectory, SeededEntropy, Sent,
};
use seatgate_core::trail::{Stream, verify};
use seatgate_core::worker::Worker;
use serde_json::{Value, json};

use crate::stepped::{Stepped, Steps};

/// What outlives a crash of the process.
pub struct World {
    pub clock: Arc<ManualClock>,
    pub lease_clock: Arc<ManualClock>,
    pub entropy: Arc<SeededEntropy>,
    pub store: Arc<MemoryStore>,
    pub target: Arc<ScriptedDeprovisioner>,
    pub notifier: Arc<RecordingNotifier>,
    pub directory: Arc<ScriptedDirectory>,
    pub policy: Policy,
    pub reversible: bool,
}

/// A running process.
pub struct House {
    pub world: Arc<World>,
    pub gate: Gate,
    pub worker: Worker,
    pub steps: Steps,
}

pub const KEYED: Idempotency = Idempotency::Natural;

impl World {
    pub fn new(target: ScriptedDeprovisioner, policy: &[(&str, &str)]) -> Arc<Self> {
        let now = "2026-11-20T06:00:00Z".parse().unwrap();
        let lease_clock = Arc::new(ManualClock::new(now));
        let mut draft = PolicyDraft::default();
        policy.iter().for_each(|(path, text)| draft.set(path, text));
        Arc::new(Self {
            clock: Arc::new(ManualClock::new(now)),
            store: Arc::new(MemoryStore::new(lease_clock.clone())),
            lease_clock,
            entropy: Arc::new(SeededEntropy::new(1)),
            target: Arc::new(target),
            notifier: Arc::default(),
            directory: Arc::default(),
            policy: Policy::from_draft(&draft).unwrap(),
            reversible: false,
        })
    }

    /// Time goes by, for the gate and for leases.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.lease_clock.advance(time);
    }

    pub fn start(self: &Arc<Self>, steps: Steps) -> House {
        let gate = self.builder(&steps).build().unwrap();
        House { world: self.clone(), worker: Worker::new(&gate), gate, steps }
    }

    pub fn builder(self: &Arc<Self>, steps: &Steps) -> GateBuilder {
        let deprovisioner = Arc::new(Stepped { steps: steps.clone(), inner: self.target.clone() });
        let mut target = Target::new("idp", deprovisioner);
        target.reversible = self.reversible;
        Gate::builder(
            Arc::new(Stepped { steps: steps.clone(), inner: self.store.clone() }),
            self.clock.clone(),
            self.entropy.clone(),
        )
        .notifier(Arc::new(Stepped { steps: steps.clone(), inner: self.notifier.clone() }))
        .directory(Arc::new(Layered::new(vec![self.store.clone(), self.directory.clone()])))
        .router(Router::new().otherwise(target))
        .policy(self.policy.clone())
    }
}

impl House {
    pub fn new() -> Self {
        Self::with(ScriptedDeprovisioner::new(KEYED), &[])
    }

    pub fn with(target: ScriptedDeprovisioner, policy: &[(&str, &str)]) -> Self {
        World::new(target, policy).start(Steps::free())
    }

    pub async fn sweep(&self, rows: Vec<Candidate>) -> SweepReport {
        self.try_sweep(rows, None).await.unwrap()
    }

    pub async fn try_sweep(&self, rows: Vec<Candidate>, inbound: Option<Inbound>) -> Result<SweepReport, GateError> {
        let mut sweep =
            Sweep::new(Actor::system("scan").unwrap(), Surface::Webhook, rows.into_iter().map(Ok).collect());
        sweep.inbound = inbound;
        self.gate.sweep(sweep).await
    }

    /// Ana's seat is asked about, and Mona has her card.
    pub async fn open(&self) -> RequestId {
        let report = self.sweep(vec![ana()]).await;
        assert_eq!(report.results[0].status, RowStatus::Asked);
        self.idle().await;
        report.results[0].request_id.unwrap()
    }

    pub async fn idle(&self) {
        self.worker.run_until_idle().await.unwrap();
    }

    /// Time goes by until nothing is left on the agenda but what waits for people.
    pub async fn settle(&self) {
        for _ in 0..200 {
            self.idle().await;
            self.world.pass(Duration::from_secs(30));
        }
        self.idle().await;
    }

    /// The cards that arrived, in order.
    pub fn cards(&self) -> Vec<Sent> {
        let sent = self.world.notifier.sent().into_iter();
        sent.filter(|sent| matches!(sent.message.content, Content::Card { .. })).collect()
    }

    /// The next card and the next notice of its sweep do not arrive.
    pub fn fail_card_and_notice(&self, error: &NotifyError) {
        (0..2).for_each(|_| self.world.notifier.fail_next(error.clone()));
    }

    pub async fn by(&self, email: &str) -> Submission {
        let person = self.gate.people().find(&email.parse().unwrap()).await.unwrap();
        Submission::new(Actor::Person(person.expect("a known person")), Surface::Inbox)
    }

    /// Whoever has this address; somebody new, if nobody had it.
    pub async fn person(&self, email: &str) -> PersonRef {
        self.gate.person(email.parse().unwrap(), None).await.unwrap()
    }

    pub async fn approve(&self, id: RequestId) -> Result<Request, GateError> {
        self.gate.act(id, Ask::Approve, None, &self.by("mona@example.com").await).await
    }

    pub async fn keep(&self, id: RequestId) -> Result<Request, GateError> {
        let by = self.by("mona@example.com").await;
        self.gate.act(id, Ask::Keep { until: None }, Some("on leave until spring"), &by).await
    }

    /// Whoever operates: they need a name that the store knows.
    pub async fn appoint(&self, email: &str) -> Submission {
        self.gate.appoint(&[email.parse().unwrap()]).await.unwrap();
        self.by(email).await
    }

    pub async fn request(&self, id: RequestId) -> Request {
        self.gate.request(id).await.unwrap()
    }

    /// The entries of a request's trail as JSON, verified.
    pub async fn trail(&self, id: RequestId) -> Vec<Value> {
        let stream = Stream::Request(id);
        let entries = self.gate.queries().trail(stream).await.unwrap();
        let lines: Vec<String> = entries.iter().map(seatgate_core::trail::Entry::to_json).collect();
        verify(stream, lines.iter().map(String::as_str)).unwrap();
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub async fn kinds(&self, id: RequestId) -> Vec<String> {
        self.trail(id).await.iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect()
    }

    pub fn mode(&self, mode: Mode) {
        self.gate.set_mode(mode);
    }

    pub fn calls(&self) -> usize {
        self.world.target.calls().len()
    }

    pub fn now(&self) -> seatgate_core::time::Timestamp {
        self.world.clock.now()
    }
}

pub fn candidate(changes: Value) -> Candidate {
    let mut json = json!({
        "app": {"id": "figma", "name": "Figma"},
        "account": {"id": "00u1", "email": "ana@example.com", "name": "Ana Ruiz"},
        "entitlement": "pro",
        "manager": {"email": "mona@example.com", "name": "Mona Li"},
        "last_activity_at": "2026-06-01T00:00:00Z",
        "monthly_cost": {"amount": "45.00", "currency": "USD"},
        "requesting_channel": "C0SWEEP",
    });
    for (key, value) in changes.as_object().unwrap() {
        json[key] = value.clone();
    }
    serde_json::from_value::<CandidateDraft>(json).unwrap().parse().unwrap()
}

pub fn ana() -> Candidate {
    candidate(json!({}))
}
