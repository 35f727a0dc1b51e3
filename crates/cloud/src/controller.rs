//! Runs the loops: watch, wait for the lead, work.

mod check;

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use runtime::answer::chain;
use runtime::watch::{WatchStatus, status};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::act::Error;
use crate::observe;
use crate::reconcile;
use crate::source::Source;
use crate::world::{NodeName, World};

pub use check::{CHECK_LIMIT, missing_privileges};

/// Says whether the controller is ready to serve; an error says what is missing.
pub type Readiness = Arc<dyn Fn(Result<(), String>) + Send + Sync>;

/// How long loops may take to finish what they have begun.
const GRACE: Duration = Duration::from_secs(4);

/// How often Nodes are counted for the metrics.
const COUNT_PERIOD: Duration = Duration::from_secs(5);

/// Turns of a Node that others change all the time, where there is only one pass.
const STALE_TRIES: u32 = 5;

/// Which loops run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loops {
    /// `cloud-node-controller`: initialises Nodes, keeps addresses and labels.
    pub node: bool,
    /// `cloud-node-lifecycle-controller`: deletes Nodes whose machine is gone, shutdown taint.
    pub lifecycle: bool,
}

/// Everything a controller needs from outside, besides its world.
#[derive(Clone)]
pub struct Config {
    /// What the loops share.
    pub world: Arc<World>,
    /// Which of them run.
    pub loops: Loops,
    /// Becomes true when this process leads. Never becomes false again: a process that lost the lead ends.
    pub leading: watch::Receiver<bool>,
    /// Told whenever readiness changes.
    pub readiness: Readiness,
}

/// Runs until `stop` is cancelled, and at most about 4 s longer: what has begun is finished first.
pub async fn run(config: Config, stop: CancellationToken) {
    let world = &config.world;
    // What loops rely on ends after them: a source that has ended would leave them waiting for its next list.
    let (loops_end, end) = (CancellationToken::new(), CancellationToken::new());
    let (mut loops, mut watches) = (JoinSet::new(), JoinSet::new());
    let (sender, mut synced) = status();
    watches.spawn(observe::nodes(world.clone(), sender, end.clone()));
    let work = async {
        if !ready(&config, &mut synced).await || !lead(&config).await {
            return;
        }
        start_sources(world, &mut watches, &end);
        start_loops(&config, &mut loops, &loops_end);
        // None of them ends by itself, other than by a panic.
        tokio::select! {
            Some(result) = loops.join_next() => propagate(result),
            Some(result) = watches.join_next() => propagate(result),
            else => {}
        }
    };
    stop.run_until_cancelled(work).await;
    world.close();
    loops_end.cancel();
    let finished = async {
        while let Some(result) = loops.join_next().await {
            propagate(result);
        }
    };
    if timeout(GRACE, finished).await.is_err() {
        // Whatever they wait for, each write is one guarded request and safe to drop.
        loops.shutdown().await;
    }
    end.cancel();
    while let Some(result) = watches.join_next().await {
        propagate(result);
    }
}

/// A panic of a task is a panic of the controller: half of it must not go on without the other.
pub(crate) fn propagate(result: Result<(), JoinError>) {
    if let Err(error) = result
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

/// Waits until the watch has shown every Node once; silent about later outages, which the watch itself reports.
async fn ready(config: &Config, synced: &mut watch::Receiver<WatchStatus>) -> bool {
    loop {
        let Some(missing) = synced.borrow_and_update().missing() else {
            (config.readiness)(Ok(()));
            return true;
        };
        (config.readiness)(Err(format!("watch on Nodes: {missing}")));
        if synced.changed().await.is_err() {
            return false;
        }
    }
}

async fn lead(config: &Config) -> bool {
    config.leading.clone().wait_for(|leading| *leading).await.is_ok()
}

fn start_loops(config: &Config, loops: &mut JoinSet<()>, end: &CancellationToken) {
    let world = &config.world;
    loops.spawn(every(COUNT_PERIOD, world.clone(), end.clone(), async |world| {
        world.count();
    }));
    if config.loops.node {
        loops.spawn(reconcile::work(world.clone(), |world| &world.newcomers));
        loops.spawn(reconcile::work(world.clone(), |world| &world.residents));
    }
    if config.loops.lifecycle {
        let period = world.options.monitor_period;
        loops.spawn(every(period, world.clone(), end.clone(), async |world| {
            // Those that failed are looked at again with all others.
            let _ = reconcile::monitor(world).await;
        }));
    }
}

fn start_sources(world: &Arc<World>, tasks: &mut JoinSet<()>, end: &CancellationToken) {
    for source in world.sources.iter() {
        let (source, end) = (source.clone(), end.clone());
        tasks.spawn(async move { source.run(end).await });
    }
    let (world, end) = (world.clone(), end.clone());
    tasks.spawn(async move {
        end.run_until_cancelled(check::regions(&world)).await;
        // A check that is over is no task that ended too early.
        end.cancelled().await;
    });
}

/// Does `what` now and then again after each `period`, until `end`. What has begun is finished.
async fn every(period: Duration, world: Arc<World>, end: CancellationToken, what: impl AsyncFn(&World)) {
    // A period of nothing would never rest.
    let period = period.max(Duration::from_millis(100));
    while !end.is_cancelled() {
        what(&world).await;
        end.run_until_cancelled(tokio::time::sleep(period)).await;
    }
}

/// Looks at every Node once and writes what differs, then returns how many there are (`--once`).
///
/// # Errors
/// When the Nodes cannot be listed before `stop`, or when some could not be written; which ones is in the log.
pub async fn once(config: &Config, stop: &CancellationToken) -> Result<usize, String> {
    let world = &config.world;
    let (sender, mut synced) = status();
    let end = stop.child_token();
    let mut tasks = JoinSet::new();
    tasks.spawn(observe::nodes(world.clone(), sender, end.clone()));
    let work = async {
        if !ready(config, &mut synced).await || !lead(config).await {
            return None;
        }
        for source in world.sources.iter() {
            let (source, end): (Arc<dyn Source>, _) = (source.clone(), end.clone());
            tasks.spawn(async move { source.run(end).await });
        }
        Some(pass(config).await)
    };
    let done = stop.run_until_cancelled(work).await.flatten();
    end.cancel();
    while let Some(result) = tasks.join_next().await {
        propagate(result);
    }
    let Pass { looked, failed } = done.ok_or_else(|| "stopped before all Nodes were looked at".to_owned())?;
    if failed.is_empty() {
        return Ok(looked);
    }
    Err(format!(
        "{} Nodes could not be written; see the log",
        failed.len()
    ))
}

/// What came of one look at every Node.
struct Pass {
    looked: usize,
    /// Nodes with something that could not be written.
    failed: BTreeSet<NodeName>,
}

async fn pass(config: &Config) -> Pass {
    let world = &config.world;
    let nodes = world.all();
    let looked = nodes.len();
    let mut failed = BTreeSet::new();
    if config.loops.node {
        let turns = nodes.into_iter().map(|seen| async move {
            let name: NodeName = seen.facts.name.as_ref().into();
            settle(world, &name).await.err().map(|error| (name, error))
        });
        let workers = world.options.workers.saturating_add(world.options.updaters);
        let mut turns = pin!(stream::iter(turns).buffer_unordered(workers.max(1)));
        while let Some(turn) = turns.next().await {
            let Some((name, error)) = turn else { continue };
            tracing::error!(node = &*name, error = chain(&error), "cannot write the Node");
            failed.insert(name);
        }
    }
    if config.loops.lifecycle {
        failed.extend(reconcile::monitor(world).await);
    }
    Pass { looked, failed }
}

/// One turn of a Node that nobody comes back to: where somebody else was faster, a few more.
async fn settle(world: &World, name: &NodeName) -> Result<(), Error> {
    for _ in 0..STALE_TRIES {
        let seat = world.pool(name).seat().await;
        match reconcile::turn(world, name, seat).await {
            Err(Error::Stale) => tokio::time::sleep(reconcile::STALE_PAUSE).await,
            outcome => return outcome,
        }
    }
    Err(Error::Stale)
}
