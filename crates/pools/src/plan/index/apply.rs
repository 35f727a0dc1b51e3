//! How events change the index.

use std::{collections::HashSet, hash::Hash};

use api::pool::PoolKind;
use jiff::Timestamp;

use super::{ClaimEntry, Index, Notice, PoolSpec, Wake};
use crate::plan::{
    facts::{AddressFacts, ClaimFacts, ClusterFacts, PoolFacts},
    name::{ObjectName, PoolName},
};

impl Index {
    /// A claim appeared or changed. An older state of a known object is ignored.
    pub fn apply_claim(&mut self, mut facts: ClaimFacts, now: Timestamp, wake: &mut Wake) {
        let name = self.shared_name(&facts.name);
        facts.name = name.clone();
        facts.pool = self.shared_pool(&facts.pool);
        let old = self.claims.get(&name);
        if let Some(old) = old {
            if old.facts.version.uid == facts.version.uid && !facts.version.supersedes(&old.facts.version) {
                return;
            }
            if old.facts.version.uid == facts.version.uid {
                facts.deletion_seen = old.facts.deletion_seen;
            }
        }
        if facts.deleting.is_some() && facts.deletion_seen.is_none() {
            facts.deletion_seen = Some(now);
        }
        // Without Cluster API's admission even the pool of a claim can change: then it is as good as another claim.
        let is_same =
            old.is_some_and(|o| o.facts.version.uid == facts.version.uid && o.facts.pool == facts.pool);
        if is_same {
            self.unlink_claim(&name);
        } else {
            self.delete_claim(&name, now, wake);
        }
        self.pools
            .entry(facts.pool.clone())
            .or_default()
            .claims
            .insert(name.clone());
        if let Some(cluster) = facts.cluster.as_deref() {
            let cluster = ObjectName::new(name.namespace(), cluster);
            self.by_cluster.entry(cluster).or_default().insert(name.clone());
        }
        match self.claims.get_mut(&name) {
            Some(entry) => entry.facts = facts,
            None => {
                let entry = ClaimEntry {
                    facts,
                    seen: now,
                    remembered: None,
                    refused: None,
                    refusals: 0,
                };
                self.claims.insert(name.clone(), Box::new(entry));
                if self.addresses.contains_key(&name) {
                    // Not an orphan any more: a suspicion of earlier must not count against it later.
                    wake.orphans.push(name.clone());
                }
            }
        }
        self.requeue(&name, now, wake);
        wake.claims.push(name);
    }

    /// Takes over an answer of the API server to a write of ours. Unlike a watch event it never brings an object into
    /// the index: if the watch has already shown its end, the answer is old news.
    pub fn refresh_claim(&mut self, facts: ClaimFacts, now: Timestamp, wake: &mut Wake) {
        if self
            .claims
            .get(&facts.name)
            .is_some_and(|c| c.facts.version.uid == facts.version.uid)
        {
            self.apply_claim(facts, now, wake);
        }
    }

    /// The name as the index already holds it, so that all who bear it share one allocation: a claim, its address, its
    /// place in the pool.
    fn shared_name(&self, name: &ObjectName) -> ObjectName {
        let claim = self.claims.get_key_value(name).map(|(known, _)| known);
        let address = || self.addresses.get_key_value(name).map(|(known, _)| known);
        claim.or_else(address).unwrap_or(name).clone()
    }

    /// As [`Self::shared_name`]: ten thousand claims name one pool.
    fn shared_pool(&self, pool: &PoolName) -> PoolName {
        let known = self.pools.get_key_value(pool).map(|(known, _)| known);
        known.unwrap_or(pool).clone()
    }

    /// A claim is gone.
    pub fn delete_claim(&mut self, name: &ObjectName, now: Timestamp, wake: &mut Wake) {
        self.unlink_claim(name);
        let Some(entry) = self.claims.remove(name) else {
            return;
        };
        if self.addresses.contains_key(name) {
            wake.orphans.push(name.clone());
        }
        self.abandon(&entry.facts.pool, name, now, wake);
        self.drop_void(&entry.facts.pool);
    }

    fn unlink_claim(&mut self, name: &ObjectName) {
        let Some(entry) = self.claims.get(name) else {
            return;
        };
        let facts = &entry.facts;
        if let Some(pool) = self.pools.get_mut(&facts.pool) {
            pool.claims.remove(name);
            pool.waiting.remove(&(facts.created, name.clone()));
        }
        if let Some(cluster) = facts.cluster.as_deref() {
            let cluster = ObjectName::new(name.namespace(), cluster);
            if let Some(claims) = self.by_cluster.get_mut(&cluster) {
                claims.remove(name);
                if claims.is_empty() {
                    self.by_cluster.remove(&cluster);
                }
            }
        }
    }

    /// Puts a claim into its pool's queue, or takes it out, as its state demands.
    pub fn requeue(&mut self, name: &ObjectName, now: Timestamp, wake: &mut Wake) {
        let eligible = self.is_eligible(name, now);
        let Some(claim) = self.claims.get(name).map(|c| &c.facts) else {
            return;
        };
        let Some(pool) = self.pools.get_mut(&claim.pool) else {
            return;
        };
        let place = (claim.created, name.clone());
        if !eligible {
            pool.waiting.remove(&place);
        } else if pool.waiting.insert(place) {
            wake.pools.push(claim.pool.clone());
        }
    }

    /// An address appeared or changed.
    pub fn apply_address(&mut self, mut facts: AddressFacts, now: Timestamp, wake: &mut Wake) {
        let name = self.shared_name(&facts.name);
        facts.name = name.clone();
        facts.pool = facts.pool.map(|pool| self.shared_pool(&pool));
        let old = self.addresses.insert(name.clone(), Box::new(facts));
        let new = &self.addresses[&name];
        let unchanged = old
            .as_ref()
            .is_some_and(|o| o.pool == new.pool && o.held == new.held);
        if !unchanged {
            let (held, pool) = (new.held, new.pool.clone());
            if let Some(old) = old {
                self.leave_pool(&old, wake);
            }
            if let Some(pool) = pool {
                self.enter_pool(&pool, &name, held, wake);
            }
        }
        self.confirm(&name, now, wake);
        self.requeue(&name, now, wake);
        let owner = if self.claims.contains_key(&name) {
            &mut wake.claims
        } else {
            &mut wake.orphans
        };
        owner.push(name);
    }

    /// An address is gone.
    pub fn delete_address(&mut self, name: &ObjectName, now: Timestamp, wake: &mut Wake) {
        let Some(old) = self.addresses.remove(name) else {
            return;
        };
        self.leave_pool(&old, wake);
        if let (Some(claim), Some(pool)) = (self.claims.get_mut(name), old.pool.as_ref()) {
            let ledger = self.pools.get(pool).and_then(|p| p.ledger.as_ref());
            let was_bound = claim.facts.bound_to.is_some() && claim.facts.pool == *pool;
            let slot = old.held.address.and_then(|a| ledger.and_then(|l| l.slot_of(a)));
            claim.remembered = slot.filter(|_| was_bound);
        }
        if let Some(pool) = old.pool.as_ref() {
            self.drop_void(pool);
        }
        self.requeue(name, now, wake);
        wake.claims.push(name.clone());
    }

    fn enter_pool(
        &mut self,
        pool: &PoolName,
        name: &ObjectName,
        held: crate::plan::ledger::Held,
        wake: &mut Wake,
    ) {
        let entry = self.pools.entry(pool.clone()).or_default();
        entry.members.insert(name.clone());
        if entry.ledger.as_mut().is_some_and(|l| l.occupy(held)) {
            wake.notices.push(Notice::Duplicate {
                pool: pool.clone(),
                address: name.clone(),
            });
        }
        wake.pools.push(pool.clone());
    }

    fn leave_pool(&mut self, old: &AddressFacts, wake: &mut Wake) {
        let Some(pool) = &old.pool else { return };
        let Some(entry) = self.pools.get_mut(pool) else {
            return;
        };
        entry.members.remove(&old.name);
        if let Some(ledger) = &mut entry.ledger {
            ledger.vacate(old.held);
        }
        wake.pools.push(pool.clone());
    }

    /// A pool appeared or changed. An older state of a known object is ignored.
    pub fn apply_pool(
        &mut self,
        name: &PoolName,
        facts: PoolFacts,
        spec: PoolSpec,
        now: Timestamp,
        wake: &mut Wake,
    ) {
        let entry = self.pools.entry(name.clone()).or_default();
        let old = entry.facts.as_ref();
        let same_object = old.is_some_and(|o| o.version.uid == facts.version.uid);
        if same_object && old.is_some_and(|o| !facts.version.supersedes(&o.version)) {
            return;
        }
        let decisive = old
            .is_none_or(|o| !same_object || o.paused != facts.paused || o.deleting != facts.deleting)
            || entry.spec.as_ref() != Some(&spec);
        let rebase = !same_object || entry.spec.as_ref() != Some(&spec);
        entry.facts = Some(facts);
        entry.spec = Some(spec);
        if !same_object {
            entry.forget_unsent();
        }
        if rebase {
            let held: Vec<_> = entry
                .members
                .iter()
                .filter_map(|m| self.addresses.get(m))
                .map(|a| a.held)
                .collect();
            entry.rebase(held);
            // What was refused may be the pool's fault, such as a gateway that does not fit into an address.
            for claim in &entry.claims {
                if let Some(claim) = self.claims.get_mut(claim) {
                    claim.refused = None;
                    claim.refusals = 0;
                }
            }
        }
        self.read_journal(name, now, wake);
        if decisive {
            wake.claims.extend(self.pools[name].claims.iter().cloned());
        }
        wake.pools.push(name.clone());
    }

    /// Takes over an answer of the API server to a write of ours; see [`Self::refresh_claim`].
    pub fn refresh_pool(
        &mut self,
        name: &PoolName,
        facts: PoolFacts,
        spec: PoolSpec,
        now: Timestamp,
        wake: &mut Wake,
    ) {
        let known = self.pools.get(name).and_then(|p| p.facts.as_ref());
        if known.is_some_and(|k| k.version.uid == facts.version.uid) {
            self.apply_pool(name, facts, spec, now, wake);
        }
    }

    /// A pool is gone.
    pub fn delete_pool(&mut self, name: &PoolName, wake: &mut Wake) {
        let Some(entry) = self.pools.get_mut(name) else {
            return;
        };
        entry.facts = None;
        entry.spec = None;
        entry.ledger = None;
        entry.unusable = None;
        entry.forget_unsent();
        wake.claims.extend(entry.claims.iter().cloned());
        wake.pools.push(name.clone());
        self.drop_void(name);
    }

    pub(super) fn drop_void(&mut self, name: &PoolName) {
        if self.pools.get(name).is_some_and(super::PoolEntry::is_void) {
            self.pools.remove(name);
        }
    }

    /// A cluster appeared or changed.
    pub fn apply_cluster(&mut self, name: &ObjectName, facts: ClusterFacts, now: Timestamp, wake: &mut Wake) {
        if self.clusters.insert(name.clone(), facts) != Some(facts) {
            self.wake_cluster(name, now, wake);
        }
    }

    /// A cluster is gone.
    pub fn delete_cluster(&mut self, name: &ObjectName, now: Timestamp, wake: &mut Wake) {
        if self.clusters.remove(name).is_some() {
            self.wake_cluster(name, now, wake);
        }
    }

    /// Clusters have been listed, or can no longer be read.
    pub fn set_clusters_known(&mut self, known: bool, now: Timestamp, wake: &mut Wake) {
        if self.clusters_known != known {
            self.clusters_known = known;
            let names: Vec<_> = self.by_cluster.keys().cloned().collect();
            for name in names {
                self.wake_cluster(&name, now, wake);
            }
        }
    }

    fn wake_cluster(&mut self, cluster: &ObjectName, now: Timestamp, wake: &mut Wake) {
        let claims: Vec<ObjectName> = self
            .by_cluster
            .get(cluster)
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        for claim in claims {
            self.requeue(&claim, now, wake);
            wake.claims.push(claim);
        }
    }
}

impl Index {
    /// The watch on claims has shown everything: what was not in `listed` is gone.
    pub fn retain_claims(&mut self, listed: &HashSet<ObjectName>, now: Timestamp, wake: &mut Wake) {
        for name in missing(self.claims.keys(), listed) {
            self.delete_claim(&name, now, wake);
        }
    }

    /// The watch on addresses has shown everything: what was not in `listed` is gone.
    pub fn retain_addresses(&mut self, listed: &HashSet<ObjectName>, now: Timestamp, wake: &mut Wake) {
        for name in missing(self.addresses.keys(), listed) {
            self.delete_address(&name, now, wake);
        }
        self.doubt_unseen(now, wake);
    }

    /// The watch on clusters has shown everything: what was not in `listed` is gone.
    pub fn retain_clusters(&mut self, listed: &HashSet<ObjectName>, now: Timestamp, wake: &mut Wake) {
        for name in missing(self.clusters.keys(), listed) {
            self.delete_cluster(&name, now, wake);
        }
    }

    /// The watch on one kind of pools has shown everything: what was not in `listed` is gone.
    pub fn retain_pools(&mut self, kind: PoolKind, listed: &HashSet<PoolName>, wake: &mut Wake) {
        let known = self
            .pools
            .iter()
            .filter(|(name, entry)| name.kind() == kind && entry.facts.is_some());
        for name in missing(known.map(|(name, _)| name), listed) {
            self.delete_pool(&name, wake);
        }
    }
}

fn missing<'a, N: Clone + Eq + Hash + 'a>(known: impl Iterator<Item = &'a N>, listed: &HashSet<N>) -> Vec<N> {
    known.filter(|name| !listed.contains(*name)).cloned().collect()
}
