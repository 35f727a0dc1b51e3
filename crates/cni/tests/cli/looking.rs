//! `list`, `show` and `check`: they tell what is there and change nothing.

use std::fs;

use serde_json::{Value, json};
use testkit::netns::Netns;

use crate::yard::Yard;

#[test]
fn list_tells_who_has_what_and_what_is_free() {
    let yard = Yard::new();
    let network = yard.network("net", "10.0.0.0/29");
    yard.configure(&network);
    let pod = Netns::new("list").unwrap();
    yard.add(&network, "container-one", pod.path());
    let before = yard.everything();

    let text = yard.say(&["list"]).ok();
    let squeezed: Vec<String> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(squeezed[0], "NETWORK ADDRESS CONTAINER INTERFACE AGE SANDBOX");
    assert!(
        squeezed[1].starts_with("net 10.0.0.2 container-one eth0 ") && squeezed[1].ends_with(" alive"),
        "{text}"
    );
    assert_eq!(
        squeezed[3..],
        ["NETWORK RANGE TOTAL USED FREE", "net 10.0.0.1-10.0.0.6 5 1 4"]
    );

    let found = yard.say(&["list", "-o", "json"]).json();
    let network = &found["networks"][0];
    assert_eq!(
        (&network["network"], &network["dataDir"]),
        (&json!("net"), &json!(yard.data()))
    );
    let range = &network["ranges"][0];
    assert_eq!(
        (&range["range"], &range["total"], &range["free"]),
        (&json!("10.0.0.1-10.0.0.6"), &json!(5), &json!(4))
    );
    let held = &network["reservations"][0];
    for (key, value) in [
        ("address", json!("10.0.0.2")),
        ("containerID", json!("container-one")),
        ("ifname", json!("eth0")),
        ("sandbox", json!("alive")),
        ("evidence", json!(pod.path())),
        ("file", json!(yard.data().join("net/10.0.0.2"))),
    ] {
        assert_eq!(held[key], value, "{key} in {held}");
    }
    assert_eq!(yard.everything(), before, "list has changed something");
}

#[test]
fn a_sandbox_that_is_gone_is_told_from_one_that_nobody_recorded() {
    let yard = Yard::new();
    let pod = Netns::new("gone").unwrap();
    yard.add(&yard.network("net", "10.0.0.0/29"), "container-one", pod.path());
    pod.delete().unwrap();
    yard.put("net/10.0.0.5", "container-two\r\neth0");
    let found = yard.say(&["list", "-o", "json"]).json();
    let states: Vec<&Value> = found["networks"][0]["reservations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|held| &held["sandbox"])
        .collect();
    assert_eq!(states, ["gone", "unknown"]);
    let shown = yard.say(&["show", "10.0.0.2"]).ok();
    assert!(shown.contains("gone: ") && shown.contains(" is gone"), "{shown}");
    let findings = kinds(&yard.say(&["check", "-o", "json"]).json());
    assert_eq!(findings, ["Leak"]);
}

#[test]
fn an_address_that_a_process_has_is_in_use_whatever_was_recorded() {
    let yard = Yard::new();
    yard.put("net/127.0.0.1", "container-one\r\neth0");
    let shown = yard.say(&["show", "127.0.0.1", "-o", "json"]).json();
    let held = &shown["reservations"][0];
    assert_eq!(held["sandbox"], "alive");
    assert!(
        held["evidence"].as_str().unwrap().contains("has the address"),
        "{held}"
    );
}

#[test]
fn check_finds_each_kind_of_trouble_and_fails_only_for_errors() {
    let yard = Yard::new();
    let network = yard.network("net", "10.0.0.0/30");
    yard.configure(&network);
    yard.put("net/lock", "");
    assert_eq!(
        yard.say(&["check"]).ok(),
        "0 errors, 0 warnings, 0 notes in 1 network, 0 reservations\n"
    );

    yard.put("other/10.0.0.3", "container-b\r\neth0");
    yard.put("net/10.0.0.3", "container-a\r\neth0");
    yard.put("net/10.0.0.9", "");
    yard.put("net/10.0.0.10", "what is this?");
    yard.put("net/fd00:0::2", "container-c\r\neth0");
    yard.put("net/README", "container-a\r\neth0");
    fs::create_dir(yard.data().join("net/10.0.0.11")).unwrap();
    let before = yard.everything();
    let found = yard.say(&["check", "-o", "json"]).json();
    assert_eq!(
        kinds(&found),
        [
            "Duplicate",
            "NobodysFile",
            "Blocked",
            "TornFile",
            "OddName",
            "OutsideRanges"
        ]
    );
    assert!(
        found["findings"]
            .as_array()
            .unwrap()
            .iter()
            .all(|finding| finding["remedy"].as_str().unwrap().len() > 5)
    );
    assert_eq!(yard.everything(), before, "check has changed something");

    yard.put("net/10.0.0.2", "container-d\r\neth0");
    let said = yard.say(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("error    RangeFull\n"), "{said:?}");
    assert!(
        said.out.contains("10.0.0.1-10.0.0.2: all 1 are taken"),
        "{said:?}"
    );
}

#[test]
fn a_range_is_known_from_the_cache_of_kube_node_too() {
    let yard = Yard::new();
    yard.put(
        "kube-node.json",
        r#"{"type":"host-local","ranges":[[{"subnet":"10.4.0.0/24"}],[{"subnet":"fd00::/64"}]]}"#,
    );
    yard.put("k8snet/10.4.0.2", "container-a\r\neth0");
    let ranges = yard.say(&["list", "-o", "json"]).json()["networks"][0]["ranges"].take();
    assert_eq!(
        (&ranges[0]["free"], &ranges[0]["source"]),
        (&json!(252), &json!(yard.data().join("kube-node.json")))
    );
    // A /64 has one address less than 2^64: the network address; and without the gateway.
    assert_eq!(ranges[1]["total"], json!(u64::MAX - 1));
}

#[test]
fn folders_that_are_no_networks_are_left_out() {
    let yard = Yard::new();
    yard.put("results/cache-1", "{}");
    yard.put(".hidden/10.0.0.2", "x");
    assert_eq!(yard.say(&["list"]).ok(), "nothing is reserved\n");
    yard.say(&["list", "--network", "results"])
        .failed(2, &["there is no network results", "--data-dir"]);
}

fn kinds(found: &Value) -> Vec<String> {
    let findings = found["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| finding["kind"].as_str().unwrap().to_owned())
        .collect()
}
