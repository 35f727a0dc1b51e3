//! Addresses somebody else put on an interface, kept (spec §18.7, annotation `nmstate.io/merge-addresses`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::plan::document::{at_mut, interface, list, list_mut, text};

/// Addresses by interface name that a policy set at some time: these go when a policy no longer names them.
pub type Ours = BTreeMap<String, BTreeSet<IpAddr>>;

/// Adds to every address list of `desired` the static addresses the interface has now and no policy ever set.
///
/// A list that is absent stays so: nmstate then leaves the addresses alone. Link-local addresses and those with an end
/// of their life come by themselves.
pub fn merge_addresses(desired: &mut Value, current: &Value, ours: &Ours) {
    let none = BTreeSet::new();
    for entry in list_mut(desired, &["interfaces"]).into_iter().flatten() {
        let Some(name) = text(entry, "name").map(str::to_owned) else {
            continue;
        };
        let Some(now) = interface(current, &name) else {
            continue;
        };
        let set = ours.get(&name).unwrap_or(&none);
        for family in ["ipv4", "ipv6"] {
            let enabled = at_mut(entry, &[family, "enabled"]).is_none_or(|value| *value != json!(false));
            let Some(wanted) = list_mut(entry, &[family, "address"]).filter(|_| enabled) else {
                continue;
            };
            let given: BTreeSet<IpAddr> = wanted.iter().filter_map(ip).collect();
            let foreign = list(now, &[family, "address"])
                .iter()
                .filter(|address| is_static(address));
            for address in foreign {
                let Some(ip) = ip(address).filter(|ip| !given.contains(ip) && !set.contains(ip)) else {
                    continue;
                };
                wanted.push(json!({ "ip": ip.to_string(), "prefix-length": address.get("prefix-length") }));
            }
        }
    }
}

/// Adds the addresses of `document` to those a policy set.
pub fn remember_addresses(ours: &mut Ours, document: &Value) {
    for entry in list(document, &["interfaces"]) {
        let Some(name) = text(entry, "name") else { continue };
        for family in ["ipv4", "ipv6"] {
            let ips: BTreeSet<IpAddr> = list(entry, &[family, "address"]).iter().filter_map(ip).collect();
            if !ips.is_empty() {
                ours.entry(name.to_owned()).or_default().extend(ips);
            }
        }
    }
}

fn ip(address: &Value) -> Option<IpAddr> {
    text(address, "ip")?.parse().ok()
}

/// The addresses of a list that can be asked for, without what is only reported of them. Those from DHCP or router
/// advertisements have an end of their life and come again by themselves, as link-local ones do.
#[must_use]
pub fn static_only(addresses: &Value) -> Value {
    let Value::Array(list) = addresses else {
        return addresses.clone();
    };
    let kept = list.iter().filter(|address| is_static(address)).map(|address| {
        let mut address = address.clone();
        if let Value::Object(address) = &mut address {
            address.retain(|key, _| matches!(key.as_str(), "ip" | "prefix-length" | "mptcp-flags"));
        }
        address
    });
    Value::Array(kept.collect())
}

fn is_static(address: &Value) -> bool {
    let lasting = address
        .get("valid-life-time")
        .is_none_or(|life| life == "forever");
    let link_local = matches!(ip(address), Some(IpAddr::V6(ip)) if ip.is_unicast_link_local());
    lasting && !link_local
}
