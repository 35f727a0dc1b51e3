//! The one parser of the product for addresses, ranges and CIDRs (spec §5).

mod address;
mod entry;
mod error;

pub use address::parse_address;
pub use entry::Entry;
pub use error::ParseError;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;
