//! What people do in Slack, answered: clicks, modals, commands, mentions and the home tab.
//!
//! Whatever brings it (the routes for axum, a socket) hands in an [`Inbound`] that was verified before, and
//! passes the [`Ack`] on. A decision is committed before it is acknowledged; everything else follows after.
//!
//! - Who clicked is authorised, never where they clicked; see [`SlackPeople`](crate::people::SlackPeople).
//! - Whoever is refused is told kindly why, and only they; the card that they clicked on is drawn anew, for it was out of
//!   date or a copy that nobody knew of.
//! - Where the store fails the answer is 503 and nothing is said as done: the next click works.

mod ack;
mod admit;
mod answer;
mod carried;
mod click;
mod command;
mod door;
mod event;
mod judge;
mod keep;
mod modal;
mod need;
mod offboard;
mod overview;
mod reassign;
mod resolve;
mod seen;
#[cfg(feature = "socket-mode")]
mod socket;
mod why;

use std::fmt;
use std::sync::Arc;

use seatgate_core::gate::Gate;

pub use ack::{Ack, AckBody, After};
pub use door::Route;

use crate::payload::{CommandName, EventsRequest, Interaction, PayloadReader, SlashCommand};
use crate::verify::SigningSecrets;
use crate::workspace::Workspace;
use seen::SeenEvents;

/// Something that came from Slack: verified and read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Inbound {
    /// A click, or a modal.
    Interaction(Interaction),
    /// A slash command.
    Command(SlashCommand),
    /// An event.
    Event(EventsRequest),
}

/// Answers what people do in Slack. Cheap to clone; all clones are one app.
#[derive(Clone)]
pub struct SlackApp {
    gate: Gate,
    workspace: Workspace,
    /// Nothing where all comes over a socket: then the routes let nobody in.
    secrets: Option<SigningSecrets>,
    reader: PayloadReader,
    seen: Arc<SeenEvents>,
    /// The command that offboardings are started with, where it is not `/offboard`.
    offboard_command: Option<CommandName>,
}

/// The command that offboardings are started with, unless it is said otherwise.
const OFFBOARD: &str = "/offboard";

impl SlackApp {
    /// An app in front of `gate`, for what one of `secrets` signed.
    #[must_use]
    pub fn new(gate: Gate, workspace: Workspace, secrets: SigningSecrets) -> Self {
        Self::with(gate, workspace, Some(secrets))
    }

    fn with(gate: Gate, workspace: Workspace, secrets: Option<SigningSecrets>) -> Self {
        let (reader, seen) = (PayloadReader::new(), Arc::default());
        Self { gate, workspace, secrets, reader, seen, offboard_command: None }
    }

    /// Starts offboardings by this command instead of `/offboard`: as the manifest of the Slack app names it.
    #[must_use]
    pub fn offboarding_by(mut self, command: CommandName) -> Self {
        self.offboard_command = Some(command);
        self
    }

    fn offboards_by(&self, command: &str) -> bool {
        command == self.offboard_command.as_ref().map_or(OFFBOARD, CommandName::as_str)
    }

    /// Reads payloads with this reader.
    #[must_use]
    pub fn reading_with(mut self, reader: PayloadReader) -> Self {
        self.reader = reader;
        self
    }

    /// Answers one thing. What it decides is durable when this returns. The transport passes the [`Ack`] on and runs its
    /// [`After`], if there is one, at once: the right to open a modal lasts three seconds.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether something was decided; the same click again is safe.
    pub async fn handle(&self, inbound: Inbound) -> Ack {
        match inbound {
            Inbound::Interaction(Interaction::Actions(click)) => self.click(click).await,
            Inbound::Interaction(Interaction::Submission(modal)) => self.submit(modal).await,
            Inbound::Interaction(Interaction::Closed(_)) => Ack::ok(),
            Inbound::Interaction(Interaction::Unknown(_)) => self.unknown(),
            Inbound::Command(command) => self.command(command).await,
            Inbound::Event(event) => self.event(event).await,
        }
    }

    /// Taken and counted: Slack would only send it again.
    fn unknown(&self) -> Ack {
        self.workspace.count_unknown();
        Ack::ok()
    }
}

impl fmt::Debug for SlackApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackApp").finish_non_exhaustive()
    }
}
