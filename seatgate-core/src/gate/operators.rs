//! Who operates seatgate: whoever the configuration names, and whoever was appointed.

use std::collections::BTreeSet;

use crate::gate::{Gate, GateError, Settings};
use crate::id::PersonRef;
use crate::person::{Identity, PersonDraft};
use crate::port::{DirectoryEdit, StoreError};

impl Settings {
    /// Whether this operator stands in the configuration: then nobody can dismiss them but by changing that.
    #[must_use]
    pub fn is_configured(&self, operator: PersonRef) -> bool {
        self.configured.contains(&operator)
    }

    fn operators_are(&mut self, configured: BTreeSet<PersonRef>, appointed: BTreeSet<PersonRef>) {
        self.operators = configured.union(&appointed).copied().collect();
        (self.configured, self.appointed) = (configured, appointed);
    }
}

impl Gate {
    /// Makes these people the configured operators. Beside them stand those who were appointed by an edit of the
    /// directory ([`Gate::edit_directory`]), and nobody else.
    ///
    /// # Errors
    /// When the store cannot tell who they are.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the operators as they were or as they are to be.
    pub async fn appoint(&self, operators: &[Identity]) -> Result<(), StoreError> {
        let drafts = operators.iter().map(|identity| PersonDraft::new(identity.clone(), None)).collect();
        let configured = self.resolve(drafts).await?.into_iter().collect();
        self.change_settings(|settings| {
            let appointed = std::mem::take(&mut settings.appointed);
            settings.operators_are(configured, appointed);
        });
        self.reload_operators().await
    }

    /// Reads who was appointed. What was read before a later edit of ours does not count.
    pub(super) async fn reload_operators(&self) -> Result<(), StoreError> {
        let seq = self.system_version().await?;
        let appointed = self.parts.directory_queries.operators().await?;
        let appointed = appointed.into_iter().map(|operator| operator.person).collect();
        self.change_settings(|settings| {
            if seq >= settings.operators_seq {
                let configured = std::mem::take(&mut settings.configured);
                settings.operators_are(configured, appointed);
                settings.operators_seq = seq;
            }
        });
        Ok(())
    }

    /// Takes up edits that were recorded up to `seq`: from now on whoever was dismissed has no authority here. Where
    /// somebody else's were taken up meanwhile, all is read again.
    pub(super) async fn take_up_operators(&self, seq: u64, edits: &[DirectoryEdit]) -> Result<(), GateError> {
        let about_operators =
            |edit: &DirectoryEdit| matches!(edit, DirectoryEdit::Appoint { .. } | DirectoryEdit::Dismiss { .. });
        if !edits.iter().any(about_operators) {
            return Ok(());
        }
        let mut overtaken = false;
        self.change_settings(|settings| {
            overtaken = seq <= settings.operators_seq;
            if !overtaken {
                let (configured, mut appointed) =
                    (std::mem::take(&mut settings.configured), std::mem::take(&mut settings.appointed));
                edits.iter().for_each(|edit| take(edit, &mut appointed));
                settings.operators_are(configured, appointed);
                settings.operators_seq = seq;
            }
        });
        if overtaken {
            self.reload_operators().await?;
        }
        Ok(())
    }
}

fn take(edit: &DirectoryEdit, appointed: &mut BTreeSet<PersonRef>) {
    match edit {
        DirectoryEdit::Appoint { person, .. } => {
            appointed.insert(*person);
        }
        DirectoryEdit::Dismiss { person } => {
            appointed.remove(person);
        }
        _ => {}
    }
}
