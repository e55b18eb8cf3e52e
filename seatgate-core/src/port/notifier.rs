//! Telling people.

use async_trait::async_trait;

use crate::message::Message;
use crate::time::Timestamp;

/// A message that was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Posted {
    /// Where it is, in the notifier's own words: what it needs to update it.
    pub place: String,
    /// What it says, where that is not [`Message::plain_text`]. The trail records a digest of it as what an approver saw.
    pub said: Option<String>,
}

impl Posted {
    /// A message at `place`.
    #[must_use]
    pub fn at(place: impl Into<String>) -> Self {
        Self { place: place.into(), said: None }
    }

    /// One that says this.
    #[must_use]
    pub fn saying(mut self, text: impl Into<String>) -> Self {
        self.said = Some(text.into());
        self
    }
}

/// Why a message did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// Not sent; ask again then.
    #[error("asked to wait")]
    RetryAt(Option<Timestamp>),
    /// Not sent: this recipient cannot be reached.
    #[error("the recipient cannot be reached")]
    Unreachable,
    /// It may have been sent.
    #[error("no clear answer")]
    Unknown,
    /// Not sent: tokens, scopes or addresses are wrong, and a human must mend them. It is tried again until then.
    #[error("wrongly configured: {0}")]
    Misconfigured(String),
    /// Not sent, and never will be: this one message is refused for what it is.
    #[error("the message is refused: {0}")]
    Refused(String),
}

impl NotifyError {
    /// What it is counted as.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::RetryAt(_) => "wait",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
            Self::Misconfigured(_) => "misconfigured",
            Self::Refused(_) => "refused",
        }
    }
}

/// Shows messages to people.
///
/// # Contract
/// - **NO-1** `Ok` from `post` means that the recipient can see the message.
/// - **NO-2** `update` replaces what `posted` shows, entirely; a message that cannot be changed any more is answered by a
///   new one beside it.
/// - **NO-3** Neither is idempotent: after [`NotifyError::Unknown`] a repeated `post` may show a second copy, and bears
///   [`Message::repeated`].
/// - **NO-5** `find` looks for copies of a card that may have arrived without our knowing. It never posts, and a notifier
///   that cannot look finds nothing.
/// - **NO-4** A message never fails to arrive because of what it says: outside texts are shortened and escaped.
///
/// # Cancel safety
/// Dropping a future leaves it unknown whether the message arrived.
///
/// # Examples
/// ```
/// use async_trait::async_trait;
/// use seatgate_core::message::Message;
/// use seatgate_core::port::{Notifier, NotifyError, Posted};
///
/// struct Terminal;
///
/// #[async_trait]
/// impl Notifier for Terminal {
///     async fn post(&self, message: &Message) -> Result<Posted, NotifyError> {
///         println!("{}", message.plain_text());
///         Ok(Posted::at("terminal"))
///     }
///
///     async fn update(&self, _posted: &Posted, message: &Message) -> Result<Posted, NotifyError> {
///         self.post(message).await
///     }
/// }
/// ```
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Shows a new message.
    ///
    /// # Errors
    /// See [`NotifyError`].
    async fn post(&self, message: &Message) -> Result<Posted, NotifyError>;

    /// Replaces a message.
    ///
    /// # Errors
    /// See [`NotifyError`].
    async fn update(&self, posted: &Posted, message: &Message) -> Result<Posted, NotifyError>;

    /// Looks for copies of a message that may have arrived. What this does by default: finds none.
    ///
    /// # Errors
    /// See [`NotifyError`].
    async fn find(&self, _message: &Message) -> Result<Vec<Posted>, NotifyError> {
        Ok(Vec::new())
    }
}

/// The notifier of a gate whose people look for themselves: everything is in the inbox already, so a post succeeds at
/// once and sends nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct InboxOnly;

#[async_trait]
impl Notifier for InboxOnly {
    async fn post(&self, _message: &Message) -> Result<Posted, NotifyError> {
        Ok(Posted::at("inbox"))
    }

    async fn update(&self, posted: &Posted, _message: &Message) -> Result<Posted, NotifyError> {
        Ok(posted.clone())
    }
}
