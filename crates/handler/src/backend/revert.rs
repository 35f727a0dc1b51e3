//! nmstate's revert documents, made fit for use (specification §18.7).

use std::collections::BTreeSet;

use serde_json::Value;

/// Makes a document of nmstate's `generate_revert` one that can be applied.
///
/// The crate writes a veth as ethernet, sets a formerly unmanaged port down, and keeps absent routes over interfaces
/// that it deletes. `before` is the report from before the change.
#[must_use]
pub fn usable_revert(revert: &Value, before: &Value) -> Value {
    let mut revert = revert.clone();
    let mut deleted = BTreeSet::new();
    let interfaces = revert.get_mut("interfaces").and_then(Value::as_array_mut);
    for interface in interfaces.into_iter().flatten() {
        let Some(name) = interface["name"].as_str().map(ToOwned::to_owned) else {
            continue;
        };
        let former = before["interfaces"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|former| former["name"] == name.as_str());
        match former {
            Some(former) => restore(interface, former),
            None => {
                deleted.insert(name);
            }
        }
    }
    drop_routes_over(&deleted, &mut revert);
    revert
}

/// Gives an interface that existed before its type and state of then.
fn restore(interface: &mut Value, former: &Value) {
    if former["type"] == "veth" {
        interface["type"] = "veth".into();
        if former["veth"].is_object() {
            interface["veth"] = former["veth"].clone();
        }
    }
    // Nobody managed it, and it worked. Set down it would not, and absent would delete a veth; so it is let go of by
    // its controller and keeps the addresses it had.
    if former["state"] == "ignore" {
        interface["state"] = "up".into();
        interface["controller"] = "".into();
        for key in ["mtu", "ipv4", "ipv6"] {
            if !former[key].is_null() {
                interface[key] = former[key].clone();
            }
        }
    }
}

/// Routes go with their interface; asking for their removal afterwards fails.
fn drop_routes_over(deleted: &BTreeSet<String>, revert: &mut Value) {
    let Some(Value::Array(routes)) = revert.pointer_mut("/routes/config") else {
        return;
    };
    routes.retain(|route| {
        let over_deleted = route["next-hop-interface"]
            .as_str()
            .is_some_and(|name| deleted.contains(name));
        !(over_deleted && route["state"] == "absent")
    });
    if routes.is_empty()
        && let Some(sections) = revert.as_object_mut()
    {
        sections.remove("routes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn routes_over_deleted_interfaces_go_with_them() {
        let revert = json!({
            "interfaces": [{"name": "br1", "type": "linux-bridge", "state": "absent"}],
            "routes": {"config": [{"destination": "198.51.100.0/24", "next-hop-interface": "br1", "state": "absent"}]},
        });
        let usable = usable_revert(&revert, &json!({"interfaces": []}));
        assert_eq!(
            usable,
            json!({"interfaces": [{"name": "br1", "type": "linux-bridge", "state": "absent"}]})
        );
    }

    #[test]
    fn a_veth_stays_one_and_an_unmanaged_port_becomes_so_again() {
        let before = json!({"interfaces": [
            {"name": "v0", "type": "veth", "state": "up", "veth": {"peer": "v1"}},
            {"name": "e1", "type": "veth", "state": "ignore", "mtu": 1500, "ipv4": {"enabled": false}},
        ]});
        let revert = json!({"interfaces": [
            {"name": "v0", "type": "ethernet", "mtu": 1500},
            {"name": "e1", "type": "ethernet", "state": "down"},
        ]});
        assert_eq!(
            usable_revert(&revert, &before),
            json!({"interfaces": [
                {"name": "v0", "type": "veth", "mtu": 1500, "veth": {"peer": "v1"}},
                {
                    "name": "e1", "type": "veth", "state": "up", "controller": "",
                    "mtu": 1500, "ipv4": {"enabled": false},
                },
            ]})
        );
    }

    #[test]
    fn the_rest_is_left_alone() {
        let revert = json!({"interfaces": [], "dns-resolver": {"config": {"server": ["192.0.2.53"]}}});
        assert_eq!(usable_revert(&revert, &json!({})), revert);
    }
}
