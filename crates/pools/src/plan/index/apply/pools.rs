//! How events of pools change the index.

use jiff::Timestamp;

use crate::plan::{
    facts::PoolFacts,
    index::{Index, Notice, PoolEntry, PoolSpec, Wake},
    name::PoolName,
};

impl Index {
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
            // Books that were kept before, of the same pool, have told of their duplicates.
            let is_news = entry.ledger.is_none() || !same_object;
            let mut held: Vec<_> = entry
                .members
                .iter()
                .filter_map(|m| self.addresses.get(m))
                .map(|a| (&a.name, a.held))
                .collect();
            held.sort_unstable_by_key(|(address, _)| *address);
            let duplicates = entry.rebase(held);
            if is_news {
                let notice = |address| Notice::Duplicate {
                    pool: name.clone(),
                    address,
                };
                wake.notices.extend(duplicates.into_iter().map(notice));
            }
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

    pub(in crate::plan::index) fn drop_void(&mut self, name: &PoolName) {
        if self.pools.get(name).is_some_and(PoolEntry::is_void) {
            self.pools.remove(name);
        }
    }
}
