//! Reserve, write, confirm: the life of a promise (DESIGN §4).
//!
//! A create is sent only for a promise that the newest journal of the pool lists and that this process wrote there
//! itself, a moment ago. What others may have sent, or may still send, keeps its slot out of reach for [`HOLD`].
//!
//! ```text
//! Planned ──pool written──► Recorded ──create sent──► Unsettled ──answer──► Created ──watch──► gone, the address counts
//!    └── pool not written: gone      └─ refused: gone      └─ answer lost: stays, and is tried again
//! ```

use jiff::{SignedDuration, Timestamp};

use super::{Index, PoolEntry, Wake, entry::Reservation};
use crate::plan::{
    claim::{Promise, Refusal},
    facts::ClaimFacts,
    name::{ObjectName, PoolName},
};

/// How long a promise of another process, or one whose request may still be on its way, keeps its slot from others.
/// Longer than any request of ours may take (10 s), so that a late create cannot meet a new owner.
pub(super) const HOLD: SignedDuration = SignedDuration::from_secs(15);
/// How long after asking for its record a promise may be redeemed: with the time a request of ours may take (10 s), no
/// longer than [`HOLD`], which is how long others keep their hands off it.
const FRESH: SignedDuration = SignedDuration::from_secs(5);
/// First delay after a refused create; doubles up to [`MAX_BACKOFF`] (spec §11.3 step 9).
const MIN_BACKOFF: SignedDuration = SignedDuration::from_secs(1);
const MAX_BACKOFF: SignedDuration = SignedDuration::from_mins(5);

/// A promise ready to be turned into an `IPAddress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The address, or the base of the prefix, as text.
    pub address: String,
    /// `spec.prefix`.
    pub prefix: u8,
    /// `spec.gateway`.
    pub gateway: Option<String>,
    /// UID of the pool, for the owner reference.
    pub pool_uid: Box<str>,
}

/// How a create ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The object exists with what we asked for.
    Created,
    /// An object of that name existed before; the watch will show whose it is.
    Exists,
    /// The server did not and will not do it, in its words.
    Refused(String),
    /// Nobody knows.
    Unknown,
    /// The server did not do it, but may if asked again.
    NotExecuted,
}

impl Index {
    /// Promises free slots to the oldest waiting claims, at most `limit`. Returns how many.
    ///
    /// The caller must write [`Self::journal`] and then call [`Self::recorded`] or [`Self::unrecorded`].
    pub fn promise(&mut self, pool: &PoolName, limit: usize) -> usize {
        let Some(entry) = self.pools.get_mut(pool) else {
            return 0;
        };
        let Some(facts) = entry.facts.as_ref() else {
            return 0;
        };
        if facts.paused || facts.deleting || entry.stale || entry.refreshing {
            return 0;
        }
        let Some(ledger) = entry.ledger.as_mut() else {
            return 0;
        };
        let open = entry
            .reservations
            .values()
            .filter(|r| r.hold_until.is_none())
            .count();
        let mut promised = 0;
        while promised + open < limit && !ledger.is_exhausted() {
            let Some((_, name)) = entry.waiting.pop_first() else {
                break;
            };
            let Some(claim) = self.claims.get(&name) else {
                continue;
            };
            let remembered = claim.remembered.filter(|slot| ledger.is_free(*slot));
            let Some(slot) = remembered.or_else(|| ledger.lowest_free()) else {
                break;
            };
            ledger.reserve(slot);
            let uid = claim.facts.version.uid.clone();
            let promise = Reservation {
                uid,
                slot,
                promise: Promise::Planned,
                hold_until: None,
                in_doubt: false,
                signed: None,
            };
            entry.reservations.insert(name, promise);
            promised += 1;
        }
        promised
    }

    /// What to create for a claim that was promised a slot, or `None` when nothing is promised any more. From here on
    /// the outcome is unknown until [`Self::settle`].
    pub fn begin_create(&mut self, claim: &ObjectName, now: Timestamp) -> Option<Granted> {
        let facts = &self.claims.get(claim)?.facts;
        let entry = self.pools.get_mut(&facts.pool)?;
        let ledger = entry.ledger.as_ref()?;
        let domain = ledger.domain();
        let reservation = entry
            .reservations
            .get_mut(claim)
            .filter(|r| r.uid == facts.version.uid)?;
        // A process that was stopped for a while may have lost its promises without knowing it.
        reservation.signed = reservation
            .signed
            .filter(|signed| now.duration_since(*signed) <= FRESH);
        if reservation.signed.is_none()
            || !matches!(reservation.promise, Promise::Recorded | Promise::Unsettled)
        {
            return None;
        }
        // The pool may have changed since (spec §10.3): what was never sent is not sent outside the pool, nor for a
        // pool that is going and whose worker does not wait for it any more.
        let facts = entry.facts.as_ref()?;
        let is_covered = !facts.deleting && domain.slots.contains(reservation.slot);
        if reservation.promise == Promise::Recorded && !is_covered {
            return None;
        }
        let granted = Granted {
            address: domain.slot_text(reservation.slot)?,
            prefix: domain.prefix,
            gateway: domain.gateway.clone(),
            pool_uid: facts.version.uid.clone(),
        };
        reservation.promise = Promise::Unsettled;
        Some(granted)
    }

    /// Enters the outcome of a create. Meanwhile the claim may have gone, or another one of its name have come.
    pub fn settle(&mut self, claim: &ClaimFacts, outcome: &Settled, now: Timestamp, wake: &mut Wake) {
        let entry = self
            .claims
            .get_mut(&claim.name)
            .filter(|c| c.facts.version.uid == claim.version.uid);
        let lives = entry.is_some();
        match (outcome, entry) {
            (Settled::Created, Some(entry)) => {
                entry.refused = None;
                entry.refusals = 0;
            }
            (Settled::Refused(message), Some(entry)) => {
                let doubled = MIN_BACKOFF.saturating_mul(1 << entry.refusals.min(9));
                entry.refusals += 1;
                let until = now + doubled.min(MAX_BACKOFF);
                entry.refused = Some(Refusal {
                    message: message.clone(),
                    until,
                });
            }
            _ => {}
        }
        let reservations = self.pools.get_mut(&claim.pool).map(|p| &mut p.reservations);
        let reservation = reservations.and_then(|r| r.get_mut(&claim.name));
        // An answer may come after the watch: then the promise is gone already.
        let Some(reservation) = reservation.filter(|r| r.uid == claim.version.uid) else {
            return;
        };
        match outcome {
            Settled::Created => reservation.promise = Promise::Created,
            // Asked again after a while: by then the watch shows the object, or it is gone.
            Settled::Exists => {}
            Settled::Unknown => {
                reservation.in_doubt = true;
                reservation.hold_until = Some(now + HOLD);
            }
            Settled::NotExecuted if lives => reservation.promise = reservation.unsent(),
            // This create did not happen, but an earlier one still may.
            _ if reservation.is_held(now) => reservation.promise = reservation.unsent(),
            Settled::NotExecuted | Settled::Refused(_) => {
                self.take_back(&claim.pool, &claim.name);
            }
        }
        wake.pools.push(claim.pool.clone());
    }

    /// A promise that the pool no longer covers is taken back; its claim waits again.
    pub fn withdraw(&mut self, claim: &ObjectName, now: Timestamp, wake: &mut Wake) {
        let Some(pool) = self.claims.get(claim).map(|c| c.facts.pool.clone()) else {
            return;
        };
        let reservations = self.pools.get(&pool).map(|p| &p.reservations);
        let Some(reservation) = reservations.and_then(|r| r.get(claim)) else {
            return;
        };
        if reservation.promise == Promise::Recorded && !reservation.is_held(now) {
            self.take_back(&pool, claim);
            self.requeue(claim, now, wake);
        }
        // The pool's worker signs it again, or lets it run out.
        wake.pools.push(pool);
    }

    /// A live read showed that the address of a promise does not exist. A create whose answer was lost may still be on
    /// its way, so its slot stays out of reach for a while.
    pub fn not_found(&mut self, claim: &ObjectName, now: Timestamp, wake: &mut Wake) {
        let Some(pool) = self.claims.get(claim).map(|c| c.facts.pool.clone()) else {
            return;
        };
        self.abandon(&pool, claim, now, wake);
    }

    /// The watch shows an address: the promise to its claim has served its purpose, unless it is in doubt. The claim
    /// may be gone already.
    pub(super) fn confirm(&mut self, name: &ObjectName, now: Timestamp, wake: &mut Wake) {
        let mut pools = Vec::with_capacity(2);
        if let Some(claim) = self.claims.get_mut(name) {
            claim.remembered = None;
            claim.refused = None;
            claim.refusals = 0;
            pools.push(claim.facts.pool.clone());
        }
        pools.extend(
            self.addresses
                .get(name)
                .and_then(|a| a.pool.clone())
                .filter(|p| !pools.contains(p)),
        );
        for pool in pools {
            let reservation = self.pools.get(&pool).and_then(|p| p.reservations.get(name));
            if reservation.is_some_and(|r| !r.is_held(now)) {
                self.take_back(&pool, name);
                wake.pools.push(pool);
            }
        }
    }

    /// A claim is gone or given up: frees its promise, at once when nothing was sent, after a while otherwise, or when
    /// the watch shows what was created.
    pub(super) fn abandon(&mut self, pool: &PoolName, name: &ObjectName, now: Timestamp, wake: &mut Wake) {
        let Some(entry) = self.pools.get_mut(pool) else {
            return;
        };
        let Some(reservation) = entry.reservations.get_mut(name) else {
            return;
        };
        let is_unsent = matches!(reservation.promise, Promise::Planned | Promise::Recorded);
        if is_unsent && !reservation.is_held(now) {
            self.take_back(pool, name);
        } else {
            reservation.hold_until.get_or_insert(now + HOLD);
        }
        wake.pools.push(pool.clone());
    }

    /// Frees promises that were held long enough and that no claim will redeem. Returns when to look again.
    pub fn sweep(&mut self, pool: &PoolName, now: Timestamp, wake: &mut Wake) -> Option<Timestamp> {
        self.drop_lost(pool, now, wake);
        let entry = self.pools.get(pool)?;
        let mut again: Option<Timestamp> = None;
        let mut over = Vec::new();
        for (name, reservation) in &entry.reservations {
            let Some(until) = reservation.hold_until else {
                continue;
            };
            if self.is_redeemable(entry, name, reservation) {
                continue;
            }
            if until <= now {
                over.push(name.clone());
            } else {
                again = Some(again.map_or(until, |a| a.min(until)));
            }
        }
        for name in over {
            self.take_back(pool, &name);
            self.requeue(&name, now, wake);
        }
        self.drop_void(pool);
        again
    }

    /// A complete list shows all addresses but these: what was created is gone again, or newer than the list. Creating
    /// it once more under the same name finds out which, after the promise has been signed anew: meanwhile another
    /// process may have given the slot to somebody else.
    pub(super) fn doubt_unseen(&mut self, now: Timestamp, wake: &mut Wake) {
        for (pool, entry) in &mut self.pools {
            for (name, reservation) in &mut entry.reservations {
                if reservation.promise == Promise::Created && !self.addresses.contains_key(name) {
                    reservation.promise = Promise::Unsettled;
                    reservation.signed = None;
                    reservation.in_doubt = true;
                    reservation.hold_until.get_or_insert(now + HOLD);
                    wake.pools.push(pool.clone());
                }
            }
        }
    }

    /// Whether a claim is still to redeem a promise. One that was never sent and that the pool does not cover any more
    /// will not be sent.
    pub(super) fn is_redeemable(
        &self,
        entry: &PoolEntry,
        name: &ObjectName,
        reservation: &Reservation,
    ) -> bool {
        let claim = self
            .claims
            .get(name)
            .filter(|c| c.facts.version.uid == reservation.uid);
        let is_wanted =
            claim.is_some_and(|c| c.facts.deleting.is_none()) && !self.addresses.contains_key(name);
        let was_sent = matches!(reservation.promise, Promise::Unsettled | Promise::Created);
        is_wanted && (was_sent || entry.covers(reservation.slot))
    }

    /// Gives up promises whose slot another object turned out to hold, or that the pool lost before anything was sent.
    fn drop_lost(&mut self, pool: &PoolName, now: Timestamp, wake: &mut Wake) {
        let Some(entry) = self.pools.get(pool) else { return };
        let Some(ledger) = &entry.ledger else { return };
        let is_lost = |(name, r): &(&ObjectName, &Reservation)| match r.promise {
            Promise::Created => false,
            Promise::Planned | Promise::Recorded if !entry.covers(r.slot) && !r.is_held(now) => true,
            _ => ledger.is_in_use(r.slot) && !self.addresses.contains_key(*name),
        };
        let lost: Vec<ObjectName> = entry
            .reservations
            .iter()
            .filter(is_lost)
            .map(|(n, _)| n.clone())
            .collect();
        for name in lost {
            self.give_up(pool, &name, now, wake);
        }
    }

    /// The claim loses its promise. Its slot stays out of reach where a create may still be under way.
    fn give_up(&mut self, pool: &PoolName, name: &ObjectName, now: Timestamp, wake: &mut Wake) {
        let reservations = self.pools.get_mut(pool).map(|p| &mut p.reservations);
        let Some(reservation) = reservations.and_then(|r| r.get_mut(name)) else {
            return;
        };
        if reservation.promise == Promise::Unsettled || reservation.is_held(now) {
            reservation.disown(now + HOLD);
        } else {
            self.take_back(pool, name);
            self.requeue(name, now, wake);
        }
    }

    pub(super) fn take_back(&mut self, pool: &PoolName, name: &ObjectName) -> bool {
        let Some(entry) = self.pools.get_mut(pool) else {
            return false;
        };
        let Some(reservation) = entry.reservations.remove(name) else {
            return false;
        };
        if let Some(ledger) = &mut entry.ledger {
            ledger.unreserve(reservation.slot);
        }
        true
    }
}
