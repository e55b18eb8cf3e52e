use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

/// What is done after an answer, or beside it: opening a modal, telling somebody something. It never fails.
pub type After = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What to answer Slack. `Debug` shows nothing of what it says.
pub struct Ack {
    /// The HTTP status: 200, 400 malformed, 401 not authentic, 503 not done and worth another click.
    pub status: u16,
    /// What it says; nothing means an empty body.
    pub body: Option<AckBody>,
    /// What is to be done now. Run it at once, whatever becomes of the answer.
    pub after: Option<After>,
}

/// The body of an answer.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum AckBody {
    /// JSON.
    Json(Value),
    /// Plain text.
    Text(String),
}

impl Ack {
    /// 200 with an empty body.
    pub(crate) fn ok() -> Self {
        Self::status(200)
    }

    /// A status with an empty body.
    pub(crate) fn status(status: u16) -> Self {
        Self { status, body: None, after: None }
    }

    /// It was not done, and the same may work later.
    pub(crate) fn again() -> Self {
        Self::status(503)
    }

    /// 200 with JSON.
    pub(crate) fn json(body: Value) -> Self {
        Self { body: Some(AckBody::Json(body)), ..Self::ok() }
    }

    /// 200 with a plain text.
    pub(crate) fn text(body: String) -> Self {
        Self { body: Some(AckBody::Text(body)), ..Self::ok() }
    }

    /// With something to do after it.
    pub(crate) fn then(mut self, after: impl Future<Output = ()> + Send + 'static) -> Self {
        self.after = Some(Box::pin(after));
        self
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ack").field("status", &self.status).finish_non_exhaustive()
    }
}

impl fmt::Debug for AckBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AckBody([redacted])")
    }
}
