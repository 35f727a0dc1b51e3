//! `deploy/cni` as a cluster uses it: the manifest's service account against the real API server over TLS, the
//! kubeconfig that `cni install` makes of it, and the plugin that uses that.

#![expect(clippy::unwrap_used, reason = "a test: what fails here is the test")]

mod daemon_set;
mod pods;

#[path = "../../../cni/tests/real/reach.rs"]
#[expect(clippy::expect_used, reason = "shared with the tests of the plugins")]
mod reach;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{ControlPlane, Options};

/// What an annotation of the node says.
const SECTION: &str = r#"ranges: [[{"subnet": "172.16.5.0/24"}]]"#;

const NODE: &str = r#"
apiVersion: v1
kind: Node
metadata:
  name: worker-1
  annotations:
    example.com/net: 'ranges: [[{"subnet": "172.16.5.0/24"}]]'
spec:
  podCIDRs: [10.244.1.0/24]
"#;

/// The rights of the DaemonSet.
const RBAC: &str = "rbac.yaml";

/// A file of `deploy/cni`.
fn deployed(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/cni");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// The plugins, built beside the cluster binary.
fn built() -> PathBuf {
    testkit::cni::beside(Path::new(env!("CARGO_BIN_EXE_cadastre"))).unwrap()
}

/// A pod of the DaemonSet, as far as its container sees it.
struct Pod {
    plane: ControlPlane,
    folder: TempDir,
}

impl Pod {
    async fn start() -> Self {
        let plane = ControlPlane::start(Options::default()).await.unwrap();
        plane.apply_yaml(NODE).await.unwrap();
        plane.apply_yaml(&deployed(RBAC)).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["account", "bin", "conf"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let pod = Self { plane, folder };
        let kubeconfig: Value =
            serde_saphyr::from_str(&fs::read_to_string(pod.plane.kubeconfig()).unwrap()).unwrap();
        fs::write(
            pod.path("account/ca.crt"),
            authority(&kubeconfig["clusters"][0]["cluster"]),
        )
        .unwrap();
        fs::write(pod.path("account/token"), pod.token().await).unwrap();
        pod
    }

    /// As the kubelet asks for it.
    async fn token(&self) -> String {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.plane.client(), "kube-system");
        let spec = TokenRequestSpec {
            expiration_seconds: Some(600),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest {
            spec: Some(spec),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request("cadastre-cni", &PostParams::default(), &request)
            .await;
        answer.unwrap().status.unwrap().token.unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `cadastre cni install`, which takes the plugins from beside itself.
    fn install(&self, node: Option<&str>) {
        built();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cadastre"));
        command
            .args(["cni", "install", "--server", &self.plane.server_url(), "--dir"])
            .arg(self.path("bin"));
        command.arg("--kubeconfig").arg(self.path("conf/kubeconfig"));
        command
            .arg("--service-account")
            .arg(self.path("account"))
            .env_remove("NODE_NAME");
        command.envs(node.map(|node| ("NODE_NAME", node)));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// ADD by the installed plugin, outside the pod.
    fn add(&self) -> Output {
        self.add_with(&self.path("bin/kube-node"), &self.path("conf/kubeconfig"))
    }

    fn add_with(&self, kube_node: &Path, kubeconfig: &Path) -> Output {
        self.call(
            kube_node,
            &json!({
                "type": "kube-node", "dataDir": self.path("data"), "kubeconfig": kubeconfig,
            }),
        )
    }

    fn call(&self, plugin: &Path, ipam: &Value) -> Output {
        self.call_as(plugin, ipam, Path::new("/none"))
    }

    /// ADD with this `ipam` section and configuration file of `node-annotation`.
    fn call_as(&self, plugin: &Path, ipam: &Value, config: &Path) -> Output {
        let network = json!({"cniVersion": "1.0.0", "name": "k8snet", "ipam": ipam});
        fs::write(self.path("network"), network.to_string()).unwrap();
        let mut command = self.command(plugin);
        command
            .env("NODE_ANNOTATION_CFG", config)
            .stdin(Stdio::from(fs::File::open(self.path("network")).unwrap()));
        let call = [
            ("COMMAND", "ADD"),
            ("CONTAINERID", "c1"),
            ("NETNS", "/run/netns/none"),
            ("IFNAME", "eth0"),
            ("PATH", "/"),
        ];
        command.envs(call.map(|(name, value)| (format!("CNI_{name}"), value)));
        command.output().unwrap()
    }

    /// A plugin on the node, which keeps what it remembers below a `/var/lib` of its own.
    fn command(&self, plugin: &Path) -> Command {
        fs::create_dir_all(self.path("varlib")).unwrap();
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-ec"])
            .arg("mount --bind \"$1\" /var/lib; shift; exec \"$0\" \"$@\"")
            .arg(plugin)
            .arg(self.path("varlib"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin");
        command
    }
}

/// The certificate in a kubeconfig, or in the file it names.
fn authority(cluster: &Value) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    match cluster["certificate-authority-data"].as_str() {
        Some(data) => STANDARD.decode(data).unwrap(),
        None => fs::read(cluster["certificate-authority"].as_str().unwrap()).unwrap(),
    }
}

#[tokio::test]
async fn the_installed_plugin_reads_its_node_with_no_more_than_the_right_to_get_it() {
    let pod = Pod::start().await;
    pod.install(Some("worker-1"));
    let output = pod.add();
    let result: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(result["ips"][0]["address"], "10.244.1.2/24", "{result}");
    let cache: Value = serde_json::from_slice(&fs::read(pod.path("data/kube-node.json")).unwrap()).unwrap();
    assert_eq!(cache["x-node"], "worker-1");
}

#[tokio::test]
async fn without_the_name_of_the_node_the_right_to_list_is_missed_and_named() {
    let pod = Pod::start().await;
    pod.install(None);
    let output = pod.add();
    let error: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(
        (&error["code"], &error["msg"]),
        (&json!(100), &json!("Get the own node object")),
        "{error}"
    );
    let details = error["details"].as_str().unwrap();
    assert!(details.contains("403") && details.contains("list"), "{details}");
}

#[tokio::test]
async fn node_annotation_reads_an_annotation_with_the_same_rights() {
    let pod = Pod::start().await;
    pod.install(Some("worker-1"));
    let config = pod.path("node-annotation.conf");
    fs::write(
        &config,
        json!({"kubeconfig": pod.path("conf/kubeconfig")}).to_string(),
    )
    .unwrap();
    let plugin = pod.path("bin/node-annotation");

    // The name of the node is in the kubeconfig: no list is needed.
    for more in [&["--node=worker-1"][..], &[]] {
        let mut command = pod.command(&plugin);
        command.arg("get_annotation").args(more).arg("example.com/net");
        let output = command.env("NODE_ANNOTATION_CFG", &config).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("{SECTION}\n"),
            "{more:?}: {output:?}"
        );
    }
    let ipam = json!({"type": "node-annotation", "annotation": "example.com/net"});
    let output = pod.call_as(&plugin, &ipam, &config);
    let result: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(result["ips"][0]["address"], "172.16.5.2/24", "{result}");
}
