//! The examples in `deploy/examples/cni`, unchanged, with the paths they name made in a private mount namespace.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Api, Bench, Output, machine_id, own_node};

/// The text of an example.
fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples/cni");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// The part of a file below the comment line that has this in it, without its comments.
fn part(file: &str, title: &str) -> String {
    let text = example(file);
    let mut lines = text
        .lines()
        .skip_while(|line| !(line.starts_with('#') && line.contains(title)))
        .peekable();
    assert!(lines.peek().is_some(), "{file} has no part {title:?}");
    let body = lines
        .skip_while(|line| line.starts_with('#'))
        .take_while(|line| !line.starts_with('#'));
    body.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The node of `node-facts.txt`, with one of the two forms of its annotation.
fn node(form: &str) -> Value {
    let fact = |title: &str| part("node-facts.txt", title);
    let mut node = own_node("worker-1");
    node["spec"] = json!({"podCIDRs": serde_json::from_str::<Value>(&fact("podCIDRs")).unwrap()});
    node["metadata"]["annotations"] = json!({
        "kube-node.nordix.org/net1": fact("kube-node.nordix.org/net1"),
        "example.com/ipvlan-ranges": fact(form),
        "example.com/bridge": fact("example.com/bridge"),
    });
    node
}

/// A node: its API server, and the places the examples name.
struct Site {
    _api: Api,
    bench: Bench,
}

impl Site {
    fn new(plugin: &'static str, form: &str) -> Self {
        let api = Api::http(&[node(form)]);
        let mut bench = Bench::new(plugin);
        bench.unset("NODE_NAME");
        let kubeconfig = bench.kubeconfig(&api.url(), "", "");
        bench.write(
            "etc/kubernetes/kubeconfig",
            &fs::read_to_string(kubeconfig).unwrap(),
        );
        bench.write("etc/machine-id", &format!("{}\n", machine_id()));
        bench.write(
            "etc/cni/node-annotation.conf",
            &part("node-facts.txt", "/etc/cni/node-annotation.conf"),
        );
        for folder in ["opt/cgi/bin", "run", "lib"] {
            fs::create_dir_all(bench.path(folder)).unwrap();
        }
        let next = bench.path("opt/cgi/bin/host-local");
        std::os::unix::fs::symlink(crate::PROGRAM, next).unwrap();
        let mounts = [
            ("etc", "/etc"),
            ("opt", "/opt"),
            ("run", "/run"),
            ("lib", "/var/lib"),
        ];
        let mount = |(from, to): (&str, &str)| format!("/bin/mount --bind '{}' {to}\n", bench.path(from));
        bench.namespace = Some(mounts.map(mount).concat());
        Self { _api: api, bench }
    }

    fn add(&self, id: &str, network: &str) -> Output {
        self.bench.call_for("ADD", id, network)
    }

    fn add_in(&mut self, id: &str, network: &str, namespace: &str) -> Output {
        self.bench.set(
            "CNI_ARGS",
            &format!("IgnoreUnknown=1;K8S_POD_NAMESPACE={namespace};K8S_POD_NAME=p"),
        );
        self.add(id, network)
    }

    fn has(&self, file: &str) -> bool {
        Path::new(&self.bench.path(file)).exists()
    }
}

#[test]
fn k8snet_takes_both_pod_cidrs_of_the_node() {
    let site = Site::new("kube-node", "first form");
    let network = example("k8snet.json");
    assert_eq!(
        site.add("c1", &network).addresses(),
        ["11.0.1.2/24", "1100:0:0:1::2/64"]
    );
    assert!(site.has("run/container-ipam-state/k8snet/kube-node.json"));
    assert!(site.has("run/container-ipam-state/k8snet/k8snet/11.0.1.2"));
    site.bench.call_for("DEL", "c1", &network).ok_empty();
    assert!(!site.has("run/container-ipam-state/k8snet/k8snet/11.0.1.2"));
}

#[test]
fn only_the_old_application_gets_ipv4() {
    let mut site = Site::new("kube-node", "first form");
    let network = example("k8snet-ipv4-namespaces.json");
    assert_eq!(
        site.add_in("c1", &network, "default").addresses(),
        ["1100:0:0:1::2/64"]
    );
    assert_eq!(
        site.add_in("c2", &network, "old-application").addresses(),
        ["11.0.1.2/24", "1100:0:0:1::3/64"]
    );
}

#[test]
fn net1_takes_its_ranges_from_the_annotation() {
    let site = Site::new("kube-node", "first form");
    let network = example("net1-annotation.json");
    assert_eq!(
        site.add("c1", &network).addresses(),
        ["172.20.2.2/24", "fd00::2:0:2/96"]
    );
    assert!(site.has("run/container-ipam-state/net1/net1/172.20.2.2"));
}

#[test]
fn ipvlan_takes_the_first_form_of_its_annotation() {
    let site = Site::new("node-annotation", "first form");
    let network = example("ipvlan-node-annotation.json");
    // No cniVersion: the oldest result there is.
    let result = site.add("c1", &network).json();
    assert_eq!(result["ip4"]["ip"], "172.16.5.2/24", "{result}");
    assert!(site.has("lib/cni/networks/mynet/172.16.5.2"));
    site.bench.call_for("DEL", "c1", &network).ok_empty();
    assert!(!site.has("lib/cni/networks/mynet/172.16.5.2"));
}

#[test]
fn ipvlan_takes_the_second_form_without_a_nextipam() {
    let site = Site::new("node-annotation", "second form");
    site.bench.write(
        "etc/cni/node-annotation.conf",
        r#"{"kubeconfig": "/etc/kubernetes/kubeconfig"}"#,
    );
    let result = site.add("c1", &example("ipvlan-node-annotation.json")).json();
    assert_eq!(
        (&result["ip4"]["ip"], &result["ip6"]["ip"]),
        (&json!("16.0.0.2/24"), &json!("4000::1000:2/120"))
    );
}

#[test]
fn the_attachment_of_multus_is_served_within_its_limits() {
    let site = Site::new("node-annotation", "first form");
    let text = example("multus-bridge.yaml");
    let config = text
        .split_once("config: '")
        .and_then(|(_, rest)| rest.rsplit_once('\''))
        .unwrap()
        .0;
    // Multus puts the name of the attachment in.
    let mut network: Value = serde_json::from_str(config).unwrap();
    assert_eq!(
        network
            .as_object_mut()
            .unwrap()
            .insert("name".to_owned(), json!("meridio-bridge")),
        None
    );
    let network = network.to_string();
    for number in [0, 2, 3, 4, 5, 6, 7] {
        // .1 is the gateway; the limits are .0 and .7.
        let expected = [format!("4000::1000:{number}/120"), format!("16.0.0.{number}/24")];
        assert_eq!(site.add(&format!("c{number}"), &network).addresses(), expected);
    }
    let full = site.add("c9", &network);
    assert!(
        full.json()["msg"]
            .as_str()
            .unwrap()
            .contains("no IP addresses available in range set"),
        "{full:?}"
    );
}

#[test]
fn the_transcript_with_cat_is_reproduced() {
    let site = Site::new("node-annotation", "second form");
    site.bench.write(
        "etc/cni/node-annotation.conf",
        &part("node-annotation-cat.txt", "NODE_ANNOTATION_CFG"),
    );
    // The transcript's own file names no kubeconfig: its author's was in the environment.
    let mut site = site;
    site.bench.set("KUBECONFIG", "/etc/kubernetes/kubeconfig");
    let output = site
        .bench
        .call_for("", "", &part("node-annotation-cat.txt", "stdin of"));
    let expected: Value = serde_json::from_str(&part("node-annotation-cat.txt", "stdout")).unwrap();
    assert_eq!((output.code, output.json()), (0, expected));
}
