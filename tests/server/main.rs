//! The example server as its users meet it: a process, its output, its sockets and its files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod configuration;
mod crash;
mod house;
mod main_job;
