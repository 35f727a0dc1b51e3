//! Pools taken by themselves.

use std::collections::BTreeMap;

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
    }
    unlabelled(snapshot, findings);
}

fn missing(snapshot: &Snapshot, pool: &PoolName, entry: &PoolEntry) -> Option<Finding> {
    let addresses: Vec<_> = snapshot
        .index()
        .addresses_of(pool)
        .map(|a| ObjectRef::address(&a.name))
        .collect();
    if entry.facts().is_some() || addresses.is_empty() {
        return None;
    }
    let referrers = counted(addresses.len(), "address refers", "addresses refer");
    let message = format!("the pool does not exist, but {referrers} to it");
    let remedy = "restore the pool, or delete the claims of these addresses";
    Some(
        Finding::new(Severity::Warning, FindingKind::MissingPool, pool, message)
            .remedy(remedy)
            .objects(addresses),
    )
}

fn unusable(pool: &PoolName, entry: &PoolEntry) -> Option<Finding> {
    let message = format!("nothing is allocated from the pool: {}", entry.unusable()?);
    Some(
        Finding::new(Severity::Error, FindingKind::UnusablePool, pool, message)
            .remedy("correct the spec of the pool"),
    )
}

/// One finding for each namespace. Cluster-scoped pools are never moved, with a label or without.
fn unlabelled(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let mut namespaces: BTreeMap<&str, Vec<ObjectRef>> = BTreeMap::new();
    for (pool, entry) in snapshot.index().pools() {
        let Some(namespace) = pool.namespace().filter(|_| entry.facts().is_some()) else {
            continue;
        };
        if snapshot.cluster_label(pool).is_none() {
            namespaces.entry(namespace).or_default().push(pool.into());
        }
    }
    for pools in namespaces.into_values() {
        let (verb, it) = if pools.len() == 1 {
            ("has", "it")
        } else {
            ("have", "them")
        };
        let count = counted(pools.len(), "pool", "pools");
        let message = format!(
            "{count} {verb} no label {}, so `clusterctl move` leaves {it} behind",
            names::CLUSTER_NAME
        );
        let remedy = "set the label to the cluster's name on pools that are to move with it";
        findings.push(
            Finding::of_several(Severity::Note, FindingKind::NoClusterLabel, message)
                .remedy(remedy)
                .objects(pools),
        );
    }
}

/// `1 address`, `2 addresses`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {many}")
    }
}
