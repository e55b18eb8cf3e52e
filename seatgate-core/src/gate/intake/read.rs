//! What is read for rows before they are asked about: accounts, people and seats.

use std::collections::BTreeMap;

use super::Intake;
use super::judge::{fallback, holder};
use crate::both::both;
use crate::gate::GateError;
use crate::id::{AccountId, PersonRef};
use crate::person::{Identity, PersonDraft};
use crate::port::{NewAccount, SeatStatusRow, StoreError};
use crate::route::{self, Concerned, Known, Missing};
use crate::seat::{AccountNames, Candidate, Seat};

/// A row with everything that was read for it.
pub(super) struct Read {
    pub(super) row: u32,
    pub(super) candidate: Candidate,
    pub(super) names: AccountNames,
    pub(super) manager: Option<PersonRef>,
    pub(super) seat: Seat,
    pub(super) status: SeatStatusRow,
    pub(super) fallbacks: Vec<PersonRef>,
}

impl Read {
    /// Those from whom it follows who is asked.
    pub(super) fn concerned(&self, quorum: u32) -> Concerned {
        let concerned = Concerned::new(self.manager, self.seat.holder, self.fallbacks.clone());
        concerned.in_app(Some(self.seat.app.id.clone())).with_quorum(quorum)
    }
}

impl Intake<'_> {
    /// Reads the seats' generations. Exceptions are read after this, in [`Intake::sift`].
    pub(super) async fn read(&self, batch: Vec<(u32, Candidate)>) -> Result<Vec<Read>, GateError> {
        let (gate, now) = (self.gate, self.gate.now());
        let new_account = |candidate: &Candidate| {
            let account = AccountId::generate(now, &*gate.parts.entropy);
            NewAccount::new(candidate.app.id.clone(), candidate.account.clone(), account)
        };
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let accounts =
            gate.parts.people.accounts(batch.iter().map(|(_, candidate)| new_account(candidate)).collect(), now);
        let reported: Vec<AccountNames> = batch.iter().map(|(_, candidate)| candidate.account.clone()).collect();
        let (accounts, names, people) = if reported.iter().all(|names| names.email.is_some()) {
            let (accounts, people) = both(accounts, self.people(&batch, &reported)).await;
            (accounts?, reported, people?)
        } else {
            let accounts = accounts.await?;
            let names = self.names(reported, &accounts).await?;
            let people = self.people(&batch, &names).await?;
            (accounts, names, people)
        };
        let mut reads = Vec::with_capacity(batch.len());
        for (((row, candidate), account), names) in batch.into_iter().zip(accounts).zip(names) {
            let find = |draft: Option<PersonDraft>| draft.and_then(|draft| people.get(&draft.identity).copied());
            let holder = find(holder(&names));
            let manager = find(candidate.manager.clone());
            let terms = self.settings.policy.terms(candidate.app.id.as_str());
            let fallbacks = terms.fallback_approvers.iter().filter_map(|text| find(fallback(text))).collect();
            let seat = Seat::new(candidate.app.clone(), account, candidate.entitlement.clone(), holder);
            reads.push(Read { row, candidate, names, manager, seat, status: SeatStatusRow::default(), fallbacks });
        }
        let seats: Vec<Seat> = reads.iter().map(|read| read.seat.clone()).collect();
        for (read, status) in reads.iter_mut().zip(gate.parts.requests.seats(&seats).await?) {
            read.status = status;
        }
        Ok(reads)
    }

    /// What the directory says of whoever may be asked about these rows.
    pub(super) async fn known(&self, reads: &[Read]) -> Result<Known, StoreError> {
        let (now, policy) = (self.gate.now(), &self.settings.policy);
        let mut known = Known::new(self.settings.operators.iter().copied());
        let terms = |read: &Read| policy.terms(read.seat.app.id.as_str());
        self.gate
            .learn(&mut known, |known| {
                let mut missing = Missing::default();
                for read in reads {
                    let concerned = read.concerned(terms(read).quorum);
                    let holder = read.seat.holder.filter(|_| terms(read).ask_holder_first);
                    missing.join(route::missing(&concerned, &[], holder, known, now));
                }
                missing
            })
            .await?;
        Ok(known)
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
