//! Each seat is asked about once, however it is reported.

use std::sync::{Arc, Mutex};

use seatgate_core::canonical::Digest;
use seatgate_core::gate::GateError;
use seatgate_core::port::{Inbound, RequestFilter, RowStatus};
use seatgate_core::request::{Outcome, Request};
use seatgate_core::testing::{ScriptedDeprovisioner, block_on, join_all};
use serde_json::json;

use crate::house::{House, KEYED, World, ana, candidate};
use crate::invariants;
use crate::stepped::Steps;

fn by_id() -> seatgate_core::seat::Candidate {
    candidate(json!({"account": {"id": "00u1"}}))
}

fn by_email() -> seatgate_core::seat::Candidate {
    candidate(json!({"account": {"email": "Ana@Example.com"}}))
}

async fn requests(house: &House) -> Vec<Request> {
    house.gate.queries().list(&RequestFilter::first(1000)).await.unwrap()
}

async fn open_requests(house: &House) -> usize {
    requests(house).await.iter().filter(|request| request.outcome().is_none()).count()
}

#[test]
fn twice_in_one_batch_is_one_request() {
    block_on(async {
        let house = House::new();
        let report = house.sweep(vec![ana(), ana(), by_id(), by_email()]).await;
        let statuses: Vec<_> = report.results.iter().map(|result| result.status).collect();
        assert_eq!(statuses, [RowStatus::Asked, RowStatus::Duplicate, RowStatus::Duplicate, RowStatus::Duplicate]);
        assert!(report.results.iter().all(|result| result.request_id == report.results[0].request_id));
        assert_eq!(requests(&house).await.len(), 1);
        invariants::check(&house.world).await;
    });
}

#[test]
fn in_parallel_is_one_request() {
    block_on(async {
        let house = World::new(ScriptedDeprovisioner::new(KEYED), &[]).start(Steps::taking_turns());
        let sweeps = (0..32).map(|n| house.sweep(vec![if n % 2 == 0 { ana() } else { by_id() }]));
        let reports = join_all(sweeps).await;
        let asked = reports.iter().filter(|report| report.results[0].status == RowStatus::Asked).count();
        assert_eq!((asked, requests(&house).await.len()), (1, 1));
        invariants::check(&house.world).await;
    });
}

#[test]
fn by_id_and_by_address_is_one_request_once_both_are_known_together() {
    block_on(async {
        let house = House::new();
        let first = house.sweep(vec![by_id(), by_email()]).await;
        assert!(first.results.iter().all(|result| result.status == RowStatus::Asked), "nobody knows better yet");
        assert_eq!(house.sweep(vec![ana()]).await.results[0].status, RowStatus::Duplicate);
        house.idle().await;
        assert_eq!(open_requests(&house).await, 1);
        let withdrawn: Vec<_> = requests(&house).await.into_iter().filter(|r| r.outcome().is_some()).collect();
        assert_eq!(withdrawn[0].outcome(), Some(Outcome::Withdrawn));
        assert_eq!(withdrawn[0].id, first.results[1].request_id.unwrap(), "the newer one");
        for row in [by_id(), by_email()] {
            assert_eq!(house.sweep(vec![row]).await.results[0].status, RowStatus::Duplicate);
        }
        invariants::check(&house.world).await;
    });
}

/// Whatever step of the sweep the whole keep happens before: the seat is not asked about again.
#[test]
fn a_keep_that_crosses_the_next_sweep_is_never_asked_again() {
    let mut step = 0;
    loop {
        let reached = block_on(keep_before_step(step));
        if !reached {
            assert!(step > 4, "the sweep has steps");
            return;
        }
        step += 1;
    }
}

async fn keep_before_step(step: u64) -> bool {
    let world = World::new(ScriptedDeprovisioner::new(KEYED), &[]);
    let other = Arc::new(world.start(Steps::free()));
    let id = other.open().await;
    let keeping: Arc<Mutex<Option<Arc<House>>>> = Arc::new(Mutex::new(Some(other.clone())));
    let steps = Steps::new({
        let keeping = keeping.clone();
        move |n| {
            let house = if n == step { keeping.lock().unwrap().take() } else { None };
            Box::pin(async move {
                if let Some(house) = house {
                    house.keep(id).await.unwrap();
                    house.idle().await;
                }
            })
        }
    });
    let report = world.start(steps).sweep(vec![ana()]).await;
    let status = report.results[0].status;
    assert!(matches!(status, RowStatus::Duplicate | RowStatus::Excepted), "{status} before step {step}");
    invariants::check(&world).await;
    keeping.lock().unwrap().is_none()
}

/// Whatever step of the sweep another one comes before, asks and is answered with a keep: nobody is asked again. Only the
/// seat's generation shows that something has happened between the read and the commit.
#[test]
fn a_whole_keep_in_the_middle_of_a_sweep_is_seen() {
    let kept = (0..24).filter(|step| block_on(ask_and_keep_before_step(*step))).count();
    assert!((5..24).contains(&kept), "{kept} keeps came first");
}

async fn ask_and_keep_before_step(step: u64) -> bool {
    let world = World::new(ScriptedDeprovisioner::new(KEYED), &[]);
    let other = Arc::new(world.start(Steps::free()));
    let kept = Arc::new(Mutex::new(false));
    let steps = Steps::new({
        let kept = kept.clone();
        move |n| {
            let (house, kept) = (other.clone(), kept.clone());
            Box::pin(async move {
                if n == step {
                    let first = house.sweep(vec![ana()]).await.results.remove(0);
                    house.idle().await;
                    if first.status == RowStatus::Asked {
                        house.keep(first.request_id.unwrap()).await.unwrap();
                        house.idle().await;
                        *kept.lock().unwrap() = true;
                    }
                }
            })
        }
    });
    let status = world.start(steps).sweep(vec![ana()]).await.results[0].status;
    invariants::check(&world).await;
    let kept = *kept.lock().unwrap();
    assert_eq!(status == RowStatus::Excepted, kept, "{status} at step {step}");
    kept
}

#[test]
fn a_repeated_delivery_is_answered_from_the_first_and_another_body_is_refused() {
    block_on(async {
        let house = House::new();
        let inbound = |body: &[u8]| Some(Inbound::new("msg_1".to_owned(), Digest::of(body)));
        let old =
            candidate(json!({"account": {"email": "zoe@example.com"}, "last_activity_at": "2026-11-19T00:00:00Z"}));
        let rows = || vec![ana(), old.clone(), ana()];
        let first = house.try_sweep(rows(), inbound(b"a")).await.unwrap();
        let statuses: Vec<_> = first.results.iter().map(|result| result.status).collect();
        assert_eq!(statuses, [RowStatus::Asked, RowStatus::Filtered, RowStatus::Duplicate]);
        let again = house.try_sweep(rows(), inbound(b"a")).await.unwrap();
        assert_eq!(first, again);
        let other = house.try_sweep(vec![], inbound(b"b")).await;
        assert!(matches!(other, Err(GateError::DeliveryReused)));
        assert_eq!(requests(&house).await.len(), 1);
    });
}

#[test]
fn the_same_delivery_twice_at_once_is_one_sweep() {
    block_on(async {
        let house = World::new(ScriptedDeprovisioner::new(KEYED), &[]).start(Steps::taking_turns());
        let inbound = || Some(Inbound::new("msg_1".to_owned(), Digest::of(b"a")));
        let zoe = || candidate(json!({"account": {"email": "zoe@example.com"}}));
        let rows = || vec![ana(), zoe(), ana()];
        let reports = join_all((0..8).map(|_| house.try_sweep(rows(), inbound()))).await;
        for report in &reports {
            assert_eq!(report.as_ref().unwrap(), reports[0].as_ref().unwrap());
        }
        assert_eq!(requests(&house).await.len(), 2);
        invariants::check(&house.world).await;
    });
}

#[test]
fn unusable_evidence_is_rejected_and_what_is_not_idle_filtered() {
    block_on(async {
        let house = House::new();
        let rows = [
            (json!({"observed_at": "2026-11-20T07:00:00Z"}), RowStatus::Rejected, "/observed_at"),
            (json!({"observed_at": "2026-11-01T00:00:00Z"}), RowStatus::Rejected, "/observed_at"),
            (json!({"last_activity_at": "2026-11-20T06:00:01Z"}), RowStatus::Rejected, "/last_activity_at"),
            (json!({"last_activity_at": "2026-11-01T00:00:00Z"}), RowStatus::Filtered, "/last_activity_at"),
        ];
        let report = house.sweep(rows.iter().map(|(change, ..)| candidate(change.clone())).collect()).await;
        for (result, (_, status, pointer)) in report.results.iter().zip(rows) {
            assert_eq!(result.status, status);
            assert_eq!(result.problem.as_ref().unwrap().pointer, pointer);
        }
        assert!(requests(&house).await.is_empty());
    });
}
