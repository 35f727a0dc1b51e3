//! Pods for real against the real API server: the real `bridge` plugin with `kube-node` behind it, over TLS, with the two
//! kinds of credentials a node has. The plugins run in a network namespace of the test's own, so the API server's port is
//! opened on the loopback of that namespace, too.

use std::{
    fs,
    io::{self, Write as _},
    net::{IpAddr, Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::cni::{Answer, Call, PluginDir, reference, store};
use testkit::netns::Netns;
use testkit::{ControlPlane, Options};

use crate::{RBAC, built, deployed, reach};

const NODES: &str = "
apiVersion: v1
kind: Node
metadata: {name: worker-1}
spec: {podCIDR: 10.244.1.0/24, podCIDRs: [10.244.1.0/24, \"fd00:244:1::/64\"]}
---
apiVersion: v1
kind: Node
metadata: {name: worker-2}
spec: {podCIDR: 10.244.2.0/24, podCIDRs: [10.244.2.0/24]}
";

/// A port of this machine's loopback, open on the loopback of a namespace.
struct Door<'a> {
    inside: &'a Netns,
    port: u16,
    closed: Arc<AtomicBool>,
    porter: Option<JoinHandle<()>>,
}

impl<'a> Door<'a> {
    fn open(inside: &'a Netns, port: u16) -> Self {
        let bind = || TcpListener::bind(("127.0.0.1", port));
        let listener = inside.run(bind).unwrap().unwrap();
        let closed = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&closed);
        // Started here, so it connects out here.
        let porter = thread::spawn(move || {
            for near in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                // A client that goes away is its own business.
                if let (Ok(near), Ok(far)) = (near, TcpStream::connect(("127.0.0.1", port))) {
                    thread::spawn(move || carry(near, far));
                }
            }
        });
        Self {
            inside,
            port,
            closed,
            porter: Some(porter),
        }
    }
}

impl Drop for Door<'_> {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        let knock = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        if self.inside.run(knock).is_ok_and(|heard| heard)
            && let Some(porter) = self.porter.take()
        {
            let _ = porter.join();
        }
    }
}

/// Passes bytes both ways until both sides have ended.
fn carry(near: TcpStream, far: TcpStream) -> io::Result<()> {
    let one_way = |mut from: TcpStream, mut to: TcpStream| -> io::Result<()> {
        to.set_nodelay(true)?;
        io::copy(&mut from, &mut to)?;
        to.flush()?;
        to.shutdown(Shutdown::Write)
    };
    let (back_from, back_to) = (far.try_clone()?, near.try_clone()?);
    let back = thread::spawn(move || one_way(back_from, back_to));
    one_way(near, far)?;
    back.join().unwrap_or(Ok(()))
}

/// A node with a bridge and pods.
struct Site<'a> {
    outside: &'a Netns,
    plugins: PluginDir,
    data: TempDir,
    network: Value,
    node: Option<&'static str>,
}

impl Site<'_> {
    fn call(&self, verb: &str, pod: &Netns, network: &Value) -> Answer {
        let call = Call::new(self.plugins.plugin("bridge"), verb)
            .id(pod.name())
            .netns(pod.path())
            .path(self.plugins.path())
            .config(network);
        let call = match self.node {
            Some(node) => call.env("NODE_NAME", node),
            None => call,
        };
        self.outside.run(|| call.run()).unwrap().unwrap()
    }

    fn add(&self, pod: &Netns) -> (Vec<IpAddr>, Value) {
        let answer = self.call("ADD", pod, &self.network);
        (answer.addresses().unwrap(), answer.document().unwrap().unwrap())
    }

    fn is_ok(&self, verb: &str, pod: &Netns, network: &Value) {
        let answer = self.call(verb, pod, network);
        assert!(answer.is_ok(), "{verb} {}: {answer:?}", pod.name());
    }

    fn reserved(&self) -> Vec<IpAddr> {
        let network: PathBuf = self.data.path().join("podnet");
        store::reservations(&network).unwrap().into_keys().collect()
    }
}

/// ADD, ping, CHECK, DEL with these credentials; nothing is left. The name of the node is in the environment, or known
/// from the credentials.
fn pods_live_and_leave(outside: &Netns, kubeconfig: &Path, node: Option<&'static str>) {
    let plugins =
        PluginDir::new(&[("bridge", &reference("bridge").unwrap()), ("kube-node", &built())]).unwrap();
    let data = tempfile::tempdir().unwrap();
    let network = json!({
        "cniVersion": "1.0.0", "name": "podnet", "type": "bridge", "bridge": "cadastre0", "isDefaultGateway": true,
        "ipam": {"type": "kube-node", "dataDir": data.path(), "kubeconfig": kubeconfig},
    });
    let site = Site {
        outside,
        plugins,
        data,
        network,
        node,
    };
    let pods = [Netns::new("a").unwrap(), Netns::new("b").unwrap()];
    let added = [site.add(&pods[0]), site.add(&pods[1])];
    for (number, (addresses, _)) in added.iter().enumerate() {
        let last = number + 2;
        let expected = [format!("10.244.1.{last}"), format!("fd00:244:1::{last}")];
        let found: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
        assert_eq!(found, expected);
    }
    assert_eq!(site.reserved().len(), 4);
    for address in &added[1].0 {
        reach::tcp(&pods[0], &pods[1], *address);
        reach::ping(&pods[0], *address);
    }
    for (pod, (_, result)) in pods.iter().zip(&added) {
        let mut network = site.network.clone();
        network["prevResult"] = result.clone();
        site.is_ok("CHECK", pod, &network);
    }
    let cache: Value =
        serde_json::from_slice(&fs::read(site.data.path().join("kube-node.json")).unwrap()).unwrap();
    assert_eq!(cache["x-node"], "worker-1");
    for pod in &pods {
        site.is_ok("DEL", pod, &site.network);
    }
    assert_eq!(site.reserved(), Vec::<IpAddr>::new());
    outside.ip(&["link", "del", "cadastre0"]).unwrap();
}

#[tokio::test]
async fn pods_get_addresses_with_the_certificate_of_a_kubelet_and_with_the_token_of_the_plugins() {
    let options = Options {
        audit_log: true,
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.unwrap();
    plane.apply_yaml(NODES).await.unwrap();
    plane.apply_yaml(&deployed(RBAC)).await.unwrap();
    let outside = Netns::new("node").unwrap();
    let port = plane.server_url().rsplit(':').next().unwrap().parse().unwrap();
    let _door = Door::open(&outside, port);

    // The Node authorizer lets a kubelet get its own Node, and nothing else; the certificate says which that is.
    let kubelet = plane
        .kubeconfig_for("system:node:worker-1", &["system:nodes"])
        .unwrap();
    pods_live_and_leave(&outside, &kubelet, None);
    let account = plane
        .kubeconfig_for_service_account("kube-system", "cadastre-cni")
        .await
        .unwrap();
    pods_live_and_leave(&outside, &account, Some("worker-1"));

    for user in [
        "system:node:worker-1",
        "system:serviceaccount:kube-system:cadastre-cni",
    ] {
        let requests = plane.audited_requests(user, 0).unwrap();
        assert_eq!(
            (requests.of("get", "nodes", ""), requests.total()),
            (1, 1),
            "two ADDs, two CHECKs, two DELs of {user}: {requests:?}"
        );
    }
}

#[tokio::test]
async fn a_kubelet_does_not_get_the_node_of_another() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    plane.apply_yaml(NODES).await.unwrap();
    let kubelet = plane
        .kubeconfig_for("system:node:worker-1", &["system:nodes"])
        .unwrap();
    let plugins = PluginDir::new(&[("kube-node", &built())]).unwrap();
    let data = tempfile::tempdir().unwrap();
    let network = json!({"cniVersion": "1.0.0", "name": "podnet", "ipam": {
        "type": "kube-node", "dataDir": data.path(), "kubeconfig": kubelet, "nodeName": "worker-2",
    }});
    let answer = Call::new(plugins.plugin("kube-node"), "ADD")
        .config(&network)
        .run()
        .unwrap();
    let error = answer.error().unwrap();
    assert_eq!(
        (&error["code"], &error["msg"]),
        (&json!(100), &json!("Get the own node object")),
        "{error}"
    );
    let details = error["details"].as_str().unwrap();
    assert!(
        details.contains("403") && details.contains("worker-2"),
        "{details}"
    );
    assert!(
        store::reservations(&data.path().join("podnet"))
            .unwrap()
            .is_empty()
    );
}
