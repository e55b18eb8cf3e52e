//! Offboardings in Slack: the command, the modal, the message of a run, its buttons, and who may press them.

use std::sync::Arc;

use seatgate_core::id::{RequestId, TaskId};
use seatgate_core::playbook::Playbooks;
use seatgate_core::port::{EffectError, Idempotency, OffboardingFilter, Router, Target};
use seatgate_core::request::{Outcome, Request, StateLabel, TaskStatus};
use seatgate_core::testing::{ScriptedDeprovisioner, Step};
use seatgate_slack::card::{ANSWER_REASON, OFFBOARD_REASON};
use serde_json::{Value, json};

use crate::fake_slack::{Message, User, View};
use crate::house::House;

/// Okta first, then Figma and the laptop, which somebody wipes by hand; the VPN may be left out.
fn leaver() -> Value {
    json!({"tasks": [
        {"name": "lock", "target": "okta"},
        {"name": "figma", "target": "figma", "needs": ["lock"]},
        {"name": "wipe", "kind": "manual", "assignee": "ben@example.com", "needs": ["lock"]},
        {"name": "vpn", "target": "vpn", "optional": true},
    ]})
}

struct Office {
    house: House,
    figma: Arc<ScriptedDeprovisioner>,
}

/// Mona (`U1`) and Otto (`U6`) operate seatgate, Ana (`U7`) leaves, Ben (`U8`) wipes laptops, Cy (`U9`) is a colleague.
async fn office(tables: Value) -> Office {
    office_with(tables, Idempotency::Natural).await
}

async fn office_with(tables: Value, figmas: Idempotency) -> Office {
    let idle = || Arc::new(ScriptedDeprovisioner::new(Idempotency::Natural));
    let figma = Arc::new(ScriptedDeprovisioner::new(figmas));
    let targets = [("okta", idle()), ("figma", figma.clone()), ("vpn", idle())];
    let names = targets.iter().map(|(name, _)| (*name).to_owned()).collect();
    let router = targets
        .into_iter()
        .fold(Router::new(), |router, (name, target)| router.route(name.parse().unwrap(), Target::new(name, target)));
    let playbooks = Playbooks::read(tables.as_object().unwrap(), None, &names).unwrap();
    let change = |builder: seatgate_core::gate::GateBuilder| {
        builder.router(router).playbooks(playbooks).channel(Some("C1".parse().unwrap()))
    };
    let house = House::with(&[], change).await;
    for (id, email) in [("U6", "otto"), ("U7", "ana"), ("U8", "ben"), ("U9", "cy")] {
        house.slack.user(User::new(id, &format!("{email}@example.com")));
    }
    let office = Office { house, figma };
    office.operators(&["mona@example.com", "otto@example.com"]).await;
    office
}

fn ephemeral(answer: &(u16, Value)) -> &str {
    assert_eq!((answer.0, &answer.1["response_type"]), (200, &json!("ephemeral")), "{answer:?}");
    answer.1["text"].as_str().unwrap()
}

fn error(body: &Value) -> &str {
    assert_eq!(body["response_action"], "errors", "{body}");
    body["errors"].as_object().unwrap().values().next().unwrap().as_str().unwrap()
}

fn because(reason: &str) -> Value {
    json!({ ANSWER_REASON: {ANSWER_REASON: {"type": "plain_text_input", "value": reason}} })
}

/// What the modal is answered: the ticked optional tasks, and a reason.
fn ticking(tasks: &[&str]) -> Value {
    let options: Vec<Value> = tasks.iter().map(|task| json!({ "value": task })).collect();
    json!({
        "offboard_tasks_0": {"offboard_tasks_0": {"type": "checkboxes", "selected_options": options}},
        OFFBOARD_REASON: {OFFBOARD_REASON: {"type": "plain_text_input", "value": "she moves to Lisbon"}},
    })
}

impl Office {
    async fn operators(&self, emails: &[&str]) {
        let identities: Vec<_> = emails.iter().map(|email| email.parse().unwrap()).collect();
        self.house.gate.appoint(&identities).await.unwrap();
    }

    async fn type_in(&self, text: &str, user: &str) -> (u16, Value) {
        self.house.send(self.house.slack.command("/offboard", text).by(user)).await
    }

    /// The modal that the operator has open.
    async fn modal(&self) -> View {
        self.house.slack.wait_for("the modal", |state| state.views.last().cloned()).await
    }

    /// Mona offboards Ana, without the VPN.
    async fn start(&self) -> (Request, Message) {
        assert_eq!(self.type_in("<@U7|ana>", "U1").await, (200, json!("")));
        let view = self.modal().await;
        let answer = self.house.send(self.house.slack.submit(&view, ticking(&[]))).await;
        assert_eq!(answer, (200, json!("")));
        self.settle().await;
        (self.request().await, self.house.slack.wait_for_message("C1", 1).await)
    }

    async fn request(&self) -> Request {
        let rows = self.house.gate.queries().offboardings(&OffboardingFilter::first(1)).await.unwrap();
        self.house.request(rows[0].request).await
    }

    async fn settle(&self) {
        self.house.pass(5).await;
    }

    async fn press(&self, message: &Message, action: &str, user: &str) -> u16 {
        self.house.send(self.house.slack.click(message, action).by(user)).await.0
    }

    async fn status(&self, name: &str) -> TaskStatus {
        let request = self.request().await;
        request.plan.tasks.iter().find(|task| task.name == name).unwrap().state.status()
    }

    fn now(&self, message: &Message) -> Message {
        self.house.now_says(message)
    }
}

fn id(request: &Request, name: &str) -> TaskId {
    request.plan.tasks.iter().find(|task| task.name == name).unwrap().id
}

fn refuses() -> Step {
    Step::fails(EffectError::rejected("the plan is full"))
}

#[tokio::test]
async fn an_operator_sees_what_will_run_and_starts_it() {
    let office = office(json!({ "leaver": leaver() })).await;
    assert_eq!(office.type_in("<@U7|ana> leaver she moves", "U1").await, (200, json!("")));
    let view = office.modal().await;
    let shown = view.view.to_string();
    for part in ["by leaver", "lock: cannot be undone", "wipe (for ben@example.com)", "begin at once", "she moves"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let boxes: Vec<&Value> =
        view.view["blocks"].as_array().unwrap().iter().filter(|b| b["element"]["options"].is_array()).collect();
    assert_eq!(boxes.len(), 1);
    assert_eq!(boxes[0]["element"]["options"].as_array().unwrap().len(), 1, "only the VPN may be left out");
    assert!(office.house.gate.queries().offboardings(&OffboardingFilter::first(1)).await.unwrap().is_empty());
    assert_eq!(office.house.send(office.house.slack.submit(&view, ticking(&["vpn"]))).await, (200, json!("")));
    let names: Vec<String> = office.request().await.plan.tasks.iter().map(|task| task.name.clone()).collect();
    assert_eq!(names, ["lock", "figma", "wipe", "vpn"]);
    assert!(office.house.slack.wait_for_message("U1", 1).await.text.contains("has begun"));
    office.settle().await;
    let run = office.house.slack.wait_for_message("C1", 1).await;
    for part in ["Offboarding of", "she moves to Lisbon", "figma: done", "to be done by hand", "<@U8>"] {
        assert!(run.text.contains(part), "{part}: {}", run.text);
    }
    assert_eq!(office.type_in("ana@example.com", "U6").await.1["text"], "This person is being offboarded already.");
    let again = office.house.send(office.house.slack.submit(&view, ticking(&["vpn"]))).await;
    assert!(again.0 != 200 || error(&again.1).contains("offboarded already"), "{again:?}");
}

#[tokio::test]
async fn what_cannot_start_is_said_at_once_and_only_to_whoever_asked() {
    let office = office(json!({ "leaver": leaver(), "contractor of ours": leaver() })).await;
    for (typed, told) in [
        ("<@U7>", "Say by which playbook: contractor of ours, leaver"),
        ("<@U7> leavr", "no such playbook. There are: contractor of ours, leaver"),
        ("<@U7> leaverx", "no such playbook"),
        ("<@U1> leaver", "your own offboarding"),
        ("mona@example.com leaver", "your own offboarding"),
        ("<@U404> leaver", "does not know this person"),
        ("<@U4> leaver", "does not know this person"),
        ("<@U5> leaver", "does not know this person"),
        ("ana leaver", "`/offboard @person"),
    ] {
        let answer = office.type_in(typed, "U1").await;
        assert!(ephemeral(&answer).contains(told), "{typed}: {answer:?}");
    }
    assert_eq!(office.house.slack.calls("views.open"), 0);
    assert!(office.house.denied(1).await.contains_key("slack offboard own_offboarding"));
    assert_eq!(office.type_in("<@U7> contractor of ours it is over", "U1").await, (200, json!("")));
    let shown = office.modal().await.view.to_string();
    assert!(shown.contains("by contractor of ours") && shown.contains("it is over"), "{shown}");
}

#[tokio::test]
async fn nobody_but_operators_learns_or_starts_anything() {
    let office = office(json!({ "leaver": leaver() })).await;
    for typed in ["<@U7> leaver", "<@U7> nothing", ""] {
        let answer = office.type_in(typed, "U9").await;
        assert_eq!(ephemeral(&answer), "Only operators may do this.", "{typed}");
    }
    assert!(office.house.denied(1).await.contains_key("slack offboard not_operator"));
    let outsider = office.type_in("<@U7> leaver", "U5").await;
    assert!(ephemeral(&outsider).contains("members of this workspace"));
    // A modal that an operator had open is no authority in another's hands.
    office.type_in("<@U7>", "U1").await;
    let view = office.modal().await;
    let submit = || office.house.slack.submit(&view, ticking(&[]));
    let stolen = office.house.send(submit().with("/user/id", json!("U9"))).await;
    assert_eq!(error(&stolen.1), "Only operators may do this.");
    for forged in ["x", "{}", r#"{"v":1,"whom":"","playbook":"leaver"}"#, r#"{"v":2,"whom":"U7","playbook":"leaver"}"#]
    {
        let answer = office.house.send(submit().with("/view/private_metadata", json!(forged))).await;
        assert_eq!(error(&answer.1), "There is nothing like that here.", "{forged}");
    }
    let own = r#"{"v":1,"whom":"U1","playbook":"leaver"}"#;
    let answer = office.house.send(submit().with("/view/private_metadata", json!(own))).await;
    assert!(error(&answer.1).contains("your own offboarding"));
    // An operator who is none any more when they press the button.
    office.operators(&["otto@example.com"]).await;
    assert_eq!(error(&office.house.send(submit()).await.1), "Only operators may do this.");
    assert!(office.house.gate.queries().offboardings(&OffboardingFilter::first(1)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_task_is_retried_and_then_skipped_with_a_reason() {
    let office = office(json!({ "leaver": leaver() })).await;
    office.figma.then(refuses());
    office.figma.then(refuses());
    let (request, run) = office.start().await;
    let (figma, wipe) = (id(&request, "figma"), id(&request, "wipe"));
    let live = office.now(&run);
    let stop = format!("stop/{}", request.id);
    assert_eq!(
        live.controls(),
        [format!("retry/{figma}"), format!("skip/{figma}"), format!("done/{wipe}"), stop.clone()]
    );
    assert!(live.text.contains("the plan is full") && live.text.contains("refused it for good"), "{}", live.text);
    assert_eq!(office.press(&live, &format!("retry/{figma}"), "U1").await, 200);
    assert_eq!(office.press(&live, &format!("retry/{figma}"), "U6").await, 200, "two at once: one is first");
    assert!(office.house.told("U6", 0).await.contains("moved on since"));
    office.settle().await;
    assert_eq!(office.figma.calls().len(), 2);
    // The old copy's button names the first pause.
    assert_eq!(office.press(&live, &format!("skip/{figma}"), "U1").await, 200);
    assert!(office.house.told("U1", 0).await.contains("moved on since"));
    assert_eq!(office.press(&office.now(&run), &format!("skip/{figma}"), "U6").await, 200);
    let view = office.house.slack.wait_for("the modal", |state| state.views.last().cloned()).await;
    assert_eq!(error(&office.house.send(office.house.slack.submit(&view, because(" "))).await.1), "Please say why.");
    assert_eq!(office.status("figma").await, TaskStatus::Paused);
    assert_eq!(office.house.send(office.house.slack.submit(&view, because("no seat there"))).await, (200, json!("")));
    office.settle().await;
    assert_eq!(office.now(&run).controls(), [format!("done/{wipe}"), stop], "the failure is settled");
    assert_eq!(office.press(&office.now(&run), &format!("done/{wipe}"), "U8").await, 200, "who it is for");
    office.settle().await;
    let over = office.now(&run);
    assert!(over.controls().is_empty() && over.text.contains("Done: 2 of 3"), "{}", over.text);
    assert!(over.text.contains("Left out: figma. Reason: no seat there"), "{}", over.text);
    let messages = office.house.slack.messages_in("C1");
    assert_eq!(messages.iter().filter(|told| told.thread_ts.is_none()).count(), 1, "one message a run: {messages:?}");
}

#[tokio::test]
async fn what_may_have_happened_can_be_confirmed() {
    let office = office_with(json!({ "leaver": leaver() }), Idempotency::Unknown).await;
    office.figma.then(Step::fails(EffectError::unknown("no answer")));
    let (request, run) = office.start().await;
    let figma = id(&request, "figma");
    let confirm = format!("confirm/{figma}");
    assert!(office.now(&run).controls().contains(&confirm.as_str()), "{}", office.now(&run).text);
    assert_eq!(office.press(&office.now(&run), &confirm, "U1").await, 200);
    let view = office.house.slack.wait_for("the modal", |state| state.views.last().cloned()).await;
    assert_eq!(office.house.send(office.house.slack.submit(&view, because("I looked"))).await, (200, json!("")));
    assert_eq!(office.status("figma").await, TaskStatus::Done);
}

#[tokio::test]
async fn buttons_of_a_run_are_for_operators_and_the_one_a_task_is_for() {
    let office = office(json!({ "leaver": leaver() })).await;
    office.figma.then(refuses());
    let (request, run) = office.start().await;
    let (figma, wipe) = (id(&request, "figma"), id(&request, "wipe"));
    let live = office.now(&run);
    let [retry, skip] = ["retry", "skip"].map(|kind| format!("{kind}/{figma}"));
    let (done, stop) = (format!("done/{wipe}"), format!("stop/{}", request.id));
    for (told, action) in [&retry, &skip, &done, &stop].into_iter().enumerate() {
        assert_eq!(office.press(&live, action, "U9").await, 200);
        let answer = office.house.told("U9", told).await;
        assert!(answer.contains("Only operators") || answer.contains("somebody else to do"), "{action}: {answer}");
    }
    for (told, action) in [&retry, &done, &stop].into_iter().enumerate() {
        assert_eq!(office.press(&live, action, "U7").await, 200);
        assert!(office.house.told("U7", told).await.contains("your own offboarding"), "{action}");
    }
    assert_eq!(office.press(&live, &retry, "U5").await, 200);
    assert!(office.house.told("U5", 0).await.contains("members of this workspace"));
    // Whoever does one task by hand answers no other.
    assert_eq!(office.press(&live, &retry, "U8").await, 200);
    assert!(office.house.told("U8", 0).await.contains("Only operators"));
    // The card of an operator who is none any more.
    office.operators(&["otto@example.com"]).await;
    for (told, action) in [&retry, &skip, &stop].into_iter().enumerate() {
        assert_eq!(office.press(&live, action, "U1").await, 200);
        assert!(office.house.told("U1", told).await.contains("Only operators"), "{action}");
    }
    assert_eq!(office.house.slack.calls("views.open"), 1, "only the one that started it");
    assert_eq!((office.status("figma").await, office.status("wipe").await), (TaskStatus::Paused, TaskStatus::Ready));
    let denied = office.house.denied(4).await;
    assert!(denied.get("slack resolve not_operator").is_some_and(|count| *count >= 3), "{denied:?}");
    assert!(denied.get("slack stop own_offboarding") == Some(&1), "{denied:?}");
}

#[tokio::test]
async fn a_forged_button_answers_nothing() {
    let office = office(json!({ "leaver": leaver() })).await;
    office.figma.then(refuses());
    let (request, run) = office.start().await;
    let (figma, wipe) = (id(&request, "figma"), id(&request, "wipe"));
    let live = office.now(&run);
    let strange: RequestId = "req_00000000000070008000000000000001".parse().unwrap();
    for (told, (kind, value)) in [
        ("retry", format!("1:{}:{figma}:9", request.id)),
        ("retry", format!("1:{}:{wipe}:0", request.id)),
        ("done", format!("1:{}:{figma}:1", request.id)),
        ("retry", format!("1:{strange}:{figma}:1")),
        ("retry", format!("2:{}:{figma}:1", request.id)),
        ("erase", format!("1:{}:{figma}:1", request.id)),
    ]
    .into_iter()
    .enumerate()
    {
        let click = office.house.slack.click(&live, &format!("retry/{figma}")).by("U1");
        let click = click.with("/actions/0/action_id", json!(format!("{kind}/{figma}")));
        assert_eq!(office.house.send(click.with("/actions/0/value", json!(value))).await.0, 200);
        assert!(!office.house.told("U1", told).await.is_empty(), "{kind} {value}");
        assert_eq!(
            (office.status("figma").await, office.status("wipe").await),
            (TaskStatus::Paused, TaskStatus::Ready)
        );
    }
}

#[tokio::test]
async fn a_run_is_stopped_and_its_message_says_what_was_not_done() {
    let office = office(json!({ "leaver": leaver() })).await;
    office.figma.then(refuses());
    let (request, run) = office.start().await;
    let live = office.now(&run);
    let stop = format!("stop/{}", request.id);
    assert_eq!(office.press(&live, &stop, "U6").await, 200);
    office.settle().await;
    assert_eq!(office.request().await.outcome(), Some(Outcome::Stopped));
    let over = office.now(&run);
    assert!(over.controls().is_empty() && over.text.contains("Stopped."), "{}", over.text);
    assert!(over.text.contains("Not done: figma"), "{}", over.text);
    assert_eq!(office.press(&live, &stop, "U1").await, 200);
    assert!(office.house.told("U1", 0).await.contains("already"), "the old card");
}

#[tokio::test]
async fn a_second_operator_approves_or_declines() {
    for approves in [true, false] {
        let mut playbook = leaver();
        playbook["four_eyes"] = json!(true);
        let office = office(json!({ "leaver": playbook })).await;
        let (request, run) = office.start().await;
        assert!(run.text.contains("Waiting for a second operator") && run.controls().is_empty(), "{}", run.text);
        assert!(office.house.slack.messages_in("U1").iter().all(|told| told.controls().is_empty()), "not whoever asks");
        let card = office.house.slack.wait_for_message("U6", 1).await;
        let [approve, decline, why] = ["approve", "decline", "why"].map(|kind| format!("{kind}/{}", request.id));
        assert_eq!(card.controls(), [approve.clone(), decline.clone(), why]);
        for part in ["she moves to Lisbon", "lock", "figma", "asked for by"] {
            assert!(card.text.contains(part), "{part}: {}", card.text);
        }
        assert_eq!(office.press(&card, &approve, "U1").await, 200, "whoever asked");
        assert!(office.house.told("U1", 0).await.contains("another operator has to approve"));
        assert_eq!(office.press(&card, &approve, "U9").await, 200);
        assert!(office.house.told("U9", 0).await.contains("Only operators"));
        assert_eq!(office.request().await.label(), StateLabel::AwaitingDecision);
        assert_eq!(office.press(&card, if approves { &approve } else { &decline }, "U6").await, 200);
        office.settle().await;
        assert!(office.now(&card).controls().is_empty());
        let told = if approves { "Approved by" } else { "Declined by" };
        assert!(office.now(&card).text.contains(told), "{}", office.now(&card).text);
        assert_eq!(office.request().await.outcome(), if approves { None } else { Some(Outcome::Withdrawn) });
        assert_eq!(office.press(&card, &approve, "U6").await, 200, "an old copy");
        assert!(office.house.told("U6", 0).await.contains(told));
    }
}

#[tokio::test]
async fn nothing_is_answered_while_the_store_is_away() {
    let office = office(json!({ "leaver": leaver() })).await;
    office.figma.then(refuses());
    let (request, run) = office.start().await;
    let retry = format!("retry/{}", id(&request, "figma"));
    office.house.store.fail_next(seatgate_core::testing::Fault::Before);
    assert_eq!(office.press(&office.now(&run), &retry, "U1").await, 503);
    assert_eq!(office.status("figma").await, TaskStatus::Paused);
    assert_eq!(office.press(&office.now(&run), &retry, "U1").await, 200);
}
