//! What is compared.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// So many channels hear the outcomes: a channel is told a few things at a time.
const CHANNELS: usize = 500;

/// Whatever goes wrong ends the comparison.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// One engine, set up and running.
#[async_trait]
pub(crate) trait Peer: Send + Sync {
    fn name(&self) -> &'static str;

    /// How it is set up.
    fn settings(&self) -> String;

    /// What it does not do in this cycle.
    fn lacks(&self) -> &'static str;

    /// A candidate comes in and is kept, its manager approves, the effect is performed, and that is recorded.
    async fn cycle(&self, n: usize) -> Outcome<()>;

    /// Until nothing is left to do. It is not a part of the cycle, and is shown apart.
    async fn rest(&self) -> Outcome<()> {
        Ok(())
    }

    async fn stop(&self) {}
}

/// A candidate as it comes in, the same for all. Every cycle has a seat of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Candidate {
    pub(crate) app: App,
    pub(crate) account: Account,
    pub(crate) manager: Manager,
    pub(crate) never_used: bool,
    pub(crate) requesting_channel: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct App {
    pub(crate) id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) email: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Manager {
    pub(crate) email: String,
}

impl Candidate {
    pub(crate) fn number(n: usize) -> Self {
        Self {
            app: App { id: "figma".to_owned() },
            account: Account { id: format!("00u{n}"), email: format!("user{n}@example.com") },
            manager: Manager { email: manager(n) },
            never_used: true,
            requesting_channel: format!("C{}", n % CHANNELS),
        }
    }

    /// The body of a delivery.
    pub(crate) fn body(n: usize) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Self::number(n))
    }
}

/// Whose decision it is.
pub(crate) fn manager(n: usize) -> String {
    format!("manager{}@example.com", n % 40)
}

/// The same decision for all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Decision {
    pub(crate) approve: bool,
    pub(crate) by: String,
}

/// The effect: nothing. It keeps the compiler from seeing that.
pub(crate) fn remove(seat: &str) -> String {
    std::hint::black_box(seat).to_owned()
}
