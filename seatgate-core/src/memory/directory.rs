//! The directory that is kept by edits.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::id::{DelegationId, PersonRef};
use crate::port::{Delegation, Directory, DirectoryEdit, DirectoryEntry, DirectoryQueries, Operator, StoreError};
use crate::seat::AppId;
use crate::time::Timestamp;

/// What edits have left.
#[derive(Default)]
pub(super) struct Kept {
    /// Without delegations: those are kept by their ids.
    entries: BTreeMap<PersonRef, DirectoryEntry>,
    delegations: BTreeMap<DelegationId, Delegation>,
    owners: BTreeMap<AppId, Vec<PersonRef>>,
    operators: BTreeMap<PersonRef, Timestamp>,
}

impl Kept {
    /// Applies one edit. Nothing in here fails.
    pub(super) fn edit(&mut self, edit: DirectoryEdit) {
        match edit {
            DirectoryEdit::Manager { person, manager } => self.entry(person).manager = manager,
            DirectoryEdit::Disabled { person, disabled } => self.entry(person).disabled = disabled,
            DirectoryEdit::Bot { person, bot } => self.entry(person).bot = bot,
            DirectoryEdit::Absences { person, periods } => self.entry(person).absences = periods,
            DirectoryEdit::Delegate(delegation) => {
                self.delegations.entry(delegation.id).or_insert(delegation);
            }
            DirectoryEdit::EndDelegation { delegation, at } => self.end(delegation, at),
            DirectoryEdit::Owners { app, people } => {
                self.owners.insert(app, people);
            }
            DirectoryEdit::Appoint { person, at } => {
                self.operators.entry(person).or_insert(at);
            }
            DirectoryEdit::Dismiss { person } => {
                self.operators.remove(&person);
            }
        }
    }

    fn entry(&mut self, person: PersonRef) -> &mut DirectoryEntry {
        self.entries.entry(person).or_insert_with(|| DirectoryEntry::unknown(person))
    }

    fn end(&mut self, delegation: DelegationId, at: Timestamp) {
        let Some(known) = self.delegations.get_mut(&delegation) else { return };
        if known.period.starts_at >= at {
            self.delegations.remove(&delegation);
        } else if known.period.ends_at.is_none_or(|end| at < end) {
            known.period.ends_at = Some(at);
        }
    }

    /// Forgets somebody.
    pub(super) fn erase(&mut self, person: PersonRef) {
        self.entries.remove(&person);
        let managed = self.entries.values_mut().filter(|entry| entry.manager == Some(person));
        managed.for_each(|entry| entry.manager = None);
        self.delegations.retain(|_, delegation| delegation.from != person && delegation.to != person);
        self.owners.values_mut().for_each(|owners| owners.retain(|owner| *owner != person));
        self.operators.remove(&person);
    }

    fn of(&self, person: PersonRef, now: Timestamp) -> DirectoryEntry {
        let mut entry = self.entries.get(&person).cloned().unwrap_or_else(|| DirectoryEntry::unknown(person));
        entry.absences.retain(|absence| absence.ends_at.is_none_or(|end| now < end));
        entry.delegations = self.lasting(now).filter(|delegation| delegation.from == person).cloned().collect();
        entry
    }

    /// Delegations that hold or will hold, by id.
    fn lasting(&self, now: Timestamp) -> impl Iterator<Item = &Delegation> {
        self.delegations.values().filter(move |delegation| delegation.period.ends_at.is_none_or(|end| now < end))
    }
}

#[async_trait]
impl Directory for MemoryStore {
    async fn people(&self, people: &[PersonRef], now: Timestamp) -> Result<Vec<DirectoryEntry>, StoreError> {
        let state = self.state();
        Ok(people.iter().map(|person| state.directory.of(*person, now)).collect())
    }

    async fn owners(&self, app: &AppId) -> Result<Vec<PersonRef>, StoreError> {
        Ok(self.state().directory.owners.get(app).cloned().unwrap_or_default())
    }
}

#[async_trait]
impl DirectoryQueries for MemoryStore {
    async fn operators(&self) -> Result<Vec<Operator>, StoreError> {
        let state = self.state();
        Ok(state.directory.operators.iter().map(|(person, since)| Operator::new(*person, *since)).collect())
    }

    async fn delegation(&self, id: DelegationId) -> Result<Option<Delegation>, StoreError> {
        Ok(self.state().directory.delegations.get(&id).cloned())
    }

    async fn delegations(
        &self,
        now: Timestamp,
        after: Option<DelegationId>,
        limit: usize,
    ) -> Result<Vec<Delegation>, StoreError> {
        let state = self.state();
        let later = state.directory.lasting(now).filter(|delegation| Some(delegation.id) > after);
        Ok(later.take(limit).cloned().collect())
    }

    async fn known_people(&self, after: Option<PersonRef>, limit: usize) -> Result<Vec<PersonRef>, StoreError> {
        let state = self.state();
        Ok(state.people.known().filter(|person| Some(*person) > after).take(limit).collect())
    }

    async fn owned(&self, people: &[PersonRef]) -> Result<Vec<Vec<AppId>>, StoreError> {
        let state = self.state();
        let owned = |person: &PersonRef| {
            let of = state.directory.owners.iter().filter(|(_, owners)| owners.contains(person));
            of.map(|(app, _)| app.clone()).collect()
        };
        Ok(people.iter().map(owned).collect())
    }
}
