//! How many calls Slack takes: so many a minute of a method, and of new messages a bucket a channel.

use std::collections::BTreeMap;
use std::time::Duration;

use seatgate_core::time::Timestamp;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// New messages in one channel: one a second, "short bursts" beyond that.
const MESSAGE_BURST: u32 = 3;

/// What is left of each limit, and who was refused. Slack has them always; tests turn them on.
#[derive(Default)]
pub struct Rates {
    /// When a channel's bucket will be full again.
    full_at: BTreeMap<String, Timestamp>,
    /// A method's minute: when it began, and how many calls it has seen.
    minutes: BTreeMap<String, (Timestamp, u32)>,
    /// How often a method was answered with 429.
    pub refused: BTreeMap<String, usize>,
}

impl Rates {
    /// Takes one call, or says in how many seconds there is room for it.
    pub(super) fn take(&mut self, method: &str, channel: Option<&str>, now: Timestamp) -> Result<(), u32> {
        let channel = channel.filter(|_| method == "chat.postMessage");
        let taken =
            self.take_of_minute(method, now).and_then(|()| channel.map_or(Ok(()), |of| self.take_of_bucket(of, now)));
        taken.map_err(|wait| {
            *self.refused.entry(method.to_owned()).or_default() += 1;
            u32::try_from(wait.as_millis().div_ceil(1000)).unwrap().max(1)
        })
    }

    fn take_of_minute(&mut self, method: &str, now: Timestamp) -> Result<(), Duration> {
        let (began, calls) = self.minutes.entry(method.to_owned()).or_insert((now, 0));
        if now.since(*began) >= MINUTE {
            (*began, *calls) = (now, 0);
        }
        if *calls >= a_minute(method) {
            return Err(began.saturating_add(MINUTE).since(now));
        }
        *calls += 1;
        Ok(())
    }

    fn take_of_bucket(&mut self, channel: &str, now: Timestamp) -> Result<(), Duration> {
        let full_at = self.full_at.entry(channel.to_owned()).or_insert(now);
        let (taken, empty) = ((*full_at).max(now).saturating_add(SECOND), now.saturating_add(SECOND * MESSAGE_BURST));
        if taken > empty {
            return Err(taken.since(empty));
        }
        *full_at = taken;
        Ok(())
    }
}

/// Calls a minute, by Slack's tiers. They may come all at once.
fn a_minute(method: &str) -> u32 {
    match method {
        // "Several hundred messages a minute" in a workspace.
        "chat.postMessage" | "auth.test" => 600,
        "users.info" | "users.profile.get" | "views.open" | "views.update" | "views.publish" | "chat.postEphemeral" => {
            100
        }
        // Tier 3.
        _ => 50,
    }
}
