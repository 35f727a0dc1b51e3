//! What is wrong with the pools of a cluster, found by looking only (`cadastre check`).
//!
//! | severity | meaning |
//! |---|---|
//! | error | somebody is harmed now, or stays without an address until a person acts |
//! | warning | may harm, or repairs itself only if a controller runs |
//! | note | worth knowing, nothing to repair |
//!
//! The kinds of findings with their severities are in [`FindingKind`]. The same objects give the same findings in the
//! same order. Cost: O(n log n) in the number of objects.

mod addresses;
mod claims;
mod finding;
mod overlap;
mod pools;

use serde::Serialize;

pub use self::finding::{Finding, FindingKind, Severity};
use super::snapshot::Snapshot;

/// The result of an audit. Field names are those of the JSON output and do not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// How much was found.
    pub summary: Summary,
    /// What could not be looked at, and why. With anything in here, silence proves nothing.
    pub not_looked_at: Vec<String>,
}

/// How much was found, and in how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Findings of severity error.
    pub errors: usize,
    /// Findings of severity warning.
    pub warnings: usize,
    /// Findings of severity note.
    pub notes: usize,
    /// Pools looked at.
    pub pools: usize,
    /// Claims of our pools looked at.
    pub claims: usize,
    /// Addresses looked at, of whatever pool.
    pub addresses: usize,
}

/// Audits everything in the snapshot. With a namespace only what concerns that is reported, which includes global pools.
#[must_use]
pub fn audit(snapshot: &Snapshot, namespace: Option<&str>) -> Audit {
    let mut findings = Vec::new();
    pools::check(snapshot, &mut findings);
    addresses::check(snapshot, &mut findings);
    overlap::check(snapshot, &mut findings);
    claims::check(snapshot, &mut findings);
    findings.retain(|finding| namespace.is_none_or(|namespace| finding.concerns(namespace)));
    findings.sort_by(|a, b| a.order().cmp(&b.order()));
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let index = snapshot.index();
    let summary = Summary {
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        notes: count(Severity::Note),
        pools: index.pools().filter(|(_, entry)| entry.facts().is_some()).count(),
        claims: index.claims().count(),
        addresses: index.addresses().count(),
    };
    Audit {
        findings,
        summary,
        not_looked_at: snapshot.gaps().to_vec(),
    }
}

#[cfg(test)]
mod tests;
