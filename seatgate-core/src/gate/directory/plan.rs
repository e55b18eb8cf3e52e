//! Which edits fit, which of them change something, whom they concern, and what is recorded of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::gate::{Gate, GateError};
use crate::id::PersonRef;
use crate::port::{Delegation, DirectoryEdit, DirectoryEntry, Period, StoreError};
use crate::seat::AppId;
use crate::time::Timestamp;

/// So many people are asked about together.
const PAGE: usize = 500;

/// Why an edit of the directory does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditProblem {
    /// Somebody would manage themselves.
    #[error("nobody manages themselves")]
    OwnManager,
    /// Somebody would stand in for themselves.
    #[error("nobody stands in for themselves")]
    OwnStandIn,
    /// A time would end before it begins.
    #[error("it must end after it begins")]
    EndsBeforeStart,
    /// An operator stands in the configuration, and is dismissed there.
    #[error("this operator is named in the configuration: remove them there")]
    Configured,
}

/// An edit that changes something, and whom requests may ask because of it, or for that reason no more.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) edit: DirectoryEdit,
    pub(super) concerns: Vec<PersonRef>,
}

/// The directory as it is, and as the edits before have left it.
struct Before {
    now: Timestamp,
    entries: BTreeMap<PersonRef, DirectoryEntry>,
    owners: BTreeMap<AppId, Vec<PersonRef>>,
    configured: BTreeSet<PersonRef>,
    appointed: BTreeSet<PersonRef>,
}

impl Gate {
    /// The edits that change something.
    pub(super) async fn plan_edits(&self, edits: Vec<DirectoryEdit>) -> Result<Vec<Planned>, GateError> {
        let configured = self.settings().configured.clone();
        for (place, edit) in edits.iter().enumerate() {
            check(edit, &configured).map_err(|problem| GateError::UnfitEdit { place, problem })?;
        }
        let mut before = self.before(&edits, configured).await?;
        let mut planned = Vec::with_capacity(edits.len());
        for edit in edits {
            let concerns = match &edit {
                DirectoryEdit::EndDelegation { delegation, at } => {
                    let known = self.parts.directory_queries.delegation(*delegation).await?;
                    let lasting = known.filter(|known| known.period.ends_at.is_none_or(|end| *at < end));
                    let known = lasting.ok_or(GateError::NoDelegation(*delegation))?;
                    Some(vec![known.from, known.to])
                }
                DirectoryEdit::Dismiss { person } if !before.appointed.contains(person) => {
                    return Err(GateError::NoOperator(*person));
                }
                edit => before.take(edit),
            };
            planned.extend(concerns.map(|concerns| Planned { edit, concerns }));
        }
        Ok(planned)
    }

    async fn before(&self, edits: &[DirectoryEdit], configured: BTreeSet<PersonRef>) -> Result<Before, StoreError> {
        let now = self.now();
        let people: BTreeSet<PersonRef> = edits.iter().filter_map(edited).collect();
        let people: Vec<PersonRef> = people.into_iter().collect();
        let mut entries = BTreeMap::new();
        for page in people.chunks(PAGE) {
            let found = self.parts.own_directory.people(page, now).await?;
            entries.extend(found.into_iter().map(|entry| (entry.person, entry)));
        }
        let mut owners = BTreeMap::new();
        for edit in edits {
            if let DirectoryEdit::Owners { app, .. } = edit {
                owners.insert(app.clone(), self.parts.own_directory.owners(app).await?);
            }
        }
        let appoints =
            |edit: &DirectoryEdit| matches!(edit, DirectoryEdit::Appoint { .. } | DirectoryEdit::Dismiss { .. });
        let appointed = match edits.iter().any(appoints) {
            true => self.parts.directory_queries.operators().await?,
            false => Vec::new(),
        };
        let appointed = appointed.into_iter().map(|operator| operator.person).collect();
        Ok(Before { now, entries, owners, configured, appointed })
    }
}

impl Before {
    /// Whom the edit concerns; nothing, if it changes nothing.
    fn take(&mut self, edit: &DirectoryEdit) -> Option<Vec<PersonRef>> {
        match edit {
            DirectoryEdit::Manager { person, manager } => {
                self.entry(*person, |entry| std::mem::replace(&mut entry.manager, *manager) != *manager)
            }
            DirectoryEdit::Disabled { person, disabled } => {
                self.entry(*person, |entry| std::mem::replace(&mut entry.disabled, *disabled) != *disabled)
            }
            DirectoryEdit::Bot { person, bot } => {
                self.entry(*person, |entry| std::mem::replace(&mut entry.bot, *bot) != *bot)
            }
            DirectoryEdit::Absences { person, periods } => {
                let now = self.now;
                let lasting = periods.iter().filter(|period| period.ends_at.is_none_or(|end| now < end));
                let lasting: Vec<Period> = lasting.copied().collect();
                self.entry(*person, |entry| std::mem::replace(&mut entry.absences, lasting.clone()) != lasting)
            }
            DirectoryEdit::Delegate(Delegation { from, .. }) => Some(vec![*from]),
            DirectoryEdit::Owners { app, people } => {
                let before = self.owners.insert(app.clone(), people.clone()).unwrap_or_default();
                (before != *people).then(|| before.into_iter().chain(people.iter().copied()).collect())
            }
            DirectoryEdit::Appoint { person, .. } => {
                let new = !self.configured.contains(person) && self.appointed.insert(*person);
                new.then(|| vec![*person])
            }
            DirectoryEdit::Dismiss { person } => self.appointed.remove(person).then(|| vec![*person]),
            DirectoryEdit::EndDelegation { .. } => None,
        }
    }

    fn entry(&mut self, person: PersonRef, edit: impl FnOnce(&mut DirectoryEntry) -> bool) -> Option<Vec<PersonRef>> {
        let entry = self.entries.entry(person).or_insert_with(|| DirectoryEntry::unknown(person));
        edit(entry).then(|| vec![person])
    }
}

/// Whose entry it edits.
fn edited(edit: &DirectoryEdit) -> Option<PersonRef> {
    match edit {
        DirectoryEdit::Manager { person, .. }
        | DirectoryEdit::Disabled { person, .. }
        | DirectoryEdit::Bot { person, .. }
        | DirectoryEdit::Absences { person, .. } => Some(*person),
        _ => None,
    }
}

fn check(edit: &DirectoryEdit, configured: &BTreeSet<PersonRef>) -> Result<(), EditProblem> {
    let ends = |period: &Period| period.ends_at.is_none_or(|end| period.starts_at < end);
    match edit {
        DirectoryEdit::Manager { person, manager } if *manager == Some(*person) => Err(EditProblem::OwnManager),
        DirectoryEdit::Absences { periods, .. } if !periods.iter().all(ends) => Err(EditProblem::EndsBeforeStart),
        DirectoryEdit::Delegate(delegation) if delegation.from == delegation.to => Err(EditProblem::OwnStandIn),
        DirectoryEdit::Delegate(delegation) if !ends(&delegation.period) => Err(EditProblem::EndsBeforeStart),
        DirectoryEdit::Dismiss { person } if configured.contains(person) => Err(EditProblem::Configured),
        _ => Ok(()),
    }
}

/// What is recorded of an edit.
pub(super) fn entry(edit: &DirectoryEdit) -> (&'static str, Value) {
    let period = |period: &Period| json!({ "starts_at": period.starts_at, "ends_at": period.ends_at });
    match edit {
        DirectoryEdit::Manager { person, manager } => ("manager_set", json!({ "person": person, "manager": manager })),
        DirectoryEdit::Disabled { person, disabled: true } => ("person_disabled", json!({ "person": person })),
        DirectoryEdit::Disabled { person, disabled: false } => ("person_enabled", json!({ "person": person })),
        DirectoryEdit::Bot { person, bot } => ("bot_set", json!({ "person": person, "bot": bot })),
        DirectoryEdit::Absences { person, periods } => {
            let periods: Vec<Value> = periods.iter().map(period).collect();
            ("absences_set", json!({ "person": person, "periods": periods }))
        }
        DirectoryEdit::Delegate(Delegation { id, from, to, period }) => {
            let (starts_at, ends_at) = (period.starts_at, period.ends_at);
            let data = json!({ "delegation": id, "from": from, "to": to, "starts_at": starts_at, "ends_at": ends_at });
            ("delegated", data)
        }
        DirectoryEdit::EndDelegation { delegation, at } => {
            ("delegation_ended", json!({ "delegation": delegation, "at": at }))
        }
        DirectoryEdit::Owners { app, people } => ("owners_set", json!({ "app": app, "people": people })),
        DirectoryEdit::Appoint { person, .. } => ("operator_appointed", json!({ "person": person })),
        DirectoryEdit::Dismiss { person } => ("operator_dismissed", json!({ "person": person })),
    }
}
