//! RS-7: claims, leases and tokens.

use std::collections::BTreeSet;
use std::time::Duration;

use super::scene::removals;
use super::{Scene, StoreHarness};
use crate::agenda::{AgendaChange, Claim, Item, Next};
use crate::testing::join_all;

pub async fn rs_07_an_item_under_a_lease_is_given_to_nobody_else<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 1).await;
    let claimed = scene.claim_one().await;
    assert_eq!((claimed.wanted, claimed.tries, claimed.after_lost_lease), (1, 0, false));
    scene.store.advance(Claim::LEASE - Duration::from_secs(1));
    let claims = scene.claims(scene.claim_of(10, 10)).await;
    assert_eq!((claims.items, claims.next_due), (vec![], None), "leased items do not count");
}

pub async fn rs_07_a_lost_lease_is_given_again_and_shows<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 1).await;
    let first = scene.claim_one().await;
    scene.lose_leases();
    let second = scene.claim_one().await;
    assert_eq!(second.item, first.item);
    assert!(second.token > first.token && second.after_lost_lease);
    assert!(scene.settle(&second, Next::Retry(scene.at(0))).await);
    assert!(!scene.claim_one().await.after_lost_lease, "that lease was settled");
}

pub async fn rs_07_tokens_rise_also_when_the_item_was_gone<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (item, schedule) = scene.removal("figma");
    let mut last = 0;
    for round in 0..4 {
        scene.edit(vec![schedule.clone()]).await;
        let claimed = scene.claim_one().await;
        assert!(claimed.token > last, "round {round}");
        last = claimed.token;
        match round {
            0 => assert!(scene.settle(&claimed, Next::Done).await),
            1 => scene.edit(vec![AgendaChange::Remove(item.clone())]).await,
            _ => {}
        }
    }
}

pub async fn rs_07_due_times_are_judged_by_the_callers_clock<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.edit(vec![scene.wake(scene.world.request_id(), 60)]).await;
    scene.store.advance(Duration::from_secs(3600));
    let mut claim = scene.claim_of(10, 10);
    let claims = scene.claims(claim.clone()).await;
    assert_eq!((claims.items, claims.next_due), (vec![], Some(scene.at(60))));
    claim.now = scene.at(60);
    assert_eq!(scene.claims(claim).await.items.len(), 1, "due is due");
}

pub async fn rs_07_leases_are_judged_by_the_stores_clock<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 1).await;
    scene.claim_one().await;
    let mut claim = scene.claim_of(10, 10);
    claim.now = scene.at(86_400);
    assert_eq!(scene.claims(claim).await.items, [], "the caller's time does not end a lease");
}

pub async fn rs_07_what_is_due_first_is_claimed_first<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let requests = [3_i64, 1, 2].map(|age| (age, scene.world.request_id()));
    scene.edit(requests.iter().map(|(age, request)| scene.wake(*request, -age)).collect()).await;
    let claims = scene.claims(scene.claim_of(2, 10)).await;
    let items: Vec<Item> = claims.items.into_iter().map(|claimed| claimed.item).collect();
    assert_eq!(items, [Item::Wake(requests[0].1), Item::Wake(requests[2].1)]);
    assert_eq!(claims.next_due, Some(scene.at(-1)), "what the limit left");
    assert_eq!(scene.claim_one().await.item, Item::Wake(requests[1].1));
}

pub async fn rs_07_the_earliest_are_claimed_however_many_are_in_one_lane<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let due = |target, seconds| {
        let item = scene.removal(target).0;
        let change =
            AgendaChange::Schedule { item: item.clone(), due: scene.at(seconds), lane: removals(target), gated: true };
        (item, change)
    };
    let early: Vec<_> = (0..60).map(|n| due("figma", n - 100)).collect();
    let late = (0..40).map(|n| due(if n % 2 == 0 { "miro" } else { "zoom" }, n - 40));
    let all: Vec<_> = early.into_iter().chain(late).collect();
    let items: Vec<Item> = all.iter().map(|(item, _)| item.clone()).collect();
    scene.edit(all.into_iter().map(|(_, change)| change).collect()).await;
    for expected in [&items[..70], &items[70..]] {
        let claimed: Vec<Item> =
            scene.claims(scene.claim_of(70, 60)).await.items.into_iter().map(|claimed| claimed.item).collect();
        assert_eq!(claimed, expected);
    }
}

pub async fn rs_07_a_lease_is_as_long_as_the_claim_says<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 1).await;
    let mut claim = scene.claim_of(1, 1);
    claim.lease = Duration::from_secs(3600);
    assert_eq!(scene.claims(claim).await.items.len(), 1);
    scene.store.advance(Duration::from_secs(3599));
    assert_eq!(scene.claim().await, []);
    scene.store.advance(Duration::from_secs(2));
    assert!(scene.claim_one().await.after_lost_lease);
}

pub async fn rs_07_hold_sets_the_lease_anew_and_keeps_the_token<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 1).await;
    let claimed = scene.claim_one().await;
    let mut begin = scene.fenced(claimed.fence());
    begin.agenda = vec![AgendaChange::Hold { item: claimed.item.clone(), lease: Duration::from_secs(100) }];
    assert!(scene.commit(begin).await.is_kept());
    scene.store.advance(Duration::from_secs(99));
    assert_eq!(scene.claim().await, []);
    let mut report = scene.fenced(claimed.fence());
    report.agenda = vec![AgendaChange::Hold { item: claimed.item, lease: Duration::from_secs(5) }];
    assert!(scene.commit(report).await.is_kept());
    scene.store.advance(Duration::from_secs(6));
    assert!(scene.claim_one().await.after_lost_lease, "a hold may also shorten");
}

pub async fn rs_07_racing_claims_share_without_overlap<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 64).await;
    let claims = join_all((0..64).map(|_| scene.claims(scene.claim_of(2, 1000)))).await;
    let claimed: Vec<_> = claims.into_iter().flat_map(|claims| claims.items).collect();
    let keys: BTreeSet<String> = claimed.iter().map(|claimed| claimed.item.key()).collect();
    assert_eq!(keys.len(), claimed.len(), "no item twice");
    let rest = scene.claim().await;
    assert_eq!(claimed.len() + rest.len(), 64, "and each in the end");
}
