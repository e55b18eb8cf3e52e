//! RS-8: lanes, their gates and their quotas.

use std::time::Duration;

use super::scene::removals;
use super::{Scene, StoreHarness};
use crate::agenda::{AgendaChange, Item, Lane, LaneReport, Next, Settlement};
use crate::port::{Answer, Conflict};

fn closed<H: StoreHarness>(scene: &Scene<H>, target: &str, seconds: i64) -> LaneReport {
    LaneReport::closed(removals(target).unwrap(), scene.at(seconds))
}

async fn failures<H: StoreHarness>(scene: &Scene<H>, target: &str) -> u32 {
    scene.store.requests().lane_failures(&removals(target).unwrap()).await.unwrap()
}

pub async fn rs_08_a_closed_lane_holds_its_items_and_no_others<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 2).await;
    scene.removals("miro", 1).await;
    scene.report(closed(&scene, "figma", 60)).await;
    let claims = scene.claims(scene.claim_of(1, 10)).await;
    assert_eq!(claims.items.len(), 1, "held items use up no limit");
    assert_eq!(claims.next_due, Some(scene.at(60)), "the lane opens then");
    let mut later = scene.claim_of(10, 10);
    later.now = scene.at(60);
    assert_eq!(scene.claims(later).await.items.len(), 2, "held items use up no quota");
}

pub async fn rs_08_a_closing_stands_though_the_lane_works<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 1).await;
    scene.report(LaneReport::works(removals("figma").unwrap())).await;
    scene.report(closed(&scene, "figma", 60)).await;
    scene.report(LaneReport::works(removals("figma").unwrap())).await;
    assert_eq!(failures(&scene, "figma").await, 0);
    let mut claim = scene.claim_of(10, 10);
    let claims = scene.claims(claim.clone()).await;
    assert_eq!((claims.items, claims.next_due), (vec![], Some(scene.at(60))), "it began before the lane was closed");
    claim.now = scene.at(60);
    assert_eq!(scene.claims(claim).await.items.len(), 1);
}

pub async fn rs_08_a_lane_stays_closed_as_long_as_anybody_said<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 1).await;
    scene.report(closed(&scene, "figma", 60)).await;
    scene.report(closed(&scene, "figma", 5)).await;
    assert_eq!(scene.claims(scene.claim_of(10, 10)).await.next_due, Some(scene.at(60)));
    scene.report(closed(&scene, "figma", 90)).await;
    assert_eq!(scene.claims(scene.claim_of(10, 10)).await.next_due, Some(scene.at(90)));
}

pub async fn rs_08_an_item_due_after_its_lane_opens_is_due_when_it_says<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (item, _) = scene.removal("figma");
    let (due, lane) = (scene.at(90), removals("figma"));
    scene.edit(vec![AgendaChange::Schedule { item, due, lane, gated: true }]).await;
    scene.report(closed(&scene, "figma", 60)).await;
    assert_eq!(scene.claims(scene.claim_of(10, 10)).await.next_due, Some(due));
}

pub async fn rs_08_what_has_begun_is_not_held<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (item, _) = scene.removal("figma");
    let (due, lane) = (scene.world.now, removals("figma"));
    scene.edit(vec![AgendaChange::Schedule { item, due, lane, gated: false }]).await;
    scene.removals("figma", 1).await;
    scene.report(closed(&scene, "figma", 60)).await;
    let mut claim = scene.claim_of(10, 10);
    claim.removals_open = false;
    assert_eq!(scene.claims(claim).await.items.len(), 1);
}

pub async fn rs_08_hold_lifts_the_gate<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 1).await;
    let claimed = scene.claim_one().await;
    let mut begin = scene.fenced(claimed.fence());
    begin.agenda = vec![AgendaChange::Hold { item: claimed.item, lease: Duration::from_secs(5) }];
    begin.lane = Some(closed(&scene, "figma", 60));
    assert_eq!(scene.commit(begin).await, Answer::Committed);
    scene.store.advance(Duration::from_secs(6));
    assert!(scene.claim_one().await.after_lost_lease);
}

pub async fn rs_08_while_removals_are_closed_none_begins<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 2).await;
    let request = scene.world.request_id();
    let keep = Item::Perform { request, task: scene.world.task_id() };
    let keep = AgendaChange::Schedule { item: keep, due: scene.world.now, lane: Some(Lane::Keeps), gated: true };
    scene.edit(vec![keep, scene.wake(request, 0), scene.wake(scene.world.request_id(), 60)]).await;
    let mut claim = scene.claim_of(10, 10);
    claim.removals_open = false;
    let claims = scene.claims(claim).await;
    assert_eq!(claims.items.len(), 2, "keeps and wake-ups go on");
    assert_eq!(claims.next_due, Some(scene.at(60)), "what the mode holds does not count");
    assert_eq!(scene.claim().await.len(), 2, "and it is there when they open");
}

pub async fn rs_08_messages_are_left_where_they_are_not_meant<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let now = scene.world.now;
    let card = || Item::SyncCard(scene.world.card_id());
    let sync = |to: &str| {
        let lane = Some(Lane::Messages(to.to_owned()));
        AgendaChange::Schedule { item: card(), due: now, lane, gated: true }
    };
    let keep = Item::Perform { request: scene.world.request_id(), task: scene.world.task_id() };
    let keep = AgendaChange::Schedule { item: keep, due: now, lane: Some(Lane::Keeps), gated: true };
    let wake = scene.wake(scene.world.request_id(), 0);
    scene.removals("figma", 3).await;
    scene.edit(vec![sync("C0SWEEP"), sync("prs_1"), keep, wake]).await;
    let mut claim = scene.claim_of(10, 2);
    claim.messages = false;
    let claims = scene.claims(claim).await;
    let messages = claims.items.iter().filter(|claimed| matches!(claimed.item, Item::SyncCard(_)));
    assert_eq!((messages.count(), claims.items.len()), (0, 4), "two removals, what is kept, and the wake-up");
    assert_eq!(claims.next_due, None, "nobody asked");
    let claims = scene.claims(scene.claim_of(10, 2)).await;
    assert_eq!(claims.items.len(), 2, "the messages; the lane of removals is full");
    assert_eq!(claims.next_due, Some(now), "its rest is due");
}

pub async fn rs_08_a_lane_has_a_quota<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 5).await;
    let first = scene.claims(scene.claim_of(10, 2)).await;
    assert_eq!((first.items.len(), first.next_due), (2, Some(scene.world.now)), "the rest is due");
    scene.removals("miro", 1).await;
    assert_eq!(scene.claims(scene.claim_of(10, 2)).await.items.len(), 1, "leases count, in their own lane");
    assert!(scene.settle(&first.items[0], Next::Done).await);
    assert_eq!(scene.claims(scene.claim_of(10, 2)).await.items.len(), 1, "a settled lease does not");
    scene.lose_leases();
    assert_eq!(scene.claims(scene.claim_of(10, 2)).await.items.len(), 3, "nor do lost ones");
}

pub async fn rs_08_a_lane_may_have_a_cap_of_its_own<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    for target in ["figma", "miro", "zoom"] {
        scene.removals(target, 5).await;
    }
    let mut claim = scene.claim_of(20, 2);
    for (target, cap) in [("figma", 4), ("miro", 1), ("miro", 3), ("nobody", 9)] {
        claim.cap(removals(target).unwrap(), cap);
    }
    let first = scene.claims(claim.clone()).await;
    assert_eq!(first.items.len(), 4 + 1 + 2, "more, fewer (the lower of two), and as the others");
    assert_eq!(first.next_due, Some(scene.world.now), "the rest is due");
    assert_eq!(scene.claims(claim.clone()).await.items, [], "leases count");
    scene.lose_leases();
    assert_eq!(scene.claims(claim).await.items.len(), 4 + 1 + 2, "lost ones do not");
}

pub async fn rs_08_what_is_in_no_lane_has_no_quota<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.edit((0..5).map(|_| scene.wake(scene.world.request_id(), 0)).collect()).await;
    assert_eq!(scene.claims(scene.claim_of(10, 1)).await.items.len(), 5);
}

pub async fn rs_08_failures_in_a_row_are_counted_by_lane<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    assert_eq!(failures(&scene, "figma").await, 0, "of an unknown lane");
    for count in 1..=3 {
        scene.report(closed(&scene, "figma", count)).await;
        assert_eq!(failures(&scene, "figma").await, u32::try_from(count).unwrap());
    }
    assert_eq!(failures(&scene, "miro").await, 0);
    scene.report(LaneReport::works(removals("figma").unwrap())).await;
    assert_eq!(failures(&scene, "figma").await, 0);
}

pub async fn rs_08_a_refused_change_says_nothing_about_its_lane<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut change = scene.edits(Vec::new());
    change.expected = 4;
    change.lane = Some(closed(&scene, "figma", 60));
    assert_eq!(scene.commit(change).await, Answer::Conflict(Conflict::Version));
    assert_eq!(failures(&scene, "figma").await, 0);
}

pub async fn rs_08_a_settlement_reports_on_its_lane<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 1).await;
    for (report, count) in [(closed(&scene, "figma", -1), 1), (LaneReport::works(removals("figma").unwrap()), 0)] {
        let mut settlement = Settlement::new(&scene.claim_one().await, Next::Retry(scene.at(0)));
        settlement.lane = Some(report);
        assert!(scene.settle_with(settlement).await);
        assert_eq!(failures(&scene, "figma").await, count);
    }
}
