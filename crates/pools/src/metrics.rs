//! What is measured (spec §18).

use api::pool::PoolKind;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::plan::name::PoolName;

/// Labels that name a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PoolLabels {
    kind: String,
    namespace: String,
    name: String,
}

impl From<&PoolName> for PoolLabels {
    fn from(pool: &PoolName) -> Self {
        Self {
            kind: pool.kind().to_string(),
            namespace: pool.namespace().unwrap_or_default().to_owned(),
            name: pool.name().to_owned(),
        }
    }
}

/// Labels of one count of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CountLabels {
    kind: String,
    namespace: String,
    name: String,
    state: &'static str,
}

/// Why an allocation failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabels {
    /// Reason of the claim's condition.
    pub reason: &'static str,
}

/// Which kind of object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct KindLabels {
    /// Kind, as Kubernetes writes it.
    pub kind: &'static str,
}

/// The metrics of the pools.
#[derive(Clone, Debug)]
pub struct Metrics {
    addresses: Family<CountLabels, Gauge>,
    waiting: Family<PoolLabels, Gauge>,
    /// From the first sight of a claim to its `addressRef`, in seconds.
    pub allocation_seconds: Histogram,
    /// Claims bound.
    pub allocations: Counter,
    /// Addresses released.
    pub releases: Counter,
    /// Claims that were told why they get nothing.
    pub failures: Family<ReasonLabels, Counter>,
    /// Two objects of one pool with one address: an alarm if ever above zero.
    pub duplicates: Counter,
    /// States of objects that a watch showed and that could not be read.
    pub unreadable: Family<KindLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = [
            0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
        ];
        Self {
            addresses: Family::default(),
            waiting: Family::default(),
            allocation_seconds: Histogram::new(buckets),
            allocations: Counter::default(),
            releases: Counter::default(),
            failures: Family::default(),
            duplicates: Counter::default(),
            unreadable: Family::default(),
        }
    }
}

impl Metrics {
    /// Registers all of them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "ipam_pool_addresses",
            "Addresses of a pool by state: total, free, used, out_of_range",
            self.addresses.clone(),
        );
        registry.register(
            "ipam_pool_waiting_claims",
            "Claims waiting for an address",
            self.waiting.clone(),
        );
        registry.register(
            "ipam_claim_allocation_seconds",
            "Time from the first sight of a claim to its bound address",
            self.allocation_seconds.clone(),
        );
        registry.register("ipam_allocations", "Claims bound", self.allocations.clone());
        registry.register("ipam_releases", "Addresses released", self.releases.clone());
        registry.register(
            "ipam_allocation_failures",
            "Claims told why they get nothing",
            self.failures.clone(),
        );
        registry.register(
            "ipam_duplicate_addresses",
            "IPAddress objects that repeat an address of their pool",
            self.duplicates.clone(),
        );
        registry.register(
            "ipam_unreadable_objects",
            "States of objects that a watch showed and that could not be read",
            self.unreadable.clone(),
        );
        // From zero, so that an alert on its increase sees the first one too.
        let pools = PoolKind::ALL.map(PoolKind::kind);
        for kind in ["IPAddressClaim", "IPAddress", "Cluster"]
            .into_iter()
            .chain(pools)
        {
            drop(self.unreadable.get_or_create(&KindLabels { kind }));
        }
    }

    /// Enters the counts of a pool.
    pub fn set_pool(&self, pool: &PoolName, counts: api::pool::AddressCounts, waiting: usize) {
        for (state, value) in Self::states(counts) {
            self.addresses
                .get_or_create(&Self::count_labels(pool, state))
                .set(value);
        }
        self.waiting
            .get_or_create(&pool.into())
            .set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// Forgets a pool that is gone.
    pub fn remove_pool(&self, pool: &PoolName) {
        for (state, _) in Self::states(api::pool::AddressCounts::default()) {
            self.addresses.remove(&Self::count_labels(pool, state));
        }
        self.waiting.remove(&pool.into());
    }

    fn states(counts: api::pool::AddressCounts) -> [(&'static str, i64); 4] {
        [
            ("total", counts.total),
            ("free", counts.free),
            ("used", counts.used),
            ("out_of_range", counts.out_of_range),
        ]
    }

    fn count_labels(pool: &PoolName, state: &'static str) -> CountLabels {
        let PoolLabels {
            kind,
            namespace,
            name,
        } = pool.into();
        CountLabels {
            kind,
            namespace,
            name,
            state,
        }
    }
}
