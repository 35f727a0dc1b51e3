//! Child processes to stop, continue, kill and read the log of.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::keeper;

/// How often to look whether a process has ended.
const POLL: Duration = Duration::from_millis(10);

/// How many of the last lines of a log errors show.
const TAIL: usize = 25;

/// A child process that dies with us, with standard output and error in a file. Killed on drop.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts `command`, made by [`keeper::command`]; its output is appended to `log`.
    pub(crate) fn spawn(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let err = out.try_clone().context("cannot share the log file")?;
        command.stdout(out).stderr(err);
        let child = keeper::spawn(command).with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
            status: None,
        })
    }

    /// The process id. Names another process some time after this one has ended.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The file with its output.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Everything it has written so far; empty when that cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The last lines of [`Process::log`], for messages.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            // An error means that the child is not ours to wait for, which cannot be while we hold it.
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// SIGKILL. Does not wait.
    ///
    /// # Errors
    /// The process has ended already.
    pub fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL)
    }

    /// SIGSTOP: the process stands still, as in a paused virtual machine, until [`Process::cont`].
    ///
    /// # Errors
    /// As [`Process::kill`].
    pub fn stop(&mut self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// As [`Process::kill`].
    pub fn cont(&mut self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// SIGTERM: the polite request to end. Does not wait.
    ///
    /// # Errors
    /// As [`Process::kill`].
    pub fn term(&mut self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// SIGINT, as Ctrl-C sends it. Does not wait.
    ///
    /// # Errors
    /// As [`Process::kill`].
    pub fn interrupt(&mut self) -> Result<()> {
        self.signal(Signal::INT)
    }

    /// Waits for the end of the process.
    ///
    /// # Errors
    /// It still runs when `deadline` has passed; it is left running.
    pub async fn wait_exit(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + deadline;
        loop {
            if let Some(status) = self.exited() {
                return Ok(status);
            }
            if Instant::now() >= end {
                bail!(
                    "{} still runs after {deadline:?}; its last lines:\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The most memory it has had at once (`VmHWM`). Unit: KiB. `None` once it has ended.
    #[must_use]
    pub fn peak_rss_kib(&self) -> Option<u64> {
        self.status_field("VmHWM:")
    }

    /// The memory it has now (`VmRSS`). Unit: KiB. `None` once it has ended.
    #[must_use]
    pub fn rss_kib(&self) -> Option<u64> {
        self.status_field("VmRSS:")
    }

    /// A number of `/proc/<pid>/status`, see proc_pid_status(5).
    fn status_field(&self, name: &str) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        // Until its status is fetched the child is at least a zombie, so its id cannot belong to anyone else.
        if let Some(status) = self.exited() {
            bail!(
                "{} has ended already ({status}); its last lines:\n{}",
                self.name,
                self.log_tail()
            );
        }
        let pid = i32::try_from(self.pid())
            .ok()
            .and_then(Pid::from_raw)
            .context("not a process id")?;
        kill_process(pid, signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// SIGTERM, then SIGKILL if it has not ended after `grace`. Returns when it has ended.
    #[cfg(feature = "cluster")]
    pub(crate) async fn terminate(&mut self, grace: Duration) -> Result<()> {
        if self.exited().is_some() {
            return Ok(());
        }
        self.term()?;
        if self.wait_exit(grace).await.is_err() {
            self.kill()?;
            self.wait_exit(grace).await?;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.exited().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Our program, run as a child process. All of [`Process`] is available on it.
///
/// Killed on drop; when that happens in a panic, the end of its log is printed.
#[derive(Debug)]
pub struct Cadastre {
    process: Process,
    _dir: TempDir,
}

impl Cadastre {
    /// Starts `binary` (usually `env!("CARGO_BIN_EXE_cadastre")`) with `args`, and `envs` added to our environment.
    ///
    /// # Errors
    /// The binary does not exist or cannot be started.
    pub fn start<A, E, K, V>(binary: impl AsRef<Path>, args: A, envs: E) -> Result<Self>
    where
        A: IntoIterator<Item: AsRef<OsStr>>,
        E: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let binary = binary.as_ref();
        if !binary.is_file() {
            bail!(
                "{} does not exist; build it first (cargo build -p cadastre)",
                binary.display()
            );
        }
        let dir = tempfile::Builder::new()
            .prefix("cadastre-run-")
            .tempdir()
            .context("no temporary folder")?;
        let mut command = keeper::command(binary);
        command.args(args).envs(envs);
        let name = binary
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let process = Process::spawn(&name, command, &dir.path().join("log"))?;
        Ok(Self { process, _dir: dir })
    }
}

impl Deref for Cadastre {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Cadastre {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

impl Drop for Cadastre {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "last lines of {} (pid {}):\n{}",
                self.name,
                self.pid(),
                self.log_tail()
            );
        }
    }
}
