//! Running the server, from the first line to the last commit.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use seatgate_core::driver::{self, DriverOptions};
use seatgate_core::worker::Worker;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::{Access, Config, Problems};
use crate::output::say;
use crate::wire::{self, Server};

/// How long open connections may take to end once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a client may take to send the headers of a request.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// Most often there are too many open files: some will be closed soon.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);

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
    let Server { gate, routes, store } = server;
    let (stop_worker, worker_stops) = watch::channel(false);
    let stopped = told(worker_stops);
    let worker = tokio::spawn(driver::run(Worker::new(&gate), DriverOptions::default(), stopped));
    drop(gate);
    accept(listener, routes, stopping).await;
    let _ = stop_worker.send(true);
    if worker.await.is_err() {
        tracing::error!("the worker did not end in order");
    }
    store.close().await;
}

/// Answers calls until `stopping`, and then those that are open.
///
/// `axum::serve` would let a client take for ever to send its headers, so the connections are served by hyper itself.
/// HTTP/1.1 only: what stands in front of a server speaks it, and guessing the version would have no time-out.
async fn accept(listener: TcpListener, routes: Router, stopping: impl Future<Output = ()>) {
    let mut connections = Builder::new(TokioExecutor::new()).http1_only();
    connections.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
    let open = GracefulShutdown::new();
    tokio::pin!(stopping);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let service = TowerToHyperService::new(routes.clone());
                    let connection = connections.serve_connection(TokioIo::new(stream), service).into_owned();
                    // A client that goes away in the middle is not worth a line in the log.
                    tokio::spawn(open.watch(connection));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(AFTER_A_FAILURE).await;
                }
            },
            () = &mut stopping => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, open.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
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
