//! One Slack workspace, as both halves see it: whoever shows messages, and whoever hears clicks.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use seatgate_core::port::Clock;
use seatgate_core::time::Timestamp;

use crate::card::Renderer;
use crate::client::{SlackClient, SlackError};
use crate::installed::Installed;
use crate::people::SlackPeople;

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
    unknown: AtomicU64,
}

impl Workspace {
    /// The workspace that `client` has a token of. Where the app is installed is asked from Slack when it is first needed.
    #[must_use]
    pub fn new(client: SlackClient, renderer: Renderer, clock: Arc<dyn Clock>) -> Self {
        let client = Arc::new(client);
        let people = SlackPeople::new(Arc::clone(&client), Arc::clone(&clock));
        let (installed, unknown) = Default::default();
        Self { parts: Arc::new(Parts { client, people, renderer, clock, installed, unknown }) }
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
