//! From a pool's spec to what the pool may hand out: the one door, used by admission and by the controllers.
//!
//! Admission enters through [`Domain::of_addresses`] and [`Domain::of_prefixes`], which apply every field rule of
//! spec §10.2 and §10.5. A controller meets pools that were stored under laxer rules or while admission was off; it
//! enters through [`Domain::of_stored_addresses`] and [`Domain::of_stored_prefixes`], which refuse only what leaves
//! the allocatable set undefined, so that a pool which can be served is served:
//!
//! | rule | stored pool |
//! |---|---|
//! | no entry (V1, P1); negative or too long prefix (V2, V11, P2) | unusable: there is no subnet, no slot |
//! | an entry or exclusion that does not parse (V3, V7, P3, P8) | unusable: guessing could hand out what was meant to be kept back |
//! | both families in one pool (V4), IPv4 in a prefix pool (P4) | unusable: a pool has one family |
//! | gateway of an address pool is no address (V5) | unusable: nobody knows which address to keep back |
//! | gateway or exclusion of the other family (V6, V8, V9, P8), gateway of a prefix pool (P7) | served: it keeps nothing back |
//! | negative grace period (V10) | served: as 0 |
//! | an entry outside the subnet (V12) | served: the set is defined all the same |
//! | host bits, or longer than a slot (P5, P6) | served: the entry means its whole network; a slot needs a whole slot |

mod address;
mod error;
mod prefix;

use addr::{AddrSet, Prefix, RangeSet, SlotSpace, parse_address};
use api::pool::{AddressPoolSpec, PrefixPoolSpec};

pub use error::FieldError;
use error::{Door, Findings, Weight};

/// What a pool may hand out, computed once from its spec (spec §6 and §8).
///
/// An empty set of slots is a valid domain. Cost of everything here depends on the number of entries, never on the
/// number of addresses: `::/0` is as cheap as a /120.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// What one slot is: a single address, or an aligned IPv6 prefix of the pool's allocation length.
    pub space: SlotSpace,
    /// The allocatable set S as slot numbers.
    pub slots: RangeSet<u128>,
    /// Prefix length written to every IPAddress: 0 to 128.
    pub prefix: u8,
    /// Gateway written to every IPAddress, letter by letter as in the spec; `None` when absent or empty.
    pub gateway: Option<String>,
    /// Seconds that a released address stays with its deleted claim (spec §11.6); 0 for prefix pools.
    pub grace_seconds: u32,
    /// What slots stand for.
    pub unit: Unit,
    /// Everything the entries of the pool name, before anything is held back or excluded: U of spec §1.
    pub union: AddrSet,
}

/// What a pool hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Single addresses that share a subnet.
    Address {
        /// The lowest address of the pool, masked with the pool's prefix.
        subnet: Prefix,
    },
    /// Prefixes, each as long as a slot.
    Prefix,
}

impl Domain {
    /// Reads the spec of an address pool by every rule of spec §10.2.
    ///
    /// # Errors
    /// All problems of group A (V1 to V10); if there are none, those of group B (V11, then V12).
    pub fn of_addresses(spec: &AddressPoolSpec) -> Result<Self, Vec<FieldError>> {
        address::read(spec, Door::Admission)
    }

    /// Reads the spec of an address pool that is stored already; see the table in the [module docs](self).
    ///
    /// # Errors
    /// The problems that leave the allocatable set undefined.
    pub fn of_stored_addresses(spec: &AddressPoolSpec) -> Result<Self, Vec<FieldError>> {
        address::read(spec, Door::Stored)
    }

    /// Reads the spec of a prefix pool by every field rule of spec §10.5.
    ///
    /// # Errors
    /// P1 or P2 alone; else all problems P3 to P8.
    pub fn of_prefixes(spec: &PrefixPoolSpec) -> Result<Self, Vec<FieldError>> {
        prefix::read(spec, Door::Admission)
    }

    /// Reads the spec of a prefix pool that is stored already; see the table in the [module docs](self).
    ///
    /// # Errors
    /// The problems that leave the allocatable set undefined.
    pub fn of_stored_prefixes(spec: &PrefixPoolSpec) -> Result<Self, Vec<FieldError>> {
        prefix::read(spec, Door::Stored)
    }

    /// Whether the pool hands out prefixes rather than single addresses.
    #[must_use]
    pub fn is_prefix_pool(&self) -> bool {
        self.unit == Unit::Prefix
    }

    /// The `spec.address` of an IPAddress for this slot: the address, or the base address of the prefix.
    /// `None` when the pool's [`space`](Self::space) ends below it, which no member of [`slots`](Self::slots) does.
    #[must_use]
    pub fn slot_text(&self, slot: u128) -> Option<String> {
        Some(self.space.base_of(slot)?.base().to_string())
    }

    /// How many slots the pool has. Saturates at [`u128::MAX`], which only (nearly) all of `::/0` reaches.
    #[must_use]
    pub fn total(&self) -> u128 {
        self.slots.count()
    }

    /// The allocatable set S as addresses. Cost: O(ranges).
    #[must_use]
    pub fn addresses(&self) -> AddrSet {
        self.space.addresses_of(&self.slots)
    }

    /// The slot that an in-use object occupies exactly, whether or not the pool contains it (spec §9).
    ///
    /// `None` when there is no such slot: the text is no address, the family is another one, or, for a prefix pool,
    /// the prefix is absent or not as long as a slot. Host bits of a prefix are dropped.
    #[must_use]
    pub fn slot_in_use(&self, address: &str, prefix: Option<i64>) -> Option<u128> {
        let address = parse_address(address).ok()?;
        match self.unit {
            Unit::Address { .. } => self.space.slot_of(address),
            Unit::Prefix if prefix == Some(self.space.length().into()) => self.space.slot_of(address),
            Unit::Prefix => None,
        }
    }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;
