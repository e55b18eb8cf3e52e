//! All luck of a schedule, from its seed.

use seatgate_core::port::Entropy;
use seatgate_core::testing::SeededEntropy;

/// A sequence of random choices. The same seed makes the same choices.
#[derive(Debug)]
pub struct Chance(SeededEntropy);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    pub fn word(&self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// From 0 to `n - 1`.
    pub fn below(&self, n: usize) -> usize {
        usize::try_from(self.word() % u64::try_from(n.max(1)).unwrap()).unwrap()
    }

    /// True once in `n` times; never, if `n` is 0.
    pub fn one_in(&self, n: u32) -> bool {
        n != 0 && self.word().is_multiple_of(u64::from(n))
    }

    pub fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of them; nothing, if there is none.
    pub fn any<T: Copy>(&self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len())).copied()
    }
}
