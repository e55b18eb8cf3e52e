//! Running the server, from the first line to the last commit.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use seatgate_core::driver::{self, DriverOptions};
use seatgate_core::gate::Gate;
use seatgate_core::worker::Worker;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::accept::accept;
use crate::config::{Access, Config, Problems};
use crate::drain::{Leaving, StopSignals};
use crate::output::say;
use crate::slack;
use crate::wire::{self, Server};

/// Longer than one call to Slack may take. Nothing is decided by what is cut off here: cards are kept true by the agenda.
const FOLLOW_UPS_WITHIN: Duration = Duration::from_secs(20);

/// Serves until SIGTERM or SIGINT; then says so on `/readyz` for as long as `SEATGATE_DRAIN` says, accepts nothing more, lets
/// everything in flight end, and closes the store. A second signal ends the first of these.
pub(crate) async fn serve(config: Config) -> Result<(), Problems> {
    let asked = config.listen;
    let cannot = |error: std::io::Error| Problems::of(format!("SEATGATE_LISTEN: {asked}: {error}"));
    let signals = StopSignals::listen().map_err(cannot)?;
    let listener = TcpListener::bind(asked).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let (demo, drain, leaving) = (matches!(config.access, Access::Demo), config.drain, Leaving::default());
    let server = wire::build(config, address, &leaving).await?;
    greet(address, demo);
    run(server, listener, signals.leave(leaving, drain)).await;
    say("seatgate has stopped");
    Ok(())
}

async fn run(server: Server, listener: TcpListener, stopping: impl Future<Output = ()>) {
    let Server { gate, routes, follow_ups, socket, store } = server;
    let (stop_worker, worker_stops) = watch::channel(false);
    let stopped = told(worker_stops);
    let worker = tokio::spawn(driver::run(Worker::new(&gate), driver_options(&gate), stopped));
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

/// A call in flight at the end has all the time that its target has: cut off, nobody would know what became of it.
fn driver_options(gate: &Gate) -> DriverOptions {
    let mut options = DriverOptions::default();
    options.drain = options.drain.max(gate.router().longest_timeout() + Worker::LEASE_MARGIN);
    options
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
