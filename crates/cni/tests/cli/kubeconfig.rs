//! The kubeconfig that is made from a pod's service account.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::support::{Api, Bench, node};
use crate::{PROGRAM, Said};

/// A folder with a service account, and the CNI directory.
pub(crate) fn pod() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["account", "bin", "conf"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    renew(&folder.path().join("account"), "first-token");
    for name in ["token", "ca.crt"] {
        symlink(
            Path::new("..data").join(name),
            folder.path().join("account").join(name),
        )
        .unwrap();
    }
    folder
}

/// As the kubelet renews what is in a volume: a new folder, and the link `..data`, through which all files are seen,
/// is replaced by one to it.
pub(crate) fn renew(account: &Path, token: &str) {
    let data = account.join("..data");
    let (old, new) = (fs::read_link(&data).ok(), format!("..of-{token}"));
    fs::create_dir(account.join(&new)).unwrap();
    fs::write(account.join(&new).join("token"), format!("{token}\n")).unwrap();
    fs::write(account.join(&new).join("ca.crt"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    symlink(&new, account.join("..data_tmp")).unwrap();
    fs::rename(account.join("..data_tmp"), data).unwrap();
    if let Some(old) = old {
        fs::remove_dir_all(account.join(old)).unwrap();
    }
}

/// `cni install` as a pod runs it.
pub(crate) fn installer(pod: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["cni", "install", "--names", "kube-node", "--dir"])
        .arg(pod.join("bin"));
    command.arg("--kubeconfig").arg(pod.join("conf/kubeconfig"));
    command
        .arg("--service-account")
        .arg(pod.join("account"))
        .args(more);
    command.env_clear().env("NODE_NAME", "n1");
    command
        .env("KUBERNETES_SERVICE_HOST", "2001:db8::1")
        .env("KUBERNETES_SERVICE_PORT", "443");
    command
}

fn install(pod: &Path, more: &[&str]) -> Said {
    Said::of(installer(pod, more).output().unwrap())
}

#[test]
fn it_is_for_root_alone_and_says_all_a_client_needs() {
    let pod = pod();
    install(pod.path(), &[]).ok();
    let path = pod.path().join("conf/kubeconfig");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    for line in [
        "server: \"https://[2001:db8::1]:443\"",
        "token: \"first-token\"",
        "certificate-authority-data: \"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==\"",
        "- name: cadastre.dev/node",
        "extension: {name: \"n1\"}",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    let again = install(pod.path(), &[]).ok();
    assert!(!again.contains("written"), "{again}");
    assert_eq!(
        fs::read_dir(pod.path().join("conf")).unwrap().count(),
        1,
        "a draft is left"
    );
}

#[test]
fn the_plugin_finds_its_node_by_name_without_listing() {
    let pod = pod();
    let api = Api::http(&[node("n1")]);
    install(pod.path(), &["--server", &api.url()]).ok();
    let mut bench = Bench::new("kube-node");
    bench.unset("NODE_NAME");
    let network = json!({"cniVersion": "1.0.0", "name": "k8snet", "ipam": {
        "type": "kube-node", "dataDir": bench.data(), "kubeconfig": pod.path().join("conf/kubeconfig"),
    }});
    assert_eq!(
        bench.call("ADD", &network.to_string()).addresses(),
        ["10.244.1.2/24", "fd00:1::2/64"]
    );
    assert_eq!(api.paths(), ["/api/v1/nodes/n1"]);
}

#[test]
fn the_file_of_somebody_else_is_not_touched() {
    let pod = pod();
    let path = pod.path().join("conf/kubeconfig");
    fs::write(&path, "apiVersion: v1\n").unwrap();
    install(pod.path(), &[]).failed(2, &["is somebody else's", "move it away"]);
    let uninstall = || {
        let mut command = Command::new(PROGRAM);
        command
            .args(["cni", "uninstall", "--dir"])
            .arg(pod.path().join("bin"))
            .arg("--kubeconfig")
            .arg(&path);
        Said::of(command.output().unwrap()).ok()
    };
    assert!(uninstall().contains("kubeconfig: somebody else's, left alone"));
    assert!(path.exists());
    fs::remove_file(&path).unwrap();
    install(pod.path(), &[]).ok();
    assert!(uninstall().contains("kubeconfig: removed"));
    assert!(!path.exists());
}

#[test]
fn what_is_missing_in_the_pod_is_named() {
    let pod = pod();
    let mut command = installer(pod.path(), &[]);
    command.env_remove("KUBERNETES_SERVICE_HOST");
    Said::of(command.output().unwrap()).failed(2, &["KUBERNETES_SERVICE_HOST", "--server"]);
    fs::remove_file(pod.path().join("account/token")).unwrap();
    install(pod.path(), &[]).failed(2, &["account/token", "mount its token"]);
}
