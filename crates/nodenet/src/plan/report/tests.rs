use api::nmstate::operator::Report;
use serde_json::{Value, json};

use super::*;
use crate::plan::document::Problem;

fn made(state: &Value) -> Value {
    filter(state, &ReportSettings::default(), &Links::default())
}

fn settings(report: &Value) -> Result<ReportSettings, Vec<Problem>> {
    let report: Report = serde_json::from_value(report.clone()).unwrap();
    ReportSettings::of(Some(&report))
}

fn names(report: &Value) -> Vec<&str> {
    report["interfaces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect()
}

fn state() -> Value {
    json!({
        "description": "x",
        "hostname": {"running": "n1", "config": "n1"},
        "dns-resolver": {
            "running": {"server": ["192.0.2.53"], "search": null, "options": ["rotate"]},
            "config": {},
        },
        "route-rules": {"config": [{"priority": 5}]},
        "ovs-db": {"external_ids": {}},
        "ovn": {"bridge-mappings": [{"localnet": "a", "bridge": "b"}]},
        "routes": {
            "running": [
                {"destination": "0.0.0.0/0", "next-hop-interface": "eth0"},
                {"destination": "192.0.2.0/24", "next-hop-interface": "veth1"},
                {"destination": "203.0.113.0/24", "route-type": "blackhole"},
            ],
            "config": [],
        },
        "interfaces": [
            {"name": "eth0", "type": "ethernet", "state": "up", "802.1x": {"password": "pw"}, "ipv4": {"address": [
                {"ip": "192.0.2.9", "prefix-length": 24, "valid-life-time": "100sec", "preferred-life-time": "50sec"},
            ]}, "mptcp": {"address-flags": []}, "ethtool": {"feature": {}}, "lldp": {"enabled": true, "neighbors": [[]]}},
            {"name": "veth1", "type": "veth", "state": "ignore"},
            {"name": "veth2", "type": "veth", "state": "up"},
            {"name": "br0", "type": "linux-bridge", "state": "ignore",
                "bridge": {"options": {"gc-timer": 5, "hello-timer": 6, "mac-ageing-time": 300}}},
        ],
    })
}

#[test]
fn case_84_only_veths_nobody_manages_are_dropped() {
    assert_eq!(names(&made(&state())), ["eth0", "veth2", "br0"]);
}

#[test]
fn case_85_routes_follow_their_interface_and_those_without_stay() {
    let report = made(&state());
    let kept: Vec<&Value> = report["routes"]["running"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["destination"])
        .collect();
    assert_eq!(kept, ["0.0.0.0/0", "203.0.113.0/24"]);
}

#[test]
fn case_86_rules_hostname_and_dns_options_are_reported() {
    let report = made(&state());
    assert_eq!(report["route-rules"], json!({"config": [{"priority": 5}]}));
    assert_eq!(report["hostname"]["config"], "n1");
    assert_eq!(
        report["dns-resolver"],
        json!({"running": {"server": ["192.0.2.53"], "options": ["rotate"]}, "config": {}})
    );
    assert_eq!(report["ovn"]["bridge-mappings"][0]["localnet"], "a");
    assert!(report.get("ovs-db").is_none() && report.get("description").is_none());
}

#[test]
fn case_91_timers_and_lives_do_not_change_the_digest() {
    let digest = |state: &Value| report(state, &ReportSettings::default(), &Links::default()).digest;
    let before = digest(&state());
    let mut later = state();
    later["interfaces"][3]["bridge"]["options"]["gc-timer"] = json!(77);
    later["interfaces"][3]["bridge"]["options"]["hello-timer"] = json!(1);
    later["interfaces"][0]["ipv4"]["address"][0]["valid-life-time"] = json!("99sec");
    assert_eq!(digest(&later), before);
    later["interfaces"][0]["mtu"] = json!(1400);
    assert_ne!(digest(&later), before);
    // What the API server gives back is known again.
    let report = report(&state(), &ReportSettings::default(), &Links::default());
    assert_eq!(stored_digest(Some(&report.shrunk.report)), before);
}

#[test]
fn secrets_are_masked() {
    assert!(!made(&state()).to_string().contains("\"pw\""));
}

#[test]
fn excluded_interfaces_are_those_nobody_manages() {
    let settings = settings(&json!({
        "excludeInterfaces": ["br*", "eth*", "veth*"],
        "excludeSections": ["ethtool", "mptcp", "routes.running", "lldp.neighbors"],
    }))
    .unwrap();
    let report = filter(&state(), &settings, &Links::default());
    assert_eq!(names(&report), ["eth0", "veth2"]);
    let eth0 = &report["interfaces"][0];
    assert!(eth0.get("ethtool").is_none() && eth0.get("mptcp").is_none());
    assert_eq!(
        (&eth0["lldp"], report["routes"].get("running")),
        (&json!({"enabled": true}), None)
    );
    let links = Links {
        unmanaged: ["eth0".to_owned()].into(),
        plumbing: ["veth2".to_owned()].into(),
    };
    assert_eq!(names(&filter(&state(), &settings, &links)), Vec::<&str>::new());
    assert_eq!(
        names(&filter(&state(), &ReportSettings::default(), &links)),
        ["eth0", "br0"]
    );
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let wrong = json!({"excludeInterfaces": ["a["], "minIntervalSeconds": 9, "maxIntervalSeconds": 5, "settleSeconds": -1});
    let paths: Vec<String> = settings(&wrong)
        .unwrap_err()
        .into_iter()
        .map(|problem| problem.path)
        .collect();
    let keys = ["excludeInterfaces", "settleSeconds", "maxIntervalSeconds"];
    assert_eq!(paths, keys.map(|key| format!("spec.report.{key}")));
    assert_eq!(settings(&json!({})).unwrap(), ReportSettings::default());
    assert_eq!(ReportSettings::of(None).unwrap(), ReportSettings::default());
}

#[test]
fn links_somebody_else_brought_up_are_named() {
    let state = json!({"interfaces": [{"name": "eth1", "state": "down"}, {"name": "eth2", "state": "up"}, {"name": "eth3", "state": "down"}]});
    let up = ["eth1".to_owned(), "eth2".to_owned()].into();
    assert_eq!(foreign(&state, &up), ["eth1"]);
}

/// As many VLANs as upstream's users have (PR 1505), as nmstate shows them.
fn vlans(count: usize) -> Value {
    let ethtool = json!({"feature": (0..24).map(|n| (format!("feature-with-a-name-{n}"), json!(true))).collect::<serde_json::Map<_, _>>()});
    let entries = (0..count).map(|n| {
        json!({
            "name": format!("bond0.{n}"), "type": "vlan", "state": "up", "mtu": 1500, "min-mtu": 0, "max-mtu": 65535,
            "mac-address": "52:54:00:12:34:56", "wait-ip": "any", "accept-all-mac-addresses": false,
            "ipv4": {"enabled": true, "dhcp": false, "address": [{"ip": format!("10.{}.{}.1", n / 250, n % 250), "prefix-length": 24}]},
            "ipv6": {"enabled": false}, "mptcp": {"address-flags": []}, "lldp": {"enabled": false},
            "vlan": {"base-iface": "bond0", "id": n, "protocol": "802.1q", "reorder-headers": true, "loose-binding": false,
                "registration-protocol": "none"},
            "ethtool": ethtool,
        })
    });
    json!({"interfaces": entries.collect::<Vec<_>>(), "routes": {"running": [], "config": []}})
}

#[test]
fn case_92_b10_fifteen_hundred_vlans_fit() {
    let whole = size(&vlans(1500));
    assert!(whole > 1_500_000, "{whole}");
    let report = report(&vlans(1500), &ReportSettings::default(), &Links::default()).shrunk;
    assert!(
        report.bytes <= 1_000_000 && report.bytes == size(&report.report),
        "{}",
        report.bytes
    );
    assert_eq!(names(&report.report).len(), 1500);
    assert_eq!(report.dropped[0], "ethtool of virtual interfaces");
    let message = report.message(1_000_000).unwrap();
    assert!(
        message.starts_with("the report was larger than 1000000 bytes; left out: ethtool of virtual"),
        "{message}"
    );
}

#[test]
fn parts_are_left_out_in_the_stated_order_and_no_more_than_needed() {
    let mut state = vlans(2);
    state["interfaces"].as_array_mut().unwrap().push(
        json!({"name": "eth0", "type": "ethernet", "state": "up", "ethtool": {"feature": {"a": true}}}),
    );
    let routes: Vec<Value> = (0..1200)
        .map(|n| json!({"destination": format!("10.0.{n}.0/24")}))
        .collect();
    state["routes"]["running"] = json!(routes);
    let whole = made(&state);
    assert_eq!(shrink(whole.clone(), size(&whole)).dropped, Vec::<&str>::new());
    let all = [
        "ethtool of virtual interfaces",
        "ethtool of all interfaces",
        "mptcp",
        "running routes beyond 1000",
        "details of vlan interfaces",
    ];
    let mut limit = size(&whole);
    for steps in 1..=all.len() {
        let shrunk = shrink(whole.clone(), limit - 1);
        assert_eq!(shrunk.dropped, all[..steps]);
        limit = shrunk.bytes;
    }
    let last = shrink(whole, 10);
    assert_eq!(last.report["interfaces"][0].as_object().unwrap().len(), 6);
    assert_eq!(last.report["routes"]["running"].as_array().unwrap().len(), 1000);
    assert!(last.message(10).unwrap().contains("still has"));
}
