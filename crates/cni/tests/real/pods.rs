//! Pods for real: namespaces joined by the real main plugins with our IPAM (spec §13). Everything happens inside one
//! outer namespace of the test's own; the machine's interfaces are never seen.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::thread;

use serde_json::{Value, json};
use testkit::cni::{Answer, Call, PluginDir, reference, store};
use testkit::netns::Netns;

use crate::{binary, reach};

/// A node: an outer namespace, a main plugin, our IPAM, a data directory.
struct Node {
    outside: Netns,
    plugins: PluginDir,
    data: tempfile::TempDir,
    config: Value,
}

impl Node {
    /// With this main plugin and what its configuration says beside name, version and IPAM.
    fn new(main: &str, extra: &Value) -> Self {
        let plugin = reference(main).expect("the reference plugins are installed");
        let plugins =
            PluginDir::new(&[(main, &plugin), ("host-local", &binary())]).expect("links can be made");
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let mut config = json!({
            "cniVersion": "1.0.0",
            "name": "podnet",
            "type": main,
            "ipam": {
                "type": "host-local",
                "dataDir": data.path(),
                "ranges": [[{"subnet": "10.210.0.0/24"}], [{"subnet": "fd00:210::/64"}]],
            },
        });
        for (key, value) in extra.as_object().expect("an object") {
            config[key] = value.clone();
        }
        if config["isDefaultGateway"] != true {
            // `bridge` would add these a second time, and fail.
            config["ipam"]["routes"] = json!([{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]);
        }
        let outside = Netns::new(main).expect("namespaces can be made");
        Self {
            outside,
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
            .path(self.plugins.path());
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

fn addresses(texts: [&str; 2]) -> Vec<IpAddr> {
    texts
        .iter()
        .map(|text| text.parse().expect("an address"))
        .collect()
}

#[test]
fn two_pods_on_a_bridge_reach_each_other_and_leave_nothing() {
    Node::new(
        "bridge",
        &json!({"bridge": "cadastre0", "isDefaultGateway": true}),
    )
    .two_pods_live_and_leave();
}

#[test]
fn two_pods_on_point_to_point_links_reach_each_other_and_leave_nothing() {
    Node::new("ptp", &json!({})).two_pods_live_and_leave();
}

#[test]
fn two_pods_on_macvlan_reach_each_other_and_leave_nothing() {
    let node = Node::new("macvlan", &json!({"master": "pa", "mode": "bridge"}));
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
    let node = Node::new(
        "bridge",
        &json!({"bridge": "cadastre0", "isDefaultGateway": true}),
    );
    let pod = Netns::new("a").expect("a namespace");
    let (answer, result) = node.add(&pod);
    node.check(&pod, &result);
    for address in answer.addresses().expect("addresses") {
        std::fs::remove_file(node.data.path().join("podnet").join(address.to_string()))
            .expect("it was reserved");
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
    let mut node = Node::new("bridge", &json!({"bridge": "cadastre0"}));
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
    let node = Node::new(
        "bridge",
        &json!({"bridge": "cadastre0", "isDefaultGateway": true}),
    );
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
