//! The cloud controller as a child process, and Nodes as kubelets register them for it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Cadastre, Port, ProxmoxVe, proxmox::Vm};

/// Key of the taint that a cloud controller removes when it has initialised a Node.
pub const UNINITIALIZED: &str = "node.cloudprovider.kubernetes.io/uninitialized";
/// Where a kubelet writes the addresses of its `--node-ip`.
const PROVIDED_IPS: &str = "alpha.kubernetes.io/provided-node-ip";
/// Time for a controller to end in good order.
const GRACE: Duration = Duration::from_secs(20);

/// A configuration file for one region of `pve`: an API token, the authority of the end points, and these keys with
/// their values under `features.network`.
///
/// # Panics
/// When there is no such region.
#[must_use]
pub fn config(pve: &ProxmoxVe, region: &str, token: (&str, &str), network: &[(&str, &str)]) -> String {
    let keys: String = network
        .iter()
        .map(|(key, value)| format!("    {key}: \"{value}\"\n"))
        .collect();
    format!(
        "features:\n  network:\n{keys}clusters:\n- url: {}\n  ca_file: {}\n  region: {region}\n  token_id: \"{}\"\n  \
         token_secret: \"{}\"\n",
        pve.url(region),
        pve.ca_file().display(),
        token.0,
        token.1,
    )
}

/// A running `cadastre cloud`. Killed on drop.
#[derive(Debug)]
pub struct Cloud {
    /// The process, to be looked at, stopped and killed.
    pub process: Cadastre,
    folder: TempDir,
    port: Port,
}

impl Cloud {
    /// Starts `binary` with a configuration of this text. It serves health and metrics on a port of its own on
    /// loopback. `args` come after ours.
    ///
    /// # Errors
    /// When the binary cannot be started.
    pub fn start(binary: &Path, kubeconfig: &Path, config: &str, args: &[String]) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cadastre-cloud-")
            .tempdir()
            .context("no temporary folder")?;
        let file = folder.path().join("config.yaml");
        fs::write(&file, config).with_context(|| format!("cannot write {}", file.display()))?;
        let port = Port::reserve()?;
        let mut all = vec![
            "cloud".to_owned(),
            format!("--cloud-config={}", file.display()),
            format!("--kubeconfig={}", kubeconfig.display()),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", port.number()),
        ];
        all.extend_from_slice(args);
        let process = Cadastre::start(binary, &all, [("RUST_BACKTRACE", "1")])?;
        Ok(Self {
            process,
            folder,
            port,
        })
    }

    /// The configuration file, gone with this value.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("config.yaml")
    }

    /// The port of `/healthz`, `/readyz` and `/metrics` (TLS).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Does nothing while it runs.
    ///
    /// # Errors
    /// When it has ended; with the end of its log.
    pub fn still_runs(&mut self) -> Result<()> {
        match self.process.exited() {
            None => Ok(()),
            Some(status) => bail!("cadastre cloud ended with {status}: {}", self.process.log_tail()),
        }
    }

    /// Asks it to end and waits until it has, so that its lease is free.
    ///
    /// # Errors
    /// When it fails, or does not end; with the end of its log.
    pub async fn stop(mut self) -> Result<()> {
        self.process.term()?;
        let status = self.process.wait_exit(GRACE).await?;
        if !status.success() {
            bail!("cadastre cloud ended with {status}: {}", self.process.log_tail());
        }
        Ok(())
    }
}

/// What a kubelet with `--cloud-provider=external` registers: a ready Node that nobody has initialised.
#[derive(Clone, Debug)]
pub struct Kubelet {
    name: String,
    uuid: String,
    node_ip: Option<String>,
    images: usize,
}

impl Kubelet {
    /// On the VM of this number, which has the UUID of [`Vm::uuid_of`]; without `--node-ip`: the host name is the
    /// Node's only address.
    #[must_use]
    pub fn new(name: &str, vm: u32) -> Self {
        Self {
            name: name.to_owned(),
            uuid: Vm::uuid_of(vm),
            node_ip: None,
            images: 0,
        }
    }

    /// With this `--node-ip`: announced in the annotation, and among the Node's addresses until a cloud controller
    /// writes others.
    #[must_use]
    pub fn node_ip(mut self, ip: &str) -> Self {
        self.node_ip = Some(ip.to_owned());
        self
    }

    /// With so many container images on its disk, about 200 bytes each in the Node.
    #[must_use]
    pub fn images(mut self, number: usize) -> Self {
        self.images = number;
        self
    }

    /// The Node.
    #[must_use]
    pub fn node(&self) -> Value {
        let name = &self.name;
        let mut node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {
                "name": name,
                "labels": {
                    "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": name,
                },
                "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
            },
            "spec": {"taints": [{"key": UNINITIALIZED, "value": "true", "effect": "NoSchedule"}]},
            "status": {
                "addresses": [{"type": "Hostname", "address": name}],
                "capacity": {"cpu": "4", "memory": "8131472Ki", "ephemeral-storage": "32845584Ki", "pods": "110"},
                "allocatable": {"cpu": "4", "memory": "8029072Ki", "ephemeral-storage": "30270490165", "pods": "110"},
                "conditions": conditions(),
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
                "images": (0..self.images).map(image).collect::<Value>(),
                "nodeInfo": {
                    "architecture": "amd64", "operatingSystem": "linux", "kernelVersion": "6.12.48+deb13-amd64",
                    "osImage": "Debian GNU/Linux 13 (trixie)", "containerRuntimeVersion": "containerd://2.1.4",
                    "kubeletVersion": "v1.36.1", "kubeProxyVersion": "", "systemUUID": self.uuid,
                    "machineID": self.uuid.replace('-', ""), "bootID": self.uuid,
                },
            },
        });
        if let Some(ip) = &self.node_ip {
            node["metadata"]["annotations"][PROVIDED_IPS] = json!(ip);
            node["status"]["addresses"] = json!([
                {"type": "InternalIP", "address": ip},
                {"type": "Hostname", "address": name},
            ]);
        }
        node
    }
}

fn conditions() -> Value {
    let healthy = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID"),
        ("Ready", "True", "KubeletReady"),
    ];
    let condition = |(kind, status, reason): (&str, &str, &str)| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": "kubelet says so",
            "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    };
    healthy.into_iter().map(condition).collect()
}

fn image(number: usize) -> Value {
    let name = format!("registry.example.net/platform/component-{number:02}");
    let digest = format!("{:064x}", 0x9e37_79b9_7f4a_7c15_u128 * (number as u128 + 1));
    json!({
        "names": [format!("{name}@sha256:{digest}"), format!("{name}:v1.{number}.0")],
        "sizeBytes": 31_000_000 + 1_733_123 * number,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_images_make_a_node_of_about_eight_kilobytes() {
        let node = Kubelet::new("n1", 100).node_ip("192.0.2.5").images(40).node();
        let images = node["status"]["images"].to_string().len();
        assert!((7_000..=9_000).contains(&images), "{images} bytes");
        let bare = Kubelet::new("n1", 100).node();
        assert_eq!(
            bare["status"]["addresses"],
            json!([{"type": "Hostname", "address": "n1"}])
        );
        assert_eq!(bare["metadata"]["annotations"][PROVIDED_IPS], Value::Null);
    }
}
