//! One slow command with a sign of life.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A person (and a CI system) takes silence for a hang after about this long.
pub(super) const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// How often to look whether the command has ended.
pub(super) const POLL: Duration = Duration::from_millis(100);

/// How many of the last lines of output an error shows.
const TAIL: usize = 15;

/// Runs `command` with its output in `log`, telling `progress` `what` at the start and every 10 seconds.
pub(super) fn run(command: &Command, what: &str, log: &Path, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let err = out.try_clone().context("cannot share the log file")?;
    progress(what);
    let started = Instant::now();
    let mut command = dying_with_us(command);
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {program} through setpriv, which is part of util-linux"))?;
    let mut told = started;
    let status = loop {
        if let Some(status) = child
            .try_wait()
            .with_context(|| format!("cannot wait for {program}"))?
        {
            break status;
        }
        thread::sleep(POLL);
        if told.elapsed() >= SIGN_OF_LIFE {
            told = Instant::now();
            progress(&format!("{what} … {} s", started.elapsed().as_secs()));
        }
    };
    if !status.success() {
        bail!(
            "{what}: {program} failed ({status}); the end of {}:\n{}",
            log.display(),
            tail(log)
        );
    }
    progress(&format!("{what} … done in {} s", started.elapsed().as_secs()));
    Ok(())
}

/// The command under setpriv(1), so that a build does not go on (and write to the cache) after we were killed. This
/// thread waits for it, so it is the right parent.
fn dying_with_us(command: &Command) -> Command {
    let mut wrapped = Command::new("setpriv");
    wrapped
        .args(["--pdeathsig", "KILL", "--"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        wrapped.current_dir(dir);
    }
    wrapped
}

/// The last lines of a log, or why it cannot be read.
fn tail(log: &Path) -> String {
    match fs::read(log) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(TAIL)..].join("\n")
        }
        Err(error) => format!("(unreadable: {error})"),
    }
}
