//! The API server, answering badly on request.

mod answer;
mod rule;
mod serve;
mod upstream;
mod watch;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use kube::Config;
use tokio_util::sync::CancellationToken;

use crate::control_plane::{ControlPlane, load_config};
use crate::requests::Requests;

pub use rule::{Action, Count, Fault, Filter, Injected};

use serve::State;

/// A streaming HTTPS proxy in front of a control plane's API server that loses, delays and refuses requests as told,
/// and counts them.
///
/// Clients use [`FaultProxy::kubeconfig`]; no matter who they are, the API server sees the identity the proxy was
/// started with, except for requests with a bearer token, which pass with theirs. Speaks HTTP/1.1; connection
/// upgrades (exec, port-forward) do not pass. While the API server is down, connections are dropped. Works from
/// every runtime, and ends when dropped.
pub struct FaultProxy {
    state: Arc<State>,
    kubeconfig: PathBuf,
    url: String,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// A proxy that acts as the administrator.
    ///
    /// # Errors
    /// No port or thread, which is a fault of the machine.
    pub async fn start(plane: &ControlPlane) -> Result<Self> {
        Self::with_config(plane, "fault-proxy", plane.config())
    }

    /// A proxy that acts as somebody else, see [`ControlPlane::kubeconfig_for`]: RBAC applies, and the audit log
    /// shows that name.
    ///
    /// # Errors
    /// As [`FaultProxy::start`], or more than two groups.
    pub async fn start_as(plane: &ControlPlane, user: &str, groups: &[&str]) -> Result<Self> {
        let config = load_config(&plane.kubeconfig_for(user, groups)?).await?;
        Self::with_config(plane, user, config)
    }

    fn with_config(plane: &ControlPlane, who: &str, config: Config) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port for the fault proxy")?;
        listener
            .set_nonblocking(true)
            .context("cannot use the fault proxy's socket")?;
        let port = listener
            .local_addr()
            .context("cannot use the fault proxy's socket")?
            .port();
        let url = format!("https://127.0.0.1:{port}");
        let kubeconfig = plane.write_proxy_kubeconfig(&format!("{who}-{port}"), &url)?;
        let tls = serve::tls(plane.authority())?;
        let state = Arc::new(State::new(config));
        let stop = CancellationToken::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start a runtime for the fault proxy")?;
        let (for_thread, until) = (state.clone(), stop.clone());
        let thread = thread::Builder::new()
            .name("fault-proxy".to_owned())
            .spawn(move || runtime.block_on(serve::run(listener, tls, for_thread, until)))
            .context("cannot start the fault proxy's thread")?;
        Ok(Self {
            state,
            kubeconfig,
            url,
            stop,
            thread: Some(thread),
        })
    }

    /// A kubeconfig file that leads through the proxy.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Where the proxy listens, such as `https://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client configuration that leads through the proxy.
    ///
    /// # Errors
    /// Somebody removed or changed the kubeconfig file.
    pub async fn config(&self) -> Result<Config> {
        load_config(&self.kubeconfig).await
    }

    /// From now on, `fault` happens to the requests it is meant for. Of several faults for a request, the one
    /// injected first happens.
    pub fn inject(&self, fault: Fault) -> Injected {
        self.state.rules().add(fault)
    }

    /// Forgets all faults. Stalled watches stay stalled.
    pub fn clear(&self) {
        self.state.rules().clear();
    }

    /// Cuts all open watches in the middle, as a load balancer that restarts does. Returns how many there were.
    pub fn drop_watches(&self) -> usize {
        self.state.watches.cut()
    }

    /// While `true`, watches stay open and deliver nothing, so that their readers' caches lag behind; events are kept
    /// and delivered afterwards.
    pub fn stall_watches(&self, stalled: bool) {
        self.state.watches.stall(stalled);
    }

    /// How many watches are open now.
    #[must_use]
    pub fn open_watches(&self) -> usize {
        self.state.watches.open()
    }

    /// What has been asked since the start or the last [`FaultProxy::reset_requests`], faulted requests included.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.state.requests().clone()
    }

    /// Starts counting at zero and returns the count so far.
    pub fn reset_requests(&self) -> Requests {
        std::mem::take(&mut *self.state.requests())
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // It can only have panicked; then the test has failed already.
            let _ = thread.join();
        }
    }
}
