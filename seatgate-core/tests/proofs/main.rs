//! The promises, proved by machine.

#![allow(unreachable_pub, reason = "one binary; its modules share everything")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod simulation;
