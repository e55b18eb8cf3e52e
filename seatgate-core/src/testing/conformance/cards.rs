//! RS-14: cards, and what is counted for the notices of sweeps.

use super::{Scene, StoreHarness};
use crate::agenda::{Item, Next, Settlement};
use crate::card::{About, Card, CardEdit, CardReceipt};
use crate::money::Money;
use crate::policy::Mode;
use crate::port::{Answer, RequestFilter, RowResult, RowStatus};
use crate::request::StateLabel;

async fn kept<H: StoreHarness>(scene: &Scene<H>, card: &Card) -> Card {
    scene.store.requests().cards(&[card.id]).await.unwrap().remove(0).unwrap()
}

async fn added<H: StoreHarness>(scene: &Scene<H>, card: &Card) {
    let mut change = scene.edits(Vec::new());
    change.cards = vec![card.clone()];
    assert_eq!(scene.commit(change).await, Answer::Committed);
}

pub async fn rs_14_requests_join_a_card_that_is_there<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let [first, second] = [scene.world.request_id(), scene.world.request_id()];
    let mut card = Card::asking(scene.world.card_id(), scene.world.person_ref(), vec![second]);
    added(&scene, &card).await;
    assert!(scene.store.requests().edit_card(card.id, CardEdit::Turn { page: 2 }, scene.at(0)).await.unwrap());
    for _ in 0..2 {
        added(&scene, &Card::asking(card.id, scene.world.person_ref(), vec![first, second])).await;
    }
    card.join(&[first]);
    card.page = 2;
    assert_eq!(card.requests(), [first, second], "oldest first, each once");
    assert_eq!(kept(&scene, &card).await, card, "and everything else stays");
}

pub async fn rs_14_a_card_may_be_about_a_sweep<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let about = About::Sweep { sweep: scene.world.sweep_id(), channel: "C0SWEEP".parse().unwrap() };
    let card = Card::new(scene.world.card_id(), about);
    for _ in 0..2 {
        added(&scene, &card).await;
        assert_eq!(kept(&scene, &card).await, card);
    }
}

pub async fn rs_14_an_edit_schedules_a_sync_and_touches_no_receipt<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut card = Card::asking(scene.world.card_id(), scene.world.person_ref(), vec![scene.world.request_id()]);
    added(&scene, &card).await;
    let adopt = |place: &str| CardEdit::Adopt { place: place.to_owned() };
    for edit in [CardEdit::Turn { page: 3 }, adopt("D1/1"), adopt("D1/2"), adopt("D1/1")] {
        assert!(scene.store.requests().edit_card(card.id, edit.clone(), scene.at(0)).await.unwrap());
        card.edit(&edit);
    }
    assert_eq!((kept(&scene, &card).await, card.copies.len()), (card.clone(), 2));
    let claimed = scene.claim_one().await;
    assert_eq!((claimed.item.clone(), claimed.wanted), (Item::SyncCard(card.id), 4));
    let mut receipt = CardReceipt::new(card.id, false);
    receipt.posted = Some("D1/0".to_owned());
    receipt.gone = vec!["D1/2".to_owned()];
    receipt.delivered = 1;
    card.receive(&receipt);
    let mut settlement = Settlement::new(&claimed, Next::Done);
    settlement.card = Some(receipt);
    assert!(scene.settle_with(settlement).await);
    assert_eq!((kept(&scene, &card).await, card.page, card.copies.len()), (card.clone(), 3, 1));
}

pub async fn rs_14_an_edit_of_no_card_does_nothing<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let edit = CardEdit::Turn { page: 1 };
    assert!(!scene.store.requests().edit_card(scene.world.card_id(), edit, scene.at(0)).await.unwrap());
    assert_eq!(scene.claim().await, []);
}

pub async fn a_sweeps_rows_and_requests_are_counted<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut sweep = None;
    for account in ["ana@example.com", "ben@example.com"] {
        let seat = scene.seat(account).await;
        let mut change = scene.world.opened_change(&seat, 0, scene.world.person_ref());
        let request = change.request.as_mut().unwrap();
        let same = *sweep.get_or_insert_with(|| scene.world.sweep_id());
        request.origin.sweep = Some(same);
        request.channel = Some("C0SWEEP".parse().unwrap());
        let evidence = request.evidence.as_mut().unwrap();
        evidence.monthly_cost = Some(Money::parse("45.00", "USD".parse().unwrap()).unwrap());
        change.rows = vec![(same, RowResult::new(u32::from(account < "b"), RowStatus::Asked))];
        assert_eq!(scene.commit(change).await, Answer::Committed);
    }
    let (sweep, channel) = (sweep.unwrap(), "C0SWEEP".parse().unwrap());
    let queries = scene.store.queries();
    let rows = queries.row_counts(sweep).await.unwrap();
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), [(RowStatus::Asked, 2)]);
    let standings = queries.standings(sweep, &channel, Mode::Live).await.unwrap();
    let told: Vec<_> = standings.iter().map(|s| (s.state, s.outcome, s.count, s.monthly_cost.to_string())).collect();
    assert_eq!(told, [(StateLabel::AwaitingDecision, None, 2, "90.00 USD".to_owned())]);
    assert_eq!(queries.standings(sweep, &channel, Mode::DryRun).await.unwrap(), [], "a test is told apart");
    assert_eq!(queries.standings(sweep, &"C0OTHER".parse().unwrap(), Mode::Live).await.unwrap(), []);
    assert_eq!(queries.standings(scene.world.sweep_id(), &channel, Mode::Live).await.unwrap(), []);
    assert!(queries.row_counts(scene.world.sweep_id()).await.unwrap().is_empty());
    let nobody = RequestFilter { decided_by: Some(scene.world.person_ref()), ..RequestFilter::first(9) };
    assert_eq!(queries.list(&nobody).await.unwrap(), []);
}
