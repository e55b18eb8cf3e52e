//! The Events API.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::who::id;
use super::{Caller, CommandText, Install, PayloadError, TypeName};
use crate::id::{AppId, ChannelId, EventId, MessageTs};

/// What comes to the event route.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "one a request, read at once")]
pub enum EventsRequest {
    /// Slack tests the route: answer with the challenge as plain text.
    UrlVerification {
        /// What to answer.
        challenge: String,
    },
    /// Something happened.
    Callback(EventCallback),
    /// Something else, such as `app_rate_limited`: answer 200, count it.
    Unknown(TypeName),
}

/// One delivery of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventCallback {
    /// The same when it is sent again: a repeated one is dropped.
    pub id: EventId,
    /// Where the app is installed.
    pub install: Install,
    /// Which app.
    pub app: Option<AppId>,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Somebody opened the app's home.
    AppHomeOpened(AppHomeOpened),
    /// Somebody mentioned the app.
    AppMention(AppMention),
    /// Something else: answer 200, count it.
    Unknown(TypeName),
}

/// Somebody opened the app's home.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppHomeOpened {
    /// Who. Slack names only the user here, not the user's workspace.
    pub by: Caller,
    /// `home` or `messages`.
    pub tab: String,
}

/// Somebody mentioned the app.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppMention {
    /// Who; `None` for a bot.
    pub by: Option<Caller>,
    /// Where.
    pub channel: ChannelId,
    /// In which message.
    pub ts: MessageTs,
    /// The thread, where the message is in one.
    pub thread_ts: Option<MessageTs>,
    /// What was said, our own mention included.
    pub text: CommandText,
}

#[derive(Deserialize)]
struct Wire {
    r#type: String,
    challenge: Option<String>,
    event_id: Option<String>,
    team_id: Option<String>,
    enterprise_id: Option<String>,
    api_app_id: Option<String>,
    #[serde(default)]
    authorizations: Vec<WireAuthorization>,
    event: Option<WireEvent>,
}

#[derive(Deserialize)]
struct WireAuthorization {
    #[serde(default)]
    is_enterprise_install: bool,
}

/// Unknown events may use these names for anything, hence [`Loose`].
#[derive(Deserialize)]
struct WireEvent {
    r#type: String,
    user: Option<Loose>,
    user_team: Option<Loose>,
    bot_id: Option<Loose>,
    channel: Option<Loose>,
    ts: Option<Loose>,
    thread_ts: Option<Loose>,
    text: Option<Loose>,
    tab: Option<Loose>,
}

/// A text, or something else that is not looked at.
#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Text(String),
    Other(IgnoredAny),
}

impl EventsRequest {
    pub(super) fn read(json: &[u8]) -> Result<Self, PayloadError> {
        let wire: Wire = serde_json::from_slice(json).map_err(|_| PayloadError::Json)?;
        match wire.r#type.as_str() {
            "url_verification" => {
                let challenge = wire.challenge.ok_or(PayloadError::Missing { field: "challenge" })?;
                Ok(Self::UrlVerification { challenge })
            }
            "event_callback" => wire.callback().map(Self::Callback),
            other => Ok(Self::Unknown(TypeName::read(other))),
        }
    }
}

impl Wire {
    fn callback(self) -> Result<EventCallback, PayloadError> {
        let event = self.event.ok_or(PayloadError::Missing { field: "event" })?;
        Ok(EventCallback {
            id: needed(id(self.event_id, "event_id")?, "event_id")?,
            install: Install {
                team: id(self.team_id, "team_id")?,
                enterprise: id(self.enterprise_id, "enterprise_id")?,
                org_wide: self.authorizations.iter().any(|authorization| authorization.is_enterprise_install),
            },
            app: id(self.api_app_id, "api_app_id")?,
            event: event.read()?,
        })
    }
}

impl WireEvent {
    fn read(self) -> Result<Event, PayloadError> {
        match self.r#type.as_str() {
            "app_home_opened" => self.home().map(Event::AppHomeOpened),
            "app_mention" => self.mention().map(Event::AppMention),
            other => Ok(Event::Unknown(TypeName::read(other))),
        }
    }

    fn home(self) -> Result<AppHomeOpened, PayloadError> {
        let user = needed(id(text(self.user), "event.user")?, "event.user")?;
        let team = id(text(self.user_team), "event.user_team")?;
        Ok(AppHomeOpened { by: Caller { user, team }, tab: text(self.tab).unwrap_or_default() })
    }

    fn mention(self) -> Result<AppMention, PayloadError> {
        let team = id(text(self.user_team), "event.user_team")?;
        let user = id(text(self.user), "event.user")?.filter(|_| self.bot_id.is_none());
        Ok(AppMention {
            by: user.map(|user| Caller { user, team }),
            channel: needed(id(text(self.channel), "event.channel")?, "event.channel")?,
            ts: needed(id(text(self.ts), "event.ts")?, "event.ts")?,
            thread_ts: id(text(self.thread_ts), "event.thread_ts")?,
            text: CommandText::new(&text(self.text).unwrap_or_default()),
        })
    }
}

fn text(loose: Option<Loose>) -> Option<String> {
    match loose? {
        Loose::Text(text) => Some(text),
        Loose::Other(_) => None,
    }
}

fn needed<T>(value: Option<T>, field: &'static str) -> Result<T, PayloadError> {
    value.ok_or(PayloadError::Missing { field })
}
