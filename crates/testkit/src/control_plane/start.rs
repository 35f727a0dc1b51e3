//! Bringing a control plane up.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Namespace;
use kube::Config;
use kube::api::Api;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::Mutex;

use super::files::Files;
use super::janitor::Janitor;
use super::programs::Programs;
use super::{ControlPlane, Options, PATIENCE, Ports};
use crate::client::client;
use crate::pki::Authority;
use crate::port::Port;
use crate::process::Process;

/// How often to look whether a server is ready.
const POLL: Duration = Duration::from_millis(50);

/// How often to start over when somebody took a port between our look and the server's.
const ATTEMPTS: u32 = 5;

pub(super) async fn start(options: Options) -> Result<ControlPlane> {
    let for_programs = options.clone();
    let programs = tokio::task::spawn_blocking(move || Programs::find(&for_programs))
        .await
        .context("looking for the programs of a control plane panicked")??;
    let mut attempt = 1;
    let (plane, programs) = loop {
        match bare(&programs, &options).await {
            Ok(parts) => break (parts, programs),
            Err(error) if attempt < ATTEMPTS && format!("{error:#}").contains("address already in use") => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    };
    let plane = ControlPlane {
        controller_manager: Mutex::new(None),
        apiserver: Mutex::new(Some(plane.apiserver)),
        etcd: Mutex::new(plane.etcd),
        files: plane.files,
        authority: plane.authority,
        config: plane.config,
        ports: plane.ports,
        options,
        programs,
        _janitor: plane.janitor,
    };
    finish(plane).await
}

/// What one attempt yields.
struct Parts {
    apiserver: Process,
    etcd: Process,
    files: Files,
    authority: Authority,
    config: Config,
    ports: Ports,
    janitor: Janitor,
}

/// etcd and an API server that is ready.
async fn bare(programs: &Programs, options: &Options) -> Result<Parts> {
    let ports = Ports {
        etcd: Port::reserve()?,
        etcd_peer: Port::reserve()?,
        apiserver: Port::reserve()?,
    };
    let authority = Authority::new()?;
    let server_url = format!("https://127.0.0.1:{}", ports.apiserver.number());
    let files = Files::create(&authority, &server_url)?;
    let janitor = Janitor::of(files.dir())?;
    let config = load_config(&files.admin_kubeconfig).await?;
    let etcd = Process::spawn("etcd", programs.etcd(&files, &ports), &files.path("etcd.log"))?;
    // The API server retries until etcd listens, so both may start at once.
    let apiserver = apiserver(programs, &files, &ports, options)?;
    let mut parts = Parts {
        apiserver,
        etcd,
        files,
        authority,
        config,
        ports,
        janitor,
    };
    let ready = wait_ready(&mut parts.apiserver, &parts.config).await;
    if let Some(status) = parts.etcd.exited() {
        bail!(
            "etcd ended ({status}); its last lines:\n{}",
            parts.etcd.log_tail()
        );
    }
    ready?;
    Ok(parts)
}

pub(super) fn apiserver(
    programs: &Programs,
    files: &Files,
    ports: &Ports,
    options: &Options,
) -> Result<Process> {
    let command = programs.apiserver(files, ports, options);
    Process::spawn("kube-apiserver", command, &files.path("kube-apiserver.log"))
}

pub(super) fn controller_manager(programs: &Programs, files: &Files) -> Result<Process> {
    let command = programs.controller_manager(files)?;
    Process::spawn(
        "kube-controller-manager",
        command,
        &files.path("kube-controller-manager.log"),
    )
}

/// Waits for `/readyz` and for the namespace `default`, which appears shortly after.
pub(super) async fn wait_ready(apiserver: &mut Process, config: &Config) -> Result<()> {
    let mut config = config.clone();
    config.default_retry = false;
    let client = client(&config)?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let end = Instant::now() + PATIENCE;
    loop {
        let request = http::Request::get("/readyz")
            .body(Vec::new())
            .context("a request without surprises")?;
        let answer = match client.request_text(request).await {
            Ok(_) => namespaces.get_metadata("default").await.map(|_| ()),
            Err(error) => Err(error),
        };
        let Err(error) = answer else { return Ok(()) };
        if let Some(status) = apiserver.exited() {
            bail!(
                "kube-apiserver ended ({status}); its last lines:\n{}",
                apiserver.log_tail()
            );
        }
        if Instant::now() >= end {
            let context = format!(
                "kube-apiserver is not ready after {PATIENCE:?}; its last lines:\n{}",
                apiserver.log_tail()
            );
            return Err(error).context(context);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Definitions first: garbage collection learns the kinds that exist when it starts.
async fn finish(plane: ControlPlane) -> Result<ControlPlane> {
    if let Some(version) = plane.options.capi {
        plane.apply_capi(version).await?;
    }
    if plane.options.controller_manager {
        let process = controller_manager(&plane.programs, &plane.files)?;
        *plane.controller_manager.lock().await = Some(process);
    }
    Ok(plane)
}

/// The client configuration in a kubeconfig file.
pub(crate) async fn load_config(path: &Path) -> Result<Config> {
    let context = || format!("cannot use {}", path.display());
    let kubeconfig = Kubeconfig::read_from(path).with_context(context)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .with_context(context)
}
