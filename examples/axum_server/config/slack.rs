//! Slack: the `SLACK_...` variables, or `[slack]` in the file.

use seatgate_core::seat::Channel;
use seatgate_slack::client::BotToken;
use seatgate_slack::id::{ChannelId, ProfileFieldId};
use seatgate_slack::payload::CommandName;
use seatgate_slack::socket::AppToken;
use seatgate_slack::verify::SigningSecrets;
use url::Url;

use super::Problems;
use super::settings::{Named, Settings};

/// Whether anything is said about Slack: then nothing is a demo.
pub(super) const VARIABLES: [&str; 10] = [
    "SLACK_BOT_TOKEN",
    "SLACK_BOT_TOKEN_FILE",
    "SLACK_SIGNING_SECRET",
    "SLACK_SIGNING_SECRET_FILE",
    "SLACK_APP_TOKEN",
    "SLACK_APP_TOKEN_FILE",
    "SLACK_API_URL",
    MANAGER_FIELD,
    "SLACK_OFFBOARD_COMMAND",
    "SEATGATE_SLACK_CHANNEL",
];

const BOT_TOKEN: &str = "SLACK_BOT_TOKEN";
const SIGNING_SECRET: &str = "SLACK_SIGNING_SECRET";
const APP_TOKEN: &str = "SLACK_APP_TOKEN";
const MANAGER_FIELD: &str = "SLACK_MANAGER_FIELD";

/// How to talk with one workspace, or one organisation.
pub(crate) struct SlackConfig {
    pub(crate) token: BotToken,
    /// With it, clicks are heard at the routes.
    pub(crate) secrets: Option<SigningSecrets>,
    /// With it, clicks are heard over a socket.
    pub(crate) app_token: Option<AppToken>,
    /// Slack's own, without one.
    pub(crate) api_url: Option<Url>,
    /// Who hears about candidates that name no channel, and about people who cannot be reached.
    pub(crate) channel: Option<ChannelId>,
    /// The field of people's profiles that names their manager; without it, profiles are not read.
    pub(crate) manager_field: Option<ProfileFieldId>,
    /// What offboardings are started with, where that is another command than the manifest names.
    pub(crate) offboard_command: Option<CommandName>,
}

impl SlackConfig {
    /// The channel as the core knows channels.
    pub(crate) fn reporting_channel(&self) -> Option<Channel> {
        self.channel.as_ref().and_then(|channel| channel.as_str().parse().ok())
    }
}

/// What is said about Slack, as far as it is sound.
pub(super) fn read(settings: &mut Settings, problems: &mut Problems) -> Option<SlackConfig> {
    let mut table = settings.file.table("slack", problems);
    let before = problems.0.len();
    let token = settings.secret_in(&mut table, BOT_TOKEN, "bot_token", problems);
    let secrets = settings.secret_in(&mut table, SIGNING_SECRET, "signing_secret", problems);
    let app_token = settings.secret_in(&mut table, APP_TOKEN, "app_token", problems);
    let api_url = settings.plain_in(&mut table, "SLACK_API_URL", "api_url", problems);
    let channel = settings.plain_in(&mut table, "SEATGATE_SLACK_CHANNEL", "channel", problems);
    let manager_field = settings.plain_in(&mut table, MANAGER_FIELD, "manager_field", problems);
    let command = settings.plain_in(&mut table, "SLACK_OFFBOARD_COMMAND", "offboard_command", problems);
    // What is lacking may be what could not be read.
    if problems.0.len() == before {
        demand_pairs(&[&token, &secrets, &app_token, &api_url, &channel, &manager_field, &command], problems);
    }
    table.finish(problems);
    let token = problems.read(token, bot_token);
    let secrets = problems.read(secrets, str::parse::<SigningSecrets>);
    let app_token = problems.read(app_token, str::parse::<AppToken>);
    let api_url = problems.read(api_url, web_api);
    let channel = problems.read(channel, channel_id);
    let manager_field = problems.read(manager_field, profile_field);
    let offboard_command = problems.read(command, str::parse::<CommandName>);
    Some(SlackConfig { token: token?, secrets, app_token, api_url, channel, manager_field, offboard_command })
}

/// Half of a pair is a mistake: bot token and signing secret (with Socket Mode, the app token instead), and neither of the
/// rest without the bot token.
fn demand_pairs([token, secrets, app_token, rest @ ..]: &[&Option<Named>; 7], problems: &mut Problems) {
    if token.is_some() && secrets.is_none() && app_token.is_none() {
        let why = "is required beside SLACK_BOT_TOKEN: without it nothing proves that a click comes from Slack";
        problems.add(SIGNING_SECRET, format!("{why} (in Socket Mode, SLACK_APP_TOKEN is)"));
    }
    let lonely = [secrets, app_token].into_iter().chain(rest).find_map(|named| named.as_ref());
    if let Some(lonely) = lonely.filter(|_| token.is_none()) {
        problems.add(BOT_TOKEN, format!("is required beside {}: without it nothing can be sent to Slack", lonely.name));
    }
}

fn bot_token(text: &str) -> Result<BotToken, String> {
    let token = text.parse::<BotToken>().map_err(|error| error.to_string())?;
    let known = text.trim().starts_with("xoxb-");
    if known { Ok(token) } else { Err("expected a bot token, which starts with xoxb-".to_owned()) }
}

/// Judged here as the client will, so that it is named with all other mistakes.
fn web_api(text: &str) -> Result<Url, &'static str> {
    const WHAT: &str = "expected an http or https URL that ends in /api/, without credentials, query and fragment";
    let url = Url::parse(text.trim()).map_err(|_| WHAT)?;
    let bare = url.username().is_empty() && url.password().is_none();
    let whole = url.query().is_none() && url.fragment().is_none() && url.path().ends_with("/api/");
    if matches!(url.scheme(), "http" | "https") && bare && whole { Ok(url) } else { Err(WHAT) }
}

/// A name can be given to another channel, so only ids will do.
fn channel_id(text: &str) -> Result<ChannelId, &'static str> {
    const WHAT: &str =
        "expected a channel's id such as C0123456789 (in Slack: open the channel's details, at the bottom)";
    let text = text.trim();
    let is_id = text.starts_with(['C', 'G']) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    text.parse().ok().filter(|_| is_id && text.len() > 1).ok_or(WHAT)
}

/// Labels can be changed, and two fields can have the same.
fn profile_field(text: &str) -> Result<ProfileFieldId, &'static str> {
    const WHAT: &str =
        "expected the id of a profile field such as Xf0123456789 (Slack's method team.profile.get lists them)";
    let text = text.trim();
    let is_id = text.strip_prefix("Xf").is_some_and(|rest| !rest.is_empty());
    text.parse().ok().filter(|_| is_id).ok_or(WHAT)
}
