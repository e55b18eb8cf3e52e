//! What goes wrong with a call, and whether the request may have arrived.

use std::error::Error;
use std::sync::Arc;

use super::resolver::NoPermittedAddress;

/// The client, or TLS in it, cannot be set up on this machine.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the HTTP client cannot be set up; for https the machine needs CA certificates")]
pub struct GuardError {
    #[source]
    source: Arc<reqwest::Error>,
}

impl GuardError {
    pub(super) fn new(error: reqwest::Error) -> Self {
        Self { source: Arc::new(error.without_url()) }
    }
}

/// Whether a failed call may have had an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutboundErrorKind {
    /// The guard said no, or the call is not valid. Certainly not sent; repeating it will not help.
    Refused,
    /// No connection: refused, no such name, TLS handshake failed, connect time-out. Certainly not sent.
    ///
    /// When the time for the whole call runs out first, that counts as ambiguous: keep it above the connect time-out.
    NotConnected,
    /// The request may have arrived, and what came of it is not known.
    Ambiguous,
}

/// A failed call. Its text holds no part of the URL, of a header or of a body; its sources may name the host.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct OutboundError {
    reason: Reason,
    source: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    #[error("the URL has no host")]
    NoHost,
    #[error("only https is allowed, and http for listed private targets")]
    Scheme,
    #[error("the URL holds a user name or password")]
    Credentials,
    #[error("the address is not public, or never called")]
    Address,
    #[error("a header is not valid, or is the client's own")]
    Header,
    #[error("the call is not valid")]
    Invalid,
    #[error("https is not available here; it needs CA certificates and the feature `rustls`")]
    NoTls,
    #[error("no connection could be made")]
    NotConnected,
    #[error("no complete response in time")]
    TimedOut,
    #[error("the connection broke before the response was complete")]
    Broken,
    #[error("the response is too large")]
    ResponseTooLarge,
}

impl OutboundError {
    /// Whether the request may have arrived.
    #[must_use]
    pub fn kind(&self) -> OutboundErrorKind {
        match self.reason {
            Reason::NoHost | Reason::Scheme | Reason::Credentials | Reason::Address => OutboundErrorKind::Refused,
            Reason::Header | Reason::Invalid | Reason::NoTls => OutboundErrorKind::Refused,
            Reason::NotConnected => OutboundErrorKind::NotConnected,
            Reason::TimedOut | Reason::Broken | Reason::ResponseTooLarge => OutboundErrorKind::Ambiguous,
        }
    }

    pub(super) fn no_tls(problem: GuardError) -> Self {
        Self { reason: Reason::NoTls, source: Some(Box::new(problem)) }
    }

    /// Judges by the types in the chain, and takes whatever it does not know for ambiguous.
    pub(super) fn from_reqwest(error: reqwest::Error) -> Self {
        let reason = match &error {
            e if e.is_builder() => Reason::Invalid,
            e if refused_by_resolver(e) => Reason::Address,
            e if e.is_connect() => Reason::NotConnected,
            e if e.is_timeout() => Reason::TimedOut,
            _ => Reason::Broken,
        };
        Self { reason, source: Some(Box::new(error.without_url())) }
    }

    /// For an error while the response is read, when the request is certainly out.
    pub(super) fn after_sending(error: reqwest::Error) -> Self {
        let reason = if error.is_timeout() { Reason::TimedOut } else { Reason::Broken };
        Self { reason, source: Some(Box::new(error.without_url())) }
    }
}

impl From<Reason> for OutboundError {
    fn from(reason: Reason) -> Self {
        Self { reason, source: None }
    }
}

fn refused_by_resolver(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<NoPermittedAddress>() {
            return true;
        }
        source = cause.source();
    }
    false
}
