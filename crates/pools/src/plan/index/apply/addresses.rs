//! How events of addresses change the index.

use jiff::Timestamp;

use super::unlink;
use crate::plan::{
    facts::AddressFacts,
    index::{Index, Notice, Wake},
    ledger::Held,
    name::{ObjectName, PoolName},
};

impl Index {
    /// An address appeared or changed.
    pub fn apply_address(&mut self, mut facts: AddressFacts, now: Timestamp, wake: &mut Wake) {
        let name = self.shared_name(&facts.name);
        facts.name = name.clone();
        facts.pool = facts.pool.map(|pool| self.shared_pool(&pool));
        let other_claim = answers_under_another_name(&facts);
        let old = self.addresses.insert(name.clone(), Box::new(facts));
        let old_claim = old.as_deref().and_then(answers_under_another_name);
        if old_claim != other_claim {
            if let Some(claim) = old_claim {
                unlink(&mut self.by_claim, &claim, &name);
            }
            if let Some(claim) = other_claim {
                self.by_claim.entry(claim).or_default().insert(name.clone());
            }
        }
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
        if let Some(claim) = answers_under_another_name(&old) {
            unlink(&mut self.by_claim, &claim, name);
        }
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

    fn enter_pool(&mut self, pool: &PoolName, name: &ObjectName, held: Held, wake: &mut Wake) {
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
}

/// The claim an address answers, unless both bear the same name, as all that are made here do.
fn answers_under_another_name(address: &AddressFacts) -> Option<ObjectName> {
    let is_other = !address.claim.is_empty() && &*address.claim != address.name.name();
    is_other.then(|| ObjectName::new(address.name.namespace(), &address.claim))
}
