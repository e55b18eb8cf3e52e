//! Time and chance, the two inputs that make everything else repeatable.

use crate::time::Timestamp;

/// Tells the time.
///
/// # Contract
/// - **CL-1** `now` never blocks and never fails.
/// - **CL-2** It may jump in both directions; nothing in seatgate relies on it being monotonic. Leases are judged by
///   the store's own clock, never by this one.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// Gives bytes for ids, salts and jitter.
///
/// # Contract
/// - **EN-1** `fill` fills the whole slice, never blocks for long and never fails.
/// - **EN-2** In production the bytes are unpredictable: salts protect personal data in the trail.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
#[cfg(feature = "system")]
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[cfg(feature = "system")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The operating system's random numbers.
#[cfg(feature = "system")]
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

#[cfg(feature = "system")]
impl Entropy for OsEntropy {
    /// # Panics
    /// When the operating system has no random numbers to give: going on without would make salts guessable.
    #[expect(clippy::expect_used, reason = "guessable salts and ids would be worse than stopping")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random numbers");
    }
}

/// Numbers from a seed, so that a run can be replayed. Not for production: whoever knows the seed knows the salts.
#[cfg(any(test, feature = "test-util"))]
#[derive(Debug)]
pub struct SeededEntropy(std::sync::atomic::AtomicU64);

#[cfg(any(test, feature = "test-util"))]
impl SeededEntropy {
    /// The sequence that belongs to `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(seed))
    }
}

#[cfg(any(test, feature = "test-util"))]
impl Entropy for SeededEntropy {
    /// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    fn fill(&self, bytes: &mut [u8]) {
        const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
        for chunk in bytes.chunks_mut(8) {
            let previous = self.0.fetch_add(GOLDEN_GAMMA, std::sync::atomic::Ordering::Relaxed);
            let mut z = previous.wrapping_add(GOLDEN_GAMMA);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let word = (z ^ (z >> 31)).to_le_bytes();
            for (byte, random) in chunk.iter_mut().zip(word) {
                *byte = random;
            }
        }
    }
}
