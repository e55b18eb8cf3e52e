//! The other door: what came over a socket that is authenticated as a whole.

use seatgate_core::gate::Gate;

use super::{Ack, Inbound, Route, SlackApp};
use crate::payload::{FromSocket, PayloadError};
use crate::workspace::Workspace;

impl SlackApp {
    /// An app in front of `gate` that hears people over a socket alone: nothing proves that what comes to the routes is
    /// Slack's, so they refuse everything.
    #[must_use]
    pub fn over_socket(gate: Gate, workspace: Workspace) -> Self {
        Self::with(gate, workspace, None)
    }

    pub(crate) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Reads what `route` would have brought otherwise.
    pub(crate) fn read_from_socket(&self, route: Route, payload: &FromSocket<'_>) -> Result<Inbound, PayloadError> {
        match route {
            Route::Interactions => self.reader.interaction_from_socket(payload).map(Inbound::Interaction),
            Route::Commands => self.reader.command_from_socket(payload).map(Inbound::Command),
            Route::Events => self.reader.event_from_socket(payload).map(Inbound::Event),
        }
    }

    /// Answers what was read, as the route does: always, and in time.
    pub(crate) async fn answer_from_socket(&self, route: Route, inbound: Result<Inbound, PayloadError>) -> Ack {
        match inbound {
            Ok(inbound) => self.handle_in_time(inbound).await,
            Err(_) => self.turn_away(route, 400, "malformed"),
        }
    }
}
