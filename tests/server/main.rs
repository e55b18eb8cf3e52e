//! The example server as its users meet it: a process, its output, its sockets and its files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "the helpers of tests fail as tests do"
)]

#[path = "../../examples/axum_server/accept.rs"]
mod accept;
mod browser;
#[path = "../../seatgate-store-sqlx/tests/postgres/cluster.rs"]
mod cluster;
mod configuration;
mod contract;
mod crash;
mod database;
#[path = "../fake_slack/mod.rs"]
mod fake_slack;
mod hostile;
mod house;
mod main_job;
mod operate;
mod postgres;
mod pressure;
mod proxy;
mod rolling;
mod slack;
mod volume;
mod webdriver;
