//! The pure core, proved: a readable table for each machine, a named test for each rule, and properties over random
//! histories. `task_table.rs` and `request_table.rs` are meant to be read beside the diagrams of the design.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop, in helpers too"
)]

mod approval_table;
mod asking;
mod authorize_table;
mod canonical;
mod history;
mod leaving;
mod manual_table;
mod offboarding_rights;
mod properties;
mod request_table;
mod route;
mod rules;
mod table;
mod task_table;
mod texts;
mod trail;
mod world;
