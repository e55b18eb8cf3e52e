//! Removing a seat at the app that sells it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::agenda::Claim;
use crate::id::{RequestId, TaskId};
use crate::person::PersonDetails;
use crate::port::EffectError;
use crate::request::{ProbeAnswer, RemovalKind, TargetFacts};
use crate::seat::{AccountNames, App, AppId, Entitlement};
use crate::time::Timestamp;

/// A removal to perform. Built just before it begins, so that it says what is known by then. Holds personal data.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Job {
    /// For which request.
    pub request: RequestId,
    /// Which task.
    pub task: TaskId,
    /// The idempotency key: the same for every attempt as long as the effect may have happened.
    pub key: String,
    /// In which app.
    pub app: App,
    /// Whose account.
    pub account: AccountNames,
    /// Which kind of licence.
    pub entitlement: Entitlement,
    /// Why it was approved, in the approver's words.
    pub reason: Option<String>,
    /// Who approved it; nobody where the policy did.
    pub approved_by: Option<PersonDetails>,
    /// When the call is made.
    pub at: Timestamp,
    /// How long the call may take. The lease lasts a little longer.
    pub timeout: Duration,
    /// Where the target said it will tell how the removal ended. Only a probe of an open effect has it.
    pub location: Option<StatusLocation>,
    /// The step of an offboarding that it is; none for the removal of a reported seat.
    pub step: Option<PlaybookStep>,
}

/// A step of an offboarding, as its target is told. Holds personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlaybookStep {
    /// The playbook.
    pub playbook: String,
    /// What the playbook calls the task.
    pub task: String,
    /// What else the playbook tells the target, filled in.
    pub parameters: BTreeMap<String, String>,
}

impl PlaybookStep {
    /// A step that tells the target nothing else.
    #[must_use]
    pub fn new(playbook: impl Into<String>, task: impl Into<String>) -> Self {
        Self { playbook: playbook.into(), task: task.into(), parameters: BTreeMap::new() }
    }
}

impl Job {
    /// The removal of one seat.
    #[must_use]
    pub fn new(request: RequestId, task: TaskId, key: String, app: App, account: AccountNames, at: Timestamp) -> Self {
        Self {
            request,
            task,
            key,
            app,
            account,
            entitlement: Entitlement::default(),
            reason: None,
            approved_by: None,
            at,
            timeout: Target::TIMEOUT,
            location: None,
            step: None,
        }
    }
}

/// Where a target tells how a removal that it accepted has ended, in the words of its adapter.
///
/// It comes from outside, and whoever follows it must know that: it may lead elsewhere. `Debug` hides it, because such
/// addresses often hold a token or a name.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusLocation(String);

impl StatusLocation {
    /// A location.
    #[must_use]
    pub fn new(location: impl Into<String>) -> Self {
        Self(location.into())
    }

    /// The location as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StatusLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StatusLocation([redacted])")
    }
}

/// What a target says that it did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removal {
    /// What it came to.
    pub kind: RemovalKind,
    /// The target's own reference, if it gives one.
    pub receipt: Option<String>,
    /// Where the target will tell how a pending removal ended, if it says so.
    pub location: Option<StatusLocation>,
}

impl Removal {
    /// The seat is gone.
    #[must_use]
    pub fn removed() -> Self {
        Self::of(RemovalKind::Removed)
    }

    /// The seat was gone before.
    #[must_use]
    pub fn already_absent() -> Self {
        Self::of(RemovalKind::AlreadyAbsent)
    }

    /// The seat goes then.
    #[must_use]
    pub fn scheduled(effective_at: Timestamp) -> Self {
        Self::of(RemovalKind::Scheduled { effective_at })
    }

    /// The access is gone, the seat still costs.
    #[must_use]
    pub fn still_billed() -> Self {
        Self::of(RemovalKind::StillBilled)
    }

    /// The target works on it; probe it then.
    #[must_use]
    pub fn pending(check_after: Option<Timestamp>) -> Self {
        Self::of(RemovalKind::Pending { check_after })
    }

    /// With the target's own reference.
    #[must_use]
    pub fn with_receipt(mut self, receipt: impl Into<String>) -> Self {
        self.receipt = Some(receipt.into());
        self
    }

    /// With the place where the target will tell how it ended: every probe gets it as [`Job::location`], also after a
    /// restart. For pending removals only.
    #[must_use]
    pub fn with_location(mut self, location: StatusLocation) -> Self {
        self.location = Some(location);
        self
    }

    fn of(kind: RemovalKind) -> Self {
        Self { kind, receipt: None, location: None }
    }
}

/// What a target says about a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeatStatus {
    /// Whether it is held, or what has become of the removal.
    pub held: ProbeAnswer,
    /// When it was last used, if the target knows.
    pub last_activity: Option<Timestamp>,
    /// The target's own reference for a removal that has ended.
    pub receipt: Option<String>,
}

impl SeatStatus {
    /// The target cannot tell.
    #[must_use]
    pub fn cannot_tell() -> Self {
        Self::of(ProbeAnswer::CannotTell)
    }

    /// The seat is held.
    #[must_use]
    pub fn held() -> Self {
        Self::of(ProbeAnswer::Held)
    }

    /// The seat is gone.
    #[must_use]
    pub fn not_held() -> Self {
        Self::of(ProbeAnswer::NotHeld)
    }

    /// The target still works on the removal, or cannot be asked now: ask again then.
    #[must_use]
    pub fn not_yet(check_after: Option<Timestamp>) -> Self {
        Self::of(ProbeAnswer::NotYet { check_after })
    }

    /// The removal has ended so, the target says. One that is pending still has not ended.
    #[must_use]
    pub fn ended(removal: Removal) -> Self {
        let held = match removal.kind {
            RemovalKind::Pending { check_after } => ProbeAnswer::NotYet { check_after },
            removal => ProbeAnswer::Ended { removal },
        };
        Self { receipt: removal.receipt, ..Self::of(held) }
    }

    /// Last used then.
    #[must_use]
    pub fn used_at(mut self, at: Timestamp) -> Self {
        self.last_activity = Some(at);
        self
    }

    fn of(held: ProbeAnswer) -> Self {
        Self { held, last_activity: None, receipt: None }
    }
}

/// What a target promises about repeated calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Idempotency {
    /// Nothing: an attempt whose outcome is unknown is never repeated blindly.
    #[default]
    Unknown,
    /// A repeat with the same key within this time does nothing twice.
    KeyHonoured {
        /// How long the target remembers a key.
        within: Duration,
    },
    /// Removing what is gone changes nothing, key or not.
    Natural,
}

/// Removes seats. This is the trait to implement for your own identity provider.
///
/// # Contract
/// - **DP-1** `Ok` only when the target said so; see [`Removal`] for what it may have said.
/// - **DP-2** An error is `NotDone` only when the removal was certainly not performed, `Rejected` only when a repeat
///   cannot help. Everything else, an unclassified error included, is `Unknown`.
/// - **DP-3** Idempotency: every attempt bears [`Job::key`], the same one for as long as the removal may have happened.
///   `idempotency` says what the target makes of that.
/// - **DP-4** Time: return before [`Job::timeout`] has passed; a later result is recorded, but settles nothing.
/// - **DP-5** Removing a seat that is gone is a success ([`Removal::already_absent`]), but only when the account and the
///   app were found: an unknown app is `Rejected`.
/// - **DP-6** Pending: a target that has accepted a removal may name a place where it will tell how it ended
///   ([`Removal::with_location`]). A probe whose job has a [`Job::location`] asks there first, and looks the seat up only
///   where that place cannot tell. [`SeatStatus::ended`] is an answer of that place alone: it counts as the target's
///   word, as if the call had answered so. Follow a location nowhere but to the target that it came from.
///
/// # Cancel safety
/// Dropping the future of `deprovision` leaves the outcome unknown, and is treated so. `probe` changes nothing.
///
/// # Examples
/// ```
/// use async_trait::async_trait;
/// use seatgate_core::port::{Deprovisioner, EffectError, Idempotency, Job, Removal};
///
/// struct Directory;
///
/// impl Directory {
///     async fn delete(&self, _account: &str) -> Result<u16, std::io::Error> {
///         Ok(204)
///     }
/// }
///
/// #[async_trait]
/// impl Deprovisioner for Directory {
///     async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError> {
///         let Some(account) = &job.account.id else {
///             return Err(EffectError::rejected("this target needs the account's own id"));
///         };
///         match self.delete(account).await {
///             Ok(204) => Ok(Removal::removed()),
///             Ok(404) => Ok(Removal::already_absent()),
///             Ok(429 | 503) => Err(EffectError::not_done("the directory is busy")),
///             Ok(400..=499) => Err(EffectError::rejected("the directory refuses")),
///             Ok(_) | Err(_) => Err(EffectError::unknown("no clear answer from the directory")),
///         }
///     }
///
///     fn idempotency(&self) -> Idempotency {
///         Idempotency::Natural
///     }
/// }
/// ```
#[async_trait]
pub trait Deprovisioner: Send + Sync {
    /// Removes the seat.
    ///
    /// # Errors
    /// As DP-2 says.
    async fn deprovision(&self, job: &Job) -> Result<Removal, EffectError>;

    /// Looks the seat up: to settle an open outcome, to verify a removal, to see whether it was used again.
    async fn probe(&self, _job: &Job) -> SeatStatus {
        SeatStatus::cannot_tell()
    }

    /// Whether `probe` may say when the seat was used last. Where it never does, nobody waits for it at an approval.
    fn sees_activity(&self) -> bool {
        true
    }

    /// What the target promises about repeated calls.
    fn idempotency(&self) -> Idempotency {
        Idempotency::Unknown
    }
}

/// A place where seats are removed, with what is to be known about it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Target {
    /// What people and lanes call it.
    pub name: String,
    /// What performs its removals.
    pub deprovisioner: Arc<dyn Deprovisioner>,
    /// How long one call may take.
    pub timeout: Duration,
    /// Whether a removal can be undone there.
    pub reversible: bool,
    /// How many of its removals are worked on side by side, over all servers. Targets of one name share the lowest.
    pub concurrency: usize,
}

impl Target {
    /// How long one call may take, unless said otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(15);

    /// An irreversible target.
    #[must_use]
    pub fn new(name: impl Into<String>, deprovisioner: Arc<dyn Deprovisioner>) -> Self {
        let (timeout, concurrency) = (Self::TIMEOUT, Claim::PER_LANE);
        Self { name: name.into(), deprovisioner, timeout, reversible: false, concurrency }
    }

    /// With another time for one call.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// With another number of removals side by side; at least one. Stay well below what the driver does at a time
    /// (64), so that a target that hangs holds up nothing else.
    #[must_use]
    pub fn with_concurrency(mut self, removals: usize) -> Self {
        self.concurrency = removals.max(1);
        self
    }

    /// Removals can be undone there.
    #[must_use]
    pub fn reversible(mut self) -> Self {
        self.reversible = true;
        self
    }

    /// What the machine wants to know about it.
    #[must_use]
    pub fn facts(&self) -> TargetFacts {
        let idempotent = self.deprovisioner.idempotency() != Idempotency::Unknown;
        TargetFacts::new(idempotent, self.reversible)
    }
}

/// Which target removes which app's seats.
#[derive(Clone, Default)]
pub struct Router {
    apps: BTreeMap<AppId, Target>,
    fallback: Option<Target>,
}

impl Router {
    /// No targets: every candidate is refused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Seats of `app` are removed by `target`.
    #[must_use]
    pub fn route(mut self, app: AppId, target: Target) -> Self {
        self.apps.insert(app, target);
        self
    }

    /// Seats of all other apps are removed by `target`.
    #[must_use]
    pub fn otherwise(mut self, target: Target) -> Self {
        self.fallback = Some(target);
        self
    }

    /// The apps that have a target of their own.
    pub fn apps(&self) -> impl Iterator<Item = &AppId> {
        self.apps.keys()
    }

    /// Whether apps without a target of their own are served by one that is not reversible.
    #[must_use]
    pub fn irreversible_default(&self) -> bool {
        self.fallback.as_ref().is_some_and(|target| !target.reversible)
    }

    /// The longest time that one call to any target may take.
    #[must_use]
    pub fn longest_timeout(&self) -> Duration {
        self.targets().map(|target| target.timeout).max().unwrap_or(Target::TIMEOUT)
    }

    /// Every target; one that serves several apps, several times.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.apps.values().chain(self.fallback.as_ref())
    }

    /// The target of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Target> {
        self.targets().find(|target| target.name == name)
    }

    /// The target for `app`.
    #[must_use]
    pub fn target(&self, app: &AppId) -> Option<&Target> {
        self.apps.get(app).or(self.fallback.as_ref())
    }
}
