//! Retry: how long to wait before the next attempt. Pure, so that a seed replays every wait.

use std::time::Duration;

/// Waits that double from `first` up to `max`, with jitter.
///
/// The recipe is "equal jitter" of Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): half
/// of the capped wait always passes, the other half is left to chance. So attempts that failed together come back
/// apart, and none comes back at once.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use seatgate_core::retry::Backoff;
///
/// let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(600));
/// assert_eq!(backoff.delay(1, u64::MAX), Duration::from_secs(1));
/// assert_eq!(backoff.delay(4, 0), Duration::from_secs(4));
/// assert_eq!(backoff.delay(4, u64::MAX), Duration::from_secs(8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first attempt.
    pub first: Duration,
    /// The longest wait after any attempt.
    pub max: Duration,
}

impl Backoff {
    /// Waits that start at `first` and never exceed `max`.
    #[must_use]
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max }
    }

    /// How long to wait after the failed attempt number `attempt`, counted from 1; `jitter` is a random word.
    ///
    /// Between half and the whole of the capped wait; never above `max`, and never zero unless `first` or `max` is.
    /// Calculated in nanoseconds, so waits are held below 584 years.
    #[must_use]
    pub fn delay(&self, attempt: u32, jitter: u64) -> Duration {
        let factor = 1_u64.checked_shl(attempt.saturating_sub(1)).unwrap_or(u64::MAX);
        let capped = nanos(self.first).saturating_mul(factor).min(nanos(self.max));
        let room = capped / 2;
        Duration::from_nanos(capped - room + scaled(room, jitter))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A number from 0 to `room`, both included, as `jitter` goes from 0 to its largest value.
fn scaled(room: u64, jitter: u64) -> u64 {
    let product = (u128::from(room) + 1) * u128::from(jitter);
    // The high word of the product is at most `room`, so the fallback is never seen.
    u64::try_from(product >> 64).unwrap_or(room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn backoff() -> Backoff {
        Backoff::new(Duration::from_secs(1), Duration::from_secs(600))
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let longest: Vec<u64> = (1..=12).map(|attempt| backoff().delay(attempt, u64::MAX).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!(backoff().delay(3, 0), Duration::from_secs(2));
        assert_eq!(backoff().delay(u32::MAX, 0), Duration::from_secs(300));
    }

    /// Attempts that failed together come back apart only if every part of the room is as likely as any other.
    #[test]
    fn chance_spreads_attempts_evenly() {
        let quarters = [0, 1, 2, 3].map(|quarter| backoff().delay(1, quarter << 62).as_millis());
        assert_eq!(quarters, [500, 625, 750, 875]);
    }

    #[test]
    fn attempt_zero_counts_as_the_first() {
        assert_eq!(backoff().delay(0, 7), backoff().delay(1, 7));
    }

    #[test]
    fn nothing_stays_nothing() {
        let never = Backoff::new(Duration::ZERO, Duration::from_secs(600));
        assert_eq!(never.delay(u32::MAX, u64::MAX), Duration::ZERO);
    }

    #[test]
    fn the_smallest_wait_is_not_lost_in_halving() {
        let tiny = Backoff::new(Duration::from_nanos(1), Duration::from_nanos(1));
        assert_eq!(tiny.delay(1, 0), Duration::from_nanos(1));
    }

    fn any_duration() -> impl Strategy<Value = Duration> {
        prop_oneof![
            (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(s, n)| Duration::new(s, n)),
            (1..100_000_u64).prop_map(Duration::from_millis),
        ]
    }

    proptest! {
        #[test]
        fn never_above_the_cap_and_never_zero(
            first in any_duration(), max in any_duration(), attempt in any::<u32>(), jitter in any::<u64>(),
        ) {
            let delay = Backoff::new(first, max).delay(attempt, jitter);
            prop_assert!(delay <= max);
            prop_assert_eq!(delay.is_zero(), first.is_zero() || max.is_zero());
        }

        #[test]
        fn between_half_and_the_whole(first in 1..1_000_000_u64, attempt in 1..40_u32, jitter in any::<u64>()) {
            let max = Duration::from_secs(3_600);
            let delay = Backoff::new(Duration::from_micros(first), max).delay(attempt, jitter);
            let whole = Duration::from_micros(first << (attempt - 1)).min(max);
            prop_assert!(delay >= whole / 2 && delay <= whole, "{delay:?} of {whole:?}");
        }

        #[test]
        fn more_jitter_waits_no_shorter(attempt in 1..40_u32, one in any::<u64>(), other in any::<u64>()) {
            let (less, more) = (one.min(other), one.max(other));
            prop_assert!(backoff().delay(attempt, less) <= backoff().delay(attempt, more));
        }
    }
}
