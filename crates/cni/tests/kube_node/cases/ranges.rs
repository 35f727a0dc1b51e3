//! What the node says, and which node it is: cases 124 to 135.

use serde_json::json;

use super::{Base, node, own_node};
use crate::support::Output;

fn with_annotation(key: &str) -> Output {
    let base = Base::new();
    base.bench.call("ADD", &base.stdin(json!({"annotation": key})))
}

#[test]
fn case_124() {
    with_annotation("a/dual").ok(&["172.20.2.2/24>172.20.2.1", "fd00::2:0:2/96>fd00::2:0:1"]);
}

#[test]
fn case_125() {
    with_annotation("a/three").error(100, "CIDR config", "Too many Ranges");
}

#[test]
fn case_126() {
    with_annotation("a/same").error(100, "CIDR config", "Subnets of same family");
}

#[test]
fn case_127() {
    with_annotation("a/absent").error(100, "Get PodCIDRs", "Annotation not found");
}

#[test]
fn case_128() {
    with_annotation("a/foo").error(100, "Get PodCIDRs", "invalid CIDR address: foo");
}

#[test]
fn case_129() {
    let details = "invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 172.20.2.0";
    with_annotation("a/hostbits").error(100, "Invoke host-local ipam", details);
}

#[test]
fn case_130() {
    with_annotation("a/blank").ok(&["172.20.2.2/24>172.20.2.1", "fd00:2::2/96>fd00:2::1"]);
}

#[test]
fn case_131() {
    let mut bare = node("n1");
    bare["spec"] = json!({});
    let base = Base::with_nodes(&[bare]);
    base.add("c1")
        .error(100, "Get PodCIDRs", "No spec.podCIDRs found");
}

#[test]
fn case_132() {
    let mut empty = node("n1");
    empty["spec"] = json!({"podCIDRs": []});
    let base = Base::with_nodes(&[empty]);
    base.add("c1").error(100, "CIDR config", "No Ranges");
}

#[test]
fn case_133() {
    let mut base = Base::new();
    base.bench.set("NODE_NAME", "nX");
    base.add("c1")
        .error(100, "Get the own node object", "Node not found");
    assert_eq!(
        base.api().count(),
        1,
        "a node that is not there is not asked for again"
    );
}

#[test]
fn case_134() {
    let mut me = own_node("me");
    me["spec"]["podCIDRs"] = json!(["10.244.7.0/24"]);
    let mut base = Base::with_nodes(&[node("n0"), me, node("n1")]);
    base.bench.unset("NODE_NAME");
    base.add("c1").ok(&["10.244.7.2/24>10.244.7.1"]);
    assert_eq!(base.api().paths(), ["/api/v1/nodes"]);
}

#[test]
fn case_135() {
    let mut base = Base::new();
    base.bench.unset("NODE_NAME");
    base.add("c1")
        .error(100, "Get the own node object", "Own node object not found");
}
