//! §8.6 DEL, CHECK, GC, STATUS.

use serde_json::{Value, json};

use crate::world::{Outcome, World, names, s, subnet};

const NOT_FOUND: &str = "host-local: Failed to find address added by container c1";

fn del(world: &World) -> Outcome {
    world.call(s()).command("DEL").run()
}

fn check(world: &World, version: &str) -> Outcome {
    world.call(s()).command("CHECK").version(version).run()
}

/// GC with this list of attachments; `None` for no list.
fn gc(world: &World, valid: Option<Value>) -> Outcome {
    let call = world.call(s()).command("GC").version("1.1.0");
    let call = call
        .unset("CNI_CONTAINERID")
        .unset("CNI_NETNS")
        .unset("CNI_IFNAME");
    match valid {
        Some(valid) => call.with("cni.dev/valid-attachments", valid).run(),
        None => call.run(),
    }
}

fn status(world: &World, given: Value) -> Outcome {
    let call = world.call(given).command("STATUS").version("1.1.0");
    call.unset("CNI_CONTAINERID")
        .unset("CNI_NETNS")
        .unset("CNI_IFNAME")
        .unset("CNI_PATH")
        .run()
}

#[test]
fn case_100() {
    let world = World::new();
    world.add(s()).ok(&["10.0.0.2/29>10.0.0.1"]);
    del(&world).silent();
    del(&world).silent();
    assert_eq!(names(&world.net()), ["last_reserved_ip.0", "lock"]);
    assert_eq!(world.file("last_reserved_ip.0").as_deref(), Some("10.0.0.2"));
}

#[test]
fn case_101() {
    let world = World::new();
    del(&world).silent();
    assert!(names(&world.data).is_empty());
}

#[test]
fn case_102() {
    let world = World::new();
    world.reserve("10.0.0.3", "c1", "net1");
    del(&world).silent();
    assert_eq!(world.addresses(), ["10.0.0.3"]);
}

#[test]
fn case_103() {
    let world = World::new();
    world.put("10.0.0.3", "c1");
    del(&world).silent();
    assert!(world.addresses().is_empty());
}

#[test]
fn case_104() {
    let world = World::new();
    world.put("10.0.0.3", "c1");
    world.reserve("10.0.0.4", "c1", "eth0");
    del(&world).silent();
    assert_eq!(world.addresses(), ["10.0.0.3"]);
}

#[test]
fn case_105() {
    let world = World::new();
    world.reserve("192.168.7.3", "c1", "eth0");
    world.reserve("fd00::5", "c1", "eth0");
    // Another spelling is a reservation as well.
    world.reserve("fd00:0::7", "c1", "eth0");
    del(&world).silent();
    assert!(world.addresses().is_empty());
}

#[test]
fn case_106() {
    let world = World::new();
    world.reserve("README", "c1", "eth0");
    world.reserve("sub/foo", "c1", "eth0");
    world.reserve("sub/10.0.0.3", "c1", "eth0");
    del(&world).silent();
    world.assert_held("README", "c1", "eth0");
    world.assert_held("sub/foo", "c1", "eth0");
    world.assert_held("sub/10.0.0.3", "c1", "eth0");
}

#[test]
fn case_107() {
    let world = World::new();
    world.put("last_reserved_ip.0", "10.0.0.3");
    world.call(s()).command("DEL").id("10.0.0.3").run().silent();
    assert_eq!(world.file("last_reserved_ip.0").as_deref(), Some("10.0.0.3"));
}

#[test]
fn case_108() {
    for given in [
        subnet("10.0.0.1/29"),
        json!({}),
        json!({"routes": [{}], "ranges": 5, "resolvConf": "/none"}),
    ] {
        let world = World::new();
        world.reserve("10.0.0.3", "c1", "eth0");
        world.call(given).command("DEL").run().silent();
        assert!(world.addresses().is_empty());
    }
    let world = World::new();
    world.reserve("10.0.0.3", "c1", "eth0");
    world.call(s()).command("DEL").args("FOO=bar").run().silent();
    assert!(world.addresses().is_empty());
}

#[test]
fn case_109() {
    check(&World::new(), "0.3.1").err(1, "config version does not allow CHECK");
}

#[test]
fn case_110() {
    let world = World::new();
    world.reserve("10.0.0.3", "c1", "eth0");
    check(&world, "0.4.0").silent();
    let legacy = World::new();
    legacy.put("10.0.0.3", "c1");
    check(&legacy, "1.1.0").silent();
}

#[test]
fn case_111() {
    let world = World::new();
    check(&world, "1.0.0").err(999, NOT_FOUND);
    assert!(names(&world.data).is_empty(), "CHECK makes no directory");
    world.reserve("10.0.0.3", "c2", "eth0");
    check(&world, "1.0.0").err(999, NOT_FOUND);
}

#[test]
fn case_112() {
    let world = World::new();
    world.reserve("10.0.0.3", "c1", "eth0");
    let with = |addresses: &[&str]| {
        let ips: Vec<Value> = addresses
            .iter()
            .map(|address| json!({"address": address}))
            .collect();
        let call = world
            .call(s())
            .command("CHECK")
            .with("prevResult", json!({"ips": ips}));
        call.run()
    };
    with(&["10.0.0.4/29"]).err(999, NOT_FOUND);
    with(&["10.0.0.3/29", "10.0.0.4/29"]).err(999, NOT_FOUND);
    // Addresses of other plugins are not ours to judge.
    with(&["10.0.0.3/29", "192.168.0.1/24"]).silent();
}

#[test]
fn case_113() {
    let call = World::new().call(s()).command("GC").version("1.0.0");
    call.run().err(1, "config version does not allow GC");
    let call = World::new().call(s()).command("STATUS").version("1.0.0");
    call.run().err(1, "config version does not allow STATUS");
    let call = World::new().call(s()).command("STATUS").version("1.2.0");
    call.run().err(1, "plugin version does not allow STATUS");
    World::new()
        .call(s())
        .command("STATUS")
        .version("one")
        .run()
        .failed(6);
}

#[test]
fn case_114() {
    let world = World::new();
    world.reserve("10.0.0.3", "c1", "eth0");
    world.reserve("10.0.0.4", "c2", "eth0");
    world.put("10.0.0.5", "c1");
    for name in ["10.0.0.6", "lock"] {
        world.put(name, "");
    }
    world.put("last_reserved_ip.0", "10.0.0.4");
    world.put("kube-node.json", "{}");
    gc(&world, Some(json!([{"containerID": "c1", "ifname": "eth0"}]))).silent();
    let left = [
        "10.0.0.3",
        "10.0.0.5",
        "kube-node.json",
        "last_reserved_ip.0",
        "lock",
    ];
    assert_eq!(names(&world.net()), left);
    world.assert_held("10.0.0.3", "c1", "eth0");
    for (name, content) in [
        ("10.0.0.5", "c1"),
        ("last_reserved_ip.0", "10.0.0.4"),
        ("lock", ""),
        ("kube-node.json", "{}"),
    ] {
        assert_eq!(world.file(name).as_deref(), Some(content), "{name}");
    }
}

#[test]
fn case_115() {
    let world = World::new();
    world.reserve("10.0.0.3", "c1", "eth0");
    let found = gc(&world, None);
    found.silent();
    assert_eq!(found.stderr.lines().count(), 1, "{}", found.stderr);
    assert_eq!(world.addresses(), ["10.0.0.3"]);
}

#[test]
fn case_116() {
    for nothing in [json!([]), json!(null)] {
        let world = World::new();
        world.reserve("10.0.0.3", "c1", "eth0");
        world.put("192.168.0.4", "c2");
        for (name, content) in [
            ("last_reserved_ip.0", "10.0.0.3"),
            ("lock", ""),
            ("README", "c1\r\neth0"),
        ] {
            world.put(name, content);
        }
        gc(&world, Some(nothing)).silent();
        assert!(world.addresses().is_empty());
        assert_eq!(names(&world.net()), ["README", "last_reserved_ip.0", "lock"]);
        assert_eq!(world.file("last_reserved_ip.0").as_deref(), Some("10.0.0.3"));
        assert_eq!(world.file("README").as_deref(), Some("c1\r\neth0"));
    }
    // The key of the early specification, and lists that are none (§4.8).
    let world = World::new();
    world.reserve("10.0.0.3", "c1", "eth0");
    for wrong in [
        json!("all"),
        json!([{"ifname": "eth0"}]),
        json!([{"containerID": ""}]),
        json!([null]),
    ] {
        gc(&world, Some(wrong)).failed(7);
    }
    assert_eq!(world.addresses(), ["10.0.0.3"]);
    let call = world.call(s()).command("GC").version("1.1.0");
    call.with("cni.dev/attachments", json!([])).run().silent();
    assert!(world.addresses().is_empty());
}

#[test]
fn case_117() {
    let world = World::new();
    status(&world, s()).silent();
    assert!(names(&world.data).is_empty(), "STATUS makes nothing");
}

#[test]
fn case_118() {
    let world = World::new();
    for n in 2..=6 {
        world.reserve(&format!("10.0.0.{n}"), &format!("c{n}"), "eth0");
    }
    status(&world, s()).err(50, "no IP addresses available in range set: 10.0.0.1-10.0.0.6");
    // Debris counts as free.
    world.put("10.0.0.4", "");
    status(&world, s()).silent();
    assert_eq!(world.file("10.0.0.4").as_deref(), Some(""));
}

#[test]
fn case_119() {
    let found = status(&World::new(), subnet("foo")).failed(50);
    assert_eq!(found["details"], "invalid CIDR address: foo");
}
