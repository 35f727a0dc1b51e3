//! The one index: what the watches have shown, per pool, claim, address and cluster.
//!
//! Every watch event changes the index at once and names the keys that now have something to do ([`Wake`]); a decision
//! then reads only what it needs. No clock, no client, no lock in here: the caller brings the time and guards the
//! whole index with one mutex that is never held across an await.

mod apply;
mod entry;
mod journal;
mod promises;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
mod views;

use std::collections::HashMap;

pub use self::{
    entry::{PoolEntry, PoolSpec},
    promises::{Granted, Settled},
};
use super::{
    facts::{AddressFacts, ClaimFacts, ClusterFacts, ConditionHome, Scope},
    name::{ObjectName, PoolName},
};

/// What an event gave reason to look at, in order of occurrence and without duplicates being avoided: queues do that.
#[derive(Debug, Default)]
pub struct Wake {
    /// Claims with something to do.
    pub claims: Vec<ObjectName>,
    /// Pools with something to do: waiting claims, counts, finalizer.
    pub pools: Vec<PoolName>,
    /// Addresses that may have lost their claim.
    pub orphans: Vec<ObjectName>,
    /// Things a person should hear about, each once.
    pub notices: Vec<Notice>,
}

/// Something worth an event on a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Two `IPAddress` objects of one pool carry the same address.
    Duplicate {
        /// The pool.
        pool: PoolName,
        /// The later object.
        address: ObjectName,
    },
}

/// How this process sees the world; fixed while an index lives.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Which claims it serves.
    pub scope: Scope,
    /// Where claims keep their conditions.
    pub conditions: ConditionHome,
    /// Why global pools cannot be served, if they cannot (spec §16, `--namespace`).
    pub no_global_pools: Option<String>,
    /// Name under which this process signs reservations.
    pub holder: String,
}

/// A claim and what only memory knows of it.
#[derive(Clone, Debug)]
struct ClaimEntry {
    facts: ClaimFacts,
    /// When this process first saw it.
    seen: jiff::Timestamp,
    /// Address it had until its `IPAddress` vanished under it; preferred when it is allocated anew (spec §11.3).
    remembered: Option<u128>,
    refused: Option<super::claim::Refusal>,
    /// Refusals in a row, for the backoff.
    refusals: u32,
}

/// The index.
#[derive(Debug, Default)]
pub struct Index {
    settings: Settings,
    pools: HashMap<PoolName, PoolEntry>,
    /// Boxed, as are the addresses: a table of large values wastes its free places and doubles in one jump.
    claims: HashMap<ObjectName, Box<ClaimEntry>>,
    addresses: HashMap<ObjectName, Box<AddressFacts>>,
    clusters: HashMap<ObjectName, ClusterFacts>,
    /// Claims by the cluster they name.
    by_cluster: HashMap<ObjectName, std::collections::HashSet<ObjectName>>,
    /// Addresses that do not bear the name of the claim they answer, by that claim.
    by_claim: HashMap<ObjectName, std::collections::HashSet<ObjectName>>,
    /// Whether the watch on clusters has shown everything once.
    clusters_known: bool,
    /// Whether a list of all addresses has been begun.
    listed: bool,
}

impl Index {
    /// An empty index.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// How this index sees the world.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Every pool that exists or that something refers to.
    pub fn pools(&self) -> impl Iterator<Item = (&PoolName, &PoolEntry)> {
        self.pools.iter()
    }

    /// One pool.
    #[must_use]
    pub fn pool(&self, name: &PoolName) -> Option<&PoolEntry> {
        self.pools.get(name)
    }

    /// One claim.
    #[must_use]
    pub fn claim(&self, name: &ObjectName) -> Option<&ClaimFacts> {
        self.claims.get(name).map(|c| &c.facts)
    }

    /// When this process first saw a claim.
    #[must_use]
    pub fn first_seen(&self, name: &ObjectName) -> Option<jiff::Timestamp> {
        self.claims.get(name).map(|c| c.seen)
    }

    /// Every claim that refers to one of our pools.
    pub fn claims(&self) -> impl Iterator<Item = &ClaimFacts> {
        self.claims.values().map(|c| &c.facts)
    }

    /// One cluster.
    #[must_use]
    pub fn cluster(&self, name: &ObjectName) -> Option<&ClusterFacts> {
        self.clusters.get(name)
    }

    /// One address.
    #[must_use]
    pub fn address(&self, name: &ObjectName) -> Option<&AddressFacts> {
        self.addresses.get(name).map(AsRef::as_ref)
    }

    /// Every address the watch shows.
    pub fn addresses(&self) -> impl Iterator<Item = &AddressFacts> {
        self.addresses.values().map(AsRef::as_ref)
    }

    /// The in-use objects of a pool.
    pub fn addresses_of<'a>(&'a self, pool: &PoolName) -> impl Iterator<Item = &'a AddressFacts> {
        let members = self.pools.get(pool).map(|p| &p.members);
        members
            .into_iter()
            .flatten()
            .filter_map(|name| self.address(name))
    }
}
