//! Leaving without a failed request: whoever stands in front of the server is told before it stops to listen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether the server is about to stop. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Leaving(Arc<AtomicBool>);

impl Leaving {
    pub(crate) fn begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// The routes, whose answers close their connections once it leaves: a connection that is closed while the next
    /// request is on its way would fail that request, and nobody could say whether it was heard.
    pub(crate) fn close_connections(&self, routes: Router) -> Router {
        let leaving = self.clone();
        routes.layer(map_response(move |mut response: Response| {
            if leaving.begun() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            std::future::ready(response)
        }))
    }
}

/// SIGTERM and SIGINT.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Ready when the server is to listen no more: `drain` after the first signal, or at the second.
    pub(crate) async fn leave(mut self, leaving: Leaving, drain: Duration) {
        self.next().await;
        leaving.begin();
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            () = self.next() => {}
        }
    }
}
