//! Bonds to a desired state (spec §17.4).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use super::group::{Bond, Groups, Port, group};
use super::settings::{BondSettings, VlanName};
use crate::plan::capture::{PolicyError, Sources};
use crate::plan::desired::static_only;
use crate::plan::document::leaf::Places;
use crate::plan::document::{at, interface, interfaces, list, merge, text};
use crate::plan::matching::{agrees, expand, is_template};

/// What automatic bonding comes to on one node.
#[derive(Clone, PartialEq)]
pub enum Outcome {
    /// Apply this; remember these bonds.
    Bonds {
        /// The desired state.
        document: Value,
        /// For `status.autoConfig.bonds`.
        bonds: Vec<Bond>,
        /// Ports that were left out, for the enactment's message; may be empty.
        note: String,
    },
    /// A name is taken by an interface that is not ours: Failing, reason `NameConflict`.
    NameConflict(String),
    /// No group is large enough: Available, reason `NothingToBond`.
    Nothing(String),
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bonds {
                document,
                bonds,
                note,
            } => {
                let document = Places(document);
                f.debug_struct("Bonds")
                    .field("document", &document)
                    .field("bonds", bonds)
                    .field("note", note)
                    .finish()
            }
            Self::NameConflict(message) => f.debug_tuple("NameConflict").field(message).finish(),
            Self::Nothing(message) => f.debug_tuple("Nothing").field(message).finish(),
        }
    }
}

/// Everything automatic bonding looks at.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// `spec.autoConfig.bond`.
    pub settings: &'a BondSettings,
    /// Ids asked for by the match; none if it lists none.
    pub ids: Option<&'a BTreeSet<u16>>,
    /// The candidates.
    pub ports: &'a [Port],
    /// `status.autoConfig.bonds` of the enactment.
    pub before: &'a [Bond],
    /// `spec.desiredState`: its entries without a name are laid upon every bond.
    pub desired: &'a Value,
    /// The reported state of the node.
    pub state: &'a Value,
}

/// Decides and renders.
///
/// # Errors
/// A reference in the templates that cannot be filled.
pub fn plan(input: &Input<'_>, sources: &Sources<'_>) -> Result<Outcome, PolicyError> {
    let groups = group(input.settings, input.ids, input.ports, input.before);
    if groups.bonds.is_empty() {
        return Ok(Outcome::Nothing(nothing(&groups, input.settings.min_ports)));
    }
    for bond in &groups.bonds {
        let ours = input.before.iter().any(|old| old.name == bond.name);
        if !ours && interface(input.state, &bond.name).is_some() {
            return Ok(Outcome::NameConflict(format!(
                "an interface {} exists that this policy did not make; choose another bond.namePrefix",
                bond.name
            )));
        }
    }
    let document = render(input, &groups.bonds, sources)?;
    let note = left_out(&groups);
    Ok(Outcome::Bonds {
        document,
        bonds: groups.bonds,
        note,
    })
}

fn nothing(groups: &Groups, min: usize) -> String {
    let sizes: Vec<String> = groups
        .small
        .iter()
        .map(|bond| {
            let ids: Vec<String> = bond.vlan_ids.iter().map(u16::to_string).collect();
            format!(
                "VLAN {} has {} of {min} ports ({})",
                ids.join("+"),
                bond.ports.len(),
                bond.ports.join(", ")
            )
        })
        .collect();
    let mut message = if sizes.is_empty() {
        "nothing to bond".to_owned()
    } else {
        format!("nothing to bond: {}", sizes.join("; "))
    };
    let out = left_out(groups);
    if !out.is_empty() {
        message.push_str("; ");
        message.push_str(&out);
    }
    message
}

fn left_out(groups: &Groups) -> String {
    let reasons: Vec<String> = groups
        .left_out
        .iter()
        .map(|(port, why)| format!("{port} {why}"))
        .collect();
    if reasons.is_empty() {
        String::new()
    } else {
        format!("left out: {}", reasons.join("; "))
    }
}

fn render(input: &Input<'_>, bonds: &[Bond], sources: &Sources<'_>) -> Result<Value, PolicyError> {
    // The templates are filled as if the bonds were there and matched.
    let made: Vec<Value> = bonds
        .iter()
        .map(|bond| json!({"name": bond.name, "type": "bond"}))
        .collect();
    let stage = json!({ "interfaces": made });
    let matched: BTreeMap<String, _> = bonds.iter().map(|bond| (bond.name.clone(), None)).collect();
    let mut desired = input.desired.clone();
    if !desired.is_object() {
        desired = json!({});
    }
    if desired.get("interfaces").is_none_or(Value::is_null) {
        desired["interfaces"] = json!([]);
    }
    let mut document = expand(&desired, &stage, &matched, sources)?;
    let templated = interfaces(&desired)
        .iter()
        .any(|entry| is_template(entry) && agrees(entry, "bond"));
    let mut moved_routes = Vec::new();
    let mut list: Vec<Value> = Vec::new();
    for bond in bonds {
        let mut entry = interface_of(input, bond, &mut moved_routes);
        let over = interface(&document, &bond.name).filter(|_| templated || is_named(&desired, &bond.name));
        if let Some(over) = over {
            merge(&mut entry, over);
        }
        list.push(entry);
        if input.settings.create_vlans {
            list.extend(vlans(input, bond));
        }
    }
    let own: BTreeSet<&str> = bonds.iter().map(|bond| bond.name.as_str()).collect();
    let rest = interfaces(&document)
        .iter()
        .filter(|entry| !text(entry, "name").is_some_and(|name| own.contains(name)));
    list.extend(rest.cloned());
    document["interfaces"] = Value::Array(list);
    if !moved_routes.is_empty() {
        let routes = &mut document["routes"]["config"];
        match routes {
            Value::Array(routes) => routes.extend(moved_routes),
            routes => *routes = Value::Array(moved_routes),
        }
    }
    Ok(document)
}

fn is_named(desired: &Value, name: &str) -> bool {
    interface(desired, name).is_some()
}

/// The bond itself. Where a port carried the node's traffic, its MAC address, addresses and routes move along.
fn interface_of(input: &Input<'_>, bond: &Bond, routes: &mut Vec<Value>) -> Value {
    let settings = input.settings;
    let mut aggregation = json!({ "mode": settings.mode, "port": bond.ports });
    if !settings.options.is_empty() {
        aggregation["options"] = Value::Object(settings.options.clone());
    }
    let mut entry =
        json!({ "name": bond.name, "type": "bond", "state": "up", "link-aggregation": aggregation });
    let carrier = input
        .ports
        .iter()
        .find(|port| port.carries.is_some() && bond.ports.contains(&port.name));
    let Some(carrier) = carrier else { return entry };
    entry["copy-mac-from"] = json!(carrier.name);
    let Some(now) = interface(input.state, &carrier.name) else {
        return entry;
    };
    for family in ["ipv4", "ipv6"] {
        if let Some(ip) = at(now, &[family]) {
            entry[family] = without_lifetimes(ip);
        }
    }
    let over = list(input.state, &["routes", "config"]).iter();
    let mut over = over
        .filter(|route| text(route, "next-hop-interface") == Some(&carrier.name))
        .peekable();
    if over.peek().is_some() {
        routes.push(json!({ "state": "absent", "next-hop-interface": carrier.name }));
    }
    for route in over {
        let mut moved = route.clone();
        moved["next-hop-interface"] = json!(bond.name);
        routes.push(moved);
    }
    entry
}

fn without_lifetimes(ip: &Value) -> Value {
    let mut ip = ip.clone();
    if let Some(addresses) = ip.get_mut("address") {
        *addresses = static_only(addresses);
    }
    ip
}

fn vlans(input: &Input<'_>, bond: &Bond) -> Vec<Value> {
    let ids = bond
        .vlan_ids
        .iter()
        .filter(|id| input.ids.is_none_or(|ids| ids.contains(id)));
    ids.map(|id| {
        let name = vlan_name(input, bond, *id);
        json!({ "name": name, "type": "vlan", "state": "up", "vlan": { "base-iface": bond.name, "id": id } })
    })
    .collect()
}

fn vlan_name(input: &Input<'_>, bond: &Bond, id: u16) -> String {
    let plain = format!("{}.{id}", bond.name);
    if input.settings.vlan_name_from == VlanName::Id {
        return plain;
    }
    let heard = input.ports.iter().filter(|port| bond.ports.contains(&port.name));
    let announced = heard
        .filter_map(|port| port.heard.get(&id))
        .map(|heard| heard.vlan.as_str());
    // What the kernel would refuse as a name, or what is in use, gives way to the number.
    let usable = |name: &&str| {
        (1..=15).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"/:".contains(&byte))
            && !matches!(*name, "." | "..")
            && interface(input.state, name).is_none_or(|entry| {
                at(entry, &["vlan", "base-iface"]).is_some_and(|base| base.as_str() == Some(&bond.name))
            })
    };
    announced.into_iter().find(usable).map_or(plain, str::to_owned)
}
