//! §8.1 Protocol.

use serde_json::{Value, json};

use crate::world::{World, s};

const FIRST: &str = "10.0.0.2/29>10.0.0.1";

fn versions() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "supportedVersions": ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"],
    })
}

fn without_attachment(world: &World) -> crate::world::Call {
    let call = world.call(s()).unset("CNI_CONTAINERID").unset("CNI_NETNS");
    call.unset("CNI_IFNAME").unset("CNI_PATH")
}

#[test]
fn case_1() {
    let world = World::new();
    without_attachment(&world)
        .command("VERSION")
        .stdin("")
        .run()
        .result(&versions());
}

#[test]
fn case_2() {
    let call = World::new().call(s()).command("VERSION").stdin("garbage");
    call.id("a/b").env("CNI_IFNAME", "a/b").run().result(&versions());
}

#[test]
fn case_3() {
    let found = World::new().call(s()).unset("CNI_COMMAND").stdin("").run();
    found.silent();
    assert!(
        found.stderr.contains("CNI protocol versions supported: 0.1.0, "),
        "{}",
        found.stderr
    );
    assert_eq!(found.stderr.lines().count(), 2);
}

#[test]
fn case_4() {
    World::new()
        .call(s())
        .command("FOO")
        .run()
        .err(4, "unknown CNI_COMMAND: FOO");
}

#[test]
fn case_5() {
    World::new()
        .call(s())
        .command("add")
        .run()
        .err(4, "unknown CNI_COMMAND: add");
}

#[test]
fn case_6() {
    let world = World::new();
    let all = "required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH] missing";
    without_attachment(&world).run().err(4, all);
    // An empty value counts as absent.
    without_attachment(&world).id("").run().err(4, all);
}

#[test]
fn case_7() {
    World::new()
        .call(s())
        .command("DEL")
        .unset("CNI_NETNS")
        .run()
        .silent();
}

#[test]
fn case_8() {
    let found = World::new()
        .call(s())
        .id("-bad")
        .run()
        .err(4, "invalid characters in containerID");
    assert_eq!(found["details"], "-bad");
    // A bad value comes before missing ones.
    let call = World::new().call(s()).id("-bad").unset("CNI_NETNS");
    call.run().err(4, "invalid characters in containerID");
}

#[test]
fn case_9() {
    World::new()
        .call(s())
        .id("a\n")
        .run()
        .err(4, "invalid characters in containerID");
}

#[test]
fn case_10() {
    let world = World::new();
    let found = world.call(s()).env("CNI_IFNAME", "abcdefghijklmnop").run();
    let found = found.err(4, "interface name is too long");
    assert_eq!(
        found["details"],
        "interface name should be less than 16 characters"
    );
    world
        .call(s())
        .env("CNI_IFNAME", "abcdefghijklmno")
        .run()
        .ok(&[FIRST]);
    for dots in [".", ".."] {
        world
            .call(s())
            .env("CNI_IFNAME", dots)
            .run()
            .err(4, "interface name is . or ..");
    }
}

#[test]
fn case_11() {
    let world = World::new();
    for name in ["a b", "a:b", "a/b", "a\u{2003}b"] {
        let found = world.call(s()).env("CNI_IFNAME", name).run();
        found.err(4, "interface name contains / or : or whitespace characters");
    }
}

#[test]
fn case_12() {
    let world = World::new();
    world.call(s()).env("CNI_IFNAME", "été").run().ok(&[FIRST]);
    world.assert_held("10.0.0.2", "c1", "été");
}

#[test]
fn case_13() {
    let found = World::new().call(s()).stdin("").run().failed(6);
    assert!(
        found["msg"]
            .as_str()
            .unwrap()
            .starts_with("error unmarshall network config: "),
        "{found}"
    );
    assert_eq!(found["cniVersion"], "0.1.0");
}

#[test]
fn case_14() {
    let call = World::new().call(s());
    let text = call.text();
    call.clone().stdin(format!("{text} xx")).run().failed(6);
    call.clone().stdin(format!("\u{feff}{text}")).run().failed(6);
    call.stdin(format!("{text} \n\t")).run().ok(&[FIRST]);
}

#[test]
fn case_15() {
    let world = World::new();
    world.call(s()).stdin("null").run().err(7, "missing network name");
    world
        .call(s())
        .with("name", json!(""))
        .run()
        .err(7, "missing network name");
    world.call(s()).with("name", json!(5)).run().failed(6);
}

#[test]
fn case_16() {
    let found = World::new().call(s()).with("name", json!("a/b")).run();
    let found = found.err(7, "invalid characters found in network name");
    assert_eq!(found["details"], "a/b");
}

#[test]
fn case_17() {
    let world = World::new();
    for name in ["..", ".", ".ipam-index", "a\n", "../../etc"] {
        let found = world.call(s()).with("name", json!(name)).run();
        found.err(7, "invalid characters found in network name");
    }
}

#[test]
fn case_18() {
    let found = World::new()
        .call(s())
        .version("2.0.0")
        .run()
        .err(1, "incompatible CNI versions");
    assert_eq!(found["cniVersion"], "2.0.0");
    let supported = r#"["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]"#;
    assert_eq!(
        found["details"],
        format!(r#"config is "2.0.0", plugin supports {supported}"#)
    );
}

#[test]
fn case_19() {
    World::new()
        .call(s())
        .with("cniVersion", json!(1))
        .run()
        .failed(6);
}

#[test]
fn case_20() {
    World::new()
        .call(s())
        .without("ipam")
        .run()
        .err(999, "IPAM config missing 'ipam' key");
}

#[test]
fn case_21() {
    let world = World::new();
    let config = json!({
        "NAME": "net", "CniVersion": "1.0.0",
        "IPAM": {"DATADIR": world.data, "Subnet": "10.2.0.0/24", "rangestart": "10.2.0.9"},
    });
    world
        .call(s())
        .stdin(config.to_string())
        .run()
        .ok(&["10.2.0.9/24>10.2.0.1"]);
    assert_eq!(world.addresses(), ["10.2.0.9"]);
}

#[test]
fn case_22() {
    let world = World::new();
    let data = json!(world.data);
    let ipam = format!(r#"{{"dataDir":{data},"subnet":"10.0.0.0/24","subnet":"10.1.0.0/24"}}"#);
    let config = format!(r#"{{"cniVersion":"1.0.0","name":"net","ipam":{ipam}}}"#);
    world.call(s()).stdin(config).run().ok(&["10.1.0.2/24>10.1.0.1"]);
}

#[test]
fn case_23() {
    let world = World::new();
    let own = "/proc/self/ns/net";
    let msg = "plugin's netns and netns from CNI_NETNS should not be the same";
    world.call(s()).env("CNI_NETNS", own).run().err(8, msg);
    assert!(world.addresses().is_empty());
    // DEL releases first.
    world.reserve("10.0.0.3", "c1", "eth0");
    world
        .call(s())
        .command("DEL")
        .env("CNI_NETNS", own)
        .run()
        .err(8, msg);
    assert!(world.addresses().is_empty());
}

#[test]
fn case_24() {
    let call = World::new().call(s()).env("CNI_NETNS", "/proc/self/ns/net");
    call.env("CNI_NETNS_OVERRIDE", "TRUE").run().ok(&[FIRST]);
}
