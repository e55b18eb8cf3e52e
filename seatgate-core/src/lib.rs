//! Core.
pub mod id;
pub mod port;
pub mod time;
