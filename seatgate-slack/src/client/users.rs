//! People: `users.*`.

use std::fmt;

use seatgate_core::person::{EmailAddress, Identity};
use serde::Deserialize;

use super::{SlackClient, SlackError};
use crate::id::{EnterpriseId, TeamId, UserId};

/// Slack's own helper, which is a program, whatever Slack says of it.
const SLACKBOT: &str = "USLACKBOT";

/// A user of Slack's. `Debug` shows neither name nor address.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlackUser {
    /// The user's id.
    pub id: UserId,
    /// The user's workspace.
    pub team: Option<TeamId>,
    /// On Enterprise Grid all of the user's workspaces.
    pub teams: Vec<TeamId>,
    /// The Enterprise Grid organisation.
    pub enterprise: Option<EnterpriseId>,
    /// What to call them.
    pub name: Option<String>,
    /// The address, which needs the scope `users:read.email`.
    pub email: Option<EmailAddress>,
    /// Deactivated.
    pub deleted: bool,
    /// A program.
    pub is_bot: bool,
    /// A guest, in several channels or in one.
    pub is_guest: bool,
    /// Of another organisation, through Slack Connect.
    pub is_stranger: bool,
}

impl SlackUser {
    /// Whether this is a person of the workspace who can be asked: active, no program, no guest, no stranger.
    #[must_use]
    pub fn is_member(&self) -> bool {
        !(self.deleted || self.is_bot || self.is_guest || self.is_stranger)
    }

    /// By what somebody new is to be known: their address, by which others report them, unless only the Slack user counts.
    pub(crate) fn identity(&self, strict: bool) -> Option<Identity> {
        let email = self.email.clone().filter(|_| !strict).map(Identity::Email);
        let slack = || {
            let team = self.belongings().next()?.to_owned();
            Some(Identity::Slack { team, user: self.id.to_string() })
        };
        email.or_else(slack)
    }

    /// The ids of all workspaces and of the organisation that the user belongs to: the same user in each.
    pub(crate) fn belongings(&self) -> impl Iterator<Item = &str> {
        let teams = self.team.iter().chain(&self.teams).map(TeamId::as_str);
        teams.chain(self.enterprise.as_ref().map(EnterpriseId::as_str))
    }
}

impl fmt::Debug for SlackUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackUser").field("id", &self.id).field("is_member", &self.is_member()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Found {
    user: Wire,
}

#[derive(Deserialize)]
struct Wire {
    id: UserId,
    team_id: Option<TeamId>,
    name: Option<String>,
    real_name: Option<String>,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    is_bot: bool,
    #[serde(default)]
    is_restricted: bool,
    #[serde(default)]
    is_ultra_restricted: bool,
    #[serde(default)]
    is_stranger: bool,
    profile: Option<WireProfile>,
    enterprise_user: Option<WireEnterpriseUser>,
}

#[derive(Deserialize)]
struct WireEnterpriseUser {
    enterprise_id: Option<EnterpriseId>,
    #[serde(default)]
    teams: Vec<TeamId>,
}

#[derive(Deserialize)]
struct WireProfile {
    email: Option<String>,
    real_name: Option<String>,
}

impl From<Wire> for SlackUser {
    fn from(wire: Wire) -> Self {
        let (email, profile_name) = wire.profile.map(|profile| (profile.email, profile.real_name)).unwrap_or_default();
        let (enterprise, teams) = wire.enterprise_user.map(|user| (user.enterprise_id, user.teams)).unwrap_or_default();
        let named = |name: &String| !name.trim().is_empty();
        Self {
            is_bot: wire.is_bot || wire.id.as_str() == SLACKBOT,
            id: wire.id,
            team: wire.team_id,
            teams,
            enterprise,
            name: [profile_name, wire.real_name, wire.name].into_iter().flatten().find(named),
            email: email.and_then(|text| text.parse().ok()),
            deleted: wire.deleted,
            is_guest: wire.is_restricted || wire.is_ultra_restricted,
            is_stranger: wire.is_stranger,
        }
    }
}

impl SlackClient {
    /// `users.lookupByEmail`: the user with that address.
    ///
    /// # Errors
    /// `users_not_found` when there is none, and also when the user is deactivated.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn users_lookup_by_email(&self, email: &EmailAddress) -> Result<SlackUser, SlackError> {
        let found: Found = self.form("users.lookupByEmail", "email", &email.to_string()).await?.read()?;
        Ok(found.user.into())
    }

    /// `users.info`: the user with that id, deactivated or not.
    ///
    /// # Errors
    /// `user_not_found` when there is none, `user_not_visible` when we may not see them.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn users_info(&self, user: &UserId) -> Result<SlackUser, SlackError> {
        let found: Found = self.form("users.info", "user", user.as_str()).await?.read()?;
        Ok(found.user.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_enterprise_grid_a_user_belongs_to_several_workspaces() {
        let json = r#"{"user": {"id": "W1", "team_id": "T1", "profile": {"email": "mona@example.com"},
            "enterprise_user": {"id": "W1", "enterprise_id": "E1", "teams": ["T2", "T3"], "is_admin": false}}}"#;
        let user = SlackUser::from(serde_json::from_str::<Found>(json).unwrap().user);
        assert_eq!(user.belongings().collect::<Vec<_>>(), ["T1", "T2", "T3", "E1"]);
        assert!(user.is_member());
    }

    #[test]
    fn slacks_own_helper_is_a_program() {
        let json = r#"{"user": {"id": "USLACKBOT", "team_id": "T1", "is_bot": false}}"#;
        assert!(SlackUser::from(serde_json::from_str::<Found>(json).unwrap().user).is_bot);
    }
}
