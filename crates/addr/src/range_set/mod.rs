//! Sets of numbers kept as merged ranges. [`AddrSet`](crate::AddrSet) is two of these.

mod algebra;
mod build;
mod change;
mod query;
mod word;

use std::collections::BTreeMap;

pub use word::Word;

/// A set of unsigned numbers, kept as disjoint, non-adjacent, inclusive ranges.
///
/// Two sets with the same members are equal and hold the same ranges: there is one normal form. An empty
/// [`RangeInclusive`](std::ops::RangeInclusive) (`5..=4`) means no numbers wherever a range is taken.
///
/// Cost: n is the number of ranges, k the number of ranges touched. Looking up, adding and removing is O(log n) or
/// O(k log n); counting is O(1); set algebra is O(n); memory is about 3 words per range.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RangeSet<W: Word> {
    /// Last number of each range to its first. Keyed by the end, and not by the start, because then handing out the
    /// lowest member changes a value in place and never moves a key, and one forward look-up answers every question.
    by_last: BTreeMap<W, W>,
    /// Number of members modulo 2^128: the full `u128` set holds one more than fits and is told apart by
    /// `by_last` not being empty.
    members: u128,
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;
