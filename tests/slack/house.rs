//! A gate, a worker and the Slack app on a socket, all on one manual clock, against the fake Slack.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use seatgate_core::gate::{Gate, GateBuilder, Store, Sweep};
use seatgate_core::id::RequestId;
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::policy::{Policy, PolicyDraft};
use seatgate_core::port::{Idempotency, Layered, RequestStore, Router, Target};
use seatgate_core::request::Request;
use seatgate_core::seat::{Candidate, CandidateDraft};
use seatgate_core::testing::{Faulty, ManualClock, ScriptedDeprovisioner, SeededEntropy};
use seatgate_core::worker::Worker;
use seatgate_slack::card::Renderer;
use seatgate_slack::directory::SlackDirectory;
use seatgate_slack::inbound::SlackApp;
use seatgate_slack::notifier::SlackNotifier;
use seatgate_slack::payload::PayloadReader;
use seatgate_slack::workspace::Workspace;
use serde_json::{Value, json};

use crate::fake_slack::{FakeSlack, Gesture, Message, SIGNING_SECRET};
use crate::world::World;

/// The second, for a secret that is being replaced.
pub(crate) const NEW_SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The field of the profile that names the manager.
pub(crate) const MANAGER_FIELD: &str = "Xf1";

pub(crate) struct House {
    pub(crate) slack: FakeSlack,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) gate: Gate,
    pub(crate) worker: Worker,
    pub(crate) store: Arc<Faulty<dyn RequestStore>>,
    pub(crate) target: Arc<ScriptedDeprovisioner>,
    pub(crate) workspace: Workspace,
    /// Where the app listens.
    pub(crate) base: String,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::under(&[]).await
    }

    /// Under this policy. Mona (`U1`) is the manager, `C1` the channel that hears, `C9` where those are asked who get no
    /// direct messages.
    pub(crate) async fn under(policy: &[(&str, &str)]) -> Self {
        let world = World::patient(Duration::from_secs(2)).await;
        let store = Arc::new(MemoryStore::new(world.clock.clone()));
        Self::over(store, world, policy).await
    }

    /// The same over another store.
    pub(crate) async fn over<S: Store + 'static>(store: Arc<S>, world: World, policy: &[(&str, &str)]) -> Self {
        Self::of_life(1, store, world, policy).await
    }

    /// The same for a process that follows `life - 1` others over one store: its ids are its own.
    pub(crate) async fn of_life<S: Store + 'static>(
        life: u64,
        store: Arc<S>,
        world: World,
        policy: &[(&str, &str)],
    ) -> Self {
        Self::built(life, store, world, policy, |builder, _, _| builder).await
    }

    /// Over a store in memory, under this policy, with what is changed before the gate is built.
    pub(crate) async fn with(policy: &[(&str, &str)], change: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        let world = World::patient(Duration::from_secs(2)).await;
        let store = Arc::new(MemoryStore::new(world.clock.clone()));
        Self::built(1, store, world, policy, |builder, _, _| change(builder)).await
    }

    /// Over a store in memory that comes first, and then Slack's profiles, whose field `Xf1` names the manager.
    pub(crate) async fn reading_profiles(policy: &[(&str, &str)]) -> Self {
        let world = World::patient(Duration::from_secs(2)).await;
        let store = Arc::new(MemoryStore::new(world.clock.clone()));
        world.slack.with(|state| state.scopes.insert("users.profile:read".to_owned()));
        let layered = |builder: GateBuilder, workspace: &Workspace, store: &Arc<MemoryStore>| {
            let entropy = Arc::new(SeededEntropy::new(2));
            let profiles = SlackDirectory::new(workspace.clone(), store.clone(), entropy);
            let profiles = Arc::new(profiles.manager_in(MANAGER_FIELD.parse().unwrap()));
            builder.directory(Arc::new(Layered::new(vec![store.clone(), profiles])))
        };
        Self::built(1, store, world, policy, layered).await
    }

    pub(crate) async fn built<S: Store + 'static>(
        life: u64,
        store: Arc<S>,
        world: World,
        policy: &[(&str, &str)],
        change: impl FnOnce(GateBuilder, &Workspace, &Arc<S>) -> GateBuilder,
    ) -> Self {
        let World { clock, slack, client } = world;
        slack.channel(crate::fake_slack::Channel::new("C9"));
        let workspace = Workspace::new(client, Renderer::default(), clock.clone());
        let notifier = SlackNotifier::new(workspace.clone()).fallback(Some("C9".parse().unwrap()));
        let requests: Arc<dyn RequestStore> = store.clone();
        let faulty = Arc::new(Faulty::new(requests));
        let target = Arc::new(ScriptedDeprovisioner::new(Idempotency::Natural));
        let mut draft = PolicyDraft::default();
        policy.iter().for_each(|(key, value)| draft.set(key, value));
        let builder = Gate::builder(store.clone(), clock.clone(), Arc::new(SeededEntropy::new(life)))
            .requests(faulty.clone())
            .router(Router::new().otherwise(Target::new("idp", target.clone())))
            .notifier(Arc::new(notifier))
            .policy(Policy::from_draft(&draft).unwrap());
        let gate = change(builder, &workspace, &store).build().unwrap();
        let base = serve(&gate, workspace.clone(), &slack).await;
        Self { workspace, slack, clock, worker: Worker::new(&gate), gate, store: faulty, target, base }
    }

    /// Asks about seats, and answers with their requests.
    pub(crate) async fn sweep(&self, rows: Vec<Candidate>) -> Vec<RequestId> {
        let rows = rows.into_iter().map(Ok).collect();
        let sweep = Sweep::new(Actor::system("scan").unwrap(), Surface::Webhook, rows);
        let report = self.gate.sweep(sweep).await.unwrap();
        report.results.iter().map(|result| result.request_id.unwrap()).collect()
    }

    /// Ana's seat is asked about, and Mona has her card.
    pub(crate) async fn ask(&self) -> (RequestId, Message) {
        let requests = self.sweep(vec![seat(json!({}))]).await;
        self.work().await;
        (requests[0], self.slack.wait_for_message("U1", 1).await)
    }

    /// Whatever is due now.
    pub(crate) async fn work(&self) {
        self.worker.run_until_idle().await.unwrap();
    }

    /// Time goes by, and the work with it.
    pub(crate) async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            self.work().await;
        }
    }

    pub(crate) async fn send(&self, gesture: Gesture) -> (u16, Value) {
        let answer = gesture.send(&self.base).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body)))
    }

    /// A click on the button that does `action` for `request`.
    pub(crate) async fn click(&self, message: &Message, action: &str, request: RequestId, user: &str) -> u16 {
        self.send(self.slack.click(message, &format!("{action}/{request}")).by(user)).await.0
    }

    pub(crate) async fn request(&self, id: RequestId) -> Request {
        self.gate.request(id).await.unwrap()
    }

    /// The message as it stands now.
    pub(crate) fn now_says(&self, message: &Message) -> Message {
        self.slack.message(&message.channel, &message.ts)
    }

    /// Waits for the next short answer after `before` of them, and says what it is.
    pub(crate) async fn told(&self, user: &str, before: usize) -> String {
        let told = |state: &crate::fake_slack::State| {
            state.ephemerals.iter().filter(|one| one.user == user).nth(before).map(|one| one.text.clone())
        };
        self.slack.wait_for(&format!("answer {before} to {user}"), told).await
    }

    /// What was denied so far: counts by surface, action and denial. Waits until there are `entries` of them.
    pub(crate) async fn denied(&self, entries: usize) -> BTreeMap<String, u64> {
        let found = async {
            loop {
                self.gate.flush_access().await;
                let trail = self.gate.queries().trail(self.gate.access_stream()).await.unwrap();
                if trail.len() >= entries {
                    return trail;
                }
                tokio::task::yield_now().await;
            }
        };
        let trail = tokio::time::timeout(Duration::from_secs(20), found).await.expect("the denials are recorded");
        let mut denied = BTreeMap::new();
        for entry in trail {
            let entry: Value = serde_json::from_str(&entry.to_json()).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let data = &entry["data"];
            let key = [&entry["surface"], &data["action"], &data["denial"]].map(text).join(" ");
            *denied.entry(key).or_default() += data["count"].as_u64().unwrap();
        }
        denied
    }

    pub(crate) async fn person(&self, email: &str) -> seatgate_core::id::PersonRef {
        self.gate.people().find(&email.parse().unwrap()).await.unwrap().expect("a known person")
    }
}

async fn serve(gate: &Gate, workspace: Workspace, slack: &FakeSlack) -> String {
    let secrets = format!("{SIGNING_SECRET},{NEW_SECRET}").parse().unwrap();
    let reader = PayloadReader::new().also_respond_below(slack.response_base().parse().unwrap());
    let app = SlackApp::new(gate.clone(), workspace, secrets).reading_with(reader);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, seatgate_slack::axum::routes(app)).await });
    base
}

/// Ana's seat, with these changes.
pub(crate) fn seat(changes: Value) -> Candidate {
    let mut json = json!({
        "app": {"id": "figma", "name": "Figma"},
        "account": {"id": "00u1", "email": "ana@example.com", "name": "Ana Ruiz"},
        "entitlement": "pro",
        "manager": {"email": "mona@example.com", "name": "Mona Li"},
        "last_activity_at": "2026-06-01T00:00:00Z",
        "monthly_cost": {"amount": "45.00", "currency": "USD"},
        "requesting_channel": "C1",
    });
    for (key, value) in changes.as_object().unwrap() {
        json[key] = value.clone();
    }
    serde_json::from_value::<CandidateDraft>(json).unwrap().parse().unwrap()
}

/// The seat of number `number`.
pub(crate) fn seat_of(number: usize) -> Candidate {
    seat(json!({"account": {"id": format!("00u{number}"), "email": format!("holder{number}@example.com")}}))
}
