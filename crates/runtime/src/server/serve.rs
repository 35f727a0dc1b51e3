//! The accept loop.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Pause after a failed accept: out of file descriptors does not go away by trying harder.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Plain or encrypted.
#[derive(Clone, Debug)]
pub enum Transport {
    /// HTTP.
    Plain,
    /// HTTPS with this configuration, see [`super::TlsOptions::server_config`].
    Tls(Arc<ServerConfig>),
}

/// What one server grants its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections at once; more wait in the kernel's queue. Default 512.
    pub connections: usize,
    /// Time for a TLS handshake. Default 10 s.
    pub handshake: Duration,
    /// Time for the head of a request, which is also how long an idle connection is kept. Default 120 s: longer
    /// than the 90 s after which the API server closes its idle webhook connections, so that we never close
    /// one under a request.
    pub idle: Duration,
    /// Time for requests in flight after the stop. Default 5 s: half of the pod's 10 s.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            drain: Duration::from_secs(5),
        }
    }
}

/// Serves `app` until `stop` is cancelled, lets requests in flight finish, and returns.
///
/// A client that misbehaves (bad handshake, broken request) only loses its own connection.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    transport: Transport,
    limits: Limits,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let server = Connection {
        app,
        transport,
        limits,
        stop: stop.clone(),
    };
    loop {
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            next = accept(&listener, &places) => next,
            // Ended connections are collected as they come, or the set would grow for ever.
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                log_panic(ended);
                continue;
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = server.clone();
                connections.spawn(async move {
                    connection.run(stream, peer).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            log_panic(ended);
        }
    };
    if timeout(limits.drain, drained).await.is_err() {
        tracing::warn!(left = connections.len(), "connections cut at shutdown");
        connections.shutdown().await;
    }
}

type Accepted = std::io::Result<(TcpStream, SocketAddr)>;

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (Option<tokio::sync::OwnedSemaphorePermit>, Accepted) {
    // The semaphore is never closed, so a place always comes.
    let place = Arc::clone(places).acquire_owned().await.ok();
    (place, listener.accept().await)
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}

#[derive(Clone)]
struct Connection {
    app: Router,
    transport: Transport,
    limits: Limits,
    stop: CancellationToken,
}

impl Connection {
    async fn run(self, stream: TcpStream, peer: SocketAddr) {
        // Answers are small and somebody waits for each of them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
        }
        match &self.transport {
            Transport::Plain => self.http(stream, peer).await,
            Transport::Tls(config) => {
                let handshake = TlsAcceptor::from(Arc::clone(config)).accept(stream);
                match timeout(self.limits.handshake, handshake).await {
                    Ok(Ok(stream)) => self.http(stream, peer).await,
                    // Port scanners and probes do this all the time.
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                    Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
                }
            }
        }
    }

    async fn http<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = TowerToHyperService::new(self.app.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(%peer, %error, "connection ended with an error");
        }
    }
}
