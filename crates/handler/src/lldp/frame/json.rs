//! A neighbour in nmstate's form, key for key and in nmstate's order, plus the port VLAN id, which nmstate does not know.

use serde_json::{Value, json};

use super::{Address, Management, Neighbour};

const CHASSIS_KINDS: [&str; 8] = [
    "Reserved",
    // Spelt as nmstate spells it: parsers may know the text.
    "Chasis compontent",
    "Interface alias",
    "Port component",
    "MAC address",
    "Network address",
    "Interface name",
    "Locally assigned",
];

const PORT_KINDS: [&str; 8] = [
    "Reserved",
    "Interface alias",
    "Port component",
    "MAC address",
    "Network address",
    "Interface name",
    "Agent circuit ID",
    "Locally assigned",
];

/// Bit n of the TLV is entry n.
const CAPABILITIES: [&str; 11] = [
    "Other",
    "Repeater",
    "MAC Bridge component",
    "802.11 Access Point (AP)",
    "Router",
    "Telephone",
    "DOCSIS cable device",
    "Station Only",
    "C-VLAN component",
    "S-VLAN component",
    "Two-port MAC Relay component",
];

const IEEE_802_1: &str = "00:80:c2";
const IEEE_802_3: &str = "00:12:0f";

impl Neighbour {
    /// A list of TLV objects, one entry of `interfaces[].lldp.neighbors`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut tlvs = Vec::new();
        tlvs.extend(
            self.system_name
                .as_ref()
                .map(|name| json!({"type": 5, "system-name": name})),
        );
        tlvs.extend(
            self.system_description
                .as_ref()
                .map(|text| json!({"type": 6, "system-description": text})),
        );
        tlvs.extend(
            self.capabilities
                .map(|bits| json!({"type": 7, "system-capabilities": capabilities(bits)})),
        );
        tlvs.extend([self.chassis_json(), self.port_json()]);
        tlvs.extend(self.organisation_json());
        Value::Array(tlvs)
    }

    fn chassis_json(&self) -> Value {
        let (kind, description) = described(&CHASSIS_KINDS, self.chassis.kind);
        json!({
            "type": 1,
            "chassis-id": self.chassis.text,
            "chassis-id-type": kind,
            "_description": description,
        })
    }

    fn port_json(&self) -> Value {
        let (kind, description) = described(&PORT_KINDS, self.port.kind);
        json!({
            "type": 2,
            "port-id": self.port.text,
            "port-id-type": kind,
            "_description": description,
        })
    }

    fn organisation_json(&self) -> Vec<Value> {
        let mut tlvs = Vec::new();
        tlvs.extend(
            self.pvid
                .map(|id| organisation(IEEE_802_1, 1, "ieee-802-1-pvid", json!(id))),
        );
        if !self.vlans.is_empty() {
            let vlans = self
                .vlans
                .iter()
                .map(|vlan| json!({"name": vlan.name, "vid": vlan.id}))
                .collect();
            tlvs.push(organisation(IEEE_802_1, 3, "ieee-802-1-vlans", vlans));
        }
        tlvs.extend(self.mac_phy.map(|phy| {
            let values = json!({
                "autoneg": phy.autonegotiation,
                "operational-mau-type": phy.operational,
                "pmd-autoneg-cap": phy.advertised,
            });
            organisation(IEEE_802_3, 1, "ieee-802-3-mac-phy-conf", values)
        }));
        if !self.ppvids.is_empty() {
            tlvs.push(organisation(
                IEEE_802_1,
                2,
                "ieee-802-1-ppvids",
                json!(self.ppvids),
            ));
        }
        if !self.management.is_empty() {
            let addresses: Vec<Value> = self.management.iter().map(management).collect();
            tlvs.push(json!({"type": 8, "management-addresses": addresses}));
        }
        tlvs.extend(
            self.max_frame_size
                .map(|bytes| organisation(IEEE_802_3, 4, "ieee-802-3-max-frame-size", json!(bytes))),
        );
        tlvs
    }
}

fn organisation(owner: &str, subtype: u8, key: &str, value: Value) -> Value {
    let mut tlv = json!({"type": 127, "oui": owner, "subtype": subtype});
    if let Some(object) = tlv.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
    tlv
}

/// nmstate shows every kind it does not know as the reserved one.
fn described(kinds: &[&'static str; 8], kind: u8) -> (u8, &'static str) {
    kinds
        .get(usize::from(kind))
        .map_or((0, "Reserved"), |&description| (kind, description))
}

fn capabilities(bits: u16) -> Vec<&'static str> {
    CAPABILITIES
        .iter()
        .enumerate()
        .filter(|(bit, _)| bits & (1 << bit) != 0)
        .map(|(_, &name)| name)
        .collect()
}

fn management(entry: &Management) -> Value {
    let (family, address) = match entry.address {
        Address::V4(address) => ("IPv4", address.to_string()),
        Address::V6(address) => ("IPv6", address.to_string()),
        Address::Mac(address) => ("MAC", address.to_string()),
    };
    json!({
        "address": address,
        "address-subtype": family,
        "interface-number": entry.interface,
        "interface-number-subtype": entry.numbering,
    })
}
