use std::sync::Arc;

use async_trait::async_trait;

use crate::id::PersonRef;
use crate::port::{Directory, DirectoryEntry, StoreError};
use crate::seat::AppId;
use crate::time::Timestamp;

/// Several directories as one, the most trusted first.
///
/// The manager is the one that the first names who names any, and so are an app's owners. Whoever is disabled, or a bot, in
/// one of them is so; absences and delegations are those of all. Where one of them cannot tell, none does: half an
/// answer could ask somebody who has left.
#[derive(Clone)]
pub struct Layered(Vec<Arc<dyn Directory>>);

impl Layered {
    /// These directories, the most trusted first.
    #[must_use]
    pub fn new(layers: Vec<Arc<dyn Directory>>) -> Self {
        Self(layers)
    }
}

fn merge(known: &mut DirectoryEntry, more: DirectoryEntry) {
    known.manager = known.manager.or(more.manager);
    known.disabled |= more.disabled;
    known.bot |= more.bot;
    known.absences.extend(more.absences);
    known.delegations.extend(more.delegations);
}

#[async_trait]
impl Directory for Layered {
    async fn people(&self, people: &[PersonRef], now: Timestamp) -> Result<Vec<DirectoryEntry>, StoreError> {
        let mut entries: Vec<_> = people.iter().map(|person| DirectoryEntry::unknown(*person)).collect();
        for layer in &self.0 {
            let more = layer.people(people, now).await?;
            entries.iter_mut().zip(more).for_each(|(known, more)| merge(known, more));
        }
        Ok(entries)
    }

    async fn owners(&self, app: &AppId) -> Result<Vec<PersonRef>, StoreError> {
        for layer in &self.0 {
            let owners = layer.owners(app).await?;
            if !owners.is_empty() {
                return Ok(owners);
            }
        }
        Ok(Vec::new())
    }
}

impl std::fmt::Debug for Layered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layered").field("layers", &self.0.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use crate::port::{DirectoryEdit, Period, RequestStore as _};
    use crate::testing::{ManualClock, World, block_on};

    fn layer(world: &World, edits: Vec<DirectoryEdit>) -> Arc<MemoryStore> {
        let store = Arc::new(MemoryStore::new(Arc::new(ManualClock::new(world.now))));
        let mut change = world.change(&mut world.new_chain());
        change.directory = edits;
        block_on(store.commit(vec![change])).unwrap();
        store
    }

    #[test]
    fn the_first_that_names_a_manager_counts_and_whoever_is_gone_anywhere_is_gone() {
        let world = World::new(1);
        let [ana, bo, mona, max] = [(); 4].map(|()| world.person_ref());
        let app = world.app().id;
        let away = |person| DirectoryEdit::Absences { person, periods: vec![Period::new(world.now, None)] };
        let first = layer(&world, vec![DirectoryEdit::Manager { person: ana, manager: Some(mona) }, away(ana)]);
        let second = layer(
            &world,
            vec![
                DirectoryEdit::Manager { person: ana, manager: Some(max) },
                DirectoryEdit::Manager { person: bo, manager: Some(max) },
                DirectoryEdit::Disabled { person: bo, disabled: true },
                DirectoryEdit::Bot { person: max, bot: true },
                DirectoryEdit::Owners { app: app.clone(), people: vec![max] },
                away(ana),
            ],
        );
        let both = Layered::new(vec![first, second]);
        let found = block_on(both.people(&[bo, ana, max], world.now)).unwrap();
        assert_eq!(found.iter().map(|entry| entry.person).collect::<Vec<_>>(), [bo, ana, max]);
        assert_eq!(found.iter().map(|entry| entry.manager).collect::<Vec<_>>(), [Some(max), Some(mona), None]);
        assert_eq!(found.iter().map(DirectoryEntry::can_be_asked).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(found[1].absences.len(), 2);
        assert_eq!(block_on(both.owners(&app)).unwrap(), [max]);
    }
}
