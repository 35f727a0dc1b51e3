//! What the index shows to decisions and to people.

use jiff::Timestamp;

use super::{Index, promises::HOLD};
use crate::plan::{
    claim::{self, ClusterView, Confirmed, Next, PoolView, View},
    name::{ObjectName, PoolName},
};

impl Index {
    /// The next step for a claim, or `None` when there is no such claim of ours.
    #[must_use]
    pub fn next(&self, name: &ObjectName, confirmed: Confirmed, now: Timestamp) -> Option<Next> {
        self.view(name, confirmed, now).map(|view| claim::next(&view))
    }

    /// Everything a decision about a claim reads.
    #[must_use]
    pub fn view(&self, name: &ObjectName, confirmed: Confirmed, now: Timestamp) -> Option<View<'_>> {
        let entry = self.claims.get(name)?;
        let claim = &entry.facts;
        let reservation = self
            .pools
            .get(&claim.pool)
            .and_then(|p| p.reservations.get(name))
            .filter(|r| r.uid == claim.version.uid);
        // Two processes at work renew each other's holds; but none begins a create for a claim it knows to be deleted.
        let last = claim
            .deletion_seen
            .and_then(|seen| seen.checked_add(HOLD).ok())
            .unwrap_or(Timestamp::MAX);
        let doubt = reservation
            .filter(|r| r.in_doubt)
            .and_then(|r| r.hold_until)
            .map(|until| until.min(last))
            .filter(|until| *until > now);
        Some(View {
            claim,
            cluster: self.cluster_view(name),
            pool: self.pool_view(&claim.pool),
            address: self.address(name),
            promise: reservation.map(|r| r.promise),
            doubt,
            refused: entry.refused.as_ref(),
            confirmed,
            now,
        })
    }

    pub(super) fn cluster_view(&self, claim: &ObjectName) -> ClusterView {
        let Some(cluster) = self.claims.get(claim).and_then(|c| c.facts.cluster.as_deref()) else {
            return ClusterView::None;
        };
        match self.clusters.get(&ObjectName::new(claim.namespace(), cluster)) {
            Some(facts) => ClusterView::Known(*facts),
            None if self.clusters_known => ClusterView::Absent,
            None => ClusterView::Unknown,
        }
    }

    fn pool_view(&self, pool: &PoolName) -> PoolView<'_> {
        if let Some(why) = self
            .settings
            .no_global_pools
            .as_deref()
            .filter(|_| !pool.kind().is_namespaced())
        {
            return PoolView::Forbidden(why);
        }
        let Some(entry) = self.pools.get(pool) else {
            return PoolView::Absent;
        };
        let Some(facts) = entry.facts.as_ref() else {
            return PoolView::Absent;
        };
        PoolView::Known {
            facts,
            unusable: entry.unusable.as_deref(),
            has_free: entry.ledger.as_ref().is_some_and(|l| !l.is_exhausted()),
            grace_seconds: entry.ledger.as_ref().map_or(0, |l| l.domain().grace_seconds),
        }
    }

    /// Whether a claim may be given an address as far as everything but the pool itself is concerned.
    pub(super) fn is_eligible(&self, name: &ObjectName, now: Timestamp) -> bool {
        let Some(entry) = self.claims.get(name) else {
            return false;
        };
        let claim = &entry.facts;
        let cluster_allows = match self.cluster_view(name) {
            ClusterView::None => true,
            ClusterView::Known(cluster) => !cluster.paused,
            ClusterView::Absent | ClusterView::Unknown => false,
        };
        let promised = self
            .pools
            .get(&claim.pool)
            .is_some_and(|p| p.reservations.contains_key(name));
        !claim.filtered_out
            && !claim.paused
            && claim.deleting.is_none()
            && cluster_allows
            && !promised
            && !self.addresses.contains_key(name)
            && entry.refused.as_ref().is_none_or(|r| r.until <= now)
    }
}
