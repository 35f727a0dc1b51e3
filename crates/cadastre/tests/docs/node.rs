//! A node for the pages about the CNI: the real API server with the node in it, and a mount namespace whose `/etc`,
//! `/opt`, `/run` and `/var/lib` are folders of the test, with the plugins of the reference beside ours. No process but
//! those of the page is seen there.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;
use testkit::{ControlPlane, Options};

use crate::{
    kubectl,
    stage::{LIMIT, Place, Ran},
};

/// What the node has of its own, in the folder of the test.
const MOUNTS: [(&str, &str); 4] = [
    ("etc", "/etc"),
    ("opt", "/opt"),
    ("run", "/run"),
    ("lib", "/var/lib"),
];

/// The node's object, as `kubectl` shows it.
const NODE: &str = r#"
apiVersion: v1
kind: Node
metadata:
  name: worker-1
  annotations:
    example.com/storage: 172.20.2.0/24,fd00:2::/96
    example.com/ipvlan-ranges: 'ranges: [[{"subnet": "172.16.5.0/24"}]]'
spec:
  podCIDR: 10.244.1.0/24
  podCIDRs: [10.244.1.0/24, "fd00:1::/64"]
"#;

/// A place to run commands in.
pub(crate) struct Node {
    // The API server before its folder.
    _plane: ControlPlane,
    dir: TempDir,
}

impl Node {
    pub(crate) async fn set_up() -> Self {
        let plane = ControlPlane::start(Options::default())
            .await
            .expect("a control plane");
        plane.apply_yaml(NODE).await.expect("a node");
        let dir = tempfile::Builder::new()
            .prefix("cadastre-node-")
            .tempdir()
            .expect("a temporary folder");
        let node = Self { _plane: plane, dir };
        for folder in [
            "etc/cni/net.d",
            "etc/kubernetes",
            "opt/cni/bin",
            "run/netns",
            "lib/cni",
            "programs",
            "tmp",
        ] {
            fs::create_dir_all(node.path(folder)).expect("a new folder is writable");
        }
        for name in ["machine-id", "passwd", "ssl"] {
            copy(Path::new("/etc").join(name).as_path(), &node.path("etc"));
        }
        for name in ["host-local", "bridge"] {
            let reference = testkit::cni::reference(name).expect("the package containernetworking-plugins");
            fs::copy(reference, node.path("opt/cni/bin").join(name)).expect("a new folder is writable");
        }
        fs::copy(node._plane.kubeconfig(), node.path("etc/kubernetes/kubeconfig")).expect("a kubeconfig");
        let cluster = PathBuf::from(env!("CARGO_BIN_EXE_cadastre"));
        let plugins = testkit::cni::beside(&cluster).expect("the plugins of this workspace");
        for (name, target) in [
            ("cadastre", &cluster),
            ("cadastre-cni", &plugins),
            ("kubectl", &kubectl::find()),
        ] {
            symlink(target, node.path("programs").join(name)).expect("a new folder is writable");
        }
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .expect("cp is everywhere");
    assert!(
        status.success() || !from.exists(),
        "cannot copy {}",
        from.display()
    );
}

impl Place for Node {
    fn bash(&self, line: &str, input: &str) -> Ran {
        fs::write(self.path("stdin"), input).expect("our own folder");
        let input = fs::File::open(self.path("stdin")).expect("written just now");
        let mounts = MOUNTS.map(|(from, to)| format!("mount --bind '{}' {to}\n", self.path(from).display()));
        let script = format!(
            "{}cd '{}'\nexec timeout {} bash -o pipefail -c \"$0\"",
            mounts.concat(),
            self.path("tmp").display(),
            LIMIT.as_secs()
        );
        let path = std::env::var("PATH").unwrap_or_default();
        // Processes of its own, too: `cni list` looks for addresses in the namespaces of all it sees.
        let ran = Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "--pid",
                "--fork",
                "--mount-proc",
            ])
            .args(["--kill-child", "sh", "-ec", &script])
            .arg(format!("exec 2>&1\n{line}"))
            .env("PATH", format!("{}:{path}", self.path("programs").display()))
            .env("HOME", self.dir.path())
            .env("KUBECONFIG", "/etc/kubernetes/kubeconfig")
            .stdin(Stdio::from(input))
            .output()
            .expect("unshare is on every machine that builds this");
        Ran {
            ok: ran.status.success(),
            printed: String::from_utf8_lossy(&ran.stdout).into_owned(),
        }
    }

    fn write(&self, path: &str, text: &str) {
        let place = MOUNTS
            .iter()
            .find_map(|(from, to)| Some(self.path(from).join(Path::new(path).strip_prefix(to).ok()?)));
        let place = place.unwrap_or_else(|| panic!("{path} is not on the node of the page"));
        fs::create_dir_all(place.parent().expect("a file is in a folder")).expect("our own folder");
        fs::write(place, text).expect("our own folder");
    }

    async fn metrics(&self) -> String {
        "nothing is measured here".to_owned()
    }
}
