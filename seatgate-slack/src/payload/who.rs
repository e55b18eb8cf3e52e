use std::str::FromStr;

use serde::Deserialize;

use super::PayloadError;
use crate::id::{EnterpriseId, TeamId, UserId};

/// Who did something, as Slack vouches for it: the one to authorise, wherever the message is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The user's own workspace. With Slack Connect it is not the one where the message is.
    pub team: Option<TeamId>,
}

/// Where the app is installed that this came through.
///
/// Not a part of any key for look-ups: on Enterprise Grid it differs between clicks on the same card.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Install {
    /// The workspace; `None` where the app is installed for a whole organisation.
    pub team: Option<TeamId>,
    /// The Enterprise Grid organisation.
    pub enterprise: Option<EnterpriseId>,
    /// Whether the app is installed for the whole organisation.
    pub org_wide: bool,
}

#[derive(Deserialize)]
pub(super) struct WireUser {
    id: String,
    team_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireId {
    pub(super) id: Option<String>,
}

impl TryFrom<WireUser> for Caller {
    type Error = PayloadError;

    fn try_from(wire: WireUser) -> Result<Self, PayloadError> {
        let user = wire.id.parse().map_err(|_| PayloadError::Malformed { field: "user.id" })?;
        Ok(Self { user, team: id(wire.team_id, "user.team_id")? })
    }
}

/// The id in an optional field. Malformed is not the same as absent.
pub(super) fn id<T: FromStr>(text: Option<String>, field: &'static str) -> Result<Option<T>, PayloadError> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|_| PayloadError::Malformed { field })).transpose()
}
