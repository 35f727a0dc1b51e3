//! The VLAN default of bridge ports (spec §7.2, D25).

use serde_json::{Value, json};

use crate::plan::document::{list_mut, text};

/// Gives every port of a Linux bridge that says nothing about VLANs the trunk of all of them, as the replaced program
/// does. `vlan: {}` says something: no filtering.
pub fn trunk_by_default(document: &mut Value) {
    let Some(interfaces) = list_mut(document, &["interfaces"]) else {
        return;
    };
    for bridge in interfaces.iter_mut().filter(|entry| is_bridge_to_be(entry)) {
        for key in ["port", "ports"] {
            let ports = list_mut(bridge, &["bridge", key]).into_iter().flatten();
            for port in ports.filter_map(Value::as_object_mut) {
                port.entry("vlan").or_insert_with(
                    || json!({ "mode": "trunk", "trunk-tags": [{ "id-range": { "min": 2, "max": 4094 } }] }),
                );
            }
        }
    }
}

fn is_bridge_to_be(entry: &Value) -> bool {
    text(entry, "type") == Some("linux-bridge") && text(entry, "state").unwrap_or("up") == "up"
}
