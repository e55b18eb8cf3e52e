//! Putting a gate together.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use crate::gate::access::AccessLog;
use crate::gate::intake::Turns;
use crate::gate::{Gate, Parts, Settings};
use crate::id::InstanceId;
use crate::playbook::Playbooks;
use crate::policy::{Mode, OnExpiry, Policy, Terms};
use crate::port::{
    Clock, Directory, DirectoryQueries, Entropy, EventSink, ExceptionStore, InboxOnly, Notifier, PeopleStore,
    RequestQueries, RequestStore, Router,
};
use crate::seat::{AppId, Channel};
use crate::timer::Timer;

/// A store that plays all roles at once.
pub trait Store: RequestStore + RequestQueries + PeopleStore + ExceptionStore + Directory + DirectoryQueries {}

impl<T: RequestStore + RequestQueries + PeopleStore + ExceptionStore + Directory + DirectoryQueries> Store for T {}

/// The parts do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The policy would remove on silence what cannot be given back.
    #[error("policy.on_expiry = \"reclaim\" is refused for {0}: its target is not reversible")]
    SilentRemoval(String),
}

/// Puts a [`Gate`] together. One store usually plays all roles; each role can be replaced.
pub struct GateBuilder {
    requests: Arc<dyn RequestStore>,
    queries: Arc<dyn RequestQueries>,
    people: Arc<dyn PeopleStore>,
    exceptions: Arc<dyn ExceptionStore>,
    directory: Arc<dyn Directory>,
    own_directory: Arc<dyn Directory>,
    directory_queries: Arc<dyn DirectoryQueries>,
    notifier: Arc<dyn Notifier>,
    events: Option<Arc<dyn EventSink>>,
    timer: Timer,
    router: Router,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    policy: Policy,
    mode: Mode,
    channel: Option<Channel>,
    playbooks: Playbooks,
}

impl Gate {
    /// Starts with a store, a clock and a source of chance; the inbox alone shows cards, and no app has a target.
    #[must_use]
    pub fn builder<S: Store + 'static>(store: Arc<S>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> GateBuilder {
        GateBuilder {
            requests: store.clone(),
            queries: store.clone(),
            people: store.clone(),
            exceptions: store.clone(),
            directory: store.clone(),
            own_directory: store.clone(),
            directory_queries: store,
            notifier: Arc::new(InboxOnly),
            events: None,
            timer: Timer::default(),
            router: Router::new(),
            clock,
            entropy,
            policy: Policy::default(),
            mode: Mode::Live,
            channel: None,
            playbooks: Playbooks::default(),
        }
    }
}

impl GateBuilder {
    /// Shows cards and outcomes through this.
    #[must_use]
    pub fn notifier(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.notifier = notifier;
        self
    }

    /// Tells this what has ended, from now on: each request, and each task of an offboarding.
    #[must_use]
    pub fn events(mut self, events: Arc<dyn EventSink>) -> Self {
        self.events = Some(events);
        self
    }

    /// Looks at the target once more at an approval, for a second at the most: `sleep` waits for a time. Without it that
    /// look is only taken before the removal begins.
    #[must_use]
    pub fn timer<F>(mut self, sleep: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.timer = Timer::new(sleep);
        self
    }

    /// Removes seats through these targets.
    #[must_use]
    pub fn router(mut self, router: Router) -> Self {
        self.router = router;
        self
    }

    /// Keeps requests elsewhere.
    #[must_use]
    pub fn requests(mut self, requests: Arc<dyn RequestStore>) -> Self {
        self.requests = requests;
        self
    }

    /// Keeps exceptions elsewhere.
    #[must_use]
    pub fn exceptions(mut self, exceptions: Arc<dyn ExceptionStore>) -> Self {
        self.exceptions = exceptions;
        self
    }

    /// Asks this directory who can be asked. Edits still go to the store's own, which is not asked any more: put both into
    /// a [`Layered`](crate::port::Layered) one to go on asking it.
    #[must_use]
    pub fn directory(mut self, directory: Arc<dyn Directory>) -> Self {
        self.directory = directory;
        self
    }

    /// Judges by this policy.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Starts in this mode.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Tells this channel about candidates that name none.
    #[must_use]
    pub fn channel(mut self, channel: Option<Channel>) -> Self {
        self.channel = channel;
        self
    }

    /// Takes people who leave through these playbooks.
    #[must_use]
    pub fn playbooks(mut self, playbooks: Playbooks) -> Self {
        self.playbooks = playbooks;
        self
    }

    /// The gate.
    ///
    /// # Errors
    /// When the parts do not fit together.
    pub fn build(self) -> Result<Gate, BuildError> {
        self.refuse_silent_removals()?;
        let instance = InstanceId::generate(self.clock.now(), &*self.entropy);
        let settings = Settings {
            policy: self.policy,
            mode: self.mode,
            app_modes: BTreeMap::new(),
            operators: BTreeSet::new(),
            channel: self.channel,
            playbooks: self.playbooks,
            mode_seq: 0,
            mode_read: None,
            configured: BTreeSet::new(),
            appointed: BTreeSet::new(),
            operators_seq: 0,
        };
        let parts = Parts {
            requests: self.requests,
            queries: self.queries,
            people: self.people,
            exceptions: self.exceptions,
            directory: self.directory,
            own_directory: self.own_directory,
            directory_queries: self.directory_queries,
            notifier: self.notifier,
            events: self.events,
            timer: self.timer,
            router: self.router,
            clock: self.clock,
            entropy: self.entropy,
            instance,
            settings: RwLock::new(Arc::new(settings)),
            access: Mutex::new(AccessLog::default()),
            turns: Turns::default(),
            meter: Mutex::default(),
            listeners: RwLock::default(),
        };
        Ok(Gate { parts: Arc::new(parts) })
    }

    /// Promise 1: silence removes only what can be given back.
    fn refuse_silent_removals(&self) -> Result<(), BuildError> {
        let reclaims = |terms: &Terms| terms.on_expiry == OnExpiry::Reclaim;
        if reclaims(self.policy.default_terms()) && self.router.irreversible_default() {
            return Err(BuildError::SilentRemoval("every app".to_owned()));
        }
        for app in self.router.apps() {
            if reclaims(self.policy.terms(app.as_str())) && self.irreversible(app) {
                return Err(BuildError::SilentRemoval(app.to_string()));
            }
        }
        for (name, terms) in self.policy.apps() {
            let app = name.parse::<AppId>();
            if reclaims(terms) && app.is_ok_and(|app| self.irreversible(&app)) {
                return Err(BuildError::SilentRemoval(name.to_owned()));
            }
        }
        Ok(())
    }

    fn irreversible(&self, app: &AppId) -> bool {
        self.router.target(app).is_some_and(|target| !target.reversible)
    }
}
