//! How events change the index: claims and clusters here, the rest beside.

mod addresses;
mod lists;
mod pools;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{ClaimEntry, Index, Wake};
use crate::plan::{
    facts::{ClaimFacts, ClusterFacts},
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
                // Not an orphan any more: a suspicion of earlier must not count against it later.
                self.wake_orphans(&name, wake);
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
        self.wake_orphans(name, wake);
        self.abandon(&entry.facts.pool, name, now, wake);
        self.drop_void(&entry.facts.pool);
    }

    /// A claim came or went: for the address of its name, and for those that answer it under other names, this decides
    /// whether they have a claim.
    fn wake_orphans(&self, claim: &ObjectName, wake: &mut Wake) {
        let own = self.addresses.contains_key(claim).then(|| claim.clone());
        let others = self.by_claim.get(claim).into_iter().flatten().cloned();
        wake.orphans.extend(own.into_iter().chain(others));
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
            unlink(&mut self.by_cluster, &cluster, name);
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

/// Takes `member` out of the set under `key`, and the set with its last member.
fn unlink(sets: &mut HashMap<ObjectName, HashSet<ObjectName>>, key: &ObjectName, member: &ObjectName) {
    if let Some(set) = sets.get_mut(key) {
        set.remove(member);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}
