//! What of a difference already holds.
//!
//! nmstate's `gen_diff` keeps some values that are there: a port's `vlan: {}`, which is never reported; routes over an
//! interface it thinks changed; absent routes that nobody has. Applying them again would take a checkpoint, probes and
//! a slot for nothing (specification §4.2 (c)).

use serde_json::Value;

/// Table of routes that name none: main.
const MAIN: u64 = 254;

/// The difference without the interfaces and routes that already are as wished.
pub(crate) fn without_what_holds(mut diff: Value, current: &Value) -> Value {
    if let Some(Value::Array(interfaces)) = diff.get_mut("interfaces") {
        interfaces.retain(|wish| !interface_holds(wish, &current["interfaces"]));
    }
    if let Some(Value::Array(routes)) = diff.pointer_mut("/routes/config") {
        routes.retain(|wish| !route_holds(wish, &current["routes"]["config"]));
        if routes.is_empty()
            && let Some(sections) = diff.as_object_mut()
        {
            sections.remove("routes");
        }
    }
    diff
}

fn interface_holds(wish: &Value, current: &Value) -> bool {
    let there = list(current).find(|there| there["name"] == wish["name"]);
    if wish["state"] == "absent" {
        // A profile may be left where no interface is; nmstate knows.
        return false;
    }
    there.is_some_and(|there| entries(wish).all(|(key, wish)| key == "type" || holds(wish, &there[key])))
}

/// Whether a value is what is wished. Maps may have more than that; nothing wished is the same as nothing there.
fn holds(wish: &Value, there: &Value) -> bool {
    match wish {
        Value::Object(map) if map.is_empty() => is_nothing(there),
        Value::Object(_) => there.is_object() && entries(wish).all(|(key, wish)| holds(wish, &there[key])),
        Value::Array(wishes) if wishes.is_empty() => is_nothing(there),
        Value::Array(wishes) => there.as_array().is_some_and(|there| {
            wishes.len() == there.len()
                && wishes
                    .iter()
                    .all(|wish| there.iter().any(|there| holds(wish, there)))
        }),
        wish => wish == there,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn route_holds(wish: &Value, current: &Value) -> bool {
    let absent = wish["state"] == "absent";
    let table = |route: &Value| {
        route["table-id"]
            .as_u64()
            .filter(|table| *table != 0)
            .unwrap_or(MAIN)
    };
    let there = list(current).any(|route| {
        entries(wish)
            .filter(|(key, _)| *key != "state" && *key != "table-id")
            .all(|(key, wish)| *wish == route[key])
            // An absent route without a table is meant in every one.
            && ((absent && wish["table-id"].is_null()) || table(wish) == table(route))
    });
    there != absent
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bridge(port: &Value) -> Value {
        json!({"interfaces": [{"name": "br1", "type": "linux-bridge", "state": "up", "bridge": {"port": [port]}}]})
    }

    #[test]
    fn case_43_a_port_without_filtering_is_as_wished() {
        let reported = bridge(&json!({"name": "e2", "stp-priority": 32}));
        let wish = bridge(&json!({"name": "e2", "vlan": {}}));
        assert_eq!(
            without_what_holds(wish.clone(), &reported),
            json!({"interfaces": []})
        );
        let filtered = bridge(&json!({"name": "e2", "vlan": {"mode": "trunk"}}));
        assert_eq!(
            without_what_holds(wish.clone(), &filtered),
            wish,
            "that means filtering off"
        );
        let other = bridge(&json!({"name": "e3", "vlan": {}}));
        assert_eq!(without_what_holds(other.clone(), &reported), other);
    }

    #[test]
    fn what_differs_or_is_not_reported_stays() {
        let current = json!({"interfaces": [
            {"name": "e1", "type": "veth", "state": "up", "mtu": 1500, "ipv4": {"enabled": true, "address": [
                {"ip": "192.0.2.1", "prefix-length": 24},
                {"ip": "192.0.2.2", "prefix-length": 24},
            ]}},
        ]});
        let stays = |wish: Value| {
            let diff = json!({"interfaces": [wish]});
            without_what_holds(diff.clone(), &current) == diff
        };
        assert!(stays(json!({"name": "e1", "mtu": 1400})));
        assert!(stays(json!({"name": "e1", "lldp": {"enabled": true}})));
        assert!(stays(json!({"name": "e1", "state": "absent"})));
        assert!(stays(json!({"name": "e2", "state": "up"})));
        assert!(stays(
            json!({"name": "e1", "ipv4": {"address": [{"ip": "192.0.2.1", "prefix-length": 24}]}})
        ));
        assert!(stays(json!({"name": "e1", "ipv4": {"address": []}})));
        assert!(!stays(
            json!({"name": "e1", "type": "ethernet", "state": "up", "mtu": 1500})
        ));
        assert!(!stays(json!({"name": "e1", "ipv4": {"address": [
            {"ip": "192.0.2.2", "prefix-length": 24}, {"ip": "192.0.2.1", "prefix-length": 24},
        ]}})));
    }

    #[test]
    fn routes_that_are_there_or_gone_as_wished_hold() {
        let current = json!({"routes": {"config": [{
            "destination": "198.51.100.0/24", "next-hop-interface": "e1",
            "next-hop-address": "192.0.2.254", "table-id": 254, "metric": 100,
        }]}});
        let holds = |wish: Value| {
            let diff = json!({"interfaces": [], "routes": {"config": [wish]}});
            without_what_holds(diff, &current) == json!({"interfaces": []})
        };
        assert!(holds(
            json!({"destination": "198.51.100.0/24", "next-hop-interface": "e1"})
        ));
        assert!(!holds(
            json!({"destination": "198.51.100.0/24", "next-hop-interface": "e1", "metric": 5})
        ));
        assert!(!holds(
            json!({"destination": "198.51.100.0/24", "next-hop-interface": "e1", "table-id": 7})
        ));
        assert!(holds(json!({"destination": "203.0.113.0/24", "state": "absent"})));
        assert!(!holds(
            json!({"destination": "198.51.100.0/24", "state": "absent"})
        ));
        assert!(holds(
            json!({"destination": "198.51.100.0/24", "table-id": 7, "state": "absent"})
        ));
    }
}
