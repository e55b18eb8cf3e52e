//! RS-1, RS-12 and RS-13 for sweeps: a delivery is kept once, each of its rows is answered once, and a held one once
//! more; others join in line.

use std::time::Duration;

use super::{Scene, StoreHarness};
use crate::canonical::Digest;
use crate::id::SweepId;
use crate::person::Actor;
use crate::port::{Answer, Change, Conflict, Inbound, Join, Problem, RowResult, RowStatus, SweepRecord};
use crate::testing::join_all;
use crate::trail::{Chain, Stream};

fn sweep<H: StoreHarness>(scene: &Scene<H>, inbound: Option<&str>) -> (SweepRecord, Change) {
    let inbound = inbound.map(|id| Inbound::new(id.to_owned(), Digest::of(id.as_bytes())));
    let record = SweepRecord::new(scene.world.sweep_id(), inbound, Actor::worker(), scene.world.now);
    let mut change = scene.world.change(&mut Chain::empty(Stream::Sweep(record.id)));
    change.sweep = Some(record.clone());
    (record, change)
}

pub async fn rs_01_a_delivery_is_kept_once<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (record, first) = sweep(&scene, Some("msg_1"));
    let (_, second) = sweep(&scene, Some("msg_1"));
    let (other, third) = sweep(&scene, Some("msg_2"));
    assert_eq!(scene.commit(first).await, Answer::Committed);
    assert_eq!(scene.commit(second.clone()).await, Answer::Conflict(Conflict::Row));
    assert_eq!(scene.store.requests().chain(second.stream).await.unwrap().version, 0, "and nothing of it");
    assert_eq!(scene.commit(third).await, Answer::Committed);
    assert_eq!(scene.store.requests().sweep_of("msg_1").await.unwrap(), Some(record));
    assert_eq!(scene.store.requests().sweep_of("msg_2").await.unwrap(), Some(other));
}

pub async fn rs_01_sweeps_without_a_delivery_do_not_collide<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    for _ in 0..2 {
        assert_eq!(scene.commit(sweep(&scene, None).1).await, Answer::Committed);
    }
}

pub async fn rs_01_one_of_64_racing_deliveries_is_kept<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let sweeps: Vec<_> = (0..64).map(|_| sweep(&scene, Some("msg_1"))).collect();
    let answers = join_all(sweeps.iter().map(|(_, change)| scene.commit(change.clone()))).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Committed).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Conflict(Conflict::Row)).count(), 63);
    let winner = answers.iter().position(|answer| *answer == Answer::Committed).unwrap();
    assert_eq!(scene.store.requests().sweep_of("msg_1").await.unwrap().as_ref(), Some(&sweeps[winner].0));
}

pub async fn rs_01_a_row_is_answered_once<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (record, opening) = sweep(&scene, None);
    assert_eq!(scene.commit(opening).await, Answer::Committed);
    let asked = RowResult::new(1, RowStatus::Asked).about(scene.world.request_id());
    let problem = Problem::new("Not an address", "expected an address", "/account/email");
    let rejected = RowResult::new(0, RowStatus::Rejected).because(problem);
    for (result, answer) in [
        (asked.clone(), Answer::Committed),
        (RowResult::new(1, RowStatus::Duplicate), Answer::Conflict(Conflict::Row)),
        (rejected.clone(), Answer::Committed),
    ] {
        let mut change = scene.edits(Vec::new());
        change.rows = vec![(record.id, result)];
        assert_eq!(scene.commit(change).await, answer);
    }
    assert_eq!(scene.store.requests().rows(record.id, 0..u32::MAX).await.unwrap(), [rejected, asked], "by row");
}

pub async fn rs_01_a_refused_row_refuses_its_request<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (record, mut opening) = sweep(&scene, None);
    opening.rows = vec![(record.id, RowResult::new(0, RowStatus::Filtered))];
    assert_eq!(scene.commit(opening).await, Answer::Committed);
    let seat = scene.seat("ana@example.com").await;
    let mut change = scene.world.opened_change(&seat, 0, scene.world.person_ref());
    let request = change.request.as_ref().unwrap().id;
    change.rows = vec![(record.id, RowResult::new(0, RowStatus::Asked).about(request))];
    assert_eq!(scene.commit(change).await, Answer::Conflict(Conflict::Row));
    assert_eq!(scene.load(request).await, None);
    assert_eq!(scene.seat_row(&seat).await.open_request, None);
}

/// A sweep whose row 0 is held and whose row 1 is filtered.
async fn held<H: StoreHarness>(scene: &Scene<H>) -> SweepRecord {
    let (record, mut opening) = sweep(scene, None);
    let kept = scene.world.text("{}", None);
    let held = RowResult::new(0, RowStatus::Held).keeping(kept.reference, scene.world.now);
    opening.rows = vec![(record.id, held), (record.id, RowResult::new(1, RowStatus::Filtered))];
    opening.texts = vec![kept];
    assert_eq!(scene.commit(opening).await, Answer::Committed);
    record
}

pub async fn rs_12_a_held_row_is_answered_again_once<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let record = held(&scene).await;
    let release = |rows: &[u32]| {
        let mut change = scene.edits(Vec::new());
        change.released = rows.iter().map(|row| (record.id, RowResult::new(*row, RowStatus::Excepted))).collect();
        change
    };
    let statuses = || async {
        let rows = scene.store.requests().rows(record.id, 0..u32::MAX).await.unwrap();
        rows.iter().map(|result| result.status).collect::<Vec<_>>()
    };
    for refused in [&[1][..], &[2], &[0, 1], &[0, 0]] {
        assert_eq!(scene.commit(release(refused)).await, Answer::Conflict(Conflict::Row), "{refused:?}");
    }
    assert_eq!(statuses().await, [RowStatus::Held, RowStatus::Filtered], "nothing of a refused change lands");
    let mut again = scene.edits(Vec::new());
    again.rows = vec![(record.id, RowResult::new(0, RowStatus::Excepted))];
    assert_eq!(scene.commit(again).await, Answer::Conflict(Conflict::Row), "a held row is no new one");
    assert_eq!(scene.commit(release(&[0])).await, Answer::Committed);
    assert_eq!(scene.commit(release(&[0])).await, Answer::Conflict(Conflict::Row));
    assert_eq!(statuses().await, [RowStatus::Excepted, RowStatus::Filtered]);
}

pub async fn rs_12_one_of_64_racing_releases_lands<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let record = held(&scene).await;
    let results: Vec<_> =
        (0..64).map(|_| RowResult::new(0, RowStatus::Duplicate).about(scene.world.request_id())).collect();
    let answers = join_all(results.iter().map(|result| {
        let mut change = scene.edits(Vec::new());
        change.released = vec![(record.id, result.clone())];
        scene.commit(change)
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Committed).count(), 1);
    let winner = answers.iter().position(|answer| *answer == Answer::Committed).unwrap();
    assert_eq!(scene.store.requests().rows(record.id, 0..u32::MAX).await.unwrap()[0], results[winner]);
}

pub async fn rs_12_a_row_that_is_not_held_refuses_its_request<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let record = held(&scene).await;
    let seat = scene.seat("ana@example.com").await;
    let open = |row| {
        let mut change = scene.world.opened_change(&seat, 0, scene.world.person_ref());
        let request = change.request.as_ref().unwrap().id;
        change.released = vec![(record.id, RowResult::new(row, RowStatus::Asked).about(request))];
        (request, change)
    };
    let (refused, change) = open(1);
    assert_eq!(scene.commit(change).await, Answer::Conflict(Conflict::Row));
    assert_eq!(scene.load(refused).await, None);
    let (landed, change) = open(0);
    assert_eq!(scene.commit(change.clone()).await, Answer::Committed);
    assert_eq!(scene.commit(change).await, Answer::Duplicate);
    assert_eq!(scene.seat_row(&seat).await.open_request, Some(landed));
}

/// A change that adds a delivery to a sweep that has `from` rows.
fn joining<H: StoreHarness>(scene: &Scene<H>, sweep: SweepId, inbound: &str, from: u32, rows: u32) -> Change {
    let inbound = Inbound::new(inbound.to_owned(), Digest::of(inbound.as_bytes()));
    let later = scene.world.now.saturating_add(Duration::from_secs(60));
    let mut change = scene.edits(Vec::new());
    change.join = Some(Join::new(sweep, Some(inbound), from, rows, later));
    change
}

pub async fn rs_13_deliveries_join_one_after_the_other<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (record, mut opening) = sweep(&scene, Some("msg_1"));
    opening.sweep = Some(record.clone().with_rows(3));
    assert_eq!(scene.commit(opening).await, Answer::Committed);
    let refused = Answer::Conflict(Conflict::Row);
    for (id, from, answer) in [
        ("msg_2", 2, refused),
        ("msg_2", 3, Answer::Committed),
        ("msg_3", 3, refused),
        ("msg_2", 5, refused),
        ("msg_1", 5, refused),
        ("msg_3", 5, Answer::Committed),
    ] {
        assert_eq!(scene.commit(joining(&scene, record.id, id, from, 2)).await, answer, "{id} from {from}");
    }
    let nowhere = joining(&scene, scene.world.sweep_id(), "msg_4", 0, 1);
    assert_eq!(scene.commit(nowhere).await, refused);
    let store = scene.store.requests();
    assert_eq!(store.sweep(record.id).await.unwrap(), Some(record.clone().with_rows(7)), "with what brought it");
    for (id, first_row) in [("msg_1", 0), ("msg_2", 3), ("msg_3", 5)] {
        let known = store.sweep_of(id).await.unwrap().unwrap();
        assert_eq!((known.id, known.rows), (record.id, 7), "{id}");
        assert_eq!(known.inbound, Some(Inbound::new(id.to_owned(), Digest::of(id.as_bytes())).from_row(first_row)));
        let received_at = if first_row == 0 {
            record.received_at
        } else {
            record.received_at.saturating_add(Duration::from_secs(60))
        };
        assert_eq!(known.received_at, received_at, "{id}");
    }
    assert_eq!(store.sweep_of("msg_4").await.unwrap(), None);
}

pub async fn rs_13_one_of_64_racing_joins_comes_first<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (record, opening) = sweep(&scene, None);
    assert_eq!(scene.commit(opening).await, Answer::Committed);
    let joins: Vec<_> = (0..64).map(|n| joining(&scene, record.id, &format!("msg_{n}"), 0, 1)).collect();
    let answers = join_all(joins.into_iter().map(|change| scene.commit(change))).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Committed).count(), 1);
    assert_eq!(scene.store.requests().sweep(record.id).await.unwrap(), Some(record.with_rows(1)));
}

pub async fn sweeps_are_found_by_their_ids<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    for inbound in [None, Some("msg_1")] {
        let (record, opening) = sweep(&scene, inbound);
        assert_eq!(scene.store.requests().sweep(record.id).await.unwrap(), None);
        assert_eq!(scene.commit(opening).await, Answer::Committed);
        assert_eq!(scene.store.requests().sweep(record.id).await.unwrap(), Some(record));
    }
}
