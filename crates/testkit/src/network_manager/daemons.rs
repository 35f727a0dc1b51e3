//! The bus and NetworkManager.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::host::printed;
use super::{Host, wait_for};
use crate::keeper;
use crate::process::Process;

/// Where the bus listens.
const SOCKET: &str = "/run/dbus/system_bus_socket";

/// NetworkManager was seen to start in 2 s; this machine may be busy.
const START: Duration = Duration::from_secs(60);

/// Where a daemon is started.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    /// In the namespaces we are in.
    Here,
    /// In those of a host.
    In(&'a Host),
}

impl Place<'_> {
    fn command(self, program: &str) -> Command {
        match self {
            Self::Here => keeper::command(program),
            Self::In(host) => host.command(program),
        }
    }

    fn listens(self) -> bool {
        let socket = match self {
            Self::Here => SOCKET.into(),
            Self::In(host) => host.root().join(SOCKET.trim_start_matches('/')),
        };
        UnixStream::connect(socket).is_ok()
    }
}

/// The bus and NetworkManager of a [`Host`]. Killed when dropped; when that happens in a panic, the end of
/// NetworkManager's log is printed.
#[derive(Debug)]
pub struct Daemons {
    // Dropped in this order.
    manager: Option<Process>,
    _bus: Process,
    folder: TempDir,
}

impl Daemons {
    /// Starts both in `host`; returns when NetworkManager answers.
    ///
    /// # Errors
    /// Without the packages, or when one does not start; its log is in the message.
    pub fn start(host: &Host) -> Result<Self> {
        Self::start_in(Place::In(host))
    }

    /// Starts both in the namespaces of this process, see [`super::inside`].
    ///
    /// # Errors
    /// As [`Daemons::start`]; and outside of a [`Host`], where it would be the machine's own.
    pub fn start_here() -> Result<Self> {
        if !Path::new("/run/netns/far").exists() {
            bail!(
                "this process is not in a host of the test kit; NetworkManager would take the machine's own links"
            );
        }
        Self::start_in(Place::Here)
    }

    fn start_in(place: Place<'_>) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cadastre-nm-")
            .tempdir()
            .context("no temporary folder")?;
        let mut command = place.command("dbus-daemon");
        command.args(["--system", "--nofork", "--nopidfile"]);
        let mut bus = Process::spawn("dbus-daemon", command, &folder.path().join("dbus.log"))?;
        wait_for("the bus listens", START, || {
            alive(&mut bus, "dbus-daemon; install the package dbus")?;
            Ok(place.listens().then_some(()))
        })?;
        let mut daemons = Self {
            manager: None,
            _bus: bus,
            folder,
        };
        daemons.start_manager(place)?;
        Ok(daemons)
    }

    /// Starts NetworkManager again after [`Daemons::kill`] or [`Daemons::stop`], where we are.
    ///
    /// # Errors
    /// As [`Daemons::start`].
    pub fn start_again(&mut self) -> Result<()> {
        self.start_manager(Place::Here)
    }

    /// Kills NetworkManager. Its links stay as they are; its checkpoints are gone.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<()> {
        self.manager.take().context("NetworkManager does not run")?.kill()
    }

    /// Lets NetworkManager stand still until [`Daemons::resume`]: it is there and does not answer.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&mut self) -> Result<()> {
        self.manager
            .as_mut()
            .context("NetworkManager does not run")?
            .stop()
    }

    /// Ends [`Daemons::pause`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&mut self) -> Result<()> {
        self.manager
            .as_mut()
            .context("NetworkManager does not run")?
            .cont()
    }

    /// The last lines NetworkManager wrote.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.manager.as_ref().map(Process::log_tail).unwrap_or_default()
    }

    fn start_manager(&mut self, place: Place<'_>) -> Result<()> {
        let mut command = place.command("NetworkManager");
        // Not a daemon, logs on standard error.
        command.arg("--debug");
        let log = self.folder.path().join("network-manager.log");
        let mut manager = Process::spawn("NetworkManager", command, &log)?;
        wait_for("NetworkManager answers", START, || {
            alive(
                &mut manager,
                "NetworkManager; install the package network-manager",
            )?;
            // `running` comes with the name on the bus; the state with the first look at all devices.
            let asked = printed(
                place
                    .command("nmcli")
                    .args(["-t", "-f", "RUNNING,STARTUP", "general"]),
            );
            Ok(asked
                .is_ok_and(|said| said.trim() == "running:started")
                .then_some(()))
        })?;
        self.manager = Some(manager);
        Ok(())
    }
}

fn alive(process: &mut Process, what: &str) -> Result<()> {
    match process.exited() {
        Some(status) => bail!("cannot start {what} ({status}): {}", process.log_tail()),
        None => Ok(()),
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("last lines of NetworkManager:\n{}", self.log_tail());
        }
    }
}
