//! What Slack sends: clicks, modals, commands and events, read from [`Verified`](crate::verify::Verified) bytes.
//!
//! Reading is lenient: only the fields that are used exist here, what is optional at Slack is optional here, and a type
//! that we do not know is kept by its name, to be answered with 200 and counted. `message.blocks` is never read: what a
//! card said is known from our own trail, not from what comes back.
//!
//! The route says what to expect; nothing is guessed from the body. Nothing here says who may do what: a
//! [`Caller`] is whom Slack vouches for, and everything else is judged by the core.

mod command;
mod command_name;
mod error;
mod event;
mod form;
#[cfg(feature = "socket-mode")]
mod from_socket;
mod input;
mod interaction;
mod reader;
mod response_url;
mod text;
mod trigger;
mod type_name;
mod who;

pub use command::SlashCommand;
pub use command_name::{CommandName, CommandNameError};
pub use error::PayloadError;
pub use event::{AppHomeOpened, AppMention, Event, EventCallback, EventsRequest};
#[cfg(feature = "socket-mode")]
pub(crate) use from_socket::FromSocket;
pub use input::{Input, Inputs};
pub use interaction::{Action, BlockActions, Interaction, Place, View, ViewClosed, ViewSubmission};
pub use reader::PayloadReader;
pub use response_url::ResponseUrl;
pub use text::{CommandText, Word};
pub use trigger::TriggerId;
pub use type_name::TypeName;
pub use who::{Caller, Install};

#[cfg(test)]
mod tests;
