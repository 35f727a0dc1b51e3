//! Which ports make which bond (spec §17.4).

use std::collections::{BTreeMap, BTreeSet};

/// One entry of `status.autoConfig.bonds`.
pub use api::nmstate::enactment::AutoBondStatus as Bond;

use super::settings::{BondSettings, GroupBy};

/// A port that may be bonded: it matched, is of type ethernet, and its LLDP facts are settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// Interface name.
    pub name: String,
    /// Names by VLAN id as announced, with the name of the system that announces it.
    pub heard: BTreeMap<u16, Heard>,
    /// Its present controller, if any.
    pub controller: Option<String>,
    /// Why it may not be taken, e.g. the policy that configures an address on it.
    pub busy: Option<String>,
    /// What of the node hangs on it, if anything.
    pub carries: Option<Carries>,
}

/// One announced VLAN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// As the switch calls it; empty for a port VLAN without a name.
    pub vlan: String,
    /// System name of the neighbour, if it says one.
    pub system: Option<String>,
}

/// What of the node hangs on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// A default route.
    DefaultRoute,
    /// The node's InternalIP.
    NodeAddress,
}

/// Bonds to make or keep, and what was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Bonds by name, sorted.
    pub bonds: Vec<Bond>,
    /// Groups too small for a bond: their ids and ports.
    pub small: Vec<Bond>,
    /// Ports left out, and why.
    pub left_out: Vec<(String, String)>,
}

/// What two ports must share to belong together.
type Link = (u16, Option<String>);

/// Divides ports into bonds. Bonds of `before` keep their name and their ports, also those that went silent; new ports
/// join the bond they share an id with.
#[must_use]
pub fn group(
    settings: &BondSettings,
    ids: Option<&BTreeSet<u16>>,
    ports: &[Port],
    before: &[Bond],
) -> Groups {
    let mut found = Groups::default();
    let mut free: BTreeMap<&str, BTreeSet<Link>> = BTreeMap::new();
    let mut links: BTreeMap<&str, BTreeSet<Link>> = BTreeMap::new();
    for port in ports {
        let own = links_of(port, settings.group_by, ids);
        if before.iter().any(|bond| bond.ports.contains(&port.name)) {
            links.insert(&port.name, own);
            continue;
        }
        match refusal(port, settings) {
            Some(why) => found.left_out.push((port.name.clone(), why)),
            None if own.is_empty() => {
                found.left_out.push((
                    port.name.clone(),
                    "announces none of the VLANs asked for".to_owned(),
                ));
            }
            None => drop(free.insert(&port.name, own)),
        }
    }
    let mut before: Vec<&Bond> = before.iter().collect();
    before.sort_by(|a, b| a.name.cmp(&b.name));
    for old in before {
        let own = old
            .ports
            .iter()
            .filter_map(|port| links.get(port.as_str()))
            .flatten()
            .cloned();
        let mut joined: BTreeSet<Link> = own.collect();
        // A bond whose ports are all silent is joined by its remembered ids.
        if joined.is_empty() && settings.group_by == GroupBy::Vlan {
            joined = old.vlan_ids.iter().map(|id| (*id, None)).collect();
        }
        let members = gather(&mut joined, &mut free);
        found.keep(old, members, &joined, settings.max_ports);
    }
    while let Some((first, mut joined)) = free.pop_first() {
        let mut members = gather(&mut joined, &mut free);
        members.insert(first.to_owned());
        let Some((lowest, _)) = joined.first().cloned() else {
            continue;
        };
        let new = Bond {
            name: format!("{}{lowest}", settings.name_prefix),
            ..Bond::default()
        };
        if members.len() < settings.min_ports {
            found.small.push(bond(new.name, members, &joined));
        } else {
            found.keep(&new, members, &joined, settings.max_ports);
        }
    }
    found.bonds.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Takes out of `free`, again and again, what shares a link with `joined`, which grows with it.
fn gather(joined: &mut BTreeSet<Link>, free: &mut BTreeMap<&str, BTreeSet<Link>>) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    while let Some(name) = free
        .iter()
        .find(|(_, links)| !links.is_disjoint(joined))
        .map(|(name, _)| *name)
    {
        joined.extend(free.remove(name).into_iter().flatten());
        members.insert(name.to_owned());
    }
    members
}

fn bond(name: String, ports: BTreeSet<String>, joined: &BTreeSet<Link>) -> Bond {
    let ids: BTreeSet<u16> = joined.iter().map(|(id, _)| *id).collect();
    Bond {
        name,
        ports: ports.into_iter().collect(),
        vlan_ids: ids.into_iter().collect(),
    }
}

impl Groups {
    fn keep(&mut self, old: &Bond, new: BTreeSet<String>, joined: &BTreeSet<Link>, limit: usize) {
        let mut ports: BTreeSet<String> = old.ports.iter().cloned().collect();
        for port in new {
            if ports.len() < limit {
                ports.insert(port);
            } else {
                self.left_out
                    .push((port, format!("{} has its {limit} ports already", old.name)));
            }
        }
        let mut made = bond(old.name.clone(), ports, joined);
        made.vlan_ids.extend(&old.vlan_ids);
        made.vlan_ids.sort_unstable();
        made.vlan_ids.dedup();
        self.bonds.push(made);
    }
}

fn links_of(port: &Port, by: GroupBy, ids: Option<&BTreeSet<u16>>) -> BTreeSet<Link> {
    let wanted = port
        .heard
        .iter()
        .filter(|(id, _)| ids.is_none_or(|ids| ids.contains(id)));
    match by {
        GroupBy::Vlan => wanted.map(|(id, _)| (*id, None)).collect(),
        // Without a name nobody knows whether two systems are the same.
        GroupBy::VlanAndSystem => wanted
            .filter_map(|(id, heard)| heard.system.clone().map(|system| (*id, Some(system))))
            .collect(),
    }
}

fn refusal(port: &Port, settings: &BondSettings) -> Option<String> {
    if let Some(why) = &port.busy {
        return Some(why.clone());
    }
    if let Some(controller) = &port.controller {
        return Some(format!("is a port of {controller}"));
    }
    match port.carries {
        Some(_) if settings.allow_default_route => None,
        Some(Carries::DefaultRoute) => {
            Some("carries the default route; bond.allowDefaultRoute would take it".to_owned())
        }
        Some(Carries::NodeAddress) => {
            Some("carries the node's address; bond.allowDefaultRoute would take it".to_owned())
        }
        None => None,
    }
}
