//! The rows of the grammar table of spec §8, and cases 15, 63 to 72.

mod check;
mod grammar;
mod random;
mod templates;

use serde_json::{Value, json};

use super::{Captures, PolicyError, Sources, States, fill};

/// A node with a default gateway over `eth1`.
fn current() -> Value {
    json!({
        "interfaces": [
            {
                "name": "eth1", "type": "ethernet", "state": "up", "mtu": 1500,
                "mac-address": "52:54:00:AA:BB:01",
                "ipv4": {
                    "enabled": true, "dhcp": false,
                    "address": [{"ip": "192.0.2.10", "prefix-length": 24}, {"ip": "192.0.2.11", "prefix-length": 24}],
                },
                "lldp": {"enabled": true, "neighbors": [[{"type": 5, "system-name": "switch1"}]]},
            },
            {
                "name": "eth1.101", "type": "vlan", "state": "up", "mtu": 1400,
                "vlan": {"base-iface": "eth1", "id": 101},
            },
            {"name": "eth2", "type": "ethernet", "state": "down", "mtu": 1500, "alt-names": [{"name": "spare"}]},
        ],
        "routes": {
            "running": [
                {"destination": "0.0.0.0/0", "next-hop-interface": "eth1", "next-hop-address": "192.0.2.1", "table-id": 254},
                {"destination": "198.51.100.0/24", "next-hop-interface": "eth1", "next-hop-address": "192.0.2.2"},
                {"destination": "203.0.113.0/24", "next-hop-interface": "eth2", "next-hop-address": "192.0.2.3"},
            ],
            "config": [{"destination": "198.51.100.0/24", "next-hop-interface": "eth1"}],
        },
        "route-rules": {"config": [{"ip-from": "192.0.2.0/24", "route-table": 500, "priority": 1000}]},
        "dns-resolver": {"running": {"server": ["192.0.2.53"]}, "config": {}},
    })
}

fn evaluate(captures: &[(&str, &str)]) -> Result<States, PolicyError> {
    match Captures::parse(captures.iter().copied()) {
        Ok(captures) => captures.evaluate(&current(), States::new()),
        Err(mut errors) => Err(errors.remove(0).1),
    }
}

/// Names of the interfaces one expression keeps.
fn kept(expression: &str) -> Result<Vec<String>, String> {
    let states = evaluate(&[("x", expression)]).map_err(|error| error.message().to_owned())?;
    Ok(names(&states["x"]))
}

fn names(state: &Value) -> Vec<String> {
    let list = state["interfaces"].as_array().expect("a state has interfaces");
    list.iter()
        .map(|entry| {
            entry["name"]
                .as_str()
                .expect("an interface has a name")
                .to_owned()
        })
        .collect()
}

fn render(captures: &[(&str, &str)], desired: &Value) -> Result<Value, PolicyError> {
    let states = evaluate(captures)?;
    fill(
        desired,
        &Sources {
            captures: Some(&states),
            ..Sources::default()
        },
    )
}
