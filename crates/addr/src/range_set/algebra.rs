use std::iter;
use std::ops::RangeInclusive;

use super::{RangeSet, Word};

impl<W: Word> RangeSet<W> {
    /// The numbers in either set. Cost: O(n + m).
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.pairs().peekable(), other.pairs().peekable());
        Self::from_ascending(iter::from_fn(move || match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if y < x => b.next(),
            (Some(_), _) => a.next(),
            (None, _) => b.next(),
        }))
    }

    /// The numbers in both sets. Cost: O(n + m).
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.pairs().peekable(), other.pairs().peekable());
        Self::from_ascending(iter::from_fn(move || {
            loop {
                let (&(a_first, a_last), &(b_first, b_last)) = (a.peek()?, b.peek()?);
                // Whatever ends first cannot meet anything further on.
                if a_last <= b_last {
                    a.next();
                } else {
                    b.next();
                }
                let (first, last) = (a_first.max(b_first), a_last.min(b_last));
                if first <= last {
                    return Some((first, last));
                }
            }
        }))
    }

    /// The numbers in this set that are not in `other`. Cost: O(n + m).
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let (mut ours, mut gaps) = (self.pairs(), other.pairs().peekable());
        let mut rest = ours.next();
        Self::from_ascending(iter::from_fn(move || {
            loop {
                let (first, last) = rest?;
                match gaps.peek().copied() {
                    Some((_, cut_last)) if cut_last < first => {
                        gaps.next();
                    }
                    Some((cut_first, cut_last)) if cut_first <= last => {
                        // What is above the cut is looked at again, what is below it is done.
                        rest = match cut_last.next() {
                            Some(above) if above <= last => Some((above, last)),
                            _ => ours.next(),
                        };
                        if let Some(below) = cut_first.prev().filter(|&below| below >= first) {
                            return Some((first, below));
                        }
                    }
                    _ => {
                        rest = ours.next();
                        return Some((first, last));
                    }
                }
            }
        }))
    }

    /// Every number that is not in this set. Cost: O(n).
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::full().difference(self)
    }

    /// The numbers of this set inside `range`. Cost: O(log n + k), k the ranges of the result.
    #[must_use]
    pub fn intersection_with_range(&self, range: RangeInclusive<W>) -> Self {
        Self::from_ascending(self.ranges_within(range).map(RangeInclusive::into_inner))
    }

    /// Whether the two sets share no number. Cost: O(n log m), n the smaller set.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let (few, many) = if self.range_count() < other.range_count() {
            (self, other)
        } else {
            (other, self)
        };
        !few.ranges().any(|range| many.overlaps(range))
    }

    /// Whether every member of this set is a member of `other`. Cost: O(n log m).
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.ranges().all(|range| other.covers(range))
    }

    fn pairs(&self) -> impl Iterator<Item = (W, W)> + '_ {
        self.by_last.iter().map(|(&last, &first)| (first, last))
    }
}
