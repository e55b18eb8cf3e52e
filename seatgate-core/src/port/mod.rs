//! The ports.
mod clock;
pub use clock::*;
