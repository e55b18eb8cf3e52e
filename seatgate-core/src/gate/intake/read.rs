//! What is read for rows before they are asked about: accounts, people and seats.

use std::collections::BTreeMap;

use super::Intake;
use super::judge::{fallback, holder};
use crate::both::both;
use crate::gate::GateError;
use crate::id::{AccountId, PersonRef};
use crate::person::{Identity, PersonDraft};
use crate::port::{NewAccount, SeatStatusRow, StoreError};
use crate::route::Concerned;
use crate::seat::{AccountNames, Candidate, Seat};

/// A row with everything that was read for it.
pub(super) struct Read {
    pub(super) row: u32,
    pub(super) candidate: Candidate,
    pub(super) names: AccountNames,
    /// Those from whom it follows who is asked.
    pub(super) concerned: Concerned,
    pub(super) seat: Seat,
    pub(super) status: SeatStatusRow,
}

impl Intake<'_> {
    /// Reads the seats' generations. Exceptions are read after this, in [`Intake::sift`].
    pub(super) async fn read(&self, batch: Vec<(u32, Candidate)>) -> Result<Vec<Read>, GateError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let reported: Vec<AccountNames> = batch.iter().map(|(_, candidate)| candidate.account.clone()).collect();
        let (accounts, names, people) = if reported.iter().all(|names| names.email.is_some()) {
            let (accounts, people) = both(self.accounts(&batch), self.people(&batch, &reported)).await;
            (accounts?, reported, people?)
        } else {
            let accounts = self.accounts(&batch).await?;
            let names = self.names(reported, &accounts).await?;
            let people = self.people(&batch, &names).await?;
            (accounts, names, people)
        };
        let found = batch.into_iter().zip(accounts).zip(names);
        let mut reads: Vec<Read> =
            found.map(|((row, account), names)| self.found(row, account, names, &people)).collect();
        let seats: Vec<Seat> = reads.iter().map(|read| read.seat.clone()).collect();
        for (read, status) in reads.iter_mut().zip(self.gate.parts.requests.seats(&seats).await?) {
            read.status = status;
        }
        Ok(reads)
    }

    /// The accounts of these rows, of which those are added that are new.
    async fn accounts(&self, batch: &[(u32, Candidate)]) -> Result<Vec<AccountId>, StoreError> {
        let now = self.gate.now();
        let reported = batch.iter().map(|(_, candidate)| {
            let account = AccountId::generate(now, &*self.gate.parts.entropy);
            NewAccount::new(candidate.app.id.clone(), candidate.account.clone(), account)
        });
        self.gate.parts.people.accounts(reported.collect(), now).await
    }

    /// A row whose account and people are found.
    fn found(
        &self,
        (row, candidate): (u32, Candidate),
        account: AccountId,
        names: AccountNames,
        people: &BTreeMap<Identity, PersonRef>,
    ) -> Read {
        let find = |draft: Option<PersonDraft>| draft.and_then(|draft| people.get(&draft.identity).copied());
        let (app, terms) = (&candidate.app, self.settings.policy.terms(candidate.app.id.as_str()));
        let fallbacks = terms.fallback_approvers.iter().filter_map(|address| find(fallback(address))).collect();
        let concerned = Concerned::new(find(candidate.manager.clone()), find(holder(&names)), fallbacks);
        let concerned = concerned.in_app(Some(app.id.clone())).under(terms);
        let seat = Seat::new(app.clone(), account, candidate.entitlement.clone(), concerned.holder);
        Read { row, candidate, names, concerned, seat, status: SeatStatusRow::default() }
    }

    /// The names that the accounts are known by: so a holder is known, and bound, although a report names an id alone.
    async fn names(
        &self,
        reported: Vec<AccountNames>,
        accounts: &[AccountId],
    ) -> Result<Vec<AccountNames>, StoreError> {
        let known = self.gate.parts.people.account_names(accounts).await?;
        Ok(reported.into_iter().zip(known).map(|(reported, known)| known.unwrap_or(reported)).collect())
    }

    async fn people(
        &self,
        batch: &[(u32, Candidate)],
        names: &[AccountNames],
    ) -> Result<BTreeMap<Identity, PersonRef>, StoreError> {
        let mut drafts: BTreeMap<Identity, PersonDraft> = BTreeMap::new();
        for ((_, candidate), names) in batch.iter().zip(names) {
            let terms = self.settings.policy.terms(candidate.app.id.as_str());
            let fallbacks = terms.fallback_approvers.iter().filter_map(|text| fallback(text));
            for draft in holder(names).into_iter().chain(candidate.manager.clone()).chain(fallbacks) {
                let known = drafts.entry(draft.identity.clone()).or_insert_with(|| draft.clone());
                known.name = known.name.take().or(draft.name);
            }
        }
        let (identities, drafts): (Vec<_>, Vec<_>) = drafts.into_iter().unzip();
        Ok(identities.into_iter().zip(self.gate.resolve(drafts).await?).collect())
    }
}
