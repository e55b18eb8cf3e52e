//! A gate over a store, on clocks that are moved by hand, with everything around it that outlives the store.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::canonical::Digest;
use seatgate_core::gate::{Ask, Gate, GateError, Store, Submission, Sweep, SweepReport};
use seatgate_core::id::{ChangeId, DelegationId, PersonRef, RequestId};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::policy::{Policy, PolicyDraft};
use seatgate_core::port::{
    Change, Clock as _, Delegation, DirectoryEdit, Idempotency, Inbound, OsEntropy, Period, RequestStore, Router,
    StoreErrorKind, Target,
};
use seatgate_core::request::Request;
use seatgate_core::seat::{Candidate, CandidateDraft};
use seatgate_core::testing::{ManualClock, RecordingNotifier, ScriptedDeprovisioner};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::Stream;
use seatgate_core::worker::Worker;
use serde_json::{Value, json};

/// What outlives a store.
pub(crate) struct Town {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) target: Arc<ScriptedDeprovisioner>,
    pub(crate) notifier: Arc<RecordingNotifier>,
    policy: Policy,
}

/// A process over a store.
pub(crate) struct House<S> {
    pub(crate) store: Arc<S>,
    pub(crate) gate: Gate,
    pub(crate) worker: Worker,
}

impl Town {
    pub(crate) fn new(policy: &[(&str, &str)]) -> Self {
        let mut draft = PolicyDraft::default();
        policy.iter().for_each(|(path, text)| draft.set(path, text));
        Self {
            clock: Arc::new(ManualClock::new("2026-11-20T06:00:00Z".parse().unwrap())),
            target: Arc::new(ScriptedDeprovisioner::new(Idempotency::Natural)),
            notifier: Arc::default(),
            policy: Policy::from_draft(&draft).unwrap(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn start<S: Store + 'static>(&self, store: S) -> House<S> {
        self.start_on(Arc::new(store), self.clock.clone())
    }

    /// A process whose clock is not the town's.
    pub(crate) fn start_on<S: Store + 'static>(&self, store: Arc<S>, clock: Arc<ManualClock>) -> House<S> {
        let gate = Gate::builder(store.clone(), clock, Arc::new(OsEntropy))
            .notifier(self.notifier.clone())
            .router(Router::new().otherwise(Target::new("idp", self.target.clone()).reversible()))
            .policy(self.policy.clone())
            .build()
            .unwrap();
        House { store, worker: Worker::new(&gate), gate }
    }
}

impl<S> House<S> {
    pub(crate) async fn sweep(
        &self,
        candidates: impl IntoIterator<Item = Candidate>,
        delivery: Option<&str>,
    ) -> Result<SweepReport, GateError> {
        self.gate.sweep(reported(candidates, delivery)).await
    }

    pub(crate) async fn by(&self, email: &str) -> Submission {
        let person = self.gate.people().find(&email.parse().unwrap()).await.unwrap();
        Submission::new(Actor::Person(person.unwrap()), Surface::Inbox)
    }

    pub(crate) async fn act(&self, id: RequestId, ask: Ask) -> Request {
        self.gate.act(id, ask, Some("they said so"), &self.by("mona@example.com").await).await.unwrap()
    }

    pub(crate) async fn idle(&self) {
        self.worker.run_until_idle().await.unwrap();
    }

    /// Everything that waits for time and not for people happens.
    pub(crate) async fn settle(&self, town: &Town) {
        for _ in 0..40 {
            self.idle().await;
            town.clock.advance(Duration::from_secs(60));
        }
        self.idle().await;
    }

    pub(crate) async fn request(&self, id: RequestId) -> Request {
        self.gate.request(id).await.unwrap()
    }
}

/// A report, under this id each time that it is delivered.
pub(crate) fn reported(candidates: impl IntoIterator<Item = Candidate>, delivery: Option<&str>) -> Sweep {
    let rows = candidates.into_iter().map(Ok).collect();
    let sweep = Sweep::new(Actor::system("scan").unwrap(), Surface::Webhook, rows);
    let inbound = |id: &str| Inbound::new(id.to_owned(), Digest::of(id.as_bytes()));
    delivery.into_iter().map(inbound).fold(sweep, Sweep::delivered_as)
}

/// Calls again after what may pass, as whoever is answered with 503 does; anything else is wrong.
pub(crate) async fn until_done<T, F: Future<Output = Result<T, GateError>>>(
    mut call: impl FnMut() -> F,
) -> Result<T, GateError> {
    loop {
        match call().await {
            Err(GateError::Store(error)) => assert_ne!(error.kind(), StoreErrorKind::Corrupt, "{error:?}"),
            Err(GateError::NotFiled(_)) => {}
            result => return result,
        }
    }
}

/// A seat of somebody whom Mona manages.
pub(crate) fn candidate(app: &str, number: usize) -> Candidate {
    changed(app, number, json!({}))
}

/// The same with some of it otherwise.
pub(crate) fn changed(app: &str, number: usize, changes: Value) -> Candidate {
    let mut json = json!({
        "app": {"id": app},
        "account": {"id": format!("00u{number}"), "email": format!("user{number}@example.com"), "name": "Zoë \\ \"Q\""},
        "entitlement": "pro",
        "manager": {"email": "mona@example.com", "name": "Mona Li"},
        "last_activity_at": "2026-06-01T00:00:00Z",
        "monthly_cost": {"amount": "45.00", "currency": "USD"},
        "requesting_channel": "C0SWEEP",
    });
    json.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    serde_json::from_value::<CandidateDraft>(json).unwrap().parse().unwrap()
}

/// Lets every table of the directory have a row about this person.
#[allow(dead_code, reason = "not every test crate edits it")]
pub(crate) async fn edit_directory(store: &impl RequestStore, person: PersonRef, now: Timestamp) {
    let other = PersonRef::generate(now, &OsEntropy);
    let delegation = DelegationId::generate(now, &OsEntropy);
    let lasting = Period::new(now, Some(now.saturating_add(Duration::from_secs(3600))));
    let chain = store.chain(Stream::System).await.unwrap();
    let mut change = Change::new(ChangeId::generate(now, &OsEntropy), &chain);
    change.directory = vec![
        DirectoryEdit::Manager { person, manager: Some(other) },
        DirectoryEdit::Disabled { person, disabled: true },
        DirectoryEdit::Absences { person, periods: vec![lasting] },
        DirectoryEdit::Delegate(Delegation::new(delegation, person, other, lasting)),
        DirectoryEdit::Owners { app: "miro".parse().unwrap(), people: vec![other, person] },
        DirectoryEdit::Appoint { person, at: now },
    ];
    assert!(store.commit(vec![change]).await.unwrap()[0].is_kept());
}
