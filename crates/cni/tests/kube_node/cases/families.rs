//! Who gets IPv4: cases 136 to 140.

use serde_json::{Value, json};

use super::{BOTH, Base};
use crate::support::Output;

/// An ADD; the sets keep their numbers, so that a pod without IPv4 does not disturb the round robin of the others.
fn add(ipam: Value, args: Option<&str>) -> Output {
    let mut base = Base::new();
    if let Some(args) = args {
        base.bench.set("CNI_ARGS", args);
    }
    let output = base.bench.call("ADD", &base.stdin(ipam));
    let last = |number| base.bench.path(&format!("data/k8snet/last_reserved_ip.{number}"));
    let written = [0, 1].map(|number| std::fs::exists(last(number)).unwrap());
    assert_eq!(
        written,
        [
            output.stdout.contains("10.244.1.2"),
            output.stdout.contains("fd00:1::2")
        ],
        "{output:?}"
    );
    output
}

fn in_namespace(ipam: Value, args: &str) -> Output {
    add(ipam, Some(args))
}

#[test]
fn case_136() {
    in_namespace(
        json!({"ipv4-namespaces": ["old"]}),
        "IgnoreUnknown=1;K8S_POD_NAMESPACE=default",
    )
    .ok(&["fd00:1::2/64>fd00:1::1"]);
}

#[test]
fn case_137() {
    in_namespace(
        json!({"ipv4-namespaces": ["old"]}),
        "IgnoreUnknown=1;K8S_POD_NAMESPACE=old",
    )
    .ok(&BOTH);
}

#[test]
fn case_138() {
    in_namespace(
        json!({"ipv4-namespaces": []}),
        "IgnoreUnknown=1;K8S_POD_NAMESPACE=default",
    )
    .ok(&["fd00:1::2/64>fd00:1::1"]);
}

#[test]
fn case_139() {
    add(json!({"ipv4-namespaces": ["old"]}), None).ok(&["fd00:1::2/64>fd00:1::1"]);
}

#[test]
fn case_140() {
    let ipam = json!({"ipv4-namespaces": ["old"], "annotation": "a/one"});
    in_namespace(ipam, "IgnoreUnknown=1;K8S_POD_NAMESPACE=other").error(
        100,
        "Invoke host-local ipam",
        "no IP ranges specified",
    );
}

#[test]
fn a_pod_that_may_have_nothing_costs_no_request() {
    let mut base = Base::new();
    base.bench
        .set("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=other");
    let network = base.stdin(json!({"ipv4-namespaces": ["old"], "annotation": "a/one"}));
    for container in ["c1", "c2", "c3"] {
        base.bench.call_for("ADD", container, &network).error(
            100,
            "Invoke host-local ipam",
            "no IP ranges specified",
        );
    }
    assert_eq!(
        base.api().count(),
        1,
        "the ranges are remembered, and nothing is wrong with them"
    );
}
