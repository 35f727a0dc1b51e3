//! A desired state as single settings: what one policy may say and another may say otherwise (spec §17.3, §22.1).

use std::fmt;

use serde_json::{Map, Value, json};

use super::{at, interface, interfaces, list, object, text};

/// One setting of a document. `Debug` does not show the value, which may be a secret.
#[derive(Clone, PartialEq)]
pub struct Leaf {
    /// Which setting.
    pub place: Place,
    /// Its value; lists and the entries of routes and rules are whole.
    pub value: Value,
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)
    }
}

/// A document in a `Debug` text: what it sets, and not to what.
#[derive(Clone, Copy)]
pub struct Places<'a>(pub &'a Value);

impl fmt::Debug for Places<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(leaves(self.0)).finish()
    }
}

/// Which setting of a document. `Display` is the path people read: `interfaces.eth1.mtu`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A property of an interface, by keys below its entry.
    Interface(String, Vec<String>),
    /// An entry of `routes.config`: destination, next-hop-interface, next-hop-address, table-id.
    Route([String; 4]),
    /// An entry of `route-rules.config`: priority, ip-from, ip-to, family.
    Rule([String; 4]),
    /// `dns-resolver.config` as a whole.
    Dns,
    /// `hostname.config`.
    Hostname,
    /// A key of a section of `ovs-db`.
    OvsDb(String, String),
    /// An entry of `ovn.bridge-mappings` by its `localnet`.
    Ovn(String),
}

const ROUTE_KEYS: [&str; 4] = [
    "destination",
    "next-hop-interface",
    "next-hop-address",
    "table-id",
];
const RULE_KEYS: [&str; 4] = ["priority", "ip-from", "ip-to", "family"];

/// The main routing table, which a route without `table-id`, or with 0, is in.
const MAIN_TABLE: &str = "254";

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(name, path) => {
                write!(f, "interfaces.{name}")?;
                path.iter().try_for_each(|key| write!(f, ".{key}"))
            }
            Self::Route(key) => write!(f, "routes.config[{}]", named(ROUTE_KEYS, key)),
            Self::Rule(key) => write!(f, "route-rules.config[{}]", named(RULE_KEYS, key)),
            Self::Dns => f.write_str("dns-resolver.config"),
            Self::Hostname => f.write_str("hostname.config"),
            Self::OvsDb(section, key) => write!(f, "ovs-db.{section}.{key}"),
            Self::Ovn(localnet) => write!(f, "ovn.bridge-mappings[{localnet}]"),
        }
    }
}

fn named(keys: [&str; 4], values: &[String; 4]) -> String {
    let given = keys.iter().zip(values).filter(|(_, value)| !value.is_empty());
    given
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}

impl Place {
    /// The interface it is a property of.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        match self {
            Self::Interface(name, _) => Some(name),
            _ => None,
        }
    }

    /// Whether it is the `state` of an interface.
    #[must_use]
    pub fn is_state(&self) -> bool {
        matches!(self, Self::Interface(_, path) if path.as_slice() == ["state"])
    }

    /// What `document` says there; for a route or a rule the entry with the same key.
    #[must_use]
    pub fn value<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Interface(name, path) => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                at(interface(document, name)?, &path)
            }
            Self::Route(key) => list(document, &["routes", "config"])
                .iter()
                .find(|entry| route_key(entry) == *key),
            Self::Rule(key) => list(document, &["route-rules", "config"])
                .iter()
                .find(|entry| rule_key(entry) == *key),
            Self::Dns => at(document, &["dns-resolver", "config"]),
            Self::Hostname => at(document, &["hostname", "config"]),
            Self::OvsDb(section, key) => at(document, &["ovs-db", section, key]),
            Self::Ovn(localnet) => mappings(document)
                .iter()
                .find(|entry| text(entry, "localnet") == Some(localnet)),
        }
    }
}

/// Text of a key's part; empty for what is not given.
fn part(entry: &Value, key: &str) -> String {
    match entry.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn route_key(entry: &Value) -> [String; 4] {
    let [destination, interface, address, table] = ROUTE_KEYS.map(|key| part(entry, key));
    let table = match table.as_str() {
        // A wildcard of an absent route stays one.
        "" | "0" if !is_absent(entry) => MAIN_TABLE.to_owned(),
        _ => table,
    };
    [destination, interface, address, table]
}

fn rule_key(entry: &Value) -> [String; 4] {
    RULE_KEYS.map(|key| part(entry, key))
}

/// Whether an entry says what is not to be.
#[must_use]
pub fn is_absent(entry: &Value) -> bool {
    text(entry, "state") == Some("absent")
}

/// Whether the absent `entry` of routes or rules, in which what is not given means anything, covers `other`.
#[must_use]
pub fn wipes(entry: &Value, other: &Value) -> bool {
    is_absent(entry)
        && !is_absent(other)
        && object(entry)
            .iter()
            .filter(|(key, value)| key.as_str() != "state" && !value.is_null())
            .all(|(key, value)| {
                let found = part(other, key);
                let found = if key == "table-id" && found.is_empty() {
                    MAIN_TABLE.to_owned()
                } else {
                    found
                };
                found == part(&json!({ key: value }), key)
            })
}

fn mappings(document: &Value) -> &[Value] {
    list(document, &["ovn", "bridge-mappings"])
}

/// All settings of a document, sorted. What is only reported (`running`), and entries without a name, have none.
#[must_use]
pub fn leaves(document: &Value) -> Vec<Leaf> {
    let mut found = Vec::new();
    for entry in interfaces(document) {
        let Some(name) = text(entry, "name") else { continue };
        for (key, value) in object(entry)
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "name" | "type"))
        {
            descend(name, &mut vec![key.clone()], value, &mut found);
        }
        if entry.get("state").is_none_or(Value::is_null) {
            let place = Place::Interface(name.to_owned(), vec!["state".to_owned()]);
            found.push(Leaf {
                place,
                value: json!("up"),
            });
        }
    }
    let whole = |place: Place, value: &Value| Leaf {
        place,
        value: value.clone(),
    };
    let routes = list(document, &["routes", "config"]).iter();
    found.extend(routes.map(|entry| whole(Place::Route(route_key(entry)), entry)));
    let rules = list(document, &["route-rules", "config"]).iter();
    found.extend(rules.map(|entry| whole(Place::Rule(rule_key(entry)), entry)));
    found.extend(at(document, &["dns-resolver", "config"]).map(|value| whole(Place::Dns, value)));
    found.extend(at(document, &["hostname", "config"]).map(|value| whole(Place::Hostname, value)));
    for (section, keys) in document.get("ovs-db").into_iter().flat_map(object) {
        for (key, value) in object(keys) {
            found.push(whole(Place::OvsDb(section.clone(), key.clone()), value));
        }
    }
    for entry in mappings(document) {
        found.push(whole(Place::Ovn(part(entry, "localnet")), entry));
    }
    found.sort_by(|a, b| a.place.cmp(&b.place));
    found
}

fn descend(name: &str, path: &mut Vec<String>, value: &Value, found: &mut Vec<Leaf>) {
    match value {
        Value::Null => {}
        Value::Object(object) if !object.is_empty() => {
            for (key, below) in object {
                path.push(key.clone());
                descend(name, path, below, found);
                path.pop();
            }
        }
        _ => found.push(Leaf {
            place: Place::Interface(name.to_owned(), path.clone()),
            value: value.clone(),
        }),
    }
}

/// Puts settings together to a document; `types` are those of the interfaces by name, where known.
#[must_use]
pub fn assemble<'l>(
    leaves: impl IntoIterator<Item = &'l Leaf>,
    types: &dyn Fn(&str) -> Option<String>,
) -> Value {
    let mut document = Value::Object(Map::new());
    for Leaf { place, value } in leaves {
        match place {
            Place::Interface(name, path) => put(entry(&mut document, name, types), path, value),
            Place::Route(_) => push(&mut document, "routes", "config", value),
            Place::Rule(_) => push(&mut document, "route-rules", "config", value),
            Place::Dns => document["dns-resolver"] = json!({ "config": value }),
            Place::Hostname => document["hostname"] = json!({ "config": value }),
            Place::OvsDb(section, key) => put(
                &mut document,
                &["ovs-db".to_owned(), section.clone(), key.clone()],
                value,
            ),
            Place::Ovn(_) => push(&mut document, "ovn", "bridge-mappings", value),
        }
    }
    document
}

fn entry<'d>(document: &'d mut Value, name: &str, types: &dyn Fn(&str) -> Option<String>) -> &'d mut Value {
    let list = &mut document["interfaces"];
    if !list.is_array() {
        *list = json!([]);
    }
    let Value::Array(list) = list else {
        unreachable!("a list was put there above")
    };
    let index = list
        .iter()
        .position(|entry| text(entry, "name") == Some(name))
        .unwrap_or_else(|| {
            let mut new = json!({ "name": name });
            if let Some(kind) = types(name) {
                new["type"] = Value::String(kind);
            }
            list.push(new);
            list.len() - 1
        });
    &mut list[index]
}

fn put(target: &mut Value, path: &[String], value: &Value) {
    let below = path.iter().fold(target, |below, key| &mut below[key.as_str()]);
    *below = value.clone();
}

fn push(document: &mut Value, section: &str, key: &str, value: &Value) {
    let list = &mut document[section][key];
    match list {
        Value::Array(list) => list.push(value.clone()),
        list => *list = json!([value]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_its_settings() {
        let document = json!({
            "interfaces": [
                {"name": "eth1", "type": "ethernet", "state": "up", "mtu": 1400, "ipv4": {"address": [], "dhcp": true}},
            ],
            "routes": {"config": [{"destination": "0.0.0.0/0", "next-hop-interface": "eth1"}], "running": [{}]},
            "route-rules": {"config": [{"ip-from": "192.0.2.0/24", "priority": 5}]},
            "dns-resolver": {"config": {"server": ["192.0.2.53"]}},
            "hostname": {"config": "n1"},
            "ovs-db": {"external_ids": {"a": "b"}},
            "ovn": {"bridge-mappings": [{"localnet": "net", "bridge": "br"}]},
        });
        let found = leaves(&document);
        let paths: Vec<String> = found.iter().map(|leaf| leaf.place.to_string()).collect();
        assert_eq!(
            paths,
            [
                "interfaces.eth1.ipv4.address",
                "interfaces.eth1.ipv4.dhcp",
                "interfaces.eth1.mtu",
                "interfaces.eth1.state",
                "routes.config[destination=0.0.0.0/0,next-hop-interface=eth1,table-id=254]",
                "route-rules.config[priority=5,ip-from=192.0.2.0/24]",
                "dns-resolver.config",
                "hostname.config",
                "ovs-db.external_ids.a",
                "ovn.bridge-mappings[net]",
            ]
        );
        let mut again = assemble(&found, &|_| Some("ethernet".to_owned()));
        again["routes"]["running"] = json!([{}]);
        assert_eq!(again, document);
        for leaf in &found {
            assert_eq!(leaf.place.value(&document), Some(&leaf.value), "{}", leaf.place);
        }
    }

    #[test]
    fn an_absent_route_wipes_what_it_does_not_contradict() {
        let route = json!({"destination": "0.0.0.0/0", "next-hop-interface": "eth1"});
        assert!(wipes(
            &json!({"state": "absent", "next-hop-interface": "eth1"}),
            &route
        ));
        assert!(wipes(&json!({"state": "absent", "table-id": 254}), &route));
        assert!(!wipes(
            &json!({"state": "absent", "next-hop-interface": "eth2"}),
            &route
        ));
        assert!(!wipes(&json!({"next-hop-interface": "eth1"}), &route));
    }
}
