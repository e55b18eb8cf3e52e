//! What the stores make of the disk, beside hand-written SQL that writes the same rows to the same tables on the same
//! disk, in the same run and with the same durability, but checks nothing.
//!
//! `cargo bench -p seatgate-store-sqlx --all-features --bench store -- decision` measures one part, without a name all of
//! them: `decision`, `group`, `candidates`, `agenda`, and with `SEATGATE_LONG` set `growth`. As part of `cargo test` each
//! does very little, to stay in order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a benchmark may stop"
)]

mod agenda;
mod candidates;
#[path = "../../tests/postgres/cluster.rs"]
#[allow(dead_code, reason = "tests restart it as well")]
mod cluster;
mod database;
mod decision;
#[path = "../../../seatgate-core/benches/figure/mod.rs"]
mod figure;
mod group;
mod growth;
mod script;
mod world;

#[tokio::main(worker_threads = 2)]
async fn main() {
    if figure::wants("decision") {
        decision::measure().await;
    }
    if figure::wants("group") {
        group::measure().await;
    }
    if figure::wants("candidates") {
        candidates::measure().await;
    }
    if figure::wants("agenda") {
        agenda::measure().await;
    }
    if figure::wants("growth") {
        growth::measure().await;
    }
}
