use std::fmt;
use std::ops::RangeInclusive;

use super::{RangeSet, Word};

impl<W: Word> RangeSet<W> {
    /// Whether the set has no members. Cost: O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_last.is_empty()
    }

    /// Number of members, 0 to 2^128; only the full `u128` set does not fit and saturates at [`u128::MAX`].
    ///
    /// Cost: O(1).
    #[must_use]
    pub fn count(&self) -> u128 {
        if self.members == 0 && !self.is_empty() {
            u128::MAX
        } else {
            self.members
        }
    }

    /// Number of ranges in the normal form: what the set costs in memory. Cost: O(1).
    #[must_use]
    pub fn range_count(&self) -> usize {
        self.by_last.len()
    }

    /// Whether the number is a member. Cost: O(log n).
    #[must_use]
    pub fn contains(&self, value: W) -> bool {
        self.covers(value..=value)
    }

    /// Whether every number of `range` is a member; true for an empty range. Cost: O(log n).
    #[must_use]
    pub fn covers(&self, range: RangeInclusive<W>) -> bool {
        let (first, last) = range.into_inner();
        // Ranges are merged, so one of them must cover it alone.
        first > last
            || self
                .at_or_after(first)
                .is_some_and(|(start, end)| start <= first && last <= end)
    }

    /// Whether any number of `range` is a member. Cost: O(log n).
    #[must_use]
    pub fn overlaps(&self, range: RangeInclusive<W>) -> bool {
        let (first, last) = range.into_inner();
        first <= last && self.at_or_after(first).is_some_and(|(start, _)| start <= last)
    }

    /// The lowest member. Cost: O(log n).
    #[must_use]
    pub fn first(&self) -> Option<W> {
        self.by_last.first_key_value().map(|(_, &first)| first)
    }

    /// The highest member. Cost: O(log n).
    #[must_use]
    pub fn last(&self) -> Option<W> {
        self.by_last.last_key_value().map(|(&last, _)| last)
    }

    /// The member with `index` members below it: `nth(0)` is the lowest. Cost: O(n).
    #[must_use]
    pub fn nth(&self, mut index: u128) -> Option<W> {
        for (&last, &first) in &self.by_last {
            let beyond = last.distance(first);
            if index <= beyond {
                return first.offset(index);
            }
            index -= beyond + 1; // Cannot wrap: index is larger than `beyond`.
        }
        None
    }

    /// The lowest member that is not below `value`. Cost: O(log n).
    #[must_use]
    pub fn next_at_or_after(&self, value: W) -> Option<W> {
        self.at_or_after(value).map(|(first, _)| first.max(value))
    }

    /// The lowest number that is not below `value` and *not* a member; `None` when there is none up to [`Word::MAX`].
    ///
    /// Cost: O(log n), however many members there are.
    #[must_use]
    pub fn next_gap_at_or_after(&self, value: W) -> Option<W> {
        match self.at_or_after(value) {
            // Ranges never touch, so the number after a range is free.
            Some((first, last)) if first <= value => last.next(),
            _ => Some(value),
        }
    }

    /// The range of the normal form that holds `value`. Cost: O(log n).
    #[must_use]
    pub fn range_around(&self, value: W) -> Option<RangeInclusive<W>> {
        self.at_or_after(value)
            .filter(|&(first, _)| first <= value)
            .map(|(first, last)| first..=last)
    }

    /// The ranges of the normal form, ascending: disjoint, never adjacent, never empty.
    pub fn ranges(&self) -> impl DoubleEndedIterator<Item = RangeInclusive<W>> + Clone + '_ {
        self.by_last.iter().map(|(&last, &first)| first..=last)
    }

    /// The parts of the set inside `range`, ascending. Cost: O(log n + k).
    pub fn ranges_within(
        &self,
        range: RangeInclusive<W>,
    ) -> impl Iterator<Item = RangeInclusive<W>> + Clone + '_ {
        let (from, to) = range.into_inner();
        let wanted = (from <= to)
            .then(|| self.by_last.range(from..))
            .into_iter()
            .flatten();
        wanted
            .take_while(move |&(_, &first)| first <= to)
            .map(move |(&last, &first)| first.max(from)..=last.min(to))
    }

    /// The first range that does not end below `value`.
    fn at_or_after(&self, value: W) -> Option<(W, W)> {
        self.by_last
            .range(value..)
            .next()
            .map(|(&last, &first)| (first, last))
    }
}

/// `[1-3 7-7]`: every range as `first-last`, also when it is one number.
impl<W: Word> fmt::Display for RangeSet<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, range) in self.ranges().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            write!(f, "{gap}{}-{}", range.start(), range.end())?;
        }
        f.write_str("]")
    }
}

impl<W: Word> fmt::Debug for RangeSet<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
