//! RS-15 and RS-16: the rows of a sweep in bulk are kept batch by batch, in line, until it is sealed.

use std::collections::BTreeMap;

use super::{Scene, StoreHarness};
use crate::canonical::Digest;
use crate::id::SweepId;
use crate::person::Actor;
use crate::port::{
    Answer, Batch, BatchRow, Bulk, Change, Conflict, Inbound, Problem, RowResult, RowStatus, Seal, SweepRecord,
};
use crate::testing::join_all;
use crate::trail::{Chain, Stream};

/// A sweep that is opened with `bulk`.
async fn opened<H: StoreHarness>(scene: &Scene<H>, bulk: Option<Bulk>) -> SweepRecord {
    let inbound = bulk.is_some().then(|| Inbound::new("bulk file-1".to_owned(), Digest::of(b"file")));
    let record = SweepRecord::new(scene.world.sweep_id(), inbound, Actor::worker(), scene.world.now).in_bulk(bulk);
    let mut change = scene.world.change(&mut Chain::empty(Stream::Sweep(record.id)));
    change.sweep = Some(record.clone());
    assert_eq!(scene.commit(change).await, Answer::Committed);
    record
}

async fn open<H: StoreHarness>(scene: &Scene<H>) -> SweepRecord {
    opened(scene, Some(Bulk::default())).await
}

/// So many rows from `from`. The second of them has no text.
fn batch<H: StoreHarness>(scene: &Scene<H>, sweep: SweepId, from: u32, rows: u32) -> Batch {
    let row = |number: u32| {
        let text = if number == from + 1 { String::new() } else { format!("{{\"seat\":\"Zoë {number}\\n\"}}") };
        BatchRow::new(Digest::of(number.to_string().as_bytes()), text)
    };
    Batch::new(sweep, from, scene.at(60), (from..from + rows).map(row).collect())
}

fn sealing<H: StoreHarness>(scene: &Scene<H>, sweep: SweepId, rows: u32) -> Change {
    let mut change = scene.edits(Vec::new());
    change.seal = Some(Seal::new(sweep, rows, scene.at(120)));
    change
}

async fn rows_of<H: StoreHarness>(scene: &Scene<H>, sweep: SweepId) -> u32 {
    scene.store.requests().sweep(sweep).await.unwrap().unwrap().rows
}

pub async fn rs_15_batches_come_one_after_the_other<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let sweep = open(&scene).await.id;
    for (from, rows, kept) in [(1, 2, false), (0, 3, true), (0, 3, false), (2, 3, false), (4, 1, false), (3, 2, true)] {
        let batch = batch(&scene, sweep, from, rows);
        assert_eq!(scene.store.requests().receive(&batch, &[]).await.unwrap(), kept, "{rows} from {from}");
    }
    assert_eq!(rows_of(&scene, sweep).await, 5);
    let kept = scene.store.requests().received(sweep, 0, 9).await.unwrap();
    assert_eq!(kept.iter().map(|batch| batch.from..batch.end()).collect::<Vec<_>>(), [0..3, 3..5]);
}

pub async fn rs_15_a_batch_comes_back_as_it_was_received<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let sweep = open(&scene).await.id;
    let requests = scene.store.requests();
    let batches = [(0, 3), (3, 1), (4, 2)].map(|(from, rows)| batch(&scene, sweep, from, rows));
    let problem = Problem::new("Not an address", "expected an address", "/account/email");
    let rejected = RowResult::new(5, RowStatus::Rejected).because(problem);
    for batch in &batches {
        let rejected = if batch.from == 4 { std::slice::from_ref(&rejected) } else { &[] };
        assert!(requests.receive(batch, rejected).await.unwrap());
    }
    assert_eq!(requests.received(sweep, 0, 9).await.unwrap(), batches);
    assert_eq!(requests.received(sweep, 2, 2).await.unwrap(), batches[..2], "from the one that has the row");
    assert_eq!(requests.received(sweep, 3, 9).await.unwrap(), batches[1..]);
    assert_eq!(requests.received(sweep, 6, 9).await.unwrap(), []);
    assert_eq!(requests.rows(sweep, 0..u32::MAX).await.unwrap(), [rejected]);
}

pub async fn rs_15_one_of_64_racing_batches_is_kept<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let sweep = open(&scene).await.id;
    let batches: Vec<_> = (1..=64).map(|rows| batch(&scene, sweep, 0, rows)).collect();
    let kept = join_all(batches.iter().map(|batch| scene.store.requests().receive(batch, &[]))).await;
    let kept: Vec<_> = kept.into_iter().zip(&batches).filter(|(kept, _)| *kept.as_ref().unwrap()).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(scene.store.requests().received(sweep, 0, 99).await.unwrap(), [kept[0].1.clone()]);
    assert_eq!(rows_of(&scene, sweep).await, kept[0].1.end());
}

pub async fn rs_15_only_a_sweep_in_bulk_takes_batches<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let plain = opened(&scene, None).await.id;
    for sweep in [plain, scene.world.sweep_id()] {
        assert!(!scene.store.requests().receive(&batch(&scene, sweep, 0, 2), &[]).await.unwrap());
        assert_eq!(scene.commit(sealing(&scene, sweep, 0)).await, Answer::Conflict(Conflict::Row));
        assert_eq!(scene.store.requests().received(sweep, 0, 9).await.unwrap(), []);
    }
    assert_eq!(rows_of(&scene, plain).await, 0);
}

pub async fn rs_15_batches_and_answers_are_there_after_a_restart<H: StoreHarness>(store: H) {
    let mut scene = Scene::new(store);
    let sweep = open(&scene).await.id;
    let kept = batch(&scene, sweep, 0, 3);
    let rejected = RowResult::new(1, RowStatus::Rejected);
    assert!(scene.store.requests().receive(&kept, std::slice::from_ref(&rejected)).await.unwrap());
    scene.store = scene.store.reopen().await;
    assert_eq!(scene.store.requests().received(sweep, 0, 9).await.unwrap(), [kept]);
    assert_eq!(scene.store.requests().rows(sweep, 0..9).await.unwrap(), [rejected]);
    assert_eq!(rows_of(&scene, sweep).await, 3);
}

pub async fn rs_16_a_seal_ends_the_rows_once<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let record = open(&scene).await;
    assert!(scene.store.requests().receive(&batch(&scene, record.id, 0, 3), &[]).await.unwrap());
    let refused = Answer::Conflict(Conflict::Row);
    assert_eq!(scene.commit(sealing(&scene, record.id, 2)).await, refused);
    let sealing_it = sealing(&scene, record.id, 3);
    assert_eq!(scene.commit(sealing_it.clone()).await, Answer::Committed);
    assert_eq!(scene.commit(sealing_it).await, Answer::Duplicate);
    assert_eq!(scene.commit(sealing(&scene, record.id, 3)).await, refused);
    assert!(!scene.store.requests().receive(&batch(&scene, record.id, 3, 1), &[]).await.unwrap());
    let sealed = record.clone().with_rows(3).in_bulk(Some(Bulk::default().sealed(Some(scene.at(120)))));
    assert_eq!(scene.store.requests().sweep(record.id).await.unwrap(), Some(sealed));
}

pub async fn rs_16_a_seal_and_a_batch_never_cross<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    for _ in 0..16 {
        let sweep = scene.world.sweep_id();
        let record = SweepRecord::new(sweep, None, Actor::worker(), scene.world.now).in_bulk(Some(Bulk::default()));
        let mut change = scene.world.change(&mut Chain::empty(Stream::Sweep(sweep)));
        change.sweep = Some(record);
        assert_eq!(scene.commit(change).await, Answer::Committed);
        let (batch, seal) = (batch(&scene, sweep, 0, 2), sealing(&scene, sweep, 0));
        let (kept, sealed) = crate::both::both(scene.store.requests().receive(&batch, &[]), scene.commit(seal)).await;
        let (kept, sealed) = (kept.unwrap(), sealed == Answer::Committed);
        assert!(kept != sealed, "exactly one comes first: {kept}, {sealed}");
        assert_eq!(rows_of(&scene, sweep).await, if kept { 2 } else { 0 });
    }
}

pub async fn a_sweep_in_bulk_is_found_as_it_was_opened<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seats = BTreeMap::from([("figma".parse().unwrap(), 400), ("zoom".parse().unwrap(), 7)]);
    let record = opened(&scene, Some(Bulk::new(Some("okta".to_owned()), true, seats))).await;
    assert_eq!(scene.store.requests().sweep(record.id).await.unwrap(), Some(record.clone()));
    assert_eq!(scene.store.requests().sweep_of("bulk file-1").await.unwrap(), Some(record));
}

pub async fn batches_are_forgotten_once_all_of_their_rows_are_before<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let sweep = open(&scene).await.id;
    let requests = scene.store.requests();
    let batches = [(0, 3), (3, 2)].map(|(from, rows)| batch(&scene, sweep, from, rows));
    for batch in &batches {
        assert!(requests.receive(batch, &[]).await.unwrap());
    }
    requests.forget(sweep, 2).await.unwrap();
    requests.forget(scene.world.sweep_id(), 9).await.unwrap();
    assert_eq!(requests.received(sweep, 0, 9).await.unwrap(), batches);
    for _ in 0..2 {
        requests.forget(sweep, 4).await.unwrap();
        assert_eq!(requests.received(sweep, 0, 9).await.unwrap(), batches[1..]);
    }
    assert_eq!(rows_of(&scene, sweep).await, 5, "they count still");
}

pub async fn rows_are_read_by_their_numbers<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let sweep = open(&scene).await.id;
    let results: Vec<_> = (0..6).map(|row| RowResult::new(row, RowStatus::Filtered)).collect();
    let mut change = scene.edits(Vec::new());
    change.rows = results.iter().map(|result| (sweep, result.clone())).collect();
    assert_eq!(scene.commit(change).await, Answer::Committed);
    let requests = scene.store.requests();
    assert_eq!(requests.rows(sweep, 2..4).await.unwrap(), results[2..4]);
    assert_eq!(requests.rows(sweep, 5..u32::MAX).await.unwrap(), results[5..]);
    assert_eq!(requests.rows(sweep, 3..3).await.unwrap(), []);
}

pub async fn requests_are_counted_by_app<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut expected: BTreeMap<SweepId, u64> = BTreeMap::new();
    for name in ["ana", "bo"] {
        let seat = scene.seat(&format!("{name}@example.com")).await;
        let change = scene.world.opened_change(&seat, 0, scene.world.person_ref());
        *expected.entry(change.request.as_ref().unwrap().origin.sweep.unwrap()).or_default() += 1;
        assert_eq!(scene.commit(change).await, Answer::Committed);
    }
    for (sweep, requests) in expected {
        let found = scene.store.queries().opened_by_app(sweep).await.unwrap();
        assert_eq!(found.values().sum::<u64>(), requests);
        assert_eq!(found.len(), 1);
    }
    assert!(scene.store.queries().opened_by_app(scene.world.sweep_id()).await.unwrap().is_empty());
}
