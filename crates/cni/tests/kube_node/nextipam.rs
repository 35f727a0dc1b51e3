//! Another plugin that allocates (spec cni-ipam §7).

use std::fs;

use serde_json::{Value, json};

use super::Base;

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
fn an_add_without_a_result_is_no_success() {
    let base = Base::new();
    base.bench.write_script("bin/silent", "cat > /dev/null");
    let network = base.network("k8snet", "1.1.0", json!({"nextipam": "silent"}), json!({}));
    base.bench.call("ADD", &network).error(
        100,
        "Invoke host-local ipam",
        "netplugin failed with no error message: exit status 0",
    );
    for command in ["CHECK", "STATUS", "GC", "DEL"] {
        base.bench.call(command, &network).ok_empty();
    }
}

#[test]
fn a_release_goes_to_the_first_directory_and_to_others_that_exist() {
    let base = Base::new();
    let elsewhere = base.bench.path("elsewhere");
    let cache = json!({"type": "host-local", "dataDir": elsewhere, "ranges": [[{"subnet": "30.0.1.0/24"}]]});
    base.bench.write("data/kube-node.json", &cache.to_string());
    let seen = base.bench.path("seen");
    base.bench
        .write_script("bin/next", &format!("cat >> '{seen}'; echo >> '{seen}'"));
    let network = base.stdin(json!({"nextipam": "next"}));
    let told = || {
        base.bench.call("DEL", &network).ok_empty();
        let text = fs::read_to_string(&seen).unwrap();
        fs::remove_file(&seen).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .map(|line| line["ipam"]["dataDir"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(told(), [base.bench.data()]);
    fs::create_dir_all(base.bench.path("elsewhere/k8snet")).unwrap();
    assert_eq!(told(), [base.bench.data(), elsewhere.clone()]);
}
