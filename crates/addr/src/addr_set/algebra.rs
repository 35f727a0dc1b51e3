use super::AddrSet;
use crate::RangeSet;
use crate::values::{AddrRange, Family, Words};

impl AddrSet {
    /// The addresses in either set. Cost: O(n + m).
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            v4: self.v4.union(&other.v4),
            v6: self.v6.union(&other.v6),
        }
    }

    /// The addresses in both sets. Cost: O(n + m).
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            v4: self.v4.intersection(&other.v4),
            v6: self.v6.intersection(&other.v6),
        }
    }

    /// The addresses of this set that are not in `other`. Cost: O(n + m).
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self {
            v4: self.v4.difference(&other.v4),
            v6: self.v6.difference(&other.v6),
        }
    }

    /// The addresses of this set inside `range`. Cost: O(log n + k), k the ranges of the result.
    #[must_use]
    pub fn intersection_with_range(&self, range: AddrRange) -> Self {
        match range.0 {
            Words::V4(first, last) => Self {
                v4: self.v4.intersection_with_range(first..=last),
                v6: RangeSet::new(),
            },
            Words::V6(first, last) => Self {
                v4: RangeSet::new(),
                v6: self.v6.intersection_with_range(first..=last),
            },
        }
    }

    /// The addresses of `family` that are not in this set. Members of the other family play no part. Cost: O(n).
    #[must_use]
    pub fn complement(&self, family: Family) -> Self {
        match family {
            Family::V4 => Self {
                v4: self.v4.complement(),
                v6: RangeSet::new(),
            },
            Family::V6 => Self {
                v4: RangeSet::new(),
                v6: self.v6.complement(),
            },
        }
    }

    /// Whether the two sets share no address. Cost: O(n log m), n the smaller set.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.v4.is_disjoint(&other.v4) && self.v6.is_disjoint(&other.v6)
    }

    /// Whether every address of this set is in `other`. Cost: O(n log m).
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.v4.is_subset(&other.v4) && self.v6.is_subset(&other.v6)
    }
}
