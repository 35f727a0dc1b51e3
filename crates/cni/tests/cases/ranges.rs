//! §8.3 Ranges.

use serde_json::{Value, json};

use crate::world::{World, names, s, sets, subnet};

/// ADDs for c1, c2, … until each has one of these addresses; then the range is exhausted with this text.
#[track_caller]
fn adds(given: &Value, expected: &[&str], exhausted: Option<&str>) {
    let world = World::new();
    let calls = (1..).map(|n| world.call(given.clone()).id(&format!("c{n}")));
    let mut calls = calls.into_iter();
    for address in expected {
        assert_eq!(calls.next().unwrap().run().addresses(), [*address]);
    }
    if let Some(ranges) = exhausted {
        let msg = format!("failed to allocate for range 0: no IP addresses available in range set: {ranges}");
        calls.next().unwrap().run().err(999, &msg);
    }
    assert_eq!(world.addresses().len(), expected.len());
}

#[track_caller]
fn refused(given: Value, msg: &str) {
    let world = World::new();
    world.add(given).err(999, msg);
    assert!(world.addresses().is_empty());
}

#[test]
fn case_38() {
    refused(
        subnet("10.0.0.0/31"),
        "invalid range set 0: Network 10.0.0.0/31 too small to allocate from",
    );
}

#[test]
fn case_39() {
    refused(
        subnet("fd00::/127"),
        "invalid range set 0: Network fd00::/127 too small to allocate from",
    );
}

#[test]
fn case_40() {
    World::new()
        .add(subnet("10.0.0.0/30"))
        .ok(&["10.0.0.2/30>10.0.0.1"]);
    adds(&subnet("10.0.0.0/30"), &["10.0.0.2"], Some("10.0.0.1-10.0.0.2"));
}

#[test]
fn case_41() {
    adds(
        &subnet("fd00::/126"),
        &["fd00::2", "fd00::3"],
        Some("fd00::1-fd00::3"),
    );
}

#[test]
fn case_42() {
    let msg = "invalid range set 0: Network has host bits set. \
               For a subnet mask of length 24 the network address is 10.0.0.0";
    refused(subnet("10.0.0.5/24"), msg);
}

#[test]
fn case_43() {
    refused(subnet("010.0.0.0/24"), "invalid CIDR address: 010.0.0.0/24");
    refused(subnet(""), "invalid CIDR address: ");
    refused(subnet("fe80::%eth0/64"), "invalid CIDR address: fe80::%eth0/64");
    World::new()
        .add(subnet("10.0.0.0/024"))
        .ok(&["10.0.0.2/24>10.0.0.1"]);
}

#[test]
fn case_44() {
    let given = json!({"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.20", "rangeEnd": "10.0.0.10"});
    refused(
        given,
        "invalid range set 0: RangeStart 10.0.0.20 not in network 10.0.0.0/24",
    );
}

#[test]
fn case_45() {
    let given = json!({"subnet": "10.0.0.0/24", "rangeEnd": "10.0.1.5"});
    refused(
        given,
        "invalid range set 0: RangeEnd 10.0.1.5 not in network 10.0.0.0/24",
    );
}

#[test]
fn case_46() {
    let given = json!({"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.0", "rangeEnd": "10.0.0.3"});
    adds(
        &given,
        &["10.0.0.0", "10.0.0.2", "10.0.0.3"],
        Some("10.0.0.0-10.0.0.3"),
    );
}

#[test]
fn case_47() {
    let given = json!({"subnet": "10.0.0.0/29", "rangeStart": "10.0.0.5", "rangeEnd": "10.0.0.7"});
    adds(
        &given,
        &["10.0.0.5", "10.0.0.6", "10.0.0.7"],
        Some("10.0.0.5-10.0.0.7"),
    );
}

#[test]
fn case_48() {
    let given = json!({
        "subnet": "10.0.0.0/24", "gateway": "192.168.1.1", "rangeStart": "10.0.0.1", "rangeEnd": "10.0.0.2",
    });
    World::new().add(given).ok(&["10.0.0.1/24>192.168.1.1"]);
}

#[test]
fn case_49() {
    let given = json!({"subnet": "10.0.0.0/29", "gateway": "10.0.0.4"});
    let expected = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.5", "10.0.0.6"];
    adds(&given, &expected, Some("10.0.0.1-10.0.0.6"));
}

#[test]
fn case_50() {
    let given = json!({"subnet": "10.0.0.0/29", "rangeStart": "10.0.0.1", "rangeEnd": "10.0.0.1"});
    adds(&given, &[], Some("10.0.0.1-10.0.0.1"));
}

#[test]
fn case_51() {
    refused(
        subnet("::ffff:10.0.0.0/120"),
        "invalid range set 0: IPNet IP and Mask version mismatch",
    );
}

#[test]
fn case_52() {
    let world = World::new();
    world.add(subnet("FD00:0:0::/64")).ok(&["fd00::2/64>fd00::1"]);
    world.assert_held("fd00::2", "c1", "eth0");
}

#[test]
fn case_53() {
    let world = World::new();
    let given = json!({
        "subnet": "4000::16.0.0.0/120", "rangeStart": "4000::16.0.0.0", "rangeEnd": "4000::16.0.0.7",
    });
    world.add(given.clone()).ok(&["4000::1000:0/120>4000::1000:1"]);
    world
        .call(given)
        .id("c2")
        .run()
        .ok(&["4000::1000:2/120>4000::1000:1"]);
    // Addresses that look like IPv4 stay IPv6 (§4.4).
    World::new()
        .add(subnet("::1.2.3.0/120"))
        .ok(&["::102:302/120>::102:301"]);
}

#[test]
fn case_54() {
    let given = json!({"subnet": "10.0.0.0/29", "gateway": "", "rangeStart": ""});
    World::new().add(given).ok(&["10.0.0.2/29>10.0.0.1"]);
}

#[test]
fn case_55() {
    let world = World::new();
    let found = world
        .add(json!({"ranges": [{"subnet": "10.0.0.0/24"}]}))
        .failed(999);
    assert!(found["msg"].as_str().unwrap().contains("ranges"), "{found}");
    assert!(names(&world.data).is_empty(), "nothing is made");
}

#[test]
fn case_56() {
    refused(json!({"ranges": [[]]}), "invalid range set 0: empty range set");
}

#[test]
fn case_57() {
    let given = json!({"ranges": [[{"subnet": "10.0.0.0/24"}, {"subnet": "fd00::/64"}]]});
    refused(given, "invalid range set 0: mixed address families");
}

#[test]
fn case_58() {
    refused(
        sets(&["10.0.0.0/24", "fd00::/64", "10.0.0.0/25"]),
        "range set 0 overlaps with 2",
    );
    let within = json!({"ranges": [[{"subnet": "10.0.0.0/24"}, {"subnet": "10.0.0.0/25"}]]});
    let msg = "invalid range set 0: subnets 10.0.0.1-10.0.0.254 and 10.0.0.1-10.0.0.126 overlap";
    refused(within, msg);
}

#[test]
fn case_59() {
    let range = |from: u8, to: u8| {
        json!({
            "subnet": "10.0.0.0/24", "rangeStart": format!("10.0.0.{from}"), "rangeEnd": format!("10.0.0.{to}"),
        })
    };
    let given = json!({"ranges": [[range(10, 11), range(20, 21)]]});
    let expected = ["10.0.0.10", "10.0.0.11", "10.0.0.20", "10.0.0.21"];
    adds(&given, &expected, Some("10.0.0.10-10.0.0.11,10.0.0.20-10.0.0.21"));
}

#[test]
fn case_60() {
    let world = World::new();
    let mut given = sets(&["10.1.0.0/24", "fd00::/64"]);
    given["subnet"] = json!("10.0.0.0/24");
    world.add(given).ok(&[
        "10.0.0.2/24>10.0.0.1",
        "10.1.0.2/24>10.1.0.1",
        "fd00::2/64>fd00::1",
    ]);
    for (name, content) in [
        ("last_reserved_ip.0", "10.0.0.2"),
        ("last_reserved_ip.1", "10.1.0.2"),
        ("last_reserved_ip.2", "fd00::2"),
    ] {
        assert_eq!(world.file(name).as_deref(), Some(content));
    }
}

#[test]
fn case_61() {
    let ranges = json!([[{"subnet": "10.5.0.0/24", "rangeStart": "10.5.0.9"}]]);
    let call = World::new()
        .call(s())
        .with("runtimeConfig", json!({"ipRanges": ranges}));
    call.run().ok(&["10.5.0.9/24>10.5.0.1", "10.0.0.2/29>10.0.0.1"]);
}

#[test]
fn case_62() {
    refused(json!({}), "no IP ranges specified");
    refused(
        json!({"rangeStart": "10.0.0.1", "gateway": "10.0.0.9"}),
        "no IP ranges specified",
    );
    refused(json!({"ranges": null, "subnet": null}), "no IP ranges specified");
}
