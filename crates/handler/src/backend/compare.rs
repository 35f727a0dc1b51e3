//! Is the network as it was before?
//!
//! Compared are the interfaces a change touches, all configured routes and rules, and the name servers: what a
//! rollback must bring back (specification §9.2). What changes by itself is left out: lifetimes, timers, neighbours,
//! addresses that somebody else leases to us.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Most paths worth telling.
const MOST: usize = 20;

/// Keys whose value changes by itself.
const VOLATILE: [&str; 6] = [
    "gc-timer",
    "hello-timer",
    "preferred-life-time",
    "valid-life-time",
    "lldp",
    "permanent-mac-address",
];

/// Names of the interfaces that a change touches: those it names, and those it makes ports of something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched(BTreeSet<String>);

impl Touched {
    /// Those of a desired state.
    #[must_use]
    pub fn by(desired: &Value) -> Self {
        let mut names = BTreeSet::new();
        for interface in list(&desired["interfaces"]) {
            let pointers = [
                &interface["bridge"]["port"],
                &interface["link-aggregation"]["port"],
                &interface["vrf"]["port"],
            ];
            let ports = pointers.into_iter().flat_map(list).map(|port| {
                // A bridge names its ports in objects, bonds and VRFs in text.
                port.as_str().or_else(|| port["name"].as_str())
            });
            let peer = interface["veth"]["peer"].as_str();
            names.extend(
                ports
                    .chain([interface["name"].as_str(), peer])
                    .flatten()
                    .map(ToOwned::to_owned),
            );
        }
        Self(names)
    }

    /// These, and those of another document.
    #[must_use]
    pub fn and(mut self, desired: &Value) -> Self {
        self.0.extend(Self::by(desired).0);
        self
    }
}

/// The part of a report that must be the same before a change and after its rollback. Without secrets if the report
/// has none.
#[must_use]
pub fn touched_part(report: &Value, touched: &Touched) -> Value {
    let interfaces: BTreeMap<&str, Value> = list(&report["interfaces"])
        .filter_map(|interface| Some((interface["name"].as_str()?, interface)))
        .filter(|(name, _)| touched.0.contains(*name))
        .map(|(name, interface)| (name, settled(&as_far_as_it_counts(interface))))
        .collect();
    let sorted = |value: &Value| settled(&Value::Array(list(value).cloned().collect()));
    let mut part = Map::new();
    part.insert("interfaces".to_owned(), interfaces.into_iter().collect());
    part.insert("routes".to_owned(), sorted(&report["routes"]["config"]));
    part.insert("route-rules".to_owned(), sorted(&report["route-rules"]["config"]));
    part.insert("dns-resolver".to_owned(), name_servers(&report["dns-resolver"]));
    part.insert("hostname".to_owned(), report["hostname"]["config"].clone());
    Value::Object(part)
}

/// What a profile would say of an interface that is down means nothing to the network.
fn as_far_as_it_counts(interface: &Value) -> Value {
    if interface["state"] != "down" {
        return interface.clone();
    }
    ["name", "type", "state", "controller"]
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), interface.get(key)?.clone())))
        .collect()
}

/// Paths at which two parts made by [`touched_part`] differ, at most 20.
#[must_use]
pub fn differences(before: &Value, after: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    descend("", before, after, &mut paths);
    paths.truncate(MOST);
    paths
}

fn descend(path: &str, before: &Value, after: &Value, paths: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let value = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                let path = match path {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                descend(&path, &value(before), &value(after), paths);
            }
        }
        (before, after) if before != after => paths.push(path.to_owned()),
        _ => {}
    }
}

/// Without what changes by itself, and with lists in an order that does not depend on who wrote them.
fn settled(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !VOLATILE.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), settled(value)))
            .collect(),
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().filter(|item| !is_leased(item)).map(settled).collect();
            list.sort_by_cached_key(sort_key);
            Value::Array(list)
        }
        other => other.clone(),
    }
}

/// The text of a value, whatever the order of its map keys.
fn sort_key(value: &Value) -> String {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| format!("{key}:{}", sort_key(value)))
            .collect::<BTreeSet<String>>()
            .into_iter()
            .collect(),
        other => other.to_string(),
    }
}

/// An address that comes and goes without us: leased, autoconfigured, or made by the kernel for the link.
fn is_leased(item: &Value) -> bool {
    item["valid-life-time"].is_string()
        || item["ip"]
            .as_str()
            .is_some_and(|ip| ip.starts_with("fe80:") && item["prefix-length"] == 64)
}

/// Lists of servers keep their order: the first one is asked first.
fn name_servers(resolver: &Value) -> Value {
    let part = |of: &Value| -> Value {
        ["server", "search", "options"]
            .into_iter()
            .map(|key| {
                let value = of.get(key).filter(|value| list(value).next().is_some());
                (key.to_owned(), value.cloned().unwrap_or(Value::Null))
            })
            .collect()
    };
    ["config", "running"]
        .into_iter()
        .map(|key| (key.to_owned(), part(&resolver[key])))
        .collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report() -> Value {
        json!({
            "interfaces": [
                {"name": "e1", "state": "up", "mtu": 1500, "ipv4": {"address": [
                    {"ip": "192.0.2.1", "prefix-length": 24},
                    {"ip": "192.0.2.2", "prefix-length": 24},
                ]}, "bridge": {"options": {"gc-timer": 7}}},
                {"name": "e2", "mtu": 9000},
            ],
            "dns-resolver": {"config": {"server": ["192.0.2.53"]}, "running": {"server": ["192.0.2.53"]}},
            "routes": {"config": [{"destination": "198.51.100.0/24", "next-hop-interface": "e1"}]},
        })
    }

    fn changed(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let touched = Touched::by(&json!({"interfaces": [{"name": "e1"}]}));
        let mut after = report();
        change(&mut after);
        differences(
            &touched_part(&report(), &touched),
            &touched_part(&after, &touched),
        )
    }

    #[test]
    fn what_must_come_back_is_compared() {
        assert_eq!(
            changed(|after| after["interfaces"][0]["mtu"] = 1400.into()),
            ["interfaces.e1.mtu"]
        );
        assert_eq!(
            changed(|after| after["dns-resolver"]["running"]["server"] = json!(["203.0.113.1"])),
            ["dns-resolver.running.server"]
        );
        assert_eq!(changed(|after| after["routes"]["config"] = json!([])), ["routes"]);
        assert_eq!(
            changed(|after| {
                after["interfaces"][0]["ipv4"]["address"]
                    .as_array_mut()
                    .unwrap()
                    .pop();
            }),
            ["interfaces.e1.ipv4.address"]
        );
        let gone = changed(|after| {
            after["interfaces"].as_array_mut().unwrap().remove(0);
        });
        assert_eq!(gone, ["interfaces.e1"]);
    }

    #[test]
    fn what_changes_by_itself_is_not() {
        let none: [&str; 0] = [];
        assert_eq!(changed(|after| after["interfaces"][1]["mtu"] = 1.into()), none);
        assert_eq!(
            changed(|after| after["interfaces"][0]["bridge"]["options"]["gc-timer"] = 8.into()),
            none
        );
        assert_eq!(
            changed(|after| {
                let addresses = after["interfaces"][0]["ipv4"]["address"].as_array_mut().unwrap();
                addresses.reverse();
                addresses.push(json!({"ip": "192.0.2.9", "prefix-length": 24, "valid-life-time": "60sec"}));
                addresses.push(json!({"ip": "fe80::1", "prefix-length": 64}));
            }),
            none
        );
    }

    #[test]
    fn an_interface_that_is_down_is_just_that() {
        let touched = Touched::by(&json!({"interfaces": [{"name": "e1"}]}));
        let part = |interface: Value| touched_part(&json!({"interfaces": [interface]}), &touched);
        let before = part(json!({"name": "e1", "type": "ethernet", "state": "down"}));
        let with_profile =
            part(json!({"name": "e1", "type": "ethernet", "state": "down", "ipv4": {"dhcp": true}}));
        assert_eq!(differences(&before, &with_profile), Vec::<String>::new());
        let up = part(json!({"name": "e1", "type": "ethernet", "state": "up"}));
        assert_eq!(differences(&before, &up), ["interfaces.e1.state"]);
    }

    #[test]
    fn ports_and_peers_are_touched() {
        let desired = json!({"interfaces": [
            {"name": "br1", "bridge": {"port": [{"name": "e1"}]}},
            {"name": "bond1", "link-aggregation": {"port": ["e2", "e3"]}},
            {"name": "v0", "veth": {"peer": "v1"}},
        ]});
        let expected = ["bond1", "br1", "e1", "e2", "e3", "v0", "v1"].map(ToOwned::to_owned);
        assert_eq!(Touched::by(&desired), Touched(expected.into()));
    }
}
