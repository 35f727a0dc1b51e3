//! Controllers, as the process makes them.

use std::sync::Arc;
use std::time::Duration;

use cloud::announce::{Announcer, LIFECYCLE_LOOP, NODE_LOOP};
use cloud::config;
use cloud::controller::{self, Loops};
use cloud::metrics::Metrics;
use cloud::source::metrics::Metrics as SourceMetrics;
use cloud::source::proxmox::Proxmox;
use cloud::source::{Source, Sources};
use cloud::world::{Options, Shared, World};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use prometheus_client::registry::Registry;
use runtime::events::Recorder;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::PATIENCE;

/// Starts a controller with this configuration file, changed as wanted, and waits until it has seen all Nodes.
pub(super) async fn start(
    client: &Client,
    text: &str,
    change: impl FnOnce(&mut Options, &mut Loops),
) -> Controller {
    let config = config::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let source_metrics = SourceMetrics::default();
    let sources = Sources::new(config.regions.iter().map(|settings| {
        let source = Proxmox::new(settings, &source_metrics).expect("a source");
        Arc::new(source) as Arc<dyn Source>
    }));
    let stop = CancellationToken::new();
    let recorder = |who| Recorder::new(client.clone(), who, "test", stop.clone());
    let ((node, of_node), (lifecycle, of_lifecycle)) = (recorder(NODE_LOOP), recorder(LIFECYCLE_LOOP));
    let mut options = Options {
        monitor_period: Duration::from_millis(500),
        ..Options::default()
    };
    let mut loops = Loops {
        node: true,
        lifecycle: true,
    };
    change(&mut options, &mut loops);
    let world = World::new(Shared {
        client: client.clone(),
        sources,
        settings: config.settings,
        options,
        metrics: Metrics::default(),
        source_metrics,
        announcer: Announcer {
            node: Some(node),
            lifecycle: Some(lifecycle),
        },
        holds: Arc::new(|| true),
        // Nodes of a test are as old as the test; the rule for young ones has pure tests.
        wall: || Timestamp::now() + SignedDuration::from_mins(5),
    });
    let (ready, mut readiness) = watch::channel(Err("starting".to_owned()));
    let (_, leading) = watch::channel(true);
    let config = controller::Config {
        world: world.clone(),
        loops,
        leading,
        readiness: Arc::new(move |state| drop(ready.send_replace(state))),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(of_node);
    tasks.spawn(of_lifecycle);
    tasks.spawn(controller::run(config, stop.clone()));
    tokio::time::timeout(PATIENCE, readiness.wait_for(Result::is_ok))
        .await
        .expect("ready in time")
        .expect("runs");
    Controller { world, stop, tasks }
}

/// A running controller.
pub(crate) struct Controller {
    pub(crate) world: Arc<World>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Controller {
    /// The value of a metric of the loops, written as `name{label="value"}`; 0 when it is not there.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let (mut text, mut registry) = (String::new(), Registry::default());
        self.world.metrics.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
            .unwrap_or_default()
    }

    /// Stops it in good order.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        let ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.expect("no task panics");
            }
        };
        let limit = Duration::from_secs(15);
        tokio::time::timeout(limit, ended)
            .await
            .expect("it stops, whatever it waits for");
    }
}
