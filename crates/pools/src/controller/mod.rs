//! Runs the pools: finds out which versions are served, watches, waits for the lead, works.
//!
//! An *epoch* is the time in which the served versions do not change. When Cluster API's CRDs appear, vanish or are
//! upgraded under us, the epoch ends in good order and the next one starts (spec §14).

mod discovery;
mod epoch;

use std::sync::Arc;

use kube::Client;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use discovery::{Served, discover};

use crate::{
    plan::{
        admission::{InUse, Neighbour},
        facts::Scope,
        ledger::Held,
        name::PoolName,
    },
    webhooks::Surroundings,
    world::{Shared, World},
};

/// Says whether the controller is ready to serve; an error says what is missing.
pub type Readiness = Arc<dyn Fn(Result<(), String>) + Send + Sync>;

/// Everything a controller needs from outside.
#[derive(Clone)]
pub struct Config {
    /// The client.
    pub client: Client,
    /// Which claims to serve.
    pub scope: Scope,
    /// Name of this process, unique per start; signs reservations.
    pub identity: String,
    /// Metrics, events, lead, options.
    pub shared: Shared,
    /// Becomes true when this process leads. Never becomes false again: a process that lost the lead ends.
    pub leading: watch::Receiver<bool>,
    /// Whether another process may have led before this one, so that what the watches showed until then may be old.
    pub is_elected: bool,
    /// Told whenever readiness changes.
    pub readiness: Readiness,
}

/// The current world, for admission.
#[derive(Clone, Default)]
pub struct Current(Arc<arc_swap::ArcSwapOption<World>>);

impl Current {
    fn set(&self, world: Option<Arc<World>>) {
        self.0.store(world);
    }
}

impl Surroundings for Current {
    fn in_use(&self, pool: &PoolName) -> Option<Vec<InUse>> {
        let world = self.0.load_full()?;
        Some(world.read(|index| index.addresses_of(pool).map(|a| in_use(a.held)).collect()))
    }

    fn neighbours(&self, pool: &PoolName) -> Option<Vec<Neighbour>> {
        let world = self.0.load_full()?;
        Some(world.read(|index| {
            let others = index.pools().filter(|(name, _)| *name != pool);
            others
                .filter_map(|(name, entry)| {
                    Some(Neighbour {
                        name: name.clone(),
                        addresses: entry.ledger()?.domain().addresses(),
                    })
                })
                .collect()
        }))
    }
}

/// The index keeps no text: an address that is none stays one without it.
fn in_use(held: Held) -> InUse {
    InUse {
        address: held.address.map(|a| a.to_string()).unwrap_or_default(),
        prefix: held.prefix.map(i64::from),
    }
}

/// Runs until `stop` is cancelled. In-flight writes finish first.
pub async fn run(config: Config, current: Current, stop: CancellationToken) {
    while !stop.is_cancelled() {
        (config.readiness)(Err("waiting for Cluster API's CRDs".to_owned()));
        let Some(served) = discovery::wait(&config, &stop).await else {
            return;
        };
        tracing::info!(claims = %served.version, clusters = %served.cluster_version.0, "speaking Cluster API");
        epoch::run(&config, served, &current, &stop).await;
        current.set(None);
    }
}
