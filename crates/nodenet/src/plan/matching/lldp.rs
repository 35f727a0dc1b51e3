//! What a switch says about itself, read from nmstate's form of a neighbour (spec §17.2).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::plan::document::{at, list, text};

/// One neighbour, as far as rules and templates ask. Texts are as nmstate shows them, MAC addresses in upper case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbour {
    /// Chassis id.
    pub chassis_id: Option<String>,
    /// Port id.
    pub port_id: Option<String>,
    /// System name.
    pub system_name: Option<String>,
    /// System description.
    pub system_description: Option<String>,
    /// 802.1 port VLAN id, 1 to 4094; 0 is "none" on the wire and not here.
    pub pvid: Option<u16>,
    /// 802.1 VLAN names by id.
    pub vlans: BTreeMap<u16, String>,
}

impl Neighbour {
    /// Reads the TLV objects of one neighbour. What cannot be read is left out.
    #[must_use]
    pub fn of(tlvs: &[Value]) -> Self {
        let mut found = Self::default();
        for tlv in tlvs {
            let string = |key: &str| text(tlv, key).map(str::to_owned);
            found.chassis_id = found.chassis_id.or_else(|| string("chassis-id"));
            found.port_id = found.port_id.or_else(|| string("port-id"));
            found.system_name = found.system_name.or_else(|| string("system-name"));
            found.system_description = found.system_description.or_else(|| string("system-description"));
            found.pvid = found
                .pvid
                .or_else(|| tlv.get("ieee-802-1-pvid").and_then(vlan_id));
            for vlan in list(tlv, &["ieee-802-1-vlans"]) {
                if let Some(id) = vlan.get("vid").and_then(vlan_id) {
                    found
                        .vlans
                        .insert(id, text(vlan, "name").unwrap_or_default().to_owned());
                }
            }
        }
        found
    }

    /// The neighbours of an interface of a report.
    #[must_use]
    pub fn all(interface: &Value) -> Vec<Self> {
        let neighbours = at(interface, &["lldp", "neighbors"]).and_then(Value::as_array);
        let tlvs = neighbours.into_iter().flatten().filter_map(Value::as_array);
        tlvs.map(|tlvs| Self::of(tlvs)).collect()
    }

    /// Every VLAN it announces: those with a name, and its port VLAN.
    pub fn announced(&self) -> impl Iterator<Item = (u16, &str)> {
        let unnamed = self
            .pvid
            .filter(|id| !self.vlans.contains_key(id))
            .map(|id| (id, ""));
        self.vlans
            .iter()
            .map(|(id, name)| (*id, name.as_str()))
            .chain(unnamed)
    }
}

fn vlan_id(value: &Value) -> Option<u16> {
    let id = value.as_u64().and_then(|id| u16::try_from(id).ok())?;
    (1..=4094).contains(&id).then_some(id)
}
