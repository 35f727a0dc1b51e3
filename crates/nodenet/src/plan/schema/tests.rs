use serde_json::{Value, json};

use super::*;

fn problems(document: &Value) -> Vec<String> {
    check(document)
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn what_nmstate_takes_passes() {
    let document = json!({
        "description": "x",
        "hostname": {"config": "n1"},
        "dns-resolver": {"config": {"server": ["192.0.2.53"], "search": [], "options": ["rotate"]}},
        "routes": {"config": [{"destination": "0.0.0.0/0", "next-hop-interface": "eth1", "metric": "7", "state": "absent"}]},
        "route-rules": {"config": [{"ip-from": "192.0.2.0/24", "priority": 5, "route-table": 500}]},
        "ovs-db": {"external_ids": {"any": "key"}},
        "ovn": {"bridge-mappings": [{"localnet": "a", "bridge": "b", "state": "present"}]},
        "interfaces": [
            {"name": "eth1", "type": "ethernet", "state": "up", "mtu": "1400", "ipv4": {"enabled": "yes", "dhcp": true,
                "address": [{"ip": "192.0.2.1", "prefix-length": 24}]}, "802.1x": {"password": "x", "anything": 1},
                "ethernet": {"sr-iov": {"total-vfs": 2, "vfs": [{"id": 0, "spoof-check": true}]}}},
            {"name": "bond0", "type": "bond", "link-aggregation": {"mode": "active-backup", "port": ["eth1"],
                "options": {"miimon": "100"}}},
            {"name": "br0", "type": "linux-bridge", "bridge": {"options": {"stp": {"enabled": false}}, "port": [
                {"name": "eth1", "vlan": {"mode": "trunk", "trunk-tags": [{"id-range": {"min": 2, "max": 4094}}]}}]}},
            {"name": "eth1.7", "type": "vlan", "vlan": {"base-iface": "eth1", "id": 7}},
            {"name": "x", "type": "type-of-the-future", "whatever": 1},
            {"name": "gone", "state": "absent", "leftover": 1},
        ],
    });
    assert_eq!(problems(&document), Vec::<String>::new());
}

#[test]
fn case_14_an_unknown_section_is_named() {
    let found = problems(&json!({"interfacez": []}));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("spec.desiredState.interfacez: unknown field `interfacez` in a state"),
        "{found:?}"
    );
}

#[test]
fn case_33_an_unknown_key_of_an_interface_is_named_with_what_may_be_meant() {
    let found = problems(&json!({"interfaces": [
        {"name": "eth1", "type": "ethernet", "ipv4": {"enable": true}},
        {"name": "eth1.7", "type": "vlan", "vlan": {"base-iface": "eth1", "id": 7}, "link-aggregation": {}},
        {"name": "eth2", "mtuu": 1400, "bridge": {}},
    ]}));
    assert_eq!(
        found,
        [
            "spec.desiredState.interfaces[0].ipv4.enable: unknown field `enable` in ipv4; did you mean enabled?",
            &format!(
                "{}{}",
                "spec.desiredState.interfaces[1].link-aggregation: unknown field `link-aggregation` in an \
             interface of type vlan; known are ",
                found[1].split_once("known are ").map_or("", |(_, known)| known)
            ),
            "spec.desiredState.interfaces[2].mtuu: unknown field `mtuu` in an interface; did you mean mtu?",
        ]
    );
}

#[test]
fn values_of_a_wrong_kind_are_named() {
    let found = problems(&json!({
        "interfaces": [{"name": "eth1", "type": "ethernet", "mtu": {}, "state": 7, "ipv4": {"address": "192.0.2.1"}}],
        "routes": [],
    }));
    let expected = [
        "spec.desiredState.interfaces[0].ipv4.address: must be a list, not string",
        "spec.desiredState.interfaces[0].mtu: must be a string or a number, not object",
        "spec.desiredState.interfaces[0].state: must be a string, not number",
        "spec.desiredState.routes: must be an object, not list",
    ];
    let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn what_a_reference_will_become_is_not_judged() {
    let document = json!({
        "interfaces": [
            {"name": "br1", "type": "linux-bridge", "ipv4": "{{ capture.base.interfaces.0.ipv4 }}"},
            {"mtu": "{{ capture.base.interfaces.0.mtu }}", "type": "ethernet"},
        ],
        "routes": {"config": "{{ capture.moved.routes.running }}"},
    });
    assert_eq!(problems(&document), Vec::<String>::new());
    assert_eq!(problems(&json!({"interfaces": null})), Vec::<String>::new());
    assert_eq!(
        problems(&json!({"routes": {"config": "{ not a reference }"}})).len(),
        1
    );
}
