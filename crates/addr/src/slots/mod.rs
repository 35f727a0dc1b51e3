//! Aligned prefixes of one length as consecutive numbers (spec §8).

mod space;

pub use space::SlotSpace;

#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;
