//! The books of one pool: which slots are free, in use, or promised.
//!
//! A *slot* is what the pool hands out, by number: a single address, or a prefix of the pool's allocation length
//! ([`addr::SlotSpace`]). The ledger is kept up to date by every watch event in O(log n), so that a decision never
//! lists anything (spec §21).

#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::IpAddr};

use addr::{Prefix, RangeSet};
use api::pool::AddressCounts;

use super::domain::Domain;

/// What one in-use object says it holds (spec §1: every `IPAddress` that names the pool, whoever made it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// `spec.address`, or `None` when it is not a plain address: such an object blocks nothing (spec §7).
    pub address: Option<IpAddr>,
    /// `spec.prefix`, or `None` when absent or out of range.
    pub prefix: Option<u8>,
}

impl Held {
    /// Reads the two fields of an `IPAddress`.
    #[must_use]
    pub fn parse(address: &str, prefix: Option<i64>) -> Self {
        Self {
            address: addr::parse_address(address).ok(),
            prefix: prefix.and_then(|p| u8::try_from(p).ok()),
        }
    }
}

/// Where a held address lies, seen from the pool.
enum Place {
    /// An interval of slot numbers, inside the allocatable set or not.
    Slots { first: u128, last: u128, is_slot: bool },
    /// An address of the other family: distinct addresses of it count as out of range.
    Foreign(IpAddr),
    /// Not an address at all.
    Nowhere,
}

/// Free, used and promised slots of one pool.
#[derive(Clone, Debug)]
pub struct Ledger {
    domain: Domain,
    /// Allocatable, not in use, not promised.
    free: RangeSet<u128>,
    /// Allocatable and in use.
    covered: RangeSet<u128>,
    /// In-use intervals (first, last), inside the allocatable set or not, with the number of objects on each.
    blocks: BTreeMap<(u128, u128), u32>,
    /// Slots promised to claims whose address object has not been seen, with the number of promises on each: two
    /// processes that both believe they lead may promise the same slot, and one promise must outlive the other.
    reserved: BTreeMap<u128, u32>,
    /// In-use addresses of the other family, with the number of objects on each.
    foreign: BTreeMap<IpAddr, u32>,
    /// Objects, of any kind, that name this pool.
    objects: u64,
    /// Prefix pools: objects whose prefix is not one of the pool's slots.
    misfits: u64,
}

impl Ledger {
    /// Opens the books of a pool nobody uses.
    #[must_use]
    pub fn new(domain: Domain) -> Self {
        Self {
            free: domain.slots.clone(),
            domain,
            covered: RangeSet::default(),
            blocks: BTreeMap::new(),
            reserved: BTreeMap::new(),
            foreign: BTreeMap::new(),
            objects: 0,
            misfits: 0,
        }
    }

    /// What the pool may hand out.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Enters one in-use object. Returns whether another object already held the same slots.
    pub fn occupy(&mut self, held: Held) -> bool {
        self.objects += 1;
        match self.place(held) {
            Place::Slots { first, last, is_slot } => {
                self.misfits += u64::from(self.is_misfit(first, is_slot));
                let objects = self.blocks.entry((first, last)).or_default();
                *objects += 1;
                if *objects == 1 {
                    self.covered.extend(self.domain.slots.ranges_within(first..=last));
                    self.free.remove(first..=last);
                }
                *objects > 1
            }
            Place::Foreign(address) => {
                let objects = self.foreign.entry(address).or_default();
                *objects += 1;
                *objects > 1
            }
            Place::Nowhere => {
                self.misfits += 1;
                false
            }
        }
    }

    /// Strikes out one in-use object entered before with the same `held`.
    pub fn vacate(&mut self, held: Held) {
        self.objects = self.objects.saturating_sub(1);
        match self.place(held) {
            Place::Slots { first, last, is_slot } => {
                self.misfits -= u64::from(self.is_misfit(first, is_slot)).min(self.misfits);
                let Some(objects) = self.blocks.get_mut(&(first, last)) else {
                    return;
                };
                *objects -= 1;
                if *objects == 0 {
                    self.blocks.remove(&(first, last));
                    self.uncover(first, last);
                }
            }
            Place::Foreign(address) => {
                if let Some(objects) = self.foreign.get_mut(&address) {
                    *objects -= 1;
                    if *objects == 0 {
                        self.foreign.remove(&address);
                    }
                }
            }
            Place::Nowhere => self.misfits = self.misfits.saturating_sub(1),
        }
    }

    /// Promises a slot. Returns whether it was free.
    pub fn reserve(&mut self, slot: u128) -> bool {
        *self.reserved.entry(slot).or_default() += 1;
        self.free.remove_value(slot)
    }

    /// Takes one promise back; the slot is free again unless it is in use or promised to somebody else, too.
    pub fn unreserve(&mut self, slot: u128) {
        let Some(promises) = self.reserved.get_mut(&slot) else {
            return;
        };
        *promises -= 1;
        if *promises > 0 {
            return;
        }
        self.reserved.remove(&slot);
        if self.domain.slots.contains(slot) && !self.covered.contains(slot) {
            self.free.insert_value(slot);
        }
    }

    /// The lowest free slot (spec §7, §8).
    #[must_use]
    pub fn lowest_free(&self) -> Option<u128> {
        self.free.first()
    }

    /// Whether this very slot is free.
    #[must_use]
    pub fn is_free(&self, slot: u128) -> bool {
        self.free.contains(slot)
    }

    /// Whether an in-use object lies on this very slot.
    #[must_use]
    pub fn is_in_use(&self, slot: u128) -> bool {
        self.covered.contains(slot)
    }

    /// Whether nothing is free.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.free.is_empty()
    }

    /// The slot number of an address that is one of the pool's slots, as written in an `IPAddress`.
    #[must_use]
    pub fn slot_of(&self, address: IpAddr) -> Option<u128> {
        self.domain.space.slot_of(address)
    }

    /// The counts of spec §9.
    #[must_use]
    pub fn counts(&self) -> AddressCounts {
        let total = self.domain.slots.count();
        let covered = self.covered.count();
        let out_of_range = if self.is_prefix_pool() {
            u128::from(self.misfits)
        } else {
            (self.blocks.len() as u128).saturating_sub(covered) + self.foreign.len() as u128
        };
        AddressCounts {
            total: saturate(total),
            free: saturate(total).saturating_sub(saturate(covered)).max(0),
            used: saturate(u128::from(self.objects)),
            out_of_range: saturate(out_of_range),
        }
    }

    fn is_prefix_pool(&self) -> bool {
        self.domain.is_prefix_pool()
    }

    /// For prefix pools an object is a misfit when its prefix is not a slot: wrong length, outside or excluded.
    fn is_misfit(&self, first: u128, is_slot: bool) -> bool {
        self.is_prefix_pool() && !(is_slot && self.domain.slots.contains(first))
    }

    fn place(&self, held: Held) -> Place {
        let space = &self.domain.space;
        let Some(address) = held.address else {
            return Place::Nowhere;
        };
        if !self.is_prefix_pool() {
            return match space.slot_of(address) {
                Some(slot) => Place::Slots {
                    first: slot,
                    last: slot,
                    is_slot: true,
                },
                None => Place::Foreign(address),
            };
        }
        let prefix = held
            .prefix
            .and_then(|length| Prefix::new_masked(address, length).ok());
        let slots =
            prefix.and_then(|p| Some((space.slots_touching(p.range())?, p.length() == space.length())));
        match slots {
            Some((slots, is_slot)) => Place::Slots {
                first: *slots.start(),
                last: *slots.end(),
                is_slot,
            },
            None => Place::Nowhere,
        }
    }

    /// Frees what no other in-use interval covers. Intervals are aligned powers of two, so two of them either nest or
    /// do not touch: the others are the ones inside this interval and its at most 128 ancestors.
    fn uncover(&mut self, first: u128, last: u128) {
        if self.covered_by_ancestor(first, last) {
            return;
        }
        let mut lost: RangeSet<u128> = self.domain.slots.ranges_within(first..=last).collect();
        if first != last {
            for (&(f, l), _) in self.blocks.range((first, first)..=(last, u128::MAX)) {
                lost.remove(f..=l);
            }
        }
        for range in lost.ranges() {
            self.covered.remove(range.clone());
            self.free.insert(range.clone());
            for (&promised, _) in self.reserved.range(range) {
                self.free.remove_value(promised);
            }
        }
    }

    fn covered_by_ancestor(&self, first: u128, last: u128) -> bool {
        if !self.is_prefix_pool() {
            return false;
        }
        let size = last - first;
        (0..=u128::BITS)
            .map(|bits| 1u128.checked_shl(bits).map_or(u128::MAX, |n| n - 1))
            .any(|mask| mask > size && self.blocks.contains_key(&(first & !mask, first | mask)))
    }
}

/// A count as the API type holds it: 2^63 - 1 stands for "at least that many" (spec §9).
fn saturate(count: u128) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
