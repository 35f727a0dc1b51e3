//! The rules a claim goes through, and which of them an answer of the plan comes from.

use std::fmt;

use api::capi::ReadyReason;
use serde::Serialize;

use crate::plan::claim::{Next, PoolView, Promise, View, Waits};

/// The questions [`claim::next`](crate::plan::claim::next) asks, in its order (spec §11.3, §11.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Rule {
    /// Does the claim refer to one of our pools?
    Ours,
    /// Does this instance serve it?
    WatchFilter,
    /// Is it paused?
    ClaimPaused,
    /// Does its cluster exist, and is it paused?
    Cluster,
    /// Does it carry our finalizer?
    Finalizer,
    /// Does its pool exist?
    Pool,
    /// Is its pool paused?
    PoolPaused,
    /// Is it being deleted, and is its grace period over?
    Deletion,
    /// Is there an address of its name, and may it have that?
    ExistingAddress,
    /// Is an allocation for it on its way?
    InFlight,
    /// Is its pool being deleted?
    PoolDeletion,
    /// Can the spec of its pool be used?
    PoolSpec,
    /// Was a create refused a short while ago?
    Refusal,
    /// Is something free, or promised to it?
    Capacity,
}

impl Rule {
    /// All rules, in the order they are asked.
    pub const ALL: [Self; 14] = [
        Self::Ours,
        Self::WatchFilter,
        Self::ClaimPaused,
        Self::Cluster,
        Self::Finalizer,
        Self::Pool,
        Self::PoolPaused,
        Self::Deletion,
        Self::ExistingAddress,
        Self::InFlight,
        Self::PoolDeletion,
        Self::PoolSpec,
        Self::Refusal,
        Self::Capacity,
    ];

    /// For people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Ours => "pool of ours",
            Self::WatchFilter => "watch filter",
            Self::ClaimPaused => "claim paused",
            Self::Cluster => "cluster",
            Self::Finalizer => "finalizer",
            Self::Pool => "pool",
            Self::PoolPaused => "pool paused",
            Self::Deletion => "deletion",
            Self::ExistingAddress => "existing address",
            Self::InFlight => "in flight",
            Self::PoolDeletion => "pool deletion",
            Self::PoolSpec => "pool spec",
            Self::Refusal => "refusal",
            Self::Capacity => "capacity",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// How a rule answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It does not stand in the way.
    Passed,
    /// The next step follows from it.
    Decides,
    /// An earlier rule decided.
    NotReached,
}

impl Verdict {
    pub(super) fn of(rule: Rule, decider: Rule) -> Self {
        match rule.cmp(&decider) {
            std::cmp::Ordering::Less => Self::Passed,
            std::cmp::Ordering::Equal => Self::Decides,
            std::cmp::Ordering::Greater => Self::NotReached,
        }
    }
}

/// The rule that `next`, the plan's answer to `view`, comes from.
pub(super) fn decider(view: &View<'_>, next: &Next) -> Rule {
    match next {
        Next::AddFinalizer => Rule::Finalizer,
        Next::ConfirmClusterAbsent => Rule::Cluster,
        Next::ConfirmPoolAbsent => Rule::Pool,
        Next::Release | Next::RemoveFinalizer => Rule::Deletion,
        Next::Adopt => Rule::ExistingAddress,
        Next::Bind => address_or_promise(view),
        Next::Create => in_flight_or_capacity(view, Promise::Unsettled),
        Next::Report(reason, _) => reported(view, *reason),
        Next::Rest(waits) => match waits {
            Waits::FilteredOut => Rule::WatchFilter,
            Waits::ClaimPaused => Rule::ClaimPaused,
            Waits::ClusterMissing | Waits::ClusterPaused | Waits::ClusterUnknown => Rule::Cluster,
            Waits::Gone => Rule::Finalizer,
            Waits::PoolPaused => Rule::PoolPaused,
            Waits::Grace(_) | Waits::Doubt(_) => Rule::Deletion,
            Waits::Bound => address_or_promise(view),
            Waits::Queue => in_flight_or_capacity(view, Promise::Planned),
            Waits::Reported(reason) => reported(view, *reason),
            Waits::Backoff(_) => Rule::Refusal,
        },
    }
}

fn address_or_promise(view: &View<'_>) -> Rule {
    if view.address.is_some() {
        Rule::ExistingAddress
    } else {
        Rule::InFlight
    }
}

fn in_flight_or_capacity(view: &View<'_>, early: Promise) -> Rule {
    if view.promise == Some(early) {
        Rule::InFlight
    } else {
        Rule::Capacity
    }
}

fn reported(view: &View<'_>, reason: ReadyReason) -> Rule {
    match (reason, view.pool) {
        (ReadyReason::PoolNotReady, PoolView::Known { facts, .. }) if facts.deleting => Rule::PoolDeletion,
        (ReadyReason::PoolNotReady, PoolView::Known { .. }) => Rule::PoolSpec,
        (ReadyReason::PoolNotReady, PoolView::Absent | PoolView::Forbidden(_)) => Rule::Pool,
        (ReadyReason::AllocationFailed, _) if view.address.is_some() => Rule::ExistingAddress,
        (ReadyReason::AllocationFailed, _) => Rule::Refusal,
        (ReadyReason::PoolExhausted | ReadyReason::AddressAllocated, _) => Rule::Capacity,
    }
}
