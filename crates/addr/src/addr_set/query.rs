use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::AddrSet;
use crate::values::{AddrRange, Family, Words};

impl AddrSet {
    /// Whether there is no address in the set. Cost: O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Number of addresses; saturates at [`u128::MAX`], which only a set with (nearly) all of `::/0` reaches.
    ///
    /// Cost: O(1). For a narrower field of an API see [`saturating_i64`](crate::saturating_i64).
    #[must_use]
    pub fn count(&self) -> u128 {
        self.v4.count().saturating_add(self.v6.count())
    }

    /// Number of ranges, over both families. Cost: O(1).
    #[must_use]
    pub fn range_count(&self) -> usize {
        self.v4.range_count() + self.v6.range_count()
    }

    /// Whether the address is in the set. Cost: O(log n).
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.covers(AddrRange::single(address))
    }

    /// Whether every address of `range` is in the set. Cost: O(log n).
    #[must_use]
    pub fn covers(&self, range: AddrRange) -> bool {
        match range.0 {
            Words::V4(first, last) => self.v4.covers(first..=last),
            Words::V6(first, last) => self.v6.covers(first..=last),
        }
    }

    /// Whether any address of `range` is in the set. Cost: O(log n).
    #[must_use]
    pub fn overlaps(&self, range: AddrRange) -> bool {
        match range.0 {
            Words::V4(first, last) => self.v4.overlaps(first..=last),
            Words::V6(first, last) => self.v6.overlaps(first..=last),
        }
    }

    /// The lowest address, IPv4 before IPv6. Cost: O(log n).
    #[must_use]
    pub fn first(&self) -> Option<IpAddr> {
        self.v4.first().map(v4).or_else(|| self.v6.first().map(v6))
    }

    /// The highest address, IPv6 after IPv4. Cost: O(log n).
    #[must_use]
    pub fn last(&self) -> Option<IpAddr> {
        self.v6.last().map(v6).or_else(|| self.v4.last().map(v4))
    }

    /// The address with `index` addresses of the set below it: `nth(0)` is the lowest. Cost: O(n).
    #[must_use]
    pub fn nth(&self, index: u128) -> Option<IpAddr> {
        match index.checked_sub(self.v4.count()) {
            None => self.v4.nth(index).map(v4),
            Some(index) => self.v6.nth(index).map(v6),
        }
    }

    /// The lowest address of the set that is not below `address`; after the last IPv4 address comes the first IPv6
    /// one. Cost: O(log n).
    #[must_use]
    pub fn next_at_or_after(&self, address: IpAddr) -> Option<IpAddr> {
        match address {
            IpAddr::V4(a) => self
                .v4
                .next_at_or_after(a.to_bits())
                .map(v4)
                .or_else(|| self.v6.first().map(v6)),
            IpAddr::V6(a) => self.v6.next_at_or_after(a.to_bits()).map(v6),
        }
    }

    /// The lowest address of the same family that is not below `address` and *not* in the set; `None` when the set
    /// reaches the end of the family. Cost: O(log n), however many addresses are in the set.
    #[must_use]
    pub fn next_gap_at_or_after(&self, address: IpAddr) -> Option<IpAddr> {
        match address {
            IpAddr::V4(a) => self.v4.next_gap_at_or_after(a.to_bits()).map(v4),
            IpAddr::V6(a) => self.v6.next_gap_at_or_after(a.to_bits()).map(v6),
        }
    }

    /// The range of the set around `address`, as far as it goes both ways; `None` when it is not in the set.
    ///
    /// Cost: O(log n).
    #[must_use]
    pub fn range_around(&self, address: IpAddr) -> Option<AddrRange> {
        match address {
            IpAddr::V4(a) => self.v4.range_around(a.to_bits()).map(range4),
            IpAddr::V6(a) => self.v6.range_around(a.to_bits()).map(range6),
        }
    }

    /// The ranges of the set, ascending: disjoint, never adjacent, IPv4 before IPv6.
    pub fn ranges(&self) -> impl DoubleEndedIterator<Item = AddrRange> + Clone + '_ {
        self.v4.ranges().map(range4).chain(self.v6.ranges().map(range6))
    }

    /// The parts of the set inside `range`, ascending. Cost: O(log n + k).
    pub fn ranges_within(&self, range: AddrRange) -> impl Iterator<Item = AddrRange> + Clone + '_ {
        // The family that is not meant gets a range without numbers.
        #[expect(clippy::reversed_empty_ranges, reason = "empty on purpose")]
        let (in_v4, in_v6) = match range.0 {
            Words::V4(first, last) => (first..=last, 1..=0),
            Words::V6(first, last) => (1..=0, first..=last),
        };
        self.v4
            .ranges_within(in_v4)
            .map(range4)
            .chain(self.v6.ranges_within(in_v6).map(range6))
    }

    /// The families that have an address in the set, IPv4 first.
    pub fn families(&self) -> impl Iterator<Item = Family> + '_ {
        Family::ALL.into_iter().filter(|family| match family {
            Family::V4 => !self.v4.is_empty(),
            Family::V6 => !self.v6.is_empty(),
        })
    }
}

fn v4(bits: u32) -> IpAddr {
    IpAddr::V4(bits.into())
}

fn v6(bits: u128) -> IpAddr {
    IpAddr::V6(bits.into())
}

fn range4(range: RangeInclusive<u32>) -> AddrRange {
    AddrRange(Words::V4(*range.start(), *range.end()))
}

fn range6(range: RangeInclusive<u128>) -> AddrRange {
    AddrRange(Words::V6(*range.start(), *range.end()))
}

/// Merged, sorted ranges in square brackets, every one written `first-last` (spec §10.3).
impl fmt::Display for AddrSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, range) in self.ranges().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            write!(f, "{gap}{range}")?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for AddrSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
