//! Who edits the directory, what is recorded of it, and who operates.

use std::time::Duration;

use seatgate_core::authorize::Denial;
use seatgate_core::gate::{Ask, EditProblem, GateError, Submission};
use seatgate_core::id::{DelegationId, PersonRef, RequestId};
use seatgate_core::person::{Actor, MatchedBy, Surface};
use seatgate_core::port::{Delegation, DirectoryEdit, Entropy, NewPerson, Period, RequestQueries, RequestStore};
use seatgate_core::testing::{ScriptedDeprovisioner, block_on};
use seatgate_core::trail::{Entry, Stream, verify};
use serde_json::Value;

use crate::house::{House, KEYED, candidate};
use crate::stepped::Steps;

async fn recorded(house: &House) -> Vec<Value> {
    let entries = house.world.store.trail(Stream::System).await.unwrap();
    let lines: Vec<String> = entries.iter().map(Entry::to_json).collect();
    verify(Stream::System, lines.iter().map(String::as_str)).unwrap();
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn kinds(house: &House) -> Vec<String> {
    recorded(house).await.iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect()
}

fn admin() -> Submission {
    Submission::new(Actor::Token("admin".parse().unwrap()), Surface::Api).with_admin_token()
}

async fn person(house: &House, email: &str) -> PersonRef {
    let draft = seatgate_core::person::PersonDraft::new(email.parse().unwrap(), None);
    let new = NewPerson::new(draft, PersonRef::generate(house.now(), &*house.world.entropy));
    house.gate.people().people(vec![new]).await.unwrap()[0]
}

fn disabled(person: PersonRef) -> DirectoryEdit {
    DirectoryEdit::Disabled { person, disabled: true }
}

fn lasting(house: &House) -> Period {
    Period::new(house.now(), None)
}

/// Which requests were woken since, without working on them.
async fn woken(house: &House) -> Vec<RequestId> {
    let claims = house.worker.claim(1000).await.unwrap();
    let mut woken: Vec<RequestId> = claims
        .items
        .into_iter()
        .filter_map(|claimed| match claimed.item {
            seatgate_core::agenda::Item::Wake(request) => Some(request),
            _ => None,
        })
        .collect();
    woken.sort();
    woken
}

#[test]
fn operators_edit_the_directory_and_each_edit_that_changes_something_is_recorded() {
    block_on(async {
        let house = House::new();
        let [ana, mona] = [person(&house, "ana@example.com").await, person(&house, "mona@example.com").await];
        let period = Period::new(house.now(), Some(house.now().saturating_add(Duration::from_secs(60))));
        let edits = vec![
            DirectoryEdit::Manager { person: ana, manager: Some(mona) },
            disabled(ana),
            DirectoryEdit::Disabled { person: ana, disabled: false },
            DirectoryEdit::Bot { person: mona, bot: true },
            DirectoryEdit::Absences { person: mona, periods: vec![period] },
            DirectoryEdit::Owners { app: "figma".parse().unwrap(), people: vec![mona, ana] },
        ];
        let stranger = house.by("ana@example.com").await;
        let denied = house.gate.edit_directory(edits.clone(), &stranger).await;
        assert!(matches!(denied, Err(GateError::Denied(Denial::NotOperator))), "{denied:?}");
        assert_eq!(recorded(&house).await, Vec::<Value>::new());

        let operator = house.appoint("lead@example.com").await;
        house.gate.edit_directory(edits.clone(), &operator).await.unwrap();
        let expected = ["manager_set", "person_disabled", "person_enabled", "bot_set", "absences_set", "owners_set"];
        assert_eq!(kinds(&house).await, expected);
        let entries = recorded(&house).await;
        assert_eq!(entries[0]["actor"], operator.actor.to_string());
        assert_eq!(entries[0]["data"], serde_json::json!({"person": ana, "manager": mona}));
        let found = house.gate.directory().people(&[ana, mona], house.now()).await.unwrap();
        assert_eq!((found[0].manager, found[0].disabled), (Some(mona), false));
        assert_eq!((found[1].bot, found[1].absences.as_slice()), (true, [period].as_slice()));

        let again = edits.into_iter().filter(|edit| !matches!(edit, DirectoryEdit::Disabled { .. })).collect();
        house.gate.edit_directory(again, &admin()).await.unwrap();
        assert_eq!(kinds(&house).await.len(), expected.len(), "what holds already is no news");
    });
}

#[test]
fn one_edit_that_does_not_fit_leaves_all_undone_and_says_which() {
    block_on(async {
        let house = House::new();
        let [ana, mona] = [person(&house, "ana@example.com").await, person(&house, "mona@example.com").await];
        house.gate.appoint(&["mona@example.com".parse().unwrap()]).await.unwrap();
        let backwards = Period::new(house.now(), Some(house.now()));
        let delegation = |to, period| {
            let id = DelegationId::generate(house.now(), &*house.world.entropy);
            DirectoryEdit::Delegate(Delegation::new(id, ana, to, period))
        };
        for (edit, expected) in [
            (DirectoryEdit::Manager { person: ana, manager: Some(ana) }, EditProblem::OwnManager),
            (delegation(ana, lasting(&house)), EditProblem::OwnStandIn),
            (delegation(mona, backwards), EditProblem::EndsBeforeStart),
            (DirectoryEdit::Absences { person: ana, periods: vec![backwards] }, EditProblem::EndsBeforeStart),
            (DirectoryEdit::Dismiss { person: mona }, EditProblem::Configured),
        ] {
            let answer = house.gate.edit_directory(vec![disabled(ana), edit], &admin()).await;
            let Err(GateError::UnfitEdit { place: 1, problem }) = answer else { panic!("{answer:?}") };
            assert_eq!(problem, expected);
        }
        let nobody = DelegationId::generate(house.now(), &*house.world.entropy);
        let ended = house.gate.end_delegation(nobody, &admin()).await;
        assert!(matches!(ended, Err(GateError::NoDelegation(id)) if id == nobody), "{ended:?}");
        let dismissed = house.gate.edit_directory(vec![DirectoryEdit::Dismiss { person: ana }], &admin()).await;
        assert!(matches!(dismissed, Err(GateError::NoOperator(person)) if person == ana), "{dismissed:?}");
        assert_eq!(recorded(&house).await, Vec::<Value>::new());
    });
}

#[test]
fn people_delegate_for_themselves_and_for_nobody_else() {
    block_on(async {
        let house = House::new();
        let [mona, max] = [person(&house, "mona@example.com").await, person(&house, "max@example.com").await];
        let (as_mona, as_max) = (house.by("mona@example.com").await, house.by("max@example.com").await);
        let period = lasting(&house);
        let given = house.gate.delegate(mona, max, period, &as_mona).await.unwrap();
        let found = house.gate.directory().people(&[mona], house.now()).await.unwrap();
        assert_eq!(found[0].delegation(house.now()), Some(&given));

        let stolen = house.gate.delegate(mona, max, period, &as_max).await;
        assert!(matches!(stolen, Err(GateError::Denied(Denial::NotOperator))), "{stolen:?}");
        let ended = house.gate.end_delegation(given.id, &as_max).await;
        assert!(matches!(ended, Err(GateError::Denied(Denial::NotOperator))), "{ended:?}");
        let both = house.gate.edit_directory(
            vec![DirectoryEdit::EndDelegation { delegation: given.id, at: house.now() }, disabled(max)],
            &as_mona,
        );
        assert!(matches!(both.await, Err(GateError::Denied(Denial::NotOperator))), "not what is nobody's own");

        house.world.pass(Duration::from_secs(60));
        house.gate.end_delegation(given.id, &as_mona).await.unwrap();
        let again = house.gate.end_delegation(given.id, &as_mona).await;
        assert!(matches!(again, Err(GateError::NoDelegation(_))), "{again:?}");
        assert_eq!(kinds(&house).await, ["delegated", "delegation_ended"]);
        assert_eq!(house.gate.directory_queries().delegations(house.now(), None, 10).await.unwrap(), []);
    });
}

#[test]
fn a_strict_policy_takes_no_address_for_who_delegates() {
    block_on(async {
        let house = House::with(ScriptedDeprovisioner::new(KEYED), &[("strict_identity", "true")]);
        let [mona, max] = [person(&house, "mona@example.com").await, person(&house, "max@example.com").await];
        let weak = house.by("mona@example.com").await.matched_by(MatchedBy::Email);
        let denied = house.gate.delegate(mona, max, lasting(&house), &weak).await;
        assert!(matches!(denied, Err(GateError::Denied(Denial::WeakIdentity))), "{denied:?}");
        assert_eq!(house.gate.meter().denials[&("edit_directory", "weak_identity")], 1);
    });
}

#[test]
fn open_requests_that_ask_whom_it_concerns_are_woken() {
    block_on(async {
        let house = House::new();
        let seat = |n: usize, manager: &str| {
            candidate(serde_json::json!({
                "account": {"id": format!("00u{n}"), "email": format!("user{n}@example.com")},
                "manager": {"email": manager},
            }))
        };
        let mut rows: Vec<_> = (0..450).map(|n| seat(n, "mona@example.com")).collect();
        rows.push(seat(900, "max@example.com"));
        let report = house.sweep(rows).await;
        let mut asked: Vec<RequestId> = report.results.iter().filter_map(|row| row.request_id).collect();
        let others = asked.pop().unwrap();
        house.idle().await;
        let closed = asked.pop().unwrap();
        house
            .gate
            .act(closed, Ask::Keep { until: None }, Some("on leave"), &house.by("mona@example.com").await)
            .await
            .unwrap();
        house.idle().await;
        assert_eq!(woken(&house).await, []);
        let mona = person(&house, "mona@example.com").await;
        let rings = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let bell = rings.clone();
        house.gate.on_commit(move || {
            bell.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        house.gate.edit_directory(vec![disabled(mona)], &admin()).await.unwrap();
        assert!(rings.load(std::sync::atomic::Ordering::SeqCst) > 0);
        asked.sort();
        let found = woken(&house).await;
        assert_eq!((found.len(), found == asked, found.contains(&others)), (449, true, false));
        assert_eq!(kinds(&house).await, ["person_disabled"]);
    });
}

#[test]
fn appointed_operators_stand_beside_the_configured_ones() {
    block_on(async {
        let house = House::new();
        let lead = house.appoint("lead@example.com").await;
        let ana = person(&house, "ana@example.com").await;
        let as_ana = house.by("ana@example.com").await;
        let appoint = || DirectoryEdit::Appoint { person: ana, at: house.now() };
        let other = house.world.start(Steps::free());
        other.gate.appoint(&["lead@example.com".parse().unwrap()]).await.unwrap();
        other.gate.start_mode(None).await.unwrap();

        house.gate.edit_directory(vec![appoint(), appoint()], &lead).await.unwrap();
        house.gate.switch(seatgate_core::policy::Mode::DryRun, &as_ana).await.unwrap();
        assert!(!other.gate.settings().operators.contains(&ana), "it has not looked yet");
        other.gate.follow_mode().await.unwrap();
        assert_eq!(other.gate.settings().operators.len(), 2);
        let restarted = house.world.start(Steps::free());
        restarted.gate.appoint(&[]).await.unwrap();
        assert_eq!(restarted.gate.settings().operators.iter().copied().collect::<Vec<_>>(), [ana]);

        house.gate.edit_directory(vec![DirectoryEdit::Dismiss { person: ana }], &lead).await.unwrap();
        let denied = house.gate.switch(seatgate_core::policy::Mode::Live, &as_ana).await;
        assert!(matches!(denied, Err(GateError::Denied(Denial::NotOperator))), "at once: {denied:?}");
        other.gate.follow_mode().await.unwrap();
        assert_eq!(other.gate.settings().operators.iter().copied().collect::<Vec<_>>(), [lead.actor.person().unwrap()]);
        assert_eq!(kinds(&house).await, ["operator_appointed", "mode_set", "operator_dismissed"]);
        house
            .gate
            .edit_directory(
                vec![DirectoryEdit::Appoint { person: lead.actor.person().unwrap(), at: house.now() }],
                &admin(),
            )
            .await
            .unwrap();
        assert_eq!(kinds(&house).await.len(), 3, "the configuration names them already");
    });
}

#[test]
fn what_another_server_recorded_first_is_not_lost() {
    block_on(async {
        let house = House::new();
        let [ana, ben] = [person(&house, "ana@example.com").await, person(&house, "ben@example.com").await];
        let other = house.world.start(Steps::free());
        let appoint = |person| vec![DirectoryEdit::Appoint { person, at: house.now() }];
        other.gate.start_mode(None).await.unwrap();
        house.gate.edit_directory(appoint(ana), &admin()).await.unwrap();
        other.gate.edit_directory(appoint(ben), &admin()).await.unwrap();
        other.gate.follow_mode().await.unwrap();
        assert_eq!(other.gate.settings().operators.len(), 2);
    });
}

#[test]
fn whoever_is_erased_is_forgotten_operates_no_more_and_the_trail_still_verifies() {
    block_on(async {
        let house = House::new();
        house.open().await;
        let mona = person(&house, "mona@example.com").await;
        let as_mona = house.by("mona@example.com").await;
        let denied = house.gate.erase(mona, &as_mona).await;
        assert!(matches!(denied, Err(GateError::Denied(Denial::NotOperator))), "{denied:?}");
        house
            .gate
            .edit_directory(vec![DirectoryEdit::Appoint { person: mona, at: house.now() }], &admin())
            .await
            .unwrap();
        house.gate.erase(mona, &admin()).await.unwrap();
        assert_eq!(house.gate.people().details(&[mona]).await.unwrap(), [None]);
        assert!(house.gate.settings().operators.is_empty());
        assert_eq!(kinds(&house).await, ["operator_appointed", "person_erasing", "person_erased"]);
        let again = house.gate.erase(mona, &admin()).await;
        assert!(matches!(again, Err(GateError::NoPerson(person)) if person == mona), "{again:?}");
        assert_eq!(woken(&house).await.len(), 1);
    });
}

#[test]
fn many_edits_are_kept_in_order() {
    block_on(async {
        let house = House::new();
        let people: Vec<PersonRef> =
            (0..250).map(|_| PersonRef::generate(house.now(), &*house.world.entropy as &dyn Entropy)).collect();
        let edits = people.iter().map(|person| disabled(*person)).collect();
        house.gate.edit_directory(edits, &admin()).await.unwrap();
        assert_eq!(recorded(&house).await.len(), 250);
        let found = house.gate.directory().people(&people, house.now()).await.unwrap();
        assert!(found.iter().all(|entry| entry.disabled));
        assert_eq!(house.world.store.chain(Stream::System).await.unwrap().version, 250);
    });
}

#[test]
fn one_more_identity_is_added_once_by_operators_and_taken_from_nobody() {
    block_on(async {
        let house = House::new();
        let [ana, mona] = [person(&house, "ana@example.com").await, person(&house, "mona@example.com").await];
        let links = || vec![(ana, "slack:T1/U1".parse().unwrap()), (mona, "slack:T1/U2".parse().unwrap())];
        let stranger = house.by("ana@example.com").await;
        let denied = house.gate.link(links(), &stranger).await;
        assert!(matches!(denied, Err(GateError::Denied(Denial::NotOperator))), "{denied:?}");
        for _ in 0..2 {
            assert_eq!(house.gate.link(links(), &admin()).await.unwrap(), [ana, mona]);
        }
        assert_eq!(house.gate.people().find(&"slack:T1/U1".parse().unwrap()).await.unwrap(), Some(ana));
        let stolen = house.gate.link(vec![(mona, "slack:T1/U1".parse().unwrap())], &admin()).await.unwrap();
        assert_eq!(stolen, [ana], "it stays hers");
        assert_eq!(kinds(&house).await, ["identity_added", "identity_added"]);
    });
}
