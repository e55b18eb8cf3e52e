//! The ports: what the gate asks of the world. One file each; contracts are numbered clauses, and the conformance suites
//! (feature `test-util`) have a case for each.

mod bulk;
mod clock;
mod deprovisioner;
mod directory;
mod error;
mod event_sink;
mod exception_store;
mod notifier;
mod offboardings;
mod people_store;
mod request_queries;
mod request_store;
mod sweep;

pub use bulk::*;
pub use clock::*;
pub use deprovisioner::*;
pub use directory::*;
pub use error::*;
pub use event_sink::*;
pub use exception_store::*;
pub use notifier::*;
pub use offboardings::*;
pub use people_store::*;
pub use request_queries::*;
pub use request_store::*;
pub use sweep::*;
