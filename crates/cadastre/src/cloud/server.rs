//! The server of `cadastre cloud`: health, readiness with a line per region, metrics. Every replica has it, leading or not.

use std::{fmt::Write as _, net::SocketAddr, sync::Arc};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::{RawQuery, Request, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use cloud::source::Sources;
use http::StatusCode;
use kube::Client;
use runtime::{
    certs::{CertSource, Certificates},
    diagnostics::{Reviewer, guarded, insecure_router},
    metrics::Metrics,
    server::{BindAddress, Limits, TlsOptions, Transport, serve},
    shutdown::Tasks,
};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::{Flags, slis::Slis};

/// What the server shows.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) sources: Sources,
    pub(super) ready: watch::Receiver<Result<(), String>>,
    pub(super) leading: watch::Receiver<bool>,
    /// Names of the loops that run.
    pub(super) loops: Vec<&'static str>,
    /// The configuration in force, without secrets.
    pub(super) configuration: Arc<str>,
    /// What the checks said.
    pub(super) slis: Slis,
}

/// A path of a health check, and the parts it looks at.
#[derive(Clone)]
struct Probe {
    kind: &'static str,
    parts: Parts,
}

/// Opens the socket and starts serving; `--secure-port 0` does not.
///
/// # Errors
/// When a flag cannot be used or the socket cannot be opened.
pub(super) fn start(
    flags: &Flags,
    client: &Client,
    metrics: Metrics,
    parts: Parts,
    tasks: &Tasks,
) -> Result<()> {
    if flags.secure_port == 0 {
        return Ok(());
    }
    let suites: Vec<&str> = flags
        .tls_cipher_suites
        .iter()
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .collect();
    let tls = TlsOptions::parse(&flags.tls_min_version, &suites)?;
    let certificates = Certificates::start(certificate(flags), tasks);
    let address = BindAddress::new(host(flags), flags.secure_port);
    let listener = address.listen().context("--secure-port and --bind-address")?;
    let local: Option<SocketAddr> = listener.local_addr().ok();
    tracing::info!(address = ?local, "listening");
    let app = router(flags, client, metrics, parts);
    let transport = Transport::Tls(tls.server_config(certificates.resolver()));
    tasks.spawn(
        "server",
        serve(listener, app, transport, Limits::default(), tasks.stop()),
    );
    Ok(())
}

/// All addresses mean both families, as with Go.
fn host(flags: &Flags) -> Option<std::net::IpAddr> {
    Some(flags.bind_address).filter(|ip| !ip.is_unspecified())
}

fn certificate(flags: &Flags) -> CertSource {
    if flags.tls_cert_file.is_empty() {
        return CertSource::InMemory {
            names: vec!["localhost".to_owned()],
        };
    }
    CertSource::Mounted {
        dir: ".".into(),
        cert_name: flags.tls_cert_file.clone(),
        key_name: flags.tls_private_key_file.clone(),
    }
}

fn router(flags: &Flags, client: &Client, metrics: Metrics, parts: Parts) -> Router {
    let (configuration, slis) = (parts.configuration.clone(), parts.slis.clone());
    let probe = |kind| Probe {
        kind,
        parts: parts.clone(),
    };
    let all = insecure_router(metrics)
        .route("/metrics/slis", get(async move || slis.response()))
        .route("/healthz", get(health).with_state(probe("healthz")))
        .route("/livez", get(health).with_state(probe("livez")))
        .route(
            "/readyz",
            get(ready).with_state(Probe {
                kind: "readyz",
                parts,
            }),
        )
        .route("/configz", get(async move || configuration.to_string()))
        .fallback(async || {
            (
                StatusCode::NOT_FOUND,
                "not found; see /healthz, /livez, /readyz, /metrics, /metrics/slis and /configz\n",
            )
        });
    let allowed = flags.authorization_always_allow_paths.clone();
    let checked = guarded(all.clone(), Reviewer::new(client.clone()));
    Router::new().fallback(async move |request: Request| {
        let router = if is_allowed(&allowed, request.uri().path()) {
            all
        } else {
            checked
        };
        router.oneshot(request).await
    })
}

/// Whether a path is in the list; `/healthz/*` stands for everything below.
fn is_allowed(allowed: &[String], path: &str) -> bool {
    allowed.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => pattern == path,
    })
}

fn is_verbose(query: Option<&str>) -> bool {
    query.is_some_and(|query| {
        query
            .split('&')
            .any(|part| part.split('=').next() == Some("verbose"))
    })
}

async fn health(State(Probe { kind, parts }): State<Probe>, RawQuery(query): RawQuery) -> Response {
    let mut body = String::new();
    let loops = parts.loops.iter().copied();
    for name in ["ping", "leaderElection"].into_iter().chain(loops) {
        parts.slis.checked(kind, name, true);
        let _ = writeln!(body, "[+]{name} ok");
    }
    if !is_verbose(query.as_deref()) {
        return "ok".into_response();
    }
    body.push_str("healthz check passed\n");
    body.into_response()
}

async fn ready(State(Probe { kind, parts }): State<Probe>, RawQuery(query): RawQuery) -> Response {
    let state = parts.ready.borrow().clone();
    parts.slis.checked(kind, "nodes", state.is_ok());
    if state.is_ok() && !is_verbose(query.as_deref()) {
        return "ok".into_response();
    }
    let mut body = match &state {
        Ok(()) => "[+]nodes ok\n".to_owned(),
        Err(missing) => format!("[-]nodes failed: {missing}\n"),
    };
    regions(&parts, &mut body);
    let (status, verdict) = match state {
        Ok(()) => (StatusCode::OK, "passed"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
    };
    let _ = writeln!(body, "readyz check {verdict}");
    (status, body).into_response()
}

/// One line per region. A broken one does not make the process unready: others still work.
fn regions(parts: &Parts, body: &mut String) {
    let leads = *parts.leading.borrow();
    for source in parts.sources.iter() {
        let (region, health) = (source.region(), source.health());
        let _ = match (health.up, &health.problem) {
            (Some(true), _) => {
                let version = health.version.as_deref().unwrap_or("unknown version");
                writeln!(
                    body,
                    "[+]region {region} ok: {version}, {} machines",
                    health.machines
                )
            }
            (_, Some(problem)) => writeln!(body, "[!]region {region} does not answer: {problem}"),
            _ if leads => writeln!(body, "[!]region {region} has not answered yet"),
            _ => writeln!(body, "[+]region {region} not asked: this process does not lead"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_allowed_as_written_or_by_their_start() {
        let allowed = ["/healthz".to_owned(), "/metrics/*".to_owned()];
        for (path, expected) in [
            ("/healthz", true),
            ("/healthz/x", false),
            ("/metrics/slis", true),
            ("/configz", false),
        ] {
            assert_eq!(is_allowed(&allowed, path), expected, "{path}");
        }
    }
}
