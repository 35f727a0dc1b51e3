use std::net::IpAddr;

use super::AddrSet;
use crate::RangeSet;
use crate::values::{AddrRange, Family, Words};

impl AddrSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            v4: RangeSet::new(),
            v6: RangeSet::new(),
        }
    }

    /// Adds every address of `range`. Cost: O(k log n), k the ranges that merge into one.
    pub fn insert(&mut self, range: AddrRange) {
        match range.0 {
            Words::V4(first, last) => self.v4.insert(first..=last),
            Words::V6(first, last) => self.v6.insert(first..=last),
        }
    }

    /// Takes out every address of `range`. Cost: O(k log n), k the ranges that are cut.
    pub fn remove(&mut self, range: AddrRange) {
        match range.0 {
            Words::V4(first, last) => self.v4.remove(first..=last),
            Words::V6(first, last) => self.v6.remove(first..=last),
        }
    }

    /// Adds one address; `true` when it was not there before. Cost: O(log n).
    pub fn insert_addr(&mut self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(a) => self.v4.insert_value(a.to_bits()),
            IpAddr::V6(a) => self.v6.insert_value(a.to_bits()),
        }
    }

    /// Takes out one address; `true` when it was there. Cost: O(log n).
    pub fn remove_addr(&mut self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(a) => self.v4.remove_value(a.to_bits()),
            IpAddr::V6(a) => self.v6.remove_value(a.to_bits()),
        }
    }

    /// Takes out the lowest address and returns it; `None` when the set is empty. Cost: O(log n).
    pub fn take_first(&mut self) -> Option<IpAddr> {
        let v4 = self.v4.take_first().map(|bits| IpAddr::V4(bits.into()));
        v4.or_else(|| self.v6.take_first().map(|bits| IpAddr::V6(bits.into())))
    }

    /// Takes out everything.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The ranges of one family as numbers, ascending, for [`SlotSpace`](crate::SlotSpace).
    pub(crate) fn bit_ranges(&self, family: Family) -> impl Iterator<Item = (u128, u128)> + '_ {
        self.ranges_within(AddrRange::whole(family))
            .map(|range| range.bits())
    }
}

/// In any order, with overlaps and duplicates. Cost: O(m log m) for m items, about as fast as sorting them.
impl FromIterator<AddrRange> for AddrSet {
    fn from_iter<I: IntoIterator<Item = AddrRange>>(ranges: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match range.0 {
                Words::V4(first, last) => v4.push(first..=last),
                Words::V6(first, last) => v6.push(first..=last),
            }
        }
        Self {
            v4: v4.into_iter().collect(),
            v6: v6.into_iter().collect(),
        }
    }
}

/// In any order, with duplicates. Cost: O(m log m) for m items, about as fast as sorting them.
impl FromIterator<IpAddr> for AddrSet {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in addresses {
            match address {
                IpAddr::V4(a) => v4.push(a.to_bits()),
                IpAddr::V6(a) => v6.push(a.to_bits()),
            }
        }
        Self {
            v4: v4.into_iter().collect(),
            v6: v6.into_iter().collect(),
        }
    }
}

impl Extend<AddrRange> for AddrSet {
    fn extend<I: IntoIterator<Item = AddrRange>>(&mut self, ranges: I) {
        self.absorb(ranges.into_iter().collect());
    }
}

impl Extend<IpAddr> for AddrSet {
    fn extend<I: IntoIterator<Item = IpAddr>>(&mut self, addresses: I) {
        self.absorb(addresses.into_iter().collect());
    }
}

impl AddrSet {
    fn absorb(&mut self, other: Self) {
        self.v4.absorb(other.v4);
        self.v6.absorb(other.v6);
    }
}

impl From<AddrRange> for AddrSet {
    fn from(range: AddrRange) -> Self {
        Self::from_iter([range])
    }
}
