//! A file system of our own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// A small tmpfs in a mount namespace of its own: nobody else sees it, and it is gone when we are, however we end.
///
/// A shell holds the namespace. It ends when its standard input does, which the kernel closes with our process;
/// everybody else goes in through `/proc/PID/root`.
#[derive(Debug)]
pub struct Volume {
    holder: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
    place: TempDir,
    inside: PathBuf,
}

impl Volume {
    /// An empty one with these options of tmpfs, for example `size=64k`.
    ///
    /// # Errors
    /// Without root, or without `unshare` and `mount` (Debian packages `util-linux` and `mount`).
    pub fn tmpfs(options: &str) -> Result<Self> {
        let place = tempfile::Builder::new().prefix("cadastre-volume-").tempdir()?;
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start unshare; install the package util-linux")?;
        let orders = holder.stdin.take().context("the holder has no input")?;
        let reports = BufReader::new(holder.stdout.take().context("the holder has no output")?);
        let inside = Path::new("/proc").join(holder.id().to_string()).join("root");
        let inside = inside.join(
            place
                .path()
                .strip_prefix("/")
                .context("temporary folders are absolute")?,
        );
        let mut volume = Self {
            holder,
            orders,
            reports,
            place,
            inside,
        };
        volume.order(&format!("mount -t tmpfs -o {options} cadastre"))?;
        Ok(volume)
    }

    /// The folder, as any process with our rights may name it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inside
    }

    /// Allows writing, or forbids it, for everybody and at once.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_read_only(&mut self, read_only: bool) -> Result<()> {
        let flag = if read_only { "ro" } else { "rw" };
        self.order(&format!("mount -o remount,{flag}"))
    }

    /// Has the shell run a command whose last word is the folder.
    fn order(&mut self, command: &str) -> Result<()> {
        writeln!(
            self.orders,
            "{command} {} && echo done || echo failed",
            self.place.path().display()
        )?;
        let mut report = String::new();
        self.reports.read_line(&mut report)?;
        ensure!(
            report == "done\n",
            "`{command}` failed; the reason is on standard error"
        );
        Ok(())
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Ended before the folder is removed: the mount keeps the name busy for nobody but the holder.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
