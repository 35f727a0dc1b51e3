//! The folder of one control plane.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::KeyPair;
use tempfile::TempDir;

use crate::pki::{Authority, Credential, kubeconfig};

/// One line per request: `RequestReceived` would be a second one. Watches log their start and their end.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
";

/// Paths inside the folder, whose files exist.
pub(super) struct Files {
    dir: TempDir,
    pub(super) admin_kubeconfig: PathBuf,
    pub(super) manager_kubeconfig: PathBuf,
    pub(super) audit_log: PathBuf,
}

impl Files {
    /// A new folder, readable by us alone, with keys and certificates and the kubeconfigs of those who need one now.
    pub(super) fn create(authority: &Authority, server_url: &str) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("cadastre-control-plane-")
            .tempdir()
            .context("cannot make a temporary folder for the control plane")?;
        let ca = authority.certificate();
        let admin = authority.client("admin", &["system:masters"])?;
        let manager = authority.client("system:kube-controller-manager", &[])?;
        let server = authority.server()?;
        let tokens = KeyPair::generate()?;
        let files = Self {
            admin_kubeconfig: dir.path().join("admin.kubeconfig"),
            manager_kubeconfig: dir.path().join("controller-manager.kubeconfig"),
            audit_log: dir.path().join("audit.log"),
            dir,
        };
        files.write("ca.crt", &ca)?;
        files.write("apiserver.crt", &server.certificate)?;
        files.write("apiserver.key", &server.key)?;
        files.write("tokens.pub", &tokens.public_key_pem())?;
        files.write("tokens.key", &tokens.serialize_pem())?;
        files.write("audit-policy.yaml", AUDIT_POLICY)?;
        files.write(
            "admin.kubeconfig",
            &kubeconfig(server_url, &ca, &Credential::Certificate(&admin)),
        )?;
        files.write(
            "controller-manager.kubeconfig",
            &kubeconfig(server_url, &ca, &Credential::Certificate(&manager)),
        )?;
        Ok(files)
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The path of a file in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `who` may be any user name, such as `system:serviceaccount:a:b`.
    pub(super) fn write_kubeconfig(&self, who: &str, text: &str) -> Result<PathBuf> {
        let plain: String = who
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let name = format!("user-{plain}.kubeconfig");
        self.write(&name, text)?;
        Ok(self.path(&name))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}
