//! Who manages whom, who has left and who is no human, as Slack has it.

mod looks;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use seatgate_core::id::PersonRef;
use seatgate_core::person::{Identity, PersonDraft};
use seatgate_core::port::{Directory, DirectoryEntry, Entropy, NewPerson, PeopleStore, StoreError};
use seatgate_core::seat::AppId;
use seatgate_core::time::Timestamp;

use crate::client::SlackUser;
use crate::id::{ProfileFieldId, UserId};
use crate::workspace::Workspace;
use looks::{Look, Looks, Named, is_ours, unsaid};

/// A directory that reads Slack's profiles. Put it behind the store's own in a [`Layered`](seatgate_core::port::Layered):
/// there, what is kept in the store comes first.
///
/// - People are found by their Slack user, else by their address. Whoever Slack does not know, or who belongs to another
///   organisation, is unknown to it. Whoever is known by a user of our own workspace that is there no more has left.
/// - The deactivated have left; programs are no humans. An address finds nobody who was deactivated, unless it found them
///   before: give people their Slack user (`people import`) where that matters.
/// - The manager is whom a custom field of the profile names ([`SlackDirectory::manager_in`]), by user or by address. Whom
///   nobody has heard of yet is added to the people, by the Slack user and their address.
/// - It knows no absences, no stand-ins and no owners.
/// - Each answer is at most 15 minutes old. Where Slack does not say, because it is down or asks to wait, nothing older is
///   used and the question fails as unavailable: so nobody is asked who may have left, and whatever asked comes back.
#[derive(Clone)]
pub struct SlackDirectory {
    looks: Arc<Looks>,
    people: Arc<dyn PeopleStore>,
    entropy: Arc<dyn Entropy>,
}

/// What Slack says of those whom profiles name as managers.
type Bosses = BTreeMap<UserId, Boss>;

enum Boss {
    /// They belong to us.
    Ours(Box<SlackUser>),
    /// They belong elsewhere, so we do not ask them.
    Stranger,
    /// Slack does not know them any more.
    Missing,
}

impl SlackDirectory {
    /// The directory of this workspace, which says who has left and who is no human. `people` are those whom the gate knows.
    #[must_use]
    pub fn new(workspace: Workspace, people: Arc<dyn PeopleStore>, entropy: Arc<dyn Entropy>) -> Self {
        Self { looks: Arc::new(Looks::new(workspace, None)), people, entropy }
    }

    /// Reads the manager from this field of the profile, which needs the scope `users.profile:read`.
    #[must_use]
    pub fn manager_in(self, field: ProfileFieldId) -> Self {
        let looks = Looks::new(self.looks.workspace.clone(), Some(field));
        Self { looks: Arc::new(looks), ..self }
    }

    async fn bosses(&self, looks: &[Look], now: Timestamp) -> Result<Bosses, StoreError> {
        let named = looks.iter().filter_map(|look| match look {
            Look::Known { manager: Some(Named::User(id)), .. } => Some(id.clone()),
            _ => None,
        });
        let named: BTreeSet<UserId> = named.collect();
        if named.is_empty() {
            return Ok(Bosses::new());
        }
        let installed = self.looks.workspace.installed().await.map_err(unsaid)?;
        let boss = |user: Option<SlackUser>| match user {
            Some(user) if is_ours(&user, &installed) => Boss::Ours(Box::new(user)),
            Some(_) => Boss::Stranger,
            None => Boss::Missing,
        };
        Ok(self.looks.users(named, now).await?.into_iter().map(|(id, user)| (id, boss(user))).collect())
    }

    async fn entry(
        &self,
        person: PersonRef,
        look: Look,
        bosses: &Bosses,
        now: Timestamp,
    ) -> Result<DirectoryEntry, StoreError> {
        let mut entry = DirectoryEntry::unknown(person);
        match look {
            Look::Unknown => {}
            Look::Gone => entry.disabled = true,
            Look::Known { user, manager } => {
                (entry.disabled, entry.bot) = (user.deleted, user.is_bot);
                entry.manager = match manager {
                    Some(Named::Email(address)) => Some(self.added(Identity::Email(address), None, now).await?),
                    Some(Named::User(id)) => match bosses.get(&id) {
                        Some(Boss::Ours(boss)) => self.boss(boss, person, now).await?,
                        Some(Boss::Missing) => self.missing(&id, &user, now).await?,
                        Some(Boss::Stranger) | None => None,
                    },
                    None => None,
                };
            }
        }
        Ok(entry)
    }

    /// Whom the gate knows this user as. Somebody known twice, by the user and by an address, is still one human: where one of
    /// the two is whoever they are said to manage, they manage themselves.
    async fn boss(&self, boss: &SlackUser, of: PersonRef, now: Timestamp) -> Result<Option<PersonRef>, StoreError> {
        let known = self.looks.workspace.people().known_as(boss, &*self.people).await?;
        if known.persons().any(|person| person == of) {
            return Ok(Some(of));
        }
        match known.persons().next() {
            Some(person) => Ok(Some(person)),
            None => self.newcomer(boss, now).await,
        }
    }

    /// Somebody nobody knew, by the user and by the address, so that reports that name one of the two mean the same person.
    async fn newcomer(&self, boss: &SlackUser, now: Timestamp) -> Result<Option<PersonRef>, StoreError> {
        let Some(identity) = boss.identity(true) else { return Ok(None) };
        let person = self.added(identity, boss.name.clone(), now).await?;
        if let Some(address) = boss.email.clone().map(Identity::Email) {
            let known = NewPerson::new(PersonDraft::new(address, None), person);
            self.people.people(vec![known]).await?;
        }
        Ok(Some(person))
    }

    /// A manager whom Slack knows no more. They are met on the way like others who have left, so the path shows them.
    async fn missing(&self, id: &UserId, of: &SlackUser, now: Timestamp) -> Result<Option<PersonRef>, StoreError> {
        let Some(team) = of.belongings().next() else { return Ok(None) };
        let identity = Identity::Slack { team: team.to_owned(), user: id.to_string() };
        // The only name there is.
        Ok(Some(self.added(identity, Some(id.to_string()), now).await?))
    }

    /// The person with this identity, who is added if they are new.
    async fn added(&self, identity: Identity, name: Option<String>, now: Timestamp) -> Result<PersonRef, StoreError> {
        let reference = PersonRef::generate(now, &*self.entropy);
        let found = self.people.people(vec![NewPerson::new(PersonDraft::new(identity, name), reference)]).await?;
        Ok(found.first().copied().unwrap_or(reference))
    }
}

#[async_trait]
impl Directory for SlackDirectory {
    async fn people(&self, people: &[PersonRef], now: Timestamp) -> Result<Vec<DirectoryEntry>, StoreError> {
        let looks = self.looks.people(self.people.details(people).await?, now).await?;
        let bosses = self.bosses(&looks, now).await?;
        let mut entries = Vec::with_capacity(people.len());
        for (person, look) in people.iter().zip(looks) {
            entries.push(self.entry(*person, look, &bosses, now).await?);
        }
        Ok(entries)
    }

    async fn owners(&self, _app: &AppId) -> Result<Vec<PersonRef>, StoreError> {
        Ok(Vec::new())
    }
}

impl fmt::Debug for SlackDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackDirectory").field("manager_field", &self.looks.manager_field).finish_non_exhaustive()
    }
}
