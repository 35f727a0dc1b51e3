//! The part of Cluster API we speak: claims, addresses and clusters, in every version that may be served (spec §14).
//!
//! The versions differ in what they demand, not in where the fields we read stand, so one tolerant type per kind reads
//! all of them. The version in use is data ([`Version`]), found by discovery.

mod address;
mod claim;
mod cluster;
mod reasons;
mod version;

pub use address::{Address, AddressSpec};
pub use claim::{AnyCondition, Claim, ClaimSpec, ClaimStatus, NameRef, PoolRef};
pub use cluster::{Cluster, ClusterSpec};
pub use reasons::{READY, ReadyReason};
pub use version::{ClusterVersion, Version};

#[cfg(test)]
mod tests;
