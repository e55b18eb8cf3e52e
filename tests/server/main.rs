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
mod asking;
mod browser;
mod bulk;
#[path = "../../seatgate-store-sqlx/tests/postgres/cluster.rs"]
#[allow(dead_code, reason = "the tests of the store restart it as well")]
mod cluster;
mod configuration;
mod contract;
mod crash;
mod database;
#[path = "../fake_slack/mod.rs"]
mod fake_slack;
mod fuzz;
mod hostile;
mod house;
mod leaver_pages;
mod main_job;
mod offboard;
mod operate;
mod people;
mod postgres;
mod pressure;
mod proxy;
mod rolling;
mod slack;
mod volume;
mod webdriver;
