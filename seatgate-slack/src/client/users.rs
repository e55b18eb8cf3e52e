//! People: `users.*`.

use std::fmt;

use seatgate_core::person::EmailAddress;
use serde::Deserialize;

use super::{SlackClient, SlackError};
use crate::id::{TeamId, UserId};

/// A user of Slack's. `Debug` shows neither name nor address.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlackUser {
    /// The user's id.
    pub id: UserId,
    /// The user's workspace.
    pub team: Option<TeamId>,
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
}

#[derive(Deserialize)]
struct WireProfile {
    email: Option<String>,
    real_name: Option<String>,
}

impl From<Wire> for SlackUser {
    fn from(wire: Wire) -> Self {
        let (email, profile_name) = wire.profile.map(|profile| (profile.email, profile.real_name)).unwrap_or_default();
        let named = |name: &String| !name.trim().is_empty();
        Self {
            id: wire.id,
            team: wire.team_id,
            name: [profile_name, wire.real_name, wire.name].into_iter().flatten().find(named),
            email: email.and_then(|text| text.parse().ok()),
            deleted: wire.deleted,
            is_bot: wire.is_bot,
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
