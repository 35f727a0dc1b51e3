use super::*;
use crate::plan::capture::{Cause, Expression};

fn failure(expression: &str) -> PolicyError {
    evaluate(&[("x", expression)]).expect_err(expression)
}

#[test]
fn equal_keeps_items_by_text() {
    for (expression, expected) in [
        (r#"interfaces.name=="eth1""#, vec!["eth1"]),
        ("interfaces.name == eth2", vec!["eth2"]),
        ("interfaces.state==up", vec!["eth1", "eth1.101"]),
        ("interfaces.mtu==1400", vec!["eth1.101"]),
        ("interfaces.ipv4.dhcp==false", vec!["eth1"]),
        ("interfaces.vlan.id==101", vec!["eth1.101"]),
        // One element of a list is enough.
        (r#"interfaces.ipv4.address.ip=="192.0.2.11""#, vec!["eth1"]),
        // A number is an index.
        (r#"interfaces.ipv4.address.0.ip=="192.0.2.10""#, vec!["eth1"]),
        (r#"interfaces.alt-names.name=="spare""#, vec!["eth2"]),
        // Non-breaking spaces, as pasted from a page.
        ("interfaces.name\u{a0}==\u{a0}eth1", vec!["eth1"]),
        // By reference, to the current state and to a capture.
        (
            "interfaces.name==routes.running.0.next-hop-interface",
            vec!["eth1"],
        ),
    ] {
        assert_eq!(
            kept(expression),
            Ok(expected.into_iter().map(str::to_owned).collect()),
            "{expression}"
        );
    }
}

#[test]
fn comparison_is_case_sensitive_but_for_mac_addresses() {
    assert!(kept("interfaces.name==ETH1").is_err());
    assert_eq!(
        kept(r#"interfaces.mac-address=="52:54:00:aa:bb:01""#),
        Ok(vec!["eth1".to_owned()])
    );
}

#[test]
fn neighbours_cannot_be_captured() {
    assert!(kept(r#"interfaces.lldp.neighbors.system-name=="switch1""#).is_err());
}

#[test]
fn not_equal_keeps_what_equal_leaves_out() {
    assert_eq!(
        kept("interfaces.name != eth1"),
        Ok(vec!["eth1.101".to_owned(), "eth2".to_owned()])
    );
    // Without the property an item is unequal to any text; `!= null` asks for the property.
    assert_eq!(
        kept("interfaces.vlan.id!=101"),
        Ok(vec!["eth1".to_owned(), "eth2".to_owned()])
    );
    assert_eq!(kept("interfaces.vlan.id!=null"), Ok(vec!["eth1.101".to_owned()]));
    assert_eq!(
        kept(r#"interfaces.ipv4.address.ip!="192.0.2.11""#),
        Ok(vec!["eth1.101".to_owned(), "eth2".to_owned()])
    );
    assert_eq!(kept("interfaces.type!=null"), kept(r#"interfaces.name=~"^eth""#));
}

#[test]
fn match_finds_an_expression_anywhere() {
    assert_eq!(kept(r#"interfaces.name=~"h2$""#), Ok(vec!["eth2".to_owned()]));
    assert_eq!(kept("interfaces.name =~ th2"), Ok(vec!["eth2".to_owned()]));
    assert_eq!(kept(r#"interfaces.mtu=~"^14""#), Ok(vec!["eth1.101".to_owned()]));
    let error = failure(r#"interfaces.name=~"(""#);
    assert!(
        error.message().starts_with("Invalid regular expression: "),
        "{error}"
    );
    assert!(
        failure("interfaces.name=~eth.*")
            .message()
            .contains("double quotes")
    );
}

#[test]
fn nothing_found_is_an_error_unless_the_name_says_otherwise() {
    let states = evaluate(&[
        ("none?", "interfaces.name==nope"),
        ("routes?", "routes.config.metric==7"),
    ])
    .unwrap();
    assert_eq!(states["none"], json!({"interfaces": []}));
    assert_eq!(
        states["routes"],
        json!({"interfaces": [], "routes": {"config": []}})
    );
}

#[test]
fn routes_and_rules_are_selected_and_changed() {
    let states = evaluate(&[
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
        ("bare", "capture.moved | routes.running.table-id := null"),
        ("rules", "route-rules.config.route-table==500"),
        (
            "made",
            r#"capture.base | interfaces.ethtool.feature.rx-gro:="on""#,
        ),
    ])
    .unwrap();
    assert_eq!(names(&states["base"]), ["eth1"]);
    let hops = |name: &str| -> Vec<Value> {
        let list = states[name]["routes"]["running"].as_array().unwrap();
        list.iter()
            .map(|route| route["next-hop-interface"].clone())
            .collect()
    };
    assert_eq!(hops("over"), ["eth1", "eth1"]);
    assert_eq!(hops("moved"), ["br9", "br9"]);
    assert_eq!(states["bare"]["routes"]["running"][0].get("table-id"), None);
    assert_eq!(states["rules"]["route-rules"]["config"][0]["priority"], 1000);
    assert_eq!(
        states["made"]["interfaces"][0]["ethtool"]["feature"]["rx-gro"],
        "on"
    );
}

#[test]
fn a_projection_keeps_the_top_level_key_and_whole_items() {
    let states = evaluate(&[
        ("base", "interfaces.name==eth1"),
        ("part", "capture.base | interfaces.ipv4"),
        ("dns", "dns-resolver.running"),
        ("all", "just store it"),
    ])
    .unwrap();
    assert_eq!(states["part"], states["base"]);
    assert_eq!(
        states["dns"],
        json!({"interfaces": [], "dns-resolver": {"running": {"server": ["192.0.2.53"]}}})
    );
    assert_eq!(states["all"], current());
}

#[test]
fn other_roots_are_refused() {
    let error = failure("dns-resolver.running==x");
    assert_eq!(
        error.to_string(),
        "InvalidArgument: Unsupported capture keyword 'dns-resolver'"
    );
    assert_eq!(failure("routes.other.destination==x").position(), "routes.".len());
    assert_eq!(
        failure("route-rules.running.priority==x").message(),
        "Only support 'config' keyword for searching route rules"
    );
    assert_eq!(
        failure("routes.running==x").message(),
        "No route search pattern found"
    );
}

#[test]
fn the_caret_points_at_the_word_that_is_wrong() {
    // Expression, position: those of nmstate's own tests.
    for (line, before) in [
        (
            r#"routes.running.next-hop-interface=!"br1""#,
            "routes.running.next-hop-interface=",
        ),
        (
            "routes.running.next-hop-interface=",
            "routes.running.next-hop-interface",
        ),
        (
            r#"routes.running.next-hop-interface::"br1""#,
            "routes.running.next-hop-interface:",
        ),
        (
            "routes.running.next-hop-interface:",
            "routes.running.next-hop-interface",
        ),
        (
            r#"routes.running.next-hop-interface=="br1"""#,
            r#"routes.running.next-hop-interface=="br1""#,
        ),
        (
            r#"capture.abc | capture.abc | interface.name="eth1""#,
            "capture.abc | capture.abc ",
        ),
        (
            r#"capture.abc | capture.abc := interface.name := "eth1""#,
            "capture.abc | capture.abc := interface.name ",
        ),
        (
            r#"capture.abc | capture.abc == interface.name == "eth1""#,
            "capture.abc | capture.abc == interface.name ",
        ),
        (r#"kapture.abc | interface.name == "eth1""#, ""),
        (r#"capture.abc.abd | interface.name == "eth1""#, ""),
        (r#"interfaces | interface.name == "eth1""#, ""),
        ("interface.name ==", "interface.name "),
        (
            r#"interface.name == "eth1" interface.name"#,
            r#"interface.name == ""#,
        ),
        (r#"capture.abc == "eth1""#, ""),
        (r#"capture == "eth1""#, ""),
        ("interface.name :=", "interface.name "),
        (
            r#"interface.name := "eth1" interface.name"#,
            r#"interface.name := ""#,
        ),
        (
            r#"capture.abc | interface.name==-"eth1""#,
            "capture.abc | interface.name==",
        ),
        ("capture.abc |", "capture.abc "),
        (r#"capture.abc | "eth1""#, r#"capture.abc | ""#),
    ] {
        let error = Expression::parse(line).expect_err(line);
        assert_eq!((error.line(), error.position()), (line, before.len()), "{error}");
    }
    let error = failure("interfaces.name=eth1");
    assert_eq!(
        error.to_string(),
        "PolicyError: Invalid equal action string after =, expecting another '='\n| interfaces.name=eth1\n| \
         ................^"
    );
}

#[test]
fn case_63_default_gateway_captures_render_a_bridge() {
    let desired = json!({
        "interfaces": [{
            "name": "br9", "type": "linux-bridge", "state": "up",
            "mac-address": "{{ capture.base.interfaces.0.mac-address }}",
            "ipv4": {
                "enabled": true,
                "dhcp": "{{ capture.base.interfaces.0.ipv4.dhcp }}",
                "address": "{{ capture.base.interfaces.0.ipv4.address }}",
            },
            "bridge": {"port": [{"name": "{{ capture.base.interfaces.0.name }}"}]},
        }],
        "routes": {"config": "{{ capture.moved.routes.running }}"},
    });
    let rendered = render(
        &[
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
        ],
        &desired,
    )
    .unwrap();
    let bridge = &rendered["interfaces"][0];
    assert_eq!(bridge["mac-address"], "52:54:00:AA:BB:01");
    assert_eq!(bridge["ipv4"]["dhcp"], false);
    assert_eq!(
        bridge["ipv4"]["address"][1],
        json!({"ip": "192.0.2.11", "prefix-length": 24})
    );
    assert_eq!(bridge["bridge"]["port"], json!([{"name": "eth1"}]));
    assert_eq!(rendered["routes"]["config"][0]["next-hop-interface"], "br9");
    assert_eq!(rendered["routes"]["config"].as_array().map(Vec::len), Some(2));
}

#[test]
fn case_64_no_such_interface_waits_for_the_links() {
    let error = failure(r#"interfaces.name=="nope""#);
    assert_eq!(error.message(), "interface with 'name=nope' not found");
    assert_eq!(error.position(), "interfaces.".len());
    assert_eq!(error.cause(), Cause::NotFound);
}

#[test]
fn case_65_a_bare_dotted_word_is_a_path() {
    let error = failure("interfaces.name==eth1.101");
    assert!(
        error.message().starts_with("Failed to find leaf eth1 data"),
        "{error}"
    );
    assert_eq!(
        kept(r#"interfaces.name=="eth1.101""#),
        Ok(vec!["eth1.101".to_owned()])
    );
}

#[test]
fn case_70_captures_that_refer_to_each_other_cannot_be_sorted() {
    let error = evaluate(&[
        ("a", "interfaces.name==capture.b.interfaces.0.name"),
        ("b", "capture.a | interfaces.state==up"),
    ])
    .unwrap_err();
    assert!(
        error.message().starts_with("Failed to sort the policy capture"),
        "{error}"
    );
}

#[test]
fn captures_are_evaluated_after_those_they_read_from_in_both_places() {
    let states = evaluate(&[
        ("a", "capture.z | interfaces.name==capture.y.interfaces.0.name"),
        ("y", "interfaces.name==eth1"),
        ("z", "interfaces.state==up"),
    ])
    .unwrap();
    assert_eq!(names(&states["a"]), ["eth1"]);
}

#[test]
fn case_71_kept_results_outlive_the_network_they_were_taken_from() {
    let captures = Captures::parse([("gw", r#"routes.running.destination=="0.0.0.0/0""#)]).unwrap();
    let first = captures
        .results(&States::new(), &current(), States::new())
        .unwrap();
    let mut moved = current();
    moved["routes"]["running"][0]["next-hop-interface"] = json!("br9");
    assert_eq!(captures.results(&first, &moved, States::new()).unwrap(), first);
    // Results of other captures are of no use.
    let other = States::from([("else".to_owned(), json!({}))]);
    assert_ne!(captures.results(&other, &moved, States::new()).unwrap(), first);
}
