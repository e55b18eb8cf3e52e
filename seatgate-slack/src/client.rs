//! The Web API: thirteen calls, each with an error that says what to do next.
//!
//! - Nothing is repeated here, and nothing waits: a call that has to wait is not sent and says how long
//!   ([`ErrorKind::RetryAfter`]). The agenda of the core repeats.
//! - `chat.postMessage` has no idempotency: after [`ErrorKind::Unknown`] the message may be there.
//! - Redirects are not followed, proxies in the environment are not used, and time and response bytes are capped.
//! - Each call has its own connection: one kept open could be closed by the other side at the moment it is used again,
//!   and that failure would be ambiguous for nothing.

mod builder;
mod call;
mod chat;
#[cfg(feature = "socket-mode")]
mod connections;
mod conversations;
mod error;
mod meter;
mod pace;
mod profile;
mod token;
mod users;
mod views;
mod whoami;

use std::fmt;

use url::Url;

pub use builder::{SetupError, SlackClientBuilder};
pub use chat::{Ephemeral, Metadata, NewMessage, PostedMessage, Response};
pub use conversations::{Conversation, History, HistoryMessage, HistoryQuery};
pub use error::{ErrorKind, SlackError};
pub use meter::{CallMeter, Standing};
pub use token::{BotToken, TokenError};
pub use users::SlackUser;
pub use views::OpenView;
pub use whoami::Whoami;

use meter::Counter;
use pace::Pace;

/// Calls Slack's Web API in the name of one bot token. Cheap to share by reference or `Arc`.
///
/// The pace is kept by this value: one token should have one client.
pub struct SlackClient {
    http: reqwest::Client,
    /// Ends in `/api/`.
    base: Url,
    token: BotToken,
    pace: Pace,
    counter: Counter,
}

impl fmt::Debug for SlackClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackClient").finish_non_exhaustive()
    }
}
