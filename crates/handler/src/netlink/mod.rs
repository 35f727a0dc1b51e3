//! When the network changes, and whether it really has.
//!
//! [`Changes`] wakes when the kernel says that links, addresses, routes or rules changed. [`digest()`] then reads them
//! without anything that costs time (ethtool, SR-IOV) and sums them up, so that the full query runs only when
//! something of the report can differ (specification §11.2).
//!
//! Both speak for the network namespace of the thread they are called on.

mod changes;
mod digest;
mod message;
mod socket;

pub use changes::{Change, Changes};
pub use digest::{Digest, digest};
