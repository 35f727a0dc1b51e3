//! A naive kernel for tests: does what a step says, and the harm the real one does beside it.

use super::Step;
use crate::backend::kernel::net::{Address, Kind, Link, Net, Route, Same as _, Vlans, overlay};

/// Makes one step, with its effects.
pub(super) fn make(step: &Step, net: &mut Net) {
    match step {
        Step::RemoveRule(rule) => net.rules.retain(|other| !other.same(rule)),
        Step::RemoveRoute(route) => net.routes.retain(|other| !other.same(route)),
        Step::RemoveAddress(address) => remove_address(address, net),
        Step::Detach { name, up } => attach(name, None, *up, net),
        Step::Attach { name, controller, up } => attach(name, Some(controller), *up, net),
        Step::Delete { name } => delete(name, net),
        Step::Create { name, kind, mac, mtu } => create(name, kind, mac.as_deref(), *mtu, net),
        Step::Configure {
            name,
            kind,
            mac,
            mtu,
            up,
        } => {
            if mac.is_some() {
                bounce(name, *up, net);
            }
            let Some(link) = net.links.get_mut(name) else {
                return;
            };
            if let Some(kind) = kind {
                link.kind = merged(&link.kind, kind);
            }
            link.mac = mac.clone().unwrap_or_else(|| link.mac.clone());
            link.mtu = mtu.unwrap_or(link.mtu);
        }
        Step::Rename { name, add, remove } => {
            let Some(link) = net.links.get_mut(name) else {
                return;
            };
            link.alt_names.retain(|name| !remove.contains(name));
            link.alt_names.extend(add.iter().cloned());
        }
        Step::Port {
            name,
            bridge,
            bond,
            vlans,
            ..
        } => {
            let Some(link) = net.links.get_mut(name) else {
                return;
            };
            if let Some(conf) = bridge {
                link.bridge_port = Some(overlay(
                    &link.bridge_port.clone().unwrap_or_default(),
                    conf.as_ref(),
                ));
            }
            if let Some(conf) = bond {
                link.bond_port = Some(overlay(&link.bond_port.clone().unwrap_or_default(), conf));
            }
            for entry in vlans.iter().flatten() {
                let range = entry
                    .vid_range
                    .or(entry.vid.map(|id| (id, id)))
                    .unwrap_or_default();
                link.vlans = one_by_one(&link.vlans);
                link.vlans
                    .retain(|vlans| !(range.0..=range.1).contains(&vlans.first));
                if !entry.remove {
                    link.vlans.push(Vlans {
                        first: range.0,
                        last: range.1,
                        pvid: entry.is_pvid,
                        untagged: entry.is_egress_untagged,
                    });
                }
            }
        }
        Step::Switch { name, up } => {
            if !up {
                switched_off(name, net);
            }
            if let Some(link) = net.links.get_mut(name) {
                link.up = *up;
            }
        }
        Step::Ipv6 { name, on } => {
            if !on {
                net.addresses
                    .retain(|address| address.link != *name || address.address.is_ipv4());
            }
            if let Some(link) = net.links.get_mut(name) {
                link.ipv6 = Some(*on);
            }
        }
        Step::AddAddress(address) => {
            if net.links.contains_key(&address.link) {
                net.addresses.push(address.clone());
            }
        }
        Step::AddRoute(route) => {
            let up = |name: &str| net.links.get(name).is_some_and(|link| link.up);
            let possible = route.link.as_deref().is_none_or(up) && route.hops.iter().all(|hop| up(&hop.link));
            if possible {
                net.routes.push(route.clone());
            }
        }
        Step::AddRule(rule) => net.rules.push(rule.clone()),
        Step::Resolver(wish) => net.resolver.clone_from(&wish.content),
    }
}

fn one_by_one(list: &[Vlans]) -> Vec<Vlans> {
    let numbers = list.iter().flat_map(|vlans| {
        (vlans.first..=vlans.last).map(|id| Vlans {
            first: id,
            last: id,
            ..*vlans
        })
    });
    numbers.collect()
}

fn merged(base: &Kind, top: &Kind) -> Kind {
    match (base, top) {
        (Kind::Bridge(base), Kind::Bridge(top)) => Kind::Bridge(overlay(base, top)),
        (Kind::Bond(base), Kind::Bond(top)) => Kind::Bond(overlay(base, top)),
        (Kind::Vlan(base), Kind::Vlan(top)) => Kind::Vlan(overlay(base, top)),
        (Kind::Vxlan(base), Kind::Vxlan(top)) => Kind::Vxlan(overlay(base, top)),
        (_, top) => top.clone(),
    }
}

/// Without `promote_secondaries`, the others of its prefix go with the first address.
fn remove_address(address: &Address, net: &mut Net) {
    let of_prefix = |other: &Address| {
        other.link == address.link && other.length == address.length && other.address.is_ipv4()
    };
    let first = net.addresses.iter().find(|other| of_prefix(other));
    let is_first = first.is_some_and(|first| first.same(address));
    net.addresses
        .retain(|other| !(other.same(address) || is_first && of_prefix(other)));
    if !net
        .addresses
        .iter()
        .any(|other| other.link == address.link && other.address.is_ipv4())
    {
        lose_routes(&address.link, net, |route| route.destination.address.is_ipv4());
    }
}

fn lose_routes(name: &str, net: &mut Net, which: impl Fn(&Route) -> bool) {
    net.routes.retain(|route| !(route.uses(name) && which(route)));
}

fn switched_off(name: &str, net: &mut Net) {
    lose_routes(name, net, |_| true);
    net.addresses
        .retain(|address| address.link != name || address.address.is_ipv4());
}

fn bounce(name: &str, up: bool, net: &mut Net) {
    switched_off(name, net);
    if let Some(link) = net.links.get_mut(name) {
        link.up = up;
    }
}

fn attach(name: &str, controller: Option<&String>, up: bool, net: &mut Net) {
    if controller.is_some_and(|controller| !net.links.contains_key(controller)) {
        return;
    }
    bounce(name, up, net);
    let Some(link) = net.links.get_mut(name) else {
        return;
    };
    link.controller = controller.cloned();
    link.bridge_port = None;
    link.bond_port = None;
    if !matches!(link.kind, Kind::Bridge(_)) {
        link.vlans.clear();
    }
}

fn delete(name: &str, net: &mut Net) {
    let Some(link) = net.links.remove(name) else {
        return;
    };
    net.addresses.retain(|address| address.link != name);
    lose_routes(name, net, |_| true);
    if let Some(peer) = link.kind.peer() {
        delete(peer, net);
    }
    for other in net.links.values_mut() {
        if other.controller.as_deref() == Some(name) {
            other.controller = None;
            other.bridge_port = None;
            other.bond_port = None;
            other.vlans.clear();
        }
    }
    let above: Vec<String> = net
        .links
        .iter()
        .filter(|(_, link)| link.kind.base() == Some(name))
        .map(|(name, _)| name.clone())
        .collect();
    for above in above {
        delete(&above, net);
    }
}

/// A link as the kernel makes it.
pub(super) fn new_link(kind: Kind, mac: &str) -> Link {
    Link {
        index: 0,
        kind,
        up: false,
        mtu: 1500,
        mac: mac.to_owned(),
        controller: None,
        bridge_port: None,
        bond_port: None,
        vlans: Vec::new(),
        alt_names: std::collections::BTreeSet::new(),
        ipv6: Some(true),
    }
}

/// What the kernel chooses itself, as far as these tests look at it.
fn completed(kind: &Kind) -> Kind {
    match kind {
        Kind::Bridge(conf) => {
            let mut conf = conf.clone();
            conf.vlan_filtering.get_or_insert(false);
            conf.ageing_time.get_or_insert(30_000);
            Kind::Bridge(conf)
        }
        Kind::Bond(conf) => {
            let mut conf = conf.clone();
            conf.miimon.get_or_insert(0);
            Kind::Bond(conf)
        }
        other => other.clone(),
    }
}

fn create(name: &str, kind: &Kind, mac: Option<&str>, mtu: Option<u32>, net: &mut Net) {
    let without_base = kind.base().is_some_and(|base| !net.links.contains_key(base));
    if net.links.contains_key(name) || without_base {
        return;
    }
    let mut link = new_link(completed(kind), mac.unwrap_or("02:00:00:00:00:FE"));
    link.mtu = mtu.unwrap_or(link.mtu);
    net.links.insert(name.to_owned(), link);
    if let Some(peer) = kind.peer() {
        let other = Kind::Veth {
            peer: Some(name.to_owned()),
        };
        net.links
            .insert(peer.to_owned(), new_link(other, "02:00:00:00:00:FF"));
    }
}
