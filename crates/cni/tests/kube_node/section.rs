//! What the `ipam` section, the node and the command line may say besides (spec cni-ipam §5.2, §5.4).

use std::fs;

use serde_json::json;

use super::{
    BOTH, Base,
    support::{node, own_node},
};

#[test]
fn machines_with_one_id_are_not_guessed() {
    let mut base = Base::with_nodes(&[own_node("a"), own_node("b")]);
    base.bench.unset("NODE_NAME");
    base.add("c1").error(
        100,
        "Get the own node object",
        "Several nodes have this machine-id",
    );
    base.bench
        .call("ADD", &base.stdin(json!({"nodeName": "b"})))
        .ok(&BOTH);
}

#[test]
fn an_annotation_may_say_more_than_subnets() {
    let base = Base::new();
    for container in ["c1", "c2"] {
        let output = base
            .bench
            .call_for("ADD", container, &base.stdin(json!({"annotation": "a/rich"})))
            .json();
        assert_eq!(output["routes"], json!([{"dst": "0.0.0.0/0"}]));
    }
    assert_eq!(
        base.bench.reservations("k8snet").into_keys().collect::<Vec<_>>(),
        ["172.20.2.40", "172.20.2.41"]
    );
    assert_eq!(base.api().count(), 1);
}

#[test]
fn routes_and_previous_result_are_honoured() {
    let base = Base::new();
    let output = base
        .bench
        .call("ADD", &base.stdin(json!({"routes": [{"dst": "192.168.0.0/16"}]})))
        .json();
    assert_eq!(output["routes"], json!([{"dst": "192.168.0.0/16"}]));
    let previous =
        |address: &str| json!({"prevResult": {"cniVersion": "1.0.0", "ips": [{"address": address}]}});
    let check = |address| {
        base.bench.call(
            "CHECK",
            &base.network("k8snet", "1.0.0", json!({}), previous(address)),
        )
    };
    check("10.244.1.2/24").ok_empty();
    let details = check("10.244.1.9/24").failed(100, "Invoke host-local ipam");
    assert_eq!(
        details,
        "host-local: Failed to find address added by container c1"
    );
}

#[test]
fn del_and_gc_survive_a_broken_section_and_find_the_directory_of_the_cache() {
    let base = Base::new();
    let elsewhere = base.bench.path("elsewhere");
    let cache = json!({"type": "host-local", "dataDir": elsewhere, "ranges": [[{"subnet": "30.0.1.0/24"}]]});
    base.bench.write("data/kube-node.json", &cache.to_string());
    base.add("c1").ok(&["30.0.1.2/24>30.0.1.1"]);
    assert!(fs::exists(base.bench.path("elsewhere/k8snet/30.0.1.2")).unwrap());
    base.bench.write("data/k8snet/10.9.9.9", "c1\r\neth0");
    let broken = json!({"kubeconfig": 1, "ipv4-namespaces": "x", "cacheTTL": "y", "routes": 7});
    base.bench.call_for("DEL", "c1", &base.stdin(broken)).ok_empty();
    assert!(!fs::exists(base.bench.path("elsewhere/k8snet/30.0.1.2")).unwrap());
    assert!(
        base.bench.reservations("k8snet").is_empty(),
        "also where the configuration points"
    );
}

#[test]
fn a_section_that_cannot_be_read_is_code_6() {
    let base = Base::new();
    let none = json!({"cniVersion": "1.0.0", "name": "k8snet"}).to_string();
    base.bench
        .call("ADD", &none)
        .error(6, "Decode stdin", "No IPAM found");
    base.bench
        .call("ADD", &base.stdin(json!({"kubeconfig": 1})))
        .error(
            6,
            "Decode stdin",
            "ipam.kubeconfig must be a string, not a number",
        );
}

#[test]
fn the_log_is_written_and_never_in_the_way() {
    let base = Base::new();
    let log = base.bench.path("log");
    base.bench
        .call("ADD", &base.stdin(json!({"logfile": log, "loglevel": "debug"})))
        .ok(&BOTH);
    base.bench
        .call("ADD", &base.stdin(json!({"logfile": log, "loglevel": -2})))
        .failed(100, "Invoke host-local ipam");
    let text = fs::read_to_string(&log).unwrap();
    assert!(
        text.contains("DEBUG kube-node") && text.contains("read node n1"),
        "{text}"
    );
    assert!(
        text.contains("ERROR kube-node") && text.contains("duplicate"),
        "{text}"
    );
    for (container, file) in [("c2", "/nonexistent/log"), ("c3", "stdout"), ("c4", "stderr")] {
        base.bench
            .call_for("ADD", container, &base.stdin(json!({"logfile": file})))
            .addresses();
    }
}

#[test]
fn flags_are_those_of_the_replaced_program() {
    let mut base = Base::new();
    for flag in ["-version", "--version"] {
        base.bench.args = vec![flag.to_owned()];
        let output = base.bench.call("", "");
        assert_eq!(
            (output.code, output.stdout.trim_end()),
            (0, env!("CARGO_PKG_VERSION"))
        );
    }
    base.bench.args = vec!["-bogus".to_owned()];
    let output = base.bench.call("", "");
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    assert!(output.stderr.contains("-version"));
    base.bench.args.clear();
    let output = base.bench.call("", "");
    assert_eq!((output.code, output.stdout.as_str()), (0, ""));
    assert_eq!(base.api().count(), 0);
}

/// Spec §11.1: on unless somebody says otherwise.
#[test]
fn reservations_from_before_a_start_of_the_machine_are_dropped_unless_told_not_to() {
    for (ipam, left) in [
        (json!({}), vec!["10.244.1.3"]),
        (json!({"reclaimOnBoot": false}), vec!["10.244.1.2", "10.244.1.3"]),
    ] {
        let base = Base::with_nodes(&[{
            let mut node = node("n1");
            node["spec"]["podCIDRs"] = json!(["10.244.1.0/24"]);
            node
        }]);
        base.add("c1").addresses();
        base.bench.pretend_restart("k8snet", "10.244.1.2");
        base.bench.call_for("ADD", "c2", &base.stdin(ipam)).addresses();
        let held = base.bench.reservations("k8snet");
        assert_eq!(held.into_keys().collect::<Vec<_>>(), left);
    }
}
