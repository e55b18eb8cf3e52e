//! RS-5: seats and their generations.

use super::{Scene, StoreHarness};
use crate::port::{Answer, Change, Conflict, SeatChange, SeatStatusRow};
use crate::seat::Seat;
use crate::testing::join_all;

fn opening<H: StoreHarness>(scene: &Scene<H>, seat: &Seat, generation: u64) -> Change {
    scene.world.opened_change(seat, generation, scene.world.person_ref())
}

pub async fn rs_05_an_unknown_seat_has_generation_0<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    assert_eq!(scene.seat_row(&seat).await, SeatStatusRow::new(0, None));
    let ahead = opening(&scene, &seat, 1);
    assert_eq!(scene.commit(ahead).await, Answer::Conflict(Conflict::Seat));
    let request = scene.open(&seat).await;
    assert_eq!(scene.seat_row(&seat).await, SeatStatusRow::new(0, Some(request)));
}

pub async fn rs_05_take_refuses_a_taken_seat<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let request = scene.open(&seat).await;
    assert_eq!(scene.commit(opening(&scene, &seat, 0)).await, Answer::Conflict(Conflict::Seat));
    assert_eq!(scene.seat_row(&seat).await.open_request, Some(request));
}

pub async fn rs_05_take_refuses_a_raised_generation<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let before = opening(&scene, &seat, 0);
    scene.file(&seat).await;
    assert_eq!(scene.commit(before).await, Answer::Conflict(Conflict::Seat));
    assert_eq!(scene.seat_row(&seat).await, SeatStatusRow::new(1, None));
    assert_eq!(scene.commit(opening(&scene, &seat, 1)).await, Answer::Committed);
}

pub async fn rs_05_release_frees_the_seat_and_raises_its_generation<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let crossing = opening(&scene, &seat, 0);
    let request = scene.open(&seat).await;
    let mut closing = scene.next_change(request).await;
    closing.seat = Some(SeatChange::Release { quiet_until: None });
    assert_eq!(scene.commit(closing).await, Answer::Committed);
    assert_eq!(scene.seat_row(&seat).await, SeatStatusRow::new(1, None));
    assert_eq!(scene.commit(crossing).await, Answer::Conflict(Conflict::Seat));
}

pub async fn rs_05_release_keeps_until_when_the_seat_is_left_alone<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let quiet_until = Some(scene.at(86_400));
    for (generation, release) in [(0, quiet_until), (1, None)] {
        let opening = opening(&scene, &seat, generation);
        let request = opening.request.as_ref().map(|request| request.id).unwrap();
        assert_eq!(scene.commit(opening).await, Answer::Committed);
        let mut closing = scene.next_change(request).await;
        closing.seat = Some(SeatChange::Release { quiet_until: release });
        assert_eq!(scene.commit(closing).await, Answer::Committed);
        let row = SeatStatusRow::new(generation + 1, None).quiet_until(quiet_until);
        assert_eq!(scene.seat_row(&seat).await, row);
    }
}

pub async fn rs_05_release_without_a_seat_lands_and_frees_no_other<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let request = scene.open(&seat).await;
    let mut other = opening(&scene, &seat, 0);
    other.seat = Some(SeatChange::Release { quiet_until: None });
    assert_eq!(scene.commit(other).await, Answer::Committed);
    assert_eq!(scene.seat_row(&seat).await, SeatStatusRow::new(0, Some(request)));
}

pub async fn rs_05_filing_raises_the_generation_of_a_taken_seat_and_leaves_it_taken<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let request = scene.open(&seat).await;
    scene.file(&seat).await;
    assert_eq!(scene.seat_row(&seat).await, SeatStatusRow::new(1, Some(request)));
}

pub async fn rs_05_entitlements_are_seats_of_their_own<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let pro = Seat { entitlement: "pro".parse().unwrap(), ..seat.clone() };
    let request = scene.open(&seat).await;
    let other = scene.open(&pro).await;
    let rows = scene.store.requests().seats(&[pro, seat]).await.unwrap();
    let open: Vec<_> = rows.iter().map(|row| row.open_request).collect();
    assert_eq!(open, [Some(other), Some(request)], "in the order of the question");
}

pub async fn rs_05_one_of_64_racing_requests_takes_the_seat<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let changes: Vec<Change> = (0..64).map(|_| opening(&scene, &seat, 0)).collect();
    let answers = join_all(changes.iter().map(|change| scene.commit(change.clone()))).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Committed).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Conflict(Conflict::Seat)).count(), 63);
    let winner = answers.iter().position(|answer| *answer == Answer::Committed).unwrap();
    let request = changes[winner].request.as_ref().map(|request| request.id);
    assert_eq!(scene.seat_row(&seat).await.open_request, request);
}

pub async fn rs_05_two_requests_in_one_batch_do_not_share_a_seat<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let seat = scene.seat("ana@example.com").await;
    let batch = vec![opening(&scene, &seat, 0), opening(&scene, &seat, 0)];
    let answers = scene.store.requests().commit(batch).await.unwrap();
    assert_eq!(answers.iter().filter(|answer| answer.is_kept()).count(), 1, "{answers:?}");
    assert!(answers.contains(&Answer::Conflict(Conflict::Seat)), "{answers:?}");
}

pub async fn rs_05_filing_and_asking_never_cross<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    for round in 0..32 {
        let seat = scene.seat(&format!("ana{round}@example.com")).await;
        let (asking, exception) = (opening(&scene, &seat, 0), scene.exception(&seat));
        let ask = async { scene.commit(asking).await.is_kept() };
        let file = async {
            scene.store.exceptions().file(&exception).await.unwrap();
            true
        };
        let both: [std::pin::Pin<Box<dyn Future<Output = bool> + Send>>; 2] = [Box::pin(file), Box::pin(ask)];
        let asked = join_all(both).await[1];
        let row = scene.seat_row(&seat).await;
        assert_eq!((row.generation, row.open_request.is_some()), (1, asked));
    }
}
