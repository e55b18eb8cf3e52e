//! Offboardings in Slack: the command, the modal, the message of a run, its buttons, and who may press them.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::gate::{Ask, GateBuilder, Submission};
use seatgate_core::id::{RequestId, TaskId};
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::playbook::Playbooks;
use seatgate_core::port::{EffectError, Idempotency, OffboardingFilter, Router, Target};
use seatgate_core::request::{Outcome, Request, Resolution, StateLabel, TaskStatus};
use seatgate_core::testing::{ScriptedDeprovisioner, Step};
use seatgate_core::trail::Stream;
use seatgate_slack::card::{ANSWER_REASON, OFFBOARD_REASON};
use serde_json::{Value, json};

use crate::fake_slack::{Fault, Message, User, View};
use crate::house::House;
use crate::world::World;

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
    store: Arc<MemoryStore>,
    tables: Playbooks,
    router: Router,
}

/// Mona (`U1`) and Otto (`U6`) operate seatgate, Ana (`U7`) leaves, Ben (`U8`) wipes laptops, Cy (`U9`) is a colleague.
async fn office(tables: Value) -> Office {
    office_with(tables, Idempotency::Natural).await
}

async fn office_with(tables: Value, figmas: Idempotency) -> Office {
    office_of(tables, None, figmas).await
}

/// One where this playbook is meant when none is named.
async fn office_by(tables: Value, default: Option<&str>) -> Office {
    office_of(tables, default, Idempotency::Natural).await
}

async fn office_of(tables: Value, default: Option<&str>, figmas: Idempotency) -> Office {
    let idle = || Arc::new(ScriptedDeprovisioner::new(Idempotency::Natural));
    let figma = Arc::new(ScriptedDeprovisioner::new(figmas));
    let targets = [("okta", idle()), ("figma", figma.clone()), ("vpn", idle())];
    let names = targets.iter().map(|(name, _)| (*name).to_owned()).collect();
    let router = targets
        .into_iter()
        .fold(Router::new(), |router, (name, target)| router.route(name.parse().unwrap(), Target::new(name, target)));
    let tables = Playbooks::read(tables.as_object().unwrap(), default, &names).unwrap();
    let world = World::patient(Duration::from_secs(2)).await;
    let store = Arc::new(MemoryStore::new(world.clock.clone()));
    let wiring = wired(router.clone(), tables.clone());
    let house = House::built(1, store.clone(), world, &[], |builder, _, _| wiring(builder)).await;
    for (id, email) in [("U6", "otto"), ("U7", "ana"), ("U8", "ben"), ("U9", "cy")] {
        house.slack.user(User::new(id, &format!("{email}@example.com")));
    }
    let office = Office { house, figma, store, tables, router };
    office.operators(&["mona@example.com", "otto@example.com"]).await;
    office
}

fn wired(router: Router, tables: Playbooks) -> impl FnOnce(GateBuilder) -> GateBuilder {
    |builder| builder.router(router).playbooks(tables).channel(Some("C1".parse().unwrap()))
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
    /// Another process over the same store, in front of the same Slack.
    async fn again(&self) -> House {
        let world = World::beside(self.house.slack.clone(), self.house.clock.clone(), Duration::from_secs(2));
        let wired = wired(self.router.clone(), self.tables.clone());
        House::built(2, self.store.clone(), world, &[], |builder, _, _| wired(builder)).await
    }

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

    /// Presses, and answers the modal that opens.
    async fn answer(&self, message: &Message, action: &str, user: &str, said: Value) {
        let opened = self.house.slack.open_views().len();
        assert_eq!(self.press(message, action, user).await, 200, "{action}");
        let view = self.house.slack.wait_for("the modal", |state| state.views.get(opened).cloned()).await;
        assert_eq!(self.house.send(self.house.slack.submit(&view, said)).await, (200, json!("")), "{action}");
    }

    /// What is told in the thread of the run, oldest first.
    fn thread(&self, run: &Message) -> Vec<String> {
        let messages = self.house.slack.messages_in(&run.channel).into_iter();
        messages.filter(|message| message.thread_ts.as_ref() == Some(&run.ts)).map(|message| message.text).collect()
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
        ("<@U7> leavr", "Say by which playbook: contractor of ours, leaver"),
        ("<@U7> leaverx", "Say by which playbook"),
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
async fn what_names_no_playbook_is_the_reason_and_the_default_one_is_meant() {
    let tables = json!({ "leaver": leaver(), "contractor of ours": leaver() });
    let office = office_by(tables, Some("leaver")).await;
    for (opened, (typed, playbook, reason)) in [
        ("<@U7> moves to Lisbon", "leaver", Some("moves to Lisbon")),
        ("<@U7> leavers party &amp; all", "leaver", Some("leavers party & all")),
        ("ana@example.com contractor of theirs", "leaver", Some("contractor of theirs")),
        ("<@U7> contractor of ours leaver", "contractor of ours", Some("leaver")),
        ("<@U7> leaver", "leaver", None),
        ("<@U7>", "leaver", None),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(office.type_in(typed, "U1").await, (200, json!("")), "{typed}");
        let view = office.house.slack.wait_for("the modal", |state| state.views.get(opened).cloned()).await.view;
        assert!(view.to_string().contains(&format!("by {playbook}")), "{typed}: {view}");
        let blocks = view["blocks"].as_array().unwrap();
        let asked = blocks.iter().find(|block| block["block_id"] == OFFBOARD_REASON).unwrap();
        assert_eq!(asked["element"]["initial_value"].as_str(), reason, "{typed}");
    }
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
    office.answer(&office.now(&run), &format!("done/{wipe}"), "U8", because("no laptop")).await;
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
    office.answer(&live, &stop, "U6", because("she stays")).await;
    office.settle().await;
    assert_eq!(office.request().await.outcome(), Some(Outcome::Stopped));
    let over = office.now(&run);
    assert!(over.controls().is_empty() && over.text.contains("Stopped by otto@example.com"), "{}", over.text);
    assert!(over.text.contains("she stays"), "{}", over.text);
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
        if approves {
            assert_eq!(office.press(&card, &approve, "U6").await, 200);
        } else {
            office.answer(&card, &decline, "U6", because("too early")).await;
        }
        office.settle().await;
        assert!(office.now(&card).controls().is_empty());
        let told = if approves { "Approved by" } else { "Declined by" };
        assert!(office.now(&card).text.contains(told), "{}", office.now(&card).text);
        assert_eq!(office.now(&run).text.contains("too early"), !approves, "{}", office.now(&run).text);
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

#[tokio::test]
async fn the_thread_of_a_run_tells_of_each_task_once_whoever_goes_on_with_it() {
    let office = office(json!({ "leaver": leaver() })).await;
    office.figma.then(refuses());
    let (request, run) = office.start().await;
    let (figma, wipe) = (id(&request, "figma"), id(&request, "wipe"));
    let about = |thread: &[String], part: &str| thread.iter().filter(|text| text.contains(part)).count();
    let thread = office.thread(&run);
    assert_eq!((about(&thread, "lock: done"), about(&thread, "Attempts: 1.")), (1, 2), "{thread:?}");
    for part in ["figma: waits for an answer", "refused it for good", "the plan is full"] {
        assert_eq!(about(&thread, part), 1, "{part}: {thread:?}");
    }
    office.answer(&office.now(&run), &format!("skip/{figma}"), "U6", because("no seat there")).await;
    office.settle().await;
    let thread = office.thread(&run);
    assert!(thread.last().unwrap().contains("Left out by otto@example.com."), "{thread:?}");
    assert!(thread.last().unwrap().contains("no seat there"), "{thread:?}");
    office.answer(&office.now(&run), &format!("done/{wipe}"), "U8", because("in the safe")).await;
    office.settle().await;
    let thread = office.thread(&run);
    for part in ["Said to be done by ben@example.com.", "Note: in the safe", "Done: 2 of 3"] {
        assert_eq!(about(&thread, part), 1, "{part}: {thread:?}");
    }
    assert!(thread.last().unwrap().contains("Over; not every task is done."), "the summary comes last: {thread:?}");
    // Another process over the same store has nothing to add, and has no buttons to take away.
    let told = office.house.slack.messages().len();
    let other = office.again().await;
    other.pass(5).await;
    assert_eq!(office.house.slack.messages().len(), told);
}

#[tokio::test]
async fn a_pause_that_was_answered_before_it_was_told_is_told_with_its_end() {
    let office = office(json!({"leaver": {"tasks": [{"name": "figma", "target": "figma"}]}})).await;
    office.figma.then(refuses());
    office.type_in("<@U7>", "U1").await;
    let view = office.modal().await;
    office.house.send(office.house.slack.submit(&view, ticking(&[]))).await;
    // The channel is slow: the run's message has not arrived when somebody answers in the inbox.
    office.house.slack.fault_in("chat.postMessage", "C1", Fault::RateLimited { seconds: 30 });
    office.house.work().await;
    let request = office.request().await;
    let by = Submission::new(Actor::Person(office.house.person("mona@example.com").await), Surface::Inbox);
    let retry = Ask::Resolve { task: id(&request, "figma"), pause: None, resolution: Resolution::Retry };
    office.house.gate.act(request.id, retry, None, &by).await.unwrap();
    office.house.pass(60).await;
    let run = office.house.slack.wait_for_message("C1", 1).await;
    let thread = office.thread(&run);
    assert!(thread.iter().all(|text| !text.contains("waits for an answer")), "{thread:?}");
    let told = thread.iter().filter(|text| text.contains("figma: done") && text.contains("Attempts: 2.")).count();
    assert_eq!((told, thread.len()), (1, 2), "and the summary: {thread:?}");
}

#[tokio::test]
async fn whoever_does_a_task_by_hand_is_asked_in_a_message_that_stays_true() {
    for ends in ["done", "stop"] {
        let office = office(json!({ "leaver": leaver() })).await;
        let (request, run) = office.start().await;
        let done = format!("done/{}", id(&request, "wipe"));
        let errand = office.house.slack.wait_for_message("U8", 1).await;
        for part in ["wipe", "Please do this by hand", "by leaver"] {
            assert!(errand.text.contains(part), "{part}: {}", errand.text);
        }
        let all = |message: &Message| format!("{} {}", message.text, Value::from(message.blocks.clone()));
        assert!(!all(&errand).contains("Lisbon"), "why she leaves is for operators: {}", errand.text);
        assert_eq!(errand.controls(), [done.as_str()]);
        assert_eq!(office.press(&errand, &done, "U9").await, 200, "somebody else");
        assert!(office.house.told("U9", 0).await.contains("Only operators"), "whom the gate does not know");
        if ends == "done" {
            office.answer(&errand, &done, "U8", because("in the safe")).await;
        } else {
            office.answer(&office.now(&run), &format!("stop/{}", request.id), "U1", because("she stays")).await;
        }
        office.settle().await;
        let over = office.now(&errand);
        assert!(over.controls().is_empty() && over.text.contains("Nothing left for you to do"), "{}", over.text);
        let told = if ends == "done" { "Note: in the safe" } else { "Stopped by mona@example.com" };
        assert!(over.text.contains(told) && !all(&over).contains("she stays"), "{}", over.text);
        assert_eq!(office.press(&errand, &done, "U8").await, 200, "the old button");
        assert!(!office.house.told("U8", 0).await.is_empty());
        assert_eq!(office.house.slack.messages_in("U8").len(), 1);
        let facts = office.house.gate.queries().trail(Stream::Request(request.id)).await.unwrap();
        let resolved: Vec<Value> = facts.iter().map(|entry| serde_json::from_str(&entry.to_json()).unwrap()).collect();
        let resolved: Vec<&Value> = resolved.iter().filter(|entry| entry["kind"] == "resolved").collect();
        let by: Vec<&str> = resolved.iter().filter_map(|entry| entry["data"]["relation"].as_str()).collect();
        assert_eq!(by, if ends == "done" { vec!["assignee"] } else { vec![] });
    }
}

#[tokio::test]
async fn whoever_does_a_task_by_hand_is_reminded_while_they_have_not() {
    let office = office(json!({ "leaver": leaver() })).await;
    let (request, _) = office.start().await;
    let errand = office.house.slack.wait_for_message("U8", 1).await;
    let days = |days: u64| Duration::from_secs(days * 86_400);
    office.house.clock.advance(days(2));
    office.settle().await;
    let reminder = office.house.slack.wait_for_message("U8", 2).await;
    assert_eq!(reminder.thread_ts.as_ref(), Some(&errand.ts));
    assert!(reminder.text.contains("wipe") && reminder.controls().is_empty(), "{}", reminder.text);
    office.answer(&errand, &format!("done/{}", id(&request, "wipe")), "U8", because("done")).await;
    office.house.clock.advance(days(2));
    office.settle().await;
    assert_eq!(office.house.slack.messages_in("U8").len(), 2, "nothing is waited for any more");
}
