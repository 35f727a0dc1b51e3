//! An API server that misbehaves, and what is remembered (spec cni-ipam §5.3, §5.5).

use std::{fs, time::Duration};

use serde_json::{Value, json};

use super::{
    Base,
    support::{Fault, node, own_node},
};

const BOTH: [&str; 2] = ["10.244.1.2/24>10.244.1.1", "fd00:1::2/64>fd00:1::1"];

#[test]
fn what_may_pass_is_tried_again() {
    for fault in [
        Fault::Status(429, "Retry-After: 1\r\n"),
        Fault::Status(500, ""),
        Fault::Status(503, ""),
        Fault::Truncate,
    ] {
        let base = Base::new();
        base.api().next(std::slice::from_ref(&fault));
        let output = base.add("c1");
        output.ok(&BOTH);
        assert_eq!(base.api().count(), 2, "{fault:?}");
        if matches!(fault, Fault::Status(429, _)) {
            assert!(
                output.took >= Duration::from_secs(1),
                "Retry-After is honoured: {output:?}"
            );
        }
    }
}

#[test]
fn a_wait_that_does_not_fit_is_not_begun() {
    let base = Base::new();
    base.api().always(Fault::Status(429, "Retry-After: 3600\r\n"));
    let output = base.add("c1");
    assert!(
        output
            .failed(11, "Get the own node object")
            .contains("429: as told"),
        "{output:?}"
    );
    assert!(output.took < Duration::from_secs(10), "{output:?}");
}

#[test]
fn chunks_and_slow_answers_are_read() {
    for fault in [Fault::Chunks, Fault::Slow] {
        let base = Base::new();
        base.api().next(&[fault]);
        base.add("c1").ok(&BOTH);
        assert_eq!(base.api().count(), 1);
    }
}

#[test]
fn a_server_that_hangs_is_given_up_after_fifteen_seconds() {
    let base = Base::new();
    base.api().always(Fault::Hang);
    let output = base.add("c1");
    assert!(
        output
            .failed(11, "Get the own node object")
            .contains("no answer in time"),
        "{output:?}"
    );
    assert!(
        (Duration::from_secs(14)..Duration::from_millis(17_500)).contains(&output.took),
        "{output:?}"
    );
}

#[test]
fn status_does_not_wait_for_a_server_that_hangs() {
    let base = Base::new();
    base.api().always(Fault::Hang);
    let output = base
        .bench
        .call("STATUS", &base.network("k8snet", "1.1.0", json!({}), json!({})));
    output.failed(50, "Get the own node object");
    assert!(output.took < Duration::from_millis(4500), "{output:?}");
}

#[test]
fn what_does_not_pass_is_final() {
    for (fault, expected) in [
        (Fault::Status(401, ""), "check the credentials in"),
        (Fault::Status(302, ""), "answered 302"),
        (Fault::Garbage, "not what the Kubernetes API gives"),
    ] {
        let base = Base::new();
        base.api().always(fault);
        let details = base.add("c1").failed(100, "Get the own node object");
        assert!(details.contains(expected), "{details} should contain {expected}");
        assert_eq!(base.api().count(), 1);
    }
}

#[test]
fn a_forbidden_get_becomes_a_list() {
    let base = Base::new();
    base.api().forbid_get();
    base.add("c1").ok(&BOTH);
    assert_eq!(
        base.api().paths(),
        [
            "/api/v1/nodes/n1",
            "/api/v1/nodes?fieldSelector=metadata.name%3Dn1"
        ]
    );
}

#[test]
fn forbidden_both_ways_is_final() {
    let base = Base::new();
    base.api().always(Fault::Status(403, ""));
    assert!(
        base.add("c1")
            .failed(100, "Get the own node object")
            .contains("403: as told")
    );
    assert_eq!(base.api().count(), 2);
}

#[test]
fn a_remembered_range_needs_nothing_of_the_way_to_the_server() {
    let base = Base::new();
    base.add("c1").ok(&BOTH);
    fs::write(base.bench.path("kubeconfig"), "broken: [").unwrap();
    base.add("c2").addresses();
    base.bench
        .call_for("CHECK", "c2", &base.stdin(json!({})))
        .ok_empty();
    base.bench
        .call("STATUS", &base.network("k8snet", "1.1.0", json!({}), json!({})))
        .ok_empty();
    assert_eq!(base.api().count(), 1);
}

fn set_ranges(base: &Base, cidrs: Value) {
    let mut changed = node("n1");
    changed["spec"]["podCIDRs"] = cidrs;
    base.api().set_nodes(&[changed]);
}

#[test]
fn a_full_range_is_looked_up_again_and_a_new_one_used() {
    let base = Base::new();
    set_ranges(&base, json!(["10.244.1.0/30"]));
    base.add("c1").ok(&["10.244.1.2/30>10.244.1.1"]);
    let exhausted =
        "failed to allocate for range 0: no IP addresses available in range set: 10.244.1.1-10.244.1.2";
    base.add("c2").error(100, "Invoke host-local ipam", exhausted);
    assert_eq!(base.api().count(), 2);
    set_ranges(&base, json!(["10.244.9.0/30"]));
    base.add("c2").ok(&["10.244.9.2/30>10.244.9.1"]);
    base.bench
        .call_for("DEL", "c2", &base.stdin(json!({})))
        .ok_empty();
    base.add("c3").ok(&["10.244.9.2/30>10.244.9.1"]);
    assert_eq!(base.api().count(), 3, "the new ranges are remembered");
}

#[test]
fn a_full_range_is_said_to_be_full_when_the_server_is_away() {
    let base = Base::new();
    set_ranges(&base, json!(["10.244.1.0/30"]));
    base.add("c1").addresses();
    base.api().always(Fault::Status(503, "Retry-After: 60\r\n"));
    assert!(
        base.add("c2")
            .failed(100, "Invoke host-local ipam")
            .contains("no IP addresses available")
    );
}

#[test]
fn ranges_grow_old_when_asked_to_and_serve_while_the_server_is_away() {
    let base = Base::new();
    let network = base.stdin(json!({"cacheTTL": 3600}));
    base.bench.call_for("ADD", "c1", &network).addresses();
    base.bench.call_for("ADD", "c2", &network).addresses();
    assert_eq!(base.api().count(), 1);
    let file = base.bench.path("data/kube-node.json");
    let mut cache: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    cache["x-time"] = json!(cache["x-time"].as_u64().unwrap() - 4000);
    fs::write(&file, cache.to_string()).unwrap();
    base.api().always(Fault::Status(503, "Retry-After: 60\r\n"));
    base.bench.call_for("ADD", "c3", &network).addresses();
    assert_eq!(base.api().count(), 2);
    base.api().always(Fault::Status(404, ""));
    base.bench
        .call_for("ADD", "c4", &network)
        .error(100, "Get the own node object", "Node not found");
}

#[test]
fn a_machine_with_another_name_is_another_node() {
    let mut base = Base::new();
    base.add("c1").ok(&BOTH);
    let mut other = node("n2");
    other["spec"]["podCIDRs"] = json!(["10.244.2.0/24"]);
    base.api().set_nodes(&[node("n1"), other]);
    base.bench.set("NODE_NAME", "n2");
    base.add("c2").ok(&["10.244.2.2/24>10.244.2.1"]);
}

#[test]
fn a_remembered_name_is_not_believed_when_the_node_is_another_one() {
    let mut me = own_node("me");
    me["spec"]["podCIDRs"] = json!(["10.244.7.0/24"]);
    let mut base = Base::with_nodes(&[me.clone()]);
    base.bench.unset("NODE_NAME");
    let network = base.stdin(json!({"cacheTTL": 1}));
    let age = || {
        let file = base.bench.path("data/kube-node.json");
        let mut cache: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        cache["x-time"] = json!(1);
        fs::write(&file, cache.to_string()).unwrap();
    };
    base.bench
        .call_for("ADD", "c1", &network)
        .ok(&["10.244.7.2/24>10.244.7.1"]);
    age();
    base.bench
        .call_for("ADD", "c2", &network)
        .ok(&["10.244.7.3/24>10.244.7.1"]);
    assert_eq!(
        base.api().paths(),
        ["/api/v1/nodes", "/api/v1/nodes/me"],
        "no list when the name is remembered"
    );
    // The name was given to another machine, and this one joined again under a new name.
    age();
    let mut stranger = node("me");
    stranger["metadata"]["uid"] = json!("new");
    let mut renamed = me;
    renamed["metadata"]["name"] = json!("renamed");
    renamed["spec"]["podCIDRs"] = json!(["10.244.8.0/24"]);
    base.api().set_nodes(&[stranger, renamed]);
    base.bench
        .call_for("ADD", "c3", &network)
        .ok(&["10.244.8.2/24>10.244.8.1"]);
}

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
fn a_disk_that_takes_no_cache_costs_a_request_no_more() {
    let base = Base::new();
    fs::create_dir_all(base.bench.path("data/kube-node.json")).unwrap();
    base.add("c1").ok(&BOTH);
    base.add("c2").addresses();
    assert_eq!(base.api().count(), 2);
    let left: Vec<_> = fs::read_dir(base.bench.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with(".kube-node")),
        "{left:?}"
    );
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

#[test]
fn another_plugin_may_allocate() {
    let mut base = Base::new();
    let seen = base.bench.path("seen");
    base.bench.write_script(
        "bin/next",
        &format!(
            "cat > '{seen}'; case $CNI_CONTAINERID in c1) echo '{{\"cniVersion\":\"1.0.0\",\"ips\":[]}}';; \
             c2) echo '{{\"code\":9,\"msg\":\"no\",\"details\":\"why\"}}'; exit 1;; c3) echo hello;; c4) exit 5;; esac"
        ),
    );
    base.bench.set("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=x");
    let network =
        base.stdin(json!({"nextipam": "next", "ipv4-namespaces": ["old"], "routes": [{"dst": "::/0"}]}));
    let add = |container| base.bench.call_for("ADD", container, &network);
    assert_eq!(add("c1").json(), json!({"cniVersion": "1.0.0", "ips": []}));
    let read = || serde_json::from_str::<Value>(&fs::read_to_string(&seen).unwrap()).unwrap()["ipam"].clone();
    let expected = json!({"type": "next", "dataDir": base.bench.data(), "routes": [{"dst": "::/0"}], "ranges": [[{"subnet": "fd00:1::/64"}]]});
    assert_eq!(read(), expected);
    add("c2").error(100, "Invoke host-local ipam", "no; why");
    add("c3").error(100, "Invoke host-local ipam", "its output is not JSON: \"hello\"");
    add("c4").error(
        100,
        "Invoke host-local ipam",
        "netplugin failed with no error message: exit status 5",
    );
    fs::remove_file(base.bench.path("data/kube-node.json")).unwrap();
    base.bench.call_for("DEL", "c9", &network).ok_empty();
    assert_eq!(read()["ranges"], json!([[{"subnet": "192.0.2.0/24"}]]));
    assert_eq!(base.api().count(), 1);
    let missing = base.stdin(json!({"nextipam": "nowhere"}));
    let details = base
        .bench
        .call_for("DEL", "c9", &missing)
        .failed(100, "Invoke host-local ipam");
    assert!(
        details.contains("failed to find plugin \"nowhere\" in path ["),
        "{details}"
    );
}

#[test]
fn many_calls_at_once_get_different_addresses() {
    let base = Base::new();
    let network = base.stdin(json!({}));
    let outputs: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..24)
            .map(|number| {
                let (bench, network) = (&base.bench, &network);
                scope.spawn(move || bench.call_for("ADD", &format!("p{number}"), network).addresses())
            })
            .collect();
        calls.into_iter().flat_map(|call| call.join().unwrap()).collect()
    });
    let distinct: std::collections::BTreeSet<_> = outputs.iter().collect();
    assert_eq!((outputs.len(), distinct.len()), (48, 48));
    let cache: Value =
        serde_json::from_str(&fs::read_to_string(base.bench.path("data/kube-node.json")).unwrap()).unwrap();
    assert_eq!(cache["x-node"], "n1");
}
