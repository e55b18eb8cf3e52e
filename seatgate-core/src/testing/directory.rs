use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::id::PersonRef;
use crate::port::{Directory, DirectoryEntry, StoreError};
use crate::seat::AppId;
use crate::time::Timestamp;

/// A directory that answers what it was told last, and knows nobody else.
#[derive(Debug, Default)]
pub struct ScriptedDirectory(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    entries: BTreeMap<PersonRef, DirectoryEntry>,
    owners: BTreeMap<AppId, Vec<PersonRef>>,
}

impl ScriptedDirectory {
    /// A directory that knows nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes what it says of a person from now on.
    pub fn edit(&self, person: PersonRef, edit: impl FnOnce(&mut DirectoryEntry)) {
        edit(self.told().entries.entry(person).or_insert_with(|| DirectoryEntry::unknown(person)));
    }

    /// From now on, these people own `app`.
    pub fn own(&self, app: AppId, people: Vec<PersonRef>) {
        self.told().owners.insert(app, people);
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Directory for ScriptedDirectory {
    async fn people(&self, people: &[PersonRef], _now: Timestamp) -> Result<Vec<DirectoryEntry>, StoreError> {
        let told = self.told();
        let entry = |person: &PersonRef| told.entries.get(person).cloned();
        Ok(people.iter().map(|person| entry(person).unwrap_or_else(|| DirectoryEntry::unknown(*person))).collect())
    }

    async fn owners(&self, app: &AppId) -> Result<Vec<PersonRef>, StoreError> {
        Ok(self.told().owners.get(app).cloned().unwrap_or_default())
    }
}
