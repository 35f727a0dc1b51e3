//! Addresses whose claim is gone (spec §11.8).

use super::{
    facts::AddressFacts,
    index::Index,
    name::{ObjectName, PoolName},
};

/// What to think of an address without a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// It has a claim, is not ours, or is a manual reservation: nothing to do.
    None,
    /// It may be an orphan, but its pool or cluster is paused or missing: look again later.
    Deferred,
    /// It looks like an orphan; a live read of its claim must confirm that.
    Orphan {
        /// The claim it names.
        claim: ObjectName,
        /// The pool it counts for.
        pool: PoolName,
    },
}

/// Judges an address by what the watches show.
#[must_use]
pub fn suspect(index: &Index, address: &AddressFacts) -> Suspicion {
    let Some(pool) = address.pool.clone() else {
        return Suspicion::None;
    };
    let claim = ObjectName::new(address.name.namespace(), &address.claim);
    // Claims of other namespaces are not watched when this process serves only one: nothing is known of them.
    let namespace = index.settings().scope.namespace.as_deref();
    let is_foreign = namespace.is_some_and(|n| n != address.name.namespace());
    let has_claim = index.claim(&claim).is_some() || serves_its_namesake(index, address);
    if !address.has_finalizer || address.claim.is_empty() || is_foreign || has_claim {
        return Suspicion::None;
    }
    let pool_is_settled = index
        .pool(&pool)
        .and_then(|p| p.facts())
        .is_some_and(|f| !f.paused);
    let cluster_is_settled = address
        .cluster_label
        .as_deref()
        .filter(|l| !l.is_empty())
        .is_none_or(|label| {
            index
                .cluster(&ObjectName::new(address.name.namespace(), label))
                .is_some_and(|c| !c.paused)
        });
    if pool_is_settled && cluster_is_settled {
        Suspicion::Orphan { claim, pool }
    } else {
        Suspicion::Deferred
    }
}

/// Whether a claim of its name draws from its pool: that claim takes the address over, whichever it was made for (spec
/// §11.3 step 9).
#[must_use]
pub fn serves_its_namesake(index: &Index, address: &AddressFacts) -> bool {
    index
        .claim(&address.name)
        .is_some_and(|claim| Some(&claim.pool) == address.pool.as_ref())
}
