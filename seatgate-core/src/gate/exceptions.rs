//! Filing and revoking exceptions by hand, and asking which seats are excepted.
//!
//! Exceptions may live in a store of their own, so no transaction spans them and the trail. Each exception therefore has
//! a stream of its own (`exc_…`), and its entries come in pairs: what somebody is about to do is recorded before it is
//! done, and what came of it after. So nothing is done that the trail does not know, and an intention without an outcome
//! shows that the process ended in between.

use serde_json::{Value, json};

use crate::authorize::Denial;
use crate::gate::{Attempt, Gate, GateError, Submission, TRIES, corrupt};
use crate::id::{AccountId, ExceptionId, PersonRef};
use crate::person::{Identity, Text};
use crate::policy::KeepReason;
use crate::port::{Change, EffectErrorKind, Exception, NamedSeat, NewAccount, StoreError};
use crate::request::Refusal;
use crate::seat::{AccountNames, App, Entitlement, Seat};
use crate::time::Timestamp;
use crate::trail::{EntryDraft, Stream};

/// A seat as the outside names it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeatNames {
    /// The app.
    pub app: App,
    /// Whose account.
    pub account: AccountNames,
    /// The kind of licence.
    pub entitlement: Entitlement,
}

impl SeatNames {
    /// A seat.
    #[must_use]
    pub fn new(app: App, account: AccountNames, entitlement: Entitlement) -> Self {
        Self { app, account, entitlement }
    }
}

impl Gate {
    /// Files an exception for a seat: it is not asked about until `until`. Like a keep, it needs a reason where the policy
    /// says so, lasts at most `keep_max`, and nobody files one for their own seat.
    ///
    /// # Errors
    /// [`GateError::Denied`] (recorded in the access stream), [`GateError::Unfit`], [`GateError::BadReason`],
    /// [`GateError::NotFiled`], or what the store says.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was filed; its stream says that it was about to be.
    pub async fn file_exception(
        &self,
        seat: SeatNames,
        until: Timestamp,
        reason: Option<&str>,
        by: &Submission,
    ) -> Result<Exception, GateError> {
        self.operator_only("file_exception", Some(&seat.app.id), by).await?;
        let reason = self.reason(reason, by)?;
        self.fits_policy(&seat, until, reason.is_some())?;
        let holder = self.holder_of(&seat).await?;
        if holder.is_some() && holder == by.actor.person() {
            let attempt = Attempt::new(by.actor.clone(), by.surface, "file_exception", Denial::OwnSeat.label());
            self.record_denied(attempt).await;
            return Err(Denial::OwnSeat.into());
        }
        let now = self.now();
        let seat = self.seat_of(seat, holder).await?;
        let id = ExceptionId::generate(now, &*self.parts.entropy);
        let mut exception = Exception::new(id, seat, until, by.actor.clone(), now);
        exception.reason = reason.as_ref().map(|text| text.reference);
        self.file_recorded(exception, reason, by).await
    }

    /// Ends an exception now: the seat may be asked about again.
    ///
    /// # Errors
    /// [`GateError::Denied`] (recorded in the access stream), [`GateError::NoException`] where none with this id holds, or
    /// what the store says.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was revoked; its stream says that it was about to be.
    pub async fn revoke_exception(&self, id: ExceptionId, by: &Submission) -> Result<(), GateError> {
        self.operator_only("revoke_exception", None, by).await?;
        self.record_exception(id, by, "exception_revoking", json!({}), None).await?;
        let held = self.parts.exceptions.revoke(id, self.now()).await?;
        self.record_exception(id, by, "exception_revoked", json!({ "held": held }), None).await?;
        if held { Ok(()) } else { Err(GateError::NoException(id)) }
    }

    /// The exception that covers each of these seats now, in this order, if one does. Adds nobody and no account.
    ///
    /// # Errors
    /// When a store cannot tell.
    ///
    /// # Cancel safety
    /// Nothing changes.
    pub async fn covering(&self, seats: &[SeatNames]) -> Result<Vec<Option<Exception>>, StoreError> {
        let questions: Vec<_> = seats.iter().map(|seat| (seat.app.id.clone(), seat.account.clone())).collect();
        let known = self.parts.people.known_accounts(&questions).await?;
        let (mut named, mut rows) = (Vec::new(), Vec::new());
        for (row, (names, mut accounts)) in seats.iter().zip(known).enumerate() {
            if accounts.is_empty() {
                // A store outside ours may know the seat by its names.
                accounts.push(AccountId::generate(self.now(), &*self.parts.entropy));
            }
            for account in accounts {
                let seat = Seat::new(names.app.clone(), account, names.entitlement.clone(), None);
                named.push(NamedSeat::new(seat, names.account.clone()));
                rows.push(row);
            }
        }
        let mut covering: Vec<Option<Exception>> = vec![None; seats.len()];
        if named.is_empty() {
            return Ok(covering);
        }
        for (row, found) in rows.into_iter().zip(self.parts.exceptions.active(&named, self.now()).await?) {
            if let (Some(place), Some(found)) = (covering.get_mut(row), found) {
                let longer = place.as_ref().is_none_or(|known| known.until < found.until);
                *place = if longer { Some(found) } else { place.take() };
            }
        }
        Ok(covering)
    }

    fn fits_policy(&self, seat: &SeatNames, until: Timestamp, has_reason: bool) -> Result<(), GateError> {
        let (settings, now) = (self.settings(), self.now());
        let terms = settings.policy.terms(seat.app.id.as_str());
        if terms.keep_reason == KeepReason::Required && !has_reason {
            Err(GateError::Unfit(Refusal::ReasonRequired))
        } else if until <= now {
            Err(GateError::Unfit(Refusal::KeepEndsInPast))
        } else if until > now.saturating_add(terms.keep_max.duration()) {
            Err(GateError::Unfit(Refusal::KeepTooLong))
        } else {
            Ok(())
        }
    }

    /// Who holds a seat, by the address that was given or is known.
    async fn holder_of(&self, seat: &SeatNames) -> Result<Option<PersonRef>, StoreError> {
        let people = &self.parts.people;
        let known = people.known_accounts(&[(seat.app.id.clone(), seat.account.clone())]).await?.concat();
        let names = people.account_names(&known).await?;
        let address = seat.account.email.clone().or_else(|| names.into_iter().flatten().find_map(|names| names.email));
        match address {
            Some(address) => people.find(&Identity::Email(address)).await,
            None => Ok(None),
        }
    }

    async fn seat_of(&self, names: SeatNames, holder: Option<PersonRef>) -> Result<Seat, GateError> {
        let now = self.now();
        let account = AccountId::generate(now, &*self.parts.entropy);
        let account = NewAccount::new(names.app.id.clone(), names.account, account);
        let found = self.parts.people.accounts(vec![account], now).await?;
        let account = found.into_iter().next().ok_or(GateError::Contended)?;
        Ok(Seat::new(names.app, account, names.entitlement, holder))
    }

    async fn file_recorded(
        &self,
        exception: Exception,
        reason: Option<Text>,
        by: &Submission,
    ) -> Result<Exception, GateError> {
        let data = json!({ "seat": exception.seat.key(), "until": exception.until, "reason": exception.reason });
        self.record_exception(exception.id, by, "exception_filing", data, reason).await?;
        let store = &self.parts.exceptions;
        let filed = match store.file(&exception).await {
            Err(error) if error.kind() == EffectErrorKind::Unknown => store.file(&exception).await,
            filed => filed,
        };
        match filed {
            Ok(()) => {
                self.record_exception(exception.id, by, "exception_filed", json!({}), None).await?;
                Ok(exception)
            }
            Err(error) => {
                let certain = error.kind() != EffectErrorKind::Unknown;
                self.record_exception(exception.id, by, "exception_not_filed", json!({ "certain": certain }), None)
                    .await?;
                Err(GateError::NotFiled(error))
            }
        }
    }

    /// Appends to an exception's stream.
    async fn record_exception(
        &self,
        id: ExceptionId,
        by: &Submission,
        kind: &str,
        data: Value,
        text: Option<Text>,
    ) -> Result<(), GateError> {
        let change_id = self.new_change();
        for _ in 0..TRIES {
            let mut chain = self.parts.requests.chain(Stream::Exception(id)).await?;
            let mut change = Change::new(change_id, &chain);
            let mut draft = EntryDraft::new(self.now(), kind, by.actor.clone(), by.surface, data.clone());
            draft.submitted_by.clone_from(&by.submitted_by);
            change.entries.push(chain.append(change_id, draft).map_err(corrupt)?);
            change.texts.extend(text.clone());
            if self.commit_one(change).await?.is_kept() {
                return Ok(());
            }
        }
        Err(GateError::Contended)
    }
}
