//! What a network is after a desired state, roughly as nmstate would have it.

use serde_json::{Map, Value, json};

/// The network after a desired state: interfaces and maps are merged, lists replaced, `state: absent` removes.
pub(super) fn merged(network: &Value, desired: &Value) -> Value {
    let mut network = network.clone();
    for (section, wish) in desired.as_object().into_iter().flatten() {
        match section.as_str() {
            "interfaces" => merge_list(&mut network["interfaces"], wish, |a, b| a["name"] == b["name"]),
            "routes" => merge_list(&mut network["routes"]["config"], &wish["config"], same_route),
            _ => merge(&mut network[section], wish),
        }
    }
    if let Some(config) = desired.get("dns-resolver").and_then(|dns| dns.get("config")) {
        network["dns-resolver"]["running"] = config.clone();
    }
    network
}

fn merge_list(list: &mut Value, wishes: &Value, same: fn(&Value, &Value) -> bool) {
    if !list.is_array() {
        *list = json!([]);
    }
    let Some(list) = list.as_array_mut() else { return };
    for wish in wishes.as_array().into_iter().flatten() {
        if wish["state"] == "absent" {
            list.retain(|item| !same(item, wish));
        } else if let Some(item) = list.iter_mut().find(|item| same(item, wish)) {
            merge(item, wish);
        } else {
            list.push(wish.clone());
        }
    }
}

/// An absent route removes all that have what it says.
fn same_route(route: &Value, wish: &Value) -> bool {
    let keys = [
        "destination",
        "next-hop-interface",
        "next-hop-address",
        "table-id",
    ];
    keys.iter()
        .all(|key| wish[key].is_null() || route[key] == wish[key])
}

fn merge(value: &mut Value, wish: &Value) {
    match wish {
        Value::Object(wish) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            for (key, wish) in wish {
                merge(&mut value[key], wish);
            }
        }
        wish => *value = wish.clone(),
    }
}
