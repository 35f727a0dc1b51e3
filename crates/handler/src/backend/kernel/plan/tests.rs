//! Documents in, documents of nispor out: also for kinds of links that the kernel of the machine may lack.

use serde_json::{Value, json};

use super::kernel::{make, new_link};
use super::{Allowance, Class, document, inverse, port, steps, target};
use crate::backend::kernel::net::{Address, Kind, Net, Target, Vlans};

/// A node with three cards.
fn node() -> Net {
    let mut net = Net::default();
    for (number, name) in ["e1", "e2", "e3"].into_iter().enumerate() {
        let mut link = new_link(Kind::Ethernet, &format!("02:00:00:00:00:0{number}"));
        link.up = true;
        net.links.insert(name.to_owned(), link);
    }
    net.addresses
        .push(Address::new("e1", "192.0.2.5".parse().unwrap(), 24));
    net
}

fn planned(delta: &Value, net: &Net) -> Target {
    target(delta, delta, net, Allowance::default()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn refusals(delta: &Value) -> (Vec<String>, Option<Class>) {
    let problems = target(delta, delta, &node(), Allowance::default()).unwrap_err();
    (
        problems.iter().map(|problem| problem.path.clone()).collect(),
        problems.class(),
    )
}

/// The steps as people read them, and their documents.
fn told(delta: &Value, net: &Net) -> (Vec<String>, Vec<Value>) {
    let todo = steps(&planned(delta, net), net);
    let documents = todo
        .iter()
        .filter_map(document)
        .map(|document| filled(&json!(document)))
        .collect();
    (todo.iter().map(ToString::to_string).collect(), documents)
}

/// Without what says nothing.
fn filled(value: &Value) -> Value {
    let empty =
        |value: &Value| matches!(value, Value::Null) || value == &json!([]) || value == &json!("unknown");
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !empty(value))
            .map(|(key, value)| (key.clone(), filled(value)))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn a_bond_with_options_and_a_vlan_on_it() {
    let delta = json!({"interfaces": [
        {"name": "bond0", "type": "bond", "state": "up", "mtu": 9000, "link-aggregation": {
            "mode": "802.3ad",
            "options": {"miimon": 140, "lacp_rate": "fast", "xmit_hash_policy": "layer3+4", "all_slaves_active": "delivered",
                        "arp_ip_target": "", "ad_select": "bandwidth", "num_grat_arp": 3},
            "port": ["e1", "e2"],
            "ports-config": [{"name": "e2", "queue-id": 5, "priority": 9}],
        }},
        {"name": "bond0.7", "type": "vlan", "state": "up", "vlan": {
            "id": 7, "base-iface": "bond0", "protocol": "802.1q", "registration-protocol": "gvrp",
            "reorder-headers": false, "egress-qos-map": [{"from": 1, "to": 2}],
        }, "ipv4": {"enabled": true, "address": [{"ip": "198.51.100.1", "prefix-length": 24}]}},
    ]});
    let (words, documents) = told(&delta, &node());
    assert_eq!(
        words,
        [
            "remove address 192.0.2.5/24 from e1",
            "create bond bond0",
            "create vlan bond0.7",
            "attach e1 to bond0",
            "attach e2 to bond0",
            "configure port e2",
            "switch bond0 on",
            "switch bond0.7 on",
            "add address 198.51.100.1/24 to bond0.7",
        ]
    );
    assert_eq!(
        documents[0],
        json!({"name": "bond0", "type": "bond", "mtu": 9000, "bond": {
            "mode": "802.3ad", "miimon": 140, "lacp-rate": "fast", "xmit-hash-policy": "layer3+4",
            "all-ports-active": "delivered", "ad-select": "bandwidth", "num-unsol-na": 3,
        }})
    );
    assert_eq!(
        documents[1],
        json!({"name": "bond0.7", "type": "vlan", "vlan": {
            "vlan-id": 7, "base-iface": "bond0", "protocol": "802.1q", "is-gvrp": true, "is-mvrp": false,
            "is-reorder-hdr": false, "egress-qos-map": [{"from": 1, "to": 2}],
        }})
    );
    assert_eq!(
        documents[2],
        json!({"name": "e1", "state": "up", "controller": "bond0"})
    );
    assert_eq!(
        documents[4],
        json!({"name": "e2", "bond-port": {"queue-id": 5, "prio": 9}})
    );
}

#[test]
fn every_mode_of_a_bond_is_known() {
    for mode in [
        "balance-rr",
        "active-backup",
        "balance-xor",
        "broadcast",
        "802.3ad",
        "balance-tlb",
        "balance-alb",
    ] {
        let delta = json!({"interfaces": [{"name": "b", "type": "bond", "state": "up", "link-aggregation": {"mode": mode}}]});
        let (_, documents) = told(&delta, &node());
        assert_eq!(documents[0]["bond"]["mode"], mode);
    }
}

#[test]
fn a_bond_with_another_mode_is_made_anew_and_keeps_its_ports() {
    let mode = |mode: &str| {
        json!({"interfaces": [{"name": "b", "type": "bond", "state": "up", "link-aggregation": {
            "mode": mode, "port": ["e2", "e3"]}}]})
    };
    let mut net = node();
    for step in steps(&planned(&mode("active-backup"), &net), &net.clone()) {
        make(&step, &mut net);
    }
    let before = net.clone();
    let change = planned(&mode("balance-xor"), &net);
    let words: Vec<String> = steps(&change, &net).iter().map(ToString::to_string).collect();
    assert_eq!(
        words[..4],
        ["delete b", "create bond b", "attach e2 to b", "attach e3 to b"]
    );
    let back = inverse(&change, &before).unwrap();
    for _ in 0..3 {
        for step in steps(&change, &net.clone()) {
            make(&step, &mut net);
        }
    }
    assert_eq!(net.links["e2"].controller.as_deref(), Some("b"));
    for _ in 0..3 {
        for step in steps(&back, &net.clone()) {
            make(&step, &mut net);
        }
    }
    assert_eq!(net, before);
}

#[test]
fn a_vrf_takes_its_ports_with_their_addresses() {
    let delta = json!({
        "interfaces": [{"name": "red", "type": "vrf", "state": "up", "vrf": {"route-table-id": 100, "port": ["e1"]}}],
        "routes": {"config": [
            {"destination": "0.0.0.0/0", "next-hop-interface": "e1", "next-hop-address": "192.0.2.1", "vrf-name": "red"},
        ]},
    });
    let (words, documents) = told(&delta, &node());
    assert_eq!(
        words,
        [
            "create vrf red",
            "attach e1 to red",
            "switch red on",
            "add route 0.0.0.0/0 via 192.0.2.1 dev e1 table 100"
        ]
    );
    assert_eq!(
        documents[0],
        json!({"name": "red", "type": "vrf", "vrf": {"table-id": 100}})
    );
}

#[test]
fn a_bridge_that_filters_vlans() {
    let delta = json!({"interfaces": [{"name": "br", "type": "linux-bridge", "state": "up", "bridge": {
        "options": {"stp": {"enabled": true, "hello-time": 3}, "multicast-router": "enabled", "group-addr": "01:80:C2:00:00:0E",
                    "vlan-protocol": "802.1ad", "mac-ageing-time": 400, "multicast-snooping": false, "group-forward-mask": 8},
        "port": [
            {"name": "e2", "stp-hairpin-mode": true, "stp-priority": 12,
             "vlan": {"mode": "trunk", "trunk-tags": [{"id-range": {"min": 2, "max": 4094}}]}},
            {"name": "e3", "vlan": {"mode": "access", "tag": 305}},
        ],
    }}]});
    let (words, documents) = told(&delta, &node());
    assert_eq!(
        words,
        [
            "create linux-bridge br",
            "attach e2 to br",
            "attach e3 to br",
            "configure port e2",
            "configure port e3",
            "switch br on",
        ]
    );
    assert_eq!(
        documents[0]["bridge"],
        json!({
            "stp-state": "kernel-stp", "hello-time": 300, "mcast-router": "perm",
            "group-address": [1, 128, 194, 0, 0, 14], "vlan-protocol": "802.1ad", "ageing-time": 40000,
            "mcast-snooping": false, "group-fwd-mask": 8, "vlan-filtering": true,
        })
    );
    assert_eq!(
        documents[3]["bridge-port"]["vlans"],
        json!([
            {"vid": 1, "is-pvid": true, "is-egress-untagged": true},
            {"vid-range": [2, 4094], "is-pvid": false, "is-egress-untagged": false},
        ])
    );
    assert_eq!(documents[3]["bridge-port"]["hairpin-mode"], true);
    assert_eq!(
        documents[4]["bridge-port"]["vlans"],
        json!([{"vid": 305, "is-pvid": true, "is-egress-untagged": true}])
    );
}

#[test]
fn vlans_of_ports_in_nmstates_words() {
    let rows = [
        (json!({"mode": "access", "tag": 7}), json!([[7, 7, true]])),
        (
            json!({"mode": "trunk", "trunk-tags": [{"id": 7}, {"id": 9}]}),
            json!([[1, 1, true], [7, 7, false], [9, 9, false]]),
        ),
        (
            json!({"mode": "trunk", "enable-native": true, "tag": 8, "trunk-tags": [{"id-range": {"min": 7, "max": 9}}]}),
            json!([[8, 8, true], [7, 7, false], [9, 9, false]]),
        ),
    ];
    for (words, expected) in rows {
        let list = port::vlans(&words, 1).unwrap();
        let list: Vec<Value> = list
            .iter()
            .map(|v: &Vlans| json!([v.first, v.last, v.pvid && v.untagged]))
            .collect();
        assert_eq!(json!(list), expected, "{words}");
    }
    for wrong in [
        json!({"mode": "access", "tag": 4095}),
        json!({"mode": "trunk", "trunk-tags": [{"id-range": {"min": 9, "max": 7}}]}),
        json!({"mode": "trunk", "trunk-tags": [{}]}),
    ] {
        assert!(port::vlans(&wrong, 1).is_err(), "{wrong}");
    }
}

#[test]
fn everything_that_is_not_done_is_named_at_once() {
    let delta = json!({
        "interfaces": [
            {"name": "e1", "type": "ethernet", "state": "up", "ipv4": {"enabled": true, "dhcp": true},
             "ipv6": {"enabled": true, "autoconf": true, "token": "::1"}, "ethtool": {"pause": {"rx": true}},
             "ethernet": {"sr-iov": {"total-vfs": 2}}, "802.1x": {"identity": "x"}, "lldp": {"enabled": true}},
            {"name": "ovs0", "type": "ovs-bridge", "state": "up"},
            {"name": "ms0", "type": "macsec", "state": "up", "macsec": {"base-iface": "e1"}},
        ],
        "dns-resolver": {"config": {"server": ["192.0.2.53"]}},
        "hostname": {"config": "other"},
        "ovs-db": {"external_ids": {"a": "b"}},
    });
    let (mut paths, class) = refusals(&delta);
    paths.sort();
    assert_eq!(
        paths,
        [
            "dns-resolver.config",
            "hostname",
            "interfaces.e1.802.1x",
            "interfaces.e1.ethernet",
            "interfaces.e1.ethtool",
            "interfaces.e1.ipv4.dhcp",
            "interfaces.e1.ipv6.autoconf",
            "interfaces.e1.ipv6.token",
            "interfaces.e1.lldp",
            "interfaces.ms0",
            "interfaces.ms0.macsec",
            "interfaces.ms0.type",
            "interfaces.ovs0",
            "interfaces.ovs0.type",
            "ovs-db",
        ]
    );
    assert_eq!(class, Some(Class::NotSupported));
}

#[test]
fn what_is_not_there_may_come() {
    for delta in [
        json!({"interfaces": [{"name": "e9", "type": "ethernet", "state": "up"}]}),
        json!({"interfaces": [{"name": "b", "type": "bond", "state": "up", "link-aggregation": {"mode": "broadcast", "port": ["e9"]}}]}),
        json!({"interfaces": [{"name": "v", "type": "vlan", "state": "up", "vlan": {"id": 1, "base-iface": "e9"}}]}),
        json!({"interfaces": [], "routes": {"config": [{"destination": "10.0.0.0/8", "next-hop-interface": "e9"}]}}),
    ] {
        let (_, class) = refusals(&delta);
        assert_eq!(class, Some(Class::NotFound), "{delta}");
    }
}

#[test]
fn a_card_is_freed_a_made_link_is_deleted() {
    let mut net = node();
    net.links
        .insert("d0".to_owned(), new_link(Kind::Dummy, "02:00:00:00:00:77"));
    let delta = json!({"interfaces": [
        {"name": "e1", "type": "ethernet", "state": "absent"}, {"name": "d0", "type": "dummy", "state": "absent"},
        {"name": "not-there", "type": "dummy", "state": "absent"},
    ]});
    let (words, _) = told(&delta, &net);
    assert_eq!(
        words,
        [
            "remove address 192.0.2.5/24 from e1",
            "delete d0",
            "switch e1 off"
        ]
    );
}

#[test]
fn what_would_be_lost_for_good_is_refused() {
    let mut net = node();
    let pair = Kind::Veth {
        peer: Some("p1".to_owned()),
    };
    net.links
        .insert("p0".to_owned(), new_link(pair, "02:00:00:00:00:10"));
    let other = Kind::Veth {
        peer: Some("p0".to_owned()),
    };
    net.links
        .insert("p1".to_owned(), new_link(other, "02:00:00:00:00:11"));
    let above = Kind::Other {
        name: "mac-vlan".to_owned(),
        base: Some("p1".to_owned()),
    };
    net.links
        .insert("mv".to_owned(), new_link(above, "02:00:00:00:00:12"));
    let gone = json!({"interfaces": [{"name": "p0", "type": "veth", "state": "absent"}]});
    let problems = inverse(&planned(&gone, &net), &net).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "interfaces.mv: deleting a link of type mac-vlan could not be undone"
    );
}
