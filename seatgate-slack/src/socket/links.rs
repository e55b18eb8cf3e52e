//! The connections that are up: the newest, and those that Slack will close.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::connect::Opened;
use super::link::{End, Link};
use super::meter::Counter;
use super::{SocketError, SocketOptions};
use crate::inbound::SlackApp;

/// Slack allows ten. With more than these, the oldest leaves.
const MOST: usize = 4;
/// How long Slack may go on counting a connection that was cut.
const REMEMBERED: Duration = Duration::from_secs(60);

/// What is needed next.
pub(super) enum Need {
    /// A further connection: Slack will close the newest soon.
    Refresh,
    /// A new connection: the newest is gone.
    Replacement,
    /// None would help.
    Nothing(SocketError),
}

/// The connections that are up.
pub(super) struct Links {
    app: SlackApp,
    silence: Duration,
    permits: Arc<Semaphore>,
    counter: Arc<Counter>,
    tasks: JoinSet<End>,
    /// In the order of their age.
    up: Vec<(Id, Arc<Notify>)>,
    /// When connections ended that Slack may still count.
    gone: Vec<Instant>,
}

impl Links {
    pub(super) fn new(app: SlackApp, options: &SocketOptions, permits: Arc<Semaphore>, counter: Arc<Counter>) -> Self {
        let (tasks, up, gone) = (JoinSet::new(), Vec::new(), Vec::new());
        Self { app, silence: options.silence, permits, counter, tasks, up, gone }
    }

    /// Serves a new connection beside the others, until another one is needed.
    pub(super) async fn add(&mut self, opened: Opened) -> Need {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            if self.note(ended).1 == End::Disabled {
                return Need::Nothing(SocketError::Disabled);
            }
        }
        self.compare(opened.counted);
        let (closing, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let link = Link {
            socket: opened.socket,
            app: self.app.clone(),
            silence: self.silence,
            permits: Arc::clone(&self.permits),
            counter: Arc::clone(&self.counter),
            closing: Arc::clone(&closing),
            leave: Arc::clone(&leave),
        };
        let newest = self.tasks.spawn(link.serve()).id();
        self.up.push((newest, leave));
        self.counter.count(|meter| (meter.opened, meter.live) = (meter.opened + 1, meter.live + 1));
        if self.up.len() > MOST {
            self.up[0].1.notify_one();
        }
        self.until_needed(newest, &closing).await
    }

    /// Tells all to leave, and waits until they have.
    pub(super) async fn leave(&mut self) {
        self.up.iter().for_each(|(_, leave)| leave.notify_one());
        while self.tasks.join_next().await.is_some() {}
    }

    async fn until_needed(&mut self, newest: Id, closing: &Notify) -> Need {
        loop {
            let ended = tokio::select! {
                () = closing.notified() => return Need::Refresh,
                ended = self.tasks.join_next_with_id() => ended,
            };
            match ended.map(|ended| self.note(ended)) {
                Some((_, End::Disabled)) => return Need::Nothing(SocketError::Disabled),
                Some((id, _)) if id != newest => {}
                _ => return Need::Replacement,
            }
        }
    }

    fn note(&mut self, ended: Result<(Id, End), JoinError>) -> (Id, End) {
        let (id, end) = ended.unwrap_or_else(|error| (error.id(), End::Cut));
        self.up.retain(|(other, _)| *other != id);
        tracing::debug!(?end, "a connection of Socket Mode ended");
        if end.is_lost() {
            self.gone.push(Instant::now());
        }
        (id, end)
    }

    /// Raises an alarm when Slack counts more connections than we have, the new one included.
    fn compare(&mut self, counted: usize) {
        self.gone.retain(|since| since.elapsed() < REMEMBERED);
        let ours = self.up.len() + self.gone.len() + 1;
        if counted > ours {
            tracing::warn!(
                counted,
                ours,
                "Slack counts more connections of this app than we have: who else has its token?"
            );
            self.counter.count(|meter| meter.surplus += 1);
        }
    }
}
