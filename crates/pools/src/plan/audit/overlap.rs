//! Pools that share addresses.
//!
//! Allowed, since two pools may serve networks that never meet; a common cause of two nodes with one address otherwise
//! (upstream issues #64, #272).

use std::collections::{BTreeMap, BTreeSet};

use addr::{AddrRange, AddrSet};

use super::{
    Finding, FindingKind, Severity,
    addresses::{range_of, shown, touching},
};
use crate::plan::{
    name::PoolName,
    snapshot::{ObjectRef, Snapshot},
};

/// Ranges worth repeating in a message.
const SHOWN: usize = 3;

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for (pools, shared) in overlaps(snapshot) {
        let message = format!(
            "{} pools can hand out the same addresses: {}",
            pools.len(),
            brief(&shared)
        );
        let remedy = "exclude them in all pools but one, unless the pools serve networks that never meet";
        findings.push(several(
            FindingKind::OverlappingPools,
            message,
            remedy,
            pools.into_iter().map(ObjectRef::from),
        ));
    }
    for (range, holders) in held_from_several(snapshot) {
        let pools: BTreeSet<String> = holders.iter().map(|(pool, _)| pool.to_string()).collect();
        let pools: Vec<_> = pools.into_iter().collect();
        let message = format!(
            "{} is held from {} pools: {}",
            shown(range),
            pools.len(),
            pools.join(", ")
        );
        let remedy = "delete all but one of the claims, unless the pools serve networks that never meet";
        findings.push(several(
            FindingKind::AddressInSeveralPools,
            message,
            remedy,
            holders.into_iter().map(|(_, address)| address),
        ));
    }
}

fn several(
    kind: FindingKind,
    message: String,
    remedy: &str,
    objects: impl Iterator<Item = ObjectRef>,
) -> Finding {
    Finding::of_several(Severity::Warning, kind, message)
        .remedy(remedy)
        .objects(objects)
}

/// Sets of pools that are connected by overlaps, each with what more than one of them contains.
///
/// One pass over all ranges in order: cost O(n log n) in the number of ranges, however many pools are alike.
fn overlaps(snapshot: &Snapshot) -> Vec<(Vec<&PoolName>, AddrSet)> {
    let mut pools: Vec<&PoolName> = Vec::new();
    let mut ranges: Vec<(AddrRange, usize)> = Vec::new();
    for (name, entry) in snapshot.index().pools() {
        let Some(ledger) = entry.ledger() else { continue };
        ranges.extend(
            ledger
                .domain()
                .addresses()
                .ranges()
                .map(|range| (range, pools.len())),
        );
        pools.push(name);
    }
    ranges.sort_unstable();
    let mut groups = Groups::new(pools.len());
    let mut shared: Vec<(usize, AddrRange)> = Vec::new();
    // The range seen so far that reaches furthest: what begins before its end overlaps it.
    let mut furthest: Option<(AddrRange, usize)> = None;
    for (range, pool) in ranges {
        let Some((before, other)) = furthest else {
            furthest = Some((range, pool));
            continue;
        };
        // Ranges of one pool are disjoint, so an overlap is always one between two pools.
        if let Some(common) = before.intersection(range) {
            groups.join(other, pool);
            shared.push((pool, common));
        }
        if range.last() > before.last() || range.family() != before.family() {
            furthest = Some((range, pool));
        }
    }
    let mut found: BTreeMap<usize, (Vec<&PoolName>, AddrSet)> = BTreeMap::new();
    for (pool, common) in shared {
        found.entry(groups.root(pool)).or_default().1.insert(common);
    }
    for (number, name) in pools.into_iter().enumerate() {
        if let Some((members, _)) = found.get_mut(&groups.root(number)) {
            members.push(name);
        }
    }
    found.into_values().collect()
}

/// Which pools are connected: a forest in which each pool knows one pool of its group.
struct Groups(Vec<usize>);

impl Groups {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut pool: usize) -> usize {
        while self.0[pool] != pool {
            self.0[pool] = self.0[self.0[pool]];
            pool = self.0[pool];
        }
        pool
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other)] = one.min(other);
    }
}

/// Addresses and prefixes in use that touch each other and count for different pools.
fn held_from_several(snapshot: &Snapshot) -> Vec<(AddrRange, Vec<(&PoolName, ObjectRef)>)> {
    let mut held = Vec::new();
    for address in snapshot.index().addresses() {
        let Some(pool) = address.pool.as_ref() else {
            continue;
        };
        held.extend(range_of(pool, address).map(|range| (range, (pool, &address.name))));
    }
    let mut groups = touching(held);
    groups.retain(|(_, holders)| holders.iter().any(|(pool, _)| *pool != holders[0].0));
    let named = |(range, holders): (AddrRange, Vec<(_, _)>)| {
        (
            range,
            holders
                .into_iter()
                .map(|(pool, name)| (pool, ObjectRef::address(name)))
                .collect(),
        )
    };
    groups.into_iter().map(named).collect()
}

fn brief(set: &AddrSet) -> String {
    let some: Vec<String> = set.ranges().take(SHOWN).map(shown).collect();
    match set.range_count().saturating_sub(SHOWN) {
        0 => some.join(", "),
        more => format!("{} and {more} more ranges", some.join(", ")),
    }
}
