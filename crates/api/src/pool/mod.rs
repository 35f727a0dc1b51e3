//! The four pool kinds (spec §3).
//!
//! Namespaced and global kinds share their spec and status, so one generic [`Pool`] carries all four and [`PoolKind`]
//! says which one it is.

mod kind;
mod status;
mod v1alpha1;
mod v1alpha2;

pub use kind::{PoolKind, VERSION};
pub use status::{AddressCounts, Allocation, Holder, PoolStatus, Reservation};
pub use v1alpha1::AddressPoolSpecV1Alpha1;
pub use v1alpha2::{AddressPool, AddressPoolSpec, Pool, PrefixPool, PrefixPoolSpec};

#[cfg(test)]
mod tests;
