//! The list of addresses that the replaced controller publishes, faults included (§5, column U).

use std::net::IpAddr;

use crate::plan::address::{
    CidrList, InterfaceFilter, apply_rule, is_link_local, is_unique_local, parse_lenient, parse_strict, sort,
    unmapped,
};
use crate::plan::facts::{AddressKind, GuestAnswer, GuestInterface, NodeAddress, NodeFacts};
use crate::plan::settings::{NetworkSettings, Semantics};

/// Its list, or why it publishes none.
pub(super) fn publish(
    node: &NodeFacts,
    rules: &NetworkSettings,
    guest: Option<&GuestAnswer>,
) -> Result<Vec<NodeAddress>, String> {
    let mut entries = vec![NodeAddress::new(AddressKind::Hostname, &node.name)];
    let annotation = node.provided_node_ip.as_deref();
    let (provided, _) = parse_lenient(annotation.unwrap_or_default());
    entries.extend(
        provided
            .iter()
            .map(|ip| NodeAddress::new(AddressKind::InternalIp, &ip.to_string())),
    );
    if rules.mode.asks_guest() {
        if let Some(GuestAnswer::Known(interfaces)) = guest {
            add_guest(&mut entries, interfaces, rules);
        }
        let list = rules.sort.without_bare();
        remove_ignored(&mut entries, &list);
        sort(&mut entries, &list, Semantics::Upstream);
    }
    let Some(text) = annotation else {
        return Ok(entries);
    };
    let wanted = parse_strict(text.split(','))?;
    apply_rule(&entries, &wanted).map_err(|ip| format!("{ip} is not among the Node's addresses"))
}

fn add_guest(entries: &mut Vec<NodeAddress>, interfaces: &[GuestInterface], rules: &NetworkSettings) {
    let names = InterfaceFilter {
        exclude_defaults: false,
        ..InterfaceFilter::default()
    };
    let external = rules.external.without_bare();
    for interface in interfaces.iter().filter(|one| names.refusal(&one.name).is_none()) {
        let addresses = interface
            .addresses
            .iter()
            .filter_map(|text| text.parse::<IpAddr>().ok())
            .map(unmapped);
        for ip in addresses.filter(|ip| is_published(*ip, rules)) {
            let is_external = external
                .items()
                .iter()
                .any(|item| !item.negated && item.prefix.contains(ip));
            let kind = if is_external {
                AddressKind::ExternalIp
            } else {
                AddressKind::InternalIp
            };
            let entry = NodeAddress::new(kind, &ip.to_string());
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
    }
}

fn is_published(ip: IpAddr, rules: &NetworkSettings) -> bool {
    match ip {
        _ if ip.is_loopback() => false,
        IpAddr::V4(_) => true,
        IpAddr::V6(v6) => !rules.ipv6_disabled && !is_unique_local(v6) && !is_link_local(v6),
    }
}

/// Positions are collected first and then deleted one by one, so from the second on a wrong neighbour goes (D2).
fn remove_ignored(entries: &mut Vec<NodeAddress>, list: &CidrList) {
    let ignored = |entry: &NodeAddress| {
        let ip = entry
            .address
            .parse::<IpAddr>()
            .ok()
            .filter(|_| entry.kind.is_ip());
        ip.is_some_and(|ip| list.ignoring(unmapped(ip), Semantics::Upstream).is_some())
    };
    let places: Vec<usize> = (0..)
        .zip(&*entries)
        .filter(|(_, entry)| ignored(entry))
        .map(|(place, _)| place)
        .collect();
    for place in places {
        if place < entries.len() {
            entries.remove(place);
        }
    }
}
