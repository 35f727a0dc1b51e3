//! Whose ranges they are: what another node, or another machine with a copy of the disk, has remembered is not used
//! (spec cni-ipam §14.8).

use std::{fs, time::Duration};

use serde_json::{Value, json};

use super::{
    BOTH, Base,
    support::{Fault, node, own_node, pki::Authority},
};

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

fn with_ranges(name: &str, cidr: &str) -> Value {
    let mut node = node(name);
    node["spec"]["podCIDRs"] = json!([cidr]);
    node
}

/// A virtual machine is cloned while its disk has a cache of the node `template-vm`, with its machine-id. Runtimes do
/// not set `NODE_NAME`.
fn clone_of_template() -> Base {
    let mut base = Base::with_nodes(&[
        with_ranges("template-vm", "10.244.7.0/24"),
        with_ranges("n1", "10.244.1.0/24"),
    ]);
    base.bench.set("NODE_NAME", "template-vm");
    base.add("c1").ok(&["10.244.7.2/24>10.244.7.1"]);
    base.bench.unset("NODE_NAME");
    base
}

#[test]
fn a_clone_is_known_by_the_name_in_its_kubeconfig() {
    let base = clone_of_template();
    base.bench.kubeconfig_of(&base.api().url(), "n1");
    base.add("c2").ok(&["10.244.1.2/24>10.244.1.1"]);
    base.add("c3").ok(&["10.244.1.3/24>10.244.1.1"]);
    assert_eq!(
        base.api().paths(),
        ["/api/v1/nodes/template-vm", "/api/v1/nodes/n1"]
    );
}

#[test]
fn a_clone_is_known_by_its_client_certificate() {
    let base = clone_of_template();
    let authority = Authority::new();
    let pair = authority.client("system:node:n1");
    base.bench.write("ca.crt", &authority.pem);
    base.bench.write("me.crt", &pair.certificate);
    base.bench.write("me.key", &pair.key);
    // Nobody need answer: that the ranges are another node's is known before.
    base.bench.kubeconfig(
        "https://127.0.0.1:1",
        ", certificate-authority: ca.crt",
        "client-certificate: me.crt, client-key: me.key",
    );
    let network = base.network("k8snet", "1.1.0", json!({}), json!({}));
    let details = base
        .bench
        .call("STATUS", &network)
        .failed(50, "Get the own node object");
    assert!(details.ends_with("(of node template-vm)"), "{details}");
    // The same cache is this node's for who is the template.
    let pair = authority.client("system:node:template-vm");
    base.bench.write("me.crt", &pair.certificate);
    base.bench.call("STATUS", &network).ok_empty();
}

#[test]
fn a_disk_in_another_machine_does_not_bring_its_ranges() {
    let base = Base::new();
    base.add("c1").ok(&BOTH);
    base.bench.edit(
        "data/kube-node.json",
        &json!({"x-machine-id": "0123456789abcdef0123456789abcdef"}),
    );
    base.api().set_nodes(&[with_ranges("n1", "10.244.9.0/24")]);
    base.add("c2").ok(&["10.244.9.2/24>10.244.9.1"]);
    base.add("c3").ok(&["10.244.9.3/24>10.244.9.1"]);
    assert_eq!(base.api().count(), 2);
}

#[test]
fn after_a_start_of_the_machine_the_node_is_read_once() {
    let base = Base::new();
    base.add("c1").ok(&BOTH);
    let restart = || {
        base.bench
            .edit("data/kube-node.json", &json!({"x-boot": "before", "x-tried": 0}));
    };
    // It was deleted and joined again under its name.
    let mut again = with_ranges("n1", "10.244.9.0/24");
    again["metadata"]["uid"] = json!("uid-of-another");
    base.api().set_nodes(&[again]);
    base.add("c2")
        .ok(&["10.244.1.3/24>10.244.1.1", "fd00:1::3/64>fd00:1::1"]);
    assert_eq!(base.api().count(), 1, "the common ADD asks nobody");
    restart();
    base.add("c3").ok(&["10.244.9.2/24>10.244.9.1"]);
    base.add("c4").ok(&["10.244.9.3/24>10.244.9.1"]);
    assert_eq!(base.api().count(), 2);
    // Nobody answers: pods start nevertheless, and only the first of them waits.
    restart();
    base.api().always(Fault::Hang);
    let output = base.add("c5");
    output.ok(&["10.244.9.4/24>10.244.9.1"]);
    assert!(output.took < Duration::from_secs(10), "{output:?}");
    base.add("c6").ok(&["10.244.9.5/24>10.244.9.1"]);
    assert_eq!(base.api().count(), 3);
    // It answers that there is no such node: its range may be another's by now.
    restart();
    base.api().always(Fault::Status(404, ""));
    base.add("c7")
        .error(100, "Get the own node object", "Node not found");
}

#[test]
fn a_file_made_by_hand_is_taken_at_its_word() {
    let base = Base::new();
    let cache =
        json!({"type": "host-local", "dataDir": base.bench.data(), "ranges": [[{"subnet": "30.0.1.0/30"}]]});
    let file = base.bench.write("data/kube-node.json", &cache.to_string());
    base.bench.kubeconfig_of(&base.api().url(), "another");
    base.add("c1").ok(&["30.0.1.2/30>30.0.1.1"]);
    assert_eq!(base.api().count(), 0);
    // Full, and nobody to ask: the file stays as it was made.
    base.api().always(Fault::Status(503, "Retry-After: 60\r\n"));
    base.add("c2").failed(100, "Invoke host-local ipam");
    assert_eq!(fs::read_to_string(file).unwrap(), cache.to_string());
}
