//! A real Kubernetes control plane on loopback.

pub mod apply;
mod audit;
mod files;
mod identity;
mod janitor;
mod lifecycle;
mod options;
mod programs;
mod shared;
mod start;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Config};
use tokio::sync::Mutex;

use crate::client::client;
use crate::pki::Authority;
use crate::port::Port;
use crate::process::Process;

pub use options::Options;
pub(crate) use start::load_config;

use files::Files;
use janitor::Janitor;

/// How long a program may take to come up or go down before that is an error. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(180);

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
    /// who asks, kept until the process ends, usable from every runtime. Others use it at the same time: work in a
    /// [`ControlPlane::namespace`] of your own, and [`ControlPlane::start`] another one to restart its API server.
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

    /// Where the API server listens, such as `https://127.0.0.1:20123`.
    #[must_use]
    pub fn server_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.apiserver.number())
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

    /// The folder with logs, keys and data; gone with the control plane.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.files.dir()
    }
}
