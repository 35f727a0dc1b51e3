//! Chance with a seed, so that a failure can be tried again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// SplitMix64 (Steele, Lea and Flood 2014): small, and good enough to choose what goes wrong next.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// From the variable `SEED`, or a new seed; printed either way.
    pub(crate) fn seeded(test: &str) -> Self {
        let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(test));
        eprintln!("{test}: SEED={seed}");
        Self(seed)
    }

    /// Another sequence, decided by this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let length = u64::try_from(of.len()).expect("lengths fit");
        let index = usize::try_from(self.below(length)).expect("below a length");
        &of[index]
    }

    /// A pause between two acts of chaos: part of the scenario, not a wait for something.
    pub(crate) async fn pause(&mut self, at_least: Duration, less_than: Duration) {
        let span = u64::try_from((less_than - at_least).as_micros()).expect("seconds");
        tokio::time::sleep(at_least + Duration::from_micros(self.below(span))).await;
    }
}
