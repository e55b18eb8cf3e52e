//! From the start of the process to the first `200` of `/readyz`, and the memory it has taken by then.

use std::path::Path;
use std::time::Instant;

use crate::figure::{Goal, median, sized, tell};
use crate::house::Server;

pub(crate) async fn measure() {
    let (mut first, mut again, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..sized(11, 1) {
        let directory = tempfile::tempdir().unwrap();
        first.push(start(directory.path()).await.0);
        let (took, peak) = start(directory.path()).await;
        again.push(took);
        memory.extend(peak);
    }
    tell("server: from nothing to ready, in an empty directory", median(first), "ms", Goal::AtMost(100.0));
    tell("server: from nothing to ready, started again", median(again), "ms", Goal::AtMost(100.0));
    if !memory.is_empty() {
        tell("server: the most memory held from its start to rest", median(memory), "MB", Goal::AtMost(30.0));
    }
}

/// How many milliseconds it takes, and how many megabytes it held at the most.
async fn start(directory: &Path) -> (f64, Option<f64>) {
    let started = Instant::now();
    let server = Server::start_logging(directory, &[], &directory.join("log"));
    while server.get("/readyz", "").await.0 != 200 {}
    let took = started.elapsed().as_secs_f64() * 1e3;
    let peak = server.peak_memory().map(|kibibytes| kibibytes as f64 * 1024.0 / 1e6);
    assert!(server.stop().success());
    (took, peak)
}
