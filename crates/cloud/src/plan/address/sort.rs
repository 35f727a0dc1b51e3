use std::cmp::Reverse;
use std::net::IpAddr;

use super::{CidrItem, CidrList, unmapped};
use crate::plan::facts::NodeAddress;
use crate::plan::settings::Semantics;

/// Orders candidates by the networks of `ip_sort_order` (§5.6).
///
/// Stable. Entries in an earlier network come first, those in the same one by their number; all others, `Hostname`
/// among them, keep their order behind them.
pub fn sort(entries: &mut [NodeAddress], list: &CidrList, semantics: Semantics) {
    let networks: Vec<&CidrItem> = list.priorities(semantics).collect();
    if networks.is_empty() {
        return;
    }
    entries.sort_by_cached_key(|entry| {
        let address = entry.address.parse::<IpAddr>().ok().map(unmapped);
        let place = address.and_then(|ip| networks.iter().position(|item| item.prefix.contains(ip)));
        match (place, address) {
            (Some(place), Some(ip)) => (Reverse(networks.len() - place), sixteen_bytes(ip)),
            _ => (Reverse(0), 0),
        }
    });
}

/// The 16-byte form: IPv4 as `::ffff:a.b.c.d`.
fn sixteen_bytes(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
