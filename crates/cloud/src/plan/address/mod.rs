//! Which addresses a Node gets (§5), whatever the source of its machine.
//!
//! ```text
//! provided IPs ──┐
//! guest ─ filter ├─► candidates ─ drop ignored ─ sort ─► provided-node-ip rule ─► status.addresses
//! last known ────┘
//! ```
//!
//! | file | rule |
//! |---|---|
//! | `provided` | kubelet's annotation: its two readings, and the rule of §5.7 |
//! | `glob`, `interfaces`, `guest` | which interfaces and addresses of a guest count (§5.3) |
//! | `cidr` | the lists of networks under both meanings (§5.4, §5.5) |
//! | `sort` | the order (§5.6) |
//! | `candidates` | all of it together: [`plan`] |
//! | `memory` | what a guest said last, and when to ask again (§5.8) |

mod candidates;
mod cidr;
mod glob;
mod guest;
mod interfaces;
mod memory;
mod provided;
mod sort;

#[cfg(test)]
mod props;

pub use candidates::{AddressPlan, Evidence, Inputs, plan};
pub use cidr::{CidrItem, CidrList, Use};
pub use glob::Glob;
pub use guest::{GuestAddress, usable};
pub use interfaces::{BUILT_IN, InterfaceFilter, MINIMAL};
pub use memory::{EMPTY_CONFIRMATION, GuestMemory, Judgement};
pub use provided::{Provided, ProvidedError, apply_rule};
pub use sort::sort;

pub(in crate::plan) use candidates::list;
pub(in crate::plan) use guest::{is_link_local, is_unique_local};
pub(in crate::plan) use provided::{parse_lenient, parse_strict};

use std::net::IpAddr;

/// The IPv4 address inside an IPv4-mapped IPv6 address, else the address itself: one address, one text.
pub(in crate::plan) fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
