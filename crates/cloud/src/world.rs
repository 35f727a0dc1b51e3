//! What the shell around the plan shares: clients, the guarded index of Nodes, and the pools of workers the index wakes.

mod ledger;
mod limiter;
mod nodes;
mod pool;
mod rounds;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kube::{Api, Client};
use runtime::clock::BootTime;
use runtime::queue::Backoff;
use tokio::time::Instant;

use crate::announce::Announcer;
use crate::metrics::Metrics;
use crate::observe::{Seen, SlimNode};
use crate::plan::facts::NodeFacts;
use crate::plan::lifecycle::DeletionBudget;
use crate::plan::settings::Settings;
use crate::source::{Sources, metrics::Metrics as SourceMetrics};

pub use ledger::{Ledger, LedgerError};
pub use limiter::Limiter;
pub use nodes::{Entry, Turn};
use nodes::{Nodes, Wake};
pub use pool::{Place, Pool, Seat};
use rounds::Rounds;

/// Retries after an error of the API server.
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(200),
    max: Duration::from_secs(30),
};

/// Name of a Node.
pub type NodeName = Arc<str>;

/// Says whether this process may write now. Asked before every write.
pub type Holds = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a running controller is told by its flags.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// New Nodes worked on at once (`--concurrent-node-syncs`).
    pub workers: usize,
    /// Initialised Nodes looked at at once (`--concurrent-node-status-updates`).
    pub updaters: usize,
    /// Time between two looks at an initialised Node.
    pub pass_period: Duration,
    /// Time between two looks at Nodes that are not ready.
    pub monitor_period: Duration,
    /// Nodes that are not ready looked at at once.
    pub monitors: usize,
    /// Writes to the API server per second, and how many at once before that.
    pub writes: (f32, u32),
    /// Lines about single Nodes are logged as `info`.
    pub per_node_lines: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 32,
            updaters: 32,
            pass_period: Duration::from_mins(5),
            monitor_period: Duration::from_secs(5),
            monitors: 16,
            writes: (50.0, 100),
            per_node_lines: false,
        }
    }
}

/// What comes from outside.
pub struct Shared {
    /// The client.
    pub client: Client,
    /// Who knows the machines.
    pub sources: Sources,
    /// What people chose.
    pub settings: Settings,
    /// By flags.
    pub options: Options,
    /// What is measured.
    pub metrics: Metrics,
    /// What is measured of sources.
    pub source_metrics: SourceMetrics,
    /// Events for people.
    pub announcer: Announcer,
    /// Whether this process may write.
    pub holds: Holds,
    /// The wall clock, [`Timestamp::now`] outside tests; Nodes younger than a minute are not deleted.
    pub wall: fn() -> Timestamp,
}

/// Everything the loops share.
pub struct World {
    /// The client.
    pub client: Client,
    /// Nodes, as far as they are read.
    pub api: Api<SlimNode>,
    /// Who knows the machines.
    pub sources: Sources,
    /// What people chose.
    pub settings: Settings,
    /// By flags.
    pub options: Options,
    /// What is measured.
    pub metrics: Metrics,
    /// What is measured of sources.
    pub source_metrics: SourceMetrics,
    /// Events for people.
    pub announcer: Announcer,
    /// Whether this process may write.
    pub holds: Holds,
    /// The wall clock.
    pub wall: fn() -> Timestamp,
    /// Holds writes to the rate that was asked for.
    pub limiter: Limiter,
    /// Where deletions are recorded, so that the budget for them outlives this process; `None` keeps it in memory alone.
    pub ledger: Option<Ledger>,
    /// Works on Nodes that wait for their initialisation.
    pub newcomers: Pool,
    /// Works on all others.
    pub residents: Pool,
    nodes: Mutex<Nodes>,
    rounds: Mutex<Rounds>,
    budget: Mutex<DeletionBudget>,
}

impl World {
    /// A world that has seen no Node yet, and that forgets with its process how many it has deleted.
    #[must_use]
    pub fn new(shared: Shared) -> Arc<Self> {
        Self::build(shared, None)
    }

    /// A world whose deletions are recorded, and that knows those recorded by others.
    #[must_use]
    pub fn recording(shared: Shared, ledger: Ledger) -> Arc<Self> {
        Self::build(shared, Some(ledger))
    }

    fn build(shared: Shared, ledger: Option<Ledger>) -> Arc<Self> {
        let (rate, burst) = shared.options.writes;
        Arc::new(Self {
            api: Api::all(shared.client.clone()),
            client: shared.client,
            sources: shared.sources,
            settings: shared.settings,
            options: shared.options,
            metrics: shared.metrics,
            source_metrics: shared.source_metrics,
            announcer: shared.announcer,
            holds: shared.holds,
            wall: shared.wall,
            limiter: Limiter::new(rate, burst),
            ledger,
            newcomers: Pool::new(shared.options.workers),
            residents: Pool::new(shared.options.updaters),
            nodes: Mutex::default(),
            rounds: Mutex::new(Rounds::new(shared.options.pass_period)),
            budget: Mutex::default(),
        })
    }

    /// A watch showed this state of a Node.
    pub fn observe(&self, seen: Seen) {
        let name: NodeName = seen.facts.name.as_ref().into();
        let is_new = seen.facts.is_tainted();
        let wake = lock(&self.nodes).apply(name.clone(), seen, Instant::now());
        let queue = &self.pool_of(is_new).queue;
        match wake {
            Wake::Nobody => {}
            Wake::Now => queue.add(name),
            Wake::WhenIdle => queue.add_low(name),
        }
    }

    fn pool_of(&self, is_new: bool) -> &Pool {
        if is_new { &self.newcomers } else { &self.residents }
    }

    /// Who works on a Node as it is now. One that is gone is nobody's, and either pool finds that out.
    #[must_use]
    pub fn pool(&self, name: &str) -> &Pool {
        let is_new = lock(&self.nodes)
            .get(name)
            .is_some_and(|entry| entry.seen.facts.is_tainted());
        self.pool_of(is_new)
    }

    /// Whether there is such a Node.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        lock(&self.nodes).get(name).is_some()
    }

    /// A Node's look went well, or the Node is gone. Either pool may have counted failures of it: it changes pools in the
    /// middle of its first look.
    pub fn forget_failures(&self, name: &NodeName) {
        self.newcomers.queue.forget(name);
        self.residents.queue.forget(name);
    }

    /// What the server answered to our own write: remembered, and nobody is woken for it.
    pub fn learn(&self, seen: Seen) {
        lock(&self.nodes).learn(seen);
    }

    /// A complete list: Nodes that are not in it are gone.
    pub fn retain(&self, listed: &HashSet<Box<str>>) {
        lock(&self.nodes).retain(listed);
    }

    /// The watch shows that a Node is gone.
    pub fn gone(&self, name: &str) {
        lock(&self.nodes).remove(name);
    }

    /// We have deleted a Node. One that has come under its name meanwhile stays.
    pub fn forget(&self, node: &NodeFacts) {
        lock(&self.nodes).forget(node);
    }

    /// What there is to do for a Node now, to be followed by [`World::end`]. Nothing while somebody else is at it.
    pub fn turn(&self, name: &str) -> Turn {
        lock(&self.nodes).turn(name, Instant::now())
    }

    /// A turn with something to do is over. A Node that was wanted meanwhile waits for a worker again.
    pub fn end(&self, name: &NodeName) {
        if lock(&self.nodes).end(name) {
            self.pool(name).queue.add(name.clone());
        }
        self.rearm(name);
    }

    /// Puts a Node whose look is due later back on its timer: any other wake-up has replaced it.
    pub fn rearm(&self, name: &NodeName) {
        let due = lock(&self.nodes).get(name).and_then(Entry::timer);
        if let Some(due) = due {
            let pause = due.saturating_duration_since(Instant::now());
            self.pool(name).queue.add_after(name.clone(), pause);
        }
    }

    /// Hands out no more Nodes.
    pub fn close(&self) {
        self.newcomers.queue.close();
        self.residents.queue.close();
    }

    /// A full look at a Node is wanted at `at`, unless one is wanted earlier.
    pub fn due(&self, name: &str, at: Instant) {
        lock(&self.nodes).due(name, at);
    }

    /// When an initialised Node is looked at next, if nothing happens before.
    #[must_use]
    pub fn next_pass(&self, name: &str) -> Instant {
        lock(&self.rounds).next(name, Instant::now())
    }

    /// A look at an initialised Node ended; it began at `begun`.
    pub fn passed(&self, begun: Instant) {
        if let Some(took) = lock(&self.rounds).looked(begun, Instant::now()) {
            self.metrics.pass_seconds.observe(took.as_secs_f64());
        }
    }

    /// Reads what is known of a Node, and what is remembered; `None` when it is gone.
    pub fn with<R>(&self, name: &str, look: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        lock(&self.nodes).get_mut(name).map(look)
    }

    /// What is known of every Node.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Seen>> {
        lock(&self.nodes).all().map(|entry| entry.seen.clone()).collect()
    }

    /// How many Nodes are ours: they have a provider ID of ours.
    #[must_use]
    pub fn own_nodes(&self) -> usize {
        lock(&self.nodes).own()
    }

    /// Counts Nodes by state, for the metrics.
    pub fn count(&self) {
        let counts = lock(&self.nodes).counts();
        self.metrics.set_nodes(counts);
    }

    /// Works with a Node's entry and the deletion budget together; `None` when the Node is gone.
    pub fn with_budget<R>(
        &self,
        name: &str,
        judge: impl FnOnce(&mut Entry, &mut DeletionBudget) -> R,
    ) -> Option<R> {
        let mut nodes = lock(&self.nodes);
        let entry = nodes.get_mut(name)?;
        Some(judge(entry, &mut lock(&self.budget)))
    }

    /// A deletion that was charged did not happen.
    pub fn refund(&self) {
        lock(&self.budget).refund();
    }

    /// Deletions that count against the budget at the moment.
    #[must_use]
    pub fn spent(&self) -> usize {
        lock(&self.budget).spent(BootTime::now())
    }

    /// Others have deleted so many Nodes lately.
    pub fn inherit(&self, deletions: usize) {
        lock(&self.budget).inherit(BootTime::now(), deletions);
    }
}

/// A panic while the lock was held ends the process anyway; later events repair what it left.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
