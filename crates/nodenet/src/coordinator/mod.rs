//! The coordinator: the one process with a cluster-wide view (spec §1 R, §5.4, §6, §12).
//!
//! `observe` follows policies, enactments, nodes, pods, reports and leases into one `index`; every change names the
//! policies that now have something to do. `serve` asks [`crate::plan::rollout`] what follows and `act` writes it. Nodes
//! touch only what is theirs; what they may do next they read from their own enactment.

mod act;
mod index;
mod observe;
mod serve;
mod slim;
mod world;

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use runtime::events::Recorder;
use runtime::lease::{Lease, LeaseConfig};
use runtime::watch::WatchStatus;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use slim::{SlimEnactment, SlimLease, SlimNode, SlimOperator, SlimPod, SlimState};
pub use world::World;

/// Name of the lease; whoever holds it coordinates (spec appendix B).
pub const LEASE: &str = "nmstate-coordinator";

/// Field manager of all writes (spec appendix B).
pub const FIELD_MANAGER: &str = "nmstate-coordinator";

/// Name of the lease of a node's process is this and the node's name (spec appendix B).
pub const HANDLER_LEASE_PREFIX: &str = "nmstate-handler-";

/// Policies worked on at the same time.
const WORKERS: usize = 4;

/// How the coordinator runs. Cheap to clone.
#[derive(Clone)]
pub struct Config {
    /// Speaks for the coordinator.
    pub client: Client,
    /// Namespace of the pods and leases of the process on every node.
    pub namespace: String,
    /// Says what happens; events are a courtesy.
    pub events: Option<Recorder>,
    /// How long changes are gathered before a policy's status follows (spec §6). Default 250 ms.
    pub debounce: Duration,
    /// Least time between two status writes of one policy (spec §6). Default 1 s.
    pub pace: Duration,
}

impl Config {
    /// The defaults of the spec.
    #[must_use]
    pub fn new(client: Client, namespace: impl Into<String>) -> Self {
        Self {
            client,
            namespace: namespace.into(),
            events: None,
            debounce: Duration::from_millis(250),
            pace: Duration::from_secs(1),
        }
    }
}

/// Takes the lease, coordinates while it is held, and takes it again, until `stop`. `ready` is told what is missing.
///
/// # Errors
/// When the times of the lease do not fit together.
pub async fn lead(
    config: Config,
    lease: LeaseConfig,
    ready: Readiness,
    stop: CancellationToken,
) -> Result<(), String> {
    let lease = Lease::new(config.client.clone(), lease)?;
    while !stop.is_cancelled() {
        let Some(leadership) = stop.run_until_cancelled(lease.acquire()).await else {
            break;
        };
        let turn = stop.child_token();
        let held = leadership.clone();
        let holds: Holds = Arc::new(move || held.is_held());
        let lost = leadership.lost();
        let work = run(config.clone(), holds, ready.clone(), turn.clone());
        let watch = async {
            lost.cancelled().await;
            turn.cancel();
        };
        tokio::select! {
            () = work => {}
            // Goes on with the work until it has ended in order.
            () = async { watch.await; std::future::pending().await } => {}
        }
        leadership.release().await;
    }
    Ok(())
}

/// Whether this process may write now; asked before every write.
pub type Holds = Arc<dyn Fn() -> bool + Send + Sync>;

/// Is told what is missing until everything was seen once, for `/readyz`.
pub type Readiness = Arc<dyn Fn(Result<(), String>) + Send + Sync>;

/// Coordinates until `stop`. Nothing is decided before every watch that matters has shown a whole list.
pub async fn run(config: Config, holds: Holds, ready: Readiness, stop: CancellationToken) {
    let world = Arc::new(World::new(config, holds));
    let tasks = TaskTracker::new();
    // Whoever drops this future ends its tasks, too: they hold the lead, and would go on with it.
    let stop = stop.child_token();
    let _end = stop.clone().drop_guard();
    let needed = observe::start(&world, &tasks, &stop);
    stop.run_until_cancelled(wait(needed, &ready)).await;
    if !stop.is_cancelled() {
        ready(Ok(()));
        world.begin();
        for _ in 0..WORKERS {
            tasks.spawn(serve::work(Arc::clone(&world), stop.clone()));
        }
    }
    tasks.close();
    stop.cancelled().await;
    world.queue.close();
    tasks.wait().await;
}

/// Waits until every watch is synced.
async fn wait(watches: Vec<watch::Receiver<WatchStatus>>, ready: &Readiness) {
    for mut status in watches {
        loop {
            let Some(missing) = status.borrow_and_update().missing() else {
                break;
            };
            ready(Err(missing));
            if status.changed().await.is_err() {
                break;
            }
        }
    }
}
