//! ES-1 to ES-5: exceptions.

use super::scene::names;
use super::{Scene, StoreHarness};
use crate::id::ExceptionId;
use crate::port::{Exception, NamedSeat};
use crate::seat::Seat;
use crate::testing::join_all;
use crate::time::Timestamp;

async fn list<H: StoreHarness>(scene: &Scene<H>, now: Timestamp) -> Vec<ExceptionId> {
    let listed = scene.store.exceptions().list(now, None, 100).await.unwrap();
    listed.into_iter().map(|exception| exception.id).collect()
}

pub async fn es_01_filing_again_changes_nothing<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let exception = scene.exception(&seat);
    let longer = Exception { until: scene.at(7200), ..exception.clone() };
    for exception in [&exception, &exception, &longer] {
        scene.store.exceptions().file(exception).await.unwrap();
    }
    assert_eq!(scene.seat_row(&seat).await.generation, 1, "raised once");
    let listed = scene.store.exceptions().list(scene.world.now, None, 100).await.unwrap();
    assert_eq!(listed, [exception], "the first one stands");
}

pub async fn es_01_filing_a_revoked_id_does_nothing<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let exception = scene.exception(&seat);
    let exceptions = scene.store.exceptions();
    exceptions.file(&exception).await.unwrap();
    assert!(exceptions.revoke(exception.id, scene.world.now).await.unwrap());
    exceptions.file(&exception).await.unwrap();
    assert_eq!(scene.active(&seat, scene.world.now).await, None);
    assert_eq!(list(&scene, scene.world.now).await, []);
    assert_eq!(scene.seat_row(&seat).await.generation, 1);
}

pub async fn es_01_64_racing_filings_file_once<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let exception = scene.exception(&seat);
    let filed = join_all((0..64).map(|_| scene.store.exceptions().file(&exception))).await;
    assert!(filed.iter().all(Result::is_ok), "{filed:?}");
    assert_eq!(scene.seat_row(&seat).await.generation, 1);
    assert_eq!(list(&scene, scene.world.now).await, [exception.id]);
}

pub async fn es_02_what_was_filed_is_found_in_full<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let mut exception = scene.exception(&seat);
    exception.reason = Some(scene.world.text("On leave", None).reference);
    exception.request = Some(scene.world.request_id());
    scene.store.exceptions().file(&exception).await.unwrap();
    let seats = [NamedSeat::new(seat, names("", "ana@example.com"))];
    let found = scene.store.exceptions().active(&seats, scene.world.now).await.unwrap();
    assert_eq!(found, [Some(exception)]);
}

pub async fn es_02_what_was_filed_is_found_after_a_restart<H: StoreHarness>(store: H) {
    let mut scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let exception = scene.file(&seat).await;
    scene.store = scene.store.reopen().await;
    assert_eq!(scene.active(&seat, scene.world.now).await, Some(exception));
}

pub async fn es_02_an_exception_covers_its_seat_and_no_other<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let exception = scene.file(&seat).await;
    let pro = Seat { entitlement: "pro".parse().unwrap(), ..seat.clone() };
    let ben = scene.seat("ben@example.com").await;
    let renamed = Seat { holder: Some(scene.world.person_ref()), ..seat };
    assert_eq!(scene.active(&pro, scene.world.now).await, None);
    assert_eq!(scene.active(&ben, scene.world.now).await, None);
    assert_eq!(scene.active(&renamed, scene.world.now).await, Some(exception), "the holder is no part of the key");
}

pub async fn es_03_filing_raises_the_generation_of_the_seat<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    for generation in 1..=3 {
        scene.file(&seat).await;
        assert_eq!(scene.seat_row(&seat).await.generation, generation);
    }
}

pub async fn es_04_an_exception_holds_until_its_end<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let exception = scene.file(&seat).await;
    let almost = Timestamp::from_micros(scene.at(3600).as_micros() - 1);
    assert_eq!(scene.active(&seat, almost).await, Some(exception));
    assert_eq!(scene.active(&seat, scene.at(3600)).await, None, "exclusive");
    assert_eq!(scene.active(&seat, scene.world.now).await, Some(exception), "judged by the given time alone");
    assert_eq!(list(&scene, almost).await, [exception]);
    assert_eq!(list(&scene, scene.at(3600)).await, []);
}

pub async fn es_04_an_older_exception_that_holds_is_found_behind_one_that_does_not<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let holds = scene.file(&seat).await;
    let revoked = scene.file(&seat).await;
    let ended = Exception { until: scene.at(-1), ..scene.exception(&seat) };
    scene.store.exceptions().file(&ended).await.unwrap();
    assert!(scene.store.exceptions().revoke(revoked, scene.world.now).await.unwrap());
    assert_eq!(scene.active(&seat, scene.world.now).await, Some(holds));
}

pub async fn es_04_answers_come_in_the_order_of_the_question<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut seats = Vec::new();
    let mut filed = Vec::new();
    for email in ["ana@example.com", "ben@example.com", "cy@example.com"] {
        let seat = scene.seat(email).await;
        filed.push(if email.starts_with("ben") { None } else { Some(scene.file(&seat).await) });
        seats.push(NamedSeat::new(seat, names("", email)));
    }
    seats.reverse();
    filed.reverse();
    seats.push(seats[0].clone());
    filed.push(filed[0]);
    let found = scene.store.exceptions().active(&seats, scene.world.now).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|exception| exception.map(|exception| exception.id)).collect();
    assert_eq!(found, filed);
    assert_eq!(scene.store.exceptions().active(&[], scene.world.now).await.unwrap(), []);
}

pub async fn es_05_revoking_ends_an_exception_and_says_whether_it_held<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let exceptions = scene.store.exceptions();
    let exception = scene.file(&seat).await;
    assert!(exceptions.revoke(exception, scene.world.now).await.unwrap());
    assert!(!exceptions.revoke(exception, scene.world.now).await.unwrap(), "again");
    assert!(!exceptions.revoke(scene.world.exception_id(), scene.world.now).await.unwrap(), "unknown");
    assert_eq!(scene.active(&seat, scene.world.now).await, None);
    let ended = scene.file(&seat).await;
    assert!(!exceptions.revoke(ended, scene.at(3600)).await.unwrap(), "ended by itself");
}

pub async fn es_05_one_of_64_racing_revocations_ended_it<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let exception = scene.file(&scene.seat("ana@example.com").await).await;
    let revoked = join_all((0..64).map(|_| scene.store.exceptions().revoke(exception, scene.world.now))).await;
    assert_eq!(revoked.into_iter().filter(|held| matches!(held, Ok(true))).count(), 1);
}

pub async fn exceptions_are_listed_by_id_and_paged<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let mut ids = vec![scene.file(&seat).await, scene.file(&seat).await, scene.file(&seat).await];
    ids.sort();
    assert_eq!(list(&scene, scene.world.now).await, ids);
    let page = scene.store.exceptions().list(scene.world.now, Some(ids[0]), 1).await.unwrap();
    assert_eq!(page.into_iter().map(|exception| exception.id).collect::<Vec<_>>(), ids[1..2]);
    assert_eq!(scene.store.exceptions().list(scene.world.now, Some(ids[2]), 10).await.unwrap(), []);
}
