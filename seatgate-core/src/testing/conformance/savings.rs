use super::StoreHarness;
use super::scene::Scene;
use crate::id::RequestId;
use crate::money::Money;
use crate::person::{Actor, MatchedBy, Surface};
use crate::port::{Answer, Change};
use crate::request::{
    AttemptResult, Decision, Event, Fact, Outcome, ProbeFinding, Proof, Relation, RemovalKind, Request, Task,
    TaskAction, TaskState,
};
use crate::savings::{LineKey, Saving, Savings, Standing};
use crate::time::Timestamp;

/// A request, opened at a price, and its task.
struct Case {
    change: Change,
    request: Request,
    task: Task,
}

impl Case {
    async fn new<H: StoreHarness>(scene: &Scene<H>, email: &str, price: Option<(i64, &str)>) -> Self {
        let change = scene.world.opened_change(&scene.seat(email).await, 0, scene.world.person_ref());
        let mut request = change.request.clone().unwrap();
        let monthly = price.map(|(minor, currency)| Money::new(minor, currency.parse().unwrap()).unwrap());
        request.evidence.as_mut().unwrap().monthly_cost = monthly;
        let app = request.seat().unwrap().app.id.clone();
        let task = Task::new(scene.world.task_id(), "remove", TaskAction::Remove { app });
        Self { change, request, task }
    }

    fn then(mut self, at: Timestamp, event: Event) -> Self {
        self.request.apply(&Fact::new(at, Actor::worker(), None, Surface::Library, event));
        self
    }

    fn decided(self, at: Timestamp, decision: Decision) -> Self {
        let tasks = vec![self.task.clone()];
        let decided = Event::Decided {
            decision,
            relation: Relation::Approver,
            matched_by: MatchedBy::Identity,
            reason: None,
            keep_until: None,
            seen: None,
            grace_until: None,
            tasks,
        };
        self.then(at, decided)
    }

    /// Approved, and done so at `at`.
    fn removed(self, at: Timestamp, removal: RemovalKind) -> Self {
        let (task, key) = (self.task.id, self.task.key());
        let next = TaskState::Done { removal: Some(removal), proof: Proof::Receipt, receipt: None };
        let result = AttemptResult::Done { removal: Some(removal), receipt: None, location: None };
        self.decided(at, Decision::Approve)
            .then(at, Event::Begun { task, attempt: 1, key })
            .then(at, Event::AttemptEnded { task, attempt: 1, result, lease_lost: false, next })
            .then(at, Event::Closed { outcome: Outcome::Reclaimed, may_have_happened: false })
    }

    async fn land<H: StoreHarness>(mut self, scene: &Scene<H>) -> RequestId {
        let id = self.request.id;
        self.change.request = Some(self.request);
        assert_eq!(scene.commit(self.change).await, Answer::Committed);
        id
    }
}

fn line(month: &str, standing: Standing, currency: &str) -> LineKey {
    let proof = (standing == Standing::Verified).then_some(Proof::Receipt);
    LineKey::new(month.to_owned(), "figma".parse().unwrap(), standing, currency.parse().ok()).proven_by(proof)
}

fn lines(savings: &Savings) -> Vec<(LineKey, u64, String)> {
    savings.lines().map(|(key, tally)| (key.clone(), tally.requests, tally.monthly.to_string())).collect()
}

pub async fn savings_are_added_up_by_month_app_standing_proof_and_currency<H: StoreHarness>(store: H) {
    const MOST: i64 = 1_000_000_000_000_000;
    let scene = Scene::new(store);
    let (now, later) = (scene.at(0), scene.at(30 * 86_400));
    assert!(scene.store.queries().savings(now).await.unwrap().is_empty());
    let usd = Some((4_500, "USD"));
    let case = async |email: &str, price| Case::new(&scene, email, price).await;
    case("open@example.com", usd).await.land(&scene).await;
    case("kept@example.com", usd).await.decided(now, Decision::Keep).land(&scene).await;
    case("hoped@example.com", usd).await.decided(now, Decision::Approve).land(&scene).await;
    for (email, price) in [("a@example.com", usd), ("b@example.com", Some((MOST, "USD"))), ("c@example.com", None)] {
        case(email, price).await.removed(now, RemovalKind::Removed).land(&scene).await;
    }
    case("eur@example.com", Some((300, "EUR"))).await.removed(now, RemovalKind::Removed).land(&scene).await;
    let scheduled = RemovalKind::Scheduled { effective_at: later };
    case("end@example.com", usd).await.removed(now, scheduled).land(&scene).await;
    case("billed@example.com", usd).await.removed(now, RemovalKind::StillBilled).land(&scene).await;
    case("gone@example.com", usd).await.removed(now, RemovalKind::AlreadyAbsent).land(&scene).await;
    let one = |month, standing| (line(month, standing, "USD"), 1, "45.00 USD".to_owned());
    let (unpriced, euros) = (line("2026-11", Standing::Verified, ""), line("2026-11", Standing::Verified, "EUR"));
    let sum = (line("2026-11", Standing::Verified, "USD"), 2, "10000000000045.00 USD".to_owned());
    let mut expected = vec![
        (unpriced, 1, "0".to_owned()),
        (euros, 1, "3.00 EUR".to_owned()),
        sum,
        one("2026-11", Standing::Projected),
        one("2026-11", Standing::Kept),
        (line("2026-11", Standing::Unsaved, "USD"), 2, "90.00 USD".to_owned()),
        one("2026-12", Standing::Projected),
    ];
    assert_eq!(lines(&scene.store.queries().savings(now).await.unwrap()), expected);
    expected[6] = one("2026-12", Standing::Verified);
    assert_eq!(lines(&scene.store.queries().savings(later).await.unwrap()), expected);
}

pub async fn savings_follow_their_request<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let now = scene.at(0);
    let case = Case::new(&scene, "ana@example.com", Some((4_500, "USD"))).await;
    let id = case.decided(now, Decision::Approve).land(&scene).await;
    let standing = async || {
        let savings = scene.store.queries().savings(now).await.unwrap();
        savings.lines().map(|(key, tally)| (key.standing, key.proof, tally.requests)).collect::<Vec<_>>()
    };
    assert_eq!(standing().await, [(Standing::Projected, None, 1)]);
    let stored = scene.load(id).await.unwrap();
    let mut chain = stored.chain;
    let land = async |request: Request, chain: &mut _| {
        let mut change = scene.world.change(chain);
        change.request = Some(request);
        assert_eq!(scene.commit(change).await, Answer::Committed);
    };
    let task = stored.request.plan.tasks[0].clone();
    let approved = Case { change: scene.world.change(&mut chain.clone()), request: stored.request.clone(), task };
    let removed = approved.removed(now, RemovalKind::Removed).request;
    land(removed.clone(), &mut chain).await;
    assert_eq!(standing().await, [(Standing::Verified, Some(Proof::Receipt), 1)]);
    let mut looked = removed;
    looked.verified = Some(ProbeFinding::Gone);
    land(looked.clone(), &mut chain).await;
    assert_eq!(standing().await, [(Standing::Verified, Some(Proof::ReadBack), 1)]);
    looked.verified = Some(ProbeFinding::Regranted);
    land(looked, &mut chain).await;
    assert_eq!(standing().await, [(Standing::Unsaved, None, 1)]);
    let mut undone = stored.request;
    let fact = Event::Undone { relation: Relation::Approver, reason: None };
    undone.apply(&Fact::new(now, Actor::worker(), None, Surface::Library, fact));
    assert_eq!(Saving::of(&undone), None);
    land(undone, &mut chain).await;
    assert_eq!(standing().await, []);
}
