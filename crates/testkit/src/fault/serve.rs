//! Accepting, forwarding, failing.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Error, Result, bail};
use bytes::Bytes;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Config;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer;
use super::rule::{Action, Rules};
use super::upstream::Upstream;
use super::watch::Watches;
use crate::pki::Authority;
use crate::requests::{RequestKey, Requests, is_watch};

pub(super) type Body = UnsyncBoxBody<Bytes, Error>;

/// What the proxy's thread and its owner share. No lock is held while waiting.
pub(super) struct State {
    rules: Mutex<Rules>,
    requests: Mutex<Requests>,
    pub(super) watches: Watches,
    config: Config,
}

impl State {
    pub(super) fn new(config: Config) -> Self {
        Self {
            rules: Mutex::default(),
            requests: Mutex::default(),
            watches: Watches::new(),
            config,
        }
    }

    pub(super) fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The proxy's certificate, from the authority its clients trust anyway.
pub(super) fn tls(authority: &Authority) -> Result<TlsAcceptor> {
    let identity = authority.server()?;
    let certificate =
        CertificateDer::from_pem_slice(identity.certificate.as_bytes()).context("own certificate")?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).context("own key")?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS versions of the fault proxy")?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .context("certificate of the fault proxy")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves until told to stop; open connections end with the runtime.
pub(super) async fn run(listener: TcpListener, tls: TlsAcceptor, state: Arc<State>, stop: CancellationToken) {
    let upstream = match Upstream::new(&state.config) {
        Ok(upstream) => Arc::new(upstream),
        Err(error) => return eprintln!("the fault proxy cannot use its credentials: {error:#}"),
    };
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return eprintln!("the fault proxy cannot use its socket: {error}"),
    };
    let connections = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        // An error is about one connection (reset before we took it), not about the listener.
        if let Ok((stream, _)) = accepted {
            connections.spawn(connection(stream, tls.clone(), state.clone(), upstream.clone()));
        }
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, state: Arc<State>, upstream: Arc<Upstream>) {
    let _ = stream.set_nodelay(true);
    let Ok(stream) = tls.accept(stream).await else {
        return;
    };
    let service = service_fn(move |request| {
        let (state, upstream) = (state.clone(), upstream.clone());
        async move { answer_to(request, &state, &upstream).await }
    });
    // An error from the service closes the connection without an answer: exactly the fault asked for.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// One request. An error drops the connection.
async fn answer_to(request: Request<Incoming>, state: &State, upstream: &Upstream) -> Result<Response<Body>> {
    state
        .requests()
        .add(RequestKey::of(request.method(), request.uri()));
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let action = state.rules().decide(request.method(), target);
    match action {
        Some(Action::Status { code, retry_after }) => {
            // Read to the end, or the connection could not be used again.
            let _ = request.into_body().collect().await;
            Ok(answer::status(code, retry_after)
                .map(|body| body.map_err(|never| match never {}).boxed_unsync()))
        }
        Some(Action::DropConnection) => bail!("dropped by the fault proxy"),
        Some(Action::DropAfterForward) => {
            // The whole answer: when its end has come, the server is done with the request.
            upstream.send(request).await?.into_body().collect().await?;
            bail!("answer lost by the fault proxy")
        }
        Some(Action::Delay(pause)) => {
            tokio::time::sleep(pause).await;
            forward(request, state, upstream).await
        }
        None => forward(request, state, upstream).await,
    }
}

async fn forward(request: Request<Incoming>, state: &State, upstream: &Upstream) -> Result<Response<Body>> {
    let watch = is_watch(request.method(), request.uri());
    let response = upstream.send(request).await?;
    let watch = watch && response.status().is_success();
    let mut response = response.map(|body| {
        if watch {
            StreamBody::new(state.watches.control(body)).boxed_unsync()
        } else {
            body.map_err(Error::from).boxed_unsync()
        }
    });
    // Both describe one hop (RFC 9110, 7.6.1); hyper writes its own.
    response.headers_mut().remove(CONNECTION);
    response.headers_mut().remove(TRANSFER_ENCODING);
    Ok(response)
}
