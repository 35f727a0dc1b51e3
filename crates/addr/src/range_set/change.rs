use std::ops::RangeInclusive;

use super::{RangeSet, Word};

impl<W: Word> RangeSet<W> {
    /// Adds every number of `range`. Cost: O(k log n), k the ranges that merge into one.
    pub fn insert(&mut self, range: RangeInclusive<W>) {
        let (mut first, last) = range.into_inner();
        if first > last {
            return;
        }
        // The neighbour that ends just below `first` merges as well, so look from there.
        let from = first.prev().unwrap_or(first);
        let up_to = last.next().unwrap_or(last);
        while let Some((&end, start)) = self.by_last.range_mut(from..).next() {
            if *start > up_to {
                break;
            }
            if end >= last {
                // The last range that touches keeps its key and grows downwards.
                if first < *start {
                    self.members = self.members.wrapping_add(start.distance(first));
                    *start = first;
                }
                return;
            }
            first = first.min(*start);
            self.members = self.members.wrapping_sub(size(*start, end));
            self.by_last.remove(&end);
        }
        self.members = self.members.wrapping_add(size(first, last));
        self.by_last.insert(last, first);
    }

    /// Takes out every number of `range`. Cost: O(k log n), k the ranges that are cut.
    pub fn remove(&mut self, range: RangeInclusive<W>) {
        let (first, last) = range.into_inner();
        if first > last {
            return;
        }
        while let Some((&end, start)) = self.by_last.range_mut(first..).next() {
            let old_start = *start;
            if old_start > last {
                break;
            }
            let cut_end = end.min(last);
            self.members = self.members.wrapping_sub(size(old_start.max(first), cut_end));
            match last.next() {
                // Something is left above the cut: it keeps its key.
                Some(rest) if rest <= end => *start = rest,
                _ => {
                    self.by_last.remove(&end);
                }
            }
            if let Some(before) = first.prev().filter(|&before| before >= old_start) {
                self.by_last.insert(before, old_start);
            }
            if end >= last {
                break;
            }
        }
    }

    /// Adds one number; `true` when it was not there before. Cost: O(log n).
    pub fn insert_value(&mut self, value: W) -> bool {
        let before = self.members;
        self.insert(value..=value);
        self.members != before
    }

    /// Takes out one number; `true` when it was there. Cost: O(log n).
    pub fn remove_value(&mut self, value: W) -> bool {
        let before = self.members;
        self.remove(value..=value);
        self.members != before
    }

    /// Takes out the lowest number and returns it; `None` when the set is empty.
    ///
    /// Cost: O(log n), in practice a walk down the left edge that mostly changes nothing but one value.
    pub fn take_first(&mut self) -> Option<W> {
        let mut lowest = self.by_last.first_entry()?;
        let (first, last) = (*lowest.get(), *lowest.key());
        match first.next() {
            Some(rest) if rest <= last => *lowest.get_mut() = rest,
            _ => {
                lowest.remove();
            }
        }
        self.members = self.members.wrapping_sub(1);
        Some(first)
    }

    /// Takes out everything.
    pub fn clear(&mut self) {
        *self = Self::new();
    }
}

/// Members of `first..=last` modulo 2^128.
pub(super) fn size<W: Word>(first: W, last: W) -> u128 {
    last.distance(first).wrapping_add(1)
}
