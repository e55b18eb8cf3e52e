//! Socket Mode: connections that the app opens, over which people's gestures go out in envelopes.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::state::{self, APP};
use super::{Answer, FakeSlack, Gesture};

/// One connection that the app opened; its number is its place in `State::sockets`.
#[derive(Debug)]
pub struct Connection {
    pub is_open: bool,
    /// Whether the app closed it as one should.
    pub closed_by_app: bool,
    /// What the app answered to pings.
    pub pongs: usize,
    orders: mpsc::UnboundedSender<Order>,
}

/// An envelope that the app acknowledged.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    pub envelope: String,
    pub payload: Option<Value>,
    /// Over which connection.
    pub connection: usize,
}

#[derive(Debug)]
enum Order {
    Say(String),
    Ping,
    Cut,
    Close,
}

/// What goes over one connection.
pub struct OverSocket {
    fake: FakeSlack,
    connection: usize,
}

impl FakeSlack {
    /// Over the newest connection.
    pub fn over_socket(&self) -> OverSocket {
        let newest = self.look(|state| state.sockets.len()).checked_sub(1).expect("the app has connected");
        self.over(newest)
    }

    /// Over the connection with this number.
    pub fn over(&self, connection: usize) -> OverSocket {
        OverSocket { fake: self.clone(), connection }
    }

    /// Waits until the app has opened so many connections, closed ones included.
    pub async fn wait_for_sockets(&self, opened: usize) {
        self.wait_for(&format!("connection {opened}"), |state| (state.sockets.len() >= opened).then_some(())).await;
    }

    /// Waits until the connection is no more; whether the app closed it as one should.
    pub async fn wait_for_end(&self, connection: usize) -> bool {
        let end = |state: &super::State| {
            let socket = state.sockets.get(connection)?;
            (!socket.is_open).then_some(socket.closed_by_app)
        };
        self.wait_for(&format!("the end of connection {connection}"), end).await
    }
}

impl OverSocket {
    /// Sends it and does not wait; the envelope's id.
    pub fn deliver(&self, gesture: &Gesture) -> String {
        let (kind, answerable, payload) = gesture.enveloped();
        let id = self.fake.with(|state| format!("envelope-{}", state.next()));
        let envelope = json!({"envelope_id": id, "type": kind, "accepts_response_payload": answerable,
            "payload": payload});
        self.say(&envelope);
        id
    }

    /// Sends it and waits until it is acknowledged.
    pub async fn send(&self, gesture: Gesture) -> Answer {
        let id = self.deliver(&gesture);
        let acknowledged = self.fake.wait_for_ack(&id).await;
        let body = acknowledged.payload.map(|payload| payload.to_string()).unwrap_or_default();
        let answer = Answer { status: 200, headers: HeaderMap::new(), body };
        gesture.settle(&answer);
        answer
    }

    /// Announces the end of the connection.
    pub fn disconnect(&self, reason: &str) {
        self.say(&json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink"}}));
    }

    /// Sends anything as a text.
    pub fn say(&self, frame: &Value) {
        self.order(Order::Say(frame.to_string()));
    }

    /// Sends a ping, and waits until it is answered.
    pub async fn ping(&self) {
        let pongs = |state: &super::State| state.sockets[self.connection].pongs;
        let before = self.fake.look(pongs);
        self.order(Order::Ping);
        self.fake.wait_for("a pong", |state| (pongs(state) > before).then_some(())).await;
    }

    /// Ends the connection without a word.
    pub fn cut(&self) {
        self.order(Order::Cut);
    }

    /// Ends the connection as one should.
    pub fn close(&self) {
        self.order(Order::Close);
    }

    fn order(&self, order: Order) {
        // Where the connection has ended, it goes nowhere: as in life.
        self.fake.with(|state| drop(state.sockets[self.connection].orders.send(order)));
    }
}

impl FakeSlack {
    /// Waits until this envelope was acknowledged.
    pub async fn wait_for_ack(&self, envelope: &str) -> Acknowledged {
        let find = |state: &super::State| state.acknowledged.iter().find(|ack| ack.envelope == envelope).cloned();
        self.wait_for(&format!("the acknowledgement of {envelope}"), find).await
    }

    /// The envelopes that were acknowledged, in order.
    pub fn acknowledged(&self) -> Vec<String> {
        self.look(|state| state.acknowledged.iter().map(|ack| ack.envelope.clone()).collect())
    }

    /// `apps.connections.open`: an address with a ticket for one connection.
    pub(super) fn open_socket(&self) -> Value {
        let ticket = self.with(|state| {
            let ticket = format!("ticket-{}", state.next());
            state.tickets.insert(ticket.clone());
            ticket
        });
        json!({"url": format!("{}/link/{ticket}", self.origin.replacen("http", "ws", 1))})
    }
}

pub(super) async fn link(
    State(fake): State<FakeSlack>,
    Path(ticket): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if fake.with(|state| state.tickets.remove(&ticket)) {
        upgrade.on_upgrade(move |socket| serve(fake, socket))
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

async fn serve(fake: FakeSlack, mut socket: WebSocket) {
    let (orders, mut ordered) = mpsc::unbounded_channel();
    let (number, counted) = fake.look(|state| {
        let open = state.sockets.iter().filter(|socket| socket.is_open).count();
        (state.sockets.len(), open + 1 + state.strangers)
    });
    let hello = json!({"type": "hello", "num_connections": counted, "connection_info": {"app_id": APP},
        "debug_info": {"host": "applink", "approximate_connection_time": 18060}});
    let greeted = socket.send(Message::text(hello.to_string())).await.is_ok();
    let connection = Connection { is_open: greeted, closed_by_app: false, pongs: 0, orders };
    fake.with(|state| state.sockets.push(connection));
    loop {
        let goes_on = tokio::select! {
            order = ordered.recv() => obey(&mut socket, order.unwrap_or(Order::Cut)).await,
            message = socket.recv() => hear(&fake, number, message),
        };
        if !goes_on {
            break;
        }
    }
    drop(socket);
    fake.with(|state| state.sockets[number].is_open = false);
}

async fn obey(socket: &mut WebSocket, order: Order) -> bool {
    match order {
        Order::Say(text) => socket.send(Message::text(text)).await.is_ok(),
        Order::Ping => socket.send(Message::Ping("Ping from applink".into())).await.is_ok(),
        Order::Close => socket.send(Message::Close(None)).await.is_ok(),
        Order::Cut => false,
    }
}

fn hear(fake: &FakeSlack, number: usize, message: Option<Result<Message, axum::Error>>) -> bool {
    match message {
        Some(Ok(Message::Text(text))) => {
            fake.with(|state| acknowledge(state, number, &serde_json::from_str(&text).expect("JSON")));
            true
        }
        Some(Ok(Message::Pong(_))) => {
            fake.with(|state| state.sockets[number].pongs += 1);
            true
        }
        Some(Ok(Message::Close(_))) => {
            fake.with(|state| state.sockets[number].closed_by_app = true);
            true
        }
        Some(Ok(_)) => true,
        None | Some(Err(_)) => false,
    }
}

fn acknowledge(state: &mut state::State, connection: usize, reply: &Value) {
    let envelope = reply["envelope_id"].as_str().expect("an envelope's id").to_owned();
    state.acknowledged.push(Acknowledged { envelope, payload: reply.get("payload").cloned(), connection });
}
