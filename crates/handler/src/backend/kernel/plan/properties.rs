//! From everywhere on the way there is a way back, and it ends where everything began.

use std::collections::BTreeSet;

use nispor::{BondConf, BridgeConf, VlanConf, VrfConf};
use proptest::prelude::*;

use super::kernel::{make, new_link};
use super::{inverse, steps};
use crate::backend::kernel::net::{
    Address, Goal, Kind, Link, Net, Prefix, Route, Rule, Shape, Target, Vlans,
};

/// More rounds than anything needs.
const ROUNDS: usize = 12;

const CARDS: [&str; 3] = ["e1", "e2", "e3"];
const MADE: [&str; 5] = ["br1", "bond1", "vrf1", "vl1", "pa"];

fn bridge(stp: bool, ageing: u32) -> Kind {
    let mut conf = BridgeConf::default();
    conf.vlan_filtering = Some(stp);
    conf.ageing_time = Some(ageing);
    Kind::Bridge(conf)
}

fn kind(name: &str, variant: u8) -> Kind {
    let variant = u16::from(variant);
    match name {
        "br1" => bridge(variant % 2 == 0, 3000 * (1 + u32::from(variant))),
        "bond1" => {
            let mut conf = BondConf::default();
            conf.mode = Some(if variant % 2 == 0 {
                nispor::BondMode::ActiveBackup
            } else {
                nispor::BondMode::BalanceXor
            });
            conf.miimon = Some(100 * (1 + u32::from(variant)));
            Kind::Bond(conf)
        }
        "vrf1" => {
            let mut conf = VrfConf::default();
            conf.table_id = Some(10 + u32::from(variant));
            Kind::Vrf(conf)
        }
        "vl1" => {
            let mut conf = VlanConf::default();
            conf.vlan_id = Some(100 + variant);
            conf.base_iface = Some(if variant % 3 == 0 { "br1" } else { "e1" }.to_owned());
            conf.is_reorder_hdr = Some(true);
            Kind::Vlan(conf)
        }
        "pa" => Kind::Veth {
            peer: Some("pb".to_owned()),
        },
        _ => Kind::Ethernet,
    }
}

fn link(name: String) -> impl Strategy<Value = Link> {
    (any::<bool>(), 1280_u32..1290, 0_u8..4, any::<bool>(), 1_u8..9).prop_map(
        move |(up, mtu, variant, ipv6, mac)| {
            let mut link = new_link(kind(&name, variant), &format!("02:00:00:00:00:{mac:02X}"));
            link.up = up;
            link.mtu = mtu;
            link.ipv6 = Some(ipv6);
            if mac > 6 {
                link.alt_names = BTreeSet::from([format!("{name}-alt")]);
            }
            link
        },
    )
}

fn place() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["e1", "e2", "e3", "br1", "bond1", "pa", "pb"]).prop_map(str::to_owned)
}

fn address() -> impl Strategy<Value = Address> {
    (place(), any::<bool>(), 1_u8..6).prop_map(|(link, ipv6, number)| {
        let text = if ipv6 {
            format!("2001:db8::{number}")
        } else {
            format!("192.0.2.{number}")
        };
        Address::new(&link, text.parse().unwrap(), if ipv6 { 64 } else { 24 })
    })
}

fn route() -> impl Strategy<Value = Route> {
    (place(), any::<bool>(), 1_u8..4, any::<bool>()).prop_map(|(link, ipv6, number, gateway)| {
        let text = if ipv6 {
            format!("2001:db8:{number}::/48")
        } else {
            format!("10.{number}.0.0/16")
        };
        let mut route = Route::new(text.parse::<Prefix>().unwrap());
        route.link = Some(link);
        let router = if ipv6 { "2001:db8::ff" } else { "192.0.2.254" };
        route.gateway = gateway.then(|| router.parse().unwrap());
        route
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    (1_u32..5, 1_u32..3).prop_map(|(priority, table)| Rule {
        ipv6: false,
        priority,
        action: 1,
        table,
        from: None,
        to: None,
        input: None,
        mark: None,
        mask: None,
        suppress_length: None,
        protocol: 4,
        opaque: None,
    })
}

/// A network that a kernel could be in.
fn net() -> impl Strategy<Value = Net> {
    let cards: Vec<_> = CARDS.iter().map(|name| link((*name).to_owned())).collect();
    let made: Vec<_> = MADE
        .iter()
        .map(|name| prop::option::of(link((*name).to_owned())))
        .collect();
    let ports = prop::collection::vec(0_u8..4, CARDS.len());
    let rest = (
        prop::collection::vec(address(), 0..6),
        prop::collection::vec(route(), 0..6),
        prop::collection::vec(rule(), 0..3),
        prop::option::of("[a-c]{1,2}"),
    );
    (cards, made, ports, rest).prop_map(|(cards, made, ports, (addresses, routes, rules, resolver))| {
        let mut net = Net {
            resolver,
            ..Net::default()
        };
        for (name, link) in CARDS.iter().zip(cards) {
            net.links.insert((*name).to_owned(), link);
        }
        for (name, link) in MADE.iter().zip(made) {
            let Some(link) = link else { continue };
            if link.kind.base().is_none_or(|base| net.links.contains_key(base)) {
                if let Some(peer) = link.kind.peer() {
                    let mut other = new_link(
                        Kind::Veth {
                            peer: Some((*name).to_owned()),
                        },
                        "02:00:00:00:00:BB",
                    );
                    other.up = link.up;
                    net.links.insert(peer.to_owned(), other);
                }
                net.links.insert((*name).to_owned(), link);
            }
        }
        for (name, port) in CARDS.iter().zip(ports) {
            let controller = [None, Some("br1"), Some("bond1"), Some("vrf1")][usize::from(port)];
            let controller = controller.filter(|controller| net.links.contains_key(*controller));
            let card = net.links.get_mut(*name).unwrap();
            card.controller = controller.map(str::to_owned);
            if controller == Some("br1") {
                card.vlans = vec![Vlans {
                    first: 1,
                    last: 1,
                    pvid: true,
                    untagged: true,
                }];
            }
        }
        let unique = |net: &Net, address: &Address| {
            use crate::backend::kernel::net::Same as _;
            !net.addresses.iter().any(|other| other.same(address))
        };
        for address in addresses {
            let fits = net
                .links
                .get(&address.link)
                .is_some_and(|link| link.ipv6 == Some(true) && link.up);
            if fits && unique(&net, &address) {
                net.addresses.push(address);
            }
        }
        for route in routes {
            let name = route.link.clone().unwrap();
            let ipv4 = |address: &Address| address.link == name && address.address.is_ipv4();
            let fits = net.links.get(&name).is_some_and(|link| link.up);
            if fits && net.addresses.iter().any(ipv4) && !net.routes.contains(&route) {
                net.routes.push(route);
            }
        }
        for rule in rules {
            if !net.rules.contains(&rule) {
                net.rules.push(rule);
            }
        }
        net
    })
}

/// What turns one network into another, as far as it can be made.
fn towards(from: &Net, to: &Net, which: &BTreeSet<String>) -> Target {
    let mut target = Target::default();
    for name in from
        .links
        .keys()
        .chain(to.links.keys())
        .filter(|name| which.contains(*name))
    {
        let goal = match to.links.get(name) {
            Some(link) => Goal::Present(Box::new(link.to_shape(false))),
            None => Goal::Absent,
        };
        target.links.insert(name.clone(), goal);
    }
    // One end of a pair is not wished without the other, nor a port in what shall be gone.
    for (one, other) in [("pa", "pb"), ("pb", "pa")] {
        if let Some(goal) = target.links.get(one).cloned() {
            if goal == Goal::Absent {
                target.links.insert(other.to_owned(), Goal::Absent);
            } else if !from.links.contains_key(other) {
                let shape = Shape {
                    up: Some(true),
                    ..Shape::default()
                };
                target
                    .links
                    .entry(other.to_owned())
                    .or_insert(Goal::Present(Box::new(shape)));
                target.links.insert(
                    "pa".to_owned(),
                    Goal::Present(Box::new(to.links["pa"].to_shape(false))),
                );
            }
        }
    }
    let there = |name: &str, target: &Target| match target.links.get(name) {
        Some(goal) => *goal != Goal::Absent,
        None => from.links.contains_key(name),
    };
    let snapshot = target.clone();
    for goal in target.links.values_mut() {
        if let Goal::Present(shape) = goal {
            shape.controller = shape
                .controller
                .take()
                .filter(|name| name.is_empty() || there(name, &snapshot));
            // Only a port of a bridge has VLANs.
            shape.vlans = shape
                .vlans
                .take()
                .filter(|_| shape.controller.as_deref() == Some("br1"));
        }
    }
    for address in &from.addresses {
        target.addresses.remove(address.clone());
    }
    for address in to
        .addresses
        .iter()
        .filter(|address| there(&address.link, &snapshot))
    {
        target.addresses.ensure(address.clone());
    }
    for route in &from.routes {
        target.routes.remove(route.clone());
    }
    for rule in &from.rules {
        target.rules.remove(rule.clone());
    }
    for rule in &to.rules {
        target.rules.ensure(rule.clone());
    }
    target
}

/// In no order that matters; without numbers that change when a link is made anew.
fn comparable(net: &Net) -> (Vec<String>, Vec<String>) {
    let links = net.links.iter().map(|(name, link)| {
        let mut link = link.clone();
        link.bridge_port = None;
        link.bond_port = None;
        // A bond gives its ports its own address.
        if link.controller.as_deref() == Some("bond1") {
            link.mac.clear();
        }
        format!("{name}: {link:?}")
    });
    let mut rest: Vec<String> = net.addresses.iter().map(|item| format!("{item:?}")).collect();
    rest.extend(net.routes.iter().map(|item| format!("{item:?}")));
    rest.extend(net.rules.iter().map(|item| format!("{item:?}")));
    rest.push(format!("{:?}", net.resolver));
    rest.sort();
    (links.collect(), rest)
}

fn reach(target: &Target, net: &mut Net) -> Result<(), String> {
    for _ in 0..ROUNDS {
        let todo = steps(target, net);
        if todo.is_empty() {
            return Ok(());
        }
        for step in &todo {
            make(step, net);
        }
    }
    Err(format!("still to do: {:?}", steps(target, net)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn death_after_any_step_is_undone(
        before in net(),
        wish in net(),
        which in prop::collection::btree_set(
            prop::sample::select(["e1", "e2", "e3", "br1", "bond1", "vrf1", "vl1", "pa"].map(str::to_owned).to_vec()), 1..5),
        dies_after in 0_usize..40,
    ) {
        let target = towards(&before, &wish, &which);
        let Ok(back) = inverse(&target, &before) else {
            // What could not be undone is not begun.
            return Ok(());
        };
        let mut now = before.clone();
        for step in steps(&target, &now.clone()).iter().take(dies_after) {
            make(step, &mut now);
        }
        // The journal is a file.
        let back: Target = serde_json::from_str(&serde_json::to_string(&back).unwrap()).unwrap();
        reach(&back, &mut now).map_err(TestCaseError::fail)?;
        prop_assert_eq!(comparable(&now), comparable(&before));
    }

    #[test]
    fn a_reached_target_is_no_step(before in net(), wish in net()) {
        let all: BTreeSet<String> = CARDS.iter().map(|name| (*name).to_owned()).collect();
        let target = towards(&before, &wish, &all);
        let mut now = before.clone();
        reach(&target, &mut now).map_err(TestCaseError::fail)?;
        prop_assert_eq!(steps(&target, &now), vec![]);
    }
}
