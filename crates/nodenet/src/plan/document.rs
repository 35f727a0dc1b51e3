//! Reading documents in nmstate's schema.
//!
//! Desired and reported networks stay JSON: our API never models that schema again. Nothing here relies on the order of
//! keys, which differs between the crates of this workspace.

pub mod leaf;

use std::fmt;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// One thing that is wrong in an object a person wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The place, e.g. `spec.desiredState.interfaces[0].mtu`.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// An object without keys, for reading what is not there.
static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

/// The object, or one without keys.
#[must_use]
pub fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or(&NOTHING)
}

/// Whether a value says nothing: null, or an object or list without content of its own.
#[must_use]
pub fn is_empty_section(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// What JSON calls a value, for messages.
#[must_use]
pub const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// The value below `path`, through objects only.
#[must_use]
pub fn at<'v>(document: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter()
        .try_fold(document, |value, key| value.get(*key))
        .filter(|value| !value.is_null())
}

/// As [`at`], to change.
pub fn at_mut<'v>(document: &'v mut Value, path: &[&str]) -> Option<&'v mut Value> {
    path.iter().try_fold(document, |value, key| value.get_mut(*key))
}

/// The list below `path`; empty when it is absent or none.
#[must_use]
pub fn list<'v>(document: &'v Value, path: &[&str]) -> &'v [Value] {
    at(document, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The list below `path`, to change.
pub fn list_mut<'v>(document: &'v mut Value, path: &[&str]) -> Option<&'v mut Vec<Value>> {
    at_mut(document, path).and_then(Value::as_array_mut)
}

/// The text of a property.
#[must_use]
pub fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// The interfaces of a document.
#[must_use]
pub fn interfaces(document: &Value) -> &[Value] {
    list(document, &["interfaces"])
}

/// The interface called `name`, of whatever type.
#[must_use]
pub fn interface<'v>(document: &'v Value, name: &str) -> Option<&'v Value> {
    interfaces(document)
        .iter()
        .find(|entry| text(entry, "name") == Some(name))
}

/// The ports of a controller, whatever its type: bond, bridge, VRF, OVS (with the ports of its bonds), HSR.
#[must_use]
pub fn ports(controller: &Value) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for path in [
        &["link-aggregation", "port"][..],
        &["link-aggregation", "ports"],
        &["vrf", "port"],
        &["vrf", "ports"],
    ] {
        found.extend(list(controller, path).iter().filter_map(Value::as_str));
    }
    for path in [
        &["link-aggregation", "ports-config"][..],
        &["bridge", "port"],
        &["bridge", "ports"],
    ] {
        for port in list(controller, path) {
            found.extend(port.as_str().or_else(|| text(port, "name")));
            for inner in [&["link-aggregation", "port"][..], &["link-aggregation", "ports"]] {
                found.extend(list(port, inner).iter().filter_map(|port| text(port, "name")));
            }
        }
    }
    for key in ["port1", "port2"] {
        found.extend(at(controller, &["hsr", key]).and_then(Value::as_str));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The controller `port` belongs to: its own word for it, or whoever lists it.
#[must_use]
pub fn controller_of<'v>(document: &'v Value, port: &str) -> Option<&'v str> {
    let own = interface(document, port)
        .and_then(|entry| text(entry, "controller"))
        .filter(|name| !name.is_empty());
    own.or_else(|| {
        interfaces(document)
            .iter()
            .find(|entry| ports(entry).contains(&port))
            .and_then(|entry| text(entry, "name"))
    })
}

/// Whether two values mean the same to nmstate, which reads numbers and booleans from strings, too.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::String(text), Value::Number(number)) | (Value::Number(number), Value::String(text)) => {
            number.to_string() == *text
        }
        (Value::String(text), Value::Bool(is)) | (Value::Bool(is), Value::String(text)) => {
            *text == if *is { "true" } else { "false" }
        }
        (a, b) => a == b,
    }
}

/// Whether `found`, as reported, is what was `wanted`: it may say more, lists may be in another order, and MAC addresses
/// in another case.
#[must_use]
pub fn covers(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .filter(|(_, value)| !value.is_null())
            .all(|(key, value)| found.get(key).is_some_and(|other| covers(other, value))),
        (Value::Array(found), Value::Array(wanted)) => {
            let mut free: Vec<&Value> = found.iter().collect();
            found.len() == wanted.len()
                && wanted.iter().all(|value| {
                    let partner = free.iter().position(|other| covers(other, value));
                    partner.map(|index| free.swap_remove(index)).is_some()
                })
        }
        (Value::String(found), Value::String(wanted)) => {
            found == wanted || (super::capture::is_mac(found) && found.eq_ignore_ascii_case(wanted))
        }
        (found, wanted) => same(found, wanted),
    }
}

/// Lays `over` upon `base`: objects are merged, everything else is replaced.
pub fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(key) {
                    Some(below) => merge(below, value),
                    None => {
                        base.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// JSON with sorted keys and without white space: equal documents have equal text.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(item, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// SHA-256 of [`canonical`], in lower-case hexadecimal.
#[must_use]
pub fn digest(value: &Value) -> String {
    let hash = Sha256::digest(canonical(value));
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        use fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_documents_have_equal_text_whatever_the_order_of_keys() {
        let a: Value = serde_json::from_str(r#"{"b": [1, {"y": 2, "x": "é\n"}], "a": null}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"a": null, "b": [1, {"x": "é\n", "y": 2}]}"#).unwrap();
        assert_eq!(canonical(&a), r#"{"a":null,"b":[1,{"x":"é\n","y":2}]}"#);
        assert_eq!(digest(&a), digest(&b));
        assert_ne!(digest(&a), digest(&json!({"a": null})));
    }

    #[test]
    fn ports_of_every_kind_of_controller_are_found() {
        let state = json!({"interfaces": [
            {"name": "bond0", "link-aggregation": {"mode": "active-backup", "port": ["eth1"]}},
            {"name": "br0", "bridge": {"port": [{"name": "eth2"}]}},
            {"name": "ovs0", "bridge": {"port": [{"name": "b", "link-aggregation": {"port": [{"name": "eth3"}]}}]}},
            {"name": "vrf0", "vrf": {"port": ["eth4"]}},
            {"name": "eth5", "controller": "br9"},
            {"name": "hsr0", "hsr": {"port1": "eth6", "port2": "eth7"}},
        ]});
        let owners =
            ["eth1", "eth2", "eth3", "eth4", "eth5", "eth6", "eth8"].map(|port| controller_of(&state, port));
        let expected = [
            Some("bond0"),
            Some("br0"),
            Some("ovs0"),
            Some("vrf0"),
            Some("br9"),
            Some("hsr0"),
            None,
        ];
        assert_eq!(owners, expected);
    }

    #[test]
    fn numbers_and_booleans_in_strings_are_the_same() {
        assert!(same(&json!({"mtu": "1400"}), &json!({"mtu": 1400})));
        assert!(same(&json!([true]), &json!(["true"])));
        assert!(!same(&json!({"mtu": 1400}), &json!({"mtu": 1400, "x": 1})));
    }
}
