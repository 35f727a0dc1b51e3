//! Ways to the API server: kubeconfig forms, certificates, names, proxies (spec cni-ipam §5.3).

mod certificates;
mod credentials;
mod names;
mod network;

use serde_json::json;

use super::{
    BOTH,
    support::{Api, Bench, Output, node, own_node, pki::Authority},
};

/// A server over TLS and a call that knows its node's name.
struct Secure {
    authority: Authority,
    api: Api,
    bench: Bench,
}

impl Secure {
    fn new(names: &[&str]) -> Self {
        let authority = Authority::new();
        let api = Api::https(&[node("n1")], authority.server_config(&authority.server(names)));
        let mut bench = Bench::new("kube-node");
        bench.set("NODE_NAME", "n1");
        bench.write("pki/ca.crt", &authority.pem);
        Self {
            authority,
            api,
            bench,
        }
    }

    fn local() -> Self {
        Self::new(&["127.0.0.1"])
    }

    fn add_with(&self, cluster: &str, user: &str) -> Output {
        self.bench.kubeconfig(&self.api.url(), cluster, user);
        add(&self.bench, &self.bench.path("kubeconfig"))
    }

    fn add(&self, user: &str) -> Output {
        self.add_with(", certificate-authority: pki/ca.crt", user)
    }
}

fn stdin(bench: &Bench, kubeconfig: &str) -> String {
    let ipam = json!({"type": "kube-node", "dataDir": bench.data(), "kubeconfig": kubeconfig});
    json!({"cniVersion": "1.0.0", "name": "k8snet", "ipam": ipam}).to_string()
}

fn add(bench: &Bench, kubeconfig: &str) -> Output {
    bench.call("ADD", &stdin(bench, kubeconfig))
}
