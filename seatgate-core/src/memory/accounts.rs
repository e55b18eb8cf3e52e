//! Accounts, and the names that lead to them.

use std::collections::BTreeMap;

use super::seats::Place;
use crate::id::AccountId;
use crate::person::EmailAddress;
use crate::port::NewAccount;
use crate::seat::{AccountNames, AppId, Seat};

/// Accounts by both of their names.
#[derive(Default)]
pub(super) struct Accounts {
    by_id: BTreeMap<(AppId, String), AccountId>,
    by_email: BTreeMap<(AppId, EmailAddress), AccountId>,
    /// What to show; an erased account has none.
    names: BTreeMap<AccountId, AccountNames>,
    /// The one that remains, for each account that was merged into another. Never a chain: what
    /// others merge into has an id, and what has an id is not merged.
    merged: BTreeMap<AccountId, AccountId>,
}

/// One account turned out to be another.
pub(super) struct Merge {
    pub(super) from: AccountId,
    pub(super) to: AccountId,
}

impl Accounts {
    /// The account that remains of `account` after merges.
    pub(super) fn remaining(&self, account: AccountId) -> AccountId {
        self.merged.get(&account).copied().unwrap_or(account)
    }

    /// Where `seat` is by now.
    pub(super) fn seat_key(&self, seat: &Seat) -> Place {
        Place::of(seat, self.remaining(seat.account))
    }

    pub(super) fn names(&self, account: AccountId) -> Option<AccountNames> {
        self.names.get(&self.remaining(account)).cloned()
    }

    /// Finds or adds an account: by its own id first, then by its address. Answers also with the account that was merged
    /// into it, if one was.
    pub(super) fn resolve(&mut self, new: NewAccount) -> (AccountId, Option<Merge>) {
        let NewAccount { app, names, account } = new;
        let by_id = names.id.clone().and_then(|id| self.by_id.get(&(app.clone(), id)).copied());
        let by_email = names.email.clone().and_then(|email| self.by_email.get(&(app.clone(), email)).copied());
        let (found, merge) = match (by_id, by_email) {
            (Some(to), Some(from)) if to != from && !self.has_id(from) => (to, Some(Merge { from, to })),
            (Some(found), _) => (found, None),
            (None, Some(found)) if names.id.is_none() || !self.has_id(found) => (found, None),
            (None, _) => (account, None),
        };
        if let Some(merge) = &merge {
            self.merge(merge);
        }
        self.link(app, found, names);
        (found, merge)
    }

    /// What [`Self::resolve`] would find.
    pub(super) fn known(&self, app: &AppId, names: &AccountNames) -> Vec<AccountId> {
        let by_id = names.id.clone().and_then(|id| self.by_id.get(&(app.clone(), id)).copied());
        let by_email = names.email.clone().and_then(|email| self.by_email.get(&(app.clone(), email)).copied());
        match (by_id, by_email) {
            (Some(to), Some(from)) if to != from && !self.has_id(from) => vec![to, from],
            (Some(found), _) => vec![found],
            (None, Some(found)) if names.id.is_none() || !self.has_id(found) => vec![found],
            (None, _) => Vec::new(),
        }
    }

    fn has_id(&self, account: AccountId) -> bool {
        self.names.get(&account).is_some_and(|names| names.id.is_some())
    }

    /// Makes both names lead to `account`. An address that led elsewhere moves.
    fn link(&mut self, app: AppId, account: AccountId, names: AccountNames) {
        if let Some(id) = &names.id {
            self.by_id.insert((app.clone(), id.clone()), account);
        }
        if let Some(email) = &names.email {
            let before = self.by_email.insert((app, email.clone()), account);
            let loser = before.filter(|before| *before != account).and_then(|before| self.names.get_mut(&before));
            if let Some(loser) = loser.filter(|loser| loser.email.as_ref() == Some(email)) {
                loser.email = None;
            }
        }
        let known = self.names.entry(account).or_insert_with(|| AccountNames::new(None, None, None));
        known.id = names.id.or_else(|| known.id.take());
        known.email = names.email.or_else(|| known.email.take());
        known.name = names.name.or_else(|| known.name.take());
    }

    fn merge(&mut self, Merge { from, to }: &Merge) {
        let aliases = self.by_id.values_mut().chain(self.by_email.values_mut());
        aliases.filter(|account| *account == from).for_each(|account| *account = *to);
        self.merged.insert(*from, *to);
        let Some(names) = self.names.remove(from) else { return };
        if let Some(known) = self.names.get_mut(to) {
            known.email = known.email.take().or(names.email);
            known.name = known.name.take().or(names.name);
        }
    }

    /// Forgets the names of every account that one of these addresses leads to.
    pub(super) fn erase(&mut self, addresses: &[EmailAddress]) {
        let bearing = self.by_email.iter().filter(|((_, address), _)| addresses.contains(address));
        let erased: Vec<AccountId> = bearing.map(|(_, account)| *account).collect();
        self.by_id.retain(|_, account| !erased.contains(account));
        self.by_email.retain(|_, account| !erased.contains(account));
        self.names.retain(|account, _| !erased.contains(account));
    }
}
