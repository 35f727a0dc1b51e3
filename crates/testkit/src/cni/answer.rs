//! What a plugin answered.

use std::fmt;
use std::net::IpAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// How a plugin ended and what it wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: ExitStatus, stdout: Vec<u8>, stderr: Vec<u8>) -> Self {
        Self {
            status,
            stdout,
            stderr,
        }
    }

    /// Exit status 0.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status.success()
    }

    /// The exit status; `None` when a signal ended it.
    #[must_use]
    pub fn exit(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Standard output as it came.
    #[must_use]
    pub fn stdout(&self) -> &[u8] {
        &self.stdout
    }

    /// Standard error as text.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The one JSON document on standard output; `None` when nothing was written.
    ///
    /// # Errors
    /// When there is something that is not exactly one JSON document.
    pub fn document(&self) -> Result<Option<Value>> {
        if self.stdout.is_empty() {
            return Ok(None);
        }
        let document = serde_json::from_slice(&self.stdout)
            .with_context(|| format!("standard output is not one JSON document: {self:?}"))?;
        Ok(Some(document))
    }

    /// The error object of a run that failed as the protocol asks for: exit status 1, one document with code and msg.
    ///
    /// # Errors
    /// When the run did not fail that way.
    pub fn error(&self) -> Result<Value> {
        ensure!(self.exit() == Some(1), "exit status is not 1: {self:?}");
        let object = self
            .document()?
            .with_context(|| format!("no error object: {self:?}"))?;
        ensure!(
            object["code"].is_u64() && object["msg"].is_string(),
            "not an error object: {self:?}"
        );
        Ok(object)
    }

    /// The addresses of the result of an ADD, in its order, for every version of the protocol.
    ///
    /// # Errors
    /// When the run failed or an address cannot be read.
    pub fn addresses(&self) -> Result<Vec<IpAddr>> {
        ensure!(self.is_ok(), "the plugin failed: {self:?}");
        let result = self.document()?.context("no result on standard output")?;
        let newer = result["ips"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|ip| &ip["address"]);
        let older = ["ip4", "ip6"].map(|family| &result[family]["ip"]);
        newer
            .chain(older.into_iter().filter(|value| !value.is_null()))
            .map(|value| address(value).with_context(|| format!("no address in {value}")))
            .collect()
    }
}

/// The address of a text like `10.0.0.2/24`.
fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.split('/').next()?.parse().ok()
}

impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        write!(
            out,
            "{}, stdout {stdout:?}, stderr {:?}",
            self.status,
            self.stderr()
        )
    }
}
