//! A gate with playbooks, a target for each of them, two operators, and Ana, who leaves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::gate::{Ask, Gate, GateError, Offboard, Submission, Sweep};
use seatgate_core::id::{PersonRef, RequestId, TaskId};
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Actor, PersonDraft, Surface};
use seatgate_core::playbook::Playbooks;
use seatgate_core::policy::Mode;
use seatgate_core::port::{
    Deprovisioner, EffectError, Idempotency, Job, OffboardingFilter, OffboardingRow, Removal, Router, RowResult,
    SeatStatus, Target,
};
use seatgate_core::request::{Request, Resolution, Task, TaskStatus};
use seatgate_core::testing::{ManualClock, RecordingNotifier, ScriptedDeprovisioner, SeededEntropy, Step};
use seatgate_core::trail::Stream;
use seatgate_core::worker::Worker;
use serde_json::{Value, json};

use crate::house::ana;

/// A scripted target that remembers what it was told.
pub struct Told {
    pub script: ScriptedDeprovisioner,
    pub jobs: Mutex<Vec<Job>>,
}

#[async_trait]
impl Deprovisioner for Told {
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
        self.jobs.lock().unwrap().push(job.clone());
        self.script.deprovision(job).await
    }

    async fn probe(&self, job: &Job) -> SeatStatus {
        self.script.probe(job).await
    }

    fn idempotency(&self) -> Idempotency {
        self.script.idempotency()
    }
}

pub struct Scene {
    pub clock: Arc<ManualClock>,
    pub notifier: Arc<RecordingNotifier>,
    pub targets: BTreeMap<&'static str, Arc<Told>>,
    pub gate: Gate,
    pub worker: Worker,
}

const TARGETS: [&str; 5] = ["okta", "figma", "github", "vpn", "laptop"];

/// `lock`, then `figma` and `github` side by side, and then `wipe`; `vpn` needs nothing and may be left out.
pub fn leaver() -> Value {
    json!({"leaver": {"tasks": [
        {"name": "lock", "target": "okta", "parameters": {"login": "{email}", "note": "{name} leaves"}},
        {"name": "figma", "target": "figma", "needs": ["lock"]},
        {"name": "github", "target": "github", "needs": ["lock"]},
        {"name": "vpn", "target": "vpn", "optional": true},
        {"name": "wipe", "target": "laptop", "needs": ["figma", "github"]},
    ]}})
}

/// One task, and a second operator.
pub fn four_eyes() -> Value {
    json!({"leaver": {"four_eyes": true, "tasks": [{"name": "lock", "target": "okta"}]}})
}

pub fn playbooks(tables: &Value) -> Playbooks {
    let targets = TARGETS.iter().map(|name| (*name).to_owned()).collect();
    Playbooks::read(tables.as_object().unwrap(), None, &targets).unwrap()
}

impl Scene {
    pub async fn new(tables: &Value) -> Self {
        Self::with(tables, Idempotency::Natural).await
    }

    pub async fn with(tables: &Value, idempotency: Idempotency) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-20T06:00:00Z".parse().unwrap()));
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let notifier = Arc::new(RecordingNotifier::default());
        let told = || Arc::new(Told { script: ScriptedDeprovisioner::new(idempotency), jobs: Mutex::default() });
        let targets: BTreeMap<_, _> = TARGETS.iter().map(|name| (*name, told())).collect();
        let route = |router: Router, (name, target): (&&str, &Arc<Told>)| {
            router.route(name.parse().unwrap(), Target::new(*name, target.clone()))
        };
        let gate = Gate::builder(store, clock.clone(), Arc::new(SeededEntropy::new(1)))
            .notifier(notifier.clone())
            .router(targets.iter().fold(Router::new(), route))
            .channel(Some("C0IT".parse().unwrap()))
            .playbooks(playbooks(tables))
            .build()
            .unwrap();
        gate.appoint(&["olga@example.com".parse().unwrap(), "otto@example.com".parse().unwrap()]).await.unwrap();
        Self { clock, notifier, targets, worker: Worker::new(&gate), gate }
    }

    pub async fn person(&self, email: &str) -> PersonRef {
        let known = self.gate.people().find(&email.parse().unwrap()).await.unwrap();
        known.expect("a known person")
    }

    pub async fn by(&self, email: &str) -> Submission {
        Submission::new(Actor::Person(self.person(email).await), Surface::Api)
    }

    pub async fn offboard(&self, ask: &Offboard, by: &str) -> Result<Request, GateError> {
        self.gate.offboard(ask, &self.by(by).await).await
    }

    /// Olga offboards Ana.
    pub async fn start(&self) -> RequestId {
        self.offboard(&leaving(), "olga@example.com").await.unwrap().id
    }

    pub async fn act(&self, id: RequestId, ask: Ask, by: &str) -> Result<Request, GateError> {
        self.gate.act(id, ask, Some("because"), &self.by(by).await).await
    }

    /// Olga answers the task of this name.
    pub async fn answer(&self, id: RequestId, task: &str, resolution: Resolution) -> Result<Request, GateError> {
        let task = self.task(id, task).await.id;
        self.act(id, Ask::Resolve { task, pause: None, resolution }, "olga@example.com").await
    }

    pub async fn request(&self, id: RequestId) -> Request {
        self.gate.request(id).await.unwrap()
    }

    pub async fn task(&self, id: RequestId, name: &str) -> Task {
        let request = self.request(id).await;
        request.plan.tasks.iter().find(|task| task.name == name).expect("a task of this name").clone()
    }

    pub async fn task_id(&self, id: RequestId, name: &str) -> TaskId {
        self.task(id, name).await.id
    }

    /// How the tasks stand, in the order of the plan; the table must say the same as the state.
    pub async fn standing(&self, id: RequestId) -> Vec<(String, TaskStatus)> {
        let request = self.request(id).await;
        let rows: Vec<OffboardingRow> = self.gate.queries().offboardings(&OffboardingFilter::first(99)).await.unwrap();
        let table: Vec<_> =
            rows.into_iter().filter(|row| row.request == id).map(|row| (row.name, row.status, row.attempts)).collect();
        let state = request.plan.tasks.iter().map(|task| (task.name.clone(), task.state.status(), task.attempts));
        assert_eq!(table, state.collect::<Vec<_>>(), "the table agrees with the state");
        table.into_iter().map(|(name, status, _)| (name, status)).collect()
    }

    pub async fn idle(&self) {
        self.worker.run_until_idle().await.unwrap();
    }

    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Time goes by until nothing is left but what waits for people.
    pub async fn settle(&self) {
        for _ in 0..100 {
            self.idle().await;
            self.pass(Duration::from_secs(30));
        }
    }

    pub fn script(&self, target: &str, step: Step) {
        self.targets[target].script.then(step);
    }

    pub fn calls(&self, target: &str) -> usize {
        self.targets[target].script.calls().len()
    }

    pub async fn kinds(&self, id: RequestId) -> Vec<String> {
        let entries = self.gate.queries().trail(Stream::Request(id)).await.unwrap();
        entries.iter().map(|entry| entry.kind.clone()).collect()
    }

    /// The denials that were recorded: action and why.
    pub async fn denials(&self) -> Vec<(String, String)> {
        let entries = self.gate.queries().trail(self.gate.access_stream()).await.unwrap();
        let denial = |entry: &seatgate_core::trail::Entry| {
            let json: Value = serde_json::from_str(&entry.to_json()).unwrap();
            let text = |key: &str| json["data"][key].as_str().unwrap().to_owned();
            (text("action"), text("denial"))
        };
        entries.iter().map(denial).collect()
    }

    /// A sweep reports Ana's seat, and Mona is asked.
    pub async fn report_ana(&self) -> RequestId {
        let sweep = Sweep::new(Actor::system("scan").unwrap(), Surface::Webhook, vec![Ok(ana())]);
        self.gate.sweep(sweep).await.unwrap().results[0].request_id.unwrap()
    }

    /// What a sweep that reports Ana's seat says of it.
    pub async fn sweep_ana(&self, dry_run: bool) -> RowResult {
        let sweep = Sweep::new(Actor::system("scan").unwrap(), Surface::Webhook, vec![Ok(ana())]).dry_run(dry_run);
        self.gate.sweep(sweep).await.unwrap().results.remove(0)
    }

    pub fn mode(&self, mode: Mode) {
        self.gate.set_mode(mode);
    }
}

pub fn leaving() -> Offboard {
    let identity = "ana@example.com".parse().unwrap();
    let mut ask = Offboard::new(PersonDraft::new(identity, Some("Ana Ruiz".to_owned())));
    ask.reason = Some("she moves to Lisbon".to_owned());
    ask
}
