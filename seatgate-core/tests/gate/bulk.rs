//! Sweeps in bulk: rows are kept as they come and nobody is asked before the seal, whatever is cut, repeated or shared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seatgate_core::agenda::Item;
use seatgate_core::canonical::Digest;
use seatgate_core::gate::{BulkSweep, GateError, Submission, UploadRow};
use seatgate_core::id::{RequestId, SweepId};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::policy::Mode;
use seatgate_core::port::{Problem, RequestFilter, RequestStore, RowResult, RowStatus};
use seatgate_core::testing::{Fault, ScriptedDeprovisioner, block_on, join_all};
use seatgate_core::trail::Stream;
use serde_json::{Value, json};

use crate::house::{House, KEYED, World, candidate};
use crate::invariants;
use crate::mishaps::faulty;
use crate::stepped::Steps;

use RowStatus::{Asked, Duplicate, Excepted, Filtered, Held, Received, Rejected, SuppressedDryRun};

fn sender() -> Actor {
    "token:admin".parse().unwrap()
}

fn named(external_id: &str) -> BulkSweep {
    let mut bulk = BulkSweep::new(sender(), Surface::Api);
    bulk.external_id = Some(external_id.to_owned());
    bulk
}

fn row(value: &Value) -> UploadRow {
    UploadRow::new(Digest::of(value.to_string().as_bytes()), Ok(candidate(value.clone())))
}

fn seat(app: &str, name: &str) -> UploadRow {
    row(&json!({"app": {"id": app}, "account": {"email": format!("{name}@example.com")}}))
}

fn figma(names: &[&str]) -> Vec<UploadRow> {
    names.iter().map(|name| seat("figma", name)).collect()
}

fn wrong() -> UploadRow {
    UploadRow::new(Digest::of(b"7"), Err(Problem::new("Invalid value", "expected an object", "")))
}

fn limited(keys: &[(&str, &str)]) -> House {
    House::with(ScriptedDeprovisioner::new(KEYED), keys)
}

async fn opened(house: &House) -> SweepId {
    house.gate.open_bulk(BulkSweep::new(sender(), Surface::Api)).await.unwrap()
}

async fn add(house: &House, sweep: SweepId, from: u32, rows: &[UploadRow]) -> Vec<(u32, RowStatus)> {
    let mut upload = house.gate.upload(sweep, &sender(), from).await.unwrap();
    answers(&upload.add(rows).await.unwrap())
}

async fn seal(house: &House, sweep: SweepId) {
    house.gate.seal(sweep, (&sender(), Surface::Api), None).await.unwrap();
}

async fn statuses(house: &House, sweep: SweepId) -> Vec<RowStatus> {
    let (_, report) = house.gate.swept(sweep, 0..u32::MAX).await.unwrap();
    report.results.iter().map(|result| result.status).collect()
}

fn answers(results: &[RowResult]) -> Vec<(u32, RowStatus)> {
    results.iter().map(|result| (result.row, result.status)).collect()
}

async fn requests(house: &House) -> usize {
    house.gate.queries().list(&RequestFilter::first(1000)).await.unwrap().len()
}

#[test]
fn rows_are_received_and_asked_about_once_sealed() {
    block_on(async {
        let house = limited(&[("max_requests_per_sweep", "2")]);
        let sweep = opened(&house).await;
        let used = row(&json!({"account": {"email": "ed@example.com"}, "last_activity_at": "2026-11-19T00:00:00Z"}));
        let first = [figma(&["ana", "bo"]), vec![wrong(), used]].concat();
        let received = [(0, Received), (1, Received), (2, Rejected), (3, Received)];
        assert_eq!(add(&house, sweep, 0, &first).await, received);
        assert_eq!(add(&house, sweep, 4, &figma(&["ana", "cy"])).await, [(4, Received), (5, Received)]);
        house.idle().await;
        assert_eq!(requests(&house).await, 0, "nobody is asked before the seal");
        let before = [Received, Received, Rejected, Received, Received, Received];
        assert_eq!(statuses(&house, sweep).await, before);
        let (record, _) = house.gate.swept(sweep, 0..0).await.unwrap();
        let counts = house.gate.sweep_counts(&record).await.unwrap();
        assert_eq!((record.rows, counts), (6, BTreeMap::from([(Rejected, 1), (Received, 5)])));

        seal(&house, sweep).await;
        house.idle().await;
        assert_eq!(statuses(&house, sweep).await, [Asked, Asked, Rejected, Filtered, Duplicate, Held]);
        let (_, part) = house.gate.swept(sweep, 4..9).await.unwrap();
        assert_eq!(answers(&part.results), [(4, Duplicate), (5, Held)]);
        assert!(house.world.store.received(sweep, 0, 9).await.unwrap().is_empty(), "what is answered is forgotten");
        let by = Submission::new(sender(), Surface::Api).with_admin_token();
        house.gate.release(sweep, &by).await.unwrap();
        assert_eq!(statuses(&house, sweep).await[5], Asked);
        house.idle().await;
        invariants::check(&house.world).await;
    });
}

#[test]
fn the_same_rows_again_are_answered_the_same_and_others_change_nothing() {
    block_on(async {
        let house = House::new();
        let sweep = opened(&house).await;
        let rows = [figma(&["ana"]), vec![wrong()], figma(&["bo", "cy"])].concat();
        let first = add(&house, sweep, 0, &rows[..3]).await;
        assert_eq!(add(&house, sweep, 0, &rows[..3]).await, first);
        let across = [(1, Rejected), (2, Received), (3, Received)];
        assert_eq!(add(&house, sweep, 1, &rows[1..]).await, across, "known rows, and a new one behind them");
        let mut upload = house.gate.upload(sweep, &sender(), 0).await.unwrap();
        let other = upload.add(&[seat("figma", "di"), wrong(), rows[2].clone()]).await.unwrap();
        assert_eq!(answers(&other), [(0, Rejected), (1, Rejected), (2, Received)]);
        let titles: Vec<_> = other.iter().filter_map(|result| Some(result.problem.as_ref()?.title.as_str())).collect();
        assert_eq!(titles, ["Other bytes", "Invalid value"]);
        assert_eq!(upload.next_row(), 3);
        assert_eq!(statuses(&house, sweep).await, [Received, Rejected, Received, Received], "what came first is kept");
    });
}

#[test]
fn a_sweep_takes_rows_in_line_from_its_sender_and_until_the_seal() {
    block_on(async {
        let house = House::new();
        let sweep = opened(&house).await;
        add(&house, sweep, 0, &figma(&["ana", "bo"])).await;
        let gate = &house.gate;
        let by = (&sender(), Surface::Api);
        let other: Actor = "token:other".parse().unwrap();
        let gap = gate.upload(sweep, &sender(), 3).await;
        assert!(matches!(gap, Err(GateError::OtherRows { received: 2 })));
        assert!(matches!(gate.upload(sweep, &other, 2).await, Err(GateError::NoSweep(_))));
        assert!(matches!(gate.seal(sweep, (&other, Surface::Api), None).await, Err(GateError::NoSweep(_))));
        assert!(matches!(gate.seal(sweep, by, Some(3)).await, Err(GateError::OtherRows { received: 2 })));
        let mut under_way = gate.upload(sweep, &sender(), 2).await.unwrap();
        let sealed = gate.seal(sweep, by, Some(2)).await.unwrap();
        assert_eq!(gate.seal(sweep, by, None).await.unwrap(), sealed, "twice is once");
        assert!(matches!(under_way.add(&figma(&["cy"])).await, Err(GateError::Sealed(_))));
        assert!(matches!(gate.upload(sweep, &sender(), 2).await, Err(GateError::Sealed(_))));
        house.idle().await;
        assert_eq!(statuses(&house, sweep).await, [Asked, Asked]);
        let whole = house.sweep(vec![candidate(json!({}))]).await.sweep;
        let scan = Actor::system("scan").unwrap();
        assert!(matches!(gate.upload(whole, &scan, 1).await, Err(GateError::Sealed(_))), "a delivery is no bulk");
    });
}

#[test]
fn a_name_is_one_sweep() {
    block_on(async {
        let house = House::new();
        let first = house.gate.open_bulk(named("file-1")).await.unwrap();
        assert_eq!(house.gate.open_bulk(named("file-1")).await.unwrap(), first);
        assert_ne!(house.gate.open_bulk(named("file-2")).await.unwrap(), first);
        assert_ne!(opened(&house).await, opened(&house).await);
        let mut other = named("file-1");
        other.dry_run = true;
        assert!(matches!(house.gate.open_bulk(other).await, Err(GateError::DeliveryReused)));
        let racing = join_all((0..8).map(|_| house.gate.open_bulk(named("file-3")))).await;
        let ids: BTreeSet<SweepId> = racing.into_iter().map(Result::unwrap).collect();
        assert_eq!(ids.len(), 1);
    });
}

#[test]
fn a_dry_run_asks_nobody() {
    block_on(async {
        let house = House::new();
        let mut bulk = BulkSweep::new(sender(), Surface::Api);
        bulk.dry_run = true;
        let sweep = house.gate.open_bulk(bulk).await.unwrap();
        add(&house, sweep, 0, &figma(&["ana", "ana"])).await;
        seal(&house, sweep).await;
        house.idle().await;
        assert_eq!(statuses(&house, sweep).await, [SuppressedDryRun; 2]);
        assert_eq!(requests(&house).await, 0);
    });
}

#[test]
fn a_share_of_the_seats_is_a_limit_and_the_sweep_may_know_better() {
    block_on(async {
        let keys = [("apps.figma.seats", "8"), ("max_share_per_sweep", "25")];
        let house = limited(&keys);
        let rows = figma(&["ana", "bo", "cy", "di"]);
        let delivered: Vec<_> = rows.iter().map(|row| row.row.clone().unwrap()).collect();
        let zoom = candidate(json!({"app": {"id": "zoom"}, "account": {"email": "ed@example.com"}}));
        let report = house.sweep([delivered, vec![zoom]].concat()).await;
        let found: Vec<_> = report.results.iter().map(|result| result.status).collect();
        assert_eq!(found, [Asked, Asked, Held, Held, Asked], "nobody says how many seats zoom has");

        let house = limited(&keys);
        let mut bulk = BulkSweep::new(sender(), Surface::Api);
        bulk.seats = BTreeMap::from([("figma".parse().unwrap(), 12)]);
        let sweep = house.gate.open_bulk(bulk).await.unwrap();
        // In two batches, which share the limit.
        add(&house, sweep, 0, &rows[..2]).await;
        add(&house, sweep, 2, &rows[2..]).await;
        seal(&house, sweep).await;
        house.idle().await;
        assert_eq!(statuses(&house, sweep).await, [Asked, Asked, Asked, Held]);
    });
}

#[test]
fn while_the_gate_is_off_nothing_comes_in_and_what_was_sealed_waits() {
    block_on(async {
        let house = House::new();
        let sweep = opened(&house).await;
        add(&house, sweep, 0, &figma(&["ana"])).await;
        let mut upload = house.gate.upload(sweep, &sender(), 1).await.unwrap();
        seal(&house, sweep).await;
        house.mode(Mode::Off);
        house.idle().await;
        assert_eq!(statuses(&house, sweep).await, [Received]);
        assert!(matches!(house.gate.open_bulk(named("x")).await, Err(GateError::Off)));
        assert!(matches!(upload.add(&figma(&["bo"])).await, Err(GateError::Off)));
        assert!(matches!(house.gate.seal(sweep, (&sender(), Surface::Api), None).await, Err(GateError::Off)));
        house.mode(Mode::Live);
        house.settle().await;
        assert_eq!(statuses(&house, sweep).await, [Asked]);
    });
}

#[test]
fn what_is_excepted_by_the_time_of_the_seal_is_not_asked_about() {
    block_on(async {
        let house = House::new();
        let sweep = opened(&house).await;
        let ana = row(&json!({}));
        add(&house, sweep, 0, std::slice::from_ref(&ana)).await;
        let id = house.open().await;
        house.keep(id).await.unwrap();
        house.settle().await;
        seal(&house, sweep).await;
        house.idle().await;
        assert_eq!(statuses(&house, sweep).await, [Excepted]);
    });
}

/// Opens, sends in three batches, seals and works off, wherever the store fails; with servers that come back.
async fn taken_in_despite(nth: u64, fault: Fault) -> (Vec<RowStatus>, BTreeSet<RequestId>) {
    let world = World::new(ScriptedDeprovisioner::new(KEYED), &[("max_requests_per_sweep", "3")]);
    let (house, store) = faulty(&world, world.target.clone());
    store.fail_at(nth, fault);
    let rows = figma(&["ana", "bo", "ana", "cy", "di"]);
    let mut sweep = None;
    for _ in 0..4 {
        sweep = upload_and_seal(&house, &rows).await.ok().or(sweep);
    }
    for _ in 0..8 {
        let _ = house.worker.run_until_idle().await;
        world.pass(Duration::from_secs(60));
    }
    let sweep = sweep.expect("one fault is not for ever");
    let (_, report) = world.start(Steps::free()).gate.swept(sweep, 0..u32::MAX).await.unwrap();
    invariants::check(&world).await;
    let asked = report.results.iter().filter(|result| result.status == Asked);
    (
        report.results.iter().map(|result| result.status).collect(),
        asked.filter_map(|result| result.request_id).collect(),
    )
}

async fn upload_and_seal(house: &House, rows: &[UploadRow]) -> Result<SweepId, GateError> {
    let sweep = house.gate.open_bulk(named("file")).await?;
    let (record, _) = house.gate.swept(sweep, 0..0).await?;
    if record.is_open() {
        let mut upload = house.gate.upload(sweep, &sender(), record.rows).await?;
        for part in rows[usize::try_from(record.rows).unwrap()..].chunks(2) {
            upload.add(part).await?;
        }
    }
    house.gate.seal(sweep, (&sender(), Surface::Api), Some(5)).await?;
    Ok(sweep)
}

#[test]
fn wherever_the_store_fails_the_same_again_asks_everybody_once() {
    let (expected, asked) = block_on(taken_in_despite(u64::MAX, Fault::Before));
    assert_eq!((expected.as_slice(), asked.len()), (&[Asked, Asked, Duplicate, Asked, Held][..], 3));
    for fault in [Fault::Before, Fault::After] {
        for nth in 1..48 {
            let (found, asked) = block_on(taken_in_despite(nth, fault));
            assert_eq!((&found, asked.len()), (&expected, 3), "{fault:?} at {nth}");
        }
    }
}

/// One server stands still somewhere in the middle, loses its lease, and goes on once another has done its work.
#[test]
fn of_two_servers_the_one_that_lost_its_lease_asks_nobody() {
    for step in 0..60 {
        block_on(async move {
            let world = World::new(ScriptedDeprovisioner::new(KEYED), &[("max_requests_per_sweep", "2")]);
            let other = world.start(Steps::free());
            let sweep = opened(&other).await;
            for (from, name) in (0..).zip(["ana", "bo", "cy", "di"]) {
                add(&other, sweep, from, &figma(&[name])).await;
            }
            seal(&other, sweep).await;
            let meanwhile = world.clone();
            let steps = Steps::new(move |at| {
                let (world, due) = (meanwhile.clone(), at == step);
                Box::pin(async move {
                    if due {
                        world.pass(Duration::from_secs(60));
                        world.start(Steps::free()).worker.run_until_idle().await.unwrap();
                    }
                })
            });
            let slow = world.start(steps);
            let claims = slow.worker.claim(64).await.unwrap();
            for claimed in claims.items.into_iter().filter(|claimed| matches!(claimed.item, Item::Intake(_))) {
                let finished = slow.worker.perform(claimed).await;
                let _ = slow.worker.settle(vec![finished]).await;
            }
            other.settle().await;
            assert_eq!(statuses(&other, sweep).await, [Asked, Asked, Held, Held], "step {step}");
            assert_eq!(requests(&other).await, 2, "step {step}");
            invariants::check(&world).await;
        });
    }
}

#[test]
fn the_trail_says_who_opened_and_who_sealed() {
    block_on(async {
        let house = House::new();
        let sweep = opened(&house).await;
        add(&house, sweep, 0, &figma(&["ana"])).await;
        seal(&house, sweep).await;
        house.idle().await;
        let entries = house.gate.queries().trail(Stream::Sweep(sweep)).await.unwrap();
        let entries: Vec<Value> = entries.iter().map(|entry| serde_json::from_str(&entry.body).unwrap()).collect();
        let said: Vec<_> = entries.iter().map(|entry| (&entry["kind"], &entry["actor"])).collect();
        let by = json!("token:admin");
        assert_eq!(said, [(&json!("sweep_opened"), &by), (&json!("sweep_sealed"), &by)]);
        assert_eq!(entries[1]["data"]["rows"], 1);
    });
}
