//! The three servers of the controller: probes, diagnostics, webhooks. Every replica has them, leading or not.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use api::pool::PoolKind;
use axum::Router;
use kube::Client;
use pools::{controller::Current, plan::admission::Overlap, webhooks};
use runtime::{
    certs::{BundleTargets, CertSource, Certificates, SelfManaged},
    diagnostics::{Reviewer, insecure_router, secure_router},
    health::{Gate, Readiness},
    logging::Verbosity,
    metrics::Metrics,
    server::{BindAddress, Limits, TlsOptions, Transport, parse_bind_address, serve},
    shutdown::Tasks,
};

use super::Flags;

/// Where controller-runtime looks for the webhook certificate when told nothing (spec §16).
const CERT_DIR: &str = "/tmp/k8s-webhook-server/serving-certs";
/// Secret of the self-managed certificate; not the one cert-manager fills.
const OWN_SECRET: &str = "capi-ipam-in-cluster-webhook-self-managed-cert";
/// Service in front of the webhooks (spec §17).
const SERVICE: &str = "capi-ipam-in-cluster-webhook-service";
/// Requests in flight may take this long after the stop.
const GRACE: Duration = Duration::from_secs(5);

/// What the servers show.
pub(super) struct Parts<'a> {
    pub(super) tasks: &'a Tasks,
    pub(super) metrics: Metrics,
    pub(super) readiness: &'a Readiness,
    pub(super) verbosity: Verbosity,
    pub(super) current: Current,
}

/// Opens the sockets and starts serving.
///
/// # Errors
/// When a flag cannot be used or a socket cannot be opened.
pub(super) fn start(flags: &Flags, client: &Client, namespace: &str, parts: &Parts<'_>) -> Result<()> {
    let tls = TlsOptions::parse(&flags.tls_min_version, &suites(flags))?;
    diagnostics(flags, client, parts, &tls)?;
    if flags.webhook_port != 0 {
        webhook(flags, client, namespace, parts, &tls)?;
    }
    // The probes come last: who is ready has its other sockets open.
    if let Some(address) =
        parse_bind_address(&flags.health_probe_bind_address).context("--health-probe-bind-address")?
    {
        launch(
            parts.tasks,
            "probes",
            address,
            parts.readiness.router(),
            Transport::Plain,
        )?;
    }
    Ok(())
}

fn suites(flags: &Flags) -> Vec<&str> {
    flags
        .tls_cipher_suites
        .iter()
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .collect()
}

fn diagnostics(flags: &Flags, client: &Client, parts: &Parts<'_>, tls: &TlsOptions) -> Result<()> {
    let metrics = || parts.metrics.clone();
    if let Some(address) =
        parse_bind_address(&flags.metrics_bind_address).context("--metrics-bind-address")?
    {
        launch(
            parts.tasks,
            "metrics",
            address,
            insecure_router(metrics()),
            Transport::Plain,
        )?;
    }
    let Some(address) = parse_bind_address(&flags.diagnostics_address).context("--diagnostics-address")?
    else {
        return Ok(());
    };
    if flags.insecure_diagnostics {
        return launch(
            parts.tasks,
            "diagnostics",
            address,
            insecure_router(metrics()),
            Transport::Plain,
        );
    }
    // As with controller-runtime, a certificate of our own: scrapers authenticate with a token and do not verify ours.
    let certificates = Certificates::start(
        CertSource::InMemory {
            names: vec!["localhost".to_owned()],
        },
        parts.tasks,
    );
    let router = secure_router(metrics(), parts.verbosity.clone(), Reviewer::new(client.clone()));
    let transport = Transport::Tls(tls.server_config(certificates.resolver()));
    launch(parts.tasks, "diagnostics", address, router, transport)
}

fn webhook(
    flags: &Flags,
    client: &Client,
    namespace: &str,
    parts: &Parts<'_>,
    tls: &TlsOptions,
) -> Result<()> {
    let or = |given: &str, default: &str| {
        if given.is_empty() {
            default.to_owned()
        } else {
            given.to_owned()
        }
    };
    let source = if flags.webhook_cert_self_managed {
        CertSource::SelfManaged(SelfManaged {
            client: client.clone(),
            namespace: namespace.to_owned(),
            secret: OWN_SECRET.to_owned(),
            dns_names: vec![
                format!("{SERVICE}.{namespace}.svc"),
                format!("{SERVICE}.{namespace}.svc.cluster.local"),
            ],
            targets: BundleTargets {
                validating: vec!["capi-ipam-in-cluster-validating-webhook-configuration".to_owned()],
                mutating: vec!["capi-ipam-in-cluster-mutating-webhook-configuration".to_owned()],
                crds: PoolKind::ALL.into_iter().map(PoolKind::crd_name).collect(),
            },
        })
    } else {
        CertSource::Mounted {
            dir: or(&flags.webhook_cert_dir, CERT_DIR).into(),
            cert_name: or(&flags.webhook_cert_name, "tls.crt"),
            key_name: or(&flags.webhook_key_name, "tls.key"),
        }
    };
    let certificates = Certificates::start(source, parts.tasks);
    follow(
        &certificates,
        parts.readiness.gate("webhook certificate"),
        parts.tasks,
    );

    let overlap = match flags.pool_overlap.as_str() {
        "deny" => Overlap::Deny,
        "warn" => Overlap::Warn,
        _ => Overlap::Off,
    };
    let surroundings: Arc<dyn webhooks::Surroundings> = Arc::new(parts.current.clone());
    let host = if flags.webhook_host.is_empty() {
        None
    } else {
        Some(
            flags
                .webhook_host
                .parse()
                .context("--webhook-host must be an IP address")?,
        )
    };
    let transport = Transport::Tls(tls.server_config(certificates.resolver()));
    let address = BindAddress::new(host, flags.webhook_port);
    launch(
        parts.tasks,
        "webhooks",
        address,
        webhooks::router(&surroundings, overlap),
        transport,
    )
}

/// The replica is ready only while it has a certificate to serve.
fn follow(certificates: &Certificates, gate: Gate, tasks: &Tasks) {
    let mut status = certificates.status();
    let stop = tasks.stop();
    tasks.spawn("webhook certificate status", async move {
        loop {
            let now = status.borrow_and_update().clone();
            if now.serving {
                gate.open();
            } else {
                gate.close(now.problem.unwrap_or_else(|| "no certificate yet".to_owned()));
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = status.changed() => if changed.is_err() { return stop.cancelled().await },
            }
        }
    });
}

fn launch(
    tasks: &Tasks,
    name: &'static str,
    address: BindAddress,
    router: Router,
    transport: Transport,
) -> Result<()> {
    let listener = address
        .listen()
        .with_context(|| format!("cannot open the socket of the {name}"))?;
    tracing::info!(server = name, address = ?listener.local_addr().ok(), "listening");
    let limits = Limits {
        drain: GRACE,
        ..Limits::default()
    };
    tasks.spawn(name, serve(listener, router, transport, limits, tasks.stop()));
    Ok(())
}
