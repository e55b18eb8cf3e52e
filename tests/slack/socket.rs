//! Socket Mode, against a gate that decides and a Slack that counts, refreshes, goes silent and cuts.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::gate::{Gate, Sweep};
use seatgate_core::id::RequestId;
use seatgate_core::memory::MemoryStore;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{Idempotency, Router, Target};
use seatgate_core::request::Decision;
use seatgate_core::retry::Backoff;
use seatgate_core::testing::{Fault as StoreFault, Faulty, ScriptedDeprovisioner, SeededEntropy};
use seatgate_core::worker::Worker;
use seatgate_slack::card::Renderer;
use seatgate_slack::inbound::SlackApp;
use seatgate_slack::notifier::SlackNotifier;
use seatgate_slack::socket::{SocketError, SocketMeter, SocketMode, SocketOptions};
use seatgate_slack::wording::Wording;
use seatgate_slack::workspace::Workspace;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fake_slack::{APP_TOKEN, FakeSlack, Fault, Gesture, Message, SIGNING_SECRET};
use crate::world::World;

/// More than Slack may be silent.
const LONG: Duration = Duration::from_secs(31);

/// A gate whose people sit in Slack, and Socket Mode in front of it.
struct Desk {
    slack: FakeSlack,
    store: Arc<Faulty<MemoryStore>>,
    gate: Gate,
    worker: Worker,
    mode: SocketMode,
}

/// Socket Mode as it runs.
struct Running {
    stop: oneshot::Sender<()>,
    end: JoinHandle<Result<(), SocketError>>,
}

impl Running {
    async fn stop(self) -> Result<(), SocketError> {
        self.stop.send(()).unwrap();
        self.end.await.unwrap()
    }
}

impl Desk {
    async fn new() -> Self {
        Self::with_token(APP_TOKEN).await
    }

    async fn with_token(token: &str) -> Self {
        let world = World::new().await;
        let reader = world.reader();
        let World { clock, slack, client } = world;
        let memory = Arc::new(MemoryStore::new(clock.clone()));
        let (store, entropy) = (Arc::new(Faulty::new(memory.clone())), Arc::new(SeededEntropy::new(1)));
        let workspace = Workspace::new(client, Renderer::new(Wording::english()), clock.clone());
        let target = Arc::new(ScriptedDeprovisioner::new(Idempotency::Natural));
        let gate = Gate::builder(memory, clock, entropy.clone())
            .requests(store.clone())
            .notifier(Arc::new(SlackNotifier::new(workspace.clone())))
            .router(Router::new().otherwise(Target::new("idp", target)))
            .build()
            .unwrap();
        let app = SlackApp::new(gate.clone(), workspace, SIGNING_SECRET.parse().unwrap()).reading_with(reader);
        let mut options = SocketOptions::default();
        options.backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(20));
        let mode = SocketMode::new(app, token.parse().unwrap(), entropy).options(options);
        Self { slack, store, worker: Worker::new(&gate), gate, mode }
    }

    /// Ana's seat is asked about, and Mona has her card.
    async fn ask(&self) -> (RequestId, Message) {
        let candidate = seatgate_core::testing::World::new(1).candidate();
        let sweep = Sweep::new(Actor::system("scan").unwrap(), Surface::Webhook, vec![Ok(candidate)]);
        let report = self.gate.sweep(sweep).await.unwrap();
        self.worker.run_until_idle().await.unwrap();
        (report.results[0].request_id.unwrap(), self.slack.wait_for_message("U1", 1).await)
    }

    fn run(&self) -> Running {
        let (stop, stopped) = oneshot::channel::<()>();
        let end = tokio::spawn(self.mode.clone().run(async { drop(stopped.await) }));
        Running { stop, end }
    }

    async fn connected(&self) -> Running {
        let running = self.run();
        self.slack.wait_for_sockets(1).await;
        running
    }

    fn approve(&self, card: &Message) -> Gesture {
        let button = card.controls().into_iter().find(|id| id.contains("approve")).unwrap();
        self.slack.click(card, button).by("U1")
    }

    async fn decision(&self, request: RequestId) -> Option<Decision> {
        self.gate.request(request).await.unwrap().approval.verdict.map(|verdict| verdict.decision)
    }

    /// Waits for what no change of Slack's announces.
    async fn until(&self, what: &str, holds: impl Fn(&SocketMeter) -> bool) {
        let met = async {
            while !holds(&self.mode.meter()) {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), met).await;
        assert!(in_time.is_ok(), "waited in vain until {what}: {:?}", self.mode.meter());
    }
}

/// Time goes by at once. Real connections are not for a clock that stands still, hence only for this moment.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_click_decides_before_it_is_acknowledged() {
    let desk = Desk::new().await;
    let (request, card) = desk.ask().await;
    let running = desk.connected().await;
    let answer = desk.slack.over_socket().send(desk.approve(&card)).await;
    assert_eq!(desk.decision(request).await, Some(Decision::Approve));
    assert_eq!(answer.body, "", "a click's acknowledgement says nothing");
    desk.worker.run_until_idle().await.unwrap();
    let shown = desk.slack.wait_for_edit(&card, 1).await;
    assert!(shown.controls().is_empty(), "{:?}", shown.text);
    running.stop().await.unwrap();
    assert!(desk.slack.wait_for_end(0).await, "we said goodbye");
    let meter = desk.mode.meter();
    assert_eq!((meter.live, meter.opened, meter.acknowledged, meter.unacknowledged), (0, 1, 1, 0));
}

#[tokio::test]
async fn modals_commands_and_events_come_as_over_the_routes() {
    let desk = Desk::new().await;
    let (request, card) = desk.ask().await;
    let running = desk.connected().await;
    let socket = desk.slack.over_socket();
    let list = socket.send(desk.slack.command("/seatgate", "list").by("U1")).await;
    assert!(list.body.contains("ana@example.com") || list.body.contains("Ana Ruiz"), "{}", list.body);

    socket.send(desk.slack.event(json!({"type": "app_home_opened", "tab": "home"})).by("U1")).await;
    desk.slack.wait_for("the home tab", |state| state.homes.get("U1").cloned()).await;

    let keep = card.controls().into_iter().find(|id| id.contains("keep")).unwrap();
    socket.send(desk.slack.click(&card, keep).by("U1")).await;
    let view = desk.slack.wait_for("the modal", |state| state.views.first().cloned()).await;
    let refused = socket.send(desk.slack.submit(&view, json!({}))).await;
    assert!(refused.body.contains(r#""response_action":"errors""#), "a reason is needed: {}", refused.body);
    assert_eq!((desk.decision(request).await, desk.slack.open_views().len()), (None, 1));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_not_kept_is_not_acknowledged_and_the_next_click_works() {
    let desk = Desk::new().await;
    let (request, card) = desk.ask().await;
    let running = desk.connected().await;
    desk.store.fail_next(StoreFault::Before);
    let failed = desk.slack.over_socket().deliver(&desk.approve(&card));
    desk.until("the click has failed", |meter| meter.unacknowledged == 1).await;
    assert_eq!(desk.decision(request).await, None);
    desk.slack.over_socket().send(desk.approve(&card)).await;
    assert_eq!(desk.decision(request).await, Some(Decision::Approve));
    assert!(!desk.slack.acknowledged().contains(&failed));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_malformed_is_not_acknowledged_and_what_is_unknown_is() {
    let desk = Desk::new().await;
    let running = desk.connected().await;
    let socket = desk.slack.over_socket();
    socket.say(&json!({"type": "interactive", "envelope_id": "bad", "payload": {"type": "block_actions"}}));
    socket.say(&json!(["no", "envelope"]));
    socket.say(&json!({"type": "new_thing", "envelope_id": "new", "payload": {}}));
    desk.slack.wait_for_ack("new").await;
    desk.until("the bad one was read", |meter| meter.unacknowledged == 1).await;
    assert_eq!(desk.slack.acknowledged(), ["new"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_new_connection_is_up_before_the_old_one_closes() {
    for reason in ["refresh_requested", "warning"] {
        let desk = Desk::new().await;
        let (request, card) = desk.ask().await;
        let running = desk.connected().await;
        desk.slack.over(0).disconnect(reason);
        desk.slack.wait_for_sockets(2).await;
        assert!(desk.slack.with(|state| state.sockets.iter().all(|socket| socket.is_open)), "both are up");
        let last = desk.slack.over(0).deliver(&desk.approve(&card));
        assert_eq!(desk.slack.wait_for_ack(&last).await.connection, 0, "the old one still works");
        assert_eq!(desk.decision(request).await, Some(Decision::Approve));
        desk.slack.over(0).close();
        desk.slack.wait_for_end(0).await;
        desk.slack.over(1).send(desk.slack.command("/seatgate", "help").by("U1")).await;
        let meter = desk.mode.meter();
        assert_eq!((meter.live, meter.opened, meter.lost, meter.surplus), (1, 2, 0, 0), "{reason}");
        running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn silence_ends_a_connection_and_pings_keep_it() {
    let desk = Desk::new().await;
    let running = desk.connected().await;
    for _ in 0..3 {
        pass(LONG * 2 / 3).await;
        desk.slack.over(0).ping().await;
    }
    assert_eq!(desk.mode.meter().opened, 1, "who pings is there");
    // The one that goes silent is still counted when the next one is greeted.
    desk.slack.with(|state| state.strangers = 1);
    pass(LONG).await;
    desk.slack.wait_for_sockets(2).await;
    desk.until("the new one is up", |meter| meter.opened == 2).await;
    desk.slack.over(1).send(desk.slack.command("/seatgate", "help").by("U1")).await;
    let meter = desk.mode.meter();
    assert_eq!((meter.lost, meter.surplus), (1, 0), "what was lost is no alarm, though Slack still counts it");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_cut_connection_is_replaced_and_what_was_begun_is_finished() {
    let desk = Desk::new().await;
    let (request, card) = desk.ask().await;
    let running = desk.connected().await;
    let begun = desk.slack.over(0).deliver(&desk.approve(&card));
    desk.slack.wait_for("the click is being worked", |state| called(state, "auth.test")).await;
    desk.slack.over(0).cut();
    desk.until("it was worked", |meter| meter.unacknowledged == 1).await;
    assert_eq!(desk.decision(request).await, Some(Decision::Approve));
    assert!(!desk.slack.acknowledged().contains(&begun));
    desk.slack.wait_for_sockets(2).await;
    desk.slack.over(1).send(desk.approve(&card)).await;
    running.stop().await.unwrap();
}

fn called(state: &crate::fake_slack::State, method: &str) -> Option<()> {
    state.calls.iter().any(|call| call.method == method).then_some(())
}

#[tokio::test]
async fn told_to_stop_it_acknowledges_what_was_begun() {
    let desk = Desk::new().await;
    let (request, card) = desk.ask().await;
    let running = desk.connected().await;
    let begun = desk.slack.over(0).deliver(&desk.approve(&card));
    desk.slack.wait_for("the click is being worked", |state| called(state, "auth.test")).await;
    assert!(desk.slack.acknowledged().is_empty());
    running.stop().await.unwrap();
    assert_eq!(desk.decision(request).await, Some(Decision::Approve));
    desk.slack.wait_for_ack(&begun).await;
    assert!(desk.slack.wait_for_end(0).await, "closed by us, as one should");
}

#[tokio::test]
async fn an_open_that_fails_is_tried_again() {
    let desk = Desk::new().await;
    for fault in [Fault::StatusBefore(502), Fault::Error("internal_error"), Fault::ResetBefore] {
        desk.slack.fault("apps.connections.open", fault);
    }
    desk.slack.fault("apps.connections.open", Fault::BodyAfter(r#"{"ok":true,"url":"wss://127.0.0.1:1/"}"#.to_owned()));
    desk.slack.fault("apps.connections.open", Fault::BodyAfter(r#"{"ok":true,"url":"ftp://127.0.0.1/"}"#.to_owned()));
    let no_tls = desk.slack.api_url().replacen("http", "wss", 1);
    desk.slack.fault("apps.connections.open", Fault::BodyAfter(json!({"ok": true, "url": no_tls}).to_string()));
    let running = desk.connected().await;
    desk.until("it is up", |meter| meter.opened == 1).await;
    assert_eq!((desk.mode.meter().failed, desk.slack.calls("apps.connections.open")), (6, 7));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_address_that_says_nothing_is_given_up() {
    let desk = Desk::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = json!({"ok": true, "url": format!("ws://{}/", listener.local_addr().unwrap())});
    desk.slack.fault("apps.connections.open", Fault::BodyAfter(silent.to_string()));
    let running = desk.run();
    let (_open, _) = listener.accept().await.unwrap();
    pass(Duration::from_secs(11)).await;
    desk.slack.wait_for_sockets(1).await;
    assert_eq!(desk.mode.meter().failed, 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_wrong_token_ends_with_a_clear_error() {
    let desk = Desk::with_token("xapp-1-A1-other").await;
    let error = desk.run().end.await.unwrap().unwrap_err();
    assert!(matches!(&error, SocketError::Refused(cause) if cause.name() == "invalid_auth"), "{error:?}");
    assert!(error.to_string().contains("connections:write"));
    assert!(!format!("{error} {error:?} {:?}", desk.mode).contains("xapp-"));
    assert_eq!(desk.slack.calls("apps.connections.open"), 1, "asking again would not help");
}

#[tokio::test]
async fn socket_mode_switched_off_ends_with_a_clear_error() {
    let desk = Desk::new().await;
    let running = desk.connected().await;
    desk.slack.over_socket().disconnect("link_disabled");
    let error = running.end.await.unwrap().unwrap_err();
    assert!(matches!(error, SocketError::Disabled), "{error:?}");
}

#[tokio::test]
async fn more_connections_than_ours_raise_an_alarm() {
    let desk = Desk::new().await;
    desk.slack.with(|state| state.strangers = 1);
    let running = desk.connected().await;
    desk.until("the alarm", |meter| meter.surplus == 1).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_too_much_at_a_time_is_not_acknowledged() {
    let mut desk = Desk::new().await;
    let mut options = SocketOptions::default();
    options.in_flight = 1;
    desk.mode = desk.mode.options(options);
    let (request, card) = desk.ask().await;
    let running = desk.connected().await;
    desk.slack.fault("auth.test", Fault::SilentBefore);
    desk.slack.over(0).deliver(&desk.approve(&card));
    desk.slack.wait_for("the first is being worked", |state| called(state, "auth.test")).await;
    desk.slack.over(0).deliver(&desk.approve(&card));
    desk.until("the second is turned away", |meter| meter.turned_away == 1).await;
    pass(Duration::from_secs(3)).await;
    desk.until("the first was given up", |meter| meter.unacknowledged == 1).await;
    assert_eq!((desk.decision(request).await, desk.slack.acknowledged().len()), (None, 0));
    desk.slack.over(0).send(desk.approve(&card)).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_frame_beyond_all_measure_ends_the_connection() {
    let desk = Desk::new().await;
    let running = desk.connected().await;
    desk.slack.over(0).say(&json!({"type": "hello", "filler": "x".repeat(1024 * 1024)}));
    desk.slack.wait_for_sockets(2).await;
    running.stop().await.unwrap();
}
