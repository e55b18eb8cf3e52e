//! How fast we may call: never a queue and never a sleep, only yes or how long to wait.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seatgate_core::port::Clock;
use seatgate_core::time::Timestamp;

/// Slack allows about one message a second in a channel.
const INTERVAL: Duration = Duration::from_secs(1);
/// "Short bursts" are allowed beyond that: how many messages at once.
const BURST: u32 = 3;
/// Slack counts updates a method, not a channel: about one a second, as some 50 a minute are allowed. How many at once.
const UPDATE_BURST: u32 = 20;
/// Updates that wait come back one after the other, within so long: if all of them came for the next token, hundreds would
/// be read, rendered and refused every second. What comes later than its token loses nothing, for tokens are kept.
const LINE: Duration = Duration::from_secs(UPDATE_BURST as u64);
/// From so many channels on, those with a full bucket are forgotten.
const MANY_CHANNELS: usize = 1024;

/// A bucket of tokens a channel for new messages, one for all updates with a line before it, and the times until which Slack
/// asked us to wait: for a method, or for a method in one channel.
pub(super) struct Pace {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    channels: HashMap<String, Bucket>,
    updates: Option<(Bucket, Line)>,
    holds: HashMap<&'static str, Hold>,
    channel_holds: HashMap<(&'static str, String), Hold>,
}

/// A bucket, told by the time when it will be full: one number instead of a count and a time.
#[derive(Clone, Copy)]
struct Bucket {
    full_at: Timestamp,
}

/// Whoever waits for a token of one bucket: when the last of them comes back.
#[derive(Clone, Copy)]
struct Line {
    last: Timestamp,
}

/// Not before `until`. The length is kept, so that a clock that jumps back holds us no longer than that.
#[derive(Clone, Copy)]
struct Hold {
    until: Timestamp,
    length: Duration,
}

impl Pace {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Whether `method` may be called now, and how long to wait if not.
    pub(super) fn allow(&self, method: &'static str) -> Result<(), Duration> {
        held(&mut self.state().holds, method, self.clock.now())
    }

    /// Whether a message may be posted to `channel` by `method` now; if so, one token is taken.
    pub(super) fn allow_message(&self, method: &'static str, channel: &str) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut state = self.state();
        held(&mut state.holds, method, now)?;
        held(&mut state.channel_holds, &(method, channel.to_owned()), now)?;
        state.take(channel, now)
    }

    /// Whether a message in `channel` may be changed by `method` now; if so, one token is taken.
    pub(super) fn allow_update(&self, method: &'static str, channel: &str) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut state = self.state();
        held(&mut state.holds, method, now)?;
        held(&mut state.channel_holds, &(method, channel.to_owned()), now)?;
        let (bucket, line) = state.updates.get_or_insert((Bucket { full_at: now }, Line { last: now }));
        bucket.take(now, UPDATE_BURST).map_err(|wait| line.place(now, wait))
    }

    /// Holds `method` back: Slack asked for it.
    pub(super) fn hold(&self, method: &'static str, length: Duration) {
        let hold = Hold { until: self.clock.now().saturating_add(length), length };
        self.state().holds.insert(method, hold);
    }

    /// Holds `method` back in `channel`: others go on.
    pub(super) fn hold_channel(&self, method: &'static str, channel: &str, length: Duration) {
        let now = self.clock.now();
        let holds = &mut self.state().channel_holds;
        if holds.len() >= MANY_CHANNELS {
            holds.retain(|_, hold| hold.until > now);
        }
        holds.insert((method, channel.to_owned()), Hold { until: now.saturating_add(length), length });
    }

    /// Whoever panicked while holding the lock left nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, channel: &str, now: Timestamp) -> Result<(), Duration> {
        if self.channels.len() >= MANY_CHANNELS {
            self.channels.retain(|_, bucket| bucket.full_at > now);
        }
        let bucket = self.channels.entry(channel.to_owned()).or_insert(Bucket { full_at: now });
        bucket.take(now, BURST)
    }
}

fn held<K, Q>(holds: &mut HashMap<K, Hold>, key: &Q, now: Timestamp) -> Result<(), Duration>
where
    K: Borrow<Q> + Eq + Hash,
    Q: Eq + Hash + ?Sized,
{
    let Some(hold) = holds.get_mut(key) else { return Ok(()) };
    hold.until = hold.until.min(now.saturating_add(hold.length));
    match hold.until.since(now) {
        Duration::ZERO => {
            holds.remove(key);
            Ok(())
        }
        wait => Err(wait),
    }
}

impl Bucket {
    /// Takes one of at most `burst` tokens, or says how long until there is one.
    fn take(&mut self, now: Timestamp, burst: u32) -> Result<(), Duration> {
        let empty = now.saturating_add(INTERVAL * burst);
        // Later than an empty bucket can only mean that the clock jumped back.
        self.full_at = self.full_at.clamp(now, empty);
        let taken = self.full_at.saturating_add(INTERVAL);
        if taken > empty {
            return Err(taken.since(empty));
        }
        self.full_at = taken;
        Ok(())
    }
}

impl Line {
    /// How long one more waits, where the next token comes after `wait`: an interval longer than the one before, but from
    /// the start again where the line is as long as it gets.
    fn place(&mut self, now: Timestamp, wait: Duration) -> Duration {
        let (first, end) = (now.saturating_add(wait), now.saturating_add(wait + LINE));
        let next = self.last.saturating_add(INTERVAL).max(first);
        self.last = if next < end { next } else { first };
        self.last.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seatgate_core::testing::ManualClock;

    const POST: &str = "chat.postMessage";
    const SECOND: Duration = Duration::from_secs(1);

    fn pace() -> (Arc<ManualClock>, Pace) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_000_000_000)));
        (clock.clone(), Pace::new(clock))
    }

    #[test]
    fn a_burst_then_one_a_second() {
        let (clock, pace) = pace();
        for _ in 0..BURST {
            assert_eq!(pace.allow_message(POST, "C1"), Ok(()));
        }
        assert_eq!(pace.allow_message(POST, "C1"), Err(SECOND));
        assert_eq!(pace.allow_message(POST, "C2"), Ok(()), "another channel has its own bucket");
        clock.advance(Duration::from_millis(400));
        assert_eq!(pace.allow_message(POST, "C1"), Err(Duration::from_millis(600)));
        clock.advance(Duration::from_millis(600));
        assert_eq!(pace.allow_message(POST, "C1"), Ok(()));
        assert_eq!(pace.allow_message(POST, "C1"), Err(SECOND), "one second gives one token");
        clock.advance(SECOND * 100);
        let sent = (0..10).filter(|_| pace.allow_message(POST, "C1").is_ok()).count();
        assert_eq!(sent, 3, "a bucket does not overflow");
    }

    #[test]
    fn a_hold_is_for_its_method_only() {
        let (clock, pace) = pace();
        pace.hold(POST, SECOND * 30);
        assert_eq!(pace.allow(POST), Err(SECOND * 30));
        assert_eq!(pace.allow_message(POST, "C1"), Err(SECOND * 30));
        assert_eq!(pace.allow("chat.update"), Ok(()));
        clock.advance(SECOND * 30);
        assert_eq!(pace.allow_message(POST, "C1"), Ok(()));
    }

    #[test]
    fn a_hold_of_a_channel_is_for_no_other_one() {
        let (clock, pace) = pace();
        pace.hold_channel(POST, "C1", SECOND * 30);
        assert_eq!(pace.allow_message(POST, "C1"), Err(SECOND * 30));
        assert_eq!(pace.allow_update("chat.update", "C1"), Ok(()), "nor for another method");
        assert_eq!(pace.allow_message(POST, "C2"), Ok(()));
        clock.advance(SECOND * 30);
        assert_eq!(pace.allow_message(POST, "C1"), Ok(()));
    }

    #[test]
    fn updates_have_one_bucket_and_a_hold_is_for_one_channel() {
        const UPDATE: &str = "chat.update";
        let (clock, pace) = pace();
        pace.hold_channel(UPDATE, "C1", SECOND * 30);
        assert_eq!(pace.allow_update(UPDATE, "C1"), Err(SECOND * 30));
        let sent = (0..20).filter(|n| pace.allow_update(UPDATE, &format!("D{n}")).is_ok()).count();
        assert_eq!(sent, 20, "what is held takes no token");
        assert_eq!(pace.allow_update(UPDATE, "D1"), Err(SECOND));
        clock.advance(SECOND);
        assert_eq!((pace.allow_update(UPDATE, "D1"), pace.allow_update(UPDATE, "D2")), (Ok(()), Err(SECOND)));
        assert_eq!(pace.allow_message(POST, "D2"), Ok(()), "new messages have their own");
        pace.hold(UPDATE, SECOND * 60);
        assert_eq!(pace.allow_update(UPDATE, "D1"), Err(SECOND * 60));
    }

    #[test]
    fn updates_that_wait_come_back_one_after_the_other() {
        const UPDATE: &str = "chat.update";
        const WAITING: u32 = 300;
        let (clock, pace) = pace();
        let ask = |n: &u32| pace.allow_update(UPDATE, &format!("D{n}"));
        (0..UPDATE_BURST).for_each(|n| assert_eq!(ask(&n), Ok(())));
        let mut due: Vec<_> = (0..WAITING).map(|n| (n, clock.now().saturating_add(ask(&n).unwrap_err()))).collect();
        assert_eq!(due[..3].iter().map(|(_, due)| due.since(clock.now())).max(), Some(SECOND * 3));
        let (mut seconds, mut asked) = (0, 0);
        while !due.is_empty() {
            clock.advance(SECOND);
            seconds += 1;
            let now = clock.now();
            let (comes, stays): (Vec<_>, Vec<_>) = due.into_iter().partition(|(_, due)| *due <= now);
            assert!(comes.len() <= WAITING as usize / 5, "{} come at once", comes.len());
            asked += comes.len();
            due = stays;
            due.extend(comes.iter().filter_map(|(n, _)| Some((*n, now.saturating_add(ask(n).err()?)))));
        }
        assert!(seconds <= WAITING + UPDATE_BURST, "no token is lost: {seconds} s");
        assert!(asked < 6000, "each asks about as often as the line goes round, not every second: {asked} times");
    }

    #[test]
    fn a_clock_that_jumps_back_locks_nothing() {
        let (clock, pace) = pace();
        pace.hold("chat.update", SECOND * 5);
        (0..BURST).for_each(|_| assert_eq!(pace.allow_message(POST, "C1"), Ok(())));
        clock.set(Timestamp::from_micros(0));
        assert_eq!(pace.allow("chat.update"), Err(SECOND * 5));
        assert_eq!(pace.allow_message(POST, "C1"), Err(SECOND));
        clock.advance(SECOND * 5);
        assert_eq!(pace.allow("chat.update"), Ok(()));
        assert_eq!(pace.allow_message(POST, "C1"), Ok(()));
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let (clock, pace) = pace();
        for channel in 0..MANY_CHANNELS {
            assert_eq!(pace.allow_message(POST, &format!("C{channel}")), Ok(()));
        }
        clock.advance(SECOND * 2);
        assert_eq!(pace.allow_message(POST, "C1"), Ok(()));
        assert_eq!(pace.state().channels.len(), 1);
    }
}
