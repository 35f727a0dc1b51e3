//! Addresses as values: ranges, sets, prefix slots, grammar.
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
