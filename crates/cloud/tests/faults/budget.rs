//! A controller that is restarted has no other budget of deletions than the one before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cloud::announce::{Announcer, LIFECYCLE_LOOP};
use cloud::config;
use cloud::controller::{self, Loops};
use cloud::metrics::Metrics;
use cloud::source::metrics::Metrics as SourceMetrics;
use cloud::source::proxmox::Proxmox;
use cloud::source::{Source, Sources};
use cloud::world::{Ledger, Options, Shared, World};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use runtime::events::Recorder;
use serde_json::json;
use testkit::eventually;
use testkit::proxmox::{Template, Vm};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ground::{New, PATIENCE, Site};

const NAMESPACE: &str = "kube-system";
const LEASE: &str = "faults-budget";
const RECORD: &str = "faults-budget-deletions";
const DELETIONS: &str = "cloud.cadastre.dev/deletions";

/// A process that only looks after the life of Nodes, and records deletions.
struct Process {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

fn ledger(site: &Site) -> Ledger {
    Ledger::new(site.client.clone(), NAMESPACE, LEASE)
}

fn shared(site: &Site, announcer: Announcer) -> Shared {
    let config = config::parse(&site.config("")).expect("a configuration");
    let source_metrics = SourceMetrics::default();
    let sources = config.regions.iter().map(|settings| {
        let source = Proxmox::new(settings, &source_metrics).expect("a source");
        Arc::new(source) as Arc<dyn Source>
    });
    Shared {
        client: site.client.clone(),
        sources: Sources::new(sources),
        settings: config.settings,
        options: Options {
            monitor_period: Duration::from_millis(500),
            ..Options::default()
        },
        metrics: Metrics::default(),
        source_metrics,
        announcer,
        holds: Arc::new(|| true),
        wall: || Timestamp::now() + SignedDuration::from_mins(5),
    }
}

impl Process {
    fn start(site: &Site) -> Self {
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let (recorder, recording) = Recorder::new(site.client.clone(), LIFECYCLE_LOOP, "test", stop.clone());
        let announcer = Announcer {
            node: None,
            lifecycle: Some(recorder),
        };
        let (_, leading) = watch::channel(true);
        let config = controller::Config {
            world: World::recording(shared(site, announcer), ledger(site)),
            loops: Loops {
                node: false,
                lifecycle: true,
            },
            leading,
            readiness: Arc::new(|_| {}),
        };
        tasks.spawn(recording);
        tasks.spawn(controller::run(config, stop.clone()));
        Self { stop, tasks }
    }

    async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("no task panics");
        }
    }
}

async fn names(site: &Site) -> Vec<String> {
    let nodes = site.nodes().list(&ListParams::default()).await.expect("Nodes");
    nodes.into_iter().filter_map(|node| node.metadata.name).collect()
}

/// Waits until a Node has this event, and forgets all events. Returns its text.
async fn told(site: &Site, reason: &str) -> String {
    let text = eventually(PATIENCE, &format!("an event {reason}"), || async {
        let mut others = Vec::new();
        for name in names(site).await {
            for (known, text) in site.events(&name).await {
                if known == reason {
                    return Ok(text);
                }
                others.push(known);
            }
        }
        Err(format!("{others:?}"))
    })
    .await;
    let events: Api<Event> = Api::namespaced(site.client.clone(), "default");
    events
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await
        .expect("old events go");
    text
}

fn leases(site: &Site) -> Api<Lease> {
    Api::namespaced(site.client.clone(), NAMESPACE)
}

async fn recorded(site: &Site) -> Option<String> {
    let lease = leases(site).get(RECORD).await.expect("the record is there");
    let annotations: BTreeMap<_, _> = lease.metadata.annotations.unwrap_or_default();
    annotations.get(DELETIONS).cloned()
}

async fn write(site: &Site, text: &str) {
    let patch = json!({"metadata": {"annotations": {DELETIONS: text}}});
    leases(site)
        .patch(RECORD, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .expect("the record is changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_does_not_grant_another_tenth() {
    let site = Site::open([Vm::new(101, "other")]).await;
    for number in 0..4 {
        site.node(New::initialised(&format!("lost-{number}"), 900).not_ready())
            .await;
    }
    let first = Process::start(&site);
    let text = told(&site, "DeletionRateLimited").await;
    assert!(text.contains("1 Nodes were deleted within 10 minutes"), "{text}");
    first.stop().await;
    let left = names(&site).await;
    assert_eq!(left.len(), 3, "{left:?}");
    assert_eq!(recorded(&site).await.as_deref(), Some("1"));

    let second = Process::start(&site);
    told(&site, "DeletionRateLimited").await;
    second.stop().await;
    assert_eq!(names(&site).await, left, "a restart changes nothing");
    assert_eq!(recorded(&site).await.as_deref(), Some("1"));

    write(&site, "many").await;
    let third = Process::start(&site);
    let text = told(&site, "DeletionHeld").await;
    assert!(text.contains("remove it") && text.contains(RECORD), "{text}");
    assert_eq!(names(&site).await, left, "what cannot be read is no zero");

    // As a process leaves it ten minutes after its last deletion.
    write(&site, "0").await;
    told(&site, "DeletionRateLimited").await;
    third.stop().await;
    assert_eq!(names(&site).await.len(), 2);
    leases(&site)
        .delete(RECORD, &DeleteParams::default())
        .await
        .expect("it is ours");
}

/// While the record cannot be read, nothing is judged: a list from before does not confirm one from after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_cannot_be_read_breaks_the_confirmation() {
    let site = Site::open([Vm::new(101, "other")]).await;
    site.node(New::initialised("lost", 900).not_ready()).await;
    let process = Process::start(&site);
    // It has read that there is no record, and judges by the first list.
    site.asked(Template::ClusterStatus, 1).await;
    let object = json!({"metadata": {"name": RECORD, "annotations": {DELETIONS: "many"}}});
    let object: Lease = serde_json::from_value(object).expect("a Lease");
    leases(&site)
        .create(&PostParams::default(), &object)
        .await
        .expect("nobody has deleted anything");
    // The second list confirms it, and the deletion cannot be recorded.
    let text = told(&site, "DeletionHeld").await;
    assert!(text.contains("remove it"), "{text}");
    assert_eq!(names(&site).await, ["lost"]);

    let lists = site.pve.count(Template::Resources);
    write(&site, "0").await;
    site.gone("lost").await;
    let newer = site.pve.count(Template::Resources) - lists;
    assert!(newer > 0, "two lists again, ten seconds apart");
    process.stop().await;
    leases(&site)
        .delete(RECORD, &DeleteParams::default())
        .await
        .expect("it is ours");
}

/// Two processes that both believe that they lead: what one has written, the other has to read before it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_record_is_written_by_one_process_at_a_time() {
    let site = Site::open([]).await;
    let world = || World::recording(shared(&site, Announcer::default()), ledger(&site));
    let (one, two) = (world(), world());
    let of = |world: &Arc<World>| world.ledger.is_some();
    assert!(of(&one) && of(&two));
    let (first, second) = (one.ledger.as_ref().unwrap(), two.ledger.as_ref().unwrap());
    first.open(&one).await.unwrap();
    second.open(&two).await.unwrap();
    assert_eq!((one.spent(), two.spent()), (0, 0));

    one.inherit(2);
    first.cover(&one).await.unwrap();
    assert_eq!(recorded(&site).await.as_deref(), Some("2"));
    // The other one may not delete before it knows.
    two.inherit(1);
    let error = second.cover(&two).await.unwrap_err();
    assert!(!error.is_news(), "{error}");
    assert!(second.cover(&two).await.is_err());
    two.refund();
    second.open(&two).await.unwrap();
    assert_eq!(two.spent(), 2);
    two.inherit(1);
    second.cover(&two).await.unwrap();
    assert_eq!(recorded(&site).await.as_deref(), Some("3"));

    // A deletion that did not happen, or is too old, is taken out by whoever wrote last, and by nobody else.
    one.refund();
    assert!(first.settle(&one).await.is_err());
    assert_eq!(recorded(&site).await.as_deref(), Some("3"));
    two.refund();
    second.settle(&two).await.unwrap();
    assert_eq!(recorded(&site).await.as_deref(), Some("2"));
    leases(&site)
        .delete(RECORD, &DeleteParams::default())
        .await
        .expect("it is ours");
}
