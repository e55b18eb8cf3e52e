use std::io;
use std::time::Duration;

use crate::client::{ErrorKind, SlackError};

/// Why Socket Mode ended: an operator must mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Slack refuses the app token, or what it may do.
    #[error("Slack refuses the app token; it needs the scope `connections:write`")]
    Refused(#[source] SlackError),
    /// Socket Mode is switched off in the settings of the Slack app.
    #[error("Socket Mode is switched off in the settings of the Slack app")]
    Disabled,
}

/// Why there is no connection now. No text here holds the address, whose ticket is a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("Slack gave no address to connect to: {0}")]
    Open(SlackError),
    #[error("Slack gave an address that is none for Socket Mode")]
    Address,
    #[error("TLS cannot be set up on this machine: {0}")]
    Tls(rustls::Error),
    #[error("no connection to Slack: {0}")]
    Network(io::Error),
    #[error("Slack did not take the connection")]
    Handshake,
    #[error("the connection was not up in time")]
    TimedOut,
    #[error("Slack did not greet us on the new connection")]
    NotGreeted,
    #[error("Socket Mode is switched off in the settings of the Slack app")]
    Disabled,
}

impl ConnectError {
    /// What no further attempt can mend; else the error again.
    pub(super) fn hopeless(self) -> Result<SocketError, Self> {
        match self {
            Self::Open(error) if error.kind() == ErrorKind::Halt => Ok(SocketError::Refused(error)),
            Self::Disabled => Ok(SocketError::Disabled),
            other => Err(other),
        }
    }

    /// How long Slack asked to wait.
    pub(super) fn asked_to_wait(&self) -> Duration {
        match self {
            Self::Open(error) if !error.is_from_transport() => match error.kind() {
                ErrorKind::RetryAfter(wait) => wait,
                _ => Duration::ZERO,
            },
            _ => Duration::ZERO,
        }
    }
}
