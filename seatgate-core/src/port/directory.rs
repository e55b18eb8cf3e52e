//! Who manages whom, who stands in for whom, who is away and who is gone.

mod layered;

use async_trait::async_trait;

use crate::id::{DelegationId, PersonRef};
use crate::port::StoreError;
use crate::seat::AppId;
use crate::time::Timestamp;

pub use layered::Layered;

/// A time that begins, and may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Period {
    /// Its first instant.
    pub starts_at: Timestamp,
    /// The first instant after it; without one it lasts.
    pub ends_at: Option<Timestamp>,
}

impl Period {
    /// From `starts_at` until just before `ends_at`.
    #[must_use]
    pub fn new(starts_at: Timestamp, ends_at: Option<Timestamp>) -> Self {
        Self { starts_at, ends_at }
    }

    /// Whether `at` lies in it.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.starts_at <= at && self.ends_at.is_none_or(|end| at < end)
    }

    /// When this begins or ends next, after `now`.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        [Some(self.starts_at), self.ends_at].into_iter().flatten().find(|at| *at > now)
    }
}

/// Somebody stands in for somebody else for a while: what the one would be asked, the other is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delegation {
    /// Which.
    pub id: DelegationId,
    /// Who is stood in for.
    pub from: PersonRef,
    /// Who stands in.
    pub to: PersonRef,
    /// When.
    pub period: Period,
}

impl Delegation {
    /// `to` stands in for `from` during `period`.
    #[must_use]
    pub fn new(id: DelegationId, from: PersonRef, to: PersonRef, period: Period) -> Self {
        Self { id, from, to, period }
    }
}

/// What a directory knows of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectoryEntry {
    /// Who.
    pub person: PersonRef,
    /// Who manages them.
    pub manager: Option<PersonRef>,
    /// Whether they have left, or may not sign in: they are never asked.
    pub disabled: bool,
    /// Whether this is no human: never asked.
    pub bot: bool,
    /// When they are away; what is over may be left out.
    pub absences: Vec<Period>,
    /// Who stands in for them, and when; what is over may be left out.
    pub delegations: Vec<Delegation>,
}

impl DirectoryEntry {
    /// Somebody of whom nothing is known: they can be asked, and nobody manages them.
    #[must_use]
    pub fn unknown(person: PersonRef) -> Self {
        Self { person, manager: None, disabled: false, bot: false, absences: Vec::new(), delegations: Vec::new() }
    }

    /// Whether they may be asked at all.
    #[must_use]
    pub fn can_be_asked(&self) -> bool {
        !self.disabled && !self.bot
    }

    /// Whether they are away at `now`.
    #[must_use]
    pub fn is_away(&self, now: Timestamp) -> bool {
        self.absences.iter().any(|absence| absence.covers(now))
    }

    /// The delegation that holds at `now`; of several the one that began last.
    #[must_use]
    pub fn delegation(&self, now: Timestamp) -> Option<&Delegation> {
        let holding = self.delegations.iter().filter(|delegation| delegation.period.covers(now));
        holding.max_by_key(|delegation| (delegation.period.starts_at, delegation.id))
    }

    /// When this answer changes by itself, after `now`: an absence or a delegation begins or ends.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let delegations = self.delegations.iter().map(|delegation| &delegation.period);
        self.absences.iter().chain(delegations).filter_map(|period| period.next_change(now)).min()
    }
}

/// One edit of the directory that the store keeps, committed together with the entry that records it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectoryEdit {
    /// Sets who manages a person; nobody, if absent.
    Manager {
        /// Whom.
        person: PersonRef,
        /// Who.
        manager: Option<PersonRef>,
    },
    /// Sets whether a person may be asked.
    Disabled {
        /// Who.
        person: PersonRef,
        /// Whether they have left.
        disabled: bool,
    },
    /// Sets whether somebody is no human.
    Bot {
        /// Who.
        person: PersonRef,
        /// Whether.
        bot: bool,
    },
    /// Sets when a person is away, in place of what was set before.
    Absences {
        /// Who.
        person: PersonRef,
        /// When.
        periods: Vec<Period>,
    },
    /// Somebody stands in for somebody. Under a known id nothing changes.
    Delegate(Delegation),
    /// A delegation ends at this time, or never began.
    EndDelegation {
        /// Which.
        delegation: DelegationId,
        /// When.
        at: Timestamp,
    },
    /// Sets who owns an app, in order, in place of what was set before.
    Owners {
        /// Which.
        app: AppId,
        /// Who.
        people: Vec<PersonRef>,
    },
    /// Somebody operates seatgate.
    Appoint {
        /// Who. Whoever is one already stays one since then.
        person: PersonRef,
        /// Since when.
        at: Timestamp,
    },
    /// Somebody operates it no more.
    Dismiss {
        /// Who.
        person: PersonRef,
    },
}

/// Knows who can be asked, and who else.
///
/// A company's own directory is one (implement the trait and give it to the builder); the stores are another, kept by
/// [`DirectoryEdit`]s.
///
/// # Contract
/// - **DI-1** `people` answers for everybody it is asked about, in that order; whom it does not know gets
///   [`DirectoryEntry::unknown`].
/// - **DI-2** An answer may be older than the last edit, but not by more than the directory promises; the stores' own are
///   never older.
/// - **DI-3** Nothing is concluded here: cycles, disabled managers and absences are given as they are. Who is asked
///   follows from them in one place, the module `route`.
///
/// # Cancel safety
/// Nothing changes; every future may be dropped.
#[async_trait]
pub trait Directory: Send + Sync {
    /// What is known of these people.
    ///
    /// # Errors
    /// When the directory cannot tell.
    async fn people(&self, people: &[PersonRef], now: Timestamp) -> Result<Vec<DirectoryEntry>, StoreError>;

    /// Who owns an app, in the order in which they are asked.
    ///
    /// # Errors
    /// When the directory cannot tell.
    async fn owners(&self, app: &AppId) -> Result<Vec<PersonRef>, StoreError>;
}

/// Somebody who operates seatgate by appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operator {
    /// Who.
    pub person: PersonRef,
    /// Since when.
    pub since: Timestamp,
}

impl Operator {
    /// Somebody, since then.
    #[must_use]
    pub fn new(person: PersonRef, since: Timestamp) -> Self {
        Self { person, since }
    }
}

/// Lists what a store's own directory holds, for administration.
///
/// # Cancel safety
/// Nothing changes; every future may be dropped.
#[async_trait]
pub trait DirectoryQueries: Send + Sync {
    /// Everybody who was appointed, in the order of their references.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn operators(&self) -> Result<Vec<Operator>, StoreError>;

    /// One delegation, also if it is over.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn delegation(&self, id: DelegationId) -> Result<Option<Delegation>, StoreError>;

    /// At most `limit` delegations that hold or will hold at `now`, by id, after this one.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn delegations(
        &self,
        now: Timestamp,
        after: Option<DelegationId>,
        limit: usize,
    ) -> Result<Vec<Delegation>, StoreError>;

    /// At most `limit` known people, in the order of their references, after this one.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn known_people(&self, after: Option<PersonRef>, limit: usize) -> Result<Vec<PersonRef>, StoreError>;

    /// Which apps each of these people owns, in the order of the question, the apps by id.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn owned(&self, people: &[PersonRef]) -> Result<Vec<Vec<AppId>>, StoreError>;
}
