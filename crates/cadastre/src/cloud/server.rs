//! The server of `cadastre cloud`: health, readiness with a line per region, metrics. Every replica has it, leading or not.

use std::{fmt::Write as _, net::SocketAddr, sync::Arc, time::Duration};

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
    /// How long ago this process renewed its lease; zero while it does not lead.
    pub(super) unrenewed: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// From when on that is bad.
    pub(super) unrenewed_limit: Duration,
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
    // A loop that ends takes the process with it, so whoever answers has all of them.
    let loops = parts.loops.iter().map(|name| (*name, Ok(())));
    let checks = [("ping", Ok(())), ("leaderElection", election(&parts))];
    let (mut body, mut is_good) = (String::new(), true);
    for (name, outcome) in checks.into_iter().chain(loops) {
        parts.slis.checked(kind, name, outcome.is_ok());
        is_good &= outcome.is_ok();
        let _ = match outcome {
            Ok(()) => writeln!(body, "[+]{name} ok"),
            Err(why) => writeln!(body, "[-]{name} failed: {why}"),
        };
    }
    if !is_good {
        let _ = writeln!(body, "{kind} check failed");
        return (StatusCode::INTERNAL_SERVER_ERROR, body).into_response();
    }
    if !is_verbose(query.as_deref()) {
        return "ok".into_response();
    }
    let _ = writeln!(body, "{kind} check passed");
    body.into_response()
}

/// Whoever holds the lease and does not renew it should have ended by itself long ago.
fn election(parts: &Parts) -> Result<(), String> {
    let (age, limit) = ((parts.unrenewed)(), parts.unrenewed_limit);
    if age < limit {
        return Ok(());
    }
    Err(format!(
        "the lease was renewed {} s ago, which is more than {} s, and the process still runs",
        age.as_secs(),
        limit.as_secs()
    ))
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
    use http_body_util::BodyExt as _;

    use super::*;

    /// A process that renewed its lease of 15 s so many seconds ago.
    fn parts(seconds: u64) -> Parts {
        Parts {
            sources: Sources::default(),
            ready: watch::channel(Ok(())).1,
            leading: watch::channel(true).1,
            unrenewed: Arc::new(move || Duration::from_secs(seconds)),
            unrenewed_limit: Duration::from_secs(35),
            loops: vec!["cloud-node-controller"],
            configuration: "".into(),
            slis: Slis::new(),
        }
    }

    async fn read(answer: Response) -> (u16, String) {
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn a_holder_that_does_not_renew_is_not_healthy() {
        for kind in ["healthz", "livez"] {
            let ask = async |parts: &Parts, query: Option<&str>| {
                let probe = Probe {
                    kind,
                    parts: parts.clone(),
                };
                read(health(State(probe), RawQuery(query.map(str::to_owned))).await).await
            };
            let good = parts(34);
            assert_eq!(ask(&good, None).await, (200, "ok".to_owned()));
            let (status, body) = ask(&good, Some("verbose")).await;
            assert!(status == 200 && body.contains("[+]leaderElection ok\n"), "{body}");
            assert!(body.ends_with(&format!("{kind} check passed\n")), "{body}");

            let bad = parts(35);
            for query in [None, Some("verbose")] {
                let (status, body) = ask(&bad, query).await;
                assert_eq!(status, 500, "{body}");
                assert!(
                    body.starts_with("[+]ping ok\n[-]leaderElection failed: "),
                    "{body}"
                );
                assert!(body.ends_with(&format!("{kind} check failed\n")), "{body}");
            }
            let (_, slis) = read(bad.slis.response()).await;
            for line in [
                format!(r#"kubernetes_healthcheck{{name="leaderElection",type="{kind}"}} 0"#),
                format!(
                    r#"kubernetes_healthchecks_total{{name="leaderElection",status="error",type="{kind}"}} 2"#
                ),
                format!(r#"kubernetes_healthcheck{{name="ping",type="{kind}"}} 1"#),
            ] {
                assert!(slis.contains(&line), "{line} is missing in\n{slis}");
            }
        }
    }

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
