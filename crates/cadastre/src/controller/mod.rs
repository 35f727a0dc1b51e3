//! `cadastre controller`: the pools' controllers, their webhooks, probes and diagnostics in one process.

mod flags;
mod servers;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use pools::{
    announce::Announcer,
    controller::{Config, Current},
    metrics::Metrics,
    plan::facts::Scope,
    world::{Options, Shared},
};
use runtime::{
    client::{self, Calls, ClientOptions},
    events::Recorder,
    health::Readiness,
    lease::{LeaseConfig, unique_identity},
    logging,
    shutdown::Tasks,
};

pub(crate) use flags::{Flags, without_kind_concurrency};

use crate::lead::Lead;

/// The pod's own account; its namespace is where the lease lives.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// Everything must have ended by then; the pod is killed after 10 s (spec §17).
const DRAIN: Duration = Duration::from_secs(8);

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or had to stop because of a failure, the loss of the lease among them.
pub(crate) async fn run(flags: Flags, kubeconfig: Option<PathBuf>, ignored: &[String]) -> Result<()> {
    let verbosity = logging::init(logging::Options {
        verbosity: flags.v,
        json: flags.log_json,
    });
    for name in flags
        .ignored()
        .into_iter()
        .chain(ignored.iter().map(String::as_str))
    {
        tracing::info!(flag = name, "flag accepted without effect");
    }
    let tasks = Tasks::new();
    tasks.stop_on_signals().context("cannot listen for signals")?;

    let calls = Calls::default();
    let options = ClientOptions {
        kubeconfig,
        user_agent: format!("cadastre-controller/{}", env!("CARGO_PKG_VERSION")),
        calls: calls.clone(),
        ..ClientOptions::default()
    };
    let cluster = client::load_config(&options).await?;
    let own_namespace = own_namespace(&flags, &cluster.default_namespace);
    let client = client::connect_with(cluster, &options)?;
    let identity = unique_identity();

    let recorder = Recorder::start(
        client.clone(),
        "ipam.cluster.x-k8s.io/cadastre",
        &identity,
        &tasks,
    );
    let pool_metrics = Metrics::default();
    let metrics = runtime::metrics::Metrics::new(|registry| {
        pool_metrics.register(registry);
        calls.register(registry);
        recorder.register(registry);
    });
    let readiness = Readiness::new();
    // Before the probes are served: they would not know that there is something to wait for.
    let gate = readiness.gate("pools");
    let current = Current::default();
    let parts = servers::Parts {
        tasks: &tasks,
        metrics,
        readiness: &readiness,
        verbosity,
        current: current.clone(),
    };
    servers::start(&flags, &client, &own_namespace, &parts)?;
    let lease = flags.leader_elect.then(|| LeaseConfig {
        identity: identity.clone(),
        lease_duration: flags.leader_elect_lease_duration,
        renew_deadline: flags.leader_elect_renew_deadline,
        retry_period: flags.leader_elect_retry_period,
        ..LeaseConfig::new(&own_namespace, &flags.leader_election_id)
    });
    let lead = Lead::start(lease, &client, &tasks)?;
    let config = Config {
        client,
        scope: Scope {
            namespace: non_empty(&flags.namespace),
            watch_filter: non_empty(&flags.watch_filter),
        },
        identity,
        shared: Shared {
            metrics: pool_metrics,
            announcer: Announcer::new(Some(recorder)),
            holds: lead.holds(),
            options: Options {
                orphan_delay: flags.orphan_delay,
                claim_workers: usize::from(flags.max_concurrent_reconciles.max(1)),
                ..Options::default()
            },
        },
        leading: lead.is_leading.clone(),
        is_elected: flags.leader_elect,
        readiness: Arc::new(move |state| match state {
            Ok(()) => gate.open(),
            Err(missing) => gate.close(missing),
        }),
    };
    pools::controller::run(config, current, tasks.stop()).await;

    // The lead goes last: nobody else may write while we still do.
    lead.release().await;
    let left = tasks.drain(DRAIN).await;
    if left > 0 {
        tracing::warn!(left, "tasks still running at the end");
    }
    tasks.failure().map_or(Ok(()), |reason| bail!("{reason}"))
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn own_namespace(flags: &Flags, of_kubeconfig: &str) -> String {
    non_empty(&flags.leader_election_namespace)
        .or_else(|| {
            std::fs::read_to_string(OWN_NAMESPACE)
                .ok()
                .map(|n| n.trim().to_owned())
                .filter(|n| !n.is_empty())
        })
        .unwrap_or_else(|| of_kubeconfig.to_owned())
}
