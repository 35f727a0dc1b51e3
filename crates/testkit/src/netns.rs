//! Network namespaces of our own: made, entered and gone again.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where `ip netns` keeps the names.
const FOLDER: &str = "/run/netns";

/// What the names of all our namespaces start with; the PID namespace and the process id follow.
const PREFIX: &str = "cadastre-";

/// Numbers the namespaces of this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// `ip netns add` of two threads at once would race for the first set-up of the folder.
static ADDING: Mutex<()> = Mutex::new(());

/// A network namespace with loopback up. Deleted on drop, also when a test panics; what a killed test process left
/// is deleted by the next one that makes a namespace.
#[derive(Debug)]
pub struct Netns {
    name: String,
    path: PathBuf,
}

impl Netns {
    /// A new one whose name ends in `label`.
    ///
    /// # Errors
    /// Without root, or without `ip` (Debian package `iproute2`).
    pub fn new(label: &str) -> Result<Self> {
        static SWEEP: Once = Once::new();
        SWEEP.call_once(sweep);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{PREFIX}{}-{}-{number}-{label}",
            pid_namespace(),
            std::process::id()
        );
        {
            let _one_at_a_time = ADDING.lock().unwrap_or_else(PoisonError::into_inner);
            ip(&["netns", "add", &name])?;
        }
        let path = Path::new(FOLDER).join(&name);
        let namespace = Self { name, path };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// The file that names it: a value for `CNI_NETNS`. Stays a valid text after [`Netns::delete`].
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file name of [`Netns::path`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does some work inside, in a thread of its own; sockets and child processes made there belong to the namespace.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    ///
    /// # Panics
    /// When `work` does.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let file = File::open(&self.path).with_context(|| format!("cannot open {}", self.path.display()))?;
        thread::scope(|scope| {
            let inside = scope.spawn(move || {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
                Ok::<_, rustix::io::Errno>(work())
            });
            match inside.join() {
                Ok(done) => done.with_context(|| format!("cannot enter {}", self.path.display())),
                Err(panicked) => panic::resume_unwind(panicked),
            }
        })
    }

    /// Runs `ip` with these arguments inside and returns what it printed.
    ///
    /// # Errors
    /// When it fails; its words are in the message.
    pub fn ip(&self, arguments: &[&str]) -> Result<String> {
        self.run(|| ip(arguments))?
    }

    /// Deletes it now, as a runtime does whose sandbox died.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn delete(&self) -> Result<()> {
        ip(&["netns", "del", &self.name]).map(drop)
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        if self.path.exists() {
            // A failure here must not hide the failure of the test; the next process sweeps.
            let _ = self.delete();
        }
    }
}

/// Runs `ip` and returns its standard output.
fn ip(arguments: &[&str]) -> Result<String> {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .context("cannot start ip; install the package iproute2")?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("ip {}: {}", arguments.join(" "), words.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The number of our PID namespace; process ids mean something in it alone.
fn pid_namespace() -> u64 {
    // Without /proc there is no such file, and nobody whose names could be mistaken for ours.
    fs::metadata("/proc/self/ns/pid").map_or(0, |file| file.ino())
}

/// Deletes the namespaces of processes of ours that are dead. The folder may be shared with other PID namespaces
/// (containers): whether their processes live cannot be seen from here, so theirs stay.
fn sweep() {
    for entry in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_abandoned(&name) {
            let _ = ip(&["netns", "del", &name]);
        }
    }
}

fn is_abandoned(name: &str) -> bool {
    let mut parts = name
        .strip_prefix(PREFIX)
        .into_iter()
        .flat_map(|rest| rest.split('-'));
    let mut number = || parts.next()?.parse::<u64>().ok();
    match (number(), number(), number()) {
        (Some(namespace), Some(pid), Some(_)) => {
            namespace == pid_namespace() && !Path::new("/proc").join(pid.to_string()).exists()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_process_of_our_own_pid_namespace_left_is_abandoned() {
        let (here, own) = (pid_namespace(), std::process::id());
        let never = u64::from(u32::MAX);
        assert!(is_abandoned(&format!("cadastre-{here}-{never}-0-a")));
        for name in [
            format!("cadastre-{here}-{own}-0-a"),
            format!("cadastre-{}-{never}-0-a", here + 1),
            format!("cadastre-{never}-0-a"),
            format!("{here}-{never}-0-a"),
            "cadastre-cni".to_owned(),
        ] {
            assert!(!is_abandoned(&name), "{name}");
        }
    }
}
