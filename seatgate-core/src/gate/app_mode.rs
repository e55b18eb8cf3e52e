//! The mode of one app: what is done about its seats, where that is less than about all others.

use serde_json::{Value, json};

use crate::gate::mode::PAGE;
use crate::gate::{Gate, GateError, Submission, TRIES, corrupt};
use crate::policy::Mode;
use crate::port::{Change, StoreError};
use crate::seat::AppId;
use crate::trail::{Entry, EntryDraft, Stream};

/// The kind of the entry that records the mode of an app.
const APP_MODE_SET: &str = "app_mode_set";

impl Gate {
    /// Gives an app a mode of its own, or none any more. Of this and the mode of every app the one that does less counts:
    /// an app can be tried out as a dry run, or switched off alone, but not be live where the gate is not.
    ///
    /// Only operators, and whoever an administrator's token backs. When this returns `Ok`, it is recorded in the system's
    /// stream and holds here; other servers take it up at their next poll ([`Gate::follow_mode`]), and
    /// [`Gate::start_mode`] finds it after a restart. A request keeps the mode it was opened in.
    ///
    /// # Errors
    /// [`GateError::Denied`] (recorded in the access stream), or what the store says.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it unknown whether it was done; asking again is safe.
    pub async fn switch_app(&self, app: &AppId, mode: Option<Mode>, by: &Submission) -> Result<(), GateError> {
        self.operator_only("switch_mode", Some(app), by).await?;
        let id = self.new_change();
        for _ in 0..TRIES {
            // Another server may have switched since the last poll.
            self.follow_mode().await?;
            let mut chain = self.parts.requests.chain(Stream::System).await?;
            let was = self.settings().app_modes.get(app).and_then(|(_, mode)| *mode);
            if was == mode {
                return Ok(());
            }
            let data = json!({ "app": app, "mode": mode, "was": was });
            let mut draft = EntryDraft::new(self.now(), APP_MODE_SET, by.actor.clone(), by.surface, data);
            draft.submitted_by.clone_from(&by.submitted_by);
            let mut change = Change::new(id, &chain);
            change.entries.push(chain.append(id, draft).map_err(corrupt)?);
            if self.commit_one(change).await?.is_kept() {
                self.take_up_app_mode(chain.version, app.clone(), mode);
                self.wake();
                return Ok(());
            }
        }
        Err(GateError::Contended)
    }

    /// Takes up the modes of apps that are recorded after `start` up to `end`.
    pub(super) async fn take_up_app_modes(&self, start: u64, end: u64) -> Result<(), StoreError> {
        let mut from = start;
        while from < end {
            let entries = self.parts.queries.entries(Stream::System, from, PAGE).await?;
            let Some(last) = entries.last().map(|entry| entry.seq) else { break };
            for entry in entries.iter().filter(|entry| entry.kind == APP_MODE_SET) {
                if let Some((app, mode)) = recorded(entry) {
                    self.take_up_app_mode(entry.seq, app, mode);
                }
            }
            from = last;
        }
        Ok(())
    }

    /// Of two switches at a time, the one that was recorded later holds, whichever comes here first.
    fn take_up_app_mode(&self, seq: u64, app: AppId, mode: Option<Mode>) {
        self.change_settings(|settings| {
            let known = settings.app_modes.entry(app).or_insert((0, None));
            if seq > known.0 {
                *known = (seq, mode);
            }
        });
    }
}

fn recorded(entry: &Entry) -> Option<(AppId, Option<Mode>)> {
    let body: Value = serde_json::from_str(&entry.body).ok()?;
    let app = body.pointer("/data/app")?.as_str()?.parse().ok()?;
    let mode = match body.pointer("/data/mode")? {
        Value::Null => None,
        mode => Some(mode.as_str()?.parse().ok()?),
    };
    Some((app, mode))
}
