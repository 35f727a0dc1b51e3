//! Removing the folder when we cannot.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Waits for its standard input to close, which the kernel does when we end. The servers are killed at the same
/// moment; one of them may still write once, so removing is tried for up to 10 seconds.
const SCRIPT: &str =
    r#"read -r _; n=0; until rm -rf -- "$1" || [ $n -ge 100 ]; do n=$((n+1)); sleep 0.1; done"#;

/// A tiny process that removes a folder after this process has ended, be it by SIGKILL. Values in statics are never
/// dropped, so the shared control plane depends on it.
pub(super) struct Janitor {
    child: Child,
}

impl Janitor {
    pub(super) fn of(dir: &Path) -> Result<Self> {
        let child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "cadastre-janitor"])
            .arg(dir)
            // Not in our group: what kills the group (Ctrl-C) must not kill who cleans up after it.
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run /bin/sh")?;
        Ok(Self { child })
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
