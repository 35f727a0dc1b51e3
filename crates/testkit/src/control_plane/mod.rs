//! A real Kubernetes control plane on loopback.

mod apply;
mod files;
mod janitor;
mod options;
mod programs;
mod shared;
mod start;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Config};
use tokio::sync::Mutex;

use crate::client::client;
use crate::pki::{Authority, Credential, kubeconfig};
use crate::port::Port;
use crate::process::Process;

pub use options::Options;
pub(crate) use start::load_config;

use files::Files;
use janitor::Janitor;

/// How long a program may take to come up or go down before that is an error. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// An etcd and a kube-apiserver (and kube-controller-manager, if asked for) of our own.
///
/// They listen on 127.0.0.1 only and end with this value, or with this process however it ends. RBAC is on; the
/// administrator is in the group `system:masters`.
pub struct ControlPlane {
    // Fields drop in this order: clients of etcd before etcd, everything before the folder.
    controller_manager: Mutex<Option<Process>>,
    // A tokio mutex on purpose: it serialises whole restarts, which are nothing but waiting.
    apiserver: Mutex<Option<Process>>,
    etcd: Mutex<Process>,
    files: Files,
    authority: Authority,
    config: Config,
    ports: Ports,
    options: Options,
    programs: programs::Programs,
    _janitor: Janitor,
}

/// Kept for the lifetime of the control plane, so that a restarted server finds its port free.
struct Ports {
    etcd: Port,
    etcd_peer: Port,
    apiserver: Port,
}

impl ControlPlane {
    /// Starts one. Seconds, unless the programs must be fetched or built first (see [`crate::assets`]).
    ///
    /// # Errors
    /// The programs cannot be had, or do not start; with the end of their log.
    pub async fn start(options: Options) -> Result<Self> {
        start::start(options).await
    }

    /// The control plane of this test process, with the newest Cluster API definitions in it: started by the first
    /// who asks, kept until the process ends, usable from every runtime.
    ///
    /// # Panics
    /// It cannot be started.
    pub async fn shared() -> &'static Self {
        shared::get().await
    }

    /// A new client of the administrator. Belongs to the runtime it is made in.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn client(&self) -> Client {
        client(&self.config).expect("the certificates were made by us and have been used already")
    }

    /// The administrator's client configuration.
    #[must_use]
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// The administrator's kubeconfig file.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.files.admin_kubeconfig
    }

    /// A kubeconfig file for somebody else: a client certificate with this name and up to two groups. It may do what
    /// RBAC lets it do, which is almost nothing at first, and the audit log shows its name.
    ///
    /// # Errors
    /// More than two groups, or the file cannot be written.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> Result<PathBuf> {
        let identity = self.authority.client(user, groups)?;
        self.write_kubeconfig(user, &Credential::Certificate(&identity))
    }

    /// A kubeconfig file with a token of a service account, which must exist. Valid for one hour.
    ///
    /// # Errors
    /// There is no such service account, or the file cannot be written.
    pub async fn kubeconfig_for_service_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec::default()),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .with_context(|| format!("no token for service account {namespace}/{name}"))?;
        let token = answer
            .status
            .and_then(|status| status.token)
            .context("the answer holds no token")?;
        self.write_kubeconfig(&format!("{namespace}-{name}"), &Credential::Token(&token))
    }

    /// Where the API server listens, such as `https://127.0.0.1:20123`.
    #[must_use]
    pub fn server_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.apiserver.number())
    }

    /// The audit log (one JSON object of `audit.k8s.io/v1` per line, level Metadata), if [`Options::audit_log`] is set.
    #[must_use]
    pub fn audit_log(&self) -> Option<&Path> {
        self.options.audit_log.then_some(self.files.audit_log.as_path())
    }

    /// A fresh namespace called `<prefix>-` and something unique. With a controller manager its `default` service
    /// account exists on return.
    ///
    /// # Panics
    /// The API server does not create it.
    pub async fn namespace(&self, prefix: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}-{}-{number}", std::process::id());
        let metadata = ObjectMeta {
            name: Some(name.clone()),
            ..ObjectMeta::default()
        };
        let namespace = Namespace {
            metadata,
            ..Namespace::default()
        };
        let created = Api::all(self.client())
            .create(&PostParams::default(), &namespace)
            .await;
        assert!(created.is_ok(), "cannot create namespace {name}: {created:?}");
        if self.options.controller_manager {
            let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), &name);
            crate::eventually(PATIENCE, "the default service account exists", || async {
                accounts.get("default").await.map_err(|error| error.to_string())
            })
            .await;
        }
        name
    }

    /// Ends the API server with SIGTERM and starts it again on the same port. Ready on return.
    ///
    /// # Errors
    /// It does not end or does not start; with the end of its log.
    pub async fn restart_apiserver(&self) -> Result<()> {
        let mut apiserver = self.apiserver.lock().await;
        stop(&mut apiserver).await?;
        self.bring_up_apiserver(&mut apiserver).await
    }

    /// Ends the API server with SIGTERM, or SIGKILL if that takes too long. Does nothing when it is down.
    ///
    /// # Errors
    /// It does not end.
    pub async fn stop_apiserver(&self) -> Result<()> {
        stop(&mut *self.apiserver.lock().await).await
    }

    /// Ends the API server with SIGKILL, as a crash would. Does nothing when it is down.
    ///
    /// # Errors
    /// It does not end.
    pub async fn kill_apiserver(&self) -> Result<()> {
        drop(self.apiserver.lock().await.take());
        Ok(())
    }

    /// Starts the API server after [`ControlPlane::stop_apiserver`]. Ready on return. Does nothing when it is up.
    ///
    /// # Errors
    /// It does not start; with the end of its log.
    pub async fn start_apiserver(&self) -> Result<()> {
        let mut apiserver = self.apiserver.lock().await;
        if apiserver
            .as_mut()
            .is_some_and(|process| process.exited().is_none())
        {
            return Ok(());
        }
        self.bring_up_apiserver(&mut apiserver).await
    }

    /// Starts kube-controller-manager anew, so that garbage collection knows kinds defined since it started (by
    /// itself it looks every 30 seconds).
    ///
    /// # Errors
    /// It does not start, or [`Options::controller_manager`] is not set.
    pub async fn restart_controller_manager(&self) -> Result<()> {
        let mut manager = self.controller_manager.lock().await;
        stop(&mut manager).await?;
        *manager = Some(start::controller_manager(&self.programs, &self.files)?);
        Ok(())
    }

    /// Process ids of what runs now: etcd first.
    pub async fn pids(&self) -> Vec<u32> {
        let mut pids = vec![self.etcd.lock().await.pid()];
        pids.extend(self.apiserver.lock().await.as_ref().map(Process::pid));
        pids.extend(self.controller_manager.lock().await.as_ref().map(Process::pid));
        pids
    }

    /// The folder with logs, keys and data; gone with the control plane.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.files.dir()
    }

    /// The API server's own metrics, in the Prometheus text format.
    ///
    /// # Errors
    /// The API server does not answer.
    pub async fn metrics(&self) -> Result<String> {
        let request = http::Request::get("/metrics")
            .body(Vec::new())
            .context("a request without surprises")?;
        self.client()
            .request_text(request)
            .await
            .context("cannot read the API server's metrics")
    }

    /// Certificates for the fault proxy, which stands in for our server.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A kubeconfig file for another way to this API server. It holds credentials only so that clients which insist
    /// on some have some.
    pub(crate) fn write_proxy_kubeconfig(&self, who: &str, url: &str) -> Result<PathBuf> {
        let identity = self.authority.client("through-fault-proxy", &[])?;
        let text = kubeconfig(
            url,
            &self.authority.certificate(),
            &Credential::Certificate(&identity),
        );
        self.files.write_kubeconfig(who, &text)
    }

    /// Writes a kubeconfig of this control plane under a name made of `who`.
    fn write_kubeconfig(&self, who: &str, credential: &Credential<'_>) -> Result<PathBuf> {
        let text = kubeconfig(&self.server_url(), &self.authority.certificate(), credential);
        self.files.write_kubeconfig(who, &text)
    }

    async fn bring_up_apiserver(&self, slot: &mut Option<Process>) -> Result<()> {
        let process = start::apiserver(&self.programs, &self.files, &self.ports, &self.options)?;
        let process = slot.insert(process);
        start::wait_ready(process, &self.config).await
    }
}

async fn stop(slot: &mut Option<Process>) -> Result<()> {
    if let Some(process) = slot.as_mut() {
        process.terminate(Duration::from_secs(20)).await?;
    }
    *slot = None;
    Ok(())
}
