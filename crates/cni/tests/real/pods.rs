//! Pods for real: namespaces joined by the real main plugins with our IPAM (spec §13). Everything happens inside one
//! outer namespace of the test's own; the machine's interfaces are never seen.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Value, json};
use testkit::cni::{Answer, Call, PluginDir, reference, store};
use testkit::netns::Netns;

use crate::support::{self, Api};
use crate::{binary, reach};

/// Where a node's pod addresses come from. All three end in the same ranges and the same files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ipam {
    /// Ranges in the network configuration.
    HostLocal,
    /// The pod CIDRs of the Node, read from an API server.
    KubeNode,
    /// A whole section in an annotation of the Node, read from an API server.
    NodeAnnotation,
}

/// The Node of the test.
const NODE: &str = "worker-1";

/// The annotation that `node-annotation` reads.
const KEY: &str = "example.com/ranges";

/// A node: an outer namespace with an API server in it, a main plugin, our IPAM, a data directory.
struct Node {
    outside: Netns,
    /// Listens on loopback of `outside`, where the plugins run; gone before the namespace is.
    api: Option<Api>,
    plugins: PluginDir,
    data: tempfile::TempDir,
    config: Value,
}

impl Ipam {
    const fn name(self) -> &'static str {
        match self {
            Self::HostLocal => "host-local",
            Self::KubeNode => "kube-node",
            Self::NodeAnnotation => "node-annotation",
        }
    }

    /// The `ipam` section that leads to `section`, which is in the form of `host-local`.
    fn section(self, section: &Value, files: &Path) -> Value {
        let routes = section.get("routes").cloned().unwrap_or_else(|| json!([]));
        match self {
            Self::HostLocal => section.clone(),
            Self::KubeNode => json!({
                "type": self.name(), "dataDir": section["dataDir"], "kubeconfig": files.join("kubeconfig"), "routes": routes,
            }),
            Self::NodeAnnotation => json!({"type": self.name(), "annotation": KEY}),
        }
    }

    /// The Node that says the same.
    fn node(section: &Value) -> Value {
        let mut node = support::node(NODE);
        let subnets = ["10.210.0.0/24", "fd00:210::/64"];
        node["spec"] = json!({"podCIDR": subnets[0], "podCIDRs": subnets});
        let mut members = section.clone();
        members.as_object_mut().expect("an object").remove("type");
        // Without its braces the text is a list of members, as in the manual of the replaced plugin.
        let text = members.to_string();
        node["metadata"]["annotations"] = json!({KEY: text.trim_start_matches('{').trim_end_matches('}')});
        node
    }

    /// The program under its name. `node-annotation` remembers in the default data directory: it gets a `/var/lib` of
    /// its own, in a mount namespace around each call.
    fn install(self, plugins: &PluginDir, files: &Path) {
        let program = plugins.path().join(self.name());
        if self != Self::NodeAnnotation {
            symlink(binary(), program).expect("a new folder is writable");
            return;
        }
        let (inner, var) = (files.join("bin"), files.join("var"));
        for folder in [&inner, &var] {
            fs::create_dir(folder).expect("a new folder is writable");
        }
        symlink(binary(), inner.join(self.name())).expect("a new folder is writable");
        let script = format!(
            "#!/bin/sh\nexec /usr/bin/unshare --mount --propagation private /bin/sh -ec \
             '/bin/mount --bind \"$1\" /var/lib; exec \"$0\"' '{}' '{}'\n",
            inner.join(self.name()).display(),
            var.display()
        );
        fs::write(&program, script).expect("a new folder is writable");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
}

impl Node {
    /// With this main plugin and what its configuration says beside name, version and IPAM.
    fn new(ipam: Ipam, main: &str, extra: &Value) -> Self {
        let plugin = reference(main).expect("the reference plugins are installed");
        let plugins = PluginDir::new(&[(main, &plugin)]).expect("links can be made");
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let files = data.path().join("files");
        fs::create_dir(&files).expect("a new folder is writable");
        ipam.install(&plugins, &files);
        let mut section = json!({
            "type": "host-local",
            "dataDir": data.path(),
            "ranges": [[{"subnet": "10.210.0.0/24"}], [{"subnet": "fd00:210::/64"}]],
        });
        let mut config = json!({"cniVersion": "1.0.0", "name": "podnet", "type": main});
        for (key, value) in extra.as_object().expect("an object") {
            config[key] = value.clone();
        }
        if config["isDefaultGateway"] != true {
            // `bridge` would add these a second time, and fail.
            section["routes"] = json!([{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]);
        }
        config["ipam"] = ipam.section(&section, &files);
        let outside = Netns::new(main).expect("namespaces can be made");
        // A socket belongs to the namespace it was made in.
        let api = (ipam != Ipam::HostLocal).then(|| {
            let start = || Api::http(&[Ipam::node(&section)]);
            outside.run(start).expect("the namespace is there")
        });
        if let Some(api) = &api {
            write_kubeconfig(&files, &api.url());
        }
        Self {
            outside,
            api,
            plugins,
            data,
            config,
        }
    }

    fn call(&self, verb: &str, pod: &Netns, config: &Value) -> Answer {
        let program = self.plugins.plugin(config["type"].as_str().expect("a type"));
        let call = Call::new(program, verb)
            .id(pod.name())
            .netns(pod.path())
            .path(self.plugins.path())
            .env("NODE_NAME", NODE)
            .env(
                "NODE_ANNOTATION_CFG",
                self.data
                    .path()
                    .join("files/node-annotation.conf")
                    .to_string_lossy(),
            );
        let call = call.config(config);
        self.outside
            .run(|| call.run())
            .expect("the namespace is there")
            .expect("the plugin can be started")
    }

    /// ADD, and the result it gave.
    fn add(&self, pod: &Netns) -> (Answer, Value) {
        let answer = self.call("ADD", pod, &self.config);
        let result = answer.document().expect("one document").expect("a result");
        assert!(answer.is_ok(), "ADD {}: {answer:?}", pod.name());
        (answer, result)
    }

    fn check(&self, pod: &Netns, result: &Value) {
        let mut config = self.config.clone();
        config["prevResult"] = result.clone();
        let answer = self.call("CHECK", pod, &config);
        assert!(answer.is_ok(), "CHECK {}: {answer:?}", pod.name());
    }

    fn del(&self, pod: &Netns) {
        let answer = self.call("DEL", pod, &self.config);
        assert!(answer.is_ok(), "DEL {}: {answer:?}", pod.name());
    }

    fn reserved(&self) -> BTreeSet<IpAddr> {
        let network: PathBuf = self.data.path().join("podnet");
        store::reservations(&network)
            .expect("readable")
            .into_keys()
            .collect()
    }

    /// Two pods that see each other over both families, CHECK, and a clean end with one namespace gone before.
    fn two_pods_live_and_leave(&self) {
        let pods = [
            Netns::new("a").expect("a namespace"),
            Netns::new("b").expect("a namespace"),
        ];
        let results = [self.add(&pods[0]), self.add(&pods[1])];
        let of = |pod: usize| results[pod].0.addresses().expect("addresses");
        assert_eq!(of(0), addresses(["10.210.0.2", "fd00:210::2"]));
        assert_eq!(of(1), addresses(["10.210.0.3", "fd00:210::3"]));
        assert_eq!(self.reserved(), of(0).into_iter().chain(of(1)).collect());
        for address in of(1) {
            reach::tcp(&pods[0], &pods[1], address);
            reach::ping(&pods[0], address);
        }
        for address in of(0) {
            reach::tcp(&pods[1], &pods[0], address);
            reach::ping(&pods[1], address);
        }
        for (pod, (_, result)) in pods.iter().zip(&results) {
            self.check(pod, result);
        }
        pods[1].delete().expect("it was there");
        for pod in pods.iter().chain(&pods) {
            self.del(pod);
        }
        assert_eq!(self.reserved(), BTreeSet::new());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Its way to stop is to connect to itself.
        let api = self.api.take();
        let _ = self.outside.run(|| drop(api));
    }
}

/// How to reach the API server, for `kube-node` and for `node-annotation`.
fn write_kubeconfig(files: &Path, server: &str) {
    let kubeconfig = files.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\ncontexts:\n- name: test\n  context: {{cluster: here, user: me}}\n\
         clusters:\n- name: here\n  cluster: {{server: \"{server}\"}}\nusers:\n- name: me\n  user: {{}}\n"
    );
    fs::write(&kubeconfig, text).expect("our own folder");
    let config = json!({"kubeconfig": kubeconfig});
    fs::write(files.join("node-annotation.conf"), config.to_string()).expect("our own folder");
}

fn addresses(texts: [&str; 2]) -> Vec<IpAddr> {
    texts
        .iter()
        .map(|text| text.parse().expect("an address"))
        .collect()
}

/// A node whose pods are on a bridge that is their gateway.
fn bridged(ipam: Ipam) -> Node {
    let extra = json!({"bridge": "cadastre0", "isDefaultGateway": true});
    Node::new(ipam, "bridge", &extra)
}

#[test]
fn two_pods_on_a_bridge_reach_each_other_and_leave_nothing() {
    bridged(Ipam::HostLocal).two_pods_live_and_leave();
}

#[test]
fn two_pods_with_addresses_of_their_node_reach_each_other_and_leave_nothing() {
    let node = bridged(Ipam::KubeNode);
    node.two_pods_live_and_leave();
    let asked = node.api.as_ref().map(Api::count);
    assert_eq!(asked, Some(1), "two ADDs, two CHECKs and four DELs ask once");
}

#[test]
fn two_pods_with_an_annotated_section_reach_each_other_and_leave_nothing() {
    let node = bridged(Ipam::NodeAnnotation);
    node.two_pods_live_and_leave();
    assert!(
        node.api.as_ref().is_some_and(|api| api.count() > 0),
        "it was asked"
    );
}

#[test]
fn two_pods_on_point_to_point_links_reach_each_other_and_leave_nothing() {
    for ipam in [Ipam::HostLocal, Ipam::KubeNode, Ipam::NodeAnnotation] {
        Node::new(ipam, "ptp", &json!({})).two_pods_live_and_leave();
    }
}

#[test]
fn two_pods_on_macvlan_reach_each_other_and_leave_nothing() {
    let node = Node::new(
        Ipam::HostLocal,
        "macvlan",
        &json!({"master": "pa", "mode": "bridge"}),
    );
    for order in [
        "link add pa type veth peer name pb",
        "link set pa up",
        "link set pb up",
    ] {
        let words: Vec<&str> = order.split(' ').collect();
        node.outside.ip(&words).expect("a veth pair can be made");
    }
    node.two_pods_live_and_leave();
}

#[test]
fn a_check_of_the_main_plugin_fails_when_the_reservation_is_gone() {
    let node = bridged(Ipam::HostLocal);
    let pod = Netns::new("a").expect("a namespace");
    let (answer, result) = node.add(&pod);
    node.check(&pod, &result);
    for address in answer.addresses().expect("addresses") {
        fs::remove_file(node.data.path().join("podnet").join(address.to_string())).expect("it was reserved");
    }
    let mut config = node.config.clone();
    config["prevResult"] = result;
    let error = node
        .call("CHECK", &pod, &config)
        .error()
        .expect("an error object");
    assert_eq!(error["code"], 999);
    let expected = format!(
        "host-local: Failed to find address added by container {}",
        pod.name()
    );
    assert_eq!(error["msg"], expected);
    node.del(&pod);
}

#[test]
fn a_full_range_is_the_main_plugins_error_and_its_interface_is_taken_back() {
    let mut node = Node::new(Ipam::HostLocal, "bridge", &json!({"bridge": "cadastre0"}));
    node.config["ipam"]["ranges"] = json!([[{"subnet": "10.210.0.0/30"}]]);
    let pods = [
        Netns::new("a").expect("a namespace"),
        Netns::new("b").expect("a namespace"),
    ];
    node.add(&pods[0]);
    let error = node
        .call("ADD", &pods[1], &node.config)
        .error()
        .expect("an error object");
    let expected =
        "failed to allocate for range 0: no IP addresses available in range set: 10.210.0.1-10.210.0.2";
    assert_eq!(error["msg"], expected);
    node.del(&pods[1]);
    assert_eq!(node.reserved().len(), 1, "the other pod keeps its address");
    node.del(&pods[0]);
    assert_eq!(node.reserved(), BTreeSet::new());
}

#[test]
fn sixty_four_pods_at_once_get_addresses_of_their_own() {
    sixty_four_at_once(&bridged(Ipam::HostLocal));
}

#[test]
fn sixty_four_pods_at_once_get_addresses_of_their_node() {
    sixty_four_at_once(&bridged(Ipam::KubeNode));
}

fn sixty_four_at_once(node: &Node) {
    let pods: Vec<Netns> = (0..64).map(|_| Netns::new("p").expect("a namespace")).collect();
    let given: Vec<Vec<IpAddr>> = thread::scope(|scope| {
        let adding: Vec<_> = pods
            .iter()
            .map(|pod| scope.spawn(|| node.add(pod).0.addresses()))
            .collect();
        adding
            .into_iter()
            .map(|one| one.join().expect("its assertions hold").expect("addresses"))
            .collect()
    });
    let distinct: BTreeSet<IpAddr> = given.iter().flatten().copied().collect();
    assert_eq!(distinct.len(), 128, "64 of each family");
    assert_eq!(distinct, node.reserved());
    for address in &given[63] {
        reach::tcp(&pods[0], &pods[63], *address);
        reach::ping(&pods[0], *address);
    }
    thread::scope(|scope| {
        for pod in &pods {
            scope.spawn(|| node.del(pod));
        }
    });
    assert_eq!(node.reserved(), BTreeSet::new());
}
