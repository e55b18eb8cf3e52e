//! The test kit: fakes that behave like the real thing, failures included, and the suites that a store must pass.
//!
//! A store is checked with [`store_conformance!`](crate::store_conformance), which makes one test of each case. Everything
//! else is for tests of what is built on the gate: [`ManualClock`] and [`SeededEntropy`] make a run repeatable, the
//! notifier records, the deprovisioner follows a script, the directory says what it was told, [`Faulty`] breaks a store at
//! a chosen call, and [`Duplicating`] does every write twice; both are made with [`Around`], as stores that watch others can be.

mod around;
mod clock;
pub mod conformance;
mod deprovisioner;
mod directory;
mod duplicating;
mod faulty;
mod notifier;
mod run;
mod world;

pub use around::Around;
pub use clock::ManualClock;
pub use deprovisioner::{Call, ScriptedDeprovisioner, Step};
pub use directory::ScriptedDirectory;
pub use duplicating::Duplicating;
pub use faulty::{Fault, Faulty};
pub use notifier::{RecordingNotifier, Sent};
pub use run::{block_on, join_all};
pub use world::World;

pub use crate::port::SeededEntropy;
