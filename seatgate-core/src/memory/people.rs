//! People, accounts and texts.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::agenda::Item;
use crate::id::{AccountId, PersonRef, TextId};
use crate::person::{EmailAddress, Identity, PersonDetails};
use crate::port::{NewAccount, NewPerson, PeopleStore, StoreError};
use crate::seat::{AccountNames, AppId};
use crate::time::Timestamp;

/// People by reference and by identity.
#[derive(Default)]
pub(super) struct People {
    by_identity: BTreeMap<Identity, PersonRef>,
    details: BTreeMap<PersonRef, PersonDetails>,
}

impl People {
    /// Finds or adds somebody; takes up a name that was missing.
    fn resolve(&mut self, new: NewPerson) -> PersonRef {
        let reference = *self.by_identity.entry(new.draft.identity.clone()).or_insert(new.reference);
        let details = self.details.entry(reference).or_insert_with(|| PersonDetails::new(reference, None, Vec::new()));
        if !details.identities.contains(&new.draft.identity) {
            details.identities.push(new.draft.identity);
        }
        details.name = details.name.take().or(new.draft.name);
        reference
    }

    /// Everybody who is known, by reference.
    pub(super) fn known(&self) -> impl Iterator<Item = PersonRef> {
        self.details.keys().copied()
    }

    /// Forgets somebody, and answers with the addresses they had.
    fn erase(&mut self, person: PersonRef) -> Vec<EmailAddress> {
        self.by_identity.retain(|_, reference| *reference != person);
        let identities = self.details.remove(&person).map(|details| details.identities).unwrap_or_default();
        let address = |identity| match identity {
            Identity::Email(address) => Some(address),
            Identity::Slack { .. } => None,
        };
        identities.into_iter().filter_map(address).collect()
    }
}

impl State {
    /// Finds or adds an account. If two turn out to be one, their seats become one, and requests that lose theirs wake.
    fn account(&mut self, new: NewAccount, now: Timestamp) -> AccountId {
        let (account, merge) = self.accounts.resolve(new);
        let losers = merge.map(|merge| self.seats.merge(merge.from, merge.to)).unwrap_or_default();
        for request in losers {
            self.agenda.schedule(Item::Wake(request), now, None, false);
        }
        account
    }
}

#[async_trait]
impl PeopleStore for MemoryStore {
    async fn people(&self, people: Vec<NewPerson>) -> Result<Vec<PersonRef>, StoreError> {
        let mut state = self.state();
        Ok(people.into_iter().map(|new| state.people.resolve(new)).collect())
    }

    async fn find(&self, identity: &Identity) -> Result<Option<PersonRef>, StoreError> {
        Ok(self.state().people.by_identity.get(identity).copied())
    }

    async fn details(&self, people: &[PersonRef]) -> Result<Vec<Option<PersonDetails>>, StoreError> {
        let state = self.state();
        Ok(people.iter().map(|person| state.people.details.get(person).cloned()).collect())
    }

    async fn accounts(&self, accounts: Vec<NewAccount>, now: Timestamp) -> Result<Vec<AccountId>, StoreError> {
        let mut state = self.state();
        let found: Vec<AccountId> = accounts.into_iter().map(|new| state.account(new, now)).collect();
        // A later one of the same question may have merged an earlier one away.
        Ok(found.into_iter().map(|account| state.accounts.remaining(account)).collect())
    }

    async fn known_accounts(&self, accounts: &[(AppId, AccountNames)]) -> Result<Vec<Vec<AccountId>>, StoreError> {
        let state = self.state();
        Ok(accounts.iter().map(|(app, names)| state.accounts.known(app, names)).collect())
    }

    async fn account_names(&self, accounts: &[AccountId]) -> Result<Vec<Option<AccountNames>>, StoreError> {
        let state = self.state();
        Ok(accounts.iter().map(|account| state.accounts.names(*account)).collect())
    }

    async fn texts(&self, texts: &[TextId]) -> Result<Vec<Option<String>>, StoreError> {
        let state = self.state();
        Ok(texts.iter().map(|id| state.texts.get(id).map(|text| text.body.clone())).collect())
    }

    async fn erase(&self, person: PersonRef) -> Result<(), StoreError> {
        let mut state = self.state();
        let addresses = state.people.erase(person);
        state.accounts.erase(&addresses);
        state.directory.erase(person);
        state.texts.retain(|_, text| !text.about.contains(&person));
        Ok(())
    }
}
