//! What a process does: the steps of `reconcile::claim` and `reconcile::pool`. What can happen to each request is chosen
//! by the test.

use std::collections::HashSet;

use api::capi::ReadyReason;
use jiff::Timestamp;

use super::{Fate, Process};
use crate::plan::{
    claim::{Confirmed, Next, Waits},
    facts::ClaimFacts,
    index::{
        Index, PoolEntry, Settled,
        sim::server::{Created, Late, Server, pool_name},
    },
    name::ObjectName,
    pool,
};

impl Process {
    /// Works on everything that was woken, with requests that succeed. Says whether there was anything.
    pub(in crate::plan::index::sim) fn work(&mut self, server: &mut Server, now: Timestamp) -> bool {
        let had_list = self.wants_list;
        self.list(server);
        if !self.synced {
            return had_list;
        }
        let is_pool_awake = std::mem::take(&mut self.awake_pool);
        if is_pool_awake {
            self.run_pool(server, Fate::Done, true, now);
        }
        // Claims after their pool: what it has just recorded is not left lying about for others to take over.
        let claims = std::mem::take(&mut self.awake_claims);
        for claim in &claims {
            self.run_claim(claim, server, Fate::Done, now);
        }
        had_list || is_pool_awake || !claims.is_empty()
    }

    /// `reconcile::pool`. `is_readable`: whether the pool can be read after a write of unknown outcome.
    pub(in crate::plan::index::sim) fn run_pool(
        &mut self,
        server: &mut Server,
        fate: Fate,
        is_readable: bool,
        now: Timestamp,
    ) {
        if !self.synced {
            return;
        }
        self.awake_pool = false;
        let name = pool_name();
        if self.index.pool(&name).is_some_and(PoolEntry::is_stale) {
            self.change(|index, wake| index.unrecorded(&name, now, wake));
            self.wants_list |= self.index.pool(&name).is_some_and(PoolEntry::needs_refresh);
            return;
        }
        let (sweep, order) = self.learn_of_pool(|index, wake| {
            let sweep = index.sweep(&name, now, wake);
            (sweep, promise_in_order(index))
        });
        assert!(order.is_ok(), "{order:?}");
        self.pool_timer = self.pool_timer.into_iter().chain(sweep).min();
        self.awake_claims.extend(self.index.unreported(&name));
        let journal = self.index.journal(&name);
        let Some(entry) = self.index.pool(&name) else {
            return;
        };
        let Some(facts) = entry.facts() else { return };
        let Some(status) = pool::status(entry, journal.clone(), now) else {
            return;
        };
        let version = facts.version.clone();
        let answer = match fate {
            Fate::Done => server.write_pool(&version, status).ok(),
            Fate::Lost => {
                let _ = server.write_pool(&version, status);
                None
            }
            Fate::Late => {
                server.late.push(Late::Pool(version, status));
                None
            }
            Fate::Never => None,
            Fate::Refused | Fate::NotSent => {
                self.awake_pool = true;
                return;
            }
        };
        if let Some(facts) = answer {
            let spec = server.pool.1.clone();
            self.learn_of_pool(|index, wake| index.refresh_pool(&name, facts, spec, now, wake));
            if let Some(journal) = journal {
                let served = self.index.recorded(&name, &journal, now);
                self.awake_claims.extend(served);
            }
            return;
        }
        if is_readable {
            let (facts, spec) = server.pool.clone();
            let live = facts.allocation.clone();
            self.learn_of_pool(|index, wake| index.refresh_pool(&name, facts, spec, now, wake));
            if let Some(journal) = live.filter(|j| j.by.holder == self.index.settings().holder) {
                let served = self.index.recorded(&name, &journal, now);
                self.awake_claims.extend(served);
            }
        }
        self.awake_pool = true;
    }

    /// `reconcile::claim`.
    pub(in crate::plan::index::sim) fn run_claim(
        &mut self,
        name: &ObjectName,
        server: &mut Server,
        fate: Fate,
        now: Timestamp,
    ) {
        if !self.synced {
            return;
        }
        self.awake_claims.remove(name);
        let mut confirmed = Confirmed::default();
        for _ in 0..12 {
            let decided = self.learn_of_claim(name, |index, wake| {
                index.requeue(name, now, wake);
                Some((index.next(name, confirmed, now)?, index.claim(name)?.clone()))
            });
            let Some((next, claim)) = decided else { return };
            let done = match next {
                Next::Rest(Waits::Grace(at) | Waits::Doubt(at) | Waits::Backoff(at)) => {
                    self.claim_timers.insert(name.clone(), at);
                    return;
                }
                Next::Rest(_) => return,
                Next::Report(reason, message) => {
                    let answer = server.report(&claim, reason, &message, false);
                    self.learn_claim(answer.ok(), now)
                }
                Next::Bind => {
                    let answer = server.report(&claim, ReadyReason::AddressAllocated, "", true);
                    self.learn_claim(answer.ok(), now)
                }
                Next::RemoveFinalizer => {
                    let answer = server.write_claim(&claim, |facts| facts.has_finalizer = false);
                    self.learn_claim(answer.ok(), now)
                }
                Next::Create => match self.create(name, server, fate, now) {
                    Some(done) => done,
                    None => return,
                },
                Next::Adopt => {
                    let Some(seen) = self.index.address(name).cloned() else {
                        return;
                    };
                    if server.adopt(&seen, &claim).is_err() {
                        self.awake_claims.insert(name.clone());
                    }
                    return;
                }
                Next::Release => {
                    confirmed.released = true;
                    self.release(name, server, now)
                }
                Next::AddFinalizer | Next::ConfirmClusterAbsent | Next::ConfirmPoolAbsent => {
                    unreachable!("claims have the finalizer, no cluster, and a pool")
                }
            };
            if !done {
                self.awake_claims.insert(name.clone());
                return;
            }
        }
        panic!("claim {name} goes round in circles");
    }

    fn learn_claim(&mut self, answer: Option<ClaimFacts>, now: Timestamp) -> bool {
        let Some(facts) = answer else { return false };
        self.learn_of_claim(&facts.name.clone(), |index, wake| {
            index.refresh_claim(facts, now, wake);
        });
        true
    }

    /// `None`: wait for a watch.
    fn create(&mut self, name: &ObjectName, server: &mut Server, fate: Fate, now: Timestamp) -> Option<bool> {
        let Some(granted) = self.index.begin_create(name, now) else {
            self.change(|index, wake| index.withdraw(name, now, wake));
            return None;
        };
        let claim = self.index.claim(name).expect("it was granted something").clone();
        let outcome = match fate {
            Fate::Done => match server.create(&claim, &granted) {
                Created::Yes => Settled::Created,
                Created::Exists => Settled::Exists,
            },
            Fate::Lost => {
                server.create(&claim, &granted);
                Settled::Unknown
            }
            Fate::Late => {
                server.late.push(Late::Create(claim.clone(), granted));
                Settled::Unknown
            }
            Fate::Never => Settled::Unknown,
            Fate::Refused => Settled::Refused("quota".to_owned()),
            Fate::NotSent => Settled::NotExecuted,
        };
        let is_settled = matches!(outcome, Settled::Created | Settled::Refused(_));
        self.change(|index, wake| index.settle(&claim, &outcome, now, wake));
        Some(is_settled)
    }

    /// Says whether it went through.
    fn release(&mut self, name: &ObjectName, server: &mut Server, now: Timestamp) -> bool {
        match self.index.address(name).cloned() {
            Some(seen) => match server.addresses.get(name) {
                Some(live) if live.version != seen.version => false,
                _ => {
                    server.remove_address(name);
                    true
                }
            },
            None => {
                if !server.remove_address(name) {
                    self.change(|index, wake| index.not_found(name, now, wake));
                }
                true
            }
        }
    }
}

/// Promises, and checks that those who waited longest are served, whoever they are, with slots that were free.
fn promise_in_order(index: &mut Index) -> Result<(), String> {
    let name = pool_name();
    let Some(entry) = index.pool(&name) else {
        return Ok(());
    };
    let queue: Vec<ObjectName> = entry.waiting_claims().cloned().collect();
    let before: HashSet<ObjectName> = entry.reservations.keys().cloned().collect();
    let free = entry.ledger().map(|l| l.domain().slots.clone());
    let promised = index.promise(&name, 3);
    let Some(entry) = index.pool(&name) else {
        return Ok(());
    };
    let new: HashSet<&ObjectName> = entry
        .reservations
        .keys()
        .filter(|n| !before.contains(*n))
        .collect();
    if new != queue[..promised].iter().collect() {
        return Err(format!("{new:?} were served out of {queue:?}"));
    }
    let strays = entry
        .reservations
        .iter()
        .filter(|(n, _)| new.contains(n))
        .filter(|(_, r)| {
            let held = index
                .addresses_of(&name)
                .any(|a| a.held.address.and_then(|a| entry.ledger()?.slot_of(a)) == Some(r.slot));
            held || !free.as_ref().is_some_and(|f| f.contains(r.slot))
        });
    match strays.map(|(n, r)| format!("{n}: {r:?}")).next() {
        Some(stray) => Err(format!("{stray} is not free")),
        None => Ok(()),
    }
}
