//! A gate over a store, with much to do.

use std::sync::Arc;

use async_trait::async_trait;
use seatgate_core::gate::{Ask, Gate, Store, Submission, Sweep};
use seatgate_core::id::{RequestId, SweepId};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::policy::{Policy, PolicyDraft};
use seatgate_core::port::*;
use seatgate_core::seat::{Candidate, CandidateDraft};

/// So many people are asked.
const MANAGERS: usize = 40;

/// A target that does nothing, and does it well.
struct NoOp;

#[async_trait]
impl Deprovisioner for NoOp {
    async fn deprovision(&self, _job: &Job) -> Result<Removal, EffectError> {
        Ok(Removal::removed())
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Natural
    }
}

/// A gate that asks about everything it is told, with a target for every app.
pub(crate) fn gate<S: Store + 'static>(store: Arc<S>) -> Gate {
    let mut draft = PolicyDraft::default();
    draft.set("max_requests_per_sweep", "4000000000");
    Gate::builder(store, Arc::new(SystemClock), Arc::new(OsEntropy))
        .router(Router::new().otherwise(Target::new("noop", Arc::new(NoOp))))
        .policy(Policy::from_draft(&draft).unwrap())
        .build()
        .unwrap()
}

fn manager(n: usize) -> String {
    format!("manager{}@example.com", n % MANAGERS)
}

fn candidate(n: usize) -> Candidate {
    let json = serde_json::json!({
        "app": {"id": "figma"},
        "account": {"id": format!("00u{n}"), "email": format!("user{n}@example.com")},
        "manager": {"email": manager(n)},
        "never_used": true,
        "monthly_cost": {"amount": "45.00", "currency": "USD"},
        "requesting_channel": format!("C{}", n % MANAGERS),
    });
    serde_json::from_value::<CandidateDraft>(json).unwrap().parse().unwrap()
}

/// Reports `count` seats from number `first` on, to a new sweep or to `joins`; answers with the sweep and the requests.
pub(crate) async fn sweep(
    gate: &Gate,
    first: usize,
    count: usize,
    joins: Option<SweepId>,
) -> (SweepId, Vec<RequestId>) {
    let rows = (first..first + count).map(|n| Ok(candidate(n))).collect();
    let mut sweep = Sweep::new(Actor::system("scan").unwrap(), Surface::Webhook, rows);
    sweep.joins = joins;
    let report = gate.sweep(sweep).await.unwrap();
    let requests: Vec<_> = report.results.iter().filter_map(|row| row.request_id).collect();
    assert_eq!(requests.len(), count, "each row is asked about");
    (report.sweep, requests)
}

/// Whoever is asked about seat number `n`.
pub(crate) async fn asked(gate: &Gate, n: usize) -> Submission {
    let person = gate.people().find(&manager(n).parse().unwrap()).await.unwrap();
    Submission::new(Actor::Person(person.unwrap()), Surface::Api)
}

/// The changes by which these requests, about the seats from number 0 on, are approved.
pub(crate) async fn approvals(gate: &Gate, requests: &[RequestId]) -> Vec<Change> {
    let mut changes = Vec::with_capacity(requests.len());
    let mut managers = Vec::new();
    for n in 0..MANAGERS.min(requests.len()) {
        managers.push(asked(gate, n).await);
    }
    for (n, request) in requests.iter().enumerate() {
        changes.push(gate.prepare(*request, Ask::Approve, None, &managers[n % MANAGERS]).await.unwrap());
    }
    changes
}

/// Commits each of these on its own, from so many clients at once, and answers how many a second that made.
pub(crate) async fn commit_each<S: RequestStore + 'static>(store: &Arc<S>, changes: &[Change], clients: usize) -> f64 {
    let shares: Vec<Vec<Change>> =
        (0..clients).map(|client| changes.iter().skip(client).step_by(clients).cloned().collect()).collect();
    let start = std::time::Instant::now();
    let clients: Vec<_> = shares
        .into_iter()
        .map(|share| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for change in share {
                    assert_eq!(store.commit(vec![change]).await.unwrap(), [Answer::Committed]);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    crate::figure::rate(changes.len(), start.elapsed())
}
