//! A node: a network namespace with two pairs of links, and the back end's files in a folder of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use handler::backend::kernel::{Settings, WatchdogCommand};
use handler::backend::{BackendError, Change, KernelBackend, NetBackend, Transaction};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use testkit::netns::Netns;

/// Long enough that no time limit strikes unasked.
pub(crate) const LONG: Duration = Duration::from_secs(120);
/// How long anything may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// What changes by itself, or has another value after a link was made anew.
const VOLATILE: [&str; 27] = [
    "ifindex",
    "link_index",
    "operstate",
    "gc_timer",
    "hello_timer",
    "tcn_timer",
    "topology_change_timer",
    "topology_change",
    "topology_change_detected",
    "hold_timer",
    "message_age_timer",
    "forward_delay_timer",
    "valid_life_time",
    "preferred_life_time",
    "state",
    "no",
    "id",
    "port",
    "config_pending",
    "num_tx_queues",
    "num_rx_queues",
    "expires",
    "designated_port",
    "parentbus",
    "ageing_time",
    "tso_max_size",
    "root_port",
];

/// A node.
pub(crate) struct Node {
    pub(crate) space: Netns,
    folder: TempDir,
}

impl Node {
    /// With links `e1`, `e1p`, `v0` and `v1`, all switched on, and `e1` with an address and a route.
    pub(crate) fn new(label: &str) -> Self {
        let space = Netns::new(label).unwrap();
        let node = Self {
            space,
            folder: tempfile::tempdir().unwrap(),
        };
        // Duplicates are looked for in the background; nothing here has any.
        let off =
            |which: &str| fs::write(format!("/proc/sys/net/ipv6/conf/{which}/accept_dad"), "0").unwrap();
        node.space.run(|| ["all", "default"].map(off)).unwrap();
        node.ip("link add e1 type veth peer name e1p");
        node.ip("link add v0 type veth peer name v1");
        for link in ["e1", "e1p", "v0", "v1"] {
            node.ip(&format!("link set {link} up"));
        }
        node.ip("address add 192.0.2.5/24 dev e1");
        node.ip("-6 address add 2001:db8::5/64 dev e1 nodad");
        node.ip("route add 198.51.100.0/24 via 192.0.2.1 dev e1");
        node.ip("-6 route add 2001:db8:9::/48 via 2001:db8::1 dev e1");
        node.settle();
        node
    }

    /// Waits until the kernel has given every link its own IPv6 address, and a route to it.
    fn settle(&self) {
        let own = || async {
            let routes = self.ip("-6 route show table local");
            let found = routes.lines().filter(|line| line.starts_with("local ")).count();
            if found == 6 { Ok(()) } else { Err(routes) }
        };
        runtime().block_on(testkit::eventually(
            DEADLINE,
            "the links have addresses of their own",
            own,
        ));
    }

    pub(crate) fn ip(&self, arguments: &str) -> String {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        self.space.ip(&words).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(self.folder.path())
    }

    pub(crate) fn backend(&self) -> KernelBackend {
        KernelBackend::new(self.settings())
    }

    /// Runs a test inside.
    pub(crate) fn run<T: Send>(&self, test: impl AsyncFnOnce() -> T + Send) -> T {
        self.space.run(|| runtime().block_on(test())).unwrap()
    }

    /// Applies and commits.
    pub(crate) async fn commit(&self, desired: Value) {
        let backend = self.backend();
        let open = backend.begin(&change(desired, LONG)).await.unwrap();
        backend.commit(&open).await.unwrap();
    }

    /// Commits a bridge whose ports forward at once, and waits until the kernel has nothing left to do about it.
    pub(crate) async fn commit_quiet_bridge(&self) {
        let mut desired = bridge();
        desired["interfaces"][0]["bridge"]["options"]["stp"] = json!({"enabled": false});
        self.commit(desired).await;
        testkit::eventually(
            DEADLINE,
            "the bridge and the tunnel have addresses of their own",
            || async {
                let routes = self.ip("-6 route show table local");
                let own = |link: &str| {
                    let own =
                        |line: &str| line.starts_with("local fe80") && line.contains(&format!("dev {link} "));
                    routes.lines().any(own)
                };
                if own("br1") && own("vx7") {
                    Ok(())
                } else {
                    Err(routes)
                }
            },
        )
        .await;
    }

    /// Everything the kernel tells, but for what changes by itself.
    pub(crate) fn state(&self) -> Value {
        let read = |arguments: &str| -> Value {
            let text = self.ip(arguments);
            let text = if text.trim().is_empty() {
                "[]"
            } else {
                text.as_str()
            };
            let mut value: Value = serde_json::from_str(text).unwrap();
            settle(&mut value);
            value
        };
        let sorted = |arguments: &str| {
            let mut list: Vec<String> = read(arguments)
                .as_array()
                .unwrap()
                .iter()
                .map(Value::to_string)
                .collect();
            list.sort();
            json!(list)
        };
        json!({
            "links": sorted("-j -d address show"),
            "routes": sorted("-j -d route show table all"),
            "routes6": sorted("-j -6 -d route show table all"),
            "rules": sorted("-j rule show"),
            "rules6": sorted("-j -6 rule show"),
            "resolver": fs::read_to_string(self.path("resolv.conf")).ok(),
        })
    }

    /// Waits until the state is this one again: links and IPv6 settle in the background.
    pub(crate) async fn is_again(&self, before: &Value) {
        testkit::eventually(DEADLINE, "the network is as before", || async {
            let now = self.state();
            if now == *before {
                Ok(())
            } else {
                Err(difference(before, &now))
            }
        })
        .await;
    }

    /// The kernel's entry of a link.
    pub(crate) fn link(&self, name: &str) -> Option<Value> {
        let all: Value = serde_json::from_str(&self.ip("-j -d address show")).unwrap();
        all.as_array()
            .unwrap()
            .iter()
            .find(|link| link["ifname"] == name)
            .cloned()
    }

    /// The addresses of a link that somebody gave it, as `address/length`.
    pub(crate) fn addresses(&self, name: &str) -> Vec<String> {
        let link = self.link(name).unwrap();
        let list = link["addr_info"].as_array().unwrap().iter();
        list.filter(|info| info["scope"] != "link")
            .map(|info| format!("{}/{}", info["local"].as_str().unwrap(), info["prefixlen"]))
            .collect()
    }

    /// What `resolv.conf` holds.
    pub(crate) fn resolver(&self) -> Option<String> {
        fs::read_to_string(self.path("resolv.conf")).ok()
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) fn settings(folder: &Path) -> Settings {
    let mut settings = Settings::new(&folder.join("state")).unwrap();
    settings.resolver = folder.join("resolv.conf");
    settings.networkd = folder.join("netif");
    settings.watchdog = WatchdogCommand {
        program: env!("CARGO_BIN_EXE_cadastre-handler").into(),
        arguments: vec!["watchdog".to_owned()],
    };
    settings
}

/// A change of policy `p`.
pub(crate) fn change(desired: Value, timeout: Duration) -> Change {
    Change {
        policy: "p".to_owned(),
        generation: 7,
        desired,
        timeout,
    }
}

/// Begins a change of policy `p` that nothing takes back unasked.
pub(crate) async fn begin(backend: &KernelBackend, desired: Value) -> Result<Transaction, BackendError> {
    backend.begin(&change(desired, LONG)).await
}

/// A bridge over `e1`, which takes over its addresses and routes.
pub(crate) fn bridge() -> Value {
    json!({
        "interfaces": [
            {
                "name": "br1", "type": "linux-bridge", "state": "up", "mtu": 1400,
                "bridge": {
                    "options": {"stp": {"enabled": true, "forward-delay": 4}, "mac-ageing-time": 120},
                    "port": [{"name": "e1", "vlan": {}, "stp-path-cost": 50}, {"name": "v0", "vlan": {}}],
                },
                "ipv4": {"enabled": true, "dhcp": false, "address": [
                    {"ip": "192.0.2.5", "prefix-length": 24}, {"ip": "203.0.113.9", "prefix-length": 28},
                ]},
                "ipv6": {"enabled": true, "dhcp": false, "autoconf": false, "address": [
                    {"ip": "2001:db8::5", "prefix-length": 64},
                ]},
            },
            {"name": "v1", "type": "veth", "state": "up", "mtu": 1300},
            {
                "name": "vx7", "type": "vxlan", "state": "up", "mtu": 1350,
                "vxlan": {"id": 7, "base-iface": "br1", "remote": "192.0.2.9", "destination-port": 4789},
            },
        ],
        "routes": {"config": [
            {"destination": "198.51.100.0/24", "next-hop-interface": "br1", "next-hop-address": "192.0.2.1"},
            {"destination": "0.0.0.0/0", "next-hop-interface": "br1", "next-hop-address": "192.0.2.1",
             "table-id": 1000, "metric": 77, "mtu": 1280},
            {"destination": "2001:db8:9::/48", "next-hop-interface": "br1", "next-hop-address": "2001:db8::1"},
            {"destination": "10.66.0.0/16", "route-type": "blackhole"},
        ]},
        "route-rules": {"config": [
            {"ip-from": "203.0.113.0/28", "route-table": 1000, "priority": 500},
            {"ip-to": "2001:db8:9::/48", "route-table": 254, "priority": 501},
        ]},
    })
}

fn settle(value: &mut Value) {
    match value {
        Value::Object(map) => settle_map(map),
        Value::Array(list) => {
            list.retain(|entry| !is_made_by_the_kernel(entry));
            list.iter_mut().for_each(settle);
        }
        _ => {}
    }
}

/// A link-local address, or a route to it: made from the hardware address the link had at that moment.
fn is_made_by_the_kernel(entry: &Value) -> bool {
    [&entry["local"], &entry["dst"]]
        .iter()
        .any(|text| text.as_str().is_some_and(|text| text.starts_with("fe80:")))
}

fn settle_map(map: &mut Map<String, Value>) {
    map.retain(|key, _| !VOLATILE.contains(&key.as_str()));
    if let Some(flags) = map.get_mut("flags") {
        // Of the flags of a link only whether it is switched on is anybody's wish.
        let up = flags
            .as_array()
            .is_some_and(|flags| flags.iter().any(|flag| flag == "UP"));
        *flags = json!(up);
    }
    for key in ["tentative", "dadfailed"] {
        map.remove(key);
    }
    map.values_mut().for_each(settle);
}

/// The first entries that are in one and not in the other.
fn difference(before: &Value, now: &Value) -> String {
    let mut words = String::new();
    for (key, was) in before.as_object().unwrap() {
        let is = &now[key];
        let (Some(was_list), Some(is_list)) = (was.as_array(), is.as_array()) else {
            if was != is {
                words += &format!("{key}: was {was}, is {is}\n");
            }
            continue;
        };
        for entry in was_list.iter().filter(|entry| !is_list.contains(entry)) {
            words += &format!("{key} lost {entry}\n");
        }
        for entry in is_list.iter().filter(|entry| !was_list.contains(entry)) {
            words += &format!("{key} got {entry}\n");
        }
    }
    words
}
