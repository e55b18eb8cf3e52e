//! Several deliveries of one sweep: rows numbered on, one limit over all of them, each redelivery answered as before.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::canonical::Digest;
use seatgate_core::gate::{GateError, Submission, Sweep, SweepReport};
use seatgate_core::id::{RequestId, SweepId};
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{Inbound, Problem, RequestStore, RowResult, RowStatus, StoreError, Stored};
use seatgate_core::seat::Candidate;
use seatgate_core::testing::{Around, Fault, ScriptedDeprovisioner, block_on, join_all};
use seatgate_core::trail::Stream;
use serde_json::{Value, json};

use crate::house::{House, KEYED, World, candidate};
use crate::invariants;
use crate::mishaps::faulty;
use crate::stepped::Steps;

use RowStatus::{Asked, Duplicate, Held, Rejected};

fn seat(app: &str, name: &str) -> Candidate {
    candidate(json!({"app": {"id": app}, "account": {"email": format!("{name}@example.com")}}))
}

fn figma(names: &[&str]) -> Vec<Result<Candidate, Problem>> {
    names.iter().map(|name| Ok(seat("figma", name))).collect()
}

fn delivery(id: &str, rows: Vec<Result<Candidate, Problem>>) -> Sweep {
    let inbound = Inbound::new(id.to_owned(), Digest::of(id.as_bytes()));
    Sweep::new(Actor::webhook(), Surface::Webhook, rows).delivered_as(inbound)
}

fn limited(most: &str) -> House {
    House::with(ScriptedDeprovisioner::new(KEYED), &[("max_requests_per_sweep", most)])
}

fn answers(report: &SweepReport) -> Vec<(u32, RowStatus)> {
    report.results.iter().map(|result| (result.row, result.status)).collect()
}

async fn sent(house: &House, sweep: Sweep) -> SweepReport {
    house.gate.sweep(sweep).await.unwrap()
}

#[test]
fn rows_are_numbered_on_and_one_limit_holds_for_all_of_them() {
    block_on(async {
        let house = limited("3");
        let first = sent(&house, delivery("msg_1", figma(&["ana", "bo"]))).await;
        let id = first.sweep;
        let broken = vec![Err(Problem::new("Invalid value", "no", "")), Ok(seat("figma", "ana"))];
        let second = delivery("msg_2", [broken, figma(&["cy", "di"])].concat()).joining(id);
        let second = sent(&house, second).await;
        assert_eq!(second.sweep, id);
        assert_eq!(answers(&second), [(2, Rejected), (3, Duplicate), (4, Asked), (5, Held)]);
        let third = sent(&house, delivery("msg_3", figma(&["ed"])).joining(id)).await;
        assert_eq!(answers(&third), [(6, Held)]);
        let (record, all) = house.gate.swept(id, 0..u32::MAX).await.unwrap();
        assert_eq!((record.rows, all.results.len()), (7, 7));
        assert_eq!(house.request(second.results[2].request_id.unwrap()).await.origin.row, 4);
        house.idle().await;
        invariants::check(&house.world).await;
    });
}

#[test]
fn an_app_with_a_limit_of_its_own_keeps_it_over_all_deliveries() {
    block_on(async {
        let house = House::with(
            ScriptedDeprovisioner::new(KEYED),
            &[("max_requests_per_sweep", "1"), ("apps.zoom.max_requests_per_sweep", "2")],
        );
        let rows = |names: [(&str, &str); 2]| names.map(|(app, name)| Ok(seat(app, name))).to_vec();
        let first = sent(&house, delivery("msg_1", rows([("zoom", "ana"), ("figma", "ana")]))).await;
        assert_eq!(answers(&first), [(0, Asked), (1, Asked)]);
        let second = delivery("msg_2", rows([("zoom", "bo"), ("figma", "bo")])).joining(first.sweep);
        assert_eq!(answers(&sent(&house, second).await), [(2, Asked), (3, Held)]);
        let third = delivery("msg_3", rows([("zoom", "cy"), ("slack", "cy")])).joining(first.sweep);
        assert_eq!(answers(&sent(&house, third).await), [(4, Held), (5, Held)]);
    });
}

/// Counts the rows and requests that are read from it.
struct Counted {
    read: AtomicUsize,
    store: Arc<MemoryStore>,
}

impl Counted {
    fn count<T>(&self, found: Vec<T>) -> Vec<T> {
        self.read.fetch_add(found.len(), Ordering::Relaxed);
        found
    }
}

#[async_trait]
impl Around for Counted {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.store
    }

    async fn load(&self, ids: &[RequestId]) -> Result<Vec<Option<Stored>>, StoreError> {
        Ok(self.count(self.store.load(ids).await?))
    }

    async fn rows(&self, sweep: SweepId, rows: Range<u32>) -> Result<Vec<RowResult>, StoreError> {
        Ok(self.count(self.store.rows(sweep, rows).await?))
    }
}

#[test]
fn a_delivery_reads_no_more_however_many_came_before_it() {
    block_on(async {
        let world = World::new(ScriptedDeprovisioner::new(KEYED), &[("max_requests_per_sweep", "30")]);
        let counted = Arc::new(Counted { read: AtomicUsize::new(0), store: world.store.clone() });
        let gate = world.builder(&Steps::free()).requests(counted.clone()).build().unwrap();
        let mut joined: Option<SweepId> = None;
        let mut read = Vec::new();
        for number in 0..20 {
            let rows = [format!("ana{number}"), format!("bo{number}")];
            let mut sweep = delivery(&format!("msg_{number}"), figma(&rows.each_ref().map(String::as_str)));
            sweep.joins = joined;
            let report = gate.sweep(sweep).await.unwrap();
            joined = Some(report.sweep);
            let expected = if number < 15 { Asked } else { Held };
            assert!(report.results.iter().all(|result| result.status == expected), "delivery {number}");
            read.push(counted.read.swap(0, Ordering::Relaxed));
        }
        assert!(read[19] <= read[1], "{read:?}");
    });
}

#[test]
fn each_redelivery_is_answered_as_before() {
    block_on(async {
        let house = limited("2");
        let first = sent(&house, delivery("msg_1", figma(&["ana"]))).await;
        let again = || delivery("msg_2", figma(&["bo", "cy"])).joining(first.sweep);
        let second = sent(&house, again()).await;
        assert_eq!(answers(&second), [(1, Asked), (2, Held)]);
        assert_eq!(sent(&house, again()).await, second);
        assert_eq!(sent(&house, delivery("msg_1", figma(&["ana"]))).await, first, "and of its own rows only");
        let other = Inbound::new("msg_2".to_owned(), Digest::of(b"other"));
        let other = delivery("msg_1", figma(&["bo"])).delivered_as(other);
        assert!(matches!(house.gate.sweep(other.joining(first.sweep)).await, Err(GateError::DeliveryReused)));
        let trail = house.gate.queries().trail(Stream::Sweep(first.sweep)).await.unwrap();
        let joined: Vec<Value> = trail
            .iter()
            .filter(|entry| entry.kind == "sweep_joined")
            .map(|entry| serde_json::from_str(&entry.body).unwrap())
            .collect();
        assert_eq!(joined.len(), 1);
        assert_eq!((&joined[0]["data"]["from"], &joined[0]["data"]["rows"]), (&json!(1), &json!(2)));
    });
}

#[test]
fn only_a_sweep_of_the_same_submitter_is_joined() {
    block_on(async {
        let house = House::new();
        let unknown: SweepId = "swp_01938f00000070008000000000000000".parse().unwrap();
        let others = house.sweep(vec![seat("figma", "ana")]).await.sweep;
        for (id, sweep) in [("msg_1", unknown), ("msg_2", others)] {
            let refused = house.gate.sweep(delivery(id, figma(&["bo"])).joining(sweep)).await;
            assert!(matches!(refused, Err(GateError::NoSweep(at)) if at == sweep), "{refused:?}");
        }
        let (record, report) = house.gate.swept(others, 0..u32::MAX).await.unwrap();
        assert_eq!((record.rows, report.results.len()), (1, 1));
    });
}

/// Deliveries of one sweep, all at once and each until it is through: every row once, and never more than the limit.
#[test]
fn deliveries_that_come_at_once_take_turns() {
    block_on(async {
        let world = World::new(ScriptedDeprovisioner::new(KEYED), &[("max_requests_per_sweep", "5")]);
        let house = world.start(Steps::taking_turns());
        let id = sent(&house, delivery("msg_0", figma(&["ana"]))).await.sweep;
        let house = &house;
        let send = |n: usize| async move {
            let names = [format!("a{n}"), format!("b{n}")];
            for _ in 0..100 {
                let again = delivery(&format!("msg_{n}"), figma(&names.each_ref().map(String::as_str))).joining(id);
                match house.gate.sweep(again).await {
                    Ok(report) => return report,
                    Err(error) => assert!(error.is_transient(), "{error}"),
                }
            }
            panic!("never its turn")
        };
        let reports = join_all((1..=6).map(send)).await;
        let mut rows: Vec<u32> = reports.iter().flat_map(|report| &report.results).map(|result| result.row).collect();
        rows.sort_unstable();
        assert_eq!(rows, (1..=12).collect::<Vec<_>>());
        let (_, all) = house.gate.swept(id, 0..u32::MAX).await.unwrap();
        assert_eq!(all.counts().get(&Asked), Some(&5));
        invariants::check(&house.world).await;
    });
}

/// Wherever the store fails, the same delivery again ends as if nothing had happened.
#[test]
fn a_join_that_is_cut_anywhere_resumes() {
    let expected = block_on(joined_despite(0, Fault::Before));
    assert_eq!(expected, [(0, Asked), (1, Asked), (2, Duplicate), (3, Held)]);
    for fault in [Fault::Before, Fault::After] {
        for nth in 1..16 {
            assert_eq!(block_on(joined_despite(nth, fault)), expected, "{fault:?} at {nth}");
        }
    }
}

async fn joined_despite(nth: u64, fault: Fault) -> Vec<(u32, RowStatus)> {
    let world = World::new(ScriptedDeprovisioner::new(KEYED), &[("max_requests_per_sweep", "2")]);
    let (house, store) = faulty(&world, world.target.clone());
    let gate = &house.gate;
    let id = gate.sweep(delivery("msg_1", figma(&["ana"]))).await.unwrap().sweep;
    store.fail_at(store.calls() + nth, fault);
    for _ in 0..3 {
        let again = delivery("msg_2", figma(&["bo", "ana", "cy"])).joining(id);
        if gate.sweep(again).await.is_ok() {
            break;
        }
    }
    let (_, all) = world.start(Steps::free()).gate.swept(id, 0..u32::MAX).await.unwrap();
    answers(&all)
}

#[test]
fn what_is_released_was_observed_when_its_own_delivery_came() {
    block_on(async {
        let house = limited("1");
        let first = sent(&house, delivery("msg_1", figma(&["ana"]))).await;
        house.world.pass(Duration::from_secs(2 * 86_400));
        let (came, names) = (house.now(), ["bo", "cy"]);
        let second = sent(&house, delivery("msg_2", figma(&names)).joining(first.sweep)).await;
        assert_eq!(answers(&second), [(1, Held), (2, Held)]);
        house.world.pass(Duration::from_secs(86_400));
        let by = Submission::new("token:admin".parse::<Actor>().unwrap(), Surface::Api).with_admin_token();
        let released = house.gate.release(first.sweep, &by).await.unwrap();
        let request = house.request(released.results[2].request_id.unwrap()).await;
        assert_eq!(request.evidence.unwrap().observed_at, came);
    });
}

#[test]
fn problems_name_what_the_sender_calls_things() {
    block_on(async {
        let house = House::new();
        let names = [("/last_activity_at", "/Last used"), ("/app/id", "/App")];
        let names = names.map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned()));
        let busy = candidate(json!({"last_activity_at": "2026-11-19T00:00:00Z"}));
        let early = candidate(json!({"observed_at": "2026-11-30T00:00:00Z"}));
        let sweep = delivery("msg_1", vec![Ok(busy), Ok(early)]).calling(names.into_iter().collect());
        let report = sent(&house, sweep).await;
        let pointers: Vec<_> =
            report.results.iter().map(|result| result.problem.as_ref().unwrap().pointer.as_str()).collect();
        assert_eq!(pointers, ["/Last used", "/observed_at"]);
    });
}
