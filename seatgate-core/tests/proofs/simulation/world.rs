//! What outlives a crash of all servers: the store, targets, messages, and the people outside.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use seatgate_core::canonical::Digest;
use seatgate_core::gate::{Gate, Submission};
use seatgate_core::id::{CardId, ExceptionId, PersonRef, SweepId};
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Actor, PersonDraft, Surface};
use seatgate_core::playbook::Playbooks;
use seatgate_core::policy::Mode;
use seatgate_core::port::{Clock, Inbound, NewPerson, PeopleStore, RequestFilter, RequestQueries, Router, Target};
use seatgate_core::request::Request;
use seatgate_core::seat::{AppId, Candidate};
use seatgate_core::testing::{RecordingNotifier, ScriptedDirectory, SeededEntropy, block_on};
use serde_json::json;

use super::directory::Remote;
use super::notifier;
use super::stage::{ServerClock, Stage};
use super::stepped::Stepped;
use super::store::{Sabotage, Tokens, Watched};
use super::target;

pub const APPS: [&str; 3] = ["figma", "notion", "zoom"];
/// Managers, holders, the lead, an operator, somebody who has no say, a manager of managers, somebody who stands in, and
/// another operator.
pub const PEOPLE: [&str; 11] = [
    "mona@example.com",
    "otto@example.com",
    "ana@example.com",
    "ben@example.com",
    "cyn@example.com",
    "lead@example.com",
    "olga@example.com",
    "eve@example.com",
    "nora@example.com",
    "dan@example.com",
    "odin@example.com",
];
pub const OPERATORS: [&str; 2] = ["olga@example.com", "odin@example.com"];
pub const PLAYBOOKS: [&str; 2] = ["leaver", "careful"];
pub const CHANNEL: &str = "C0IT";

/// Two tasks side by side, and one after both. And one that a second operator has to approve: somebody who may be leaving
/// themselves does a task of it, which another one waits for.
fn playbooks() -> Playbooks {
    let [a, b, c] = APPS;
    let leaver = json!([
        {"name": "a", "target": a}, {"name": "b", "target": b}, {"name": "c", "target": c, "needs": ["a", "b"]}
    ]);
    let careful = json!([
        {"name": "a", "target": a},
        {"name": "hand", "kind": "manual", "assignee": "ben@example.com", "needs": ["a"]},
        {"name": "b", "target": b, "needs": ["hand"]},
    ]);
    let [first, second] = PLAYBOOKS;
    let tables = json!({first: { "tasks": leaver }, second: { "four_eyes": true, "tasks": careful }});
    let tables = tables.as_object().expect("tables");
    Playbooks::read(tables, Some(first), &APPS.map(str::to_owned).into()).expect("playbooks")
}

/// Rows that somebody hands in, and goes on handing in until they are answered.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub inbound: Option<Inbound>,
    pub submitted_by: Actor,
    pub joins: Option<SweepId>,
    pub rows: Vec<Candidate>,
}

impl Delivery {
    pub fn id(&self) -> Option<String> {
        self.inbound.as_ref().map(|inbound| inbound.id.clone())
    }
}

/// What the people outside know.
#[derive(Debug, Default)]
pub struct Known {
    pub deliveries: Vec<Delivery>,
    pub delivered: Vec<String>,
    pub sweeps: Vec<SweepId>,
    pub exceptions: Vec<ExceptionId>,
    pub places: Vec<(CardId, String)>,
}

/// Everything that outlives a crash.
pub struct World {
    pub stage: Arc<Stage>,
    pub store: Arc<MemoryStore>,
    pub entropy: Arc<SeededEntropy>,
    pub board: Arc<RecordingNotifier>,
    pub directory: Arc<ScriptedDirectory>,
    pub targets: BTreeMap<AppId, Arc<target::Fickle>>,
    pub tokens: Tokens,
    pub sabotage: Option<Sabotage>,
    pub known: Mutex<Known>,
}

impl World {
    pub fn new(seed: u64, traced: bool, sabotage: Option<Sabotage>) -> Arc<Self> {
        let stage = Arc::new(Stage::new(seed, traced));
        let targets = APPS.iter().zip(stage.features.targets);
        let targets = targets.map(|(app, kind)| (app.parse().unwrap(), Arc::new(target::Fickle::new(&stage, kind))));
        let board = RecordingNotifier::new();
        if stage.features.finds_copies {
            board.finds_copies();
        }
        let world = Self {
            targets: targets.collect(),
            store: Arc::new(MemoryStore::new(stage.lease_clock.clone())),
            entropy: Arc::new(SeededEntropy::new(stage.chance.word())),
            board: Arc::new(board),
            directory: Arc::default(),
            tokens: Tokens::default(),
            sabotage,
            known: Mutex::default(),
            stage,
        };
        for email in PEOPLE {
            world.person(email);
        }
        for (person, manager) in [("mona", "nora"), ("nora", "lead"), ("ana", "mona"), ("ben", "otto")] {
            let [person, manager] = [person, manager].map(|name| world.person(&format!("{name}@example.com")));
            world.directory.edit(person, |entry| entry.manager = Some(manager));
        }
        Arc::new(world)
    }

    /// Whoever has this address, anew after they were erased.
    pub fn person(&self, email: &str) -> PersonRef {
        let draft = PersonDraft::new(email.parse().unwrap(), None);
        let new = NewPerson::new(draft, PersonRef::generate(self.stage.clock.now(), &*self.entropy));
        block_on(self.store.people(vec![new])).unwrap()[0]
    }

    /// One of the operators.
    pub fn operator(&self) -> Submission {
        let operator = *self.stage.chance.pick(&OPERATORS);
        Submission::new(Actor::Person(self.person(operator)), Surface::Api)
    }

    /// Whether somebody is one.
    pub fn operates(&self, actor: &Actor) -> bool {
        OPERATORS.iter().any(|operator| *actor == Actor::Person(self.person(operator)))
    }

    /// All requests as they stand.
    pub fn requests(&self) -> Vec<Request> {
        block_on(RequestQueries::list(&*self.store, &RequestFilter::first(usize::MAX))).unwrap()
    }

    /// What is on the agenda, due or not.
    pub fn agenda(&self) -> seatgate_core::port::AgendaDepth {
        block_on(self.store.agenda_depth(self.stage.clock.now(), true)).unwrap()
    }

    pub fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }

    /// A delivery under a name of its own.
    pub fn inbound(&self) -> Inbound {
        let name = format!("msg_{}", self.known().deliveries.len());
        let digest = Digest::of(name.as_bytes());
        Inbound::new(name, digest)
    }

    /// The gate of a server, by its number.
    pub fn gate(&self, server: usize, ahead: std::time::Duration) -> Gate {
        let stage = &self.stage;
        let watched = Arc::new(Stepped {
            steps: stage.steps(true),
            inner: Arc::new(Watched {
                stage: Arc::clone(stage),
                store: Arc::clone(&self.store),
                sabotage: self.sabotage,
                tokens: Arc::clone(&self.tokens),
            }),
        });
        let plain = Arc::new(Stepped { steps: stage.steps(true), inner: Arc::clone(&self.store) });
        let clock = Arc::new(ServerClock { clock: Arc::clone(&stage.clock), ahead });
        let notifier = Arc::new(notifier::Fickle {
            stage: Arc::clone(stage),
            board: Arc::clone(&self.board),
            tokens: Arc::clone(&self.tokens),
        });
        let timer = Arc::clone(stage);
        let channel = stage.features.own_channel.then(|| CHANNEL.parse().unwrap());
        Gate::builder(plain, clock, self.entropy.clone())
            .requests(watched.clone())
            .exceptions(watched)
            .notifier(Arc::new(Stepped { steps: stage.steps(false), inner: notifier }))
            .router(self.router())
            .directory(Arc::new(Remote { stage: Arc::clone(stage), inner: Arc::clone(&self.directory) }))
            .timer(move |time| timer.sleep(time))
            .policy(stage.features.policy(server))
            .playbooks(playbooks())
            .mode(if stage.features.dry_runs { Mode::DryRun } else { Mode::Live })
            .channel(channel)
            .build()
            .expect("a gate")
    }

    fn router(&self) -> Router {
        let target = |app: &AppId, inner: &Arc<target::Fickle>| {
            let steps = self.stage.steps(false);
            let target = Target::new(app.to_string(), Arc::new(Stepped { steps, inner: Arc::clone(inner) }));
            if self.stage.features.reversible { target.reversible() } else { target }
        };
        let add = |router: Router, (app, inner): (&AppId, &Arc<target::Fickle>)| {
            router.route(app.clone(), target(app, inner))
        };
        let router = self.targets.iter().fold(Router::new(), add);
        // Reclaiming on silence is refused where apps without a target could not be given back either.
        router
    }
}
