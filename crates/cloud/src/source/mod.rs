//! Who knows the machines: what a source must answer, and Proxmox VE as the first one.
//!
//! One [`Source`] speaks for one region; [`Sources`] holds all of them. Regions share nothing, so one that fails never
//! hides or delays another (§10). Every answer is three-valued: silence, refusal and nonsense are
//! [`Answer::Unknown`] or [`GuestAnswer::Unavailable`], never "there is none".

pub mod metrics;
pub mod proxmox;
mod secret;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use runtime::answer::Answer;
use runtime::clock::BootTime;
use tokio_util::sync::CancellationToken;

use crate::plan::facts::{
    Affinity, GuestAnswer, Machine, MachineList, Permissions, Quorum, ReadConfig, Region,
};

pub use secret::Secret;

/// How new a list of machines has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The one at hand. While somebody asks, it is renewed every 10 s; it is never older than 20 s.
    Current,
    /// Taken after this moment: somebody missed a machine in the list of that moment. At most one list per 2 s.
    NewerThan(BootTime),
}

/// How a region is doing, for readiness, metrics and people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether the last list of machines was answered; `None` before the first try ended.
    pub up: Option<bool>,
    /// Why the last try failed; `None` after one that did not.
    pub problem: Option<Arc<str>>,
    /// The version the region runs, as `9.0.3`; `None` until it told.
    pub version: Option<Arc<str>>,
    /// Machines in the last list that was answered.
    pub machines: usize,
}

/// The machines of one region, whoever keeps them.
///
/// Every method answers or fails within a bounded time (the limits of the region's settings); none of them panics or
/// blocks a thread. [`Source::run`] must be running for [`Source::machines`] to be answered.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync {
    /// The region this source speaks for.
    fn region(&self) -> &Region;

    /// Keeps the list of machines current until `stop`.
    async fn run(&self, stop: CancellationToken);

    /// The region's machines. `Unknown` when the region does not answer; never `Absent`.
    async fn machines(&self, freshness: Freshness) -> Answer<Arc<MachineList>>;

    /// The configuration of a machine, read once and kept until something hints at a change (§17.4).
    ///
    /// `Absent` when it has no configuration on its host and is in no later list either.
    async fn config(&self, machine: &Machine) -> Answer<ReadConfig>;

    /// What [`Source::config`] would answer without a request; `None` when it would have to send one.
    fn known_config(&self, machine: &Machine) -> Option<ReadConfig>;

    /// The next [`Source::config`] of this machine has to be read: the guest shows a hardware address that is not in it,
    /// or a deletion depends on it.
    fn forget_config(&self, vmid: u64);

    /// What runs inside the machine. One request, or two when the machine has moved meanwhile.
    async fn guest(&self, machine: &Machine) -> GuestAnswer;

    /// HA groups or affinity rules, asked for at most once per 60 s. Never `Absent`: no groups are an empty list.
    ///
    /// As with quorum and privileges, whoever stops waiting does not stop the request; its answer is kept for the others.
    async fn affinities(&self) -> Answer<Arc<[Affinity]>>;

    /// Whether the region may decide about itself, asked for at `since` or later.
    async fn quorum(&self, since: BootTime) -> Answer<Quorum>;

    /// What our credentials may do, asked for at `since` or later.
    async fn permissions(&self, since: BootTime) -> Answer<Permissions>;

    /// How the region is doing, as far as is known without asking.
    fn health(&self) -> Health;
}

/// All sources, by region. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Sources(Arc<BTreeMap<Region, Arc<dyn Source>>>);

impl Sources {
    /// These sources; of two with one region the later one stays (configuration refuses such files).
    #[must_use]
    pub fn new(sources: impl IntoIterator<Item = Arc<dyn Source>>) -> Self {
        Self(Arc::new(
            sources
                .into_iter()
                .map(|source| (source.region().clone(), source))
                .collect(),
        ))
    }

    /// The source of a region; `None` when it is not configured.
    #[must_use]
    pub fn get(&self, region: &Region) -> Option<&Arc<dyn Source>> {
        self.0.get(region)
    }

    /// All of them, by name of region.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Source>> {
        self.0.values()
    }
}
