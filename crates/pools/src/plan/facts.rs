//! What the index remembers of each object: only what a decision reads.
//!
//! Facts are made from wire objects in one place each ([`ClaimFacts::read`] and its siblings) and never changed.

mod address;

use api::{
    capi::{AnyCondition, Claim, Cluster, READY},
    meta::{has_finalizer, is_paused, label},
    names,
    pool::{AddressCounts, Allocation, Pool, PoolStatus},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, OwnerReference};

pub use self::address::AddressFacts;
use super::name::{ObjectName, PoolName};

/// Which object, and which state of it, a fact was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// UID: a re-created object of the same name is another object.
    pub uid: Box<str>,
    /// Opaque token for guarded writes.
    pub resource_version: Box<str>,
}

impl Version {
    fn read(meta: &ObjectMeta) -> Self {
        Self {
            uid: meta.uid.as_deref().unwrap_or_default().into(),
            resource_version: meta.resource_version.as_deref().unwrap_or_default().into(),
        }
    }

    /// Whether `self` is a state of the same object that is not older than `other`.
    ///
    /// Resource versions of one resource may be compared as numbers (Kubernetes 1.35, KEP-5504); if either is not a
    /// number, the newcomer wins.
    #[must_use]
    pub fn supersedes(&self, other: &Self) -> bool {
        match (
            self.resource_version.parse::<u64>(),
            other.resource_version.parse::<u64>(),
        ) {
            (Ok(new), Ok(old)) => new >= old,
            _ => true,
        }
    }
}

/// A claim that refers to one of our pools.
#[derive(Clone, Debug)]
pub struct ClaimFacts {
    /// Namespace and name.
    pub name: ObjectName,
    /// Identity and state.
    pub version: Version,
    /// `metadata.generation`.
    pub generation: i64,
    /// `metadata.creationTimestamp`; whole seconds.
    pub created: Timestamp,
    /// `metadata.deletionTimestamp`.
    pub deleting: Option<Timestamp>,
    /// When we first saw the deletion, by our clock (spec §11.6: tolerate skew).
    pub deletion_seen: Option<Timestamp>,
    /// Carries the paused annotation.
    pub paused: bool,
    /// Excluded by `--watch-filter` or `--namespace`.
    pub filtered_out: bool,
    /// Carries our finalizer.
    pub has_finalizer: bool,
    /// Finalizers of others, in order.
    pub other_finalizers: Box<[Box<str>]>,
    /// Value of the cluster label, possibly empty.
    pub cluster_label: Option<Box<str>>,
    /// The cluster it belongs to: `spec.clusterName`, else the label; empty counts as none (spec §11.3 step 4).
    pub cluster: Option<Box<str>>,
    /// The pool it draws from.
    pub pool: PoolName,
    /// `status.addressRef.name`, unless empty.
    pub bound_to: Option<Box<str>>,
    /// Its `Ready` condition as we would write it, wherever the version in use keeps it.
    pub ready: Option<Box<AnyCondition>>,
    /// The other conditions of the same list, to be written back untouched.
    pub other_conditions: Box<[AnyCondition]>,
}

impl ClaimFacts {
    /// Reads a claim; `None` when it is not ours (spec §11.1).
    #[must_use]
    pub fn read(claim: &Claim, scope: &Scope, conditions: ConditionHome) -> Option<Self> {
        let meta = &claim.metadata;
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        let pool = PoolName::of_claim(namespace, &claim.spec.pool_ref)?;
        let cluster_label: Option<Box<str>> = label(meta, names::CLUSTER_NAME).map(Into::into);
        let cluster = claim
            .spec
            .cluster_name
            .as_deref()
            .filter(|c| !c.is_empty())
            .or(cluster_label.as_deref().filter(|c| !c.is_empty()))
            .map(Into::into);
        let (ready, other_conditions) = split_conditions(claim, conditions);
        Some(Self {
            name: ObjectName::new(namespace, meta.name.as_deref().unwrap_or_default()),
            version: Version::read(meta),
            generation: meta.generation.unwrap_or_default(),
            created: meta
                .creation_timestamp
                .as_ref()
                .map_or(Timestamp::UNIX_EPOCH, |t| t.0),
            deleting: meta.deletion_timestamp.as_ref().map(|t| t.0),
            deletion_seen: None,
            paused: is_paused(meta),
            filtered_out: !scope.serves(meta),
            has_finalizer: has_finalizer(meta, names::RELEASE_ADDRESS),
            other_finalizers: others(meta, names::RELEASE_ADDRESS),
            cluster_label,
            cluster,
            pool,
            bound_to: claim
                .status
                .as_ref()
                .and_then(|s| s.address_ref.as_ref())
                .map(|r| r.name.as_str())
                .filter(|n| !n.is_empty())
                .map(Into::into),
            ready,
            other_conditions,
        })
    }

    /// The cluster label its address should carry (spec §12). An empty label names no cluster (spec §11.3 step 4), so it
    /// does not stand before `spec.clusterName`.
    #[must_use]
    pub fn address_label(&self) -> Option<&str> {
        let label = self.cluster_label.as_deref().filter(|label| !label.is_empty());
        label.or(self.cluster.as_deref())
    }
}

/// Which claims this process serves (spec §16: `--namespace`, `--watch-filter`).
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Only this namespace; `None` for all.
    pub namespace: Option<String>,
    /// Only claims whose watch-filter label has this value; `None` for all.
    pub watch_filter: Option<String>,
}

impl Scope {
    fn serves(&self, meta: &ObjectMeta) -> bool {
        let namespace = self
            .namespace
            .as_deref()
            .is_none_or(|n| meta.namespace.as_deref() == Some(n));
        let filter = self
            .watch_filter
            .as_deref()
            .is_none_or(|f| label(meta, names::WATCH_FILTER) == Some(f));
        namespace && filter
    }
}

/// Where a claim's conditions are kept in the API version in use (spec §18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ConditionHome {
    /// `status.conditions`, new style: `v1beta2`.
    #[default]
    Status,
    /// `status.v1beta2.conditions`, new style: `v1beta1` of Cluster API 1.10 and later.
    Nested,
    /// `status.conditions`, old style with severities: everything older.
    Old,
}

fn split_conditions(claim: &Claim, home: ConditionHome) -> (Option<Box<AnyCondition>>, Box<[AnyCondition]>) {
    let status = claim.status.as_ref();
    let list = match home {
        ConditionHome::Status | ConditionHome::Old => status.and_then(|s| s.conditions.as_ref()),
        ConditionHome::Nested => status
            .and_then(|s| s.v1beta2.as_ref())
            .and_then(|v| v.conditions.as_ref()),
    };
    let (ready, rest): (Vec<_>, Vec<_>) = list
        .into_iter()
        .flatten()
        .cloned()
        .partition(|c| c.type_ == READY);
    (ready.into_iter().next().map(Box::new), rest.into())
}

fn others(meta: &ObjectMeta, ours: &str) -> Box<[Box<str>]> {
    meta.finalizers
        .iter()
        .flatten()
        .filter(|f| *f != ours)
        .map(|f| f.as_str().into())
        .collect()
}

/// Whether an owner reference names this object of our group, in whatever version.
#[must_use]
pub fn is_reference(owner: &OwnerReference, kind: &str, name: &str) -> bool {
    let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
    group == names::GROUP && owner.kind == kind && owner.name == name
}

/// A pool, but for its spec, which lives in the ledger.
#[derive(Clone, Debug)]
pub struct PoolFacts {
    /// Identity and state.
    pub version: Version,
    /// `metadata.generation`.
    pub generation: i64,
    /// Carries the paused annotation.
    pub paused: bool,
    /// Terminating.
    pub deleting: bool,
    /// Carries our finalizer.
    pub has_finalizer: bool,
    /// Finalizers of others, in order.
    pub other_finalizers: Box<[Box<str>]>,
    /// Counts last written.
    pub counts: Option<AddressCounts>,
    /// Conditions last written.
    pub conditions: Vec<Condition>,
    /// `status.observedGeneration`.
    pub observed_generation: Option<i64>,
    /// The allocator's journal, from the status or, failing that, from the annotation.
    pub allocation: Option<Allocation>,
}

impl PoolFacts {
    /// Reads everything but the spec.
    #[must_use]
    pub fn read<S>(pool: &Pool<S>) -> Self {
        let meta = &pool.metadata;
        let status = pool.status.clone().unwrap_or_default();
        let PoolStatus {
            ip_addresses,
            conditions,
            observed_generation,
            allocation,
        } = status;
        Self {
            version: Version::read(meta),
            generation: meta.generation.unwrap_or_default(),
            paused: is_paused(meta),
            deleting: meta.deletion_timestamp.is_some(),
            has_finalizer: has_finalizer(meta, names::PROTECT_POOL),
            other_finalizers: others(meta, names::PROTECT_POOL),
            counts: ip_addresses,
            conditions,
            observed_generation,
            allocation: allocation.or_else(|| annotated_allocation(meta)),
        }
    }
}

/// The journal where the installed CRD prunes `status.allocation` (that of the provider we replace does).
fn annotated_allocation(meta: &ObjectMeta) -> Option<Allocation> {
    let text = meta.annotations.as_ref()?.get(names::ALLOCATION)?;
    serde_json::from_str(text).ok()
}

/// What matters of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterFacts {
    /// `spec.paused` or the annotation.
    pub paused: bool,
}

impl ClusterFacts {
    /// Reads a cluster.
    #[must_use]
    pub fn read(cluster: &Cluster) -> Self {
        Self {
            paused: cluster.is_paused(),
        }
    }
}

#[cfg(test)]
mod tests;
