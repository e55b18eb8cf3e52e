//! The gate: every surface hands in a sweep or a command here, and the worker does what they leave on the agenda.
//!
//! A command takes one path, whoever sends it: load, [`authorize`](crate::authorize::authorize()), judge
//! ([`Request::handle`]), and commit state, trail and agenda in one transaction. Races are settled by the store's
//! compare-and-set: whoever loses one reads again and is judged again.

mod access;
mod act;
mod activity;
mod app_mode;
mod builder;
mod directory;
mod exceptions;
mod intake;
mod join;
mod meter;
mod mode;
mod offboard;
mod operators;
mod policy;
mod routing;
mod run;
mod show;
mod simulate;
mod upload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

pub use access::Attempt;
pub use act::{Ask, Submission};
pub(crate) use activity::used_again;
pub use builder::{BuildError, GateBuilder, Store};
pub use directory::EditProblem;
pub use exceptions::SeatNames;
pub use intake::{Sweep, SweepReport};
pub use join::Joined;
pub use meter::{Latency, Meter};
pub use offboard::{Offboard, OffboardProblem};
pub use policy::Applied;
pub use show::Shown;
pub use simulate::{SimulatedAsk, SimulatedPerson, SimulatedRow, Simulation, Trial};
pub use upload::{BulkSweep, Upload, UploadRow};

use crate::agenda::{self, AgendaChange};
use crate::authorize::Denial;
use crate::canonical::CanonicalError;
use crate::card::CardEdit;
use crate::id::{CardId, ChangeId, DelegationId, ExceptionId, InstanceId, PersonRef, RequestId, SweepId, TaskId};
use crate::person::{PersonDraft, Text};
use crate::playbook::Playbooks;
use crate::policy::{Mode, Policy};
use crate::port::{
    Change, Clock, Directory, DirectoryQueries, EffectError, EffectErrorKind, Entropy, EventSink, ExceptionStore,
    NewPerson, Notifier, PeopleStore, RequestQueries, RequestStore, Router, SeatChange, StoreError, StoreErrorKind,
    Stored, Target,
};
use crate::request::{Asked, Event, Fact, Refusal, Request, TargetFacts, Task, TaskAction, Transition};
use crate::seat::{AppId, Channel};
use crate::time::Timestamp;
use crate::timer::Timer;

/// Why the gate did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// There is no such request.
    #[error("there is no request {0}")]
    NotFound(RequestId),
    /// There is no such sweep.
    #[error("there is no sweep {0}")]
    NoSweep(SweepId),
    /// The sweep takes no more rows.
    #[error("the sweep takes no more rows")]
    Sealed(SweepId),
    /// The sweep has another number of rows.
    #[error("the sweep has {received} rows")]
    OtherRows {
        /// How many.
        received: u32,
    },
    /// They may not. Recorded in the access stream.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// Not in this state. The request is as it stands now: it says who decided, and when.
    #[error("{refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// The request as it stands.
        request: Box<Request>,
    },
    /// The reason is too long or holds control characters.
    #[error("expected a reason of at most 2000 characters")]
    BadReason,
    /// An exception does not fit the policy: its end, or the lack of a reason.
    #[error("{0}")]
    Unfit(Refusal),
    /// No exception with this id holds.
    #[error("no exception {0} holds")]
    NoException(ExceptionId),
    /// The store of exceptions did not file one.
    #[error("the exception could not be filed")]
    NotFiled(#[source] EffectError),
    /// The offboarding cannot be started as it was asked for.
    #[error(transparent)]
    BadOffboarding(#[from] OffboardProblem),
    /// The person is being offboarded already.
    #[error("this person is being offboarded already, by {0}")]
    AlreadyLeaving(RequestId),
    /// An edit of the directory does not fit.
    #[error("{problem}")]
    UnfitEdit {
        /// Which of those that were handed in, from 0.
        place: usize,
        /// Why.
        problem: EditProblem,
    },
    /// No delegation with this id holds or will hold.
    #[error("no delegation {0} holds")]
    NoDelegation(DelegationId),
    /// Nobody who was appointed has this reference.
    #[error("{0} was not appointed")]
    NoOperator(PersonRef),
    /// There is no such person, or they were erased.
    #[error("there is no person {0}")]
    NoPerson(PersonRef),
    /// This delivery's id came before with another body.
    #[error("a delivery with this id came before with another body")]
    DeliveryReused,
    /// The gate is switched off.
    #[error("the gate is switched off")]
    Off,
    /// Others were always first.
    #[error("too many others changed this at the same time")]
    Contended,
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl GateError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Off | Self::Contended => true,
            Self::NotFiled(error) => error.kind() != EffectErrorKind::Rejected,
            Self::Store(error) => error.kind() != StoreErrorKind::Corrupt,
            _ => false,
        }
    }
}

/// What can change while the gate runs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The policy for new requests.
    pub policy: Policy,
    /// Whether anything is really done. Removals begin only while this is [`Mode::Live`].
    pub mode: Mode,
    /// The modes of apps that have one of their own, with where each is recorded in the system's stream.
    app_modes: BTreeMap<AppId, (u64, Option<Mode>)>,
    /// Who operates seatgate: by the configuration, and by appointment. Empty means nobody.
    pub operators: BTreeSet<PersonRef>,
    /// Who hears about candidates that name no channel.
    pub channel: Option<Channel>,
    /// What people who leave are taken through.
    pub playbooks: Playbooks,
    /// Where the mode is recorded in the system's stream; 0 if it is not.
    mode_seq: u64,
    /// Up to where the system's stream was read for a mode; nothing while modes of other servers are not followed.
    mode_read: Option<u64>,
    /// The operators whom the configuration names.
    configured: BTreeSet<PersonRef>,
    /// The operators who were appointed.
    appointed: BTreeSet<PersonRef>,
    /// How long the system's stream was when those were read.
    operators_seq: u64,
}

impl Settings {
    /// Whether anything is really done about seats of this app: what holds for every app, or what holds for it alone, if
    /// that does less.
    #[must_use]
    pub fn mode_of(&self, app: &AppId) -> Mode {
        let own = self.app_modes.get(app).and_then(|(_, mode)| *mode);
        own.map_or(self.mode, |own| own.min(self.mode))
    }

    /// The apps that have a mode of their own, and which.
    pub fn app_modes(&self) -> impl Iterator<Item = (&AppId, Mode)> {
        self.app_modes.iter().filter_map(|(app, (_, mode))| Some((app, (*mode)?)))
    }
}

type Listener = Box<dyn Fn() + Send + Sync>;

pub(crate) struct Parts {
    pub(crate) requests: Arc<dyn RequestStore>,
    pub(crate) queries: Arc<dyn RequestQueries>,
    pub(crate) people: Arc<dyn PeopleStore>,
    pub(crate) exceptions: Arc<dyn ExceptionStore>,
    pub(crate) directory: Arc<dyn Directory>,
    /// The store's own, which is what edits change.
    pub(crate) own_directory: Arc<dyn Directory>,
    pub(crate) directory_queries: Arc<dyn DirectoryQueries>,
    pub(crate) notifier: Arc<dyn Notifier>,
    pub(crate) events: Option<Arc<dyn EventSink>>,
    pub(crate) timer: Timer,
    pub(crate) router: Router,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    instance: InstanceId,
    settings: RwLock<Arc<Settings>>,
    access: Mutex<access::AccessLog>,
    turns: intake::Turns,
    meter: Mutex<Meter>,
    listeners: RwLock<Vec<Listener>>,
}

/// The gate. Cheap to clone; all clones are one gate.
#[derive(Clone)]
pub struct Gate {
    pub(crate) parts: Arc<Parts>,
}

/// How often a lost race is run again before the caller hears of it.
pub(crate) const TRIES: usize = 64;

impl Gate {
    /// The time, by the gate's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// For lists and pages.
    #[must_use]
    pub fn queries(&self) -> &dyn RequestQueries {
        &*self.parts.queries
    }

    /// People, accounts and texts.
    #[must_use]
    pub fn people(&self) -> &dyn PeopleStore {
        &*self.parts.people
    }

    /// Exceptions.
    #[must_use]
    pub fn exceptions(&self) -> &dyn ExceptionStore {
        &*self.parts.exceptions
    }

    /// Who can be asked, and who else.
    #[must_use]
    pub fn directory(&self) -> &dyn Directory {
        &*self.parts.directory
    }

    /// The directory that the store keeps itself, without what a company's own says.
    #[must_use]
    pub fn own_directory(&self) -> &dyn Directory {
        &*self.parts.own_directory
    }

    /// What the store's own directory holds, for administration.
    #[must_use]
    pub fn directory_queries(&self) -> &dyn DirectoryQueries {
        &*self.parts.directory_queries
    }

    /// Which target removes which app's seats.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.parts.router
    }

    /// The settings of this moment.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.parts.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.parts.settings.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut settings));
    }

    /// Switches between live, dry run and off, without a record: see [`Gate::switch`] for operators. It holds in this
    /// process, until somebody switches. Removals that have begun are worked to their end; none begins unless live.
    pub fn set_mode(&self, mode: Mode) {
        self.change_settings(|settings| settings.mode = mode);
        self.wake();
    }

    /// Calls `listener` whenever something new is on the agenda. It must not block.
    pub fn on_commit(&self, listener: impl Fn() + Send + Sync + 'static) {
        self.parts.listeners.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Says that something new is on the agenda. The gate does so after its own commits; call it after yours.
    pub fn wake(&self) {
        for listener in self.parts.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener();
        }
    }

    /// One request as it stands.
    ///
    /// # Errors
    /// [`GateError::NotFound`], or when the store cannot tell.
    pub async fn request(&self, id: RequestId) -> Result<Request, GateError> {
        Ok(self.load(id).await?.request)
    }

    pub(crate) async fn load(&self, id: RequestId) -> Result<Stored, GateError> {
        let found = self.parts.requests.load(&[id]).await?;
        found.into_iter().next().flatten().ok_or(GateError::NotFound(id))
    }

    pub(crate) fn new_change(&self) -> ChangeId {
        ChangeId::generate(self.now(), &*self.parts.entropy)
    }

    /// Who these people are; those who are new are added.
    ///
    /// # Errors
    /// When the store cannot tell.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether somebody was added; asking again is safe.
    pub async fn resolve(&self, drafts: Vec<PersonDraft>) -> Result<Vec<PersonRef>, StoreError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let new = |draft| NewPerson::new(draft, PersonRef::generate(now, &*self.parts.entropy));
        self.parts.people.people(drafts.into_iter().map(new).collect()).await
    }

    pub(crate) fn target_facts(&self, request: &Request, task: Option<TaskId>) -> TargetFacts {
        let target = match task.and_then(|task| request.plan.task(task)) {
            Some(task) => self.target_of(task),
            None => request.seat().and_then(|seat| self.parts.router.target(&seat.app.id)),
        };
        target.map(Target::facts).unwrap_or_default()
    }

    /// The target that a task calls; none where it calls none, or where that target is gone.
    pub(crate) fn target_of(&self, task: &Task) -> Option<&Target> {
        match &task.action {
            TaskAction::Remove { app } => self.parts.router.target(app),
            TaskAction::Call { target, .. } => self.parts.router.named(target),
            TaskAction::File { .. } | TaskAction::Manual { .. } => None,
        }
    }

    /// The longest time that one call may take.
    pub(crate) fn longest_timeout(&self) -> Duration {
        self.parts.router.longest_timeout().max(self.settings().playbooks.longest_timeout())
    }

    /// Turns a card to a page, or takes up a copy of it; answers whether there is such a card.
    ///
    /// # Errors
    /// When the store failed; repeating is safe.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was done.
    pub async fn edit_card(&self, card: CardId, edit: CardEdit) -> Result<bool, StoreError> {
        let found = self.parts.requests.edit_card(card, edit, self.now()).await?;
        self.wake();
        Ok(found)
    }

    /// When the first card of those who are asked was delivered, and what the card of `viewer` said.
    pub(crate) async fn cards_of(
        &self,
        request: &Request,
        viewer: Option<PersonRef>,
    ) -> Result<(Option<Timestamp>, Option<crate::person::TextRef>), StoreError> {
        let ids: Vec<_> = request.approval.active().map(|asked| asked.card).collect();
        let cards = self.parts.requests.cards(&ids).await?;
        let cards = || cards.iter().flatten();
        let delivered_at = cards().filter_map(|card| card.delivered_at).min();
        let seen = cards().find(|card| viewer.is_some() && card.approver() == viewer).and_then(|card| card.shown);
        Ok((delivered_at, seen))
    }

    /// What is to be told to whoever listens to events; nothing where nobody does.
    fn reports(&self, before: Option<&Request>, after: &Request, now: Timestamp) -> Vec<AgendaChange> {
        self.parts.events.as_ref().map(|_| agenda::reports(before, after, now)).unwrap_or_default()
    }

    /// Everything that a transition must bring to the store in one transaction.
    pub(crate) fn change(
        &self,
        id: ChangeId,
        before: &Stored,
        transition: Transition,
        delivered_at: Option<Timestamp>,
        texts: Vec<Text>,
    ) -> Result<Change, StoreError> {
        let Transition { facts, after } = transition;
        let mut chain = before.chain.clone();
        let mut change = Change::new(id, &chain);
        for fact in &facts {
            let entry = chain.record(id, fact).map_err(corrupt)?;
            change.entries.push(entry);
        }
        change.cards = facts.iter().flat_map(newly_asked).map(|asked| asked.card_about(after.id)).collect();
        let seat = after.seat().and_then(|seat| self.parts.router.target(&seat.app.id));
        let lane = seat.map_or("none", |target| target.name.as_str());
        let (now, entropy) = (self.now(), &*self.parts.entropy);
        change.agenda = agenda::changes(Some(&before.request), &after, delivered_at, lane, now, entropy);
        if asks_others(&facts) {
            // They were found in the directory as it was read before this lands: whoever edits it meanwhile does not see that
            // they are asked.
            change.agenda.push(agenda::wake(after.id, now));
        }
        change.agenda.extend(self.reports(Some(&before.request), &after, now));
        if after.outcome().is_some() && before.request.outcome().is_none() {
            let cools = facts.iter().any(|fact| matches!(fact.event, Event::Undone { .. } | Event::Expired));
            let cool_down = after.terms.cool_down.duration();
            let quiet_until = (cools && !cool_down.is_zero()).then(|| now.saturating_add(cool_down));
            change.seat = Some(SeatChange::Release { quiet_until });
        }
        change.request = Some(after);
        change.texts = texts;
        Ok(change)
    }
}

/// Whether others are asked from these facts on.
pub(crate) fn asks_others(facts: &[Fact]) -> bool {
    facts.iter().any(|fact| !newly_asked(fact).is_empty())
}

/// Those who are asked from this fact on.
fn newly_asked(fact: &Fact) -> &[Asked] {
    match &fact.event {
        Event::Routed { asked, .. } => asked,
        _ => &[],
    }
}

pub(crate) fn corrupt(error: CanonicalError) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, "writing a trail entry").caused_by(error)
}
