//! Sets of addresses of both families.

mod algebra;
mod build;
mod query;

use crate::RangeSet;

/// A set of IP addresses, kept as disjoint, non-adjacent ranges per family.
///
/// Both families may be inside; IPv4 sorts before IPv6 everywhere. Sets with the same members are equal.
///
/// Cost: n is the number of ranges, not of addresses; the cost of each operation is that of
/// [`RangeSet`], which the set is made of.
///
/// ```
/// use addr::{AddrSet, Entry};
///
/// let entries = ["10.0.0.10-10.0.0.11".parse::<Entry>()?, "10.0.0.13".parse()?];
/// let set: AddrSet = entries.iter().map(Entry::range).collect();
/// assert_eq!(set.count(), 3);
/// assert_eq!(set.to_string(), "[10.0.0.10-10.0.0.11 10.0.0.13-10.0.0.13]");
/// # Ok::<(), addr::ParseError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct AddrSet {
    v4: RangeSet<u32>,
    v6: RangeSet<u128>,
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;
