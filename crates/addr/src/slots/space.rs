use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::values::{AddrRange, Bits, Family, Prefix, PrefixError};
use crate::{AddrSet, RangeSet};

/// All aligned prefixes of one length in one family, numbered from the lowest on (spec §8).
///
/// Slot number `n` is the prefix whose first `length` bits are `n`. With `length` equal to the bits of the family
/// a slot is an address and its number is the address as a number, so pools of addresses and pools of prefixes can
/// share one allocator over [`RangeSet<u128>`]. With length 0 there is one slot, number 0.
///
/// Nothing here enumerates: all costs depend on ranges, never on the number of slots.
///
/// ```
/// use addr::{AddrSet, Entry, Family, SlotSpace};
///
/// let slots = SlotSpace::new(Family::V6, 64)?;
/// let pool = AddrSet::from("2001:db8::/62".parse::<Entry>()?.range());
/// let mut free = slots.slots_inside(&pool);
/// assert_eq!(free.count(), 4);
/// let used = "2001:db8::/63".parse::<Entry>()?.range();
/// free.remove(slots.slots_touching(used).ok_or("other family")?);
/// let lowest = free.first().and_then(|slot| slots.base_of(slot));
/// assert_eq!(lowest.ok_or("full")?.to_string(), "2001:db8:0:2::/64");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotSpace {
    family: Family,
    length: u8,
}

impl SlotSpace {
    /// The slots of `length` in `family`.
    ///
    /// # Errors
    /// When the family has no prefixes of that length (IPv4: at most 32, IPv6: at most 128).
    pub const fn new(family: Family, length: u8) -> Result<Self, PrefixError> {
        match PrefixError::check(family, length) {
            Ok(()) => Ok(Self { family, length }),
            Err(e) => Err(e),
        }
    }

    /// Single addresses as slots.
    #[must_use]
    pub const fn addresses(family: Family) -> Self {
        Self {
            family,
            length: family.bits(),
        }
    }

    /// The family of all slots.
    #[must_use]
    pub const fn family(self) -> Family {
        self.family
    }

    /// The prefix length of all slots.
    #[must_use]
    pub const fn length(self) -> u8 {
        self.length
    }

    /// The highest slot number: `2^length - 1`.
    #[must_use]
    pub const fn last_slot(self) -> u128 {
        self.number(self.family.max_bits())
    }

    /// The slot that holds `address`; `None` for the other family.
    #[must_use]
    pub fn slot_of(self, address: IpAddr) -> Option<u128> {
        (Family::of(address) == self.family).then(|| self.number(address.bits()))
    }

    /// The slot that is exactly this prefix; `None` when the length or the family differs.
    #[must_use]
    pub fn slot_of_prefix(self, prefix: Prefix) -> Option<u128> {
        if prefix.length() == self.length {
            self.slot_of(prefix.base())
        } else {
            None
        }
    }

    /// The prefix of a slot number; `None` above [`last_slot`](Self::last_slot).
    #[must_use]
    pub fn base_of(self, slot: u128) -> Option<Prefix> {
        (slot <= self.last_slot()).then(|| Prefix::masked(self.family.address(self.base(slot)), self.length))
    }

    /// The numbers of all slots that share at least one address with `range`: what a used or excluded range blocks.
    /// `None` for the other family. Cost: O(1).
    #[must_use]
    pub fn slots_touching(self, range: AddrRange) -> Option<RangeInclusive<u128>> {
        let (first, last) = range.bits();
        (range.family() == self.family).then(|| self.number(first)..=self.number(last))
    }

    /// The numbers of all slots that share at least one address with the set. Cost: O(n log n).
    #[must_use]
    pub fn slots_touching_any(self, set: &AddrSet) -> RangeSet<u128> {
        let ranges = set.bit_ranges(self.family);
        ranges
            .map(|(first, last)| self.number(first)..=self.number(last))
            .collect()
    }

    /// The numbers of all slots that lie entirely inside the set; a slot may be put together from adjacent ranges.
    /// Cost: O(n log n).
    #[must_use]
    pub fn slots_inside(self, set: &AddrSet) -> RangeSet<u128> {
        set.bit_ranges(self.family)
            .filter_map(|(first, last)| self.slots_between(first, last))
            .collect()
    }

    /// The addresses of these slots. Numbers above [`last_slot`](Self::last_slot) have none. Cost: O(n log n).
    #[must_use]
    pub fn addresses_of(self, slots: &RangeSet<u128>) -> AddrSet {
        let host_mask = self.family.host_mask(self.length);
        let real = slots.ranges_within(0..=self.last_slot());
        let ranges = real.map(|r| (self.base(*r.start()), self.base(*r.end()) | host_mask));
        ranges
            .map(|(first, last)| AddrRange::from_bits(self.family, first, last))
            .collect()
    }

    /// The slots that lie inside `first..=last`: a slot cut by an end does not count.
    fn slots_between(self, first: u128, last: u128) -> Option<RangeInclusive<u128>> {
        let host_mask = self.family.host_mask(self.length);
        let mut low = self.number(first);
        if first & host_mask != 0 {
            // Cannot overflow: there are host bits, so a slot number has at most 127 bits.
            low += 1;
        }
        let mut high = self.number(last);
        if last & host_mask != host_mask {
            high = high.checked_sub(1)?;
        }
        (low <= high).then_some(low..=high)
    }

    /// The number of the slot around an address. A shift by all 128 bits leaves slot 0.
    const fn number(self, bits: u128) -> u128 {
        match bits.checked_shr(self.host_bits()) {
            Some(number) => number,
            None => 0,
        }
    }

    /// The lowest address of a slot. `slot` must exist.
    fn base(self, slot: u128) -> u128 {
        slot.checked_shl(self.host_bits()).unwrap_or(0)
    }

    const fn host_bits(self) -> u32 {
        (self.family.bits() - self.length) as u32
    }
}
