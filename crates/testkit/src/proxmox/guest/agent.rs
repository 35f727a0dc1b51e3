//! A real `qemu-ga` in a network namespace of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::keeper;
use crate::netns::Netns;
use crate::process::Process;
use crate::proxmox::model::Guest;

/// How long the agent may take to listen.
const START: Duration = Duration::from_secs(20);

/// How often to look whether it listens.
const POLL: Duration = Duration::from_millis(5);

/// How to start a [`GuestAgent`].
#[derive(Clone, Debug)]
pub struct GuestOptions {
    /// Commands the guest's policy blocks, such as `guest-network-get-interfaces`.
    pub blocked: Vec<String>,
    /// Name of the first interface.
    pub interface: String,
    /// Its MAC.
    pub mac: String,
    /// Its addresses, such as `192.0.2.5/24`.
    pub addresses: Vec<String>,
}

impl Default for GuestOptions {
    fn default() -> Self {
        Self {
            blocked: Vec::new(),
            interface: "eth0".to_owned(),
            mac: "bc:24:11:2e:c4:0a".to_owned(),
            addresses: Vec::new(),
        }
    }
}

/// The guest agent of a VM that is a network namespace: what it reports is what `ip address` shows there.
///
/// Needs root, `ip` (Debian package `iproute2`) and `qemu-ga` (`qemu-guest-agent`). Ends when dropped, and when we do.
#[derive(Debug)]
pub struct GuestAgent {
    // Dropped in this order: the process first, then what it uses.
    process: Process,
    namespace: Netns,
    _peer: Netns,
    folder: TempDir,
}

impl GuestAgent {
    /// A guest with one interface `eth0` and these addresses, such as `192.0.2.5/24`.
    ///
    /// # Errors
    /// As [`GuestAgent::start_with`].
    pub async fn start(addresses: &[&str]) -> Result<Self> {
        Self::start_with(GuestOptions {
            addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
            ..GuestOptions::default()
        })
        .await
    }

    /// A guest with one interface. Returns when the agent listens.
    ///
    /// # Errors
    /// Without root, `ip` or `qemu-ga`, or when an address is none.
    pub async fn start_with(options: GuestOptions) -> Result<Self> {
        let namespace = Netns::new("guest")?;
        // The other end of the cable, in a namespace of its own so that the machine's own network is left alone.
        let peer = Netns::new("bridge")?;
        let interface = options.interface.as_str();
        let cable = ["link", "add", interface, "address", &options.mac, "type", "veth"];
        namespace.ip(&[&cable[..], &["peer", "name", "tap0", "netns", peer.name()]].concat())?;
        namespace.ip(&["link", "set", interface, "up"])?;
        peer.ip(&["link", "set", "tap0", "up"])?;
        let folder = tempfile::Builder::new()
            .prefix("cadastre-guest-")
            .tempdir()
            .context("no temporary folder")?;
        let process = spawn(&namespace, folder.path(), &options.blocked)?;
        let mut agent = Self {
            process,
            namespace,
            _peer: peer,
            folder,
        };
        for address in &options.addresses {
            agent.add_address(interface, address)?;
        }
        agent.wait_until_it_listens().await?;
        Ok(agent)
    }

    /// The UNIX socket it listens on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("guest.sock")
    }

    /// What to give a [`Vm`](crate::proxmox::Vm), so that its guest is this one.
    #[must_use]
    pub fn guest(&self) -> Guest {
        Guest::Socket(self.socket())
    }

    /// Where it lives, for anything `ip` can do.
    #[must_use]
    pub fn namespace(&self) -> &Netns {
        &self.namespace
    }

    /// Adds an address such as `192.0.2.5/24` or `2001:db8::5/64`; it is usable at once.
    ///
    /// # Errors
    /// When it is there already, or there is no such interface.
    pub fn add_address(&self, interface: &str, address: &str) -> Result<()> {
        let add = ["address", "add", address, "dev", interface];
        // Without duplicate address detection, which would keep an IPv6 address tentative for a second.
        let whole = if address.contains(':') {
            [&add[..], &["nodad"]].concat()
        } else {
            add.to_vec()
        };
        self.namespace.ip(&whole).map(drop)
    }

    /// Removes an address.
    ///
    /// # Errors
    /// When it is not there.
    pub fn del_address(&self, interface: &str, address: &str) -> Result<()> {
        self.namespace
            .ip(&["address", "del", address, "dev", interface])
            .map(drop)
    }

    /// Adds a bridge, such as the one of a container network, and gives it an address.
    ///
    /// # Errors
    /// When there is an interface of this name.
    pub fn add_bridge(&self, name: &str, address: &str) -> Result<()> {
        self.namespace.ip(&["link", "add", name, "type", "bridge"])?;
        self.namespace.ip(&["link", "set", name, "up"])?;
        self.add_address(name, address)
    }

    /// SIGSTOP: the guest hangs until [`GuestAgent::cont`].
    ///
    /// # Errors
    /// It has ended.
    pub fn stop(&mut self) -> Result<()> {
        self.process.stop()
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// It has ended.
    pub fn cont(&mut self) -> Result<()> {
        self.process.cont()
    }

    /// Ends it for good: nobody listens any more when this returns.
    ///
    /// # Errors
    /// It has ended already.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait_exit(START).await.map(drop)
    }

    async fn wait_until_it_listens(&mut self) -> Result<()> {
        let end = Instant::now() + START;
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            if let Some(status) = self.process.exited() {
                bail!("qemu-ga has ended ({status}):\n{}", self.process.log_tail());
            }
            if Instant::now() >= end {
                bail!(
                    "qemu-ga does not listen after {START:?}:\n{}",
                    self.process.log_tail()
                );
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }
}

fn spawn(namespace: &Netns, folder: &Path, blocked: &[String]) -> Result<Process> {
    let mut command = keeper::command("ip");
    command.args([
        "netns",
        "exec",
        namespace.name(),
        "qemu-ga",
        "--method=unix-listen",
    ]);
    command.arg("--path").arg(folder.join("guest.sock"));
    command.arg("--statedir").arg(folder);
    command.arg("--pidfile").arg(folder.join("guest.pid"));
    if !blocked.is_empty() {
        command.arg("--block-rpcs").arg(blocked.join(","));
    }
    Process::spawn("qemu-ga", command, &folder.join("log"))
        .context("cannot start qemu-ga; install the package qemu-guest-agent")
}
