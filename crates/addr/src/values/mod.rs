//! The small values everything else is made of: family, range, prefix.

mod family;
mod prefix;
mod range;

pub(crate) use family::Bits;
pub use family::Family;
pub use prefix::{Prefix, PrefixError};
pub(crate) use range::Words;
pub use range::{AddrRange, RangeError};

#[cfg(test)]
mod tests;
