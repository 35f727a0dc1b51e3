//! §8.2 Result shapes.

use serde_json::{Value, json};

use crate::world::{Outcome, World, s, sets, subnet};

fn with_routes(mut given: Value, routes: Value) -> Value {
    given["routes"] = routes;
    given
}

fn one_route(version: &str, route: Value) -> Outcome {
    let given = with_routes(subnet("10.0.0.0/24"), json!([route]));
    World::new().call(given).version(version).run()
}

const FULL: &str = r#"{"dst":"192.168.0.0/16","gw":"10.0.0.7","mtu":1400,"advmss":1300,"priority":5,"table":100,"scope":253}"#;

fn full() -> Value {
    serde_json::from_str(FULL).unwrap()
}

#[test]
fn case_25() {
    let routes = json!([{"dst": "0.0.0.0/0"}, {"dst": "192.168.0.0/16", "gw": "10.0.0.7", "mtu": 1400}]);
    let call = World::new().call(with_routes(subnet("10.0.0.0/24"), routes));
    call.without("cniVersion").run().result(&json!({
        "cniVersion": "0.1.0",
        "ip4": {
            "ip": "10.0.0.2/24", "gateway": "10.0.0.1",
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "192.168.0.0/16", "gw": "10.0.0.7"}],
        },
        "dns": {},
    }));
}

#[test]
fn case_26() {
    let routes = json!([{"dst": "0.0.0.0/0"}, {"dst": "::/0", "gw": "fd00::9"}]);
    let given = with_routes(sets(&["10.0.0.0/24", "fd00::/64"]), routes);
    World::new().call(given).version("0.2.0").run().result(&json!({
        "cniVersion": "0.2.0",
        "ip4": {"ip": "10.0.0.2/24", "gateway": "10.0.0.1", "routes": [{"dst": "0.0.0.0/0"}]},
        "ip6": {"ip": "fd00::2/64", "gateway": "fd00::1", "routes": [{"dst": "::/0", "gw": "fd00::9"}]},
        "dns": {},
    }));
}

#[test]
fn case_27() {
    let routes = json!([{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]);
    let given = with_routes(sets(&["10.0.0.0/24", "fd00::/64"]), routes);
    World::new().call(given).version("0.3.1").run().result(&json!({
        "cniVersion": "0.3.1",
        "ips": [
            {"version": "4", "address": "10.0.0.2/24", "gateway": "10.0.0.1"},
            {"version": "6", "address": "fd00::2/64", "gateway": "fd00::1"},
        ],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
        "dns": {},
    }));
}

#[test]
fn case_28() {
    one_route("1.1.0", full()).result(&json!({
        "cniVersion": "1.1.0",
        "ips": [{"address": "10.0.0.2/24", "gateway": "10.0.0.1"}],
        "routes": [full()],
    }));
}

#[test]
fn case_29() {
    let found = one_route("0.3.0", full()).json();
    assert_eq!(found["routes"], json!([full()]));
    assert_eq!(found["ips"][0]["version"], "4");
}

#[test]
fn case_30() {
    let route = json!({"dst": "0.0.0.0/0", "mtu": 0, "priority": 0, "table": 0, "scope": 0});
    let found = one_route("1.0.0", route).json();
    assert_eq!(
        found["routes"],
        json!([{"dst": "0.0.0.0/0", "table": 0, "scope": 0}])
    );
}

#[test]
fn case_31() {
    let found = one_route("1.0.0", json!({"dst": "10.9.9.9/8"})).json();
    assert_eq!(found["routes"], json!([{"dst": "10.9.9.9/8"}]));
    // A route that is null is dropped.
    let found = one_route("1.0.0", Value::Null);
    found.ok(&["10.0.0.2/24>10.0.0.1"]);
}

#[test]
fn case_32() {
    let world = World::new();
    let found = world.add(with_routes(s(), json!([{"dst": "foo"}])));
    found.err(999, "invalid CIDR address: foo");
    assert!(world.addresses().is_empty());
}

#[test]
fn case_33() {
    let world = World::new();
    world
        .add(with_routes(s(), json!([{"gw": "10.0.0.1"}])))
        .failed(999);
    assert!(world.addresses().is_empty());
}

#[test]
fn case_34() {
    let call = World::new().call(sets(&["10.0.0.0/24", "10.1.0.0/24"]));
    let found = call.clone().version("0.2.0").run();
    found.err(
        999,
        "CNI version 0.2.0 does not support more than 1 address per family",
    );
    let found = call.without("cniVersion").run();
    found.err(
        999,
        "CNI version  does not support more than 1 address per family",
    );
}

#[test]
fn case_35() {
    let world = World::new();
    let lines = [
        "# c",
        "; c",
        "nameserver 1.1.1.1",
        "  nameserver 8.8.8.8  ",
        "search a.b c.d",
        "search e.f",
        "domain x.y",
        "domain z.w",
        "options ndots:5 timeout:1",
        "options rotate",
        "foo bar",
        "nameserver",
    ];
    let path = world.data.join("resolv.conf");
    std::fs::write(&path, lines.join("\n")).unwrap();
    let mut given = s();
    given["resolvConf"] = json!(path);
    world.add(given).result(&json!({
        "cniVersion": "1.0.0",
        "ips": [{"address": "10.0.0.2/29", "gateway": "10.0.0.1"}],
        "dns": {
            "nameservers": ["1.1.1.1", "8.8.8.8"], "domain": "z.w", "search": ["a.b", "c.d", "e.f"],
            "options": ["ndots:5", "timeout:1", "rotate"],
        },
    }));
}

#[test]
fn case_36() {
    let world = World::new();
    let mut given = s();
    given["resolvConf"] = json!(world.data.join("none"));
    world.add(given).failed(999);
    assert!(world.addresses().is_empty());
}

#[test]
fn case_37() {
    let call = World::new()
        .call(s())
        .with("dns", json!({"nameservers": ["1.1.1.1"]}));
    call.run().ok(&["10.0.0.2/29>10.0.0.1"]);
}
