//! What the simulation sees happen, in order. Invariants judge by it.

use std::sync::Arc;

use seatgate_core::gate::{Ask, SweepReport};
use seatgate_core::id::{CardId, ExceptionId, RequestId, TaskId};
use seatgate_core::message::Message;
use seatgate_core::person::Actor;
use seatgate_core::port::{Change, Exception, NotifyError};
use seatgate_core::request::{Fact, Request};

/// On whose behalf something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct By {
    /// At which server.
    pub server: usize,
    /// In which future.
    pub task: u64,
    /// Since which step that future runs.
    pub since: u64,
}

/// Something that happened.
#[derive(Debug)]
pub enum Seen {
    /// A change was kept, for the first time.
    Committed { change: Arc<Change>, facts: Vec<Fact>, by: By },
    /// An item of the agenda was claimed under this token.
    Claimed { key: String, token: u64 },
    /// A settlement was taken under this token.
    Settled { key: String, token: u64 },
    /// An exception entered the store.
    Filed(Exception),
    /// An exception ended by hand.
    Revoked(ExceptionId),
    /// A removal call was made.
    Called { task: TaskId, key: String, seat: String, by: By },
    /// A seat was looked up.
    LookedUp { task: TaskId, seat: String },
    /// A message was handed to the notifier. Where somebody else has claimed its item since, it is `stale`.
    Told { message: Arc<Message>, place: Option<String>, result: Result<(), NotifyError>, stale: bool },
    /// A card was edited, and is to be shown again.
    Edited(CardId),
    /// Somebody outside heard an answer.
    Heard { answer: Heard, by: By },
    /// The mode of a server is another one.
    ModeIs { server: usize, live: bool, step: u64 },
}

/// What was answered.
#[derive(Debug)]
pub enum Heard {
    /// A delivery, or a release, is done.
    Swept { delivery: Option<String>, report: SweepReport },
    /// It was done.
    Acted { ask: Ask, actor: Actor, after: Box<Request> },
    /// It was refused.
    Refused { request: RequestId },
    /// An exception is filed.
    Filed(Box<Exception>),
}
