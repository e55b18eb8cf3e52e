//! One Slack workspace, as both halves see it: whoever shows messages, and whoever hears clicks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use seatgate_core::port::Clock;
use seatgate_core::time::Timestamp;

use crate::card::Renderer;
use crate::client::{SlackClient, SlackError};
use crate::installed::Installed;
use crate::people::SlackPeople;

/// How long a missing scope is believed to be missing.
const BLIND: Duration = Duration::from_secs(15 * 60);

/// Client, people, words and time of one workspace. Cheap to clone; all clones share pace and memory.
#[derive(Clone)]
pub struct Workspace {
    parts: Arc<Parts>,
}

struct Parts {
    client: Arc<SlackClient>,
    people: SlackPeople,
    renderer: Renderer,
    clock: Arc<dyn Clock>,
    installed: Mutex<Option<Arc<Installed>>>,
    /// Until when it is of no use to look into conversations of a kind: the token lacks the scope.
    blind_until: Mutex<BTreeMap<char, Timestamp>>,
    unknown: AtomicU64,
}

impl Workspace {
    /// The workspace that `client` has a token of. Where the app is installed is asked from Slack when it is first needed.
    #[must_use]
    pub fn new(client: SlackClient, renderer: Renderer, clock: Arc<dyn Clock>) -> Self {
        let client = Arc::new(client);
        let people = SlackPeople::new(Arc::clone(&client), Arc::clone(&clock));
        let (installed, unknown) = Default::default();
        let blind_until = Mutex::default();
        Self { parts: Arc::new(Parts { client, people, renderer, clock, installed, blind_until, unknown }) }
    }

    /// Says where the app is installed, so that Slack need not be asked.
    #[must_use]
    pub fn installed_as(self, installed: Installed) -> Self {
        self.remember(installed);
        self
    }

    /// The Web API.
    #[must_use]
    pub fn client(&self) -> &SlackClient {
        &self.parts.client
    }

    /// Who is who.
    #[must_use]
    pub fn people(&self) -> &SlackPeople {
        &self.parts.people
    }

    /// How many payloads came in whose type is not known here: they are answered 200, and nothing is done about them. More
    /// than a few mean that the app's settings send what nobody reads.
    #[must_use]
    pub fn unknown_payloads(&self) -> u64 {
        self.parts.unknown.load(Ordering::Relaxed)
    }

    pub(crate) fn count_unknown(&self) {
        self.parts.unknown.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn renderer(&self) -> &Renderer {
        &self.parts.renderer
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Remembers that conversations of this kind (the first letter of their ids) cannot be looked into, so that a crash with
    /// many cards on their way does not ask Slack again for each of them.
    pub(crate) fn sees_no_history(&self, kind: char) {
        let until = self.now().saturating_add(BLIND);
        self.parts.blind_until.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, until);
    }

    /// Whether it may be of use to look into conversations of this kind.
    pub(crate) fn may_see_history(&self, kind: char) -> bool {
        let until = self.parts.blind_until.lock().unwrap_or_else(PoisonError::into_inner).get(&kind).copied();
        until.is_none_or(|until| until <= self.now())
    }

    /// Where the app is installed.
    pub(crate) async fn installed(&self) -> Result<Arc<Installed>, SlackError> {
        if let Some(installed) = self.known() {
            return Ok(installed);
        }
        let whoami = self.client().auth_test().await?;
        Ok(self.remember(Installed::of(whoami)))
    }

    fn known(&self) -> Option<Arc<Installed>> {
        self.parts.installed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, installed: Installed) -> Arc<Installed> {
        let installed = Arc::new(installed);
        *self.parts.installed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&installed));
        installed
    }
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace").finish_non_exhaustive()
    }
}
