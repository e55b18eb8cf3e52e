//! Who is asked where Slack's profiles say who manages whom: read over the wire, and never guessed where Slack is silent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use seatgate_core::canonical::Digest;
use seatgate_core::gate::{BulkSweep, GateError, Submission, Sweep, UploadRow};
use seatgate_core::id::{PersonRef, RequestId};
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Actor, Identity, PersonDraft, Surface};
use seatgate_core::port::{
    Clock, Directory, DirectoryEdit, DirectoryEntry, NewPerson, PeopleStore, RowStatus, StoreError, StoreErrorKind,
};
use seatgate_core::request::{Decision, Outcome, Why};
use seatgate_core::route::Turn;
use seatgate_core::seat::Candidate;
use seatgate_core::testing::{ManualClock, SeededEntropy};
use seatgate_slack::card::Renderer;
use seatgate_slack::directory::SlackDirectory;
use seatgate_slack::workspace::Workspace;
use serde_json::json;

use crate::fake_slack::{FakeSlack, Fault, User};
use crate::house::{House, MANAGER_FIELD, seat};
use crate::world::World;

const OTTO_FALLS_BACK: [(&str, &str); 1] = [("fallback_approvers", OTTO)];
const OTTO: &str = "otto@example.com";
const QUARTER: Duration = Duration::from_secs(15 * 60);

/// Somebody whose profile names `manager`.
fn managed(id: &str, email: &str, manager: &str) -> User {
    User { fields: BTreeMap::from([(MANAGER_FIELD.to_owned(), manager.to_owned())]), ..User::new(id, email) }
}

/// A directory over a fake Slack, and the people whom the gate knows.
struct Scene {
    slack: FakeSlack,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    entropy: Arc<SeededEntropy>,
    directory: SlackDirectory,
}

impl Scene {
    async fn new() -> Self {
        let World { clock, slack, client } = World::patient(Duration::from_secs(2)).await;
        slack.with(|state| state.scopes.insert("users.profile:read".to_owned()));
        let (store, entropy) = (Arc::new(MemoryStore::new(clock.clone())), Arc::new(SeededEntropy::new(1)));
        let workspace = Workspace::new(client, Renderer::default(), clock.clone());
        let directory = SlackDirectory::new(workspace, store.clone(), entropy.clone());
        let directory = directory.manager_in(MANAGER_FIELD.parse().unwrap());
        Self { slack, clock, store, entropy, directory }
    }

    /// The person with this identity, known from now on.
    async fn person(&self, identity: &str) -> PersonRef {
        let draft = PersonDraft::new(identity.parse().unwrap(), None);
        let new = NewPerson::new(draft, PersonRef::generate(self.clock.now(), &*self.entropy));
        PeopleStore::people(&*self.store, vec![new]).await.unwrap()[0]
    }

    async fn try_entry(&self, person: PersonRef) -> Result<DirectoryEntry, StoreError> {
        Ok(self.directory.people(&[person], self.clock.now()).await?.remove(0))
    }

    async fn entry(&self, person: PersonRef) -> DirectoryEntry {
        self.try_entry(person).await.unwrap()
    }

    async fn of(&self, identity: &str) -> DirectoryEntry {
        self.entry(self.person(identity).await).await
    }

    /// How many questions Slack was asked so far.
    fn questions(&self) -> usize {
        ["users.info", "users.lookupByEmail", "users.profile.get"].iter().map(|method| self.slack.calls(method)).sum()
    }
}

fn unavailable(answer: Result<DirectoryEntry, StoreError>) {
    let error = answer.expect_err("nobody is guessed");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!format!("{error:?} {error}").contains("mona"), "{error:?}");
}

#[tokio::test]
async fn a_profile_names_the_manager_by_user_or_by_address() {
    let scene = Scene::new().await;
    scene.slack.user(managed("U7", "ana@example.com", "U1"));
    scene.slack.user(managed("U6", "otto@example.com", "Mona@Example.com"));
    let of_ana = scene.of("ana@example.com").await;
    assert!(of_ana.can_be_asked() && of_ana.absences.is_empty() && of_ana.delegations.is_empty());
    let mona = of_ana.manager.unwrap();
    assert_eq!(scene.of("slack:T1/U6").await.manager, Some(mona), "the same human by an address");
    let known = scene.store.details(&[mona]).await.unwrap().remove(0).unwrap();
    assert_eq!(known.label(), "mona");
    let identities: Vec<String> = known.identities.iter().map(ToString::to_string).collect();
    assert!(identities.contains(&"slack:T1/U1".to_owned()), "{identities:?}");
    assert!(identities.contains(&"email:mona@example.com".to_owned()), "{identities:?}");
    assert_eq!(scene.slack.last_call("users.profile.get").content_type, "application/x-www-form-urlencoded");
    assert_eq!(scene.entry(mona).await.manager, None, "her own profile names nobody");
}

#[tokio::test]
async fn a_manager_whom_the_gate_knows_is_not_added_again() {
    let scene = Scene::new().await;
    scene.slack.user(managed("U7", "ana@example.com", "U1"));
    let mona = scene.person("mona@example.com").await;
    assert_eq!(scene.of("ana@example.com").await.manager, Some(mona));
    scene.slack.user(User::new("U8", "ulla@example.com"));
    scene.slack.user(managed("U6", "otto@example.com", "U8,U1"));
    let ulla = scene.person("slack:T1/U8").await;
    assert_eq!(scene.of("otto@example.com").await.manager, Some(ulla), "of several the first");
}

#[tokio::test]
async fn whoever_has_left_or_is_a_program_is_not_asked() {
    let scene = Scene::new().await;
    scene.slack.user(User::new("USLACKBOT", ""));
    let told = async |identity: &str| {
        let entry = scene.of(identity).await;
        (entry.disabled, entry.bot)
    };
    assert_eq!(told("slack:T1/U1").await, (false, false));
    assert_eq!(told("slack:T1/U2").await, (true, false), "deactivated");
    assert_eq!(told("slack:T1/U4").await, (false, true));
    assert_eq!(told("bot@example.com").await, (false, true));
    assert_eq!(told("slack:T1/USLACKBOT").await, (false, true));
    assert_eq!(told("slack:T1/U99").await, (true, false), "nobody in our workspace has this id any more");
}

#[tokio::test]
async fn whoever_belongs_elsewhere_is_unknown() {
    let scene = Scene::new().await;
    scene.slack.user(User { deleted: true, team: "T9".to_owned(), ..User::new("U5", "outsider@example.org") });
    let before = scene.questions();
    let foreign = scene.of("slack:T9/U5").await;
    assert!(foreign.can_be_asked() && foreign.manager.is_none());
    assert_eq!(scene.questions(), before, "another workspace's ids say nothing here");
    assert!(scene.of("slack:T1/U5").await.can_be_asked(), "an id of ours must be borne by one of ours");
    scene.slack.user(User { team: "T9".to_owned(), ..managed("U5", "outsider@example.org", "U1") });
    assert_eq!(scene.of("outsider@example.org").await.manager, None);
    assert_eq!(scene.of("nobody@example.com").await, DirectoryEntry::unknown(scene.person("nobody@example.com").await));
    scene.slack.user(managed("U7", "ana@example.com", "U5"));
    assert_eq!(scene.of("ana@example.com").await.manager, None, "a stranger manages nobody here");
}

#[tokio::test]
async fn on_enterprise_grid_an_id_of_another_workspace_may_be_ours() {
    let scene = Scene::new().await;
    scene.slack.with(|state| state.organisation = Some("E1".to_owned()));
    assert!(scene.of("slack:T1/U2").await.disabled);
    assert!(scene.of("slack:T2/U2").await.can_be_asked(), "their own workspace is another one");
    assert!(scene.of("slack:T1/U99").await.disabled, "an organisation's app sees everybody");
}

#[tokio::test]
async fn whoever_is_not_found_by_their_address_any_more_may_have_left() {
    let scene = Scene::new().await;
    let mona = scene.person("mona@example.com").await;
    assert!(scene.entry(mona).await.can_be_asked());
    scene.slack.user(User { deleted: true, ..User::new("U1", "mona@example.com") });
    scene.clock.advance(QUARTER);
    for _ in 0..2 {
        assert!(scene.entry(mona).await.disabled, "Slack finds no address of the deactivated, but it knows the user");
        scene.clock.advance(QUARTER);
    }
    scene.slack.user(User::new("U1", "mona.li@example.com"));
    assert!(scene.entry(mona).await.can_be_asked(), "another address is no reason");
}

#[tokio::test]
async fn an_answer_is_good_for_a_quarter_of_an_hour_and_no_longer() {
    let scene = Scene::new().await;
    scene.slack.user(managed("U7", "ana@example.com", "U1"));
    let people = [scene.person("slack:T1/U7").await, scene.person("nobody@example.com").await];
    let ask = async || scene.directory.people(&people, scene.clock.now()).await;
    let first = ask().await.unwrap();
    let asked = scene.questions();
    scene.slack.with(|state| state.users.clear());
    scene.clock.advance(QUARTER - Duration::from_micros(1));
    assert_eq!(ask().await.unwrap(), first);
    assert_eq!(scene.questions(), asked, "that there is nobody is kept, too");
    scene.clock.advance(Duration::from_micros(1));
    scene.slack.fault("users.info", Fault::StatusBefore(503));
    assert_eq!(ask().await.unwrap_err().kind(), StoreErrorKind::Unavailable, "nothing older is used");
    scene.clock.advance(Duration::from_secs(60));
    assert!(ask().await.unwrap()[0].disabled);
}

#[tokio::test]
async fn where_slack_does_not_say_nobody_is_guessed() {
    let scene = Scene::new().await;
    scene.slack.user(managed("U7", "ana@example.com", "U1"));
    let ana = scene.person("ana@example.com").await;
    for fault in [
        Fault::StatusBefore(500),
        Fault::ResetBefore,
        Fault::SilentBefore,
        Fault::BodyAfter("{}".to_owned()),
        Fault::Error("token_revoked"),
        Fault::Error("ratelimited"),
        Fault::Error("something_new"),
    ] {
        for method in ["users.lookupByEmail", "users.profile.get"] {
            scene.slack.fault(method, fault.clone());
            unavailable(scene.try_entry(ana).await);
            scene.clock.advance(QUARTER);
        }
    }
    scene.slack.with(|state| state.scopes.remove("users.profile:read"));
    unavailable(scene.try_entry(ana).await);
    scene.slack.with(|state| state.scopes.insert("users.profile:read".to_owned()));
    assert!(scene.entry(ana).await.manager.is_some());
}

#[tokio::test]
async fn slacks_wish_to_wait_is_heeded() {
    let scene = Scene::new().await;
    let mona = scene.person("slack:T1/U1").await;
    scene.slack.fault("users.info", Fault::RateLimited { seconds: 30 });
    unavailable(scene.try_entry(mona).await);
    scene.clock.advance(Duration::from_secs(29));
    unavailable(scene.try_entry(mona).await);
    assert_eq!(scene.slack.calls("users.info"), 1, "it is not asked before its time");
    scene.clock.advance(Duration::from_secs(1));
    assert!(scene.entry(mona).await.can_be_asked());
}

#[tokio::test]
async fn many_are_looked_up_side_by_side_and_answered_in_order() {
    let scene = Scene::new().await;
    let mut people = Vec::new();
    for number in 0..60 {
        let (id, email) = (format!("UX{number}"), format!("holder{number}@example.com"));
        scene.slack.user(User { deleted: number % 3 == 0, ..managed(&id, &email, "U1") });
        people.push(scene.person(&format!("slack:T1/{id}")).await);
    }
    let unknown = PersonRef::generate(scene.clock.now(), &*scene.entropy);
    people.push(unknown);
    let entries = scene.directory.people(&people, scene.clock.now()).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.person).collect::<Vec<_>>(), people);
    assert!(entries[..60].iter().enumerate().all(|(number, entry)| entry.disabled == (number % 3 == 0)));
    assert_eq!(entries[60], DirectoryEntry::unknown(unknown), "of whom nobody has heard");
    assert!(entries[..60].iter().all(|entry| entry.manager == entries[0].manager && entry.manager.is_some()));
    assert_eq!(scene.slack.calls("users.info"), 61, "their manager is looked up once");
}

#[tokio::test]
async fn whoever_manages_themselves_is_one_human_by_whatever_they_are_known() {
    let scene = Scene::new().await;
    scene.slack.user(managed("U7", "ana@example.com", "U7"));
    let (by_email, by_id) = (scene.person("ana@example.com").await, scene.person("slack:T1/U7").await);
    assert_ne!(by_email, by_id);
    assert_eq!(scene.entry(by_email).await.manager, Some(by_email));
    assert_eq!(scene.entry(by_id).await.manager, Some(by_id));
}

#[tokio::test]
async fn without_a_field_profiles_are_not_read() {
    let mut scene = Scene::new().await;
    let World { client, .. } = World::beside(scene.slack.clone(), scene.clock.clone(), Duration::from_secs(2));
    let workspace = Workspace::new(client, Renderer::default(), scene.clock.clone());
    scene.directory = SlackDirectory::new(workspace, scene.store.clone(), scene.entropy.clone());
    scene.slack.user(managed("U7", "ana@example.com", "U1"));
    assert_eq!(scene.of("ana@example.com").await.manager, None);
    assert!(scene.of("slack:T1/U2").await.disabled);
    assert_eq!(scene.slack.calls("users.profile.get"), 0);
}

// ------------------------------------------------------------------------------------------------------- end to end

/// A seat of Ana's whose report names no manager.
fn unmanaged() -> Candidate {
    seat(json!({ "manager": null }))
}

/// Everybody who is asked: by what address, why, and over whom.
async fn asked(house: &House, id: RequestId) -> Vec<(String, Why, Vec<(String, Turn)>)> {
    let request = house.request(id).await;
    let joined = house.gate.join(std::slice::from_ref(&request)).await.unwrap();
    let path = |asked: &seatgate_core::request::Asked| {
        asked.path.iter().map(|step| (joined.name(step.person), step.turn)).collect()
    };
    request.approval.active().map(|asked| (joined.name(asked.person), asked.why, path(asked))).collect()
}

fn path(steps: &[(&str, Turn)]) -> Vec<(String, Turn)> {
    steps.iter().map(|(name, turn)| ((*name).to_owned(), *turn)).collect()
}

/// Ana's seat is asked about, in a workspace with these people. Otto is the fallback.
async fn asked_among(users: Vec<User>) -> (House, RequestId) {
    let house = House::reading_profiles(&OTTO_FALLS_BACK).await;
    house.slack.user(User::new("U6", "otto@example.com"));
    users.into_iter().for_each(|user| house.slack.user(user));
    let id = house.sweep(vec![unmanaged()]).await[0];
    house.work().await;
    (house, id)
}

fn ana(manager: &str) -> User {
    managed("U7", "ana@example.com", manager)
}

#[tokio::test]
async fn a_manager_whom_slack_alone_knows_is_asked_and_answers() {
    let (house, id) = asked_among(vec![ana("U1")]).await;
    assert_eq!(asked(&house, id).await, [("mona".to_owned(), Why::Manager, vec![])]);
    let card = house.slack.wait_for_message("U1", 1).await;
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    house.work().await;
    let request = house.request(id).await;
    assert_eq!(request.outcome(), Some(Outcome::Reclaimed));
}

#[tokio::test]
async fn a_profile_that_names_nobody_leads_to_the_fallback() {
    for users in [vec![], vec![User::new("U7", "ana@example.com")], vec![ana("Mona Li")], vec![ana("U5")]] {
        let (house, id) = asked_among(users).await;
        assert_eq!(asked(&house, id).await, [(OTTO.to_owned(), Why::Fallback, vec![])]);
        house.slack.wait_for_message("U6", 1).await;
    }
}

#[tokio::test]
async fn a_manager_whom_slack_does_not_know_is_shown_on_the_way() {
    let (house, id) = asked_among(vec![ana("U99")]).await;
    let way = path(&[("U99", Turn::Disabled), (OTTO, Turn::Asked)]);
    assert_eq!(asked(&house, id).await, [(OTTO.to_owned(), Why::Fallback, way)]);
    let card = house.slack.wait_for_message("U6", 1).await;
    assert!(card.text.contains("U99 (the manager) has left"), "{}", card.text);
}

#[tokio::test]
async fn a_manager_who_has_left_or_is_a_program_leads_to_the_manager_above() {
    for (user, name, turn, says) in [
        (User { deleted: true, ..managed("U8", "gus@example.com", "U1") }, "gus", Turn::Disabled, "has left"),
        (User { is_bot: true, ..managed("U8", "robo@example.com", "U1") }, "robo", Turn::Bot, "no human"),
    ] {
        let (house, id) = asked_among(vec![ana("U8"), user]).await;
        let way = path(&[(name, turn), ("mona", Turn::Asked)]);
        assert_eq!(asked(&house, id).await, [("mona".to_owned(), Why::NextManager, way)]);
        let card = house.slack.wait_for_message("U1", 1).await;
        assert!(card.text.contains(says), "{}", card.text);
    }
}

#[tokio::test]
async fn a_manager_who_holds_the_seat_is_not_enough() {
    let (house, id) = asked_among(vec![ana("U7")]).await;
    let asked = asked(&house, id).await;
    let way = path(&[("Ana Ruiz", Turn::Holder), ("Ana Ruiz", Turn::Cycle), (OTTO, Turn::Asked)]);
    assert_eq!(asked.last(), Some(&(OTTO.to_owned(), Why::Fallback, way)));
    assert_eq!(asked[0].0, "Ana Ruiz", "giving it up is harmless");
    house.slack.wait_for_message("U6", 1).await;
}

#[tokio::test]
async fn managers_in_a_circle_lead_out_of_it() {
    let gone = |id: &str, email: &str, manager: &str| User { deleted: true, ..managed(id, email, manager) };
    let circle = vec![ana("U8"), gone("U8", "gus@example.com", "U9"), gone("U9", "ina@example.com", "U8")];
    let (house, id) = asked_among(circle).await;
    let way = [("gus", Turn::Disabled), ("ina", Turn::Disabled), ("gus", Turn::Cycle), (OTTO, Turn::Asked)];
    assert_eq!(asked(&house, id).await, [(OTTO.to_owned(), Why::Fallback, path(&way))]);
    house.slack.wait_for_message("U6", 1).await;
}

#[tokio::test]
async fn where_nobody_is_left_the_operators_are_asked_and_nothing_is_approved() {
    let house = House::reading_profiles(&[]).await;
    house.slack.user(ana("U2"));
    house.slack.user(User::new("U6", "otto@example.com"));
    house.gate.appoint(&["slack:T1/U6".parse().unwrap()]).await.unwrap();
    let id = house.sweep(vec![unmanaged()]).await[0];
    house.work().await;
    let operators = asked(&house, id).await;
    assert_eq!((operators.len(), operators[0].1), (1, Why::Operator));
    assert_eq!(operators[0].2[0], ("gone".to_owned(), Turn::Disabled));
    house.slack.wait_for_message("U6", 1).await;
    assert_eq!(house.request(id).await.approval.verdict, None);
}

#[tokio::test]
async fn what_the_store_keeps_comes_first() {
    let house = House::reading_profiles(&OTTO_FALLS_BACK).await;
    house.slack.user(ana("U1"));
    house.slack.user(User::new("U6", "otto@example.com"));
    let person = async |email: &str| house.gate.person(Identity::Email(email.parse().unwrap()), None).await.unwrap();
    let (holder, otto) = (person("ana@example.com").await, person("otto@example.com").await);
    let edit = DirectoryEdit::Manager { person: holder, manager: Some(otto) };
    let mut by = Submission::new(Actor::system("import").unwrap(), Surface::Library);
    by.admin = true;
    house.gate.edit_directory(vec![edit], &by).await.unwrap();
    let id = house.sweep(vec![unmanaged()]).await[0];
    assert_eq!(asked(&house, id).await[0].1, Why::Manager);
    house.work().await;
    house.slack.wait_for_message("U6", 1).await;
}

#[tokio::test]
async fn a_sweep_that_slack_holds_up_asks_nobody_and_is_asked_when_it_comes_again() {
    let house = House::reading_profiles(&OTTO_FALLS_BACK).await;
    house.slack.user(ana("U1"));
    house.slack.fault("users.profile.get", Fault::RateLimited { seconds: 30 });
    let sweep = || {
        let sweep = Sweep::new(Actor::webhook(), Surface::Webhook, vec![Ok(unmanaged())]);
        house.gate.sweep(sweep)
    };
    for wait in [29, 1] {
        let held_up = sweep().await.unwrap_err();
        assert!(matches!(&held_up, GateError::Store(_)) && held_up.is_transient(), "{held_up:?}");
        house.clock.advance(Duration::from_secs(wait));
    }
    let id = sweep().await.unwrap().results[0].request_id.unwrap();
    assert_eq!(asked(&house, id).await, [("mona".to_owned(), Why::Manager, vec![])]);
}

/// Rows that were received are worked off by the server, which asks Slack again when it may.
#[tokio::test]
async fn a_sweep_in_bulk_waits_for_slack_by_itself() {
    let house = House::reading_profiles(&OTTO_FALLS_BACK).await;
    house.slack.user(ana("U1"));
    house.slack.fault("users.profile.get", Fault::RateLimited { seconds: 30 });
    let sender: Actor = "token:admin".parse().unwrap();
    let sweep = house.gate.open_bulk(BulkSweep::new(sender.clone(), Surface::Api)).await.unwrap();
    let row = UploadRow::new(Digest::of(b"ana"), Ok(unmanaged()));
    house.gate.upload(sweep, &sender, 0).await.unwrap().add(&[row]).await.unwrap();
    house.gate.seal(sweep, (&sender, Surface::Api), None).await.unwrap();
    house.pass(29).await;
    let status = async || house.gate.swept(sweep, 0..1).await.unwrap().1.results[0].status;
    assert_eq!((status().await, house.slack.calls("users.profile.get")), (RowStatus::Received, 1));
    house.pass(60).await;
    assert_eq!(status().await, RowStatus::Asked);
    house.slack.wait_for_message("U1", 1).await;
}

#[tokio::test]
async fn time_goes_by_for_nobody_while_slack_is_silent_and_whoever_has_left_meanwhile_is_replaced() {
    let (house, id) = asked_among(vec![ana("U1")]).await;
    house.slack.wait_for_message("U1", 1).await;
    house.slack.user(User { deleted: true, ..User::new("U1", "mona@example.com") });
    house.slack.with(|state| state.scopes.clear());
    house.clock.advance(Duration::from_secs(15 * 86_400));
    house.pass(60).await;
    let waiting = house.request(id).await;
    assert_eq!(
        (waiting.outcome(), waiting.approval.verdict),
        (None, None),
        "beyond every deadline, nothing is concluded"
    );
    assert_eq!(asked(&house, id).await[0].0, "mona");
    house.slack.with(|state| {
        let scopes = ["chat:write", "users:read", "users:read.email", "users.profile:read", "im:write"];
        state.scopes.extend(scopes.map(str::to_owned));
    });
    house.pass(60).await;
    let asked = asked(&house, id).await;
    assert_eq!((asked[0].0.as_str(), asked[0].1), (OTTO, Why::Fallback));
    assert_eq!(asked[0].2[0], ("mona".to_owned(), Turn::Disabled));
    let card = house.slack.wait_for_message("U6", 1).await;
    assert_eq!(house.click(&card, "approve", id, "U6").await, 200);
    assert_eq!(house.request(id).await.approval.verdict.map(|made| made.decision), Some(Decision::Approve));
}
