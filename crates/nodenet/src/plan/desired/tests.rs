use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::plan::capture::{Sources, fill};

fn bridge(ports: &Value) -> Value {
    json!({"interfaces": [{"name": "br1", "type": "linux-bridge", "state": "up", "bridge": {"port": ports}}]})
}

fn port(document: &Value, index: usize) -> &Value {
    &document["interfaces"][0]["bridge"]["port"][index]
}

fn trunk() -> Value {
    json!({"mode": "trunk", "trunk-tags": [{"id-range": {"min": 2, "max": 4094}}]})
}

#[test]
fn case_25_a_port_without_vlan_becomes_a_trunk() {
    let done = complete(bridge(&json!([{"name": "eth1"}])), Defaults::default());
    assert_eq!(port(&done, 0), &json!({"name": "eth1", "vlan": trunk()}));
}

#[test]
fn case_26_an_empty_vlan_is_a_word_on_it() {
    let done = complete(
        bridge(&json!([{"name": "eth1", "vlan": {}}, {"name": "eth2"}])),
        Defaults::default(),
    );
    assert_eq!(port(&done, 0)["vlan"], json!({}));
    assert_eq!(port(&done, 1)["vlan"], trunk());
}

#[test]
fn case_27_a_bridge_without_state_is_up() {
    let mut document = bridge(&json!([{"name": "eth1"}]));
    document["interfaces"][0].as_object_mut().unwrap().remove("state");
    let done = complete(document, Defaults::default());
    assert_eq!(
        (&done["interfaces"][0]["state"], &port(&done, 0)["vlan"]),
        (&json!("up"), &trunk())
    );
}

#[test]
fn case_28_an_absent_bridge_gets_no_default() {
    for state in ["absent", "down"] {
        let mut document = bridge(&json!([{"name": "eth1"}]));
        document["interfaces"][0]["state"] = json!(state);
        assert_eq!(complete(document.clone(), Defaults::default()), document);
    }
}

#[test]
fn case_29_ports_of_an_ovs_bridge_stay() {
    let mut document = bridge(&json!([{"name": "eth1"}]));
    document["interfaces"][0]["type"] = json!("ovs-bridge");
    assert_eq!(complete(document.clone(), Defaults::default()), document);
}

#[test]
fn the_bridge_default_can_be_turned_off_in_two_places() {
    let document = bridge(&json!([{"name": "eth1"}]));
    for defaults in [Defaults::of(Some(false), None), Defaults::of(None, Some("none"))] {
        assert_eq!(complete(document.clone(), defaults), document);
    }
    assert_eq!(Defaults::of(None, Some("trunk")), Defaults::default());
}

#[test]
fn case_30_no_desired_state_is_a_no_op() {
    assert!(is_empty(&given(None)));
    assert!(is_empty(&given(Some(&Value::Null))));
}

#[test]
fn case_31_an_empty_desired_state_is_a_no_op() {
    assert!(is_empty(&given(Some(&json!({})))));
    // The seed document's `interfaces: null` is as good as nothing.
    assert!(is_empty(&given(Some(&json!({"interfaces": null})))));
    assert!(!is_empty(&given(Some(&json!({"interfaces": []})))));
}

#[test]
fn case_32_braces_in_a_description_are_literal() {
    let document = json!({"interfaces": [{"name": "eth1", "state": "up", "description": "rack {A}"}]});
    assert_eq!(
        complete(fill(&document, &Sources::default()).unwrap(), Defaults::default()),
        document
    );
}

fn secretive() -> Value {
    json!({"interfaces": [
        {"name": "eth1", "802.1x": {"identity": "me", "password": "pw-one", "private-key-password": "pw-two",
            "private-key": "/etc/key.pem"}},
        {"name": "eth2", "802.1x": {"private-key": "data:;base64,cHctdGhyZWU="}},
        {"name": "macsec0", "macsec": {"base-iface": "eth1", "mka-cak": "pw-four", "mka-ckn": "name"}},
        {"name": "vpn", "type": "ipsec", "libreswan": {"right": "192.0.2.1", "psk": "pw-five"}},
        {"name": "wg0", "wireguard": {"private-key": "pw-six", "peers": [{"public-key": "k", "preshared-key": "pw-seven"}]}},
    ]})
}

#[test]
fn case_42_every_secret_is_masked_and_nothing_else() {
    let hidden = masked(&secretive());
    let text = hidden.to_string();
    for secret in ["pw-", "cHctdGhyZWU"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(text.matches(MASK).count(), 7);
    for kept in ["/etc/key.pem", "\"me\"", "\"name\"", "192.0.2.1"] {
        assert!(text.contains(kept), "{kept}");
    }
    // Nothing appears where nothing was.
    let bare = json!({"interfaces": [{"name": "eth1", "802.1x": {"identity": "me"}}]});
    assert_eq!(masked(&bare), bare);
}

#[test]
fn case_42_errors_that_quote_the_document_are_scrubbed() {
    let error = "Invalid argument: password 'pw-one' of pw-two, key cHc";
    assert_eq!(
        scrub(error, &secretive()),
        format!("Invalid argument: password '{MASK}' of {MASK}, key cHc")
    );
}

#[test]
fn roll_out_knobs_do_not_change_the_content() {
    let spec = json!({"desiredState": {"interfaces": []}, "maxUnavailable": 1, "nodeSelector": {"a": "b"}});
    let other = json!({"desiredState": {"interfaces": []}, "maxUnavailable": "50%", "probes": {"timeoutSeconds": 5},
        "capture": {}, "onDelete": "Revert", "nodeSelector": {"a": "b"}});
    assert_eq!(content_digest(&spec), content_digest(&other));
    assert!(same_but_knobs(&spec, &other));
    let moved = json!({"desiredState": {"interfaces": []}, "nodeSelector": {"a": "c"}});
    assert_eq!(content_digest(&spec), content_digest(&moved));
    assert!(!same_but_knobs(&spec, &moved));
    let changed = json!({"desiredState": {"interfaces": [{}]}});
    assert_ne!(content_digest(&spec), content_digest(&changed));
}

#[test]
fn foreign_static_addresses_are_merged() {
    let current = json!({"interfaces": [{"name": "eth1", "ipv4": {"enabled": true, "address": [
        {"ip": "192.0.2.10", "prefix-length": 24},
        {"ip": "192.0.2.11", "prefix-length": 24},
        {"ip": "192.0.2.50", "prefix-length": 32},
        {"ip": "192.0.2.60", "prefix-length": 24, "valid-life-time": "120sec"},
    ]}, "ipv6": {"enabled": true, "address": [{"ip": "fe80::1", "prefix-length": 64}]}}]});
    let mut ours = Ours::new();
    let before = json!({"interfaces": [{"name": "eth1", "ipv4": {"address": [{"ip": "192.0.2.11", "prefix-length": 24}]}}]});
    remember_addresses(&mut ours, &before);
    let mut desired = json!({"interfaces": [{"name": "eth1",
        "ipv4": {"enabled": true, "address": [{"ip": "192.0.2.10", "prefix-length": 24}]},
        "ipv6": {"enabled": true, "address": []}}, {"name": "eth2", "ipv4": {"address": []}}]});
    merge_addresses(&mut desired, &current, &ours);
    let ips: BTreeSet<&str> = desired["interfaces"][0]["ipv4"]["address"]
        .as_array()
        .unwrap()
        .iter()
        .map(|address| address["ip"].as_str().unwrap())
        .collect();
    // The second was a policy's and goes; the third is somebody's and stays.
    assert_eq!(ips, BTreeSet::from(["192.0.2.10", "192.0.2.50"]));
    assert_eq!(desired["interfaces"][0]["ipv6"]["address"], json!([]));
}
