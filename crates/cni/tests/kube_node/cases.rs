//! The numbered cases 120 to 149.

mod families;
mod ranges;

use std::{fs, time::Duration};

use serde_json::json;

use super::{
    BOTH, Base,
    support::{node, own_node, run::files},
};

#[test]
fn case_120() {
    let base = Base::new();
    base.add("c1").ok(&BOTH);
    assert_eq!(base.api().paths(), ["/api/v1/nodes/n1"]);
    let data = base.bench.folder.path().join("data");
    let cache: serde_json::Value = serde_json::from_str(&files(&data)["kube-node.json"]).unwrap();
    assert_eq!(cache["type"], "host-local");
    assert_eq!(cache["dataDir"], base.bench.data());
    assert_eq!(
        cache["ranges"],
        json!([[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:1::/64"}]])
    );
    let found = files(&data.join("k8snet"));
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "10.244.1.2",
            "fd00:1::2",
            "last_reserved_ip.0",
            "last_reserved_ip.1",
            "lock"
        ]
    );
    for (name, content) in [
        ("10.244.1.2", "c1\r\neth0"),
        ("fd00:1::2", "c1\r\neth0"),
        ("last_reserved_ip.0", "10.244.1.2"),
        ("last_reserved_ip.1", "fd00:1::2"),
        ("lock", ""),
    ] {
        assert_eq!(found[name], content, "{name}");
    }
}

#[test]
fn case_121() {
    let base = Base::new();
    base.add("c1").ok(&BOTH);
    base.add("c2")
        .ok(&["10.244.1.3/24>10.244.1.1", "fd00:1::3/64>fd00:1::1"]);
    assert_eq!(base.api().count(), 1);
}

#[test]
fn case_122() {
    let base = Base::new();
    base.add("c1").ok(&BOTH);
    base.add("c2")
        .ok(&["10.244.1.3/24>10.244.1.1", "fd00:1::3/64>fd00:1::1"]);
    let details = "failed to allocate for range 0: 10.244.1.3 has been allocated to c2, duplicate allocation is not allowed";
    base.add("c2").error(100, "Invoke host-local ipam", details);
    assert_eq!(base.api().count(), 1, "a duplicate is no reason to ask again");
}

#[test]
fn case_123() {
    let mut base = Base::new();
    base.add("c1").ok(&BOTH);
    base.add("c2")
        .ok(&["10.244.1.3/24>10.244.1.1", "fd00:1::3/64>fd00:1::1"]);
    fs::remove_file(base.bench.path("data/kube-node.json")).unwrap();
    base.stop_api();
    base.bench
        .call_for("DEL", "c2", &base.stdin(json!({})))
        .ok_empty();
    let left = base.bench.reservations("k8snet");
    assert_eq!(
        left.keys().map(String::as_str).collect::<Vec<_>>(),
        ["10.244.1.2", "fd00:1::2"]
    );
}

#[test]
fn case_141() {
    let mut base = Base::new();
    base.stop_api();
    let cache = json!({
        "type": "host-local", "dataDir": base.bench.data(),
        "ranges": [[{"subnet": "30.0.1.0/24"}], [{"subnet": "fd00::30.0.1.0/120"}]],
    });
    base.bench.write("data/kube-node.json", &cache.to_string());
    base.add("c1")
        .ok(&["30.0.1.2/24>30.0.1.1", "fd00::1e00:102/120>fd00::1e00:101"]);
}

#[test]
fn case_142() {
    let base = Base::new();
    base.bench.write("data/kube-node.json", "{\"type\":");
    base.add("c1").ok(&BOTH);
    assert_eq!(base.api().count(), 1);
    base.add("c2").addresses();
    assert_eq!(base.api().count(), 1, "the torn file was replaced");
}

#[test]
fn case_143() {
    let base = Base::new();
    for stdin in [String::new(), "{}".to_owned(), base.stdin(json!({}))] {
        let output = base.bench.call("VERSION", &stdin);
        let supported = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];
        assert_eq!(
            output.json(),
            json!({"cniVersion": "1.1.0", "supportedVersions": supported})
        );
        assert_eq!(output.code, 0);
    }
    assert_eq!(base.api().count(), 0);
}

#[test]
fn case_144() {
    let mut base = Base::new();
    base.stop_api();
    let output = base.add("c1");
    assert!(
        output.failed(11, "Get the own node object").contains("refused"),
        "{output:?}"
    );
    assert!(output.took < Duration::from_secs(15), "{output:?}");
    assert!(base.bench.reservations("k8snet").is_empty());
}

#[test]
fn case_145() {
    let base = Base::new();
    let output = base.bench.call("ADD", &base.stdin(json!({"kubeconfig": ""})));
    let details = output.failed(100, "Get the own node object");
    for place in [
        "ipam.kubeconfig",
        "KUBERNETES_SERVICE_HOST",
        "$KUBECONFIG",
        "$HOME",
    ] {
        assert!(details.contains(place), "{details} should name {place}");
    }
}

#[test]
fn case_146() {
    let base = Base::new();
    let network = |name, key| base.network(name, "1.0.0", json!({"annotation": key}), json!({}));
    let (a, b) = (network("neta", "a/dual"), network("netb", "a/one"));
    base.bench
        .call("ADD", &a)
        .ok(&["172.20.2.2/24>172.20.2.1", "fd00::2:0:2/96>fd00::2:0:1"]);
    base.bench.call("ADD", &b).ok(&["10.50.0.2/24>10.50.0.1"]);
    base.bench
        .call_for("ADD", "c2", &a)
        .ok(&["172.20.2.3/24>172.20.2.1", "fd00::2:0:3/96>fd00::2:0:1"]);
    base.bench
        .call_for("ADD", "c2", &b)
        .ok(&["10.50.0.3/24>10.50.0.1"]);
    assert_eq!(base.api().count(), 2, "both are remembered");
    let names: Vec<String> = files(&base.bench.folder.path().join("data"))
        .into_keys()
        .collect();
    assert_eq!(names, ["kube-node.json", "kube-node.netb.json"]);
}

#[test]
fn case_147() {
    let mut base = Base::new();
    base.bench.set("CNI_ARGS", "IP=10.244.1.77");
    base.add("c1")
        .ok(&["10.244.1.77/24>10.244.1.1", "fd00:1::2/64>fd00:1::1"]);
}

#[test]
fn case_148() {
    let base = Base::new();
    let more = json!({"runtimeConfig": {"ips": ["10.244.1.77"]}});
    let output = base
        .bench
        .call("ADD", &base.network("k8snet", "1.0.0", json!({}), more));
    output.ok(&["10.244.1.77/24>10.244.1.1", "fd00:1::2/64>fd00:1::1"]);
}

#[test]
fn case_149() {
    let mut base = Base::new();
    base.add("c1").ok(&BOTH);
    base.add("c2").addresses();
    fs::remove_file(base.bench.path("data/kube-node.json")).unwrap();
    base.stop_api();
    let more = json!({"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]});
    base.bench
        .call("GC", &base.network("k8snet", "1.1.0", json!({}), more))
        .ok_empty();
    let left = base.bench.reservations("k8snet");
    assert_eq!(
        left.into_iter().collect::<Vec<_>>(),
        [
            ("10.244.1.2".to_owned(), "c1/eth0".to_owned()),
            ("fd00:1::2".to_owned(), "c1/eth0".to_owned()),
        ]
    );
}
