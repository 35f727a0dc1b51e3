//! cargo-deny: licences, banned and doubled crates, sources, known vulnerabilities (`deny.toml`).

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    debian, project,
    step::{Step, note},
};

/// Pinned, so that a new lint of the tool does not break old commits.
const VERSION: &str = "0.20.2";

/// How long fetching the advisory database may take before we say that it cannot be reached.
const FETCH_TIMEOUT: Duration = Duration::from_secs(120);

/// Checks the dependency tree; advisories only where their database can be had.
///
/// # Errors
/// When the tool cannot be installed or finds something.
pub(crate) fn run(root: &Path) -> Result<()> {
    let tool = install(root)?;
    let deny = |arguments: &[&str]| {
        let mut command = Command::new(&tool);
        command
            .current_dir(root)
            .args(["--locked", "--all-features"])
            .args(arguments);
        command
    };
    Step::new(
        "deny",
        "change the dependency, or deny.toml with the reason beside it",
    )
    .run(&mut deny(&["check", "licenses", "bans", "sources"]))?;
    if fetch(&mut deny(&["fetch", "db"]))? {
        Step::new(
            "advisories",
            "update the crate named above, or deny.toml with the reason beside it",
        )
        .run(&mut deny(&["--offline", "check", "advisories"]))
    } else {
        note("advisories", format_args!("skipped: database not reachable"));
        Ok(())
    }
}

/// The tool's path, after building it (3 minutes on two cores) when it is not there.
fn install(root: &Path) -> Result<PathBuf> {
    let home = project::tools_dir()?.join(format!("cargo-deny-{VERSION}"));
    let tool = home.join("bin/cargo-deny");
    if !tool.is_file() {
        debian::ensure(&[debian::CC])?;
        let mut cargo = project::cargo(root);
        cargo
            .args(["install", "--locked", "--version", VERSION, "--root"])
            .arg(&home)
            .arg("cargo-deny");
        Step::new(
            "install cargo-deny",
            "check that crates.io, or the mirror cargo is set to, can be reached",
        )
        .run(&mut cargo)?;
    }
    Ok(tool)
}

/// Whether the advisory database could be fetched in time.
fn fetch(command: &mut Command) -> Result<bool> {
    let started = Instant::now();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().context("cannot start cargo-deny")?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if started.elapsed() > FETCH_TIMEOUT {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_that_fails_is_an_answer() {
        assert!(fetch(&mut Command::new("true")).unwrap());
        assert!(!fetch(&mut Command::new("false")).unwrap());
        assert!(fetch(&mut Command::new("no-such-program")).is_err());
    }
}
