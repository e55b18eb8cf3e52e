//! Who we are: `auth.test`.

use std::time::UNIX_EPOCH;

use reqwest::header::{DATE, HeaderMap};
use seatgate_core::time::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{SlackClient, SlackError};
use crate::id::{AppId, EnterpriseId, TeamId, UserId};

const SCOPES_HEADER: &str = "x-oauth-scopes";

/// Whom the token belongs to, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Whoami {
    /// Our bot user.
    pub user: UserId,
    /// The workspace; `None` where the app is installed for a whole organisation.
    pub team: Option<TeamId>,
    /// What the workspace, or the organisation, is called.
    pub team_name: Option<String>,
    /// The app that the token belongs to, where Slack says it.
    pub app: Option<AppId>,
    /// The Enterprise Grid organisation.
    pub enterprise: Option<EnterpriseId>,
    /// Whether the app is installed for the whole organisation.
    pub org_wide: bool,
    /// What the token may do, such as `chat:write`; empty where Slack does not say.
    pub scopes: Vec<String>,
    /// What time it was at Slack, in whole seconds.
    pub answered_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Wire {
    user_id: UserId,
    team_id: Option<TeamId>,
    team: Option<String>,
    app_id: Option<AppId>,
    enterprise_id: Option<EnterpriseId>,
    #[serde(default)]
    is_enterprise_install: bool,
}

impl SlackClient {
    /// `auth.test`: whether the token works, and what it may do.
    ///
    /// # Errors
    /// Of the kind [`ErrorKind::Halt`](super::ErrorKind::Halt) when the token does not work.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn auth_test(&self) -> Result<Whoami, SlackError> {
        let success = self.json("auth.test", &json!({})).await?;
        let scopes = success.headers.get(SCOPES_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let scopes = scopes.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        let answered_at = date(&success.headers);
        let wire: Wire = success.read()?;
        Ok(Whoami {
            user: wire.user_id,
            team: wire.team_id.filter(|_| !wire.is_enterprise_install),
            team_name: wire.team,
            app: wire.app_id,
            enterprise: wire.enterprise_id,
            org_wide: wire.is_enterprise_install,
            scopes,
            answered_at,
        })
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some(Timestamp::from_micros(0).saturating_add(date.duration_since(UNIX_EPOCH).ok()?))
}
