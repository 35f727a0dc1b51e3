use nispor::{BondPortConf, BridgePortConf};
use serde_json::Value;

use super::refuse::Problem;
use super::target::Reading;
use crate::backend::kernel::net::{Kind, Vlans};

/// The VLAN every frame without a tag belongs to, unless the bridge says otherwise.
const DEFAULT_VLAN: u16 = 1;

/// The ports of a bridge, bond or VRF.
pub(super) fn read(name: &str, item: &Value, reading: &mut Reading<'_>) {
    let list = |section: &str, keys: &[&str]| {
        let section = item.get(section)?;
        let list = keys
            .iter()
            .find_map(|key| section.get(key).filter(|value| !value.is_null()))?;
        Some(list.as_array().cloned().unwrap_or_default())
    };
    if let Some(ports) = list("bridge", &["port", "ports"]) {
        bridge(name, item, &ports, reading);
    }
    let plain =
        list("link-aggregation", &["port", "ports", "slaves"]).or_else(|| list("vrf", &["port", "ports"]));
    if let Some(ports) = plain {
        let ports: Vec<&str> = ports.iter().filter_map(Value::as_str).collect();
        members(name, &ports, false, reading);
    }
    if let Some(ports) = list("link-aggregation", &["ports-config"]) {
        bond(name, item, &ports, reading);
    }
}

/// Exactly these ports, or at least.
fn members(controller: &str, ports: &[&str], others_stay: bool, reading: &mut Reading<'_>) {
    for port in ports {
        reading.attach(port, controller);
        reading.shape(port).up.get_or_insert(true);
    }
    let now = reading.now;
    let leaves = |name: &str| !others_stay && !ports.contains(&name);
    for (name, link) in &now.links {
        if link.controller.as_deref() == Some(controller) && leaves(name) {
            reading.attach(name, "");
        }
    }
}

fn bond(name: &str, item: &Value, configs: &[Value], reading: &mut Reading<'_>) {
    let config_names: Vec<&str> = configs
        .iter()
        .filter_map(|config| config.get("name")?.as_str())
        .collect();
    let section = item.get("link-aggregation");
    let listed = section.is_some_and(|section| section.get("port").or(section.get("ports")).is_some());
    if !listed {
        members(name, &config_names, false, reading);
    }
    for config in configs {
        let Some(port) = config.get("name").and_then(Value::as_str) else {
            continue;
        };
        let mut conf = BondPortConf::default();
        conf.prio = number(config.get("priority"));
        conf.queue_id = number(config.get("queue-id"));
        reading.shape(port).bond_port = Some(conf);
    }
}

fn number<T: TryFrom<i64>>(value: Option<&Value>) -> Option<T> {
    value?.as_i64().and_then(|number| T::try_from(number).ok())
}

fn bridge(name: &str, item: &Value, ports: &[Value], reading: &mut Reading<'_>) {
    let names: Vec<&str> = ports
        .iter()
        .filter_map(|port| port.get("name")?.as_str())
        .collect();
    let extra = item.pointer("/bridge/allow-extra-ports") == Some(&Value::Bool(true));
    members(name, &names, extra, reading);
    let now = reading.now.links.get(name);
    let (filters, default) = match now.map(|link| &link.kind) {
        Some(Kind::Bridge(bridge)) => (bridge.vlan_filtering == Some(true), bridge.vlan_default_pvid),
        _ => (false, None),
    };
    let wished = item
        .pointer("/bridge/options/vlan-default-pvid")
        .and_then(Value::as_u64);
    let default = wished
        .and_then(|id| u16::try_from(id).ok())
        .or(default)
        .unwrap_or(DEFAULT_VLAN);
    let mut filter = false;
    for port in ports {
        let Some(port_name) = port.get("name").and_then(Value::as_str) else {
            continue;
        };
        options(port_name, port, reading);
        match port.get("vlan").and_then(Value::as_object) {
            Some(vlan) if vlan.values().any(|value| !value.is_null()) => {
                filter = true;
                let path = format!("interfaces.{name}.bridge.port.{port_name}.vlan");
                match vlans(port.get("vlan").unwrap_or(&Value::Null), default) {
                    Ok(vlans) => reading.shape(port_name).vlans = Some(vlans),
                    Err(reason) => reading.problems.add(Problem::wrong(path, reason)),
                }
            }
            // An empty section: no filtering for this port's sake.
            Some(_) => {}
            None => filter |= filters && was_port(port_name, name, reading),
        }
    }
    if filter != filters {
        set_filtering(name, filter, reading);
    }
}

fn was_port(port: &str, bridge: &str, reading: &Reading<'_>) -> bool {
    let link = reading.now.links.get(port);
    link.is_some_and(|link| link.controller.as_deref() == Some(bridge) && !link.vlans.is_empty())
}

fn set_filtering(name: &str, on: bool, reading: &mut Reading<'_>) {
    let kind = reading
        .shape(name)
        .kind
        .get_or_insert_with(|| Kind::Bridge(Default::default()));
    if let Kind::Bridge(bridge) = kind {
        bridge.vlan_filtering = Some(on);
    }
}

fn options(name: &str, port: &Value, reading: &mut Reading<'_>) {
    let mut conf = BridgePortConf::default();
    conf.hairpin_mode = port.get("stp-hairpin-mode").and_then(Value::as_bool);
    conf.stp_path_cost = number(port.get("stp-path-cost"));
    conf.stp_priority = number(port.get("stp-priority"));
    if conf != BridgePortConf::default() {
        reading.shape(name).bridge_port = Some(conf);
    }
}

/// The VLANs of a port in nmstate's words: an access port has one, a trunk many, and one of them may be native.
///
/// A port without a native VLAN keeps the default one of the bridge for frames without a tag, as under
/// NetworkManager.
pub(super) fn vlans(vlan: &Value, default: u16) -> Result<Vec<Vlans>, String> {
    let id = |value: Option<&Value>, what: &str| -> Result<Option<u16>, String> {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let id = value.as_u64().and_then(|id| u16::try_from(id).ok());
        let id = id.filter(|id| (1..=4094).contains(id));
        id.map(Some)
            .ok_or_else(|| format!("{what} is {value}, not 1 to 4094"))
    };
    let tag = id(vlan.get("tag").filter(|tag| tag.as_u64() != Some(0)), "tag")?;
    let trunk = vlan.get("mode").and_then(Value::as_str) == Some("trunk");
    let native = vlan.get("enable-native") == Some(&Value::Bool(true));
    let untagged = match (trunk, native, tag) {
        (false, _, Some(tag)) | (true, true, Some(tag)) => tag,
        _ => default,
    };
    let mut list = Vec::new();
    if untagged != 0 {
        list.push(Vlans {
            first: untagged,
            last: untagged,
            pvid: true,
            untagged: true,
        });
    }
    for entry in vlan
        .get("trunk-tags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let (first, last) = match entry.get("id-range") {
            Some(range) => (id(range.get("min"), "min")?, id(range.get("max"), "max")?),
            None => (id(entry.get("id"), "id")?, id(entry.get("id"), "id")?),
        };
        let (Some(first), Some(last)) = (first, last) else {
            return Err(format!("trunk tag {entry} has neither id nor id-range"));
        };
        if first > last {
            return Err(format!("trunk range {first} to {last} is empty"));
        }
        // The native VLAN inside a range stays native.
        let mut part = |first: u16, last: u16| {
            if first <= last {
                list.push(Vlans {
                    first,
                    last,
                    pvid: false,
                    untagged: false,
                });
            }
        };
        if (first..=last).contains(&untagged) {
            part(first, untagged - 1);
            part(untagged + 1, last);
        } else {
            part(first, last);
        }
    }
    Ok(list)
}
