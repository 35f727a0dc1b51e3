//! Pools taken by themselves.

use api::names;

use super::{Finding, FindingKind, Severity};
use crate::plan::{
    index::PoolEntry,
    name::PoolName,
    snapshot::{ObjectRef, Snapshot},
};

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for (pool, entry) in snapshot.index().pools() {
        findings.extend(missing(snapshot, pool, entry));
        findings.extend(unusable(pool, entry));
        findings.extend(unlabelled(snapshot, pool, entry));
    }
}

fn missing(snapshot: &Snapshot, pool: &PoolName, entry: &PoolEntry) -> Option<Finding> {
    let addresses: Vec<_> = snapshot.index().addresses_of(pool).map(|a| ObjectRef::address(&a.name)).collect();
    if entry.facts().is_some() || addresses.is_empty() {
        return None;
    }
    let message = format!("the pool does not exist, but {} refer to it", counted(addresses.len(), "address", "addresses"));
    let remedy = "restore the pool, or delete the claims of these addresses";
    Some(Finding::new(Severity::Warning, FindingKind::MissingPool, pool, message).remedy(remedy).objects(addresses))
}

fn unusable(pool: &PoolName, entry: &PoolEntry) -> Option<Finding> {
    let message = format!("nothing is allocated from the pool: {}", entry.unusable()?);
    Some(Finding::new(Severity::Error, FindingKind::UnusablePool, pool, message).remedy("correct the spec of the pool"))
}

/// Cluster-scoped pools are never moved, with a label or without.
fn unlabelled(snapshot: &Snapshot, pool: &PoolName, entry: &PoolEntry) -> Option<Finding> {
    let is_affected = entry.facts().is_some() && pool.namespace().is_some() && snapshot.cluster_label(pool).is_none();
    let message = format!("the pool has no label {}, so `clusterctl move` leaves it behind", names::CLUSTER_NAME);
    let remedy = "set the label to the cluster's name if the pool is to move with it";
    is_affected.then(|| Finding::new(Severity::Note, FindingKind::NoClusterLabel, pool, message).remedy(remedy))
}

/// `1 address`, `2 addresses`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}
