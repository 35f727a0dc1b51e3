//! Captures and templates: ours against the crate's, where both know the form (spec §8).

use std::collections::{BTreeMap, HashMap};

use nmstate::{NetworkPolicy, NetworkState, NetworkStateTemplate};
use nodenet::plan::capture::{Captures, Sources, States, fill};
use proptest::prelude::*;
use serde_json::{Value, json};

type Texts = BTreeMap<String, String>;

/// What the crate makes of captures.
fn theirs(captures: &Texts, current: &NetworkState) -> Result<HashMap<String, NetworkState>, String> {
    let policy: NetworkPolicy =
        serde_json::from_value(json!({ "capture": captures })).map_err(|error| error.to_string())?;
    policy.capture.execute(current).map_err(|error| error.to_string())
}

/// What we make of them.
fn ours(captures: &Texts, current: &NetworkState) -> Result<States, String> {
    let read = Captures::parse(captures.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let read = read.map_err(|errors| {
        errors
            .into_iter()
            .map(|(_, error)| error.to_string())
            .collect::<String>()
    })?;
    read.evaluate(&json(current), States::new())
        .map_err(|error| error.to_string())
}

fn json(state: &NetworkState) -> Value {
    serde_json::to_value(state).expect("a state has JSON")
}

/// As the crate reads a document: numbers in strings are numbers, neighbours are gone.
fn read(document: &Value) -> NetworkState {
    serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{document} is no state: {error}"))
}

/// Both say the same: the same states, or the same error.
fn agree(captures: &Texts, current: &NetworkState) -> Result<(), TestCaseError> {
    match (theirs(captures, current), ours(captures, current)) {
        (Ok(theirs), Ok(ours)) => {
            prop_assert_eq!(theirs.len(), ours.len());
            for (name, state) in theirs {
                prop_assert_eq!(
                    read(&json(&state)),
                    read(&ours[&name]),
                    "capture {} of {:?}",
                    name,
                    captures
                );
            }
        }
        (Err(theirs), Err(ours)) => prop_assert_eq!(comparable(&theirs), comparable(&ours), "{:?}", captures),
        (theirs, ours) => prop_assert!(false, "{captures:?}: theirs {theirs:?}, ours {ours:?}"),
    }
    Ok(())
}

/// Without the list of existing keys, whose order is the crate's, and without what is said of every one of several.
fn comparable(error: &str) -> String {
    let lines: Vec<&str> = error.lines().collect();
    let first = lines.first().copied().unwrap_or_default();
    let first = first.split(", exists properties").next().unwrap_or_default();
    let first = first.split(", allowed keys").next().unwrap_or_default();
    // The position of a capture that is not there is 0 in the crate.
    let caret = if first.contains("Capture ") {
        ""
    } else {
        lines.get(2).copied().unwrap_or_default()
    };
    format!("{first}\n{caret}")
}

fn state() -> NetworkState {
    read(&json!({
        "interfaces": [
            {"name": "eth1", "type": "ethernet", "state": "up", "mtu": 1500, "mac-address": "52:54:00:AA:BB:01",
                "ipv4": {"enabled": true, "dhcp": false, "address": [
                    {"ip": "192.0.2.10", "prefix-length": 24}, {"ip": "192.0.2.11", "prefix-length": 24}]}},
            {"name": "eth1.101", "type": "vlan", "state": "up", "mtu": 1400, "vlan": {"base-iface": "eth1", "id": 101}},
            {"name": "eth2", "type": "ethernet", "state": "down", "alt-names": [{"name": "spare"}]},
        ],
        "routes": {
            "running": [
                {"destination": "0.0.0.0/0", "next-hop-interface": "eth1", "next-hop-address": "192.0.2.1", "table-id": 254},
                {"destination": "198.51.100.0/24", "next-hop-interface": "eth1", "next-hop-address": "192.0.2.2"},
            ],
            "config": [],
        },
        "route-rules": {"config": [{"ip-from": "192.0.2.0/24", "route-table": 500, "priority": 1000}]},
        "dns-resolver": {"running": {"server": ["192.0.2.53"]}, "config": {}},
    }))
}

#[test]
fn every_old_form_gives_what_the_crate_gives() {
    for expression in [
        r#"interfaces.name=="eth1""#,
        "interfaces.name == eth2",
        "interfaces.name==nope",
        "interfaces.name==eth1.101",
        "interfaces.mtu==1500",
        "interfaces.ipv4.dhcp==false",
        "interfaces.ipv4.address.ip==\"192.0.2.11\"",
        "interfaces.ipv4.address.1.ip==\"192.0.2.11\"",
        "interfaces.ipv4.address.7.ip==\"192.0.2.11\"",
        "interfaces.alt-names.name==spare",
        "interfaces.name==null",
        "interfaces.name==routes.running.0.next-hop-interface",
        "interfaces.name==routes.running.9.next-hop-interface",
        "interfaces.name==routes.running.0.nope",
        "interfaces.name==dns-resolver.running.server.0.name",
        r#"routes.running.destination=="0.0.0.0/0""#,
        "routes.config.metric==1",
        "routes.other.metric==1",
        "routes.running==1",
        "route-rules.config.route-table==500",
        "route-rules.running.route-table==500",
        "route-rules.config==500",
        "dns-resolver.running==x",
        "hostname.config:=x",
        "interfaces.mtu:=1400",
        "interfaces.mac-address:=null",
        "interfaces.ipv4:=null",
        "interfaces.ipv4.dhcp:=true",
        r#"interfaces.description:="two words""#,
        r#"routes.running.next-hop-interface:="br9""#,
        "routes.other.metric:=1",
        "routes.running:=1",
        "route-rules.config.priority:=7",
        "route-rules.other.priority:=7",
        "dns-resolver.running",
        "interfaces.ipv4",
        "routes.running",
        "capture.x",
        "just store it",
        "interfaces",
        "",
        "interfaces.name\u{a0}==\u{a0}eth1",
        "interfaces.name=eth1",
        "interfaces.name=",
        "interfaces.name:eth1",
        "interfaces.name:",
        "interfaces.name==",
        "interfaces.name:=",
        "interfaces.name==\"eth1",
        "interfaces.name==\"\"",
        "interfaces.name== a b",
        "== a",
        "name == a",
        "a b.c == d",
        "interfaces.name == a == b",
        "interfaces.name := a := b",
        "interfaces.name == a := b",
        "interfaces.name := a == b",
        "capture.a | capture.b | interfaces.name == a",
        "capture.a |",
        "| interfaces.name == a",
        "capture.a | x",
        "kapture.a | interfaces.name == a",
        "capture.a.b | interfaces.name == a",
        "capture.a == x",
        "capture == x",
        "interfaces.name == capture.a",
        "interfaces.name == |",
    ] {
        let captures = Texts::from([("n".to_owned(), expression.to_owned())]);
        agree(&captures, &state()).unwrap_or_else(|error| panic!("{expression}: {error}"));
    }
}

#[test]
fn captures_of_captures_give_what_the_crate_gives() {
    for captures in [
        vec![
            ("gw", r#"routes.running.destination=="0.0.0.0/0""#),
            (
                "base",
                "interfaces.name==capture.gw.routes.running.0.next-hop-interface",
            ),
            (
                "over",
                "routes.running.next-hop-interface==capture.gw.routes.running.0.next-hop-interface",
            ),
            (
                "moved",
                r#"capture.over | routes.running.next-hop-interface:="br9""#,
            ),
            ("part", "capture.base | interfaces.ipv4"),
            ("none", "capture.base | routes.running"),
        ],
        vec![
            ("a", "capture.b | interfaces.state==up"),
            ("b", "interfaces.name==capture.a.interfaces.0.name"),
        ],
        vec![
            ("a", "capture.b | interfaces.state==up"),
            ("b", "interfaces.name==nope"),
        ],
        vec![
            ("a", "capture.b.interfaces.mtu == 1500"),
            ("b", "interfaces.state==up"),
        ],
        vec![
            ("a", "interfaces.name==capture.b.interfaces.4.name"),
            ("b", "interfaces.state==up"),
        ],
    ] {
        let captures: Texts = captures
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        agree(&captures, &state()).unwrap_or_else(|error| panic!("{captures:?}: {error}"));
    }
}

/// Both filled, or both refused with the same words.
fn same_template(desired: &Value, captured: &HashMap<String, NetworkState>) {
    let template: NetworkStateTemplate =
        serde_json::from_value(desired.clone()).expect("any object is a template");
    let states: States = captured
        .iter()
        .map(|(name, state)| (name.clone(), json(state)))
        .collect();
    let ours = fill(
        desired,
        &Sources {
            captures: Some(&states),
            ..Sources::default()
        },
    );
    match (template.fill_with_captured_data(captured), ours) {
        (Ok(theirs), Ok(ours)) => assert_eq!(theirs, read(&ours), "{desired}"),
        (Err(theirs), Err(ours)) => {
            assert_eq!(comparable(&theirs.to_string()), comparable(&ours.to_string()));
        }
        (theirs, ours) => panic!("{desired}: theirs {theirs:?}, ours {ours:?}"),
    }
}

#[test]
fn every_old_template_gives_what_the_crate_gives() {
    let captured = HashMap::from([("e".to_owned(), state())]);
    let with =
        |key: &str, text: &str| json!({"interfaces": [{"name": "new", "type": "ethernet", key: text}]});
    for desired in [
        with("description", "{{ capture.e.interfaces.0.name }}"),
        with("description", "{{capture.e.interfaces.0.name}}"),
        with("description", " {{ capture.e.interfaces.0.name }} "),
        with("description", "br-{{ capture.e.interfaces.0.name }}"),
        with("description", "{{ capture.e.interfaces.0.name }}.102"),
        with("mtu", "{{ capture.e.interfaces.0.mtu }}"),
        with("ipv4", "{{ capture.e.interfaces.0.ipv4 }}"),
        with("description", "{{ capture.b.interfaces.0.name }}"),
        with("description", "{{ capture.e.interfaces.9.name }}"),
        with("description", "{{ capture.e.interfaces.0.nope }}"),
        with("description", "{{ capture.e.interfaces.0.nope.more }}"),
        with("description", "x{{ capture.e.interfaces }}"),
        with("description", "{{ capture.e.interfaces.0.name"),
        json!({"routes": {"config": "{{ capture.e.routes.running }}"}}),
        json!({"dns-resolver": {"config": "{{ capture.e.dns-resolver.running }}"}}),
    ] {
        same_template(&desired, &captured);
    }
}

fn states() -> impl Strategy<Value = NetworkState> {
    let interface = (
        0u8..5,
        prop::option::of(1400u16..1403),
        any::<bool>(),
        prop::collection::vec(1u8..5, 0..3),
    );
    let interface = interface.prop_map(|(n, mtu, up, hosts)| {
        let address: Vec<Value> = hosts
            .iter()
            .map(|host| json!({"ip": format!("192.0.2.{host}"), "prefix-length": 24}))
            .collect();
        let state = if up { "up" } else { "down" };
        let mut entry = json!({"name": format!("eth{n}"), "type": "ethernet", "state": state,
            "ipv4": {"enabled": true, "dhcp": up, "address": address}});
        if let Some(mtu) = mtu {
            entry["mtu"] = json!(mtu);
        }
        (n, entry)
    });
    let route = (0u8..5, 0u8..3, prop::option::of(1u32..4)).prop_map(|(n, net, metric)| {
        let mut route =
            json!({"destination": format!("10.{net}.0.0/16"), "next-hop-interface": format!("eth{n}")});
        if let Some(metric) = metric {
            route["metric"] = json!(metric);
        }
        route
    });
    let interfaces = prop::collection::vec(interface, 0..5);
    let routes = prop::collection::vec(route, 0..4);
    (interfaces, routes).prop_map(|(interfaces, routes)| {
        let interfaces: BTreeMap<u8, Value> = interfaces.into_iter().collect();
        let interfaces: Vec<Value> = interfaces.into_values().collect();
        read(&json!({"interfaces": interfaces, "routes": {"running": routes, "config": []}}))
    })
}

/// The old grammar, well formed or not quite, over what the states have.
fn expressions(of_captures: bool) -> impl Strategy<Value = String> {
    let path = prop::sample::select(vec![
        "interfaces.name",
        "interfaces.mtu",
        "interfaces.state",
        "interfaces.ipv4.dhcp",
        "interfaces.ipv4.address.ip",
        "interfaces.ipv4.address.0.prefix-length",
        "routes.running.next-hop-interface",
        "routes.running.metric",
        "routes.config.destination",
        "route-rules.config.priority",
        "hostname.running",
    ]);
    let captured = [
        "capture.a.interfaces.0.name",
        "capture.b.routes.running.0.next-hop-interface",
    ];
    let mut values = vec![
        "eth1",
        "\"eth2\"",
        "1400",
        "up",
        "true",
        "\"192.0.2.3\"",
        "\"10.1.0.0/16\"",
        "null",
        "interfaces.0.name",
        "routes.running.0.metric",
        "",
    ];
    let mut sources = vec!["", ""];
    if of_captures {
        values.extend(captured);
        sources.extend(["capture.a | ", "capture.b|"]);
    }
    let (value, source) = (prop::sample::select(values), prop::sample::select(sources));
    let select = (
        source.clone(),
        path.clone(),
        prop::sample::select(vec!["==", " == ", "=", "= ="]),
        value,
    )
        .prop_map(|(source, path, operator, value)| format!("{source}{path}{operator}{value}"));
    // What is set must be something the crate can read back; null for a number is not, to it.
    let replaced = prop::sample::select(vec![
        "interfaces.mtu:=1401",
        "interfaces.mac-address := null",
        "interfaces.state:=down",
        "interfaces.ipv4.dhcp:=true",
        "routes.running.metric:=7",
        "routes.running.next-hop-address:=null",
        "routes.running.next-hop-interface:=\"br 9\"",
    ]);
    let replace = (source.clone(), replaced).prop_map(|(source, text)| format!("{source}{text}"));
    let project = (source, path).prop_map(|(source, path)| format!("{source}{path}"));
    prop_oneof![4 => select, 2 => replace, 1 => project]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_captures_give_what_the_crate_gives(
        current in states(),
        a in expressions(true),
        b in expressions(true),
        n in expressions(true),
    ) {
        // Two captures that others may read from, and one that reads. The crate sorts by one of two captures an expression
        // reads from only, so those that read from both are left out.
        let both = |text: &str| text.contains("capture.a") && text.contains("capture.b");
        prop_assume!(![&a, &b, &n].into_iter().any(|text| both(text)));
        let captures = Texts::from([("a".to_owned(), a), ("b".to_owned(), b), ("n".to_owned(), n)]);
        let (theirs, ours) = (theirs(&captures, &current), ours(&captures, &current));
        // Several may be wrong, and which is met first depends on the order of independent captures.
        if theirs.is_err() && ours.is_err() {
            return Ok(());
        }
        agree(&captures, &current)?;
    }

    #[test]
    fn a_random_capture_is_refused_with_the_crates_words(current in states(), text in expressions(false)) {
        agree(&Texts::from([("n".to_owned(), text)]), &current)?;
    }
}
