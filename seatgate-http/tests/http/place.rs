//! Targets on real sockets, which follow a script.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seatgate_core::port::Target;
use seatgate_core::testing::ManualClock;
use seatgate_http::deprovisioner::{HttpDeprovisioner, WebhookTarget};
use seatgate_http::guard::GuardedClient;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::SECRET;

/// How a target answers a call.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// With this status line, these headers and this body.
    Says(&'static str, &'static str, &'static str),
    /// Never.
    Hangs,
}

pub(crate) use Answer::{Hangs, Says};

pub(crate) const GONE: Answer = Says("200 OK", "", "");

/// A target on a socket. It follows a script, whose last answer is repeated.
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    /// The first line of each call with its idempotency key.
    calls: Arc<Mutex<Vec<(String, String)>>>,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Place {
    pub(crate) async fn answering(script: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (calls, script) = (Arc::<Mutex<Vec<_>>>::default(), script.to_vec());
        let (seen, bodies) = (Arc::clone(&calls), Arc::<Mutex<Vec<_>>>::default());
        let told = Arc::clone(&bodies);
        tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (call, body) = read(&mut stream).await;
                told.lock().unwrap().push(body);
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(call);
                    seen.len()
                };
                match script[number.min(script.len()) - 1] {
                    Says(status, headers, body) => {
                        let length = body.len();
                        let reply = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
                        stream.write_all(reply.as_bytes()).await.unwrap();
                    }
                    Hangs => held.push(stream),
                }
            }
        });
        Self { address, calls, bodies }
    }

    /// A port where nobody listens any more.
    pub(crate) async fn closed() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        Self { address, calls: Arc::default(), bodies: Arc::default() }
    }

    pub(crate) fn calls(&self) -> Vec<(String, String)> {
        self.calls.lock().unwrap().clone()
    }

    /// What each call said.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.bodies.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.calls().len()
    }

    pub(crate) fn target(&self, name: &str, clock: &Arc<ManualClock>, idempotent: bool, timeout: Duration) -> Target {
        let client = GuardedClient::builder().allow_private(self.address.to_string().parse().unwrap()).build().unwrap();
        let url = format!("http://{}/remove", self.address).parse().unwrap();
        let webhook = WebhookTarget::new(url, SECRET.parse().unwrap()).idempotent(idempotent);
        Target::new(name, Arc::new(HttpDeprovisioner::new(client, clock.clone(), webhook))).with_timeout(timeout)
    }
}

async fn read(stream: &mut TcpStream) -> ((String, String), Value) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    let mut body = vec![0; header("content-length: ").parse().unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    let call = (head.lines().next().unwrap().to_owned(), header("idempotency-key: "));
    (call, serde_json::from_slice(&body).unwrap_or_default())
}
