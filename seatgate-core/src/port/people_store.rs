//! Who is behind the references: people, accounts and texts, apart from the trail.

use async_trait::async_trait;

use crate::id::{AccountId, PersonRef, TextId};
use crate::person::{Identity, PersonDetails, PersonDraft};
use crate::port::StoreError;
use crate::seat::{AccountNames, AppId};
use crate::time::Timestamp;

/// Somebody to look up, or to add under `reference`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewPerson {
    /// Who.
    pub draft: PersonDraft,
    /// Under which reference, if they are new.
    pub reference: PersonRef,
}

impl NewPerson {
    /// Somebody.
    #[must_use]
    pub fn new(draft: PersonDraft, reference: PersonRef) -> Self {
        Self { draft, reference }
    }
}

/// An account to look up, or to add under `account`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewAccount {
    /// In which app.
    pub app: AppId,
    /// Under which names it was reported.
    pub names: AccountNames,
    /// Under which id, if it is new.
    pub account: AccountId,
}

impl NewAccount {
    /// An account.
    #[must_use]
    pub fn new(app: AppId, names: AccountNames, account: AccountId) -> Self {
        Self { app, names, account }
    }
}

/// Keeps people, accounts and texts.
///
/// # Contract
/// - **PS-1** One identity, one person: the first caller's reference stays, also when two ask at once. A name that was
///   missing is taken up; a name that is there stays.
/// - **PS-2** *One seat reported both ways is one seat.* Within an app, an account is found by its own id first, then by
///   e-mail. An e-mail-only account adopts the first id seen with it. Where both had accounts and the other one has no id
///   of its own, it merges into the one with the id: its seats, exceptions and names follow, and where both had an open
///   request about the same seat, the older one keeps it and the newer one is woken. Where the other one has an id of its
///   own, the address moves.
/// - **PS-3** `erase` removes a person's name, identities, every text that is about them (alone or among
///   others), the account names that bear one of their addresses
///   (the app's own id included, so that a later report makes a new account), and what the store's own
///   [`Directory`](crate::port::Directory) says of them or by them: whom they manage and who manages them, absences,
///   delegations from and to them, what they own, and that they are an operator. References stay, and resolve to nothing.
/// - **PS-4** Every answer is in the order of the question.
/// - **PS-5** `known_accounts` changes nothing. It answers with what `accounts` would find: nothing where it would add an
///   account, one, or, where it would merge two, both, the one that would remain first.
///
/// # Cancel safety
/// Dropping a future leaves it unknown whether something was added; all may be repeated.
#[async_trait]
pub trait PeopleStore: Send + Sync {
    /// Finds people, adding those who are new.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn people(&self, people: Vec<NewPerson>) -> Result<Vec<PersonRef>, StoreError>;

    /// Finds somebody, adding nobody.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn find(&self, identity: &Identity) -> Result<Option<PersonRef>, StoreError>;

    /// What is known about people; nothing for those who are unknown or erased.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn details(&self, people: &[PersonRef]) -> Result<Vec<Option<PersonDetails>>, StoreError>;

    /// Finds accounts, adding those that are new, and merging those that turn out to be one. `now` is when requests that
    /// lose their seat are woken.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn accounts(&self, accounts: Vec<NewAccount>, now: Timestamp) -> Result<Vec<AccountId>, StoreError>;

    /// Finds accounts, adding none and merging none.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn known_accounts(&self, accounts: &[(AppId, AccountNames)]) -> Result<Vec<Vec<AccountId>>, StoreError>;

    /// The names of accounts; after a merge, those of the one that remains.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn account_names(&self, accounts: &[AccountId]) -> Result<Vec<Option<AccountNames>>, StoreError>;

    /// Texts; nothing for those that are unknown or erased.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn texts(&self, texts: &[TextId]) -> Result<Vec<Option<String>>, StoreError>;

    /// Forgets a person.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn erase(&self, person: PersonRef) -> Result<(), StoreError>;
}
