//! Asking a real guest agent, as Proxmox VE does.
//!
//! One JSON object per line. Each command is written together with a `guest-sync-delimited` that carries a number;
//! whatever comes before the byte 0xFF and that number is the rest of an older conversation (QEMU guest agent
//! protocol reference, "guest-sync-delimited").

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::proxmox::limits::Limits;

/// What precedes the answer to a synchronisation.
const DELIMITER: u8 = 0xff;

/// What came of a query.
pub(in crate::proxmox) enum Answer {
    /// The value of `return`.
    Result(Value),
    /// The value of `error`.
    Error(Value),
    /// Nobody there, or no answer to a ping.
    Silent,
    /// A ping was answered, the query was not.
    Timeout,
}

/// Asks the agent behind `socket` for its interfaces. Never fails; what is wrong with the agent is an answer, too.
pub(in crate::proxmox) async fn interfaces(socket: &Path, limits: &Limits) -> Answer {
    let Some(Ok(mut agent)) = limited(limits.guest_ping, Agent::connect(socket)).await else {
        return Answer::Silent;
    };
    if !matches!(
        limited(limits.guest_ping, agent.ask("guest-ping")).await,
        Some(Ok(_))
    ) {
        return Answer::Silent;
    }
    match limited(limits.guest_command, agent.ask("guest-network-get-interfaces")).await {
        None => Answer::Timeout,
        Some(Err(_)) => Answer::Silent,
        Some(Ok(mut line)) => match line.get_mut("error") {
            Some(error) => Answer::Error(error.take()),
            None => Answer::Result(line.get_mut("return").map(Value::take).unwrap_or_default()),
        },
    }
}

async fn limited<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    timeout(limit, work).await.ok()
}

struct Agent {
    stream: BufReader<UnixStream>,
    next: u32,
}

impl Agent {
    async fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).await.context("no guest agent")?;
        Ok(Self {
            stream: BufReader::new(stream),
            next: 4711,
        })
    }

    /// The line that answers `command`.
    async fn ask(&mut self, command: &str) -> Result<Value> {
        self.next += 1;
        let id = self.next;
        let sync = json!({"execute": "guest-sync-delimited", "arguments": {"id": id}});
        let both = format!("{sync}\n{}\n", json!({"execute": command}));
        self.stream.write_all(both.as_bytes()).await?;
        loop {
            self.skip_delimiter().await?;
            let line: Value = serde_json::from_slice(&self.line().await?).unwrap_or_default();
            if line.get("return").and_then(Value::as_u64) == Some(id.into()) {
                return Ok(serde_json::from_slice(&self.line().await?)?);
            }
        }
    }

    async fn skip_delimiter(&mut self) -> Result<()> {
        let mut skipped = Vec::new();
        self.stream.read_until(DELIMITER, &mut skipped).await?;
        if skipped.last() != Some(&DELIMITER) {
            bail!("the guest agent hung up");
        }
        Ok(())
    }

    async fn line(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await?;
        if line.last() != Some(&b'\n') {
            bail!("the guest agent hung up");
        }
        Ok(line)
    }
}
