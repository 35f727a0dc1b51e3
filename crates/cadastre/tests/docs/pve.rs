//! Proxmox VE and a Kubernetes cluster on it, for the pages about the cloud controller: the real API server with Nodes that
//! wait for it, the test kit's Proxmox VE with their machines, and the token that the pages show.

use std::{fs, os::unix::fs::symlink, path::Path};

use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, PostParams};
use serde_json::json;
use tempfile::TempDir;
use testkit::{
    ControlPlane, Options, ProxmoxVe,
    proxmox::{Guest, Limits, Privileges, Vm},
};

use crate::stage::{Place, Ran, bash, folder};

/// What pages write, and we know where it is.
const SHOWN: &str = "https://pve.example.net:8006/api2/json";
const TOKEN: (&str, &str) = ("kubernetes@pve!ccm", "11111111-2222-3333-4444-555555555555");

/// What the migration page begins with.
const ORIGINAL: &str = include_str!("original.yaml");

/// Nodes, with the last digits of their UUIDs, and addresses of their guests.
const NODES: [(&str, &str, &[&str]); 2] = [
    ("n1", "01", &["10.0.0.5/24", "203.0.113.7/28", "fe80::5/64"]),
    ("n2", "02", &["10.0.0.6/24"]),
];

/// A place to run commands in.
pub(crate) struct Pve {
    _plane: ControlPlane,
    pve: ProxmoxVe,
    dir: TempDir,
}

impl Pve {
    pub(crate) async fn set_up() -> Self {
        let plane = ControlPlane::start(Options::default())
            .await
            .expect("a control plane");
        let mut builder = ProxmoxVe::builder()
            .region("fsn")
            .host("pve-1")
            .limits(Limits::quick());
        let nodes: Api<Node> = Api::all(plane.client());
        for (number, (name, digits, addresses)) in (100..).zip(NODES) {
            let vm = Vm::new(number, name).host("pve-1").uuid(&uuid(digits));
            let vm = vm.cpus(4).memory(8 << 30).guest(guest(addresses));
            builder = builder.vm(vm);
            nodes
                .create(&PostParams::default(), &node(name, digits))
                .await
                .expect("a Node");
        }
        let pve = builder
            .token(TOKEN.0, TOKEN.1, Privileges::all())
            .start()
            .await
            .expect("a Proxmox VE");
        let ours = ours(&pve).replace('\n', "\n    ");
        plane
            .apply_yaml(&ORIGINAL.replace(SHOWN, &ours))
            .await
            .expect("the replaced controller's objects");
        let binary = Path::new(env!("CARGO_BIN_EXE_cadastre"));
        let dir = folder(plane.kubeconfig(), binary);
        let original = dir.path().join("programs/proxmox-cloud-controller-manager");
        symlink(binary, original).expect("our own folder");
        Self {
            _plane: plane,
            pve,
            dir,
        }
    }
}

/// The page's Proxmox VE is ours, which has its own authority.
fn ours(pve: &ProxmoxVe) -> String {
    format!("{}\n  ca_file: {}", pve.url("fsn"), pve.ca_file().display())
}

fn uuid(digits: &str) -> String {
    format!("11833f4c-341f-4bd3-aad7-f7abed0000{digits}")
}

fn guest(addresses: &[&str]) -> Guest {
    Guest::interfaces(&[
        ("lo", &["127.0.0.1/8", "::1/128"]),
        ("eth0", addresses),
        ("cni0", &["10.244.0.1/24"]),
    ])
}

/// A Node as its kubelet registers it.
fn node(name: &str, digits: &str) -> Node {
    let node = json!({
        "metadata": {"name": name},
        "spec": {"taints": [
            {"key": cloud::names::TAINT_UNINITIALIZED, "value": "true", "effect": "NoSchedule"},
        ]},
        "status": {
            "addresses": [{"type": "Hostname", "address": name}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {
                "systemUUID": uuid(digits), "machineID": "", "bootID": "", "kernelVersion": "", "osImage": "",
                "containerRuntimeVersion": "", "kubeletVersion": "v1.37.1", "kubeProxyVersion": "",
                "operatingSystem": "linux", "architecture": "amd64",
            },
        },
    });
    serde_json::from_value(node).expect("a Node")
}

impl Place for Pve {
    fn bash(&self, line: &str, input: &str) -> Ran {
        bash(self.dir.path(), line, input)
    }

    /// The page's Proxmox VE is ours, which has its own authority.
    fn write(&self, path: &str, text: &str) {
        let ours = format!(
            "{}\n  ca_file: {}",
            self.pve.url("fsn"),
            self.pve.ca_file().display()
        );
        fs::write(self.dir.path().join(path), text.replace(SHOWN, &ours)).expect("our own folder");
    }

    async fn metrics(&self) -> String {
        "nothing is served here".to_owned()
    }
}
