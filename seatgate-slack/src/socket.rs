//! Socket Mode: what people do in Slack comes over a socket that we open, so Slack needs no public URL of ours.
//!
//! - It feeds the same [`SlackApp`] as the routes do. An envelope is acknowledged after what it decided is committed, and
//!   never where the answer is no 200: then Slack shows the person that it failed, and the next click works.
//! - What comes is trusted because of the connection: TLS names Slack, and the address holds a ticket that Slack gave for
//!   the app's token. Only what was read from such a connection gets past the check of signatures.
//! - A connection on which nothing is heard for a while is given up, and a new one is opened after a wait with jitter.
//!   When Slack announces that it will close one, a new one is up before that.
//! - Nothing waits without bounds: a frame has at most 1 MiB, and so many envelopes are worked at a time. What comes
//!   beyond that is not acknowledged.

mod connect;
mod dial;
mod error;
mod frame;
mod link;
mod links;
mod meter;
mod token;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use seatgate_core::port::Entropy;
use seatgate_core::retry::Backoff;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use error::SocketError;
pub use meter::SocketMeter;
pub use token::{AppToken, AppTokenError};

use crate::inbound::SlackApp;
use links::{Links, Need};
use meter::Counter;

/// A connection that lasted so long was sound: the next one is opened as if nothing had failed before.
const STABLE: Duration = Duration::from_secs(30);

/// How Socket Mode runs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SocketOptions {
    /// How long nothing may be heard, Slack's pings included, before a connection is given up.
    pub silence: Duration,
    /// How long a new connection may take until Slack greets us.
    pub handshake: Duration,
    /// How many envelopes are worked at a time, what follows their answers included.
    pub in_flight: u16,
    /// How long it waits for what is in flight when it is told to stop.
    pub drain: Duration,
    /// The waits between attempts to connect.
    pub backoff: Backoff,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            handshake: Duration::from_secs(10),
            in_flight: 64,
            drain: Duration::from_secs(20),
            backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(30)),
        }
    }
}

/// Keeps a socket to Slack open, and answers what comes over it. Cheap to clone; clones share one [`SocketMeter`].
#[derive(Clone)]
pub struct SocketMode {
    app: SlackApp,
    token: AppToken,
    entropy: Arc<dyn Entropy>,
    options: SocketOptions,
    counter: Arc<Counter>,
}

impl SocketMode {
    /// Socket Mode for `app`; the jitter of waits comes from `entropy`.
    #[must_use]
    pub fn new(app: SlackApp, token: AppToken, entropy: Arc<dyn Entropy>) -> Self {
        Self { app, token, entropy, options: SocketOptions::default(), counter: Arc::default() }
    }

    /// Runs as `options` say.
    #[must_use]
    pub fn options(mut self, options: SocketOptions) -> Self {
        self.options = options;
        self
    }

    /// What happened so far.
    #[must_use]
    pub fn meter(&self) -> SocketMeter {
        self.counter.read()
    }

    /// Stays connected until `stop` is ready; then takes nothing more, and finishes and acknowledges what is being worked.
    ///
    /// # Errors
    /// When only an operator can help: Slack refuses the token, or Socket Mode is switched off. No other failure ends it.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connections. What is being worked is finished, yet not acknowledged; the same click
    /// again is safe.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), SocketError> {
        let permits = Arc::new(Semaphore::new(self.options.in_flight.into()));
        let mut links = Links::new(self.app.clone(), &self.options, Arc::clone(&permits), Arc::clone(&self.counter));
        let outcome = tokio::select! {
            () = stop => Ok(()),
            error = self.stay_connected(&mut links) => Err(error),
        };
        let finished = async {
            links.leave().await;
            let _ = permits.acquire_many(self.options.in_flight.into()).await;
        };
        let _ = tokio::time::timeout(self.options.drain, finished).await;
        outcome
    }

    /// Opens one connection after the other, for ever; returns what no further attempt can mend.
    async fn stay_connected(&self, links: &mut Links) -> SocketError {
        let (mut failures, mut asked) = (0_u32, Duration::ZERO);
        loop {
            tokio::time::sleep(self.wait(failures).max(asked)).await;
            asked = Duration::ZERO;
            let opened = match self.connect().await {
                Ok(opened) => opened,
                Err(error) => match error.hopeless() {
                    Ok(hopeless) => return hopeless,
                    Err(error) => {
                        tracing::warn!(%error, "Socket Mode cannot connect, and tries again");
                        self.counter.count(|meter| meter.failed += 1);
                        (failures, asked) = (failures.saturating_add(1), error.asked_to_wait());
                        continue;
                    }
                },
            };
            let since = Instant::now();
            let need = links.add(opened).await;
            let before = if since.elapsed() < STABLE { failures.saturating_add(1) } else { 0 };
            failures = match need {
                Need::Refresh => before,
                Need::Replacement => before.max(1),
                Need::Nothing(hopeless) => return hopeless,
            };
        }
    }

    /// How long to wait before the next attempt after so many that did not last.
    fn wait(&self, failures: u32) -> Duration {
        let mut jitter = [0; 8];
        self.entropy.fill(&mut jitter);
        if failures == 0 { Duration::ZERO } else { self.options.backoff.delay(failures, u64::from_ne_bytes(jitter)) }
    }
}

impl fmt::Debug for SocketMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketMode").field("options", &self.options).finish_non_exhaustive()
    }
}
