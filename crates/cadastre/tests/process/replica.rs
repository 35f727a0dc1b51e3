//! One `cadastre controller`, started as an operator would start it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use kube::Client;
use testkit::{Cadastre, ControlPlane, Port, eventually};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::rig::{BINARY, PATIENCE};

/// A running controller with its own ports. Killed on drop.
pub(crate) struct Replica {
    pub(crate) process: Cadastre,
    pub(crate) health: Port,
    pub(crate) diagnostics: Port,
}

impl Replica {
    /// Starts one with these arguments beside the ports and the kubeconfig. Waits for nothing.
    pub(crate) fn start<S: AsRef<str>>(kubeconfig: &Path, args: &[S]) -> Self {
        Self::start_as(Path::new(BINARY), &["controller"], kubeconfig, args)
    }

    /// The same under another name of the program.
    pub(crate) fn start_as<S: AsRef<str>>(
        program: &Path,
        first: &[&str],
        kubeconfig: &Path,
        args: &[S],
    ) -> Self {
        let health = Port::reserve().expect("a free port");
        let diagnostics = Port::reserve().expect("a free port");
        let own = [
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--health-probe-bind-address=127.0.0.1:{}", health.number()),
            format!("--diagnostics-address=127.0.0.1:{}", diagnostics.number()),
        ];
        let first = first.iter().map(|&a| a.to_owned());
        let args = args.iter().map(|a| a.as_ref().to_owned());
        let all: Vec<String> = first.chain(own).chain(args).collect();
        let process = Cadastre::start(program, &all, [("RUST_BACKTRACE", "1")]).expect("the binary starts");
        Self {
            process,
            health,
            diagnostics,
        }
    }

    /// Starts one that serves a namespace without webhooks, and waits until it is ready.
    pub(crate) async fn without_webhooks(kubeconfig: &Path, namespace: &str, args: &[&str]) -> Self {
        let mut all = vec!["--webhook-port=0".to_owned(), format!("--namespace={namespace}")];
        all.extend(args.iter().map(|&a| a.to_owned()));
        let mut replica = Self::start(kubeconfig, &all);
        replica.ready().await;
        replica
    }

    /// `GET` on the port of the probes: status and body.
    pub(crate) async fn probe(&self, path: &str) -> Result<(u16, String)> {
        let stream = TcpStream::connect(("127.0.0.1", self.health.number())).await?;
        get(stream, path).await
    }

    /// Waits until `/readyz` answers 200. Each part must have had its say by then, and all sockets be open.
    pub(crate) async fn ready(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.exited() {
                panic!("it ended with {status} before it was ready");
            }
            let answer = self.probe("/readyz?verbose").await;
            if let Ok((200, parts)) = &answer {
                assert!(parts.contains("[+]pools ok"), "ready too early: {parts}");
                return;
            }
            assert!(Instant::now() < end, "not ready after {PATIENCE:?}: {answer:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until `/readyz` answers 503 with a reason that contains all of this.
    pub(crate) async fn unready(&self, parts: &[&str]) {
        eventually(PATIENCE, &format!("/readyz says 503 and {parts:?}"), || async {
            match self.probe("/readyz").await {
                Ok((503, body)) if parts.iter().all(|part| body.contains(part)) => Ok(()),
                other => Err(format!("it says {other:?}")),
            }
        })
        .await;
    }

    /// Waits until its log contains this.
    pub(crate) async fn says(&self, text: &str) {
        eventually(PATIENCE, &format!("the log says {text:?}"), || async {
            if self.process.log().contains(text) {
                Ok(())
            } else {
                Err(self.process.log_tail())
            }
        })
        .await;
    }

    /// SIGTERM; it must end well. Returns how long that took.
    pub(crate) async fn dismiss(mut self) -> Duration {
        let begin = Instant::now();
        self.process.term().expect("it runs");
        let status = self.process.wait_exit(PATIENCE).await.expect("SIGTERM ends it");
        assert!(
            status.success(),
            "it ended with {status}: {}",
            self.process.log_tail()
        );
        begin.elapsed()
    }
}

/// A plain HTTP/1.0 request over anything that is connected: status and body.
pub(crate) async fn get<S>(mut stream: S, path: &str) -> Result<(u16, String)>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    // A peer that closes without a goodbye has still said everything.
    if let Err(error) = stream.read_to_end(&mut answer).await
        && answer.is_empty()
    {
        return Err(error.into());
    }
    let answer = String::from_utf8(answer)?;
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    Ok((status.context("not an HTTP answer")?, body.unwrap_or_default()))
}

/// The control plane that most of these tests share, with our definitions in it and no webhooks, and a namespace.
pub(crate) async fn home(prefix: &str) -> (&'static ControlPlane, Client, String) {
    static INSTALLED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let plane = ControlPlane::shared().await;
    INSTALLED
        .get_or_init(|| async {
            let installed = testkit::install::install(plane.client(), None).await;
            installed.expect("our CRDs apply");
        })
        .await;
    let namespace = plane.namespace(prefix).await;
    (plane, plane.client(), namespace)
}
