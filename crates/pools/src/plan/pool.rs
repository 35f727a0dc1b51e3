//! What a pool's status should say (spec §9, §18).

use api::{
    capi::READY,
    pool::{AddressCounts, Allocation, PoolStatus},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use runtime::conditions::{self, NewCondition};

use super::{
    facts::PoolFacts,
    index::{Index, PoolEntry},
    name::{ObjectName, PoolName},
};

/// Reason of the pool's `Ready` condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolReason {
    /// True: the spec can be used. Says nothing about free addresses; the counts do.
    PoolReady,
    /// False: the spec cannot be used; the message lists every problem.
    InvalidSpec,
}

impl PoolReason {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::PoolReady, Self::InvalidSpec];

    /// As written in the condition.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PoolReady => "PoolReady",
            Self::InvalidSpec => "InvalidSpec",
        }
    }
}

/// What to do next for a pool itself, apart from serving its claims (spec §13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextForPool {
    /// Nothing.
    Rest,
    /// Add our finalizer.
    AddFinalizer,
    /// It is deleted and unused: remove our finalizer.
    RemoveFinalizer,
    /// Serve waiting claims and keep the status up to date.
    Serve,
}

/// Decides the next step for a pool. Neither its paused annotation nor the watch filter matter here (spec §13).
#[must_use]
pub fn next(entry: &PoolEntry) -> NextForPool {
    match entry.facts() {
        None => NextForPool::Rest,
        Some(facts) if facts.deleting => {
            let done = facts.has_finalizer && entry.is_unused();
            if done {
                NextForPool::RemoveFinalizer
            } else {
                NextForPool::Rest
            }
        }
        Some(facts) if !facts.has_finalizer => NextForPool::AddFinalizer,
        Some(_) => NextForPool::Serve,
    }
}

/// The status to write, or `None` when the pool already says all of it.
///
/// The counts of a pool whose spec cannot be used stay as they are (spec §13 step 3).
#[must_use]
pub fn status(entry: &PoolEntry, journal: Option<Allocation>, now: Timestamp) -> Option<PoolStatus> {
    let facts = entry.facts()?;
    let counts = entry
        .ledger()
        .map_or(facts.counts, |ledger| Some(ledger.counts()));
    let mut conditions = facts.conditions.clone();
    let says_more = set_ready(&mut conditions, facts, entry.unusable(), now)
        || facts.observed_generation != Some(facts.generation);
    // Where the installed CRD keeps only counts, the rest would be news for ever.
    let news = counts != facts.counts || journal.is_some() || (says_more && !entry.journal_in_annotation());
    news.then(|| PoolStatus {
        ip_addresses: counts,
        conditions,
        observed_generation: Some(facts.generation),
        allocation: journal.or_else(|| facts.allocation.clone()),
    })
}

/// Puts our condition in order; says whether anything changed.
fn set_ready(list: &mut Vec<Condition>, facts: &PoolFacts, unusable: Option<&str>, now: Timestamp) -> bool {
    let reason = if unusable.is_none() {
        PoolReason::PoolReady
    } else {
        PoolReason::InvalidSpec
    };
    let ready = NewCondition {
        type_: READY.to_owned(),
        status: Some(unusable.is_none()),
        reason: reason.as_str().to_owned(),
        message: unusable.unwrap_or_default().to_owned(),
        observed_generation: Some(facts.generation),
    };
    conditions::set(list, ready, now)
}

impl Index {
    /// Waiting claims of a pool with nothing free that do not say so yet.
    #[must_use]
    pub fn unreported(&self, pool: &PoolName) -> Vec<ObjectName> {
        let exhausted = |entry: &&PoolEntry| entry.ledger().is_some_and(super::ledger::Ledger::is_exhausted);
        let Some(entry) = self.pool(pool).filter(exhausted) else {
            return Vec::new();
        };
        let says = |name: &ObjectName| {
            let ready = self.claim(name).and_then(|c| c.ready.as_ref());
            ready.and_then(|r| r.reason.as_deref()) == Some(api::capi::ReadyReason::PoolExhausted.as_str())
        };
        entry
            .waiting_claims()
            .filter(|name| !says(name))
            .cloned()
            .collect()
    }
}

/// Whether the counts changed in a way a person should hear about: the pool ran full, or holds addresses it does not
/// contain any more (spec §18).
#[must_use]
pub fn ran_full(before: Option<AddressCounts>, after: AddressCounts) -> bool {
    after.free == 0 && after.total > 0 && before.is_none_or(|b| b.free > 0)
}

/// See [`ran_full`].
#[must_use]
pub fn went_out_of_range(before: Option<AddressCounts>, after: AddressCounts) -> bool {
    after.out_of_range > before.map_or(0, |b| b.out_of_range)
}
