//! The keys of nmstate's schema, asked of the crate itself: it says what it expected when it is given what it does not
//! know.

use std::collections::{BTreeMap, BTreeSet};

use nmstate::{
    BondInterface, DummyInterface, EthernetInterface, HsrInterface, InfiniBandInterface, IpTunnelInterface,
    IpVlanInterface, IpsecInterface, LinuxBridgeInterface, LoopbackInterface, MacSecInterface,
    MacVlanInterface, MacVtapInterface, NetworkState, OvsBridgeInterface, OvsInterface, VlanInterface,
    VrfInterface, VxlanInterface, XfrmInterface,
};
use serde_json::{Map, Value, json};

/// A key nobody has.
const STRANGE: &str = "?";

/// How deep a document can be; deeper means that the probing runs in circles.
const DEEPEST: usize = 12;

/// Fields of the crate's types that have another name in a document.
const RENAMED: [(&str, &str); 8] = [
    ("bond", "link-aggregation"),
    ("iface_type", "type"),
    ("ieee8021x", "802.1x"),
    ("ovsdb", "ovs-db"),
    ("sr_iov", "sr-iov"),
    ("mac_vlan", "mac-vlan"),
    ("mac_vtap", "mac-vtap"),
    ("ib", "infiniband"),
];

/// Fields that are not in a document.
const INTERNAL: [&str; 5] = ["base", "controller_type", "up_priority", "routes", "_other"];

/// Every type of interface with the fields of its struct, as `Debug` writes them.
fn types() -> Vec<(&'static str, String)> {
    macro_rules! fields {
        ($($name:literal: $type:ident),* $(,)?) => { vec![$(($name, format!("{:?}", $type::default()))),*] };
    }
    fields!(
        "bond": BondInterface, "dummy": DummyInterface, "ethernet": EthernetInterface, "hsr": HsrInterface,
        "infiniband": InfiniBandInterface, "ip-tunnel": IpTunnelInterface, "ipsec": IpsecInterface,
        "ipvlan": IpVlanInterface, "linux-bridge": LinuxBridgeInterface, "loopback": LoopbackInterface,
        "mac-vlan": MacVlanInterface, "mac-vtap": MacVtapInterface, "macsec": MacSecInterface,
        "ovs-bridge": OvsBridgeInterface, "ovs-interface": OvsInterface, "veth": EthernetInterface,
        "vlan": VlanInterface, "vrf": VrfInterface, "vxlan": VxlanInterface, "xfrm": XfrmInterface,
    )
}

/// The whole table.
pub(super) fn table() -> Value {
    let mut top = keys_of(&|value| value).expect("a state is an object of known keys");
    assert!(top.remove("interfaces"), "a state has interfaces");
    let sections = node_of_keys(&top, &|value| value, 0);
    let by_type: BTreeMap<&str, BTreeSet<String>> = types()
        .into_iter()
        .map(|(kind, fields)| (kind, interface_keys(kind, &fields)))
        .collect();
    let common: BTreeSet<String> = by_type["dummy"].clone();
    let mut kinds = Map::new();
    for (kind, keys) in &by_type {
        assert!(keys.is_superset(&common), "{kind} lacks common keys");
        let own = keys.difference(&common).cloned().collect();
        kinds.insert(
            (*kind).to_owned(),
            node_of_keys(&own, &|value| interface(kind, value), 1),
        );
    }
    json!({
        "sections": sections,
        "interface": node_of_keys(&common, &|value| interface("dummy", value), 1),
        "types": kinds,
    })
}

/// A state of one interface of `kind` with the keys of `value` in addition.
fn interface(kind: &str, value: Value) -> Value {
    let mut entry = json!({"name": "probe", "type": kind});
    if let (Value::Object(entry), Value::Object(more)) = (&mut entry, value) {
        entry.extend(more);
    }
    json!({ "interfaces": [entry] })
}

/// What the crate says about a document; none if it takes it.
fn complaint(document: Value) -> Option<String> {
    serde_json::from_value::<NetworkState>(document)
        .err()
        .map(|error| error.to_string())
}

/// The known keys of an interface: its flattened struct says "unknown" without saying what it knows, so every field is
/// tried under the names it may have.
fn interface_keys(kind: &str, fields: &str) -> BTreeSet<String> {
    let knows = |key: &str| {
        let said = complaint(interface(kind, json!({ key: {} })));
        !said.is_some_and(|said| said.contains(&format!("unknown field `{key}`")))
    };
    let mut known = BTreeSet::new();
    for field in own_fields(fields) {
        let renamed = RENAMED
            .iter()
            .filter(|(name, _)| *name == field)
            .map(|(_, key)| (*key).to_owned());
        let tried = [field.clone(), field.replace('_', "-")]
            .into_iter()
            .chain(renamed);
        let accepted: Vec<String> = tried.filter(|key| knows(key)).collect();
        assert!(
            !accepted.is_empty() || INTERNAL.contains(&field.as_str()),
            "{kind} has a field {field} in no form we know: add its key to RENAMED, or the field to INTERNAL"
        );
        known.extend(accepted);
    }
    assert!(!knows(STRANGE), "{kind} takes any key");
    known
}

/// Names of the fields of a struct and of the `base` in it, out of `Name { field: value, base: Base { … } }`.
fn own_fields(debug: &str) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    let mut depth = 0_usize;
    let mut base_depth = None;
    let mut word = String::new();
    let mut after = String::new();
    for c in debug.chars() {
        match c {
            '{' | '(' | '[' => {
                depth += 1;
                if after == "base" {
                    base_depth = Some(depth);
                }
            }
            '}' | ')' | ']' => {
                if base_depth == Some(depth) {
                    base_depth = None;
                }
                depth -= 1;
            }
            ':' if depth == 1 || base_depth == Some(depth) => {
                fields.insert(word.clone());
                after.clone_from(&word);
            }
            ',' => after.clear(),
            _ => {}
        }
        if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' {
            word.push(c);
        } else {
            word.clear();
        }
    }
    fields
}

/// The keys of the object at a place, if it is one that refuses others.
fn keys_of(place: &dyn Fn(Value) -> Value) -> Option<BTreeSet<String>> {
    let said = complaint(place(json!({ STRANGE: null })))?;
    // The one type that is not derived.
    if said.contains("Unsupported section names") {
        return Some(["external_ids", "other_config"].map(str::to_owned).into());
    }
    let (_, expected) = said.split_once(&format!("unknown field `{STRANGE}`, expected "))?;
    Some(quoted(expected))
}

fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn node_of_keys(keys: &BTreeSet<String>, place: &dyn Fn(Value) -> Value, depth: usize) -> Value {
    let nodes = keys.iter().map(|key| {
        (
            key.clone(),
            node(&|value| place(json!({ key: value })), depth + 1),
        )
    });
    json!({ "keys": nodes.collect::<Map<_, _>>() })
}

/// What may stand at a place.
fn node(place: &dyn Fn(Value) -> Value, depth: usize) -> Value {
    assert!(
        depth < DEEPEST,
        "the probing runs in circles at {}",
        place(json!("~"))
    );
    let refused = |value: Value| complaint(place(value)).is_some_and(|said| said.contains("invalid type"));
    let takes_any_key =
        || complaint(place(json!({ STRANGE: "1" }))).is_none_or(|said| said.contains("missing field"));
    let samples = [json!("~"), json!([]), json!({ STRANGE: "1" }), json!(true)];
    let mut answers = samples.into_iter().map(|sample| complaint(place(sample)));
    if let Some(Some(first)) = answers.next()
        && answers.all(|other| other.as_ref() == Some(&first))
    {
        // A key that is known and may not be here, whatever its value: the crate will say why.
        return json!({});
    }
    let mut found = if let Some(keys) = keys_of(place) {
        node_of_keys(&keys, place, depth)
    } else if takes_any_key() {
        json!({ "open": true })
    } else if complaint(place(json!([]))).is_none() {
        json!({ "list": node(&|value| place(json!([value])), depth + 1) })
    } else if !refused(json!({ STRANGE: "1" })) && !is_word(place) {
        // An object with rules of its own.
        json!({})
    } else {
        scalar(place)
    };
    if refused(Value::Null) {
        found["null"] = json!(false);
    }
    found
}

/// Whether a place takes one of some words.
fn is_word(place: &dyn Fn(Value) -> Value) -> bool {
    complaint(place(json!("~"))).is_some_and(|said| said.contains("unknown variant"))
}

/// Which kinds of scalars are taken, and which words if only some are.
fn scalar(place: &dyn Fn(Value) -> Value) -> Value {
    let said = |value: Value| complaint(place(value)).unwrap_or_default();
    let kinds = [
        ("string", json!("~")),
        ("number", json!(1)),
        ("boolean", json!(true)),
    ];
    let taken: Vec<&str> = kinds
        .into_iter()
        .filter(|(_, sample)| !said(sample.clone()).contains("invalid type"))
        .map(|(kind, _)| kind)
        .collect();
    let mut node = json!({ "values": taken });
    if let Some((_, words)) = said(json!("~")).split_once("unknown variant `~`, expected ") {
        node["words"] = json!(quoted(words));
    }
    node
}
