//! Running the server, from the first line to the last commit.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use seatgate_core::driver::{self, DriverOptions};
use seatgate_core::worker::Worker;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::accept::accept;
use crate::config::{Access, Config, Problems};
use crate::output::say;
use crate::slack;
use crate::wire::{self, Server};

/// Longer than one call to Slack may take. Nothing is decided by what is cut off here: cards are kept true by the agenda.
const FOLLOW_UPS_WITHIN: Duration = Duration::from_secs(20);

/// Serves until SIGTERM or SIGINT; then accepts nothing more, lets everything in flight end, and closes the store.
pub(crate) async fn serve(config: Config) -> Result<(), Problems> {
    let asked = config.listen;
    let cannot = |error: std::io::Error| Problems::of(format!("SEATGATE_LISTEN: {asked}: {error}"));
    let stopping = stop_signal().map_err(cannot)?;
    let listener = TcpListener::bind(asked).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let demo = matches!(config.access, Access::Demo);
    let server = wire::build(config, address).await?;
    greet(address, demo);
    run(server, listener, stopping).await;
    say("seatgate has stopped");
    Ok(())
}

async fn run(server: Server, listener: TcpListener, stopping: impl Future<Output = ()>) {
    let Server { gate, routes, follow_ups, socket, store } = server;
    let (stop_worker, worker_stops) = watch::channel(false);
    let stopped = told(worker_stops);
    let worker = tokio::spawn(driver::run(Worker::new(&gate), DriverOptions::default(), stopped));
    drop(gate);
    let (stop_socket, socket_stops) = watch::channel(false);
    let socket = socket.map(|socket| tokio::spawn(slack::listen(socket, told(socket_stops))));
    accept(listener, routes, stopping).await;
    let _ = stop_socket.send(true);
    if let Some(socket) = socket
        && socket.await.is_err()
    {
        tracing::error!("Socket Mode did not end in order");
    }
    if tokio::time::timeout(FOLLOW_UPS_WITHIN, follow_ups.ended()).await.is_err() {
        tracing::warn!("something that follows an answer to Slack did not end in time");
    }
    let _ = stop_worker.send(true);
    if worker.await.is_err() {
        tracing::error!("the worker did not end in order");
    }
    store.close().await;
}

/// Ready once the other side says so, or is gone.
async fn told(mut word: watch::Receiver<bool>) {
    let _ = word.wait_for(|told| *told).await;
}

fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn greet(address: SocketAddr, demo: bool) {
    say(&format!("seatgate listens on http://{address}"));
    if demo {
        say("This is a demo: nothing is configured, nobody's seat is touched.");
        say(&format!("  1. Open http://{address}/ and send the sample sweep."));
        say("     (Or from another terminal: cargo run --example axum_server -- sweep --sample)");
        say("  2. Pick a person there and approve a removal.");
        say("  3. Watch the removal call arrive here, and read the trail on the request's page.");
    }
}
