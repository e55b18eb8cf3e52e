//! Slash commands.

use url::Url;

use super::form::Form;
use super::{Caller, CommandText, Install, PayloadError, ResponseUrl, TriggerId};
use crate::id::{AppId, ChannelId};

/// A slash command that somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlashCommand {
    /// The command with its slash, such as `/offboard`.
    pub command: String,
    /// What was typed after it.
    pub text: CommandText,
    /// Who typed it.
    pub by: Caller,
    /// Where it was typed.
    pub channel: Option<ChannelId>,
    /// Where the app is installed.
    pub install: Install,
    /// Which app.
    pub app: Option<AppId>,
    /// The right to open a modal.
    pub trigger: Option<TriggerId>,
    /// Where to answer; left out where it is not an address of Slack's.
    pub response_url: Option<ResponseUrl>,
}

impl SlashCommand {
    /// Whether this is Slack's look at the certificate: `ssl_check` is exactly `1`.
    ///
    /// On the command route only. It may come unsigned: answer 200, and do nothing.
    #[must_use]
    pub fn is_ssl_check(content_type: Option<&str>, body: &[u8]) -> bool {
        Form::read(content_type, body).is_ok_and(|form| form.one("ssl_check") == Ok(Some("1")))
    }

    pub(super) fn read(form: &Form<'_>, also: Option<&Url>) -> Result<Self, PayloadError> {
        let team = form.id("team_id")?;
        let org_wide = form.one("is_enterprise_install")? == Some("true");
        Ok(Self {
            command: form.needed("command")?.to_owned(),
            text: CommandText::new(form.one("text")?.unwrap_or_default()),
            // A command names one team: that of the person who types.
            by: Caller { user: form.needed_id("user_id")?, team: team.clone() },
            channel: form.id("channel_id")?,
            install: Install { team: team.filter(|_| !org_wide), enterprise: form.id("enterprise_id")?, org_wide },
            app: form.id("api_app_id")?,
            trigger: form.one("trigger_id")?.and_then(TriggerId::read),
            response_url: form.one("response_url")?.and_then(|text| ResponseUrl::read(text, also)),
        })
    }
}
