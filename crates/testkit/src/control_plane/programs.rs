//! Command lines of the three programs.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::Ports;
use super::files::Files;
use super::options::Options;
use crate::assets::{self, Assets};
use crate::keeper;

/// Where the programs are.
pub(super) struct Programs {
    etcd: PathBuf,
    apiserver: PathBuf,
    controller_manager: Option<PathBuf>,
}

impl Programs {
    /// Finds or makes them; blocks for as long as that takes.
    pub(super) fn find(options: &Options) -> Result<Self> {
        let mut progress = assets::to_stderr;
        let assets: Assets = if options.controller_manager {
            assets::ensure_controller_manager(&mut progress)?
        } else {
            assets::ensure(&mut progress)?
        };
        Ok(Self {
            etcd: assets.etcd(),
            apiserver: assets.kube_apiserver(),
            controller_manager: assets
                .kube_controller_manager()
                .filter(|_| options.controller_manager),
        })
    }

    pub(super) fn etcd(&self, files: &Files, ports: &Ports) -> Command {
        let clients = etcd_url(ports);
        let peers = format!("http://127.0.0.1:{}", ports.etcd_peer.number());
        let mut command = keeper::command(&self.etcd);
        command
            .arg("--name=testkit")
            .arg("--data-dir")
            .arg(files.path("etcd"));
        command
            .arg(format!("--listen-client-urls={clients}"))
            .arg(format!("--advertise-client-urls={clients}"));
        command.arg(format!("--listen-peer-urls={peers}"));
        command.arg(format!("--initial-advertise-peer-urls={peers}"));
        command.arg(format!("--initial-cluster=testkit={peers}"));
        // The data need not survive a power cut, and tests share their disk with compilers.
        command.args(["--unsafe-no-fsync", "--log-level=warn"]);
        command
    }

    pub(super) fn apiserver(&self, files: &Files, ports: &Ports, options: &Options) -> Command {
        let mut command = keeper::command(&self.apiserver);
        command.arg(format!("--etcd-servers={}", etcd_url(ports)));
        command.args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"]);
        command.arg(format!("--secure-port={}", ports.apiserver.number()));
        for (flag, file) in [
            ("--tls-cert-file", "apiserver.crt"),
            ("--tls-private-key-file", "apiserver.key"),
            ("--client-ca-file", "ca.crt"),
            ("--service-account-key-file", "tokens.pub"),
            ("--service-account-signing-key-file", "tokens.key"),
        ] {
            command.arg(flag).arg(files.path(file));
        }
        command.arg("--cert-dir").arg(files.path("generated"));
        command.args([
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged",
            // No node ever reaches 127.0.0.1, so the `kubernetes` service needs no endpoints to be kept.
            "--endpoint-reconciler-type=none",
        ]);
        let mut plugins = vec!["NodeRestriction"];
        if options.owner_references_permission_enforcement {
            plugins.push("OwnerReferencesPermissionEnforcement");
        }
        command.arg(format!("--enable-admission-plugins={}", plugins.join(",")));
        if options.audit_log {
            command
                .arg("--audit-policy-file")
                .arg(files.path("audit-policy.yaml"));
            // Blocking: a request that was answered is in the log. Size 0: never rotated away from the reader.
            command.args(["--audit-log-mode=blocking", "--audit-log-maxsize=0"]);
            command.arg("--audit-log-path").arg(&files.audit_log);
        }
        command.args(&options.apiserver_args);
        command
    }

    pub(super) fn controller_manager(&self, files: &Files) -> Result<Command> {
        let program = self
            .controller_manager
            .as_ref()
            .context("this control plane was started without Options::controller_manager")?;
        let mut command = keeper::command(program);
        command.arg("--kubeconfig").arg(&files.manager_kubeconfig);
        command
            .arg("--service-account-private-key-file")
            .arg(files.path("tokens.key"));
        command.arg("--root-ca-file").arg(files.path("ca.crt"));
        command.args([
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
            // Tests wait for it: let it work as fast as the server answers.
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
        ]);
        Ok(command)
    }
}

fn etcd_url(ports: &Ports) -> String {
    format!("http://127.0.0.1:{}", ports.etcd.number())
}
