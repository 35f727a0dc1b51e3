use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::change::size;
use super::{RangeSet, Word};

impl<W: Word> Default for RangeSet<W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: Word> RangeSet<W> {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            by_last: BTreeMap::new(),
            members: 0,
        }
    }

    /// Every number there is.
    #[must_use]
    pub fn full() -> Self {
        Self::from_iter([W::MIN..=W::MAX])
    }

    /// The set of ranges that come in ascending order of their first number; they may overlap or touch.
    ///
    /// Cost: O(n). A `BTreeMap` made from sorted pairs is filled leaf by leaf, without a search per entry.
    pub(super) fn from_ascending(ranges: impl Iterator<Item = (W, W)>) -> Self {
        let mut merged: Vec<(W, W)> = Vec::with_capacity(ranges.size_hint().0);
        let mut members = 0_u128;
        for (first, last) in ranges {
            match merged.last_mut() {
                // `end` is the key: entries are (last, first), as the map keeps them.
                Some((end, _)) if end.next().is_none_or(|after| first <= after) => {
                    if last > *end {
                        members = members.wrapping_add(last.distance(*end));
                        *end = last;
                    }
                }
                _ => {
                    members = members.wrapping_add(size(first, last));
                    merged.push((last, first));
                }
            }
        }
        Self {
            by_last: BTreeMap::from_iter(merged),
            members,
        }
    }
}

/// In any order, with overlaps and duplicates. Cost: O(m log m) for m items, about as fast as sorting them.
impl<W: Word> FromIterator<RangeInclusive<W>> for RangeSet<W> {
    fn from_iter<I: IntoIterator<Item = RangeInclusive<W>>>(ranges: I) -> Self {
        let pairs = ranges.into_iter().map(RangeInclusive::into_inner);
        let mut pairs: Vec<(W, W)> = pairs.filter(|(first, last)| first <= last).collect();
        pairs.sort_unstable();
        Self::from_ascending(pairs.into_iter())
    }
}

/// In any order, with duplicates. Cost: O(m log m) for m items, about as fast as sorting them.
impl<W: Word> FromIterator<W> for RangeSet<W> {
    fn from_iter<I: IntoIterator<Item = W>>(values: I) -> Self {
        let mut values: Vec<W> = values.into_iter().collect();
        values.sort_unstable();
        Self::from_ascending(values.into_iter().map(|value| (value, value)))
    }
}

impl<W: Word> Extend<RangeInclusive<W>> for RangeSet<W> {
    fn extend<I: IntoIterator<Item = RangeInclusive<W>>>(&mut self, ranges: I) {
        self.absorb(ranges.into_iter().collect());
    }
}

impl<W: Word> Extend<W> for RangeSet<W> {
    fn extend<I: IntoIterator<Item = W>>(&mut self, values: I) {
        self.absorb(values.into_iter().collect());
    }
}

impl<W: Word> RangeSet<W> {
    /// Adds a set. A small one range by range, a large one by a merge of both.
    pub(crate) fn absorb(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        } else if other.range_count() < self.range_count() / 8 {
            for range in other.ranges() {
                self.insert(range);
            }
        } else {
            *self = self.union(&other);
        }
    }
}
