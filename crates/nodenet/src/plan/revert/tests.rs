use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::plan::document::{covers, interface, merge};

fn before() -> Value {
    json!({
        "interfaces": [
            {"name": "eth1", "type": "ethernet", "state": "up", "mtu": 1500, "ipv4": {"enabled": true, "dhcp": true,
                "address": [{"ip": "192.0.2.9", "prefix-length": 24}]}},
            {"name": "veth1", "type": "veth", "state": "ignore", "mtu": 1500},
        ],
        "routes": {"config": [{"destination": "198.51.100.0/24", "next-hop-interface": "eth1", "table-id": 254}]},
        "dns-resolver": {"config": {"server": ["192.0.2.53"]}},
    })
}

fn desired() -> Value {
    json!({
        "interfaces": [
            {"name": "eth1", "type": "ethernet", "state": "up", "mtu": 9000, "description": "ours",
                "ipv4": {"enabled": true, "address": [{"ip": "192.0.2.10", "prefix-length": 24}]}},
            {"name": "br0", "type": "linux-bridge", "state": "up", "bridge": {"port": [{"name": "veth1"}]}},
            {"name": "veth1", "type": "veth", "state": "up"},
        ],
        "routes": {"config": [
            {"destination": "203.0.113.0/24", "next-hop-interface": "eth1"},
            {"destination": "203.0.113.128/25", "next-hop-interface": "br0"},
            {"state": "absent", "destination": "198.51.100.0/24", "next-hop-interface": "eth1", "table-id": 254},
        ]},
        "dns-resolver": {"config": {"server": ["192.0.2.54"]}},
    })
}

/// The node after the policy.
fn applied() -> Value {
    json!({
        "interfaces": [
            {"name": "eth1", "type": "ethernet", "state": "up", "mtu": 9000, "description": "ours",
                "ipv4": {"enabled": true, "dhcp": true, "address": [{"ip": "192.0.2.10", "prefix-length": 24}]}},
            {"name": "br0", "type": "linux-bridge", "state": "up", "bridge": {"port": [{"name": "veth1"}]}},
            {"name": "veth1", "type": "veth", "state": "up", "mtu": 1500},
        ],
        "routes": {"config": [
            {"destination": "203.0.113.0/24", "next-hop-interface": "eth1", "table-id": 254, "metric": 100},
            {"destination": "203.0.113.128/25", "next-hop-interface": "br0", "table-id": 254},
        ]},
        "dns-resolver": {"config": {"server": ["192.0.2.54"]}},
    })
}

fn taken_back(current: &Value) -> Restore {
    restore(&Record::of(&desired(), &before()), current, &|_| false)
}

#[test]
fn every_setting_goes_back_to_what_it_was() {
    let back = taken_back(&applied());
    assert_eq!(back.left, []);
    assert_eq!(
        back.document,
        json!({
            "interfaces": [
                {"name": "br0", "type": "linux-bridge", "state": "absent"},
                {"name": "eth1", "type": "ethernet", "description": "", "mtu": 1500,
                    "ipv4": {"address": [{"ip": "192.0.2.9", "prefix-length": 24}]}},
                {"name": "veth1", "type": "veth", "state": "absent"},
            ],
            // The route over the bridge goes with it.
            "routes": {"config": [
                {"destination": "198.51.100.0/24", "next-hop-interface": "eth1", "table-id": 254},
                {"destination": "203.0.113.0/24", "next-hop-interface": "eth1", "state": "absent"},
            ]},
            "dns-resolver": {"config": {"server": ["192.0.2.53"]}},
        })
    );
}

#[test]
fn what_somebody_changed_since_stays() {
    let mut current = applied();
    current["interfaces"][0]["mtu"] = json!(1400);
    current["dns-resolver"]["config"]["server"] = json!(["192.0.2.99"]);
    current["interfaces"][1]["type"] = json!("ovs-bridge");
    let back = taken_back(&current);
    let eth1 = interface(&back.document, "eth1").unwrap();
    assert!(eth1.get("mtu").is_none() && back.document.get("dns-resolver").is_none());
    assert!(interface(&back.document, "br0").is_none());
    let paths: Vec<&str> = back.left.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        ["interfaces.br0", "interfaces.eth1.mtu", "dns-resolver.config"]
    );
}

#[test]
fn what_another_policy_sets_stays() {
    let record = Record::of(&desired(), &before());
    let back = restore(&record, &applied(), &|place| {
        place.to_string() == "interfaces.eth1.mtu"
    });
    assert!(interface(&back.document, "eth1").unwrap().get("mtu").is_none());
    assert_eq!(
        back.left,
        [(
            "interfaces.eth1.mtu".to_owned(),
            "another policy sets it".to_owned()
        )]
    );
}

#[test]
fn a_later_apply_keeps_the_values_from_before_the_first() {
    let mut record = Record::of(&desired(), &before());
    let mut second = desired();
    second["interfaces"][0]["mtu"] = json!(8000);
    second["interfaces"][0]["ipv6"] = json!({"enabled": false});
    let mut between = applied();
    between["interfaces"][0]["ipv6"] = json!({"enabled": true});
    record.extend(&second, &between);
    let mut after = between;
    after["interfaces"][0]["mtu"] = json!(8000);
    after["interfaces"][0]["ipv6"]["enabled"] = json!(false);
    let back = restore(&record, &after, &|_| false);
    let eth1 = interface(&back.document, "eth1").unwrap();
    assert_eq!(
        (&eth1["mtu"], &eth1["ipv6"]["enabled"]),
        (&json!(1500), &json!(true))
    );
    assert_eq!(interface(&back.document, "br0").unwrap()["state"], "absent");
}

#[test]
fn a_hidden_secret_is_not_written_back() {
    let secret = |value: &str| json!({"interfaces": [{"name": "eth1", "type": "ethernet", "state": "up", "802.1x": {"password": value}}]});
    let hidden = secret(crate::plan::desired::MASK);
    let back = restore(&Record::of(&secret("new"), &hidden), &hidden, &|_| false);
    assert_eq!(back.left[0].1, "the value before is a secret that was not read");
    assert!(back.is_empty(), "{}", back.document);
}

#[test]
fn addresses_that_come_by_themselves_are_neither_missed_nor_written_back() {
    let leased = json!({"ip": "192.0.2.77", "prefix-length": 24, "valid-life-time": "300sec"});
    let local = json!({"ip": "fe80::1", "prefix-length": 64});
    let with = |own: Value| {
        let mut list = vec![leased.clone(), local.clone()];
        list.extend(own.as_array().cloned().unwrap_or_default());
        json!({"interfaces": [{"name": "eth1", "type": "ethernet", "state": "up", "ipv4": {"address": list}}]})
    };
    let (old, new) = (
        json!([{"ip": "192.0.2.9", "prefix-length": 24}]),
        json!([{"ip": "192.0.2.10", "prefix-length": 24}]),
    );
    let desired = json!({"interfaces": [{"name": "eth1", "type": "ethernet", "ipv4": {"address": new}}]});
    let back = restore(&Record::of(&desired, &with(old.clone())), &with(new), &|_| false);
    assert_eq!(interface(&back.document, "eth1").unwrap()["ipv4"]["address"], old);
}

#[test]
fn an_interface_the_policy_took_away_comes_back() {
    let gone = json!({"interfaces": [{"name": "eth1", "state": "absent"}]});
    let record = Record::of(&gone, &before());
    let back = restore(&record, &json!({"interfaces": []}), &|_| false);
    assert_eq!(interface(&back.document, "eth1").unwrap()["state"], "up");
}

#[test]
fn the_record_survives_its_file_and_is_known_by_its_digest() {
    let record = Record::of(&desired(), &before());
    let text = serde_json::to_string(&record).unwrap();
    let read: Record = serde_json::from_str(&text).unwrap();
    assert_eq!((read.digest(), &read), (record.digest(), &record));
}

#[test]
fn the_crates_revert_document_is_repaired() {
    let crates = json!({
        "interfaces": [
            {"name": "br0", "type": "linux-bridge", "state": "absent"},
            {"name": "veth1", "type": "ethernet", "state": "down"},
            {"name": "v2", "type": "ethernet", "state": "up", "mtu": 1500},
        ],
        "routes": {"config": [
            {"destination": "203.0.113.0/24", "next-hop-interface": "br0", "state": "absent"},
            {"destination": "198.51.100.0/24", "next-hop-interface": "eth1"},
        ]},
    });
    let before = json!({"interfaces": [
        {"name": "veth1", "type": "veth", "state": "ignore"},
        {"name": "v2", "type": "veth", "state": "up"},
    ]});
    assert_eq!(
        repair(crates, &before),
        json!({
            "interfaces": [
                {"name": "br0", "type": "linux-bridge", "state": "absent"},
                {"name": "v2", "type": "veth", "state": "up", "mtu": 1500},
            ],
            "routes": {"config": [{"destination": "198.51.100.0/24", "next-hop-interface": "eth1"}]},
        })
    );
}

proptest! {
    /// Whatever was set on an interface that was there, taking it back gives what was before.
    #[test]
    fn back_and_forth_is_where_it_began(
        old in (1u32..4, prop::collection::vec(1u8..4, 0..3), any::<bool>()),
        new in (prop::option::of(1u32..4), prop::option::of(prop::collection::vec(1u8..4, 0..3)), prop::option::of(any::<bool>())),
    ) {
        let (mtu, addresses, dhcp) = old;
        let before = json!({"interfaces": [{"name": "eth1", "type": "ethernet", "state": "up", "mtu": mtu,
            "ipv4": {"dhcp": dhcp, "address": addresses}}]});
        let mut desired = json!({"interfaces": [{"name": "eth1", "type": "ethernet", "state": "up"}]});
        let entry = &mut desired["interfaces"][0];
        if let Some(mtu) = new.0 { entry["mtu"] = json!(mtu); }
        if let Some(addresses) = new.1 { entry["ipv4"]["address"] = json!(addresses); }
        if let Some(dhcp) = new.2 { entry["ipv4"]["dhcp"] = json!(dhcp); }
        let mut after = before["interfaces"][0].clone();
        merge(&mut after, &desired["interfaces"][0]);
        let back = restore(&Record::of(&desired, &before), &json!({"interfaces": [after]}), &|_| false);
        if let Some(entry) = interface(&back.document, "eth1") {
            merge(&mut after, entry);
        }
        prop_assert!(covers(&after, &before["interfaces"][0]), "{} is not {}", after, before);
    }
}
