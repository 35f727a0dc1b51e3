//! What an audit reports.

use std::fmt;

use serde::Serialize;

use crate::plan::{
    name::PoolName,
    snapshot::{ObjectRef, PoolKey},
};

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Somebody is harmed now, or stays without an address until a person acts.
    Error,
    /// May harm, or repairs itself only if a controller runs.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// What was found. The names are those of the JSON output and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum FindingKind {
    /// Error: one address of a pool is held by several `IPAddress` objects.
    DuplicateAddress,
    /// Error: the spec of a pool cannot be used; nothing is allocated from it.
    UnusablePool,
    /// Error: `spec.address` of an `IPAddress` cannot be read; it reserves nothing.
    UnparsableAddress,
    /// A claim has no address. Error when nothing but a person, or a controller that does not run, can change that;
    /// warning while the pool is exhausted or the cluster missing; note while something is paused.
    ClaimWaiting,
    /// Warning: two pools can hand out the same address.
    OverlappingPools,
    /// Warning: one address is held from several pools.
    AddressInSeveralPools,
    /// Warning: an address in use is not part of its pool (any more).
    OutOfRange,
    /// Warning: an address carries our finalizer, but its claim does not exist.
    OrphanedAddress,
    /// Warning: an address of a claim lacks an owner reference, the finalizer or the cluster label.
    IncompleteAddress,
    /// Warning: addresses refer to a pool that does not exist.
    MissingPool,
    /// The deletion of a claim does not come to its end. Warning when a controller should have acted, note while
    /// something is paused.
    StuckDeletion,
    /// Note: an address is held by hand, without a claim.
    ManualReservation,
    /// Note: a namespaced pool without the cluster label is left behind by `clusterctl move`.
    NoClusterLabel,
}

impl FindingKind {
    /// Every kind, in the order they are reported within one severity.
    pub const ALL: [Self; 13] = [
        Self::DuplicateAddress,
        Self::UnusablePool,
        Self::UnparsableAddress,
        Self::ClaimWaiting,
        Self::OverlappingPools,
        Self::AddressInSeveralPools,
        Self::OutOfRange,
        Self::OrphanedAddress,
        Self::IncompleteAddress,
        Self::MissingPool,
        Self::StuckDeletion,
        Self::ManualReservation,
        Self::NoClusterLabel,
    ];
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

/// One finding. Field names are those of the JSON output and do not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How grave.
    pub severity: Severity,
    /// What.
    pub kind: FindingKind,
    /// The pool it concerns; null when it concerns several.
    pub pool: Option<PoolKey>,
    /// What is the case.
    pub message: String,
    /// What to do about it; empty when there is nothing to do.
    pub remedy: String,
    /// The objects it concerns, sorted: addresses, claims or pools.
    pub objects: Vec<ObjectRef>,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        kind: FindingKind,
        pool: &PoolName,
        message: impl Into<String>,
    ) -> Self {
        let pool = Some(pool.into());
        Self {
            severity,
            kind,
            pool,
            message: message.into(),
            remedy: String::new(),
            objects: Vec::new(),
        }
    }

    /// A finding about several pools.
    pub(super) fn of_several(severity: Severity, kind: FindingKind, message: String) -> Self {
        Self {
            severity,
            kind,
            pool: None,
            message,
            remedy: String::new(),
            objects: Vec::new(),
        }
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    pub(super) fn objects(mut self, objects: impl IntoIterator<Item = ObjectRef>) -> Self {
        self.objects = objects.into_iter().collect();
        self.objects.sort();
        self
    }

    /// Whether it says something about this namespace or about something that every namespace shares.
    pub(super) fn concerns(&self, namespace: &str) -> bool {
        let is_here = |n: &Option<String>| n.as_deref() == Some(namespace);
        let shared = self.pool.as_ref().is_some_and(|p| p.namespace.is_none()) && self.objects.is_empty();
        shared
            || self.pool.as_ref().is_some_and(|p| is_here(&p.namespace))
            || self.objects.iter().any(|o| is_here(&o.namespace))
    }

    pub(super) fn order(&self) -> impl Ord + '_ {
        (self.severity, self.kind, &self.pool, &self.objects, &self.message)
    }
}
