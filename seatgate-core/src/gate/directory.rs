//! Editing the directory that the store keeps: by operators, and by people about their own delegations.
//!
//! Each edit that changes something is an entry of the system's stream and lands with it, in one transaction; one that
//! changes nothing leaves no trace, so the same list of people can be handed in every night.

mod plan;
mod waking;

pub use plan::EditProblem;

use std::collections::BTreeSet;

use serde_json::json;

use crate::authorize::Denial;
use crate::gate::{Attempt, Gate, GateError, Submission};
use crate::id::{DelegationId, PersonRef};
use crate::person::{Identity, MatchedBy, PersonDraft};
use crate::port::{Delegation, DirectoryEdit, NewPerson, Period, StoreError};
use plan::Planned;

/// So many edits share a change.
const BATCH: usize = 100;

impl Gate {
    /// Edits the store's directory, if they may: operators, whoever an administrator's token backs, and people who
    /// delegate for themselves or end their own delegations. Nothing is done unless every edit fits. Each one that changes
    /// something is recorded in the system's stream, and open requests that ask whom it concerns are woken.
    ///
    /// More than 100 edits are kept in several steps, in order. Operators who are appointed or dismissed are so at once
    /// here, and on other servers at their next poll.
    ///
    /// # Errors
    /// [`GateError::Denied`] (recorded in the access stream), [`GateError::UnfitEdit`], [`GateError::NoDelegation`],
    /// [`GateError::NoOperator`], or what the store says; then some of the steps may have been kept. Asking again is safe.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown how many of the steps were kept; asking again is safe.
    pub async fn edit_directory(&self, edits: Vec<DirectoryEdit>, by: &Submission) -> Result<(), GateError> {
        if edits.is_empty() {
            return Ok(());
        }
        self.may_edit(&edits, by).await?;
        let planned = self.plan_edits(edits).await?;
        for batch in planned.chunks(BATCH) {
            self.record_edits(batch, by).await?;
        }
        Ok(())
    }

    /// Lets somebody stand in for somebody else: what the one would be asked, the other is asked. Operators may say so
    /// for everybody, and each person for themselves.
    ///
    /// # Errors
    /// As for [`Gate::edit_directory`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was done; a delegation that is handed in twice holds twice.
    pub async fn delegate(
        &self,
        from: PersonRef,
        to: PersonRef,
        period: Period,
        by: &Submission,
    ) -> Result<Delegation, GateError> {
        let id = DelegationId::generate(self.now(), &*self.parts.entropy);
        let delegation = Delegation::new(id, from, to, period);
        self.edit_directory(vec![DirectoryEdit::Delegate(delegation.clone())], by).await?;
        Ok(delegation)
    }

    /// Ends a delegation now: by an operator, or by who is stood in for.
    ///
    /// # Errors
    /// As for [`Gate::edit_directory`]; [`GateError::NoDelegation`] where none with this id holds or will hold.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was done; asking again is safe.
    pub async fn end_delegation(&self, delegation: DelegationId, by: &Submission) -> Result<(), GateError> {
        self.edit_directory(vec![DirectoryEdit::EndDelegation { delegation, at: self.now() }], by).await
    }

    /// Forgets a person, by an operator: names, addresses, texts about them, and what the store's directory says of them.
    /// The trail stays, and still verifies. Recorded in the system's stream before and after.
    ///
    /// # Errors
    /// [`GateError::Denied`] (recorded in the access stream), [`GateError::NoPerson`], or what the store says.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was done; asking again is safe.
    pub async fn erase(&self, person: PersonRef, by: &Submission) -> Result<(), GateError> {
        self.operator_only("erase_person", None, by).await?;
        if self.parts.people.details(&[person]).await?.iter().all(Option::is_none) {
            return Err(GateError::NoPerson(person));
        }
        let data = json!({ "person": person });
        self.record_in_system(&[("person_erasing", data.clone())], &[], &[], by).await?;
        self.parts.people.erase(person).await?;
        self.record_about(&BTreeSet::from([person]), &[("person_erased", data)], &[], by).await?;
        self.reload_operators().await?;
        Ok(())
    }

    /// Makes people known by one more identity each, by an operator, and answers with whom each identity names now. One
    /// that names somebody already stays theirs: nobody is joined with anybody, and who asked sees another person than the
    /// one they named. What is new is recorded in the system's stream first.
    ///
    /// # Errors
    /// [`GateError::Denied`] (recorded in the access stream), or what the store says; then some may have been added.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown how many were added; asking again is safe.
    pub async fn link(&self, links: Vec<(PersonRef, Identity)>, by: &Submission) -> Result<Vec<PersonRef>, GateError> {
        self.operator_only("edit_directory", None, by).await?;
        let mut entries = Vec::new();
        for (person, identity) in &links {
            if self.parts.people.find(identity).await?.is_none() {
                entries.push(("identity_added", json!({ "person": person })));
            }
        }
        for batch in entries.chunks(BATCH) {
            self.record_in_system(batch, &[], &[], by).await?;
        }
        let known = |(person, identity)| NewPerson::new(PersonDraft::new(identity, None), person);
        Ok(self.parts.people.people(links.into_iter().map(known).collect()).await?)
    }

    /// Lets operators pass, and whoever only edits delegations of their own.
    async fn may_edit(&self, edits: &[DirectoryEdit], by: &Submission) -> Result<(), GateError> {
        let own = match by.actor.person() {
            Some(person) => self.are_own(edits, person).await?,
            None => false,
        };
        if !own {
            return self.operator_only("edit_directory", None, by).await;
        }
        if self.settings().policy.default_terms().strict_identity && by.matched_by == MatchedBy::Email {
            let denial = Denial::WeakIdentity;
            self.record_denied(Attempt::new(by.actor.clone(), by.surface, "edit_directory", denial.label())).await;
            return Err(denial.into());
        }
        Ok(())
    }

    async fn are_own(&self, edits: &[DirectoryEdit], person: PersonRef) -> Result<bool, StoreError> {
        for edit in edits {
            let from = match edit {
                DirectoryEdit::Delegate(delegation) => Some(delegation.from),
                DirectoryEdit::EndDelegation { delegation, .. } => {
                    self.parts.directory_queries.delegation(*delegation).await?.map(|known| known.from)
                }
                _ => None,
            };
            if from != Some(person) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn record_edits(&self, planned: &[Planned], by: &Submission) -> Result<(), GateError> {
        let concerned = planned.iter().flat_map(|planned| planned.concerns.iter().copied()).collect();
        let edits: Vec<DirectoryEdit> = planned.iter().map(|planned| planned.edit.clone()).collect();
        let entries: Vec<_> = edits.iter().map(plan::entry).collect();
        let seq = self.record_about(&concerned, &entries, &edits, by).await?;
        self.take_up_operators(seq, &edits).await
    }
}
