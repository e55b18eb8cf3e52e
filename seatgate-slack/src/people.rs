//! Who is who: from the people whom the gate knows to Slack's users, and back.

pub(crate) mod cache;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use seatgate_core::id::PersonRef;
use seatgate_core::person::{EmailAddress, Identity, MatchedBy, PersonDetails};
use seatgate_core::port::{Clock, PeopleStore, StoreError};

use crate::client::{ErrorKind, SlackClient, SlackError, SlackUser};
use crate::id::{TeamId, UserId};
use crate::payload::Caller;
use cache::Cache;

/// How long Slack may take to say who clicked: whoever clicked waits three seconds for all of the answer.
const WITHIN: Duration = Duration::from_millis(1500);

/// Finds people in Slack and Slack's users among the people of the gate. What Slack says is kept for 15 minutes.
pub struct SlackPeople {
    client: Arc<SlackClient>,
    clock: Arc<dyn Clock>,
    by_id: Cache<UserId, SlackUser>,
    by_email: Cache<EmailAddress, SlackUser>,
}

/// Somebody whom the gate knows, and how they were recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recognised {
    /// Who.
    pub person: PersonRef,
    /// By what.
    pub matched_by: MatchedBy,
}

/// Whom the gate knows a Slack user as: maybe as two people, until somebody joins them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownAs {
    /// By the Slack user.
    pub(crate) by_identity: Option<PersonRef>,
    /// By the address that Slack has of them.
    pub(crate) by_email: Option<PersonRef>,
}

impl KnownAs {
    pub(crate) fn persons(self) -> impl Iterator<Item = PersonRef> {
        self.by_identity.into_iter().chain(self.by_email)
    }
}

/// Why nobody can say who somebody is. The same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// Slack did not say.
    #[error("Slack did not say who this is")]
    Slack(#[source] SlackError),
    /// Slack did not say in time.
    #[error("Slack did not say in time who this is")]
    TimedOut,
    /// The store did not say.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SlackPeople {
    pub(crate) fn new(client: Arc<SlackClient>, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock, by_id: Cache::new(), by_email: Cache::new() }
    }

    /// The Slack user to ask: by the identity that never changes, else a member with one of their addresses. Whoever is
    /// deactivated, a program, a guest or of another organisation is not found by an address.
    ///
    /// # Errors
    /// When Slack does not say.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn user_of(&self, person: &PersonDetails) -> Result<Option<UserId>, SlackError> {
        let direct = person.identities.iter().find_map(|identity| match identity {
            Identity::Slack { user, .. } => user.parse().ok(),
            _ => None,
        });
        if direct.is_some() {
            return Ok(direct);
        }
        for identity in &person.identities {
            if let Identity::Email(address) = identity
                && let Some(user) = self.by_email(address).await?.filter(SlackUser::is_member)
            {
                return Ok(Some(user.id));
            }
        }
        Ok(None)
    }

    /// Whom the gate knows this caller as: by the Slack user, which never changes, else by the address that Slack has of
    /// a member. The second is a fallback: it is recorded with what they do, and a strict policy refuses it.
    ///
    /// # Errors
    /// When the store or Slack does not say.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn recognise(&self, caller: &Caller, store: &dyn PeopleStore) -> Result<Option<Recognised>, LookupError> {
        let by_identity = |person| Recognised { person, matched_by: MatchedBy::Identity };
        let named = caller.team.as_ref().map(TeamId::as_str);
        if let Some(person) = find_in(store, named, &caller.user).await? {
            return Ok(Some(by_identity(person)));
        }
        // On Enterprise Grid a click may name any workspace of the organisation, another than the person is known by.
        let Some(user) = self.user(&caller.user).await? else { return Ok(None) };
        if let Some(person) = find_in(store, user.belongings(), &caller.user).await? {
            return Ok(Some(by_identity(person)));
        }
        let member = Some(user).filter(SlackUser::is_member);
        let Some(email) = member.and_then(|member| member.email) else { return Ok(None) };
        let found = store.find(&Identity::Email(email)).await?;
        Ok(found.map(|person| Recognised { person, matched_by: MatchedBy::Email }))
    }

    /// Whom the gate knows this user as.
    pub(crate) async fn known_as(&self, user: &SlackUser, store: &dyn PeopleStore) -> Result<KnownAs, StoreError> {
        let by_identity = find_in(store, user.belongings(), &user.id).await?;
        let by_email = match &user.email {
            Some(email) => store.find(&Identity::Email(email.clone())).await?,
            None => None,
        };
        Ok(KnownAs { by_identity, by_email })
    }

    /// What Slack says of a user; nothing where there is none, or we may not see them.
    ///
    /// # Errors
    /// When Slack does not say, or not within the time that a click has.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn user(&self, id: &UserId) -> Result<Option<SlackUser>, LookupError> {
        let asked = tokio::time::timeout(WITHIN, self.by_id(id)).await;
        asked.map_err(|_| LookupError::TimedOut)?.map_err(LookupError::Slack)
    }

    /// That there is nobody is not kept: they may join at any time.
    async fn by_id(&self, id: &UserId) -> Result<Option<SlackUser>, SlackError> {
        if let Some(known) = self.by_id.get(id, self.clock.now()) {
            return Ok(Some(known));
        }
        let user = found(self.client.users_info(id).await)?;
        if let Some(user) = &user {
            self.by_id.put(id.clone(), user.clone(), self.clock.now());
        }
        Ok(user)
    }

    async fn by_email(&self, email: &EmailAddress) -> Result<Option<SlackUser>, SlackError> {
        if let Some(known) = self.by_email.get(email, self.clock.now()) {
            return Ok(Some(known));
        }
        let user = found(self.client.users_lookup_by_email(email).await)?;
        if let Some(user) = &user {
            self.by_email.put(email.clone(), user.clone(), self.clock.now());
        }
        Ok(user)
    }
}

/// Whom the gate knows as `user` of one of these workspaces or organisations.
async fn find_in<'a>(
    store: &dyn PeopleStore,
    of: impl IntoIterator<Item = &'a str>,
    user: &UserId,
) -> Result<Option<PersonRef>, StoreError> {
    for team in of {
        let identity = Identity::Slack { team: team.to_owned(), user: user.to_string() };
        if let Some(person) = store.find(&identity).await? {
            return Ok(Some(person));
        }
    }
    Ok(None)
}

/// That there is nobody is an answer, too.
pub(crate) fn found<T>(answer: Result<T, SlackError>) -> Result<Option<T>, SlackError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::Elsewhere => Ok(None),
        Err(error) => Err(error),
    }
}

impl fmt::Debug for SlackPeople {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackPeople").finish_non_exhaustive()
    }
}
