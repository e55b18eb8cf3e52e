//! PS-1 to PS-4: people, accounts and texts.

use std::collections::BTreeSet;

use super::scene::names;
use super::{Scene, StoreHarness};
use crate::agenda::Item;
use crate::id::PersonRef;
use crate::person::PersonDetails;
use crate::port::{Answer, NewAccount, SeatChange};
use crate::seat::{AccountNames, Seat};
use crate::testing::join_all;

async fn details<H: StoreHarness>(scene: &Scene<H>, person: PersonRef) -> Option<PersonDetails> {
    scene.store.people().details(&[person]).await.unwrap().remove(0)
}

// ----------------------------------------------------------------------------------------------------------------- PS-1

pub async fn ps_01_one_identity_is_one_person<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mona = scene.person("mona@example.com", None).await;
    assert_eq!(scene.person("Mona@Example.com", None).await, mona);
    assert_ne!(scene.person("slack:T1/U1", None).await, mona);
    assert_ne!(scene.person("slack:T2/U1", None).await, scene.person("slack:T1/U1", None).await);
    assert_eq!(scene.find("mona@example.com").await, Some(mona));
    assert_eq!(scene.find("nobody@example.com").await, None, "finding adds nobody");
    assert_eq!(scene.find("nobody@example.com").await, None);
    assert_eq!(details(&scene, scene.world.person_ref()).await, None);
}

pub async fn ps_01_a_missing_name_is_taken_up_and_a_known_one_stays<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mona = scene.person("mona@example.com", None).await;
    assert_eq!(details(&scene, mona).await.unwrap().name, None);
    for name in [Some("Mona Li"), Some("M. Li"), None] {
        scene.person("mona@example.com", name).await;
    }
    let identities = vec!["mona@example.com".parse().unwrap()];
    let expected = PersonDetails::new(mona, Some("Mona Li".to_owned()), identities);
    assert_eq!(details(&scene, mona).await, Some(expected));
}

pub async fn ps_01_64_racing_questions_add_one_person<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let found = join_all((0..64).map(|_| scene.person("mona@example.com", None))).await;
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(scene.find("mona@example.com").await, Some(found[0]));
}

// ----------------------------------------------------------------------------------------------------------------- PS-2

pub async fn ps_02_an_account_is_found_by_either_name<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let account = scene.account(names("00u1", "ana@example.com")).await;
    assert_eq!(scene.account(names("00u1", "")).await, account);
    assert_eq!(scene.account(names("", "ana@example.com")).await, account);
    assert_eq!(scene.account_names(account).await, Some(names("00u1", "ana@example.com")), "no name is lost");
    assert_ne!(scene.account(names("00u2", "")).await, account);
    assert_eq!(scene.account_names(scene.world.account_id()).await, None);
}

pub async fn ps_02_apps_have_accounts_of_their_own<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let account = scene.account(names("00u1", "ana@example.com")).await;
    let other = "miro".parse().unwrap();
    let new = NewAccount::new(other, names("00u1", "ana@example.com"), scene.world.account_id());
    let found = scene.store.people().accounts(vec![new], scene.world.now).await.unwrap();
    assert_ne!(found, [account]);
}

pub async fn ps_02_an_email_only_account_adopts_the_first_id<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let account = scene.account(names("", "ana@example.com")).await;
    assert_eq!(scene.account(names("00u1", "ana@example.com")).await, account);
    assert_eq!(scene.account(names("00u1", "")).await, account);
    assert_eq!(scene.account_names(account).await, Some(names("00u1", "ana@example.com")));
    assert_ne!(scene.account(names("00u2", "ana@example.com")).await, account, "but no second one");
}

pub async fn ps_02_an_account_with_an_id_takes_up_its_address<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let account = scene.account(names("00u1", "")).await;
    assert_eq!(scene.account(names("00u1", "ana@example.com")).await, account);
    assert_eq!(scene.account(names("", "ana@example.com")).await, account);
}

pub async fn ps_02_newer_names_are_shown<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let named = |email, name: &str| AccountNames { name: Some(name.to_owned()), ..names("00u1", email) };
    let account = scene.account(named("ana@example.com", "Ana Ruiz")).await;
    scene.account(named("ana.r@example.com", "Ana R.")).await;
    assert_eq!(scene.account_names(account).await, Some(named("ana.r@example.com", "Ana R.")));
    assert_eq!(scene.account(names("", "ana@example.com")).await, account, "the old address still leads there");
}

pub async fn ps_02_an_address_moves_between_accounts_with_ids<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let first = scene.account(names("00u1", "ana@example.com")).await;
    let second = scene.account(names("00u2", "")).await;
    assert_ne!(first, second);
    assert_eq!(scene.account(names("00u2", "ana@example.com")).await, second);
    assert_eq!(scene.account(names("", "ana@example.com")).await, second);
    assert_eq!(scene.account(names("00u1", "")).await, first, "which stays");
    assert_eq!(scene.account_names(first).await, Some(names("00u1", "")));
    let third = scene.account(names("00u3", "ana@example.com")).await;
    assert!(third != first && third != second, "a new id is a new account");
    assert_eq!(scene.account(names("", "ana@example.com")).await, third);
}

/// The seats of an account with an id and of one with an address, which are reported as one later.
async fn two_seats<H: StoreHarness>(scene: &Scene<H>) -> (Seat, Seat) {
    let with_id = scene.account(names("00u1", "")).await;
    let with_email = scene.account(names("", "ana@example.com")).await;
    assert_ne!(with_id, with_email);
    (scene.world.seat(with_id), scene.world.seat(with_email))
}

pub async fn ps_02_both_keys_lead_to_the_one_seat_after_a_merge<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (with_id, with_email) = two_seats(&scene).await;
    let request = scene.open(&with_email).await;
    let account = scene.account(names("00u1", "ana@example.com")).await;
    assert_eq!(account, with_id.account, "it merges into the one with the id");
    assert_eq!(scene.account(names("", "ana@example.com")).await, account);
    assert_eq!(scene.account_names(with_email.account).await, Some(names("00u1", "ana@example.com")));
    for seat in [&with_id, &with_email] {
        assert_eq!(scene.seat_row(seat).await.open_request, Some(request));
    }
    assert_eq!(scene.claim().await, [], "nobody lost anything");
    let mut closing = scene.next_change(request).await;
    closing.seat = Some(SeatChange::Release { quiet_until: None });
    assert_eq!(scene.commit(closing).await, Answer::Committed);
    let next = scene.open(&with_email).await;
    assert_eq!(scene.seat_row(&with_id).await.open_request, Some(next), "also for a later request by the old key");
}

pub async fn ps_02_of_two_open_requests_the_older_keeps_the_seat<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (with_id, with_email) = two_seats(&scene).await;
    let mut requests = [scene.open(&with_id).await, scene.open(&with_email).await];
    requests.sort();
    let before = scene.seat_row(&with_id).await.generation.max(scene.seat_row(&with_email).await.generation);
    scene.account_at(names("00u1", "ana@example.com"), scene.at(0)).await;
    let row = scene.seat_row(&with_email).await;
    assert_eq!(row.open_request, Some(requests[0]));
    assert!(row.generation > before, "whoever has read before must read again");
    assert_eq!(scene.seat_row(&with_id).await, row);
    let claimed = scene.claim_one().await;
    assert_eq!(claimed.item, Item::Wake(requests[1]), "the newer one is woken");
    let mut closing = scene.next_change(requests[1]).await;
    closing.seat = Some(SeatChange::Release { quiet_until: None });
    assert_eq!(scene.commit(closing).await, Answer::Committed);
    assert_eq!(scene.seat_row(&with_id).await.open_request, Some(requests[0]), "it lets go of nothing");
}

pub async fn ps_02_exceptions_follow_a_merge<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (with_id, with_email) = two_seats(&scene).await;
    let asking = scene.world.opened_change(&with_id, 0, scene.world.person_ref());
    let exception = scene.file(&with_email).await;
    scene.account(names("00u1", "ana@example.com")).await;
    for seat in [&with_id, &with_email] {
        assert_eq!(scene.active(seat, scene.world.now).await, Some(exception));
    }
    assert!(!scene.commit(asking).await.is_kept(), "who has read before the merge cannot ask");
}

pub async fn ps_02_a_merge_of_a_merge_is_followed<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let (with_id, with_email) = two_seats(&scene).await;
    let other_email = scene.seat("a.ruiz@example.com").await;
    let request = scene.open(&other_email).await;
    for email in ["ana@example.com", "a.ruiz@example.com"] {
        assert_eq!(scene.account(names("00u1", email)).await, with_id.account);
    }
    for seat in [&with_id, &with_email, &other_email] {
        assert_eq!(scene.seat_row(seat).await.open_request, Some(request));
    }
}

pub async fn ps_02_64_racing_reports_of_both_names_end_as_one_seat<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let reports = [names("00u1", ""), names("", "ana@example.com"), names("00u1", "ana@example.com")];
    let found = join_all((0..64).map(|n| scene.account(reports[n % 3].clone()))).await;
    let account = scene.account(reports[2].clone()).await;
    let request = scene.open(&scene.world.seat(account)).await;
    for found in found {
        assert_eq!(scene.seat_row(&scene.world.seat(found)).await.open_request, Some(request));
    }
}

// ----------------------------------------------------------------------------------------------------------------- PS-3

pub async fn ps_03_an_erased_person_resolves_to_nothing<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let ana = scene.person("ana@example.com", Some("Ana Ruiz")).await;
    let ben = scene.person("ben@example.com", Some("Ben Ode")).await;
    let texts = [ana, ben].map(|person| scene.world.text("On leave", Some(person)));
    let mut change = scene.edits(Vec::new());
    change.texts = texts.to_vec();
    assert_eq!(scene.commit(change).await, Answer::Committed);
    scene.store.people().erase(ana).await.unwrap();
    assert_eq!(details(&scene, ana).await, None);
    assert_eq!(scene.find("ana@example.com").await, None);
    let kept = scene.store.people().texts(&texts.map(|text| text.reference.id)).await.unwrap();
    assert_eq!(kept, [None, Some("On leave".to_owned())]);
    assert!(details(&scene, ben).await.is_some());
    assert_ne!(scene.person("ana@example.com", None).await, ana, "who comes back is somebody new");
    scene.store.people().erase(ana).await.unwrap();
}

pub async fn ps_03_a_text_about_several_people_goes_with_any_of_them<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let ana = scene.person("ana@example.com", None).await;
    let ben = scene.person("ben@example.com", None).await;
    let both = scene.world.text("Ana asks Ben", [ana, ben]);
    let other = scene.world.text("Ben asks", [ben]);
    let mut change = scene.edits(Vec::new());
    change.texts = vec![both.clone(), other.clone()];
    assert_eq!(scene.commit(change).await, Answer::Committed);
    scene.store.people().erase(ana).await.unwrap();
    let kept = scene.store.people().texts(&[both.reference.id, other.reference.id]).await.unwrap();
    assert_eq!(kept, [None, Some("Ben asks".to_owned())]);
    scene.store.people().erase(ben).await.unwrap();
    assert_eq!(scene.store.people().texts(&[other.reference.id]).await.unwrap(), [None]);
}

pub async fn ps_03_erasing_forgets_account_names_with_their_addresses<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let ana = scene.person("ana@example.com", None).await;
    let hers = scene.account(names("00u1", "ana@example.com")).await;
    let merged = scene.account(names("", "a.ruiz@example.com")).await;
    scene.account(names("00u1", "a.ruiz@example.com")).await;
    scene.account(names("00u1", "ana@example.com")).await;
    let his = scene.account(names("00u2", "ben@example.com")).await;
    let request = scene.open(&scene.world.seat(hers)).await;
    scene.store.people().erase(ana).await.unwrap();
    assert_eq!(scene.account_names(hers).await, None);
    assert_eq!(scene.account_names(merged).await, None);
    assert_eq!(scene.account_names(his).await, Some(names("00u2", "ben@example.com")));
    let row = scene.seat_row(&scene.world.seat(hers)).await;
    assert_eq!(row.open_request, Some(request), "references stay");
    assert!(scene.load(request).await.is_some());
    let again = [scene.account(names("", "ana@example.com")).await, scene.account(names("00u1", "")).await];
    assert!(!again.contains(&hers), "no name leads there any more");
    assert_eq!(scene.account_names(hers).await, None);
}

// ----------------------------------------------------------------------------------------------------------------- PS-4

pub async fn ps_04_answers_come_in_the_order_of_the_question<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let [ana, ben] = [scene.person("ana@example.com", None).await, scene.person("ben@example.com", None).await];
    let people = scene.store.people();
    let asked = ["ben@example.com", "cy@example.com", "ana@example.com", "ben@example.com"];
    let found = people.people(asked.map(|email| scene.new_person(email, None)).to_vec()).await.unwrap();
    assert_eq!([found[0], found[2], found[3]], [ben, ana, ben]);
    let known = people.details(&[ben, scene.world.person_ref(), ana]).await.unwrap();
    let known: Vec<_> = known.into_iter().map(|details| details.map(|details| details.reference)).collect();
    assert_eq!(known, [Some(ben), None, Some(ana)]);

    let account = |id: &str| NewAccount::new(scene.world.app().id, names(id, ""), scene.world.account_id());
    let first = people.accounts(vec![account("1"), account("2")], scene.world.now).await.unwrap();
    let again = ["2", "3", "1", "2"].map(account).to_vec();
    let again = people.accounts(again, scene.world.now).await.unwrap();
    assert_eq!([again[0], again[2], again[3]], [first[1], first[0], first[1]]);
    let known = people.account_names(&[first[1], scene.world.account_id(), first[0]]).await.unwrap();
    assert_eq!(known, [Some(names("2", "")), None, Some(names("1", ""))]);
    assert_eq!(people.texts(&[scene.world.text_id()]).await.unwrap(), [None]);
}

pub async fn ps_04_one_question_may_name_the_same_account_twice<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let account = |names| NewAccount::new(scene.world.app().id, names, scene.world.account_id());
    let question =
        [names("", "ana@example.com"), names("00u1", ""), names("00u1", "ana@example.com")].map(account).to_vec();
    let found = scene.store.people().accounts(question, scene.world.now).await.unwrap();
    let request = scene.open(&scene.world.seat(found[2])).await;
    for found in found {
        assert_eq!(scene.seat_row(&scene.world.seat(found)).await.open_request, Some(request));
    }
}

pub async fn ps_05_known_accounts_are_those_that_would_be_found<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let figma = scene.world.app().id;
    let by_id = scene.account(names("00u1", "")).await;
    let by_email = scene.account(names("", "ana@example.com")).await;
    let both = scene.account(names("00u2", "bo@example.com")).await;
    let questions = [
        (names("00u1", ""), vec![by_id]),
        (names("", "ana@example.com"), vec![by_email]),
        (names("00u1", "ana@example.com"), vec![by_id, by_email]),
        (names("00u9", "ana@example.com"), vec![by_email]),
        (names("00u9", "bo@example.com"), vec![]),
        (names("00u1", "bo@example.com"), vec![by_id]),
        (names("00u2", "bo@example.com"), vec![both]),
        (names("00u9", "cy@example.com"), vec![]),
    ];
    let (asked, expected): (Vec<_>, Vec<_>) =
        questions.into_iter().map(|(names, found)| ((figma.clone(), names), found)).unzip();
    for _ in 0..2 {
        let found = scene.store.people().known_accounts(&asked).await.unwrap();
        assert_eq!(found, expected, "and nothing changes");
    }
    let other = ("miro".parse().unwrap(), names("00u1", ""));
    assert_eq!(scene.store.people().known_accounts(&[other]).await.unwrap(), [Vec::new()]);
    let merged = scene.account(names("00u1", "ana@example.com")).await;
    let found = scene.store.people().known_accounts(&[(figma, names("", "ana@example.com"))]).await.unwrap();
    assert_eq!((found, merged), (vec![vec![by_id]], by_id));
}
