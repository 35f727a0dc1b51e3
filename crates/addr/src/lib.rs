//! Addresses as values: families, ranges, prefixes, sets, slots and the text they are written in.
//!
//! Pure: no I/O, no clock, no async, no Kubernetes. This is the only place of the product that parses addresses or
//! adds and subtracts them.
//!
//! | you have | you want | use |
//! |---|---|---|
//! | a text from a user | an address, range or CIDR | [`Entry`] (`parse`), [`parse_address`] |
//! | entries | one set, counted, merged | [`AddrSet`] from [`Entry::range`] |
//! | a pool and what is in use | the lowest free address | [`AddrSet::difference`], [`AddrSet::take_first`] |
//! | the same without a second set | | [`AddrSet::next_gap_at_or_after`] |
//! | a pool of prefixes | the lowest free prefix | [`SlotSpace`], [`RangeSet<u128>`] |
//! | addresses and prefixes alike | one allocator for both | [`SlotSpace::addresses`] |
//! | a count | a 64-bit field of an API | [`saturating_i64`] |
//!
//! Counts are `u128`; only what holds all of `::/0` does not fit and saturates. The ends of both families and
//! length 0 are ordinary: nothing wraps, nothing shifts by 128.
//!
//! The grammar is section 5 of the specification of pools: [`Entry`] says it, the fuzz targets in `fuzz/` compare it
//! with a second, naive implementation of it.
//!
//! # Why no crate for sets
//!
//! Measured with one million addresses of 10.0.0.0/8 in random order, dense (one range) and fragmented (every second
//! address, a million ranges), 2 shared cores; nanoseconds per address, dense / fragmented. *Take* hands out the
//! lowest free address, *release* returns a random one.
//!
//! | | build | insert one by one | take | release | for us |
//! |---|---|---|---|---|---|
//! | [`RangeSet<u32>`] | 18 / 29 | 241 / 301 | 2 / 19 | 245 / 396 | no dependency |
//! | `range-set-blaze` 0.8 | 61 / 80 | 355 / 460 | 12 / 19 | 481 / 499 | six crates more; complete, and counts 2^128 exactly |
//! | `rangemap` 1.8 | – | 517 / 583 | 38 / 62 | – | no dependency; no addresses as keys without a step type, no count of members, no difference of sets |
//! | `roaring` 0.12 | 13 / 19 | – | 37 / 92 | 19 / 18 | fastest at random changes, but 32 bits only |
//! | `iprange` 0.6 | 1003 / 927 | – | 228199 / 4571 | – | prefixes only, so a range must be cut up first; last release 2022 |
//!
//! `ipnet` is no set but a pair of address and length; it keeps host bits, and its parser refuses zones. Our own
//! [`Prefix`] is as long as a newtype around it would be and cannot hold host bits.
//!
//! An own set keyed by the *end* of each range (see [`RangeSet`]) is about 300 lines, is faster than all but the
//! one that cannot do IPv6, and keeps `cadastre-cni` within its 25 crates. `range-set-blaze` would be the choice
//! otherwise; nothing outside this crate would notice the change.

mod addr_set;
mod grammar;
mod range_set;
mod saturate;
mod slots;
mod values;

pub use addr_set::AddrSet;
pub use grammar::{Entry, ParseError, parse_address};
pub use range_set::{RangeSet, Word};
pub use saturate::saturating_i64;
pub use slots::SlotSpace;
pub use values::{AddrRange, Family, Prefix, PrefixError, RangeError};
