//! Who is asked, seen from Slack: the holder first, several at once, somebody else; and who may know why.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use seatgate_core::id::PersonRef;
use seatgate_core::person::Identity;
use seatgate_core::port::{Delegation, Directory, DirectoryEntry, Period, StoreError};
use seatgate_core::request::{Decision, Outcome, StateLabel};
use seatgate_core::seat::AppId;
use seatgate_core::time::Timestamp;
use seatgate_slack::card::{NEED_REASON, REASSIGN_NOTE, REASSIGN_TO};
use serde_json::{Value, json};

use crate::fake_slack::{Message, User, View};
use crate::house::{House, seat, seat_of};

const HOLDER_FIRST: (&str, &str) = ("ask_holder_first", "true");
const TWO: [(&str, &str); 2] = [("quorum", "2"), ("fallback_approvers", "otto@example.com")];

/// Whom a modal names, and why.
fn naming(user: &str, note: &str) -> Value {
    json!({
        REASSIGN_TO: {REASSIGN_TO: {"type": "users_select", "selected_user": user}},
        REASSIGN_NOTE: {REASSIGN_NOTE: {"type": "plain_text_input", "value": note}},
    })
}

fn because(reason: &str) -> Value {
    json!({ NEED_REASON: {NEED_REASON: {"type": "plain_text_input", "value": reason}} })
}

fn error(body: &Value) -> (&str, &str) {
    assert_eq!(body["response_action"], "errors", "{body}");
    let (block, text) = body["errors"].as_object().unwrap().iter().next().unwrap();
    (block, text.as_str().unwrap())
}

impl House {
    /// Ana holds the seat, Otto is a colleague.
    fn colleagues(&self) {
        self.slack.user(User::new("U6", "otto@example.com"));
        self.slack.user(User::new("U7", "ana@example.com"));
    }

    async fn modal(&self) -> View {
        self.slack.wait_for("the modal", |state| state.views.first().cloned()).await
    }
}

#[tokio::test]
async fn a_holder_says_why_they_need_it_and_the_manager_reads_it_and_decides() {
    let house = House::under(&[HOLDER_FIRST]).await;
    house.colleagues();
    let id = house.sweep(vec![seat(json!({}))]).await[0];
    house.work().await;
    let card = house.slack.wait_for_message("U7", 1).await;
    assert_eq!(card.controls(), ["need", "release", "why"].map(|kind| format!("{kind}/{id}")));
    assert!(card.text.contains("the approver hears of it and decides"), "{}", card.text);
    assert!(house.slack.messages_in("U1").is_empty());
    assert_eq!(house.click(&card, "need", id, "U7").await, 200);
    let view = house.modal().await;
    assert_eq!(error(&house.send(house.slack.submit(&view, because(" "))).await.1).0, NEED_REASON);
    assert_eq!(error(&house.send(house.slack.submit(&view, because(&"x".repeat(2001)))).await.1).0, NEED_REASON);
    assert_eq!(house.send(house.slack.submit(&view, because("The launch is near"))).await.1, "");
    house.work().await;
    let after = house.now_says(&card);
    assert!(after.controls().is_empty(), "{:?}", after.controls());
    for fact in ["You said that you still need it", "The launch is near", "Mona Li"] {
        assert!(after.text.contains(fact), "{fact}: {}", after.text);
    }
    let manager = house.slack.wait_for_message("U1", 1).await;
    assert!(manager.text.contains("The holder still needs it.\nReason: The launch is near"), "{}", manager.text);
    assert_eq!(house.click(&card, "need", id, "U7").await, 200, "the old card, once more");
    assert!(house.told("U7", 0).await.contains("your own seat"));
    assert_eq!(house.click(&manager, "approve", id, "U1").await, 200);
    assert_eq!(house.request(id).await.approval.verdict.unwrap().decision, Decision::Approve);
}

#[tokio::test]
async fn a_holders_release_is_worth_what_the_policy_says() {
    for (worth, told) in [("informs", "The holder releases it."), ("suffices", "")] {
        let house = House::under(&[HOLDER_FIRST, ("holder_release", worth)]).await;
        house.colleagues();
        let id = house.sweep(vec![seat(json!({}))]).await[0];
        house.work().await;
        let card = house.slack.wait_for_message("U7", 1).await;
        assert_eq!(card.text.contains("Releasing it removes the seat"), worth == "suffices", "{}", card.text);
        assert_eq!(house.click(&card, "release", id, "U1").await, 200, "somebody else");
        assert!(!house.told("U1", 0).await.is_empty() && house.request(id).await.approval.holder_answer.is_none());
        assert_eq!(house.click(&card, "release", id, "U7").await, 200);
        house.work().await;
        assert!(house.now_says(&card).controls().is_empty());
        if worth == "informs" {
            let manager = house.slack.wait_for_message("U1", 1).await;
            assert!(manager.text.contains(told) && house.target.calls().is_empty(), "{}", manager.text);
        } else {
            assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
        }
    }
}

#[tokio::test]
async fn of_two_whose_approvals_are_needed_each_gives_one_and_either_can_undo() {
    for undoes in ["U1", "U6"] {
        let house = House::under(&[TWO[0], TWO[1], ("grace", "1d")]).await;
        house.colleagues();
        let id = house.sweep(vec![seat(json!({}))]).await[0];
        house.work().await;
        let cards = [house.slack.wait_for_message("U1", 1).await, house.slack.wait_for_message("U6", 1).await];
        assert_eq!(house.click(&cards[0], "approve", id, "U1").await, 200);
        house.work().await;
        let first = house.now_says(&cards[0]);
        assert!(first.controls().is_empty() && first.text.contains("Your approval is in: 1 of 2"), "{}", first.text);
        let second = house.now_says(&cards[1]);
        assert!(second.text.contains("2 approvals; 1 so far") && second.text.contains("Mona Li"), "{}", second.text);
        assert_eq!(house.click(&cards[0], "approve", id, "U1").await, 200, "an old copy");
        assert!(house.told("U1", 0).await.contains("recorded already"));
        assert_eq!(house.request(id).await.label(), StateLabel::AwaitingDecision);
        assert_eq!(house.click(&second, "approve", id, "U6").await, 200);
        house.work().await;
        let card = house.now_says(&cards[usize::from(undoes == "U6")]);
        assert_eq!(card.controls(), [format!("undo/{id}")], "{undoes}");
        assert_eq!(house.click(&card, "undo", id, undoes).await, 200);
        assert_eq!(house.request(id).await.outcome(), Some(Outcome::Withdrawn), "{undoes}");
    }
}

#[tokio::test]
async fn the_rest_of_a_digest_counts_a_vote_that_is_in() {
    let house = House::under(&[TWO[0], TWO[1], ("digest", "1m")]).await;
    house.colleagues();
    let ids = house.sweep((1..=2).map(seat_of).collect()).await;
    house.pass(61).await;
    let card = house.slack.wait_for_message("U1", 1).await;
    assert_eq!(house.click(&card, "approve", ids[0], "U1").await, 200);
    assert_eq!(house.send(house.slack.click(&card, "approve_rest").by("U1")).await.0, 200);
    let told = house.told("U1", 0).await;
    assert!(told.contains("approved: 2") && !told.contains("Not recorded"), "{told}");
}

#[tokio::test]
async fn somebody_else_is_asked_and_the_old_card_says_who() {
    let house = House::new().await;
    house.colleagues();
    let (id, card) = house.ask().await;
    assert_eq!(house.click(&card, "reassign", id, "U1").await, 200);
    let view = house.modal().await;
    let note = "He knows <!channel> the team & more";
    assert_eq!(house.send(house.slack.submit(&view, naming("U6", note))).await.1, "");
    assert!(house.slack.open_views().is_empty());
    assert!(house.told("U1", 0).await.contains("otto"), "the outcome is told");
    house.work().await;
    let old = house.now_says(&card);
    assert!(old.controls().is_empty() && old.text.contains("Now asked in your place: otto"), "{}", old.text);
    let new = house.slack.wait_for_message("U6", 1).await;
    for fact in
        ["it was handed to you", "Mona Li handed it on to you.\nReason: He knows &lt;!channel&gt; the team &amp; more"]
    {
        assert!(new.text.contains(fact), "{fact}: {}", new.text);
    }
    assert!(!old.text.contains("handed it on to you"), "{}", old.text);
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200, "an old copy");
    assert!(house.told("U1", 1).await.contains("in your place"));
    assert_eq!(house.denied(1).await.get("slack approve moved"), Some(&1));
    assert_eq!(house.click(&new, "approve", id, "U6").await, 200);
    assert_eq!(house.request(id).await.approval.decider(), Some(house.person("otto@example.com").await));
}

#[tokio::test]
async fn whoever_cannot_be_asked_is_refused_in_the_modal_which_stays() {
    let house = House::new().await;
    house.colleagues();
    let (id, card) = house.ask().await;
    house.click(&card, "reassign", id, "U1").await;
    let view = house.modal().await;
    let nobody = json!({ REASSIGN_TO: {REASSIGN_TO: {"type": "users_select", "selected_user": null}},
        REASSIGN_NOTE: {REASSIGN_NOTE: {"type": "plain_text_input", "value": "why not"}} });
    let cases = [
        (nobody, REASSIGN_TO, "choose"),
        (naming("U6", " "), REASSIGN_NOTE, "say why"),
        (naming("U6", &"x".repeat(2001)), REASSIGN_NOTE, "2000"),
        (naming("U1", "me"), REASSIGN_TO, "asked already"),
        (naming("U2", "gone"), REASSIGN_TO, "cannot be asked"),
        (naming("U3", "guest"), REASSIGN_TO, "cannot be asked"),
        (naming("U4", "bot"), REASSIGN_TO, "cannot be asked"),
        (naming("U5", "outsider"), REASSIGN_TO, "cannot be asked"),
        (naming("U7", "the holder"), REASSIGN_TO, "cannot be asked"),
        (naming("U99", "nobody"), REASSIGN_TO, "cannot be asked"),
    ];
    for (values, block, text) in cases {
        let (status, body) = house.send(house.slack.submit(&view, values)).await;
        let said = error(&body);
        assert!(status == 200 && said.0 == block && said.1.contains(text), "{text}: {body}");
    }
    assert_eq!(house.slack.open_views().len(), 1);
    for email in ["gone@example.com", "guest@example.com", "bot@example.com", "outsider@example.org"] {
        assert_eq!(house.gate.people().find(&email.parse().unwrap()).await.unwrap(), None, "{email} is not added");
    }
    assert_eq!(house.request(id).await.approval.active().count(), 1);
}

/// Ana is known twice: by the address of her account, and by her Slack user, as an operator.
#[tokio::test]
async fn a_holder_whom_the_gate_knows_twice_is_still_the_holder() {
    let house = House::new().await;
    house.colleagues();
    house.gate.appoint(&["slack:T1/U7".parse().unwrap()]).await.unwrap();
    let (id, card) = house.ask().await;
    house.click(&card, "reassign", id, "U1").await;
    let view = house.modal().await;
    let (_, body) = house.send(house.slack.submit(&view, naming("U7", "she knows best"))).await;
    assert!(error(&body).1.contains("cannot be asked"), "{body}");
    assert_eq!(house.request(id).await.approval.active().count(), 1);
}

#[tokio::test]
async fn under_a_strict_policy_somebody_new_is_known_by_the_slack_user() {
    let house = House::under(&[("strict_identity", "true"), ("keep_reason", "off"), ("keep_for", "365d")]).await;
    house.colleagues();
    house.gate.appoint(&["slack:T1/U1".parse().unwrap()]).await.unwrap();
    let (id, card) = house.ask().await;
    assert_eq!(house.click(&card, "reassign", id, "U1").await, 200);
    let view = house.modal().await;
    assert_eq!(house.send(house.slack.submit(&view, naming("U6", "He knows the team"))).await.1, "");
    house.work().await;
    let new = house.slack.wait_for_message("U6", 1).await;
    assert_eq!(house.click(&new, "keep", id, "U6").await, 200);
    assert_eq!(house.request(id).await.approval.verdict.expect("they can answer").decision, Decision::Keep);
}

#[tokio::test]
async fn whoever_was_not_asked_hands_nothing_on_and_adds_nobody() {
    let house = House::new().await;
    house.colleagues();
    let (id, card) = house.ask().await;
    assert_eq!(house.click(&card, "reassign", id, "U6").await, 200);
    house.told("U6", 0).await;
    assert!(house.slack.open_views().is_empty(), "nobody is asked whom who may not");
    house.click(&card, "reassign", id, "U1").await;
    let view = house.modal().await;
    house.slack.user(User::new("U8", "new@example.com"));
    for thief in ["U6", "U7"] {
        let stolen = house.slack.submit(&view, naming("U8", "mine")).with("/user/id", json!(thief));
        assert_eq!(error(&house.send(stolen).await.1).0, REASSIGN_TO, "{thief}");
    }
    let outsider = house.slack.submit(&view, naming("U8", "mine"));
    let outsider = outsider.with("/user/id", json!("U5")).with("/user/team_id", json!("T9"));
    assert_eq!(error(&house.send(outsider).await.1).0, REASSIGN_TO);
    let forged = house.slack.submit(&view, naming("U8", "mine")).with("/view/private_metadata", json!("x"));
    assert_eq!(error(&house.send(forged).await.1).0, REASSIGN_TO);
    assert_eq!(house.gate.people().find(&"new@example.com".parse().unwrap()).await.unwrap(), None);
    house.clock.advance(Duration::from_secs(61));
    let denied = house.denied(3).await;
    assert_eq!(denied.get("slack reassign outsider"), Some(&1), "{denied:?}");
    assert_eq!(denied.get("slack reassign not_asked"), Some(&3), "{denied:?}");
    assert_eq!(house.request(id).await.approval.active().count(), 1);
}

#[tokio::test]
async fn a_holder_hands_their_own_seat_to_nobody() {
    let house = House::under(&[HOLDER_FIRST]).await;
    house.colleagues();
    let id = house.sweep(vec![seat(json!({}))]).await[0];
    house.work().await;
    let card = house.slack.wait_for_message("U7", 1).await;
    let forged = house.slack.click(&card, &format!("why/{id}")).by("U7");
    let forged = forged.with("/actions/0/action_id", json!(format!("reassign/{id}")));
    assert_eq!(house.send(forged).await.0, 200);
    assert!(house.told("U7", 0).await.contains("not asked"));
    assert!(house.slack.open_views().is_empty());
    assert_eq!(house.denied(1).await.get("slack reassign not_asked"), Some(&1));
}

/// The line that says until when an answer is waited for.
fn answer_by(message: &Message) -> &str {
    message.text.lines().find(|line| line.starts_with("Please answer by")).expect("it says until when")
}

#[tokio::test]
async fn whoever_is_asked_beside_somebody_has_no_more_time_than_they() {
    let house = House::under(&[("fallback_approvers", "otto@example.com")]).await;
    house.colleagues();
    let (id, card) = house.ask().await;
    house.clock.advance(Duration::from_secs(5 * 86_400));
    house.pass(3).await;
    let later = house.slack.wait_for_message("U6", 1).await;
    assert_eq!(answer_by(&later), answer_by(&house.now_says(&card)));
    house.click(&later, "approve", id, "U7").await;
    house.told("U7", 0).await;
    house.work().await;
    let drawn_anew = house.now_says(&later);
    assert!(!drawn_anew.edits.is_empty(), "a click of somebody who was not asked draws it anew");
    assert_eq!(answer_by(&drawn_anew), answer_by(&house.now_says(&card)));
}

#[tokio::test]
async fn why_somebody_is_asked_is_told_to_them_and_to_nobody_else() {
    let house = House::new().await;
    house.colleagues();
    let (id, card) = house.ask().await;
    assert_eq!(house.click(&card, "why", id, "U1").await, 200);
    let told = house.told("U1", 0).await;
    let version = house.request(id).await.policy_version;
    for fact in ["Ana Ruiz", "named as the holder's manager", "A reminder comes", "further people", "is kept", &version]
    {
        assert!(told.contains(fact), "{fact}: {told}");
    }
    for (user, denial) in [("U6", "not_asked"), ("U7", "not_asked"), ("U5", "outsider")] {
        assert_eq!(house.click(&card, "why", id, user).await, 200);
        assert!(!house.told(user, 0).await.contains("Ana Ruiz"), "{user} {denial}");
    }
    house.clock.advance(Duration::from_secs(61));
    let denied = house.denied(2).await;
    assert_eq!(denied.get("slack why outsider"), Some(&1), "{denied:?}");
    assert!(denied.contains_key("slack why not_asked"), "{denied:?}");
}

#[tokio::test]
async fn a_strict_policy_tells_nobody_why_by_their_address() {
    let house = House::under(&[("strict_identity", "true")]).await;
    let (id, card) = house.ask().await;
    assert_eq!(house.click(&card, "why", id, "U1").await, 200);
    assert!(!house.told("U1", 0).await.contains("Ana Ruiz"));
    assert_eq!(house.denied(1).await.get("slack why weak_identity"), Some(&1));
}

#[tokio::test]
async fn a_row_of_a_digest_has_a_menu() {
    let house = House::under(&[("digest", "1m")]).await;
    house.colleagues();
    let ids = house.sweep((1..=2).map(seat_of).collect()).await;
    house.pass(61).await;
    let card = house.slack.wait_for_message("U1", 1).await;
    let choose = |kind: &str| {
        let menu = format!("more/{}", ids[0]);
        house.slack.click(&card, &menu).choosing(&format!("1:{kind}:{}", ids[0])).by("U1")
    };
    assert_eq!(house.send(choose("why")).await.0, 200);
    assert!(house.told("U1", 0).await.contains("holder1@example.com"));
    assert_eq!(house.send(choose("reassign")).await.0, 200);
    let view = house.modal().await;
    assert_eq!(house.send(house.slack.submit(&view, naming("U6", "He knows the team"))).await.1, "");
    house.pass(61).await;
    let old = house.now_says(&card);
    assert!(!old.controls().contains(&format!("more/{}", ids[0]).as_str()));
    assert!(
        old.controls().contains(&format!("approve/{}", ids[1]).as_str()),
        "the other row stays: {:?}",
        old.controls()
    );
    let handed = house.slack.wait_for_message("U6", 1).await.text;
    assert!(handed.contains("holder1@example.com") && handed.contains("Reason: He knows the team"), "{handed}");
}

/// Who stands in for whom, as tests say.
#[derive(Default)]
struct StandIns(Mutex<Vec<Delegation>>);

impl StandIns {
    fn name(&self, from: PersonRef, to: PersonRef) {
        let id = "dlg_00000000000070008000000000000001".parse().unwrap();
        let always = Period::new(Timestamp::from_micros(0), None);
        self.0.lock().unwrap().push(Delegation::new(id, from, to, always));
    }
}

#[async_trait]
impl Directory for StandIns {
    async fn people(&self, people: &[PersonRef], _now: Timestamp) -> Result<Vec<DirectoryEntry>, StoreError> {
        let entry = |person: &PersonRef| {
            let mut entry = DirectoryEntry::unknown(*person);
            let all = self.0.lock().unwrap();
            entry.delegations.extend(all.iter().filter(|delegation| delegation.from == *person).cloned());
            entry
        };
        Ok(people.iter().map(entry).collect())
    }

    async fn owners(&self, _app: &AppId) -> Result<Vec<PersonRef>, StoreError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_stand_in_hears_for_whom_decides_and_undoes_also_when_the_delegation_is_over() {
    let stand_ins = Arc::new(StandIns::default());
    let house = House::with(&[("grace", "1d")], |builder| builder.directory(stand_ins.clone())).await;
    house.colleagues();
    let person = async |email: &str, name: &str| {
        house.gate.person(Identity::Email(email.parse().unwrap()), Some(name.to_owned())).await.unwrap()
    };
    let (mona, otto) = (person("mona@example.com", "Mona Li").await, person("otto@example.com", "Otto Ng").await);
    stand_ins.name(mona, otto);
    let id = house.sweep(vec![seat(json!({}))]).await[0];
    house.work().await;
    let card = house.slack.wait_for_message("U6", 1).await;
    assert!(card.text.contains("you stand in for somebody"), "{}", card.text);
    assert!(card.text.contains("Mona Li (the manager) has a stand-in."), "{}", card.text);
    assert_eq!(house.click(&card, "approve", id, "U6").await, 200);
    stand_ins.0.lock().unwrap().clear();
    house.work().await;
    let waiting = house.now_says(&card);
    assert_eq!(waiting.controls(), [format!("undo/{id}")]);
    assert_eq!(house.click(&waiting, "undo", id, "U6").await, 200);
    assert_eq!(house.request(id).await.outcome(), Some(Outcome::Withdrawn));
}

#[tokio::test]
async fn an_operator_undoes_on_anybodys_card() {
    let house = House::under(&[("grace", "1d")]).await;
    house.colleagues();
    house.gate.appoint(&["slack:T1/U6".parse().unwrap()]).await.unwrap();
    let (id, card) = house.ask().await;
    assert_eq!(house.click(&card, "approve", id, "U1").await, 200);
    house.work().await;
    let waiting = house.now_says(&card);
    assert_eq!(house.click(&waiting, "undo", id, "U7").await, 200, "the holder was not asked");
    assert!(!house.told("U7", 0).await.is_empty() && house.request(id).await.outcome().is_none());
    assert_eq!(house.click(&waiting, "undo", id, "U6").await, 200);
    assert_eq!(house.request(id).await.outcome(), Some(Outcome::Withdrawn));
}
