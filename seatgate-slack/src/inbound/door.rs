//! The door: raw bytes in, verified before anything of them is read.

use std::time::Duration;

use super::{Ack, Inbound, SlackApp};
use crate::payload::{PayloadError, SlashCommand};
use crate::verify::{RequestHeaders, Verified};

/// Slack waits three seconds. What took longer may be done or not; the same click again is safe.
const ANSWER_WITHIN: Duration = Duration::from_millis(2500);

/// Where something came in. What is read is decided by this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// `POST /slack/interactions`.
    Interactions,
    /// `POST /slack/commands`.
    Commands,
    /// `POST /slack/events`.
    Events,
}

impl Route {
    /// What a refusal at this route is recorded as.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Interactions => "slack_interaction",
            Self::Commands => "slack_command",
            Self::Events => "slack_event",
        }
    }
}

impl SlackApp {
    /// Verifies, reads and answers a request whose body was read under [`BODY_LIMIT`](crate::verify::BODY_LIMIT). Always
    /// answers, and in time.
    ///
    /// # Cancel safety
    /// As for [`SlackApp::handle`].
    pub async fn receive(
        &self,
        route: Route,
        headers: &RequestHeaders<'_>,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Ack {
        // Slack's look at the certificate may come unsigned, and does nothing.
        if route == Route::Commands && SlashCommand::is_ssl_check(content_type, body) {
            return Ack::ok();
        }
        let Some(secrets) = &self.secrets else { return self.turn_away(route, 401, "no_secret") };
        let verified = match secrets.verify(headers, body, self.gate.now()) {
            Ok(verified) => verified,
            Err(error) => return self.turn_away(route, 401, error.label()),
        };
        let Ok(inbound) = self.read(route, content_type, &verified) else {
            return self.turn_away(route, 400, "malformed");
        };
        self.handle_in_time(inbound).await
    }

    /// As [`Self::handle`], and in time.
    pub(super) async fn handle_in_time(&self, inbound: Inbound) -> Ack {
        tokio::time::timeout(ANSWER_WITHIN, self.handle(inbound)).await.unwrap_or_else(|_| Ack::again())
    }

    fn read(&self, route: Route, content_type: Option<&str>, body: &Verified<&[u8]>) -> Result<Inbound, PayloadError> {
        match route {
            Route::Interactions => self.reader.interaction(content_type, body).map(Inbound::Interaction),
            Route::Commands => self.reader.command(content_type, body).map(Inbound::Command),
            Route::Events => self.reader.event(content_type, body).map(Inbound::Event),
        }
    }

    /// An empty answer, at once; that it was refused is recorded after, so that nobody waits for the store.
    pub(crate) fn turn_away(&self, route: Route, status: u16, denial: &'static str) -> Ack {
        let app = self.clone();
        Ack::status(status).then(async move { app.record(route.label(), denial, None).await })
    }
}
