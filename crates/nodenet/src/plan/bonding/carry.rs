//! What of the node hangs on which interface (spec §17.4).

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::group::Carries;
use crate::plan::document::{interfaces, list, text};
use crate::plan::probe::is_default_route;

/// Interfaces that carry a default route or one of the node's addresses (`status.addresses` of type InternalIP).
#[must_use]
pub fn carried(state: &Value, node_addresses: &[IpAddr]) -> BTreeMap<String, Carries> {
    let mut found = BTreeMap::new();
    for route in list(state, &["routes", "running"])
        .iter()
        .filter(|route| is_default_route(route))
    {
        if let Some(name) = text(route, "next-hop-interface") {
            found.insert(name.to_owned(), Carries::DefaultRoute);
        }
    }
    for entry in interfaces(state) {
        let Some(name) = text(entry, "name") else { continue };
        let addresses = ["ipv4", "ipv6"]
            .into_iter()
            .flat_map(|family| list(entry, &[family, "address"]));
        let is_node = addresses
            .filter_map(|address| text(address, "ip")?.parse::<IpAddr>().ok())
            .any(|ip| node_addresses.contains(&ip));
        if is_node {
            found.insert(name.to_owned(), Carries::NodeAddress);
        }
    }
    found
}
