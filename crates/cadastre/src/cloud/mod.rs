//! `cadastre cloud`: the cloud controller for Proxmox VE, and what people ask it.

mod flags;
mod ignored;
mod person;
mod server;
mod slis;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use cloud::{
    announce::{Announcer, LIFECYCLE_LOOP, NODE_LOOP},
    config::{self, Config},
    controller::{self, Loops},
    metrics::Metrics,
    source::{Source, Sources, metrics::Metrics as SourceMetrics, proxmox::Proxmox},
    world::{Ledger, Options, Shared, World},
};
use kube::Client;
use runtime::{
    client::{self, Calls, ClientOptions},
    events::Recorder,
    lease::{LeaseConfig, unique_identity},
    logging,
    shutdown::Tasks,
};
use tokio::sync::watch;

use crate::lead::Lead;

pub(crate) use flags::Flags;
pub(crate) use ignored::{args as ignored, given};

/// The replaced program.
pub(crate) const NAME: &str = "proxmox-cloud-controller-manager";
/// Everything must have ended by then.
const DRAIN: Duration = Duration::from_secs(8);
/// Health turns bad when this much more than the lease's duration has passed without a renewal (§1.3).
const RENEWAL_SLACK: Duration = Duration::from_secs(20);
/// Nodes worked on at once when nobody chose: enough to keep the API server's limit busy at 20 ms per question.
const WORKERS: usize = 32;

/// Runs until SIGTERM or SIGINT, or answers one question and returns. `given` are flags that have no effect.
///
/// # Errors
/// When it cannot start, or had to stop because of a failure, the loss of the lease among them.
pub(crate) async fn run(flags: Flags, given: &[&'static str]) -> Result<()> {
    // A person who asks something reads the answer, and nothing else but problems.
    let asks = flags.config_check || flags.explain.is_some();
    if !asks || flags.v > 0 {
        drop(logging::init(logging::Options {
            verbosity: verbosity(flags.v),
            json: flags.logging_format == "json",
        }));
    }
    client::install_crypto_provider();
    let config = read_config(&flags)?;
    if asks {
        return person::answer(&flags, config).await;
    }
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for flag in given {
        tracing::info!(flag, "flag accepted without effect");
    }
    let loops = loops(&flags.controllers);
    let setup = Setup::new(&flags, config).await?;
    setup.run(&flags, loops).await
}

/// klog's levels: 4 is debug, from 5 on everything.
fn verbosity(v: u8) -> u8 {
    if v >= 5 { 6 } else { v }
}

fn read_config(flags: &Flags) -> Result<Config> {
    let path = &flags.cloud_config;
    if path.is_empty() {
        bail!("no clusters: --cloud-config is empty; pass the path of the configuration file");
    }
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the cloud config {path}"))?;
    config::parse(&text).with_context(|| format!("cannot use the cloud config {path}"))
}

/// One source per region. Reads token and CA files, sends nothing.
fn sources(config: &Config, metrics: &SourceMetrics) -> Result<Sources> {
    let source = |settings| -> Result<Arc<dyn Source>> { Ok(Arc::new(Proxmox::new(settings, metrics)?)) };
    Ok(Sources::new(
        config.regions.iter().map(source).collect::<Result<Vec<_>>>()?,
    ))
}

/// Which loops `--controllers` asks for; a name we do not know is only worth a warning.
fn loops(controllers: &[String]) -> Loops {
    let known = [
        ("cloud-node-controller", "cloud-node"),
        ("cloud-node-lifecycle-controller", "cloud-node-lifecycle"),
        ("service-lb-controller", "service"),
        ("node-route-controller", "route"),
    ];
    let names: Vec<&str> = controllers
        .iter()
        .map(|name| name.trim())
        .filter(|name| !name.is_empty())
        .collect();
    for name in &names {
        let bare = name.trim_start_matches('-');
        match known
            .iter()
            .position(|(long, short)| bare == *long || bare == *short)
        {
            _ if bare == "*" => {}
            Some(0 | 1) => {}
            Some(_) if name.starts_with('-') => {}
            Some(_) => tracing::warn!(controller = bare, "controller is not offered and not started"),
            None => tracing::warn!(controller = bare, "unknown controller name, ignored"),
        }
    }
    let runs = |(long, short): (&str, &str)| {
        let is = |name: &str| name == long || name == short;
        let off = names.iter().any(|name| name.strip_prefix('-').is_some_and(is));
        let on = names.iter().any(|name| is(name));
        on || (!off && names.contains(&"*"))
    };
    Loops {
        node: runs(known[0]),
        lifecycle: runs(known[1]),
    }
}

fn options(flags: &Flags) -> Options {
    let number = |asked| usize::try_from(asked).unwrap_or(WORKERS);
    let workers = match flags.concurrent_node_syncs {
        ..=1 => WORKERS,
        asked => number(asked),
    };
    let updaters = match flags.concurrent_node_status_updates {
        ..=0 => workers,
        asked => number(asked),
    };
    Options {
        workers,
        updaters,
        pass_period: flags.node_status_update_frequency,
        monitor_period: flags.node_monitor_period,
        writes: (
            flags.kube_api_qps.unwrap_or(50.0),
            flags.kube_api_burst.unwrap_or(100),
        ),
        per_node_lines: flags.v >= 2,
        ..Options::default()
    }
}

/// A client of the API server that `--kubeconfig`, `--master` or the pod name.
async fn connect(flags: &Flags, calls: Calls) -> Result<Client> {
    let options = ClientOptions {
        kubeconfig: Some(flags.kubeconfig.clone().into()),
        user_agent: format!("cadastre-cloud/{}", env!("CARGO_PKG_VERSION")),
        calls,
        ..ClientOptions::default()
    };
    let master = (!flags.master.is_empty())
        .then(|| {
            flags
                .master
                .parse::<http::Uri>()
                .with_context(|| format!("--master {:?} is no URL", flags.master))
        })
        .transpose()?;
    let config = match master {
        Some(url) if flags.kubeconfig.is_empty() => kube::Config::new(url),
        Some(url) => {
            let mut config = client::load_config(&options).await?;
            config.cluster_url = url;
            config
        }
        None => client::load_config(&options).await?,
    };
    Ok(client::connect_with(config, &options)?)
}

/// A process before it begins to work.
struct Setup {
    tasks: Tasks,
    client: Client,
    config: Config,
    sources: Sources,
    source_metrics: SourceMetrics,
    calls: Calls,
    identity: String,
}

impl Setup {
    async fn new(flags: &Flags, config: Config) -> Result<Self> {
        let source_metrics = SourceMetrics::default();
        // Before anything else: what is wrong with the configuration is said within a second (§1.3).
        let sources = sources(&config, &source_metrics)?;
        let tasks = Tasks::new();
        tasks.stop_on_signals().context("cannot listen for signals")?;
        let calls = Calls::default();
        let client = connect(flags, calls.clone()).await?;
        Ok(Self {
            tasks,
            client,
            config,
            sources,
            source_metrics,
            calls,
            identity: unique_identity(),
        })
    }

    async fn run(self, flags: &Flags, loops: Loops) -> Result<()> {
        let (tasks, client) = (&self.tasks, &self.client);
        let recorder = |who| Recorder::start(client.clone(), who, &self.identity, tasks);
        let announcer = Announcer {
            node: Some(recorder(NODE_LOOP)),
            lifecycle: Some(recorder(LIFECYCLE_LOOP)),
        };
        let metrics = Metrics::default();
        let page = runtime::metrics::Metrics::new(|registry| {
            metrics.register(registry);
            self.source_metrics.register(registry);
            self.calls.register(registry);
        });
        let lead = Lead::start(self.lease(flags), client, tasks)?;
        let (ready, readiness) = watch::channel(Err("starting".to_owned()));
        let parts = server::Parts {
            sources: self.sources.clone(),
            ready: readiness,
            leading: lead.is_leading.clone(),
            unrenewed: lead.unrenewed(),
            unrenewed_limit: flags.leader_elect_lease_duration.saturating_add(RENEWAL_SLACK),
            loops: names(loops),
            configuration: self.config.to_string().into(),
            slis: slis::Slis::new(),
        };
        if !flags.once {
            server::start(flags, client, page, parts, tasks)?;
        }
        let ledger = Ledger::new(
            client.clone(),
            &flags.leader_elect_resource_namespace,
            &flags.leader_elect_resource_name,
        );
        let shared = Shared {
            client: client.clone(),
            sources: self.sources.clone(),
            settings: self.config.settings.clone(),
            options: options(flags),
            metrics,
            source_metrics: self.source_metrics.clone(),
            announcer,
            holds: lead.holds(),
            wall: jiff::Timestamp::now,
        };
        let config = controller::Config {
            world: World::recording(shared, ledger),
            loops,
            leading: lead.is_leading.clone(),
            readiness: Arc::new(move |state| drop(ready.send_replace(state))),
        };
        let ended = if flags.once {
            let looked = controller::once(&config, &tasks.stop()).await;
            looked
                .map(|nodes| tracing::info!(nodes, "looked at every Node once"))
                .map_err(|why| anyhow!(why))
        } else {
            controller::run(config, tasks.stop()).await;
            Ok(())
        };
        // The lead goes last: nobody else may write while we still do.
        lead.release().await;
        let left = tasks.drain(DRAIN).await;
        if left > 0 {
            tracing::warn!(left, "tasks still running at the end");
        }
        match tasks.failure() {
            Some(reason) => bail!("{reason}"),
            None => ended,
        }
    }

    fn lease(&self, flags: &Flags) -> Option<LeaseConfig> {
        flags.leader_elect.then(|| LeaseConfig {
            identity: self.identity.clone(),
            lease_duration: flags.leader_elect_lease_duration,
            renew_deadline: flags.leader_elect_renew_deadline,
            retry_period: flags.leader_elect_retry_period,
            ..LeaseConfig::new(
                &flags.leader_elect_resource_namespace,
                &flags.leader_elect_resource_name,
            )
        })
    }
}

fn names(loops: Loops) -> Vec<&'static str> {
    let all = [
        ("cloud-node-controller", loops.node),
        ("cloud-node-lifecycle-controller", loops.lifecycle),
    ];
    all.into_iter()
        .filter(|(_, runs)| *runs)
        .map(|(name, _)| name)
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    fn parse(args: &str) -> Result<(Flags, Vec<&'static str>), String> {
        let command = Flags::augment_args(Command::new("ccm"))
            .args(ignored())
            .args_override_self(true);
        let matches = command
            .try_get_matches_from(std::iter::once("ccm").chain(args.split_whitespace()))
            .map_err(|error| error.to_string())?;
        let flags = Flags::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        Ok((flags, given(&matches)))
    }

    fn controllers(text: &str) -> (bool, bool) {
        let Loops { node, lifecycle } = loops(&text.split(',').map(str::to_owned).collect::<Vec<_>>());
        (node, lifecycle)
    }

    #[test]
    fn the_arguments_of_the_original_chart_are_accepted() {
        let (flags, given) = parse(
            "--v=2 --cloud-provider=proxmox --cloud-config=/etc/proxmox/config.yaml \
             --controllers=cloud-node,cloud-node-lifecycle \
             --leader-elect-resource-name=cloud-controller-manager-proxmox --use-service-account-credentials \
             --secure-port=10258 --authorization-always-allow-paths=/healthz,/livez,/readyz,/metrics",
        )
        .unwrap();
        assert_eq!((flags.v, flags.secure_port), (2, 10258));
        assert_eq!(flags.authorization_always_allow_paths.len(), 4);
        assert_eq!(
            flags.leader_elect_resource_name,
            "cloud-controller-manager-proxmox"
        );
        assert_eq!(given, ["use-service-account-credentials"]);
        assert!(options(&flags).per_node_lines);
    }

    #[test]
    fn flags_are_written_as_with_go() {
        let (flags, given) = parse(
            "-v 4 --cloud-config config.yaml --leader-elect=false --cluster-cidr 10.0.0.0/8 --profiling \
             --node-status-update-frequency 1m30s --kube-api-qps 20 --controllers *,-cloud-node --concurrent-node-syncs 10",
        )
        .unwrap();
        assert_eq!((flags.v, flags.leader_elect), (4, false));
        assert_eq!(options(&flags).pass_period, Duration::from_secs(90));
        assert_eq!(options(&flags).writes, (20.0, 100));
        assert_eq!((options(&flags).workers, options(&flags).updaters), (10, 10));
        let (flags, _) = parse("--concurrent-node-syncs=3 --concurrent-node-status-updates=1").unwrap();
        assert_eq!((options(&flags).workers, options(&flags).updaters), (3, 1));
        assert_eq!(given, ["cluster-cidr", "profiling"]);
    }

    #[test]
    fn the_defaults_are_those_of_the_replaced_manager() {
        let (flags, given) = parse("").unwrap();
        assert!(flags.leader_elect && given.is_empty());
        assert_eq!(flags.leader_elect_resource_namespace, "kube-system");
        let lease = (
            flags.leader_elect_lease_duration,
            flags.leader_elect_renew_deadline,
            flags.leader_elect_retry_period,
        );
        assert_eq!(
            lease,
            (
                Duration::from_secs(15),
                Duration::from_secs(10),
                Duration::from_secs(2)
            )
        );
        let options = options(&flags);
        assert_eq!((options.workers, options.updaters), (WORKERS, WORKERS));
        assert_eq!(options.writes, (50.0, 100));
        assert_eq!(options.pass_period, Duration::from_mins(5));
    }

    #[test]
    fn mistakes_are_refused_with_the_nearest_name() {
        let error = parse("--cloud-conf x").unwrap_err();
        assert!(error.contains("--cloud-config"), "{error}");
        for bad in [
            "positional",
            "--cloud-provider aws",
            "--concurrent-node-syncs 0",
            "--concurrent-node-status-updates=-1",
            "--leader-elect-resource-lock endpoints",
            "--compare-upstream",
            "--once --explain n1",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn controllers_are_chosen_as_kubernetes_chooses_them() {
        assert_eq!(controllers("*"), (true, true));
        assert_eq!(controllers("cloud-node-lifecycle"), (false, true));
        assert_eq!(controllers("cloud-node-controller"), (true, false));
        assert_eq!(controllers("*,-cloud-node"), (false, true));
        assert_eq!(controllers("*,service,something"), (true, true));
        assert_eq!(controllers("-cloud-node-lifecycle,*"), (true, false));
    }

    #[test]
    fn verbosity_is_that_of_klog() {
        assert_eq!([0, 1, 3, 4, 5, 9].map(verbosity), [0, 1, 3, 4, 6, 6]);
    }
}
