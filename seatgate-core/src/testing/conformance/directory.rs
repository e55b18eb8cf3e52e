//! DI-1 and DI-2: the directory that a store keeps, and the edits that change it.

use super::{Scene, StoreHarness};
use crate::id::{DelegationId, PersonRef};
use crate::port::{Answer, Delegation, DirectoryEdit, DirectoryEntry, Operator, Period};
use crate::testing::join_all;
use crate::time::Timestamp;

impl<H: StoreHarness> Scene<H> {
    async fn direct(&self, edits: Vec<DirectoryEdit>) {
        let mut change = self.world.change(&mut self.world.new_chain());
        change.directory = edits;
        assert_eq!(self.commit(change).await, Answer::Committed);
    }

    async fn entry_at(&self, person: PersonRef, now: Timestamp) -> DirectoryEntry {
        let mut found = self.store.directory().people(&[person], now).await.unwrap();
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    async fn entry(&self, person: PersonRef) -> DirectoryEntry {
        self.entry_at(person, self.world.now).await
    }

    fn delegation(&self, from: PersonRef, to: PersonRef, period: Period) -> Delegation {
        Delegation::new(DelegationId::generate(self.world.now, &self.world.entropy), from, to, period)
    }

    async fn delegations(&self, now: Timestamp) -> Vec<Delegation> {
        self.store.directory_queries().delegations(now, None, 100).await.unwrap()
    }

    fn seconds(&self, from: i64, until: Option<i64>) -> Period {
        Period::new(self.at(from), until.map(|until| self.at(until)))
    }
}

fn manager(person: PersonRef, manager: Option<PersonRef>) -> DirectoryEdit {
    DirectoryEdit::Manager { person, manager }
}

// ----------------------------------------------------------------------------------------------------------------- DI-1

pub async fn di_01_whom_the_directory_does_not_know_can_be_asked<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let person = scene.world.person_ref();
    assert_eq!(scene.entry(person).await, DirectoryEntry::unknown(person));
    assert_eq!(scene.store.directory().people(&[], scene.world.now).await.unwrap(), []);
    assert_eq!(scene.store.directory().owners(&scene.world.app().id).await.unwrap(), []);
}

pub async fn di_01_people_come_in_the_order_of_the_question<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let [ana, ben, nobody, mona] = [(); 4].map(|()| scene.world.person_ref());
    scene.direct(vec![manager(ana, Some(mona)), manager(ben, Some(ana))]).await;
    let asked = [ben, nobody, ana, ben];
    let found = scene.store.directory().people(&asked, scene.world.now).await.unwrap();
    assert_eq!(found.iter().map(|entry| entry.person).collect::<Vec<_>>(), asked);
    let managers: Vec<_> = found.iter().map(|entry| entry.manager).collect();
    assert_eq!(managers, [Some(ana), None, Some(mona), Some(ana)]);
}

pub async fn di_01_racing_questions_are_answered_each_on_its_own<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let people: Vec<PersonRef> = (0..64).map(|_| scene.world.person_ref()).collect();
    let edits = people.windows(2).map(|pair| manager(pair[0], Some(pair[1]))).collect();
    scene.direct(edits).await;
    let found = join_all(people.iter().map(|person| scene.entry(*person))).await;
    let managers: Vec<_> = found.iter().filter_map(|entry| entry.manager).collect();
    assert_eq!(managers, people[1..]);
}

// ----------------------------------------------------------------------------------------------------------------- DI-2

pub async fn di_02_an_edit_says_the_one_thing_that_it_is_about<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let [ana, mona, max] = [(); 3].map(|()| scene.world.person_ref());
    let mut expected = DirectoryEntry::unknown(ana);
    scene.direct(vec![manager(ana, Some(mona))]).await;
    expected.manager = Some(mona);
    assert_eq!(scene.entry(ana).await, expected);
    scene.direct(vec![DirectoryEdit::Disabled { person: ana, disabled: true }]).await;
    expected.disabled = true;
    assert_eq!(scene.entry(ana).await, expected);
    let periods = vec![scene.seconds(60, Some(120)), scene.seconds(-60, None)];
    scene.direct(vec![DirectoryEdit::Absences { person: ana, periods: periods.clone() }]).await;
    expected.absences = periods;
    assert_eq!(scene.entry(ana).await, expected);
    let edits = vec![
        DirectoryEdit::Disabled { person: ana, disabled: false },
        DirectoryEdit::Bot { person: ana, bot: true },
        manager(ana, None),
        manager(ana, Some(max)),
        DirectoryEdit::Absences { person: ana, periods: Vec::new() },
    ];
    scene.direct(edits).await;
    let expected = DirectoryEntry { manager: Some(max), bot: true, ..DirectoryEntry::unknown(ana) };
    assert_eq!(scene.entry(ana).await, expected, "edits apply in their order");
    assert_eq!(scene.entry(max).await, DirectoryEntry::unknown(max));
}

pub async fn di_02_absences_that_are_over_do_not_hold<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let ana = scene.world.person_ref();
    let periods = vec![scene.seconds(0, Some(10)), scene.seconds(20, Some(30))];
    scene.direct(vec![DirectoryEdit::Absences { person: ana, periods }]).await;
    for (seconds, away, next) in [(-1, false, Some(0)), (0, true, Some(10)), (10, false, Some(20)), (30, false, None)] {
        let entry = scene.entry_at(ana, scene.at(seconds)).await;
        assert_eq!(entry.is_away(scene.at(seconds)), away, "{seconds}");
        assert_eq!(entry.next_change(scene.at(seconds)), next.map(|next| scene.at(next)), "{seconds}");
    }
}

pub async fn di_02_a_delegation_holds_until_it_ends<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let [mona, max] = [(); 2].map(|()| scene.world.person_ref());
    let lasting = scene.delegation(mona, max, scene.seconds(0, None));
    scene.direct(vec![DirectoryEdit::Delegate(lasting.clone())]).await;
    assert_eq!(scene.entry(mona).await.delegation(scene.world.now), Some(&lasting));
    assert_eq!(scene.entry(max).await.delegations, [], "they are given by one, and not the other way");

    let again = Delegation { to: mona, from: max, ..lasting.clone() };
    scene.direct(vec![DirectoryEdit::Delegate(again)]).await;
    assert_eq!(scene.entry(mona).await.delegations, std::slice::from_ref(&lasting), "a known id changes nothing");

    let end = |at| DirectoryEdit::EndDelegation { delegation: lasting.id, at };
    scene.direct(vec![end(scene.at(50)), end(scene.at(90))]).await;
    let ended = Delegation { period: scene.seconds(0, Some(50)), ..lasting.clone() };
    assert_eq!(scene.entry(mona).await.delegations, [ended.clone()], "the first end counts");
    assert_eq!(scene.entry_at(mona, scene.at(50)).await.delegation(scene.at(50)), None);
    assert_eq!(scene.delegations(scene.at(49)).await, [ended.clone()]);
    assert_eq!(scene.delegations(scene.at(50)).await, []);
    assert_eq!(scene.store.directory_queries().delegation(lasting.id).await.unwrap(), Some(ended));

    let later = scene.delegation(mona, max, scene.seconds(60, None));
    let end = DirectoryEdit::EndDelegation { delegation: later.id, at: scene.at(60) };
    scene.direct(vec![DirectoryEdit::Delegate(later.clone()), end]).await;
    assert_eq!(scene.store.directory_queries().delegation(later.id).await.unwrap(), None, "it never began");
    assert_eq!(scene.entry(mona).await.next_change(scene.at(50)), None);
}

pub async fn di_02_owners_are_asked_in_their_order<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let [ana, ben, cy] = [(); 3].map(|()| scene.world.person_ref());
    let (figma, miro) = (scene.world.app().id, "miro".parse::<crate::seat::AppId>().unwrap());
    let owners = |app: &crate::seat::AppId, people| DirectoryEdit::Owners { app: app.clone(), people };
    scene.direct(vec![owners(&figma, vec![cy, ana, ben]), owners(&miro, vec![ana])]).await;
    assert_eq!(scene.store.directory().owners(&figma).await.unwrap(), [cy, ana, ben]);
    let owned = scene.store.directory_queries().owned(&[ben, ana, scene.world.person_ref()]).await.unwrap();
    assert_eq!(owned, [vec![figma.clone()], vec![figma.clone(), miro.clone()], Vec::new()]);
    assert_eq!(scene.store.directory_queries().owned(&[]).await.unwrap(), Vec::<Vec<_>>::new());
    scene.direct(vec![owners(&figma, vec![ben]), owners(&miro, Vec::new())]).await;
    assert_eq!(scene.store.directory().owners(&figma).await.unwrap(), [ben]);
    assert_eq!(scene.store.directory().owners(&miro).await.unwrap(), []);
}

pub async fn di_02_operators_are_appointed_and_dismissed<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut people = [(); 2].map(|()| scene.world.person_ref());
    people.sort();
    let [ana, ben] = people;
    let appoint = |person, seconds| DirectoryEdit::Appoint { person, at: scene.at(seconds) };
    scene.direct(vec![appoint(ben, 1), appoint(ana, 2), appoint(ben, 3)]).await;
    let operators = async || scene.store.directory_queries().operators().await.unwrap();
    assert_eq!(operators().await, [Operator::new(ana, scene.at(2)), Operator::new(ben, scene.at(1))]);
    scene.direct(vec![DirectoryEdit::Dismiss { person: ben }, DirectoryEdit::Dismiss { person: ben }]).await;
    assert_eq!(operators().await, [Operator::new(ana, scene.at(2))]);
}

pub async fn di_02_what_was_edited_is_there_after_a_restart<H: StoreHarness>(store: H) {
    let mut scene = Scene::new(store);
    let [ana, mona] = [(); 2].map(|()| scene.world.person_ref());
    scene.direct(vec![manager(ana, Some(mona)), DirectoryEdit::Appoint { person: mona, at: scene.world.now }]).await;
    scene.store = scene.store.reopen().await;
    assert_eq!(scene.entry(ana).await.manager, Some(mona));
    assert_eq!(scene.store.directory_queries().operators().await.unwrap().len(), 1);
}

// ----------------------------------------------------------------------------------------- together with their entries

pub async fn rs_01_edits_land_with_their_change_or_not_at_all<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let [ana, mona, max] = [(); 3].map(|()| scene.world.person_ref());
    let mut chain = scene.world.new_chain();
    let before = chain.clone();
    let mut change = scene.world.change(&mut chain);
    change.directory = vec![manager(ana, Some(mona))];
    let mut late = scene.world.change(&mut before.clone());
    late.directory = vec![manager(ana, Some(max)), DirectoryEdit::Appoint { person: max, at: scene.world.now }];
    let mut fenced = scene.world.change(&mut scene.world.new_chain());
    fenced.directory = late.directory.clone();
    fenced.fence = Some(scene.world.stale_fence());
    let plain = scene.world.change(&mut scene.world.new_chain());
    let changes = vec![change.clone(), fenced, plain];
    let answers = scene.store.requests().commit(changes).await.unwrap();
    assert_eq!(answers.iter().map(|answer| answer.is_kept()).collect::<Vec<_>>(), [true, false, true]);
    assert!(!scene.commit(late).await.is_kept());
    assert_eq!(scene.commit(change).await, Answer::Duplicate);
    assert_eq!(scene.entry(ana).await.manager, Some(mona));
    assert_eq!(scene.store.directory_queries().operators().await.unwrap(), []);
}

// ----------------------------------------------------------------------------------------------------------------- PS-3

pub async fn ps_03_an_erased_person_is_gone_from_the_directory<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let gone = scene.person("gone@example.com", None).await;
    let [ana, mona] = [(); 2].map(|()| scene.world.person_ref());
    let app = scene.world.app().id;
    let now = scene.world.now;
    let kept = scene.delegation(ana, mona, scene.seconds(0, None));
    let edits = vec![
        manager(ana, Some(gone)),
        manager(gone, Some(mona)),
        manager(mona, Some(ana)),
        DirectoryEdit::Absences { person: gone, periods: vec![scene.seconds(0, None)] },
        DirectoryEdit::Delegate(scene.delegation(gone, mona, scene.seconds(0, None))),
        DirectoryEdit::Delegate(scene.delegation(mona, gone, scene.seconds(0, None))),
        DirectoryEdit::Delegate(kept.clone()),
        DirectoryEdit::Owners { app: app.clone(), people: vec![ana, gone, mona] },
        DirectoryEdit::Appoint { person: gone, at: now },
        DirectoryEdit::Appoint { person: ana, at: now },
    ];
    scene.direct(edits).await;
    scene.store.people().erase(gone).await.unwrap();
    assert_eq!(scene.entry(gone).await, DirectoryEntry::unknown(gone));
    assert_eq!(scene.entry(ana).await.manager, None);
    assert_eq!(scene.entry(mona).await.manager, Some(ana));
    assert_eq!(scene.delegations(now).await, [kept]);
    assert_eq!(scene.store.directory().owners(&app).await.unwrap(), [ana, mona]);
    assert_eq!(scene.store.directory_queries().operators().await.unwrap(), [Operator::new(ana, now)]);
}

// ---------------------------------------------------------------------------------------------------------------- lists

pub async fn known_people_and_delegations_are_paged<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mut people = Vec::new();
    for name in ["ana", "ben", "cy"] {
        people.push(scene.person(&format!("{name}@example.com"), None).await);
    }
    people.sort();
    let mut given: Vec<Delegation> = people
        .iter()
        .map(|person| scene.delegation(*person, scene.world.person_ref(), scene.seconds(5, None)))
        .collect();
    given.sort_by_key(|delegation| delegation.id);
    scene.direct(given.iter().cloned().map(DirectoryEdit::Delegate).collect()).await;
    let queries = scene.store.directory_queries();
    assert_eq!(queries.known_people(None, 2).await.unwrap(), people[..2]);
    assert_eq!(queries.known_people(Some(people[1]), 2).await.unwrap(), people[2..]);
    let now = scene.world.now;
    assert_eq!(queries.delegations(now, None, 2).await.unwrap(), given[..2]);
    assert_eq!(queries.delegations(now, Some(given[1].id), 2).await.unwrap(), given[2..]);
}

// ----------------------------------------------------------------------------------------------------------------- PS-1

pub async fn ps_01_a_new_identity_under_a_known_reference_is_one_more_of_that_person<H: StoreHarness>(store: H) {
    let scene = Scene::new(store);
    let mona = scene.person("mona@example.com", None).await;
    let max = scene.person("max@example.com", None).await;
    let mut slack = scene.new_person("slack:T1/U1", Some("Mona Li"));
    slack.reference = mona;
    let mut taken = scene.new_person("max@example.com", None);
    taken.reference = mona;
    let found = scene.store.people().people(vec![slack, taken]).await.unwrap();
    assert_eq!(found, [mona, max], "an identity that is somebody's stays theirs");
    assert_eq!(scene.find("slack:T1/U1").await, Some(mona));
    let details = scene.store.people().details(&[mona]).await.unwrap().remove(0).unwrap();
    assert_eq!(details.identities.len(), 2);
    assert_eq!(details.name.as_deref(), Some("Mona Li"));
}
