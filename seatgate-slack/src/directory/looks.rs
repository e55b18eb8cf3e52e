//! Looking people up in Slack, and what was found there for a while.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use seatgate_core::person::{EmailAddress, Identity, PersonDetails};
use seatgate_core::port::{StoreError, StoreErrorKind};
use seatgate_core::time::Timestamp;
use tokio::task::JoinSet;

use crate::client::{SlackError, SlackUser};
use crate::id::{ProfileFieldId, UserId};
use crate::installed::Installed;
use crate::people::cache::Cache;
use crate::people::found;
use crate::workspace::Workspace;

/// So many look-ups are on their way at a time.
const AT_ONCE: usize = 8;

/// Whom a profile names as a manager.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    /// By the id, as a field of the type "person" does.
    User(UserId),
    /// By an address, as a field of text may.
    Email(EmailAddress),
}

impl Named {
    /// Reads a field; of several people the first. What names nobody is nothing.
    fn read(value: &str) -> Option<Self> {
        let first = value.split(',').map(str::trim).find(|part| !part.is_empty())?;
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if first.starts_with(['U', 'W']) && first.bytes().all(plain) {
            return first.parse().ok().map(Self::User);
        }
        let is_link = first.contains("://");
        first.parse().ok().filter(|_| !is_link).map(Self::Email)
    }
}

/// What came of looking somebody up.
#[derive(Clone)]
pub(super) enum Look {
    /// Slack knows them.
    Known {
        /// As whom.
        user: Box<SlackUser>,
        /// Whom their profile names as their manager.
        manager: Option<Named>,
    },
    /// They are known by an id of our own workspace that nobody bears any more.
    Gone,
    /// Slack does not know them, or they belong elsewhere.
    Unknown,
}

/// Asks Slack, and keeps the answers as long as a [`Cache`] does; that there is nobody is such an answer.
pub(super) struct Looks {
    pub(super) workspace: Workspace,
    pub(super) manager_field: Option<ProfileFieldId>,
    users: Cache<UserId, Option<SlackUser>>,
    managers: Cache<UserId, Option<Named>>,
    by_email: Cache<EmailAddress, Option<UserId>>,
}

impl Looks {
    pub(super) fn new(workspace: Workspace, manager_field: Option<ProfileFieldId>) -> Self {
        let (users, managers, by_email) = (Cache::new(), Cache::new(), Cache::new());
        Self { workspace, manager_field, users, managers, by_email }
    }

    /// What Slack says of these people, in their order.
    pub(super) async fn people(
        self: &Arc<Self>,
        people: Vec<Option<PersonDetails>>,
        now: Timestamp,
    ) -> Result<Vec<Look>, StoreError> {
        let look = |person: Option<PersonDetails>| {
            let looks = Arc::clone(self);
            async move {
                match person {
                    Some(person) => looks.person(&person, now).await,
                    None => Ok(Look::Unknown),
                }
            }
        };
        side_by_side(people.into_iter().map(look)).await
    }

    /// Slack's users with these ids.
    pub(super) async fn users(
        self: &Arc<Self>,
        ids: impl IntoIterator<Item = UserId>,
        now: Timestamp,
    ) -> Result<BTreeMap<UserId, Option<SlackUser>>, StoreError> {
        let look = |id: UserId| {
            let looks = Arc::clone(self);
            async move { looks.user(&id, now).await.map(|user| (id, user)) }
        };
        Ok(side_by_side(ids.into_iter().map(look)).await?.into_iter().collect())
    }

    /// By the id that never changes, else by an address.
    async fn person(&self, person: &PersonDetails, now: Timestamp) -> Result<Look, SlackError> {
        let installed = self.workspace.installed().await?;
        let mut look = Look::Unknown;
        for identity in &person.identities {
            let Identity::Slack { team, user } = identity else { continue };
            let Some(id) = user.parse().ok().filter(|_| installed.may_reach(team)) else { continue };
            match self.user(&id, now).await? {
                Some(user) if user.belongings().any(|ours| ours == team) => return self.known(user, now).await,
                None if installed.sees_all_of(team) => look = Look::Gone,
                _ => {}
            }
        }
        for identity in &person.identities {
            let Identity::Email(address) = identity else { continue };
            if let Some(user) = self.by_email(address, now).await?.filter(|user| is_ours(user, &installed)) {
                return self.known(user, now).await;
            }
        }
        Ok(look)
    }

    async fn known(&self, user: SlackUser, now: Timestamp) -> Result<Look, SlackError> {
        let manager = self.manager(&user.id, now).await?;
        Ok(Look::Known { user: Box::new(user), manager })
    }

    async fn user(&self, id: &UserId, now: Timestamp) -> Result<Option<SlackUser>, SlackError> {
        match self.users.get(id, now) {
            Some(known) => Ok(known),
            None => self.user_anew(id, now).await,
        }
    }

    async fn user_anew(&self, id: &UserId, now: Timestamp) -> Result<Option<SlackUser>, SlackError> {
        let user = found(self.workspace.client().users_info(id).await)?;
        self.users.put(id.clone(), user.clone(), now);
        Ok(user)
    }

    async fn manager(&self, id: &UserId, now: Timestamp) -> Result<Option<Named>, SlackError> {
        let Some(field) = &self.manager_field else { return Ok(None) };
        if let Some(known) = self.managers.get(id, now) {
            return Ok(known);
        }
        let value = found(self.workspace.client().users_profile_field(id, field).await)?.flatten();
        let manager = value.as_deref().and_then(Named::read);
        self.managers.put(id.clone(), manager.clone(), now);
        Ok(manager)
    }

    async fn by_email(&self, address: &EmailAddress, now: Timestamp) -> Result<Option<SlackUser>, SlackError> {
        let id = match self.by_email.get(address, now) {
            Some(known) => known,
            None => self.by_email_anew(address, now).await?,
        };
        match id {
            Some(id) => self.user(&id, now).await,
            None => Ok(None),
        }
    }

    /// Slack finds nobody who was deactivated by their address: whoever had it before is looked at.
    async fn by_email_anew(&self, address: &EmailAddress, now: Timestamp) -> Result<Option<UserId>, SlackError> {
        let user = match found(self.workspace.client().users_lookup_by_email(address).await)? {
            Some(user) => {
                self.users.put(user.id.clone(), Some(user.clone()), now);
                Some(user)
            }
            None => match self.by_email.last(address).flatten() {
                Some(before) => self.user_anew(&before, now).await?.filter(|user| user.deleted),
                None => None,
            },
        };
        let id = user.map(|user| user.id);
        self.by_email.put(address.clone(), id.clone(), now);
        Ok(id)
    }
}

/// Whether this is somebody of our own.
pub(super) fn is_ours(user: &SlackUser, installed: &Installed) -> bool {
    !user.is_stranger && installed.may_hold(user)
}

/// Slack did not say. Nothing was done, and the same question may be answered later.
pub(super) fn unsaid(error: SlackError) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "asking Slack about people").caused_by(error)
}

/// Makes these calls, some at a time, and answers in their order. One that fails ends them all.
async fn side_by_side<T: Send + 'static>(
    calls: impl Iterator<Item = impl Future<Output = Result<T, SlackError>> + Send + 'static>,
) -> Result<Vec<T>, StoreError> {
    let (mut calls, mut running, mut answers) = (calls.enumerate(), JoinSet::new(), BTreeMap::new());
    loop {
        for (place, call) in calls.by_ref().take(AT_ONCE - running.len()) {
            running.spawn(async move { (place, call.await) });
        }
        let Some(ended) = running.join_next().await else { return Ok(answers.into_values().collect()) };
        let lost = |error| StoreError::new(StoreErrorKind::Unavailable, "asking Slack about people").caused_by(error);
        let (place, answer) = ended.map_err(lost)?;
        answers.insert(place, answer.map_err(unsaid)?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_names_a_user_or_an_address() {
        let user = |id: &str| Some(Named::User(id.parse().unwrap()));
        let mona = Some(Named::Email("mona@example.com".parse().unwrap()));
        assert_eq!(Named::read("U01ABC"), user("U01ABC"));
        assert_eq!(Named::read(" W01ABC , U2"), user("W01ABC"), "of several the first");
        assert_eq!(Named::read("Mona@Example.com"), mona);
        for nobody in ["", ",", "Mona Li", "Uma", "u01abc", "<@U1>", "https://example.com/@mona"] {
            assert_eq!(Named::read(nobody), None, "{nobody}");
        }
    }
}
