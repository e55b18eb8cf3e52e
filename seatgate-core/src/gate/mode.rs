//! The mode: switched by operators without a restart, recorded, followed by every server, and known again after a restart.

use serde_json::json;

use crate::gate::{Gate, GateError, Submission, TRIES, corrupt};
use crate::person::{Actor, Surface};
use crate::policy::Mode;
use crate::port::{Change, StoreError};
use crate::trail::{Entry, EntryDraft, Stream};

/// The kind of the entry that records a mode.
const MODE_SET: &str = "mode_set";
/// How many entries are looked at together.
pub(super) const PAGE: usize = 100;

impl Gate {
    /// Switches the mode, if they may: only operators, and whoever an administrator's token backs. When this returns
    /// `Ok`, it is recorded in the system's stream and holds; [`Gate::start_mode`] finds it after a restart.
    ///
    /// Decisions, keeps and everything that was begun go on in every mode. A removal that is being begun at the very
    /// moment of the switch counts as begun.
    ///
    /// # Errors
    /// [`GateError::Denied`] (recorded in the access stream), or what the store says.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was done; asking again is safe.
    pub async fn switch(&self, mode: Mode, by: &Submission) -> Result<(), GateError> {
        self.operator_only("switch_mode", None, by).await?;
        self.record_mode(mode, by).await
    }

    /// Takes up a mode when a server starts: the configured one, else the one that was switched to last, else the one
    /// that the gate was built with. A configured mode that differs from the last one is recorded, too. From then on
    /// [`Gate::follow_mode`] works.
    ///
    /// But *off* is the emergency stop: where somebody has switched to it, it holds, whatever is configured, until
    /// somebody switches again.
    ///
    /// # Errors
    /// When the store did not do its part.
    ///
    /// # Cancel safety
    /// As for [`Gate::switch`].
    pub async fn start_mode(&self, configured: Option<Mode>) -> Result<Mode, GateError> {
        let end = self.system_version().await?;
        let last = self.last_mode(0, end).await?;
        match (configured, last) {
            (_, Some(last)) if last.mode == Mode::Off && last.by != configuration() => {
                self.take_up(last.seq, last.mode)
            }
            (Some(mode), Some(last)) if mode != last.mode => {
                self.record_mode(mode, &Submission::new(configuration(), Surface::Library)).await?;
            }
            (Some(mode), _) => self.set_mode(mode),
            (None, Some(last)) => self.take_up(last.seq, last.mode),
            (None, None) => {}
        }
        self.take_up_app_modes(0, end).await?;
        self.change_settings(|settings| settings.mode_read = Some(end));
        Ok(self.settings().mode)
    }

    /// Takes up what was switched to through another server on the same store since the last look; nothing before
    /// [`Gate::start_mode`]. The driver calls it at every poll, so that an emergency stop reaches all servers.
    ///
    /// # Errors
    /// When the store did not do its part; the mode stays as it was.
    ///
    /// # Cancel safety
    /// Safe to drop: the next call looks again.
    pub async fn follow_mode(&self) -> Result<(), StoreError> {
        let Some(read) = self.settings().mode_read else { return Ok(()) };
        let end = self.system_version().await?;
        if end > read {
            if let Some(last) = self.last_mode(read, end).await? {
                self.take_up(last.seq, last.mode);
            }
            self.take_up_app_modes(read, end).await?;
            self.change_settings(|settings| settings.mode_read = Some(end));
        }
        Ok(())
    }

    async fn record_mode(&self, mode: Mode, by: &Submission) -> Result<(), GateError> {
        let id = self.new_change();
        for _ in 0..TRIES {
            let mut chain = self.parts.requests.chain(Stream::System).await?;
            let was = self.settings().mode;
            if was == mode && self.last_mode(0, chain.version).await?.is_some_and(|last| last.mode == mode) {
                return Ok(());
            }
            let data = json!({ "mode": mode, "was": was });
            let mut draft = EntryDraft::new(self.now(), MODE_SET, by.actor.clone(), by.surface, data);
            draft.submitted_by.clone_from(&by.submitted_by);
            let mut change = Change::new(id, &chain);
            change.entries.push(chain.append(id, draft).map_err(corrupt)?);
            if self.commit_one(change).await?.is_kept() {
                self.take_up(chain.version, mode);
                return Ok(());
            }
        }
        Err(GateError::Contended)
    }

    /// Of two switches at a time, the one that was recorded later holds, whichever comes here first.
    fn take_up(&self, seq: u64, mode: Mode) {
        self.change_settings(|settings| {
            if seq > settings.mode_seq {
                (settings.mode_seq, settings.mode) = (seq, mode);
            }
        });
        self.wake();
    }

    async fn system_version(&self) -> Result<u64, StoreError> {
        Ok(self.parts.requests.chain(Stream::System).await?.version)
    }

    /// The mode that was recorded last, of the entries after `start` up to `end`.
    async fn last_mode(&self, start: u64, mut end: u64) -> Result<Option<Recorded>, StoreError> {
        while end > start {
            let from = end.saturating_sub(PAGE as u64).max(start);
            let entries = self.parts.queries.entries(Stream::System, from, PAGE).await?;
            let mut modes = entries.iter().filter(|entry| entry.seq <= end).filter_map(recorded);
            if let Some(last) = modes.next_back() {
                return Ok(Some(last));
            }
            end = from;
        }
        Ok(None)
    }
}

/// A mode, as it was recorded.
struct Recorded {
    seq: u64,
    mode: Mode,
    by: Actor,
}

/// A mode that stands in the configuration is switched to by it.
fn configuration() -> Actor {
    Actor::system("configuration").unwrap_or_else(Actor::worker)
}

fn recorded(entry: &Entry) -> Option<Recorded> {
    if entry.kind != MODE_SET {
        return None;
    }
    let body: serde_json::Value = serde_json::from_str(&entry.body).ok()?;
    let mode = body.pointer("/data/mode")?.as_str()?.parse().ok()?;
    let by = body.get("actor")?.as_str()?.parse().ok()?;
    Some(Recorded { seq: entry.seq, mode, by })
}
