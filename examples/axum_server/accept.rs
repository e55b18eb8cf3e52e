//! Connections: each has its time to ask, and all have their time to end.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

/// How long open connections may take to end once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a client may take to send the headers of a request. For bodies, the routes have a limit of their own.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// Most often there are too many open files: some will be closed soon.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);

/// Answers calls until `stopping`, and then those that are open.
///
/// `axum::serve` would let a client take for ever to send its headers, so the connections are served by hyper itself.
/// HTTP/1.1 only: what stands in front of a server speaks it, and guessing the version would have no time-out.
pub(crate) async fn accept(listener: TcpListener, routes: Router, stopping: impl Future<Output = ()>) {
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
