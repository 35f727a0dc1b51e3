//! The cluster at one moment, from plain lists: what the commands of a person look at.
//!
//! It is the controllers' own [`Index`], so that a person sees what a decision sees, and beside it the few texts an
//! index has no use for ([`AddressNote`], cluster labels of pools).

mod pools;
mod refs;

use std::collections::{HashMap, HashSet};

use api::{
    capi::{Address, Claim, Cluster},
    meta::label,
    names,
    pool::{Pool, PoolKind},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub(crate) use self::pools::is_bound;
pub use self::{
    pools::{Exact, PoolRow, rows},
    refs::{ObjectRef, PoolKey},
};
use super::{
    facts::{AddressFacts, ClaimFacts, ClusterFacts, ConditionHome, PoolFacts, Scope},
    index::{Index, PoolSpec, Settings, Wake},
    name::{ObjectName, PoolName},
};

/// What an `IPAddress` says in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressNote {
    /// `spec.address` as written, whether it is an address or not.
    pub address: String,
    /// `spec.prefix`.
    pub prefix: Option<i64>,
    /// `spec.gateway`, unless empty.
    pub gateway: Option<String>,
    /// Finalizers, in order.
    pub finalizers: Vec<String>,
    /// Owners, in order.
    pub owners: Vec<Owner>,
}

/// An owner reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Kind of the owner.
    pub kind: String,
    /// Name of the owner.
    pub name: String,
    /// UID of the owner.
    pub uid: String,
    /// Whether it is the controlling owner.
    pub controller: bool,
}

/// The cluster at one moment. Fill it in this order: pools, clusters, claims, addresses.
#[derive(Debug)]
pub struct Snapshot {
    index: Index,
    taken: Timestamp,
    notes: HashMap<ObjectName, AddressNote>,
    cluster_labels: HashMap<PoolName, String>,
    foreign_claims: HashSet<ObjectName>,
    gaps: Vec<String>,
    wake: Wake,
}

impl Snapshot {
    /// An empty one. `conditions` says where claims keep theirs in the version that was listed.
    #[must_use]
    pub fn new(conditions: ConditionHome, taken: Timestamp) -> Self {
        let settings = Settings {
            scope: Scope::default(),
            conditions,
            ..Settings::default()
        };
        Self {
            index: Index::new(settings),
            taken,
            notes: HashMap::new(),
            cluster_labels: HashMap::new(),
            foreign_claims: HashSet::new(),
            gaps: Vec::new(),
            wake: Wake::default(),
        }
    }

    /// The index, as a controller that had just started would have it.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// When it was taken, by our clock.
    #[must_use]
    pub fn taken(&self) -> Timestamp {
        self.taken
    }

    /// The texts of an address.
    #[must_use]
    pub fn note(&self, address: &ObjectName) -> Option<&AddressNote> {
        self.notes.get(address)
    }

    /// The cluster label of a pool, unless absent or empty.
    #[must_use]
    pub fn cluster_label(&self, pool: &PoolName) -> Option<&str> {
        self.cluster_labels.get(pool).map(String::as_str)
    }

    /// Whether a claim of this name exists, be it ours or another provider's.
    #[must_use]
    pub fn has_claim(&self, name: &ObjectName) -> bool {
        self.index.claim(name).is_some() || self.foreign_claims.contains(name)
    }

    /// What could not be looked at, and why; everything else was.
    #[must_use]
    pub fn gaps(&self) -> &[String] {
        &self.gaps
    }

    /// Notes something that could not be looked at.
    pub fn add_gap(&mut self, what: String) {
        self.gaps.push(what);
    }

    /// Enters a pool.
    pub fn add_pool<S>(&mut self, kind: PoolKind, pool: &Pool<S>, spec: PoolSpec) {
        let (namespace, name) = names_of(&pool.metadata);
        let name = PoolName::new(kind, namespace, name);
        if let Some(cluster) = label(&pool.metadata, names::CLUSTER_NAME).filter(|l| !l.is_empty()) {
            self.cluster_labels.insert(name.clone(), cluster.to_owned());
        }
        self.index
            .apply_pool(&name, PoolFacts::read(pool), spec, self.taken, &mut self.wake);
        self.forget_wakes();
    }

    /// Enters all clusters there are. Not calling it means that clusters could not be read.
    pub fn add_clusters<'a>(&mut self, clusters: impl IntoIterator<Item = &'a Cluster>) {
        for cluster in clusters {
            let (namespace, name) = names_of(&cluster.metadata);
            let name = ObjectName::new(namespace, name);
            self.index
                .apply_cluster(&name, ClusterFacts::read(cluster), self.taken, &mut self.wake);
        }
        self.index.set_clusters_known(true, self.taken, &mut self.wake);
        self.forget_wakes();
    }

    /// Enters a claim. Says whether it refers to one of our pools; others are only remembered by name.
    pub fn add_claim(&mut self, claim: &Claim) -> bool {
        let settings = self.index.settings();
        let facts = ClaimFacts::read(claim, &settings.scope, settings.conditions);
        let is_ours = facts.is_some();
        match facts {
            Some(facts) => self.index.apply_claim(facts, self.taken, &mut self.wake),
            None => {
                let (namespace, name) = names_of(&claim.metadata);
                self.foreign_claims.insert(ObjectName::new(namespace, name));
            }
        }
        self.forget_wakes();
        is_ours
    }

    /// Enters an address.
    pub fn add_address(&mut self, address: &Address) {
        let facts = AddressFacts::read(address);
        self.notes.insert(facts.name.clone(), note(address));
        self.index.apply_address(facts, self.taken, &mut self.wake);
        self.forget_wakes();
    }

    /// Takes an address out that a later look did not find.
    pub fn remove_address(&mut self, name: &ObjectName) {
        self.notes.remove(name);
        self.index.delete_address(name, self.taken, &mut self.wake);
        self.forget_wakes();
    }

    /// Nobody is to be woken by a snapshot.
    fn forget_wakes(&mut self) {
        self.wake = Wake::default();
    }
}

/// Namespace and name.
fn names_of(meta: &ObjectMeta) -> (&str, &str) {
    (
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default(),
    )
}

fn note(address: &Address) -> AddressNote {
    let meta = &address.metadata;
    let owners = meta.owner_references.iter().flatten().map(|o| Owner {
        kind: o.kind.clone(),
        name: o.name.clone(),
        uid: o.uid.clone(),
        controller: o.controller == Some(true),
    });
    AddressNote {
        address: address.spec.address.clone(),
        prefix: address.spec.prefix,
        gateway: address.spec.gateway.clone().filter(|g| !g.is_empty()),
        finalizers: meta.finalizers.clone().unwrap_or_default(),
        owners: owners.collect(),
    }
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
