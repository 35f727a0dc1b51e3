//! A host for NetworkManager: its network and its files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::wait_for;
use crate::keeper;
use crate::netns::Netns;
use crate::process::Process;

/// Prepares the files, then sleeps.
const SETUP: &str = include_str!("setup.sh");

/// Copying `/etc` and a dozen mounts, on a busy machine.
const READY: Duration = Duration::from_secs(30);

/// What a [`Host`] has.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many cables: `e1`, `e2`, … whose far ends `e1p`, `e2p`, … are in another namespace.
    pub cables: u32,
    /// How many links with both ends on the host: `v0`/`w0`, `v1`/`w1`, …
    pub pairs: u32,
    /// Names NetworkManager leaves alone; `*` stands for anything.
    pub unmanaged: Vec<String>,
}

impl Default for Options {
    /// Two cables, all managed.
    fn default() -> Self {
        Self {
            cables: 2,
            pairs: 0,
            unmanaged: Vec::new(),
        }
    }
}

/// A network namespace with cables, and a mount and a UTS namespace of its own. Gone when dropped.
#[derive(Debug)]
pub struct Host {
    // Dropped in this order: the process that holds the mounts, then what it uses.
    holder: Process,
    near: Netns,
    far: Netns,
    _folder: TempDir,
}

impl Host {
    /// Makes one; returns when its files are ready.
    ///
    /// # Errors
    /// Without root, `ip`, `mount`, `unshare` or `nsenter`.
    pub fn new(options: &Options) -> Result<Self> {
        let near = Netns::new("nm")?;
        let far = Netns::new("far")?;
        lay_cables(&near, &far, options)?;
        let folder = tempfile::Builder::new()
            .prefix("cadastre-nm-")
            .tempdir()
            .context("no temporary folder")?;
        let holder = hold(&near, &far, folder.path(), &options.unmanaged)?;
        let mut host = Self {
            holder,
            near,
            far,
            _folder: folder,
        };
        host.wait_until_ready()?;
        Ok(host)
    }

    /// A command for `program` in this host. It dies with us; standard input is empty.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = keeper::command("nsenter");
        command
            .args(["--target", &self.holder.pid().to_string()])
            .args(["--mount", "--uts", "--net", "--"])
            .arg(program);
        command
    }

    /// Runs a command in this host and returns what it printed.
    ///
    /// # Errors
    /// When it fails; its words are in the message.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        printed(self.command(program).args(arguments))
    }

    /// The file system of this host, as seen from outside.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        Path::new("/proc")
            .join(self.holder.pid().to_string())
            .join("root")
    }

    /// A value for `DBUS_SYSTEM_BUS_ADDRESS`, for processes outside.
    #[must_use]
    pub fn bus_address(&self) -> String {
        format!("unix:path={}/run/dbus/system_bus_socket", self.root().display())
    }

    /// Its network.
    #[must_use]
    pub fn network(&self) -> &Netns {
        &self.near
    }

    /// The network at the far ends of the cables. Inside the host it is named `far`.
    #[must_use]
    pub fn far(&self) -> &Netns {
        &self.far
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let ready = self._folder.path().join("ready");
        let holder = &mut self.holder;
        wait_for("the files of the host are ready", READY, || {
            if let Some(status) = holder.exited() {
                bail!(
                    "cannot prepare the files of a host ({status}): {}",
                    holder.log_tail()
                );
            }
            Ok(ready.exists().then_some(()))
        })
    }
}

fn lay_cables(near: &Netns, far: &Netns, options: &Options) -> Result<()> {
    for number in 1..=options.cables {
        let (end, peer) = (format!("e{number}"), format!("e{number}p"));
        let cable = [
            "link",
            "add",
            &end,
            "type",
            "veth",
            "peer",
            "name",
            &peer,
            "netns",
            far.name(),
        ];
        near.ip(&cable)?;
        near.ip(&["link", "set", &end, "up"])?;
        far.ip(&["link", "set", &peer, "up"])?;
    }
    for number in 0..options.pairs {
        let (end, peer) = (format!("v{number}"), format!("w{number}"));
        near.ip(&["link", "add", &end, "up", "type", "veth", "peer", "name", &peer])?;
        near.ip(&["link", "set", &peer, "up"])?;
    }
    Ok(())
}

/// Starts the process whose namespaces are the host.
fn hold(near: &Netns, far: &Netns, folder: &Path, unmanaged: &[String]) -> Result<Process> {
    let unmanaged: Vec<String> = unmanaged
        .iter()
        .map(|name| format!("interface-name:{name}"))
        .collect();
    let mut command = keeper::command("nsenter");
    command
        .arg(format!("--net={}", near.path().display()))
        .args(["--", "unshare", "--mount", "--uts", "--propagation", "private"])
        .args(["--", "sh", "-c", SETUP, "setup"])
        .arg(folder)
        .arg(far.name())
        .arg(unmanaged.join(";"));
    Process::spawn("the holder of a host", command, &folder.join("setup.log"))
}

/// Runs a command to its end.
pub(super) fn printed(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {}", words.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
