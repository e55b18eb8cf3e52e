use url::Url;

#[cfg(feature = "socket-mode")]
use super::FromSocket;
use super::form::{Form, expect_json};
use super::{EventsRequest, Interaction, PayloadError, SlashCommand};
use crate::verify::Verified;

/// Reads what Slack signed. There is one method a route, and each takes verified bytes only.
#[derive(Debug, Clone, Default)]
pub struct PayloadReader {
    also: Option<Url>,
}

impl PayloadReader {
    /// A reader that takes response URLs of Slack's only.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes response URLs below `base`, too: for tests, where somebody plays Slack.
    #[must_use]
    pub fn also_respond_below(mut self, base: Url) -> Self {
        self.also = Some(base);
        self
    }

    /// What came to the route of interactions: a form with one field `payload`.
    ///
    /// # Errors
    /// When the body is not such a form, or a type that we know lacks something it needs.
    pub fn interaction<B: AsRef<[u8]>>(
        &self,
        content_type: Option<&str>,
        body: &Verified<B>,
    ) -> Result<Interaction, PayloadError> {
        let form = Form::read(content_type, body.bytes())?;
        Interaction::read(form.needed("payload")?, self.also.as_ref())
    }

    /// What came to the route of commands. Ask [`SlashCommand::is_ssl_check`] before.
    ///
    /// # Errors
    /// When the body is no form, or a field that is needed is missing, repeated or malformed.
    pub fn command<B: AsRef<[u8]>>(
        &self,
        content_type: Option<&str>,
        body: &Verified<B>,
    ) -> Result<SlashCommand, PayloadError> {
        SlashCommand::read(&Form::read(content_type, body.bytes())?, self.also.as_ref())
    }

    /// What came to the route of events: JSON.
    ///
    /// # Errors
    /// When the body is not such JSON, or a type that we know lacks something it needs.
    pub fn event<B: AsRef<[u8]>>(
        &self,
        content_type: Option<&str>,
        body: &Verified<B>,
    ) -> Result<EventsRequest, PayloadError> {
        expect_json(content_type)?;
        EventsRequest::read(body.bytes())
    }
}

/// The same over a socket: JSON as it is, without a form around it.
#[cfg(feature = "socket-mode")]
impl PayloadReader {
    pub(crate) fn interaction_from_socket(&self, payload: &FromSocket<'_>) -> Result<Interaction, PayloadError> {
        Interaction::read(payload.json(), self.also.as_ref())
    }

    pub(crate) fn command_from_socket(&self, payload: &FromSocket<'_>) -> Result<SlashCommand, PayloadError> {
        SlashCommand::read(&Form::read_json(payload.json())?, self.also.as_ref())
    }

    pub(crate) fn event_from_socket(&self, payload: &FromSocket<'_>) -> Result<EventsRequest, PayloadError> {
        EventsRequest::read(payload.json().as_bytes())
    }
}
