//! What to look at before Slack is relied on: token, scopes, clock, channel and signing secret.
//!
//! [`Doctor::examine`] asks Slack and posts nothing. Each [`Check`] says what was found and what to do about it, in words
//! for whoever set the app up.

mod sample;

use std::fmt;
use std::time::Duration;

use seatgate_core::port::Clock;
use seatgate_core::time::Timestamp;

use crate::client::{ErrorKind, SlackClient, SlackError, Whoami};
use crate::id::ChannelId;
use crate::verify::SigningSecrets;

pub use sample::Sample;

/// Without each of these something does not work. They are those of `manifest.yaml`.
pub const REQUIRED_SCOPES: [&str; 6] =
    ["app_mentions:read", "chat:write", "commands", "im:write", "users:read", "users:read.email"];

/// What reading managers from profiles needs beside those.
const PROFILE_SCOPE: &str = "users.profile:read";

/// What more scopes would be good for.
pub const OPTIONAL_SCOPES: [(&str, &str); 4] = [
    ("im:history", "finds a card again after a lost answer"),
    ("channels:read", "lets doctor look at a public channel"),
    ("groups:read", "lets doctor look at a private channel"),
    (PROFILE_SCOPE, "reads managers from profile fields"),
];

/// Slack's requests are refused at 300 s, so this leaves time to mend it.
const LARGEST_SKEW: Duration = Duration::from_secs(60);

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing to do.
    Ok,
    /// It works, or could not be looked at; the advice says more.
    Warning,
    /// It does not work until somebody follows the advice.
    Missing,
}

impl Verdict {
    /// `ok`, `warning` or `missing`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Missing => "missing",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// One thing that was looked at. Holds no secret and names no person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// What was looked at, such as `slack scopes`.
    pub name: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub finding: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Check {
    /// All is well.
    #[must_use]
    pub fn ok(name: &'static str, finding: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, finding: finding.into(), advice: None }
    }

    /// It works, or could not be looked at.
    #[must_use]
    pub fn warning(name: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warning, finding: finding.into(), advice: Some(advice.into()) }
    }

    /// It does not work.
    #[must_use]
    pub fn missing(name: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Missing, finding: finding.into(), advice: Some(advice.into()) }
    }
}

/// Looks at how Slack is set up.
#[derive(Clone, Copy)]
pub struct Doctor<'a> {
    client: &'a SlackClient,
    clock: &'a dyn Clock,
    secrets: Option<&'a SigningSecrets>,
    channel: Option<&'a ChannelId>,
    reads_profiles: bool,
}

impl fmt::Debug for Doctor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doctor").field("channel", &self.channel).finish_non_exhaustive()
    }
}

impl<'a> Doctor<'a> {
    /// Looks at what `client` may do; `clock` is the one that signatures are judged by. With Socket Mode alone there are no
    /// secrets.
    #[must_use]
    pub fn new(client: &'a SlackClient, clock: &'a dyn Clock, secrets: impl Into<Option<&'a SigningSecrets>>) -> Self {
        Self { client, clock, secrets: secrets.into(), channel: None, reads_profiles: false }
    }

    /// Looks at the reporting channel, too.
    #[must_use]
    pub fn channel(mut self, channel: Option<&'a ChannelId>) -> Self {
        self.channel = channel;
        self
    }

    /// Looks for the scope, too, that reading managers from profiles needs.
    #[must_use]
    pub fn reading_profiles(mut self, reads: bool) -> Self {
        self.reads_profiles = reads;
        self
    }

    /// Looks at everything. What cannot be seen without a valid token is left out where there is none.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn examine(&self) -> Vec<Check> {
        let mut checks = vec![secret_check(self.secrets)];
        match self.client.auth_test().await {
            Err(error) => checks.push(token_problem(&error)),
            Ok(whoami) => {
                checks.push(token_check(&whoami));
                checks.push(self.scopes_check(&whoami.scopes));
                checks.push(optional_scopes_check(&whoami.scopes));
                checks.push(clock_check(whoami.answered_at, self.clock.now()));
                checks.push(self.channel_check().await);
            }
        }
        checks
    }

    fn scopes_check(&self, granted: &[String]) -> Check {
        const NAME: &str = "slack scopes";
        let needed = || REQUIRED_SCOPES.into_iter().chain(self.reads_profiles.then_some(PROFILE_SCOPE));
        let lacking: Vec<&str> = needed().filter(|scope| !has(granted, scope)).collect();
        if granted.is_empty() {
            Check::warning(NAME, "Slack did not say which there are", "compare them with manifest.yaml by hand")
        } else if lacking.is_empty() {
            Check::ok(NAME, format!("all {} that are needed", needed().count()))
        } else {
            let advice = "add them on the app's page OAuth & Permissions, and reinstall the app there";
            Check::missing(NAME, format!("lacks {}", lacking.join(", ")), advice)
        }
    }

    async fn channel_check(&self) -> Check {
        const NAME: &str = "slack channel";
        let Some(channel) = self.channel else {
            let advice = "set SEATGATE_SLACK_CHANNEL to the id of a channel that the bot is in";
            return Check::warning(NAME, "none: candidates that name no channel are reported nowhere", advice);
        };
        let invite = "in that channel, type: /invite @seatgate";
        match self.client.conversations_info(channel).await {
            Ok(found) if found.is_archived => {
                Check::missing(NAME, format!("{channel} is archived"), "unarchive it, or name another one")
            }
            Ok(found) if !found.is_member => {
                Check::missing(NAME, format!("the bot is not a member of {channel}"), invite)
            }
            Ok(found) if found.is_ext_shared => {
                let advice =
                    "people of another organisation read there who keeps which seat: name a channel of your own";
                Check::warning(NAME, format!("{channel} is shared with another organisation"), advice)
            }
            Ok(_) => Check::ok(NAME, format!("the bot is a member of {channel}")),
            Err(error) => channel_problem(NAME, channel, &error, invite),
        }
    }
}

fn channel_problem(name: &'static str, channel: &ChannelId, error: &SlackError, invite: &str) -> Check {
    match error.name() {
        "missing_scope" => {
            let advice = "to find out, type /invite @seatgate in that channel: Slack says whether the bot was there already \
                          (or grant channels:read, for a private channel groups:read)";
            Check::warning(name, format!("{channel} cannot be looked at with the scopes there are"), advice)
        }
        "channel_not_found" => {
            let finding = format!("there is no channel {channel}, or it is private and the bot is not in it");
            Check::missing(name, finding, format!("check the id, or {invite}"))
        }
        _ => Check::warning(name, format!("{channel} could not be looked at ({error})"), "try again later"),
    }
}

fn secret_check(secrets: Option<&SigningSecrets>) -> Check {
    const NAME: &str = "slack signing secret";
    let Some(secrets) = secrets else { return Check::ok(NAME, "none, and none is needed: clicks come by Socket Mode") };
    let count = secrets.count();
    match secrets.unusual() {
        [] if count == 1 => {
            Check::ok(NAME, "present and well-formed; whether it is the right one, the first click shows")
        }
        [] => Check::ok(NAME, format!("{count} secrets, all well-formed: a rotation is under way")),
        odd => {
            let which: Vec<String> = odd.iter().map(ToString::to_string).collect();
            let finding = match count {
                1 => "present, but not 32 hexadecimal digits".to_owned(),
                _ => format!("of {count}, number {} is not 32 hexadecimal digits", which.join(", ")),
            };
            let advice =
                "copy the Signing Secret from the app's page Basic Information (not the client secret, no token)";
            Check::warning(NAME, finding, advice)
        }
    }
}

fn token_problem(error: &SlackError) -> Check {
    let (finding, advice) = match (error.kind(), error.name()) {
        (ErrorKind::Halt, _) => (
            "Slack does not accept it",
            "copy the Bot User OAuth Token anew from the app's page OAuth & Permissions; install the app if there is none",
        ),
        (_, "not_connected") => {
            ("Slack cannot be reached", "let this machine reach slack.com by https, with CA certificates")
        }
        _ => ("Slack does not say whether it is valid", "try again later, or see https://slack-status.com"),
    };
    Check::missing("slack token", format!("{finding} ({error})"), advice)
}

fn token_check(whoami: &Whoami) -> Check {
    let name = whoami.team_name.as_deref().unwrap_or("without a name");
    let place = match (&whoami.team, &whoami.enterprise) {
        (Some(team), _) => format!("workspace {name} ({team})"),
        (None, Some(enterprise)) => format!("organisation {name} ({enterprise})"),
        (None, None) => format!("organisation {name}"),
    };
    let app = whoami.app.as_ref().map(|app| format!(", app {app}")).unwrap_or_default();
    Check::ok("slack token", format!("valid: {place}, bot user {}{app}", whoami.user))
}

/// Never worse than ok: what is optional may be lacking.
fn optional_scopes_check(granted: &[String]) -> Check {
    let lacking = OPTIONAL_SCOPES.iter().filter(|(scope, _)| !has(granted, scope));
    let lacking: Vec<String> = lacking.map(|(scope, purpose)| format!("{scope} ({purpose})")).collect();
    let finding = if lacking.is_empty() { "all granted".to_owned() } else { format!("without {}", lacking.join(", ")) };
    Check::ok("slack optional scopes", finding)
}

fn has(granted: &[String], scope: &str) -> bool {
    granted.iter().any(|granted| granted == scope)
}

fn clock_check(theirs: Option<Timestamp>, ours: Timestamp) -> Check {
    const NAME: &str = "clock";
    let Some(theirs) = theirs else {
        return Check::warning(
            NAME,
            "Slack did not say its time",
            "check by other means that this machine's clock is right",
        );
    };
    let (ahead, behind) = (ours.since(theirs), theirs.since(ours));
    let (skew, side) = if ahead > behind { (ahead, "ahead of") } else { (behind, "behind") };
    if skew <= LARGEST_SKEW {
        return Check::ok(NAME, format!("within {} s of Slack's", skew.as_secs().max(1)));
    }
    let finding = format!("{} s {side} Slack's; at 300 s every click is refused", skew.as_secs());
    Check::missing(NAME, finding, "set this machine's clock, best by NTP")
}
