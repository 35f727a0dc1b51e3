//! One run of a plugin.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use anyhow::{Context, Result};
use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::Value;

use super::Answer;

/// What a runtime says to a plugin: environment and standard input. Nothing of our own environment is passed on.
#[derive(Clone, Debug)]
pub struct Call {
    program: PathBuf,
    environment: BTreeMap<String, String>,
    stdin: Vec<u8>,
}

impl Call {
    /// The base run of spec cni-ipam §8: container `c1`, interface `eth0`, a namespace that is not there.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, verb: &str) -> Self {
        let variables = [
            ("CNI_COMMAND", verb),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_NETNS", "/run/netns/none"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", "/usr/lib/cni"),
        ];
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            program: program.into(),
            environment: variables.into_iter().map(own).collect(),
            stdin: Vec::new(),
        }
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Sets `CNI_CONTAINERID`.
    #[must_use]
    pub fn id(self, id: &str) -> Self {
        self.env("CNI_CONTAINERID", id)
    }

    /// Sets `CNI_NETNS`.
    #[must_use]
    pub fn netns(self, path: &Path) -> Self {
        self.env("CNI_NETNS", path.to_string_lossy())
    }

    /// Sets `CNI_PATH`.
    #[must_use]
    pub fn path(self, folder: &Path) -> Self {
        self.env("CNI_PATH", folder.to_string_lossy())
    }

    /// Standard input: a configuration.
    #[must_use]
    pub fn config(self, config: &Value) -> Self {
        self.stdin(config.to_string())
    }

    /// Standard input: any bytes.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// The command without its inputs and outputs, for callers that bring their own.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().envs(&self.environment);
        command
    }

    /// Starts it; its inputs and outputs are files in memory, so it never waits for us.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(&self) -> Result<Running> {
        let mut stdin = memory("stdin")?;
        stdin.write_all(&self.stdin)?;
        stdin.rewind()?;
        let (stdout, stderr) = (memory("stdout")?, memory("stderr")?);
        let child = self
            .command()
            .stdin(stdin)
            .stdout(stdout.try_clone()?)
            .stderr(stderr.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        Ok(Running {
            child,
            stdout,
            stderr,
        })
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn run(&self) -> Result<Answer> {
        self.spawn()?.wait()
    }
}

/// A plugin at work.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: File,
    stderr: File,
}

impl Running {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGKILL; not an error when it has ended.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill()?)
    }

    /// How it ended, when it has.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn has_ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the kernel does not say how it ended.
    pub fn wait(mut self) -> Result<Answer> {
        let status = self.child.wait()?;
        Ok(Answer::new(
            status,
            contents(self.stdout)?,
            contents(self.stderr)?,
        ))
    }
}

fn memory(name: &str) -> Result<File> {
    Ok(File::from(memfd_create(name, MemfdFlags::CLOEXEC)?))
}

fn contents(mut file: File) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
