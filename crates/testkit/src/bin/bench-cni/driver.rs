//! Starts a program and measures it, with as little of our own in between as possible: standard input and output are
//! files, the clock runs from before the spawn (posix_spawn) to after wait4(2), which also tells CPU time.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::cni::Call;
use wait4::Wait4 as _;

/// One measured run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// From before the spawn to after the wait.
    pub(crate) wall: Duration,
    /// User and system time of the child.
    pub(crate) cpu: Duration,
    /// Whether it ended with exit status 0.
    pub(crate) ok: bool,
}

/// A program with an environment and a configuration in a file.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    call: Call,
    config: PathBuf,
    output: PathBuf,
}

impl Job {
    /// `call` with `config` on standard input; both files lie in `folder`.
    pub(crate) fn new(call: Call, config: &Value, folder: &Path) -> Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let job = Self {
            call,
            config: folder.join(format!("config-{number}.json")),
            output: folder.join(format!("output-{number}.json")),
        };
        fs::write(&job.config, config.to_string())?;
        Ok(job)
    }

    /// The configuration as text.
    pub(crate) fn config(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.config)?)
    }

    /// The same with another verb and container, and an output file of its own.
    pub(crate) fn with(&self, verb: &str, id: &str) -> Self {
        let mut other = self.clone();
        other.call = other.call.env("CNI_COMMAND", verb).id(id);
        other
    }

    /// The same with its output elsewhere, for runs at the same time.
    pub(crate) fn output_in(mut self, name: &str) -> Self {
        self.output.set_file_name(name);
        self
    }

    fn command(&self) -> Result<Command> {
        let mut command = self.call.command();
        command
            .stdin(File::open(&self.config)?)
            .stdout(File::create(&self.output)?);
        command.stderr(Stdio::null());
        Ok(command)
    }

    /// Runs it and measures.
    pub(crate) fn measure(&self) -> Result<Sample> {
        measure(self.command()?)
    }

    /// As [`Job::measure`], and an error unless the exit status is 0.
    pub(crate) fn succeed(&self) -> Result<Sample> {
        let sample = self.measure()?;
        ensure!(
            sample.ok,
            "a run failed: {:?}: {}",
            self.call,
            self.answer().unwrap_or_default()
        );
        Ok(sample)
    }

    /// What the last run wrote.
    pub(crate) fn answer(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.output)?)
    }

    /// The most memory it takes, in bytes, measured from a small process: the kernel counts what the parent of a
    /// posix_spawn had as the child's.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        let target = self.command()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(RSS_WORD).arg(target.get_program());
        command
            .env_clear()
            .envs(target.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(File::open(&self.config)?).stderr(Stdio::inherit());
        let output = command.output().context("cannot start myself")?;
        ensure!(
            output.status.success(),
            "the memory of {:?} could not be measured",
            target.get_program()
        );
        String::from_utf8(output.stdout)?
            .trim()
            .parse()
            .context("no number")
    }

    /// How many system calls it makes, by strace.
    pub(crate) fn system_calls(&self) -> Result<u64> {
        let target = self.command()?;
        let report = self.output.with_extension("strace");
        let mut command = Command::new("strace");
        command
            .args(["-c", "-f", "-o"])
            .arg(&report)
            .arg(target.get_program())
            .env_clear();
        command.envs(target.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env(
            "PATH",
            std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin")),
        );
        command
            .stdin(File::open(&self.config)?)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // strace ends as the program does.
        let status = command.status().context("cannot start strace")?;
        ensure!(
            status.success(),
            "{:?} under strace: {status}",
            target.get_program()
        );
        let text = fs::read_to_string(&report)?;
        let total = text.lines().rev().find(|line| line.trim_end().ends_with("total"));
        // "100.00    0.001234           3       326        12 total"; the column of errors may be empty.
        let calls = total.and_then(|line| line.split_whitespace().nth(3));
        calls
            .and_then(|number| number.parse().ok())
            .with_context(|| format!("strace did not count: {text}"))
    }
}

/// The hidden first argument by which [`Job::peak_memory`] calls this program.
pub(crate) const RSS_WORD: &str = "--peak-memory-of";

/// Runs a program with our own input and environment and prints the most memory it had, in bytes.
pub(crate) fn print_peak_memory(program: &Path) -> Result<()> {
    let child = Command::new(program).stdout(Stdio::null()).spawn()?;
    let used = child.wait4()?;
    ensure!(
        used.status.success(),
        "{} failed: {}",
        program.display(),
        used.status
    );
    println!("{}", used.rusage.maxrss);
    Ok(())
}

/// Runs a command that is ready to go.
pub(crate) fn measure(mut command: Command) -> Result<Sample> {
    let started = Instant::now();
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let used = child.wait4()?;
    let wall = started.elapsed();
    Ok(Sample {
        wall,
        cpu: used.rusage.utime + used.rusage.stime,
        ok: used.status.success(),
    })
}

/// The least any program costs here: `/bin/true`, started and waited for.
pub(crate) fn floor() -> Result<Sample> {
    let mut command = Command::new("/bin/true");
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    measure(command)
}
