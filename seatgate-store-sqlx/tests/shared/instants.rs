//! What happens in one instant on two servers, each with a clock and connections of its own: one of the two counts, the
//! target hears of nothing else, and the trail says which it was.
#![allow(clippy::print_stderr, reason = "a race that one side always wins is none: the figures are shown")]

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::gate::{Ask, Gate, GateError, Store, Submission};
use seatgate_core::id::RequestId;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{Answer, Clock as _, Conflict};
use seatgate_core::request::{Decision, Fact, Outcome, Refusal, Request};
use seatgate_core::testing::ManualClock;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Entry, Stream, verify};

use crate::cases::Opened;
use crate::town::{House, Town, candidate};

/// So many looks the worker is ahead of the person, or the person of the worker: from the one's sure win to the other's.
const LEADS: [usize; 10] = [0, 1, 2, 4, 8, 16, 24, 48, 96, 192];

/// So often each pair of clocks is tried, and more often where one side has not won yet; but then it never does.
const ROUNDS: usize = 2 * LEADS.len();
const MOST_ROUNDS: usize = 20 * ROUNDS;

const AN_HOUR: Duration = Duration::from_secs(3_600);

/// Who was first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Person,
    Worker,
}

/// How often each was.
#[derive(Debug, Default)]
struct Tally {
    person: usize,
    worker: usize,
}

impl Tally {
    fn add(&mut self, first: First) {
        match first {
            First::Person => self.person += 1,
            First::Worker => self.worker += 1,
        }
    }

    fn rounds(&self) -> usize {
        self.person + self.worker
    }

    /// Whether that was enough to have seen both.
    fn is_told(&self, what: &str) -> bool {
        let both = self.person > 0 && self.worker > 0;
        assert!(both || self.rounds() < MOST_ROUNDS, "{what}: one side never wins: {self:?}");
        let told = both && self.rounds() >= ROUNDS;
        if told {
            eprintln!("{what}: {self:?}");
        }
        told
    }
}

/// The stores of two servers, or of one that is two, and what they share.
struct Ground<S> {
    town: Town,
    stores: Vec<Arc<S>>,
    seats: usize,
    _folder: Option<tempfile::TempDir>,
}

/// A request, a server at which a person asks something of it, and one whose worker is at it.
struct Race<S> {
    id: RequestId,
    person: House<S>,
    worker: House<S>,
    clocks: [Arc<ManualClock>; 2],
}

impl<S: Store + 'static> Ground<S> {
    async fn start(
        open: &impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>,
        policy: &[(&str, &str)],
    ) -> Option<Self> {
        let town = Town::new(policy);
        let Opened { stores, folder } = open(town.clock.clone()).await?;
        let stores = stores.into_iter().map(Arc::new).collect();
        Some(Self { town, stores, seats: 0, _folder: folder })
    }

    /// One more seat, whose manager has been asked by now.
    async fn asked(&mut self) -> Race<S> {
        self.town.clock.advance(2 * AN_HOUR);
        self.seats += 1;
        let clocks = [(); 2].map(|()| Arc::new(ManualClock::new(self.town.now())));
        let last = self.stores.len() - 1;
        let person = self.town.start_on(self.stores[0].clone(), clocks[0].clone());
        let worker = self.town.start_on(self.stores[last].clone(), clocks[1].clone());
        let report = person.sweep([candidate("figma", self.seats)], None).await.unwrap();
        let id = report.results[0].request_id.unwrap();
        worker.idle().await;
        Race { id, person, worker, clocks }
    }

    /// The same, approved.
    async fn approved(&mut self) -> Race<S> {
        let race = self.asked().await;
        race.person.act(race.id, Ask::Approve).await;
        race
    }

    /// How often the target was called for this request.
    fn calls(&self, request: &Request) -> usize {
        let ours = |key: &str| request.plan.tasks.iter().any(|task| key == task.id.to_string());
        self.town.target.calls().iter().filter(|call| ours(&call.key)).count()
    }
}

impl<S: Store + 'static> Race<S> {
    /// The clocks of the two servers show so many milliseconds more, or less, than `at`.
    fn set(&self, at: Timestamp, apart: [i64; 2]) {
        for (clock, milliseconds) in self.clocks.iter().zip(apart) {
            clock.set(Timestamp::from_micros(at.as_micros() + milliseconds * 1_000));
        }
    }

    fn now(&self) -> Timestamp {
        self.clocks[0].now()
    }

    async fn mona(&self) -> Submission {
        self.person.by("mona@example.com").await
    }

    /// The person asks and the worker works at once, one of them with a lead that the number says. What the person heard.
    async fn run(&self, number: usize, ask: Ask, by: Submission) -> Result<Request, GateError> {
        let (id, person, worker) = (self.id, self.person.gate.clone(), self.worker.worker.clone());
        let (lead, ahead) = (LEADS[number / 2 % LEADS.len()], number % 2);
        let asking = async move {
            for _ in 0..lead * ahead {
                look(&person, id).await;
            }
            person.act(id, ask, Some("because"), &by).await
        };
        let working = async move {
            for _ in 0..lead * (1 - ahead) {
                look(worker.gate(), id).await;
            }
            worker.run_until_idle().await.unwrap();
        };
        // Whoever has the lead sets out first.
        let (working, asking) = if ahead == 1 {
            let working = tokio::spawn(working);
            (working, tokio::spawn(asking))
        } else {
            let asking = tokio::spawn(asking);
            (tokio::spawn(working), asking)
        };
        working.await.unwrap();
        let answer = asking.await.unwrap();
        self.clocks.iter().for_each(|clock| clock.advance(Duration::from_secs(1)));
        self.worker.idle().await;
        answer
    }

    /// The request as it is found at the other server, and its trail, which is whole and folds to it.
    async fn found(&self) -> (Request, Vec<Entry>) {
        let (request, stream) = (self.worker.request(self.id).await, Stream::Request(self.id));
        let trail = self.worker.gate.queries().trail(stream).await.unwrap();
        let lines: Vec<String> = trail.iter().map(Entry::to_json).collect();
        verify(stream, lines.iter().map(String::as_str)).unwrap();
        let facts: Vec<Fact> = trail.iter().map(|entry| entry.fact().unwrap()).collect();
        assert_eq!(Request::replay(self.id, facts).unwrap(), request, "folding gives the state");
        (request, trail)
    }
}

/// Also where one processor is all there is, the other gets on meanwhile.
async fn look(gate: &Gate, id: RequestId) {
    gate.request(id).await.unwrap();
    tokio::task::yield_now().await;
}

fn times(trail: &[Entry], kind: &str) -> usize {
    trail.iter().filter(|entry| entry.kind == kind).count()
}

/// Taken back, and nobody was called; or removed by one call, and whoever asked heard that they were late.
async fn taken_back_or_removed<S: Store + 'static>(
    ground: &Ground<S>,
    race: &Race<S>,
    answer: Result<Request, GateError>,
) -> First {
    let (request, trail) = race.found().await;
    let taken_back = times(&trail, "undone") + times(&trail, "withdrawn");
    let seen = (request.outcome(), taken_back, times(&trail, "begun"), ground.calls(&request));
    match answer {
        Ok(after) => {
            assert_eq!(seen, (Some(Outcome::Withdrawn), 1, 0, 0), "{trail:#?}");
            assert_eq!(after.outcome(), Some(Outcome::Withdrawn));
            First::Person
        }
        Err(GateError::Refused { refusal, .. }) => {
            assert!(matches!(refusal, Refusal::NothingToUndo | Refusal::TooLate | Refusal::Closed), "{refusal:?}");
            assert_eq!(seen, (Some(Outcome::Reclaimed), 0, 1, 1), "{trail:#?}");
            First::Worker
        }
        Err(error) => panic!("{error:?}"),
    }
}

/// In the last millisecond of the grace period, at its end and just after it, by clocks that agree and that do not.
pub(crate) async fn an_undo_and_the_end_of_grace_are_never_both<S: Store + 'static>(
    open: impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>,
) {
    let Some(mut ground) = Ground::start(&open, &[("grace", "1h")]).await else { return };
    for apart in [[-1, 0], [0, 0], [-1, 1], [5, 0]] {
        let mut tally = Tally::default();
        while !tally.is_told(&format!("undo and the end of grace, {apart:?} ms")) {
            let race = ground.approved().await;
            race.set(race.now().saturating_add(AN_HOUR), apart);
            let answer = race.run(tally.rounds(), Ask::Undo, race.mona().await).await;
            tally.add(taken_back_or_removed(&ground, &race, answer).await);
        }
    }
    for number in 0..ROUNDS {
        let race = ground.approved().await;
        race.set(race.now().saturating_add(AN_HOUR), [-1, -1]);
        let answer = race.run(number, Ask::Undo, race.mona().await).await;
        let first = taken_back_or_removed(&ground, &race, answer).await;
        assert_eq!(first, First::Person, "the last millisecond is theirs");
    }
    assert_eq!(ground.town.target.calls().len(), ground.town.target.effects().len());
}

/// An undo that read the request within its grace period and commits after it, and a worker that claimed the end of the
/// period and looks after the undo.
pub(crate) async fn an_undo_that_crosses_the_end_of_grace_is_one_or_the_other<S: Store + 'static>(
    open: impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>,
) {
    let Some(mut ground) = Ground::start(&open, &[("grace", "1h")]).await else { return };
    let race = ground.approved().await;
    race.set(race.now().saturating_add(AN_HOUR), [-1, 0]);
    let undo = race.person.gate.prepare(race.id, Ask::Undo, None, &race.mona().await).await.unwrap();
    race.worker.idle().await;
    assert_eq!(race.person.store.commit(vec![undo]).await.unwrap(), [Answer::Conflict(Conflict::Version)]);
    let again = race.person.gate.act(race.id, Ask::Undo, None, &race.mona().await).await;
    assert_eq!(taken_back_or_removed(&ground, &race, again).await, First::Worker);

    let race = ground.approved().await;
    race.set(race.now().saturating_add(AN_HOUR), [-1, 0]);
    let claimed = race.worker.worker.claim(10).await.unwrap().items;
    assert!(!claimed.is_empty(), "the end of the grace period is due");
    let undone = race.person.gate.act(race.id, Ask::Undo, None, &race.mona().await).await;
    for item in claimed {
        let finished = race.worker.worker.perform(item).await;
        race.worker.worker.settle(vec![finished]).await.unwrap();
    }
    race.worker.idle().await;
    assert_eq!(taken_back_or_removed(&ground, &race, undone).await, First::Person);
}

/// An operator may withdraw until the worker's Begin commits: then a call is on its way.
pub(crate) async fn a_withdrawal_and_the_first_call_are_never_both<S: Store + 'static>(
    open: impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>,
) {
    let Some(mut ground) = Ground::start(&open, &[]).await else { return };
    let operator = Submission::new(Actor::Token("admin".parse().unwrap()), Surface::Api).with_admin_token();
    for apart in [[0, 0], [0, 5], [5, 0]] {
        let mut tally = Tally::default();
        while !tally.is_told(&format!("withdrawal and the first call, {apart:?} ms")) {
            let race = ground.approved().await;
            race.set(race.now(), apart);
            let answer = race.run(tally.rounds(), Ask::Withdraw, operator.clone()).await;
            tally.add(taken_back_or_removed(&ground, &race, answer).await);
        }
    }
}

/// Decided by the person or by the policy, once; and whoever was late hears by whom.
async fn decided_once<S: Store + 'static>(
    ground: &Ground<S>,
    race: &Race<S>,
    answer: Result<Request, GateError>,
) -> First {
    let (request, trail) = race.found().await;
    let told = times(&trail, "decided") + times(&trail, "expired");
    assert_eq!(told, 1, "one of the two stands in the trail: {trail:#?}");
    let verdict = request.approval.verdict.as_ref();
    let calls = match verdict.map(|verdict| verdict.decision) {
        Some(Decision::Approve) => 1,
        Some(Decision::Keep) | None => 0,
    };
    let outcome = match verdict.map(|verdict| verdict.decision) {
        Some(Decision::Approve) => Outcome::Reclaimed,
        Some(Decision::Keep) => Outcome::Kept,
        None => Outcome::Expired,
    };
    assert_eq!((request.outcome(), ground.calls(&request)), (Some(outcome), calls), "{trail:#?}");
    match answer {
        Ok(after) => {
            assert_eq!(after.approval.verdict.as_ref(), verdict);
            assert!(verdict.is_some_and(|verdict| verdict.by.person().is_some()), "{verdict:?}");
            First::Person
        }
        Err(GateError::Refused { refusal, request: as_told }) => {
            let late = [Refusal::AlreadyDecided, Refusal::AlreadyKept, Refusal::Closed];
            assert!(late.contains(&refusal), "{refusal:?}");
            assert_eq!(as_told.approval.verdict.as_ref(), verdict, "they hear of the one that counts");
            assert!(verdict.is_none_or(|verdict| verdict.by == Actor::Policy), "{verdict:?}");
            First::Worker
        }
        Err(error) => panic!("{error:?}"),
    }
}

pub(crate) async fn a_click_and_the_deadline_decide_once<S: Store + 'static>(
    open: impl AsyncFn(Arc<ManualClock>) -> Option<Opened<S>>,
) {
    let keep = Ask::Keep { until: None };
    for (on_expiry, asks) in
        [("keep", [Ask::Approve, keep]), ("reclaim", [keep, keep]), ("close", [Ask::Approve, keep])]
    {
        let policy = [("expire_after", "1h"), ("on_expiry", on_expiry)];
        let Some(mut ground) = Ground::start(&open, &policy).await else { return };
        for apart in [[0, 0], [-3, 0]] {
            let mut tally = Tally::default();
            while !tally.is_told(&format!("a click and a deadline ({on_expiry}), {apart:?} ms")) {
                let race = ground.asked().await;
                race.set(race.now().saturating_add(AN_HOUR), apart);
                let ask = asks[tally.rounds() % asks.len()];
                let answer = race.run(tally.rounds(), ask, race.mona().await).await;
                tally.add(decided_once(&ground, &race, answer).await);
            }
        }
    }
}
