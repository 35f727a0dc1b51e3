//! The addresses of each pool.

use std::collections::BTreeMap;

use addr::{AddrRange, Prefix};

use super::{Finding, FindingKind, Severity, pools::counted};
use crate::plan::{
    domain::Domain,
    facts::{AddressFacts, ClaimFacts, PoolFacts},
    name::{ObjectName, PoolName},
    orphan::{self, Suspicion},
    snapshot::{ObjectRef, Snapshot},
};

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for (pool, entry) in snapshot.index().pools() {
        let mut addresses: Vec<_> = snapshot.index().addresses_of(pool).collect();
        addresses.sort_by(|a, b| a.name.cmp(&b.name));
        let audit = PoolAudit {
            snapshot,
            pool,
            addresses,
        };
        audit.unparsable(findings);
        audit.duplicates(findings);
        audit.orphans(findings);
        audit.manual(findings);
        if let Some(ledger) = entry.ledger() {
            audit.out_of_range(ledger.domain(), findings);
        }
        if let Some(facts) = entry.facts() {
            audit.incomplete(facts, findings);
        }
    }
}

/// What an address holds, as a range: itself, or its prefix in a prefix pool. `None` when it holds nothing.
pub(super) fn range_of(pool: &PoolName, address: &AddressFacts) -> Option<AddrRange> {
    let base = address.held.address?;
    if !pool.kind().is_prefix() {
        return Some(AddrRange::single(base));
    }
    (base.is_ipv6())
        .then(|| Prefix::new_masked(base, address.held.prefix?).ok())
        .flatten()
        .map(|p| p.range())
}

/// Groups of ranges of which each touches another one. Ranges must be single addresses or prefixes: then two of them
/// either nest or do not touch, and one pass over them in order is enough.
pub(super) fn touching<T: Copy>(mut ranges: Vec<(AddrRange, T)>) -> Vec<(AddrRange, Vec<T>)> {
    ranges.sort_by(|(a, _), (b, _)| a.first().cmp(&b.first()).then(b.last().cmp(&a.last())));
    let mut groups: Vec<(AddrRange, Vec<T>)> = Vec::new();
    for (range, item) in ranges {
        match groups.last_mut() {
            Some((outer, items)) if outer.covers(range) => items.push(item),
            _ => groups.push((range, vec![item])),
        }
    }
    groups.retain(|(_, items)| items.len() > 1);
    groups
}

struct PoolAudit<'a> {
    snapshot: &'a Snapshot,
    pool: &'a PoolName,
    addresses: Vec<&'a AddressFacts>,
}

impl PoolAudit<'_> {
    fn unparsable(&self, findings: &mut Vec<Finding>) {
        for address in self.addresses.iter().filter(|a| range_of(self.pool, a).is_none()) {
            let text = self.text(address);
            let what = if self.pool.kind().is_prefix() {
                "IPv6 prefix"
            } else {
                "address"
            };
            let message = format!("`{text}` is no {what}, so it reserves nothing");
            let remedy = "delete the IPAddress (its spec cannot be changed) and let its claim be served anew";
            findings.push(self.finding(
                Severity::Error,
                FindingKind::UnparsableAddress,
                message,
                remedy,
                [address],
            ));
        }
    }

    fn duplicates(&self, findings: &mut Vec<Finding>) {
        let ranges = self
            .addresses
            .iter()
            .filter_map(|a| Some((range_of(self.pool, a)?, *a)))
            .collect();
        for (range, holders) in touching(ranges) {
            let message = format!("{} is held {} times", shown(range), holders.len());
            let remedy = "delete all but one of the claims, or give their machines new addresses";
            findings.push(self.finding(
                Severity::Error,
                FindingKind::DuplicateAddress,
                message,
                remedy,
                &holders,
            ));
        }
    }

    fn orphans(&self, findings: &mut Vec<Finding>) {
        let is_orphan = |a: &&&AddressFacts| !self.snapshot.has_claim(&claim_of(a));
        let (mut orphans, mut kept) = (Vec::new(), Vec::new());
        for address in self.addresses.iter().filter(is_orphan) {
            match orphan::suspect(self.snapshot.index(), address) {
                Suspicion::None => {}
                Suspicion::Orphan { .. } => orphans.push(*address),
                Suspicion::Deferred => kept.push(*address),
            }
        }
        let lost = |n| {
            let lost = counted(n, "address", "addresses");
            format!("the claim of {lost} does not exist")
        };
        findings.extend(self.group(
            Severity::Warning,
            FindingKind::OrphanedAddress,
            &orphans,
            lost(orphans.len()),
            "the controller releases them after its orphan delay; with the provider it replaces, remove the finalizer \
             ProtectAddress and delete them",
        ));
        findings.extend(self.group(
            Severity::Warning,
            FindingKind::OrphanedAddress,
            &kept,
            format!(
                "{}, and their pool or cluster is paused or missing",
                lost(kept.len())
            ),
            "unpause or restore it; the controller releases them then",
        ));
    }

    /// Addresses without a claim that are not orphans: made by hand, never touched (spec §11.8).
    fn manual(&self, findings: &mut Vec<Finding>) {
        let is_manual = |a: &&&AddressFacts| {
            let is_claimed = self.snapshot.has_claim(&claim_of(a));
            let is_claimed = is_claimed || orphan::serves_its_namesake(self.snapshot.index(), a);
            !is_claimed && orphan::suspect(self.snapshot.index(), a) == Suspicion::None
        };
        let manual: Vec<_> = self.addresses.iter().filter(is_manual).copied().collect();
        let held = counted(manual.len(), "address is", "addresses are");
        findings.extend(self.group(
            Severity::Note,
            FindingKind::ManualReservation,
            &manual,
            format!("{held} held without a claim"),
            "nothing, if they are meant as reservations; else delete them",
        ));
    }

    fn out_of_range(&self, domain: &Domain, findings: &mut Vec<Finding>) {
        let is_outside = |a: &&&AddressFacts| {
            let note = self.snapshot.note(&a.name);
            let slot = note.and_then(|note| domain.slot_in_use(&note.address, note.prefix));
            range_of(self.pool, a).is_some() && !slot.is_some_and(|slot| domain.slots.contains(slot))
        };
        let outside: Vec<_> = self.addresses.iter().filter(is_outside).copied().collect();
        let used = counted(outside.len(), "address is", "addresses are");
        findings.extend(self.group(
            Severity::Warning,
            FindingKind::OutOfRange,
            &outside,
            format!("{used} in use but not part of the pool"),
            "add them to the pool, or replace the machines that use them",
        ));
    }

    /// Grouped by what is missing, so that a migrated cluster gives one finding and not a thousand.
    fn incomplete(&self, pool: &PoolFacts, findings: &mut Vec<Finding>) {
        let mut groups: BTreeMap<String, Vec<&AddressFacts>> = BTreeMap::new();
        for address in &self.addresses {
            let claim = self
                .snapshot
                .index()
                .claim(&address.name)
                .filter(|c| c.pool == *self.pool);
            let lacks = claim
                .map(|claim| missing_parts(address, claim, pool))
                .unwrap_or_default();
            if !lacks.is_empty() {
                groups.entry(lacks.join(", ")).or_default().push(address);
            }
        }
        for (lacks, addresses) in groups {
            let message = format!(
                "{} without {lacks}",
                counted(addresses.len(), "address", "addresses")
            );
            let remedy = "a running controller adds what is missing";
            findings.push(self.finding(
                Severity::Warning,
                FindingKind::IncompleteAddress,
                message,
                remedy,
                &addresses,
            ));
        }
    }

    /// One finding for all of them, if there are any.
    fn group(
        &self,
        severity: Severity,
        kind: FindingKind,
        addresses: &[&AddressFacts],
        message: String,
        remedy: &str,
    ) -> Option<Finding> {
        (!addresses.is_empty()).then(|| self.finding(severity, kind, message, remedy, addresses))
    }

    fn finding<'f>(
        &self,
        severity: Severity,
        kind: FindingKind,
        message: String,
        remedy: &str,
        addresses: impl IntoIterator<Item = &'f &'f AddressFacts>,
    ) -> Finding {
        let objects = addresses.into_iter().map(|a| ObjectRef::address(&a.name));
        Finding::new(severity, kind, self.pool, message)
            .remedy(remedy)
            .objects(objects)
    }

    fn text(&self, address: &AddressFacts) -> String {
        let Some(note) = self.snapshot.note(&address.name) else {
            return String::new();
        };
        match note.prefix.filter(|_| self.pool.kind().is_prefix()) {
            Some(prefix) => format!("{}/{prefix}", note.address),
            None => note.address.clone(),
        }
    }
}

/// The claim an address answers.
fn claim_of(address: &AddressFacts) -> ObjectName {
    ObjectName::new(address.name.namespace(), &address.claim)
}

/// What spec §12 wants of an address and this one lacks. Empty exactly when the plan would not adopt it; a test holds
/// both together.
pub(super) fn missing_parts(
    address: &AddressFacts,
    claim: &ClaimFacts,
    pool: &PoolFacts,
) -> Vec<&'static str> {
    let claim_owns =
        address.has_other_controller || address.claim_owner.as_deref() == Some(&*claim.version.uid);
    let pool_owns = address.pool_owner.as_deref() == Some(&*pool.version.uid);
    let label = claim.cluster_label.as_deref().filter(|l| !l.is_empty());
    let labelled = label.is_none() || address.cluster_label.as_deref() == label;
    let protected = address.has_finalizer || address.deleting;
    let parts = [
        (claim_owns, "an owner reference to its claim"),
        (pool_owns, "an owner reference to its pool"),
        (labelled, "the label of its cluster"),
        (protected, "the finalizer ProtectAddress"),
    ];
    parts
        .into_iter()
        .filter(|(there, _)| !there)
        .map(|(_, part)| part)
        .collect()
}

/// An address, or a prefix.
pub(super) fn shown(range: AddrRange) -> String {
    match range.as_prefix() {
        _ if range.first() == range.last() => range.first().to_string(),
        Some(prefix) => prefix.to_string(),
        None => range.to_string(),
    }
}
