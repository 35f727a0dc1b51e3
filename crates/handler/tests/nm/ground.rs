//! A host with NetworkManager, and what the tests ask it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use handler::backend::{Change, NetBackend as _, NetworkManager, Touched, differences, touched_part};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::network_manager::Daemons;
use zbus::zvariant::{ObjectPath, OwnedObjectPath};

/// Long enough that no time limit strikes unasked.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// How long anything may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// NetworkManager, and the folder of the handler.
pub(crate) struct Node {
    pub(crate) daemons: Daemons,
    folder: TempDir,
}

impl Node {
    pub(crate) fn start() -> Self {
        Self {
            daemons: Daemons::start_here().unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Tells NetworkManager to leave a link alone until somebody wants it.
    pub(crate) fn unmanage(&self, link: &str) {
        run("nmcli", &["device", "set", link, "managed", "no"]);
    }

    /// The back end of a new process.
    pub(crate) fn backend(&self) -> NetworkManager {
        NetworkManager::new(self.folder.path()).unwrap()
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
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

/// The network before `everything`: an address, a route, a name server.
pub(crate) fn something() -> Value {
    json!({
        "interfaces": [{
            "name": "e1", "type": "ethernet", "state": "up", "mtu": 1500,
            "ipv4": {"enabled": true, "dhcp": false, "address": [{"ip": "192.0.2.1", "prefix-length": 24}]},
        }],
        "routes": {"config": [
            {"destination": "198.51.100.0/24", "next-hop-address": "192.0.2.254", "next-hop-interface": "e1"},
        ]},
        "dns-resolver": {"config": {"server": ["192.0.2.53"]}},
    })
}

/// Another address and MTU, a bridge over the second cable, a route over it, another name server.
pub(crate) fn everything() -> Value {
    json!({
        "interfaces": [
            {
                "name": "e1", "type": "ethernet", "state": "up", "mtu": 1400,
                "ipv4": {"enabled": true, "dhcp": false, "address": [{"ip": "192.0.2.77", "prefix-length": 25}]},
            },
            {
                "name": "br1", "type": "linux-bridge", "state": "up",
                "ipv4": {"enabled": true, "dhcp": false, "address": [{"ip": "203.0.113.1", "prefix-length": 24}]},
                "bridge": {"options": {"stp": {"enabled": false}}, "port": [{"name": "e2", "vlan": {}}]},
            },
        ],
        "routes": {"config": [
            {"destination": "198.51.100.0/24", "next-hop-interface": "e1", "state": "absent"},
            {"destination": "198.51.100.0/24", "next-hop-address": "203.0.113.254", "next-hop-interface": "br1"},
        ]},
        "dns-resolver": {"config": {"server": ["203.0.113.53"]}},
    })
}

/// Makes the network that of [`something`], for good.
pub(crate) async fn prepare(backend: &NetworkManager) -> Value {
    let open = backend.begin(&change(something(), LONG)).await.unwrap();
    backend.commit(&open).await.unwrap();
    backend.query().await.unwrap()
}

/// Paths at which the network is not as in `before`, as far as [`everything`] touches it.
pub(crate) async fn changed(backend: &NetworkManager, before: &Value) -> Vec<String> {
    let touched = Touched::by(&everything());
    let now = backend.query().await.unwrap();
    differences(&touched_part(before, &touched), &touched_part(&now, &touched))
}

/// An interface of a report.
pub(crate) fn interface<'a>(report: &'a Value, name: &str) -> Option<&'a Value> {
    let interfaces = report["interfaces"].as_array().unwrap();
    interfaces.iter().find(|interface| interface["name"] == name)
}

/// What the resolver of this host reads.
pub(crate) fn resolv_conf() -> String {
    fs::read_to_string("/etc/resolv.conf").unwrap()
}

/// Runs `ip` on this host.
pub(crate) fn ip(arguments: &[&str]) -> String {
    run("ip", arguments)
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Another program on the bus.
pub(crate) struct Stranger(zbus::Connection);

impl Stranger {
    pub(crate) async fn new() -> Self {
        Self(zbus::Connection::system().await.unwrap())
    }

    /// Opens a checkpoint of all devices for an hour.
    pub(crate) async fn open(&self) -> OwnedObjectPath {
        let none: [ObjectPath<'_>; 0] = [];
        let arguments = (none.as_slice(), 3600_u32, 0_u32);
        self.root()
            .await
            .call("CheckpointCreate", &arguments)
            .await
            .unwrap()
    }

    /// Makes what happened since a checkpoint final.
    pub(crate) async fn destroy(&self, path: &str) {
        let path = ObjectPath::try_from(path).unwrap();
        let _: () = self
            .root()
            .await
            .call("CheckpointDestroy", &(path,))
            .await
            .unwrap();
    }

    /// The checkpoints there are.
    pub(crate) async fn checkpoints(&self) -> Vec<String> {
        let paths: Vec<OwnedObjectPath> = self.root().await.get_property("Checkpoints").await.unwrap();
        paths.iter().map(ToString::to_string).collect()
    }

    async fn root(&self) -> zbus::Proxy<'static> {
        const NAME: &str = "org.freedesktop.NetworkManager";
        let proxy: zbus::proxy::Builder<'_, zbus::Proxy<'_>> = zbus::proxy::Builder::new(&self.0);
        proxy
            .destination(NAME)
            .unwrap()
            .path("/org/freedesktop/NetworkManager")
            .unwrap()
            .interface(NAME)
            .unwrap()
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .unwrap()
    }
}
