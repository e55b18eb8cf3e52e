//! What the built server takes: time to start, memory at rest, and time to acknowledge clicks in Slack, on SQLite and on
//! PostgreSQL on the same machine.
//!
//! `cargo build --release --example axum_server && cargo bench --bench server`; `-- start` or `-- clicks` measures one
//! part. As part of `cargo test` it does very little, to stay in order.

#![allow(dead_code, reason = "the harness of the tests has more than this needs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a benchmark may stop"
)]

mod clicks;
#[path = "../../seatgate-store-sqlx/tests/postgres/cluster.rs"]
#[allow(dead_code, reason = "tests restart it as well")]
mod cluster;
#[path = "../fake_slack/mod.rs"]
mod fake_slack;
#[path = "../../seatgate-core/benches/figure/mod.rs"]
mod figure;
#[path = "../server/house.rs"]
mod house;
mod start;
#[path = "../server/crash/target.rs"]
mod target;

/// What calls of the target are signed with.
const REMOVAL: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::main(worker_threads = 2)]
async fn main() {
    if figure::wants("start") {
        start::measure().await;
    }
    if figure::wants("clicks") {
        clicks::measure().await;
    }
}
