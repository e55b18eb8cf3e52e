//! What the histories of a world have come to, so that no check is about nothing. It is beside the states and tells none
//! of them apart.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use seatgate_core::request::{CommandKind, EventKind};

use super::state::Race;

/// What has happened in some history.
#[derive(Debug, Default)]
pub(crate) struct Coverage(Mutex<Seen>);

/// The kinds of things that were seen.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// Commands that were accepted and kept.
    pub(crate) commands: BTreeSet<CommandKind>,
    pub(crate) events: BTreeSet<EventKind>,
    pub(crate) races: BTreeSet<Race>,
}

impl Coverage {
    fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn keep(&self, command: CommandKind, events: impl Iterator<Item = EventKind>) {
        self.with(|seen| {
            seen.commands.insert(command);
            seen.events.extend(events);
        });
    }

    pub(crate) fn race(&self, race: Race) {
        self.with(|seen| seen.races.insert(race));
    }

    pub(crate) fn seen(&self) -> Seen {
        self.with(|seen| seen.clone())
    }
}
