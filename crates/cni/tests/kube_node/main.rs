//! `kube-node` from outside: the real binary against a small API server (spec cni-ipam §8.7 and more).

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test, and literals read better by value"
)]

mod support;

mod access;
mod cases;
mod faults;
mod nextipam;
mod owner;
mod remembering;
mod section;

use serde_json::{Value, json};
use support::{Api, Bench, Silence, node};

/// What the first ADD gets in the table of spec §8.7.
pub(crate) const BOTH: [&str; 2] = ["10.244.1.2/24>10.244.1.1", "fd00:1::2/64>fd00:1::1"];

/// The base of the table in spec §8.7.
pub(crate) struct Base {
    pub(crate) api: Option<Api>,
    silence: Option<Silence>,
    pub(crate) bench: Bench,
}

impl Base {
    pub(crate) fn new() -> Self {
        Self::with_nodes(&[node("n0"), node("n1")])
    }

    pub(crate) fn with_nodes(nodes: &[Value]) -> Self {
        let api = Api::http(nodes);
        let mut bench = Bench::new("kube-node");
        bench.kubeconfig(&api.url(), "", "");
        bench.set("NODE_NAME", "n1");
        Self {
            api: Some(api),
            silence: None,
            bench,
        }
    }

    pub(crate) fn api(&self) -> &Api {
        self.api.as_ref().unwrap()
    }

    /// Nobody listens any more where the kubeconfig points to.
    pub(crate) fn stop_api(&mut self) {
        drop(self.api.take());
        let silence = Silence::new();
        self.bench.kubeconfig(&silence.url(), "", "");
        self.silence = Some(silence);
    }

    /// The network `k8snet` with these members of `ipam` besides the usual ones.
    pub(crate) fn stdin(&self, ipam: Value) -> String {
        self.network("k8snet", "1.0.0", ipam, json!({}))
    }

    pub(crate) fn network(&self, name: &str, version: &str, ipam: Value, more: Value) -> String {
        let mut section = json!({"type": "kube-node", "dataDir": self.bench.data(), "kubeconfig": self.bench.path("kubeconfig")});
        merge(&mut section, ipam);
        let mut network = json!({"cniVersion": version, "name": name, "type": "bridge", "ipam": section});
        merge(&mut network, more);
        network.to_string()
    }

    pub(crate) fn add(&self, container: &str) -> support::Output {
        self.bench.call_for("ADD", container, &self.stdin(json!({})))
    }
}

fn merge(into: &mut Value, more: Value) {
    let Value::Object(more) = more else {
        panic!("not an object")
    };
    for (key, value) in more {
        into[key] = value;
    }
}
