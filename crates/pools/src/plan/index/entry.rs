//! One pool in the index.

use std::collections::{BTreeSet, HashMap, HashSet};

use api::pool::{AddressPoolSpec, Holder, PrefixPoolSpec};
use jiff::Timestamp;

use crate::plan::{
    claim::Promise,
    domain::{Domain, FieldError},
    facts::PoolFacts,
    ledger::{Held, Ledger},
    name::ObjectName,
};

/// The spec of a pool of either sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolSpec {
    /// Single addresses.
    Addresses(AddressPoolSpec),
    /// Prefixes.
    Prefixes(PrefixPoolSpec),
}

impl PoolSpec {
    /// What the pool may hand out, or every reason why it may not.
    ///
    /// # Errors
    /// One [`FieldError`] per problem.
    pub fn domain(&self) -> Result<Domain, Vec<FieldError>> {
        match self {
            Self::Addresses(spec) => Domain::of_stored_addresses(spec),
            Self::Prefixes(spec) => Domain::of_stored_prefixes(spec),
        }
    }
}

/// A slot promised to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reservation {
    /// UID of the claim.
    pub(super) uid: Box<str>,
    pub(super) slot: u128,
    pub(super) promise: Promise,
    /// Kept at least until then, whatever happens to the claim.
    pub(super) hold_until: Option<Timestamp>,
    /// Another process, or a request whose answer was lost, may still create the address, even after it was seen and
    /// went: only time ends the hold.
    pub(super) in_doubt: bool,
    /// When this process asked the API server to write the newest journal, which lists it: only then, and only for a
    /// while, may a create be sent. A promise read from the journal of another process has to be signed first, since
    /// that process may give it up.
    pub(super) signed: Option<Timestamp>,
}

impl Reservation {
    /// The claim has no right to it any more, but a create may still be under way: the slot stays out of reach for a
    /// while, and nobody redeems it.
    pub(super) fn disown(&mut self, until: Timestamp) {
        self.uid = Box::default();
        self.in_doubt = true;
        self.hold_until.get_or_insert(until);
    }

    /// What a promise is for which no create has been carried out.
    pub(super) fn unsent(&self) -> Promise {
        if self.signed.is_some() {
            Promise::Recorded
        } else {
            Promise::Planned
        }
    }

    /// Whether its slot must stay out of reach for now.
    pub(super) fn is_held(&self, now: Timestamp) -> bool {
        self.in_doubt && self.hold_until.is_some_and(|until| until > now)
    }
}

/// One pool: its object, its books, and who wants something from it.
#[derive(Debug, Default)]
pub struct PoolEntry {
    pub(super) facts: Option<PoolFacts>,
    pub(super) spec: Option<PoolSpec>,
    /// `None` while the pool does not exist or its spec cannot be used.
    pub(super) ledger: Option<Ledger>,
    pub(super) unusable: Option<String>,
    /// In-use objects (spec §1).
    pub(super) members: HashSet<ObjectName>,
    /// Claims that refer to the pool.
    pub(super) claims: HashSet<ObjectName>,
    /// Claims that may be given an address now, oldest first (spec §7).
    pub(super) waiting: BTreeSet<(Timestamp, ObjectName)>,
    pub(super) reservations: HashMap<ObjectName, Reservation>,
    /// The journal as last seen or written; a change by somebody else means another allocator is at work.
    pub(super) journal: Option<Holder>,
    /// Another allocator wrote to the pool: look at all addresses afresh before promising anything.
    pub(super) stale: bool,
    /// A fresh list of addresses is under way that will settle `stale`.
    pub(super) refreshing: bool,
    /// The installed CRD has no field for the journal; it goes to an annotation.
    pub(super) journal_in_annotation: bool,
}

impl PoolEntry {
    /// The object, if it exists.
    #[must_use]
    pub fn facts(&self) -> Option<&PoolFacts> {
        self.facts.as_ref()
    }

    /// The spec, if the object exists.
    #[must_use]
    pub fn spec(&self) -> Option<&PoolSpec> {
        self.spec.as_ref()
    }

    /// The books, if the spec can be used.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// Why the spec cannot be used.
    #[must_use]
    pub fn unusable(&self) -> Option<&str> {
        self.unusable.as_deref()
    }

    /// Number of claims waiting for an address.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Claims waiting for an address, oldest first.
    pub fn waiting_claims(&self) -> impl Iterator<Item = &ObjectName> {
        self.waiting.iter().map(|(_, name)| name)
    }

    /// Number of promises that still have to be turned into addresses.
    #[must_use]
    pub fn open(&self) -> usize {
        self.reservations
            .values()
            .filter(|r| r.promise != Promise::Created)
            .count()
    }

    /// Whether no object and no promise keeps the pool in use (spec §13).
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.members.is_empty()
            && self
                .reservations
                .values()
                .all(|r| matches!(r.promise, Promise::Planned | Promise::Recorded))
    }

    /// Whether another allocator's writes must be looked at before the next promise.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale || self.refreshing
    }

    /// Whether somebody has to ask for that look: no list is under way that will settle it.
    #[must_use]
    pub fn needs_refresh(&self) -> bool {
        self.stale && !self.refreshing
    }

    /// Whether the journal is kept in an annotation.
    #[must_use]
    pub fn journal_in_annotation(&self) -> bool {
        self.journal_in_annotation
    }

    /// Whether a slot may still be handed out as far as the object goes.
    pub(super) fn covers(&self, slot: u128) -> bool {
        let is_going = self.facts.as_ref().is_none_or(|f| f.deleting);
        !is_going
            && self
                .ledger
                .as_ref()
                .is_some_and(|l| l.domain().slots.contains(slot))
    }

    /// The object is gone or another one took its name: what was recorded in it holds no more. What may have been
    /// created still counts.
    pub(super) fn forget_unsent(&mut self) {
        self.journal = None;
        self.reservations
            .retain(|_, r| r.in_doubt || matches!(r.promise, Promise::Unsettled | Promise::Created));
    }

    /// Nothing refers to the pool and it does not exist: the entry can be dropped.
    pub(super) fn is_void(&self) -> bool {
        self.facts.is_none()
            && self.members.is_empty()
            && self.claims.is_empty()
            && self.reservations.is_empty()
    }

    /// Puts the books in order after the spec or the set of objects changed as a whole. Returns the objects that repeat
    /// what one before them holds.
    pub(super) fn rebase<'a>(
        &mut self,
        held: impl IntoIterator<Item = (&'a ObjectName, Held)>,
    ) -> Vec<ObjectName> {
        let domain = self.spec.as_ref().map(PoolSpec::domain);
        let mut duplicates = Vec::new();
        self.unusable = None;
        self.ledger = match domain {
            None => None,
            Some(Ok(domain)) => {
                let mut ledger = Ledger::new(domain);
                for (address, held) in held {
                    if ledger.occupy(held) {
                        duplicates.push(address.clone());
                    }
                }
                for reservation in self.reservations.values() {
                    ledger.reserve(reservation.slot);
                }
                Some(ledger)
            }
            Some(Err(problems)) => {
                let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
                self.unusable = Some(text.join("; "));
                None
            }
        };
        duplicates
    }
}
