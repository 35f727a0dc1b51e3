//! What the tests of `kube-node` and `node-annotation` share: an API server, certificates, and one call of the
//! binary.

pub(crate) mod api;
pub(crate) mod pki;
pub(crate) mod run;

pub(crate) use api::{Api, Fault};
pub(crate) use run::{Bench, Output};

use serde_json::{Value, json};

/// The machine-id of this machine: the tests need one, as every installed machine has it.
pub(crate) fn machine_id() -> String {
    let text = std::fs::read_to_string("/etc/machine-id");
    let text = text.expect("these tests need /etc/machine-id; systemd-machine-id-setup makes one");
    text.lines()
        .next()
        .expect("/etc/machine-id is empty; systemd-machine-id-setup fills it")
        .to_owned()
}

/// A node as the API server prints it, with more in it than is needed.
pub(crate) fn node(name: &str) -> Value {
    json!({
        "kind": "Node", "apiVersion": "v1",
        "metadata": {
            "name": name, "uid": format!("uid-of-{name}"), "labels": {"kubernetes.io/hostname": name},
            "annotations": {
                "a/dual": "172.20.2.0/24,fd00::2:0:0/96",
                "a/blank": "172.20.2.0/24, fd00:2::/96",
                "a/three": "172.20.2.0/24,172.21.0.0/24,fd00:2::/96",
                "a/same": "172.20.2.0/24,172.21.0.0/24",
                "a/foo": "foo",
                "a/hostbits": "172.20.2.5/24",
                "a/one": "10.50.0.0/24",
                "a/rich": "ranges: [[{\"subnet\":\"172.20.2.0/24\",\"rangeStart\":\"172.20.2.40\"}]], \"routes\": [{\"dst\":\"0.0.0.0/0\"}], dataDir: \"/nonexistent\"",
            },
        },
        "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "fd00:1::/64"], "providerID": "x://y"},
        "status": {
            "images": [{"names": ["registry.example/a@sha256:0", "registry.example/a:1"], "sizeBytes": 1}],
            "nodeInfo": {"machineID": format!("machine-of-{name}"), "kernelVersion": "6.1"},
        },
    })
}

/// The same with this machine's id.
pub(crate) fn own_node(name: &str) -> Value {
    let mut node = node(name);
    node["status"]["nodeInfo"]["machineID"] = json!(machine_id());
    node
}

/// The address of a port that is taken, and where nobody listens: connections are refused as long as this lives.
pub(crate) struct Silence(std::os::fd::OwnedFd);

impl Silence {
    pub(crate) fn new() -> Self {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        bind(
            &socket,
            &std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0),
        )
        .unwrap();
        Self(socket)
    }

    pub(crate) fn url(&self) -> String {
        let address = rustix::net::getsockname(&self.0).unwrap();
        let address = std::net::SocketAddr::try_from(address).unwrap();
        format!("http://{address}")
    }
}
