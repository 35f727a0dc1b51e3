//! The journal in the pool: what makes promises hold between processes that do not know of each other (DESIGN §4).
//!
//! Every write of it is a compare-and-swap on the pool, so its author has read the one before. What that one listed the
//! author keeps: as long as it may have been sent (`HOLD`), and in its own journal. A process that reads a journal of
//! somebody else therefore knows that everything it lists may be sent by the other, and that everything it leaves out
//! is over.

use std::collections::{HashMap, HashSet};

use api::pool::{Allocation, Holder, Reservation as Entry};
use jiff::Timestamp;

use super::{Index, Wake, entry::Reservation, promises::HOLD};
use crate::plan::{
    claim::Promise,
    name::{ObjectName, PoolName},
};

impl Index {
    /// The journal to be written to the pool: every promise whose outcome has not been seen, signed by this process.
    /// `None` when the one on the pool says the same.
    #[must_use]
    pub fn journal(&self, pool: &PoolName) -> Option<Allocation> {
        let entry = self.pools.get(pool)?;
        let written = entry.facts.as_ref()?.allocation.as_ref();
        let domain = entry.ledger.as_ref()?.domain();
        let mut reservations: Vec<Entry> = entry
            .reservations
            .iter()
            .filter(|(_, r)| r.promise != Promise::Created || r.hold_until.is_some())
            .filter_map(|(name, r)| {
                Some(Entry {
                    address: domain.slot_text(r.slot)?,
                    namespace: name.namespace().to_owned(),
                    name: name.name().to_owned(),
                    uid: r.uid.to_string(),
                })
            })
            .collect();
        reservations.sort_unstable_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        let unchanged = written.map_or(reservations.is_empty(), |w| w.reservations == reservations);
        // What is not signed must be written, even if the journal lists the same: the write is the compare-and-swap, and
        // nothing else makes a promise hold.
        let is_open = |name: &ObjectName, r: &Reservation| {
            r.signed.is_none() && r.promise != Promise::Created && self.is_redeemable(entry, name, r)
        };
        if unchanged && !entry.reservations.iter().any(|(name, r)| is_open(name, r)) {
            return None;
        }
        let by = written
            .map(|w| &w.by)
            .filter(|by| by.holder == self.settings.holder);
        let sequence = by.map_or(1, |by| by.sequence + 1);
        Some(Allocation {
            by: Holder {
                holder: self.settings.holder.clone(),
                sequence,
            },
            reservations,
        })
    }

    /// The pool carries the journal, which this process wrote: what it lists holds. Returns the claims that may now be
    /// served.
    ///
    /// `asked` is the time before the request was sent whose answer shows this: a process may be stopped for any time
    /// before it reads an answer.
    pub fn recorded(&mut self, pool: &PoolName, journal: &Allocation, asked: Timestamp) -> Vec<ObjectName> {
        let Some(entry) = self.pools.get_mut(pool) else {
            return Vec::new();
        };
        let Some(ledger) = &entry.ledger else {
            return Vec::new();
        };
        let mut served = Vec::new();
        for Entry {
            address,
            namespace,
            name,
            uid,
        } in &journal.reservations
        {
            let name = ObjectName::new(namespace, name);
            let Some(r) = entry.reservations.get_mut(&name) else {
                continue;
            };
            // An older journal may list another slot for the same claim.
            let slot = addr::parse_address(address).ok().and_then(|a| ledger.slot_of(a));
            if *r.uid != **uid || slot != Some(r.slot) {
                continue;
            }
            if r.promise == Promise::Planned {
                r.promise = Promise::Recorded;
            }
            if r.signed.replace(asked).is_none() {
                served.push(name);
            }
        }
        served
    }

    /// What was planned will not be written now: it is taken back, and the claims wait again.
    pub fn unrecorded(&mut self, pool: &PoolName, now: Timestamp, wake: &mut Wake) {
        let Some(entry) = self.pools.get(pool) else { return };
        let planned: Vec<ObjectName> = entry
            .reservations
            .iter()
            .filter(|(_, r)| r.promise == Promise::Planned && !r.is_held(now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in planned {
            self.take_back(pool, &name);
            self.requeue(&name, now, wake);
        }
    }

    /// Reads the journal of a pool that was seen anew. Promises of another process are honoured: they keep their slots,
    /// and serve their claims once this process has signed them.
    pub(super) fn read_journal(&mut self, pool: &PoolName, now: Timestamp, wake: &mut Wake) {
        let Some(entry) = self.pools.get_mut(pool) else {
            return;
        };
        let Some(allocation) = entry.facts.as_ref().and_then(|f| f.allocation.clone()) else {
            return;
        };
        if allocation.by.holder == self.settings.holder {
            // Whether it is still the newest one, only the answer to a request can tell.
            entry.journal = Some(allocation.by);
            return;
        }
        if entry.journal.as_ref() == Some(&allocation.by) {
            return;
        }
        entry.journal = Some(allocation.by.clone());
        // Before the list of addresses is begun, what the pool says is older than that list; afterwards it is not.
        entry.stale |= self.listed;
        let Some(ledger) = &entry.ledger else { return };
        let slot_of = |address: &str| addr::parse_address(address).ok().and_then(|a| ledger.slot_of(a));
        let theirs: HashMap<ObjectName, (String, u128)> = allocation
            .reservations
            .into_iter()
            .filter_map(|r| {
                Some((
                    ObjectName::new(&r.namespace, &r.name),
                    (r.uid, slot_of(&r.address)?),
                ))
            })
            .collect();
        self.yield_to(pool, &theirs, now, wake);
        self.honour(pool, theirs, now, wake);
    }

    /// What another process wrote is what holds. Our promises that it lists may be redeemed by it as well. Those that it
    /// left out are over: it had read our journal before it wrote its own, and keeps what it reads for [`HOLD`].
    fn yield_to(
        &mut self,
        pool: &PoolName,
        theirs: &HashMap<ObjectName, (String, u128)>,
        now: Timestamp,
        wake: &mut Wake,
    ) {
        let Some(entry) = self.pools.get_mut(pool) else {
            return;
        };
        let taken: HashSet<u128> = theirs.values().map(|(_, slot)| *slot).collect();
        let mut over = Vec::new();
        for (name, r) in &mut entry.reservations {
            r.signed = None;
            if theirs
                .get(name)
                .is_some_and(|(uid, slot)| **uid == *r.uid && *slot == r.slot)
            {
                r.in_doubt = true;
                r.hold_until = Some(now + HOLD);
                if r.promise == Promise::Recorded {
                    r.promise = Promise::Planned;
                }
            } else if r.promise != Promise::Created || taken.contains(&r.slot) {
                over.push(name.clone());
            }
        }
        for name in over {
            self.take_back(pool, &name);
            self.requeue(&name, now, wake);
        }
    }

    /// Takes over the promises of another process.
    fn honour(
        &mut self,
        pool: &PoolName,
        theirs: HashMap<ObjectName, (String, u128)>,
        now: Timestamp,
        wake: &mut Wake,
    ) {
        let Some(entry) = self.pools.get_mut(pool) else {
            return;
        };
        let Some(ledger) = &mut entry.ledger else { return };
        for (name, (uid, slot)) in theirs {
            if entry.reservations.contains_key(&name) {
                continue;
            }
            ledger.reserve(slot);
            if let Some(claim) = self.claims.get(&name) {
                entry.waiting.remove(&(claim.facts.created, name.clone()));
            }
            let promise = Reservation {
                uid: uid.into(),
                slot,
                promise: Promise::Planned,
                hold_until: Some(now + HOLD),
                in_doubt: true,
                signed: None,
            };
            wake.claims.push(name.clone());
            entry.reservations.insert(name, promise);
        }
    }

    /// All addresses are being listed afresh: what pools say from now on is settled when the list is complete.
    pub fn refresh_begins(&mut self) {
        self.listed = true;
        for entry in self.pools.values_mut() {
            entry.refreshing = true;
            entry.stale = false;
        }
    }

    /// The fresh list is complete. Pools that another allocator wrote to meanwhile stay stale.
    ///
    /// Returns whether another list is needed.
    pub fn refresh_ends(&mut self, wake: &mut Wake) -> bool {
        let mut again = false;
        for (name, entry) in &mut self.pools {
            entry.refreshing = false;
            again |= entry.stale;
            wake.pools.push(name.clone());
        }
        again
    }

    /// The installed CRD dropped all but the counts from the status: keep the journal in an annotation from now on.
    pub fn status_was_pruned(&mut self, pool: &PoolName) {
        if let Some(entry) = self.pools.get_mut(pool) {
            entry.journal_in_annotation = true;
        }
    }
}
