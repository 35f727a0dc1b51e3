//! One line per pool: how full it is and who waits.

use std::collections::HashMap;

use serde::Serialize;

use super::{PoolKey, Snapshot};
use crate::plan::{
    facts::ClaimFacts,
    index::{Index, PoolEntry},
    name::{ObjectName, PoolName},
};

/// How full a pool is. Field names are those of the JSON output and do not change.
///
/// Counts are those of spec §9, taken from the objects and not from the pool's status; like there they are plain
/// numbers that stop at 2^63 - 1. Unit: addresses, or prefixes for prefix pools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolRow {
    /// `kind`, `namespace` (null for the global kinds) and `name`.
    #[serde(flatten)]
    pub pool: PoolKey,
    /// What the pool may hand out; null when its spec cannot be used.
    pub total: Option<i64>,
    /// `IPAddress` objects that refer to the pool.
    pub used: i64,
    /// What nobody uses; null when the spec cannot be used.
    pub free: Option<i64>,
    /// Claims that are neither bound, paused nor being deleted.
    pub waiting: u64,
    /// In use but not part of the pool; null when the spec cannot be used.
    pub out_of_range: Option<i64>,
    /// The pool carries the paused annotation.
    pub paused: bool,
    /// The pool is being deleted.
    pub deleting: bool,
    /// Why the spec cannot be used; null when it can.
    pub problem: Option<String>,
    /// The counts that may not fit, for people.
    #[serde(skip)]
    pub exact: Option<Exact>,
}

/// Counts that do not stop at 2^63 - 1, but at 2^128 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    /// See [`PoolRow::total`].
    pub total: u128,
    /// See [`PoolRow::free`].
    pub free: u128,
}

/// One row for each pool that exists, sorted by kind, namespace and name. With a namespace: its pools and the global
/// ones. Cost: O(pools + claims).
#[must_use]
pub fn rows(snapshot: &Snapshot, namespace: Option<&str>) -> Vec<PoolRow> {
    let index = snapshot.index();
    let mut waiting: HashMap<&PoolName, u64> = HashMap::new();
    for claim in index.claims().filter(|claim| is_waiting(index, claim)) {
        *waiting.entry(&claim.pool).or_default() += 1;
    }
    let is_asked_for =
        |pool: &PoolName| namespace.is_none() || pool.namespace().is_none() || pool.namespace() == namespace;
    let mut pools: Vec<_> = index.pools().filter(|(name, _)| is_asked_for(name)).collect();
    pools.sort_by_key(|(name, _)| *name);
    pools
        .into_iter()
        .filter_map(|(name, entry)| row(index, name, entry, waiting.get(name).copied().unwrap_or_default()))
        .collect()
}

/// Waiting as the specification defines it (spec §1): not deleting, not paused, not bound.
pub(crate) fn is_waiting(index: &Index, claim: &ClaimFacts) -> bool {
    claim.deleting.is_none() && !claim.paused && !is_bound(index, claim)
}

/// Bound as the specification defines it (spec §1): it names an address, and that exists.
pub(crate) fn is_bound(index: &Index, claim: &ClaimFacts) -> bool {
    let bound_to = claim
        .bound_to
        .as_deref()
        .map(|name| ObjectName::new(claim.name.namespace(), name));
    bound_to.is_some_and(|address| index.address(&address).is_some())
}

fn row(index: &Index, name: &PoolName, entry: &PoolEntry, waiting: u64) -> Option<PoolRow> {
    let facts = entry.facts()?;
    let counts = entry
        .ledger()
        .map(|ledger| (ledger.counts(), ledger.domain().total()));
    let objects = || i64::try_from(index.addresses_of(name).count()).unwrap_or(i64::MAX);
    Some(PoolRow {
        pool: name.into(),
        total: counts.map(|(c, _)| c.total),
        used: counts.map_or_else(objects, |(c, _)| c.used),
        free: counts.map(|(c, _)| c.free),
        waiting,
        out_of_range: counts.map(|(c, _)| c.out_of_range),
        paused: facts.paused,
        deleting: facts.deleting,
        problem: entry.unusable().map(str::to_owned),
        exact: counts.map(|(c, total)| Exact {
            total,
            free: total.saturating_sub(taken(c.total, c.free)),
        }),
    })
}

/// Slots in use: the difference is exact even where both numbers stop at 2^63 - 1, since `free` is computed from it.
fn taken(total: i64, free: i64) -> u128 {
    u128::try_from(total.saturating_sub(free)).unwrap_or(0)
}
