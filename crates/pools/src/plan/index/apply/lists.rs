//! What a complete list does not show is gone.

use std::{collections::HashSet, hash::Hash};

use api::pool::PoolKind;
use jiff::Timestamp;

use crate::plan::{
    index::{Index, Wake},
    name::{ObjectName, PoolName},
};

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
