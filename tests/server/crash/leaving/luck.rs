//! All luck of a run, from its seed.

use seatgate_core::port::Entropy;
use seatgate_core::testing::SeededEntropy;

#[derive(Debug)]
pub(super) struct Luck(SeededEntropy);

impl Luck {
    pub(super) fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// From 0 to `n - 1`.
    pub(super) fn below(&self, n: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % u64::try_from(n).unwrap()).unwrap()
    }
}
