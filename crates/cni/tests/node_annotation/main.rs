//! `node-annotation` from outside: the real binary against a small API server (spec cni-ipam §8.8 and more).
//!
//! Every call runs in a mount namespace with a `/var/lib` of the test's own, for the plugin keeps what it
//! remembers in the default data directory.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test, and literals read better by value"
)]

#[path = "../kube_node/support/mod.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of kube-node, which use other parts"
)]
mod support;

mod cases;
mod more;
mod nextipam;
mod remembering;

use serde_json::{Value, json};
use support::{Api, Bench, Output, own_node};

/// The key of the annotation.
pub(crate) const KEY: &str = "example.com/ranges";

/// The annotation of the first case; `D` stands for the data directory.
pub(crate) const FIRST: &str = r#"ranges: [[{"subnet": "172.16.5.0/24"}]], dataDir: "D""#;

/// The base of the table in spec §8.8: one node with this machine's id, and its annotation.
pub(crate) struct Base {
    pub(crate) api: Option<Api>,
    pub(crate) bench: Bench,
}

impl Base {
    /// `D` in the text stands for the data directory.
    pub(crate) fn new(text: &str) -> Self {
        let mut bench = Bench::new("node-annotation");
        let api = Api::http(&[node(&text.replace("\"D\"", &format!("\"{}\"", bench.data())))]);
        let kubeconfig = bench.kubeconfig(&api.url(), "", "");
        std::fs::create_dir(bench.path("varlib")).unwrap();
        bench.namespace = Some(format!("/bin/mount --bind '{}' /var/lib", bench.path("varlib")));
        let config = bench.write(
            "config.json",
            &json!({"kubeconfig": kubeconfig, "log": bench.path("log")}).to_string(),
        );
        bench.set("NODE_ANNOTATION_CFG", &config);
        Self {
            api: Some(api),
            bench,
        }
    }

    pub(crate) fn api(&self) -> &Api {
        self.api.as_ref().unwrap()
    }

    /// Changes the annotation of the node.
    pub(crate) fn annotate(&self, text: &str) {
        self.api().set_nodes(&[node(
            &text.replace("\"D\"", &format!("\"{}\"", self.bench.data())),
        )]);
    }

    /// Changes members of the record of the network.
    pub(crate) fn edit_record(&self, members: &Value) {
        self.bench
            .edit("varlib/cni/networks/node-annotation.mynet.json", members);
    }

    /// Sets another program as `nextipam`.
    pub(crate) fn set_next(&self, next: &str) {
        let config = json!({"kubeconfig": self.bench.path("kubeconfig"), "nextipam": next});
        self.bench.write("config.json", &config.to_string());
    }

    pub(crate) fn network(&self, ipam: &Value, more: &Value) -> String {
        let mut network = json!({
            "cniVersion": "1.0.0", "name": "mynet", "type": "ipvlan", "master": "eth0",
            "ipam": {"type": "node-annotation", "annotation": KEY, "dataDir": self.bench.path("ignored")},
        });
        for (object, more) in [("ipam", ipam), ("", more)] {
            for (key, value) in more.as_object().unwrap() {
                let into = if object.is_empty() {
                    &mut network
                } else {
                    &mut network[object]
                };
                into[key] = value.clone();
            }
        }
        network.to_string()
    }

    pub(crate) fn stdin(&self) -> String {
        self.network(&json!({}), &json!({}))
    }

    pub(crate) fn call_for(&self, command: &str, container: &str) -> Output {
        self.bench.call_for(command, container, &self.stdin())
    }

    pub(crate) fn add(&self) -> Output {
        self.call_for("ADD", "c1")
    }

    /// Runs a command of a person.
    pub(crate) fn command(&mut self, args: &[&str]) -> Output {
        self.bench.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self.bench.call_for("", "", "")
    }
}

pub(crate) fn node(text: &str) -> Value {
    let mut node = own_node("me");
    node["metadata"]["annotations"] = json!({KEY: text});
    node
}
