//! Telling other programs what has ended.

use async_trait::async_trait;

use crate::gate::Joined;
use crate::port::{NotifyError, OffboardingRow};
use crate::request::Request;
use crate::time::Timestamp;

/// Something that has ended. Holds personal data: never log it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ended {
    /// What names this end, however often it is told.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The request, as it stands when it is told.
    pub request: Request,
    /// The names and texts that it refers to.
    pub joined: Joined,
    /// The task of an offboarding that has ended; without one, the request has.
    pub task: Option<OffboardingRow>,
}

impl Ended {
    /// The end of a request.
    #[must_use]
    pub fn new(id: impl Into<String>, at: Timestamp, request: Request, joined: Joined) -> Self {
        Self { id: id.into(), at, request, joined, task: None }
    }
}

/// Hears of the end of each request, and of each task of an offboarding.
///
/// # Contract
/// - **EV-1** `Ok` means that whoever listens has it for good. After any error the same end is told again, under the same
///   [`Ended::id`]: at least once, in no order.
///
/// # Cancel safety
/// Dropping a future leaves it unknown whether the event arrived: it is told again.
///
/// # Examples
/// ```
/// use async_trait::async_trait;
/// use seatgate_core::port::{Ended, EventSink, NotifyError};
///
/// struct Log;
///
/// #[async_trait]
/// impl EventSink for Log {
///     async fn tell(&self, ended: &Ended) -> Result<(), NotifyError> {
///         println!("{} at {}", ended.id, ended.at);
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Tells one event.
    ///
    /// # Errors
    /// See [`NotifyError`].
    async fn tell(&self, ended: &Ended) -> Result<(), NotifyError>;
}
