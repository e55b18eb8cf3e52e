//! RS-6 and RS-9: fences, and items that coalesce.

use std::time::Duration;

use super::scene::removals;
use super::{Scene, StoreHarness};
use crate::agenda::{AgendaChange, Claimed, Item, LaneReport, Next, Settlement};
use crate::card::{Card, CardReceipt};
use crate::id::RequestId;
use crate::port::{Answer, Conflict};

/// A claimed wake-up.
async fn claimed_wake<H: StoreHarness>(scene: &Scene<H>) -> (RequestId, Claimed) {
    let request = scene.world.request_id();
    scene.edit(vec![scene.wake(request, 0)]).await;
    (request, scene.claim_one().await)
}

/// A claimed removal.
async fn claimed_removal<H: StoreHarness>(scene: &Scene<H>) -> Claimed {
    scene.removals("figma", 1).await;
    scene.claim_one().await
}

/// Whether the item is still ours, by both ways to use a fence.
async fn is_ours<H: StoreHarness>(scene: &Scene<H>, claimed: &Claimed) -> bool {
    let answer = scene.commit(scene.fenced(claimed.fence())).await;
    let settled = scene.settle(claimed, Next::Retry(scene.at(0))).await;
    assert!(matches!(answer, Answer::Committed | Answer::Conflict(Conflict::Lease)), "{answer:?}");
    assert_eq!(answer == Answer::Committed, settled, "a change and a settlement agree");
    settled
}

// ----------------------------------------------------------------------------------------------------------------- RS-6

pub async fn rs_06_a_change_lands_under_its_lease<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let claimed = claimed_removal(&scene).await;
    assert!(is_ours(&scene, &claimed).await);
}

pub async fn rs_06_a_lease_that_ran_out_still_fences<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let claimed = claimed_removal(&scene).await;
    scene.lose_leases();
    assert!(is_ours(&scene, &claimed).await);
}

pub async fn rs_06_a_later_claim_takes_the_item_away<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let first = claimed_removal(&scene).await;
    scene.lose_leases();
    let second = scene.claim_one().await;
    assert!(!is_ours(&scene, &first).await);
    assert!(is_ours(&scene, &second).await);
}

pub async fn rs_06_a_removed_item_is_nobodys<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let claimed = claimed_removal(&scene).await;
    scene.edit(vec![AgendaChange::Remove(claimed.item.clone())]).await;
    assert!(!is_ours(&scene, &claimed).await);
    assert_eq!(scene.claim().await, []);
}

pub async fn rs_06_a_replaced_item_is_nobodys<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let claimed = claimed_removal(&scene).await;
    scene.edit(vec![scene.removal_of(claimed.item.clone(), "figma")]).await;
    assert!(!is_ours(&scene, &claimed).await);
}

pub async fn rs_06_a_settled_item_is_no_longer_ours<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    for next in [Next::Done, Next::At(scene.at(60)), Next::Retry(scene.at(60))] {
        let (_, claimed) = claimed_wake(&scene).await;
        assert!(scene.settle(&claimed, next).await);
        assert!(!is_ours(&scene, &claimed).await, "{next:?}");
    }
}

pub async fn rs_06_a_settlement_without_the_item_changes_nothing<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let card = Card::asking(scene.world.card_id(), scene.world.person_ref(), vec![scene.world.request_id()]);
    let mut change = scene.edits(Vec::new());
    change.cards = vec![card.clone()];
    assert_eq!(scene.commit(change).await, Answer::Committed);
    let (_, stale) = claimed_wake(&scene).await;
    assert!(scene.settle(&stale, Next::Done).await);
    let text = scene.world.text("shown", None);
    let mut settlement = Settlement::new(&stale, Next::Done);
    settlement.card = Some(CardReceipt::new(card.id, true));
    settlement.wakes = vec![(scene.world.request_id(), scene.world.now)];
    settlement.texts = vec![text.clone()];
    settlement.lane = removals("figma").map(|lane| LaneReport::closed(lane, scene.at(60)));
    assert!(!scene.settle_with(settlement).await);
    assert_eq!(scene.store.requests().cards(&[card.id]).await.unwrap(), [Some(card)]);
    assert_eq!(scene.store.people().texts(&[text.reference.id]).await.unwrap(), [None]);
    assert_eq!(scene.claim().await, []);
    assert_eq!(scene.store.requests().lane_failures(&removals("figma").unwrap()).await.unwrap(), 0);
}

pub async fn rs_06_a_settlement_brings_everything_that_goes_with_it<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let woken = scene.world.request_id();
    let mut card = Card::asking(scene.world.card_id(), scene.world.person_ref(), vec![woken]);
    let mut change = scene.edits(vec![AgendaChange::Schedule {
        item: Item::SyncCard(card.id),
        due: scene.world.now,
        lane: None,
        gated: true,
    }]);
    change.cards = vec![card.clone()];
    assert_eq!(scene.commit(change).await, Answer::Committed);
    let text = scene.world.text("what it says", None);
    let mut receipt = CardReceipt::new(card.id, true);
    receipt.posted = Some("C1/1".to_owned());
    receipt.shown = Some(text.reference);
    receipt.delivered_at = Some(scene.at(1));
    card.receive(&receipt);
    let mut settlement = Settlement::new(&scene.claim_one().await, Next::Done);
    settlement.card = Some(receipt);
    settlement.wakes = vec![(woken, scene.at(0))];
    settlement.texts = vec![text.clone()];
    settlement.lane = removals("figma").map(|lane| LaneReport::closed(lane, scene.at(60)));
    assert!(scene.settle_with(settlement).await);
    assert_eq!(scene.store.requests().cards(&[card.id]).await.unwrap(), [Some(card)]);
    let body = scene.store.people().texts(&[text.reference.id]).await.unwrap();
    assert_eq!(body, [Some("what it says".to_owned())]);
    assert_eq!(scene.claim_one().await.item, Item::Wake(woken));
    assert_eq!(scene.store.requests().lane_failures(&removals("figma").unwrap()).await.unwrap(), 1);
}

pub async fn rs_06_a_card_keeps_its_first_delivery<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let card = Card::asking(scene.world.card_id(), scene.world.person_ref(), vec![scene.world.request_id()]);
    let mut change = scene.edits(Vec::new());
    change.cards = vec![card.clone()];
    assert_eq!(scene.commit(change).await, Answer::Committed);
    for (posted, seconds) in [(Some("C1/1"), 1), (None, 2)] {
        let (_, claimed) = claimed_wake(&scene).await;
        let mut receipt = CardReceipt::new(card.id, false);
        receipt.posted = posted.map(str::to_owned);
        receipt.delivered_at = Some(scene.at(seconds));
        let mut settlement = Settlement::new(&claimed, Next::Done);
        settlement.card = Some(receipt);
        assert!(scene.settle_with(settlement).await);
    }
    let kept = scene.store.requests().cards(&[card.id]).await.unwrap().remove(0).unwrap();
    assert_eq!((kept.posted.as_deref(), kept.delivered_at), (Some("C1/1"), Some(scene.at(1))));
}

pub async fn rs_06_settlements_are_judged_one_by_one<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    scene.removals("figma", 3).await;
    let claimed = scene.claim().await;
    assert!(scene.settle(&claimed[1], Next::Done).await);
    let all = claimed.iter().map(|claimed| Settlement::new(claimed, Next::Done)).collect();
    assert_eq!(scene.store.requests().settle(all).await.unwrap(), [true, false, true]);
}

// ----------------------------------------------------------------------------------------------------------------- RS-9

pub async fn rs_09_an_earlier_due_time_counts<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let request = scene.world.request_id();
    scene.edit(vec![scene.wake(request, 60)]).await;
    scene.edit(vec![scene.wake(request, 0), scene.wake(request, 120)]).await;
    let claimed = scene.claim_one().await;
    assert_eq!((claimed.item, claimed.wanted), (Item::Wake(request), 3));
}

pub async fn rs_09_what_is_wanted_meanwhile_keeps_the_item<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    for next in [Next::Done, Next::At(scene.at(60)), Next::Retry(scene.at(60))] {
        let (request, claimed) = claimed_wake(&scene).await;
        scene.edit(vec![scene.wake(request, 30)]).await;
        assert_eq!(scene.claim().await, [], "the lease stays");
        assert!(scene.settle(&claimed, next).await, "and so does the token");
        let again = scene.claim_one().await;
        assert_eq!((again.wanted, again.after_lost_lease), (2, false), "{next:?}");
        assert!(scene.settle(&again, Next::Done).await);
        assert_eq!(scene.claims(scene.claim_of(10, 10)).await.next_due, None, "{next:?}");
    }
}

pub async fn rs_09_done_ends_an_item_that_is_wanted_no_more<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (_, claimed) = claimed_wake(&scene).await;
    assert!(scene.settle(&claimed, Next::Done).await);
    scene.lose_leases();
    let claims = scene.claims(scene.claim_of(10, 10)).await;
    assert_eq!((claims.items, claims.next_due), (vec![], None));
}

pub async fn rs_09_failures_in_a_row_are_counted<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut tries = Vec::new();
    let (_, mut claimed) = claimed_wake(&scene).await;
    for next in [Next::Retry(scene.at(0)), Next::Retry(scene.at(0)), Next::At(scene.at(0))] {
        tries.push(claimed.tries);
        assert!(scene.settle(&claimed, next).await);
        claimed = scene.claim_one().await;
    }
    tries.push(claimed.tries);
    assert_eq!(tries, [0, 1, 2, 0]);
}

pub async fn rs_09_a_settled_item_is_due_when_it_says<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    for next in [Next::At(scene.at(60)), Next::Retry(scene.at(60))] {
        let (_, claimed) = claimed_wake(&scene).await;
        assert!(scene.settle(&claimed, next).await);
        let claims = scene.claims(scene.claim_of(10, 10)).await;
        assert_eq!((claims.items, claims.next_due), (vec![], Some(scene.at(60))), "{next:?}");
        scene.edit(vec![AgendaChange::Remove(claimed.item)]).await;
    }
}

pub async fn rs_09_a_change_settles_the_item_it_is_fenced_by<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (_, claimed) = claimed_wake(&scene).await;
    let mut change = scene.fenced(claimed.fence());
    let (item, wanted) = (claimed.item.clone(), claimed.wanted);
    change.agenda = vec![AgendaChange::Settle { item, wanted, next: Next::At(scene.at(60)) }];
    assert_eq!(scene.commit(change).await, Answer::Committed);
    assert_eq!(scene.claims(scene.claim_of(10, 10)).await.next_due, Some(scene.at(60)));
}

pub async fn rs_09_a_refused_change_settles_nothing<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (_, claimed) = claimed_wake(&scene).await;
    let mut change = scene.fenced(claimed.fence());
    change.expected = 9;
    let (item, wanted) = (claimed.item.clone(), claimed.wanted);
    change.agenda = vec![AgendaChange::Settle { item, wanted, next: Next::Done }];
    assert_eq!(scene.commit(change).await, Answer::Conflict(Conflict::Version));
    assert!(is_ours(&scene, &claimed).await);
}

pub async fn rs_09_other_items_are_replaced<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let claimed = claimed_removal(&scene).await;
    assert!(scene.settle(&claimed, Next::Retry(scene.at(0))).await);
    let due = scene.at(60);
    let lane = removals("other");
    scene.edit(vec![AgendaChange::Schedule { item: claimed.item, due, lane, gated: true }]).await;
    let mut claim = scene.claim_of(10, 10);
    assert_eq!(scene.claims(claim.clone()).await.next_due, Some(due), "also by something later");
    claim.now = due;
    let again = scene.claims(claim).await.items.remove(0);
    assert_eq!((again.tries, again.wanted, again.after_lost_lease), (0, 1, false));
}

pub async fn rs_09_edits_apply_in_their_order<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let request = scene.world.request_id();
    let remove = AgendaChange::Remove(Item::Wake(request));
    scene.edit(vec![scene.wake(request, 0), remove.clone(), scene.wake(request, 60)]).await;
    assert_eq!(scene.claims(scene.claim_of(10, 10)).await.next_due, Some(scene.at(60)));
    scene.edit(vec![remove]).await;
    assert_eq!(scene.claims(scene.claim_of(10, 10)).await.next_due, None);
}

pub async fn rs_09_edits_of_absent_items_do_nothing<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let item = Item::Wake(scene.world.request_id());
    let hold = AgendaChange::Hold { item: item.clone(), lease: Duration::from_secs(5) };
    scene.edit(vec![AgendaChange::Remove(item), hold]).await;
    assert_eq!(scene.claims(scene.claim_of(10, 10)).await.next_due, None);
}
