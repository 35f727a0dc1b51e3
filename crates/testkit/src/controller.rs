//! A whole installation on this machine: CRDs, webhooks on loopback, and the real `cadastre controller`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use kube::Client;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    Cadastre, Port,
    install::{Webhooks, install},
};

/// Variable that names the `cadastre` binary to run.
pub const BINARY: &str = "CADASTRE_BIN";
/// Time for a controller to become ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to start a controller.
#[derive(Debug, Default)]
pub struct Settings {
    /// Further arguments, after ours.
    pub args: Vec<String>,
    /// Serve admission and conversion, and have the API server call them.
    pub webhooks: bool,
}

/// A place where controllers run: ports and certificates that stay the same over restarts.
#[derive(Debug)]
pub struct Installation {
    kubeconfig: PathBuf,
    binary: PathBuf,
    settings: Settings,
    certs: TempDir,
    webhook: Option<(Port, Webhooks)>,
}

impl Installation {
    /// Applies CRDs and, where asked for, webhook configurations. `binary` is the `cadastre` to run.
    ///
    /// # Errors
    /// When a manifest cannot be applied.
    pub async fn new(client: Client, kubeconfig: &Path, binary: &Path, settings: Settings) -> Result<Self> {
        let certs = tempfile::Builder::new().prefix("cadastre-certs-").tempdir()?;
        let webhook = if settings.webhooks {
            let port = Port::reserve()?;
            let webhooks = Webhooks::prepare(port.number(), certs.path())?;
            Some((port, webhooks))
        } else {
            None
        };
        install(client, webhook.as_ref().map(|(_, webhooks)| webhooks)).await?;
        Ok(Self {
            kubeconfig: kubeconfig.to_owned(),
            binary: binary.to_owned(),
            settings,
            certs,
            webhook,
        })
    }

    /// Starts a controller. Only the first of several at once should serve the webhooks.
    ///
    /// # Errors
    /// When the binary cannot be started.
    pub fn start(&self, extra: &[&str]) -> Result<Controller> {
        let health = Port::reserve()?;
        let diagnostics = Port::reserve()?;
        let mut args = vec![
            "controller".to_owned(),
            format!("--kubeconfig={}", self.kubeconfig.display()),
            format!("--health-probe-bind-address=127.0.0.1:{}", health.number()),
            format!("--diagnostics-address=127.0.0.1:{}", diagnostics.number()),
            "--insecure-diagnostics".to_owned(),
        ];
        match &self.webhook {
            Some((port, _)) => args.extend([
                format!("--webhook-port={}", port.number()),
                "--webhook-host=127.0.0.1".to_owned(),
                format!("--webhook-cert-dir={}", self.certs.path().display()),
            ]),
            None => args.push("--webhook-port=0".to_owned()),
        }
        args.extend(self.settings.args.iter().cloned());
        args.extend(extra.iter().map(|&a| a.to_owned()));
        let (health_port, diagnostics_port) = (health.number(), diagnostics.number());
        let process = Cadastre::start(&self.binary, &args, [("RUST_BACKTRACE", "1")])?;
        Ok(Controller {
            process,
            health_port,
            diagnostics_port,
            _ports: [health, diagnostics],
        })
    }
}

/// A running `cadastre controller`.
#[derive(Debug)]
pub struct Controller {
    /// The process, to be stopped, continued and killed.
    pub process: Cadastre,
    health_port: u16,
    diagnostics_port: u16,
    _ports: [Port; 2],
}

impl Controller {
    /// Waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// When the process ended, is not ready in time, or says so before its controllers do; with the end of its log.
    pub async fn ready(&mut self) -> Result<()> {
        let end = std::time::Instant::now() + PATIENCE;
        let mut last = String::new();
        while std::time::Instant::now() < end {
            if let Some(status) = self.process.exited() {
                bail!("the controller ended with {status}: {}", self.process.log_tail());
            }
            match get(self.health_port, "/readyz?verbose").await {
                Ok((200, parts)) if parts.contains("[+]pools ok") => return Ok(()),
                Ok((200, parts)) => bail!("the controller says too early that it is ready: {parts}"),
                Ok((_, body)) => last = body,
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!(
            "the controller is not ready after {PATIENCE:?}: {last}\n{}",
            self.process.log_tail()
        )
    }

    /// `GET` on the probes' port: status and body.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn probe(&self, path: &str) -> Result<(u16, String)> {
        get(self.health_port, path).await
    }

    /// The metrics page.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn metrics(&self) -> Result<String> {
        Ok(get(self.diagnostics_port, "/metrics").await?.1)
    }
}

/// A plain HTTP/1.0 request: enough for probes, and needs no client.
async fn get(port: u16, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .context("not an HTTP answer")?;
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default();
    Ok((status, body))
}
