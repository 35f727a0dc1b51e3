//! §8.5 Requested addresses and CNI_ARGS.

use serde_json::{Value, json};

use crate::world::{Call, World, s, sets};

#[track_caller]
fn refused(args: &str, msg: &str) {
    let world = World::new();
    world.call(s()).args(args).run().err(999, msg);
    assert!(world.addresses().is_empty());
}

fn dual(world: &World) -> Call {
    world.call(sets(&["10.0.0.0/29", "fd00::/64"]))
}

fn runtime_ips(call: Call, ips: &Value) -> Call {
    call.with("runtimeConfig", json!({"ips": ips}))
}

#[test]
fn case_81() {
    let world = World::new();
    assert_eq!(
        world.call(s()).args("IP=10.0.0.5").run().addresses(),
        ["10.0.0.5"]
    );
    assert_eq!(world.call(s()).id("c2").run().addresses(), ["10.0.0.6"]);
}

#[test]
fn case_82() {
    World::new()
        .call(s())
        .args("IP=10.0.0.5/24")
        .run()
        .ok(&["10.0.0.5/29>10.0.0.1"]);
}

#[test]
fn case_83() {
    refused(
        "IP=10.0.0.1",
        "failed to allocate for range 0: requested ip 10.0.0.1 is subnet's gateway",
    );
}

#[test]
fn case_84() {
    refused("IP=10.7.0.1", "failed to allocate all requested IPs: 10.7.0.1");
}

#[test]
fn case_85() {
    assert_eq!(World::new().call(s()).args("IP=").run().addresses(), ["10.0.0.2"]);
}

#[test]
fn case_86() {
    refused(
        "IP=foo",
        "ARGS: error parsing value of pair \"IP=foo\": invalid IP address foo",
    );
}

#[test]
fn case_87() {
    refused("FOO=bar", "ARGS: unknown args [\"FOO=bar\"]");
    refused("FOO=bar;A=b", "ARGS: unknown args [\"FOO=bar\" \"A=b\"]");
    refused(
        "FOO=bar;IgnoreUnknown=1;IgnoreUnknown=FALSE",
        "ARGS: unknown args [\"FOO=bar\"]",
    );
}

#[test]
fn case_88() {
    assert_eq!(
        World::new()
            .call(s())
            .args("FOO=bar;IgnoreUnknown=1")
            .run()
            .addresses(),
        ["10.0.0.2"]
    );
}

#[test]
fn case_89() {
    refused("IgnoreUnknown=1;", "ARGS: invalid pair \"\"");
}

#[test]
fn case_90() {
    refused("IgnoreUnknown=1;A=b=c", "ARGS: invalid pair \"A=b=c\"");
}

#[test]
fn case_91() {
    refused("ip=10.0.0.5", "ARGS: unknown args [\"ip=10.0.0.5\"]");
}

#[test]
fn case_92() {
    let world = World::new();
    let call = world
        .call(s())
        .args("IP=10.0.0.5")
        .with("args", json!({"cni": {"ips": ["10.0.0.4"]}}));
    call.run()
        .err(999, "failed to allocate all requested IPs: 10.0.0.4");
    assert!(world.addresses().is_empty());
}

#[test]
fn case_93() {
    let world = World::new();
    let call = world
        .call(s())
        .args("IP=10.0.0.4")
        .with("args", json!({"cni": {"ips": ["10.0.0.4/29"]}}));
    let found = runtime_ips(call, &json!(["::ffff:10.0.0.4"])).run();
    assert_eq!(found.addresses(), ["10.0.0.4"]);
}

#[test]
fn case_94() {
    let found = runtime_ips(dual(&World::new()), &json!(["fd00::9", "10.0.0.4"])).run();
    found.ok(&["10.0.0.4/29>10.0.0.1", "fd00::9/64>fd00::1"]);
}

#[test]
fn case_95() {
    let found = runtime_ips(dual(&World::new()), &json!(["fd00::9"])).run();
    found.ok(&["10.0.0.2/29>10.0.0.1", "fd00::9/64>fd00::1"]);
}

#[test]
fn case_96() {
    let world = World::new();
    world.reserve("fd00::9", "other", "eth0");
    let found = runtime_ips(dual(&world), &json!(["fd00::9", "10.0.0.4"])).run();
    let msg = "failed to allocate for range 1: requested IP address fd00::9 is not available in range set \
               fd00::1-fd00::ffff:ffff:ffff:ffff";
    found.err(999, msg);
    assert_eq!(world.addresses(), ["fd00::9"]);
}

#[test]
fn case_97() {
    let world = World::new();
    for ips in [
        json!([null]),
        json!([""]),
        json!(["foo"]),
        json!([5]),
        json!("10.0.0.4"),
    ] {
        runtime_ips(world.call(s()), &ips).run().failed(999);
    }
    assert!(world.addresses().is_empty());
}

#[test]
fn case_98() {
    let world = World::new();
    assert_eq!(world.add(s()).addresses(), ["10.0.0.2"]);
    let msg = "failed to allocate for range 0: 10.0.0.2 has been allocated to c1, \
               duplicate allocation is not allowed";
    world.call(s()).args("IP=10.0.0.5").run().err(999, msg);
    assert_eq!(world.addresses(), ["10.0.0.2"]);
}

#[test]
fn case_99() {
    let world = World::new();
    assert_eq!(dual(&world).run().addresses(), ["10.0.0.2", "fd00::2"]);
    let msg = "failed to allocate for range 0: 10.0.0.2 has been allocated to c1, \
               duplicate allocation is not allowed";
    dual(&world).args("IP=10.0.0.5").run().err(999, msg);
    assert_eq!(world.addresses(), ["10.0.0.2", "fd00::2"]);
    world.assert_held("10.0.0.2", "c1", "eth0");
    world.assert_held("fd00::2", "c1", "eth0");
}
