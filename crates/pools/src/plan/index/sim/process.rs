//! One controller process on the model: the shell around the plan, without its clocks and sockets.
//!
//! What it is shown, and when it wakes, is here; what it then does is [`work`].

mod work;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use jiff::Timestamp;

use super::server::{Event, Server, pool_name};
use crate::plan::{
    index::{Index, Settings, Wake},
    name::ObjectName,
};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Carried out and answered.
    Done,
    /// Carried out; the answer is lost.
    Lost,
    /// Never arrives, and nobody knows.
    Never,
    /// Arrives after its sender gave up waiting.
    Late,
    /// The server says no.
    Refused,
    /// Certainly not sent.
    NotSent,
}

/// The three watches.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Claims,
    Pools,
    Addresses,
}

pub(super) struct Process {
    pub(super) index: Index,
    claims: VecDeque<Event>,
    pools: VecDeque<Event>,
    addresses: VecDeque<Event>,
    /// Whether everything was listed once: only then it works.
    synced: bool,
    /// Asks for a fresh list of addresses.
    wants_list: bool,
    /// Keys with something to do.
    awake_claims: BTreeSet<ObjectName>,
    awake_pool: bool,
    /// Keys to look at again later.
    claim_timers: BTreeMap<ObjectName, Timestamp>,
    pool_timer: Option<Timestamp>,
}

impl Process {
    /// A process that has listed claims and pools; addresses come last.
    pub(super) fn start(holder: String, server: &Server, now: Timestamp) -> Self {
        let index = Index::new(Settings {
            holder,
            ..Settings::default()
        });
        let mut process = Self {
            index,
            claims: VecDeque::new(),
            pools: VecDeque::new(),
            addresses: VecDeque::new(),
            synced: false,
            wants_list: true,
            awake_claims: BTreeSet::new(),
            awake_pool: false,
            claim_timers: BTreeMap::new(),
            pool_timer: None,
        };
        process.change(|index, wake| {
            index.set_clusters_known(true, now, wake);
            for claim in server.claims.values() {
                index.apply_claim(claim.clone(), now, wake);
            }
            let (facts, spec) = server.pool.clone();
            index.apply_pool(&pool_name(), facts, spec, now, wake);
        });
        process
    }

    fn change<R>(&mut self, change: impl FnOnce(&mut Index, &mut Wake) -> R) -> R {
        let mut wake = Wake::default();
        let result = change(&mut self.index, &mut wake);
        self.awake_claims.extend(wake.claims);
        self.awake_pool |= !wake.pools.is_empty();
        result
    }

    /// As [`Self::change`], for what the worker of a claim learns: it is not woken for it.
    fn learn_of_claim<R>(&mut self, name: &ObjectName, change: impl FnOnce(&mut Index, &mut Wake) -> R) -> R {
        let was_awake = self.awake_claims.contains(name);
        let result = self.change(change);
        if !was_awake {
            self.awake_claims.remove(name);
        }
        result
    }

    /// As [`Self::learn_of_claim`], for the pool.
    fn learn_of_pool<R>(&mut self, change: impl FnOnce(&mut Index, &mut Wake) -> R) -> R {
        let was_awake = self.awake_pool;
        let result = self.change(change);
        self.awake_pool = was_awake;
        result
    }

    /// The API server has news; when they are shown is another matter.
    pub(super) fn hear(&mut self, news: &[Event]) {
        for event in news {
            let stream = match event {
                Event::Claim(_) | Event::ClaimGone(_) => &mut self.claims,
                Event::Pool(..) => &mut self.pools,
                Event::Address(_) | Event::AddressGone(_) | Event::List(_) => &mut self.addresses,
            };
            stream.push_back(event.clone());
        }
    }

    /// The oldest event of one watch is shown. Says whether there was one.
    pub(super) fn show(&mut self, stream: Stream, now: Timestamp) -> bool {
        let events = match stream {
            Stream::Claims => &mut self.claims,
            Stream::Pools => &mut self.pools,
            Stream::Addresses => &mut self.addresses,
        };
        let Some(event) = events.pop_front() else {
            return false;
        };
        self.synced |= matches!(event, Event::List(_));
        let again = self.change(|index, wake| {
            match event {
                Event::Claim(facts) => index.apply_claim(facts, now, wake),
                Event::ClaimGone(name) => index.delete_claim(&name, now, wake),
                Event::Pool(facts, spec) => index.apply_pool(&pool_name(), facts, spec, now, wake),
                Event::Address(facts) => index.apply_address(facts, now, wake),
                Event::AddressGone(name) => index.delete_address(&name, now, wake),
                Event::List(list) => {
                    let listed: HashSet<ObjectName> = list.iter().map(|a| a.name.clone()).collect();
                    for facts in list {
                        index.apply_address(facts, now, wake);
                    }
                    index.retain_addresses(&listed, now, wake);
                    return index.refresh_ends(wake);
                }
            }
            false
        });
        self.wants_list |= again;
        true
    }

    /// Shows everything there is.
    pub(super) fn show_all(&mut self, now: Timestamp) {
        for stream in [Stream::Claims, Stream::Pools, Stream::Addresses] {
            while self.show(stream, now) {}
        }
    }

    /// Lists all addresses afresh if somebody asked for that; the list is shown later.
    pub(super) fn list(&mut self, server: &Server) {
        if std::mem::take(&mut self.wants_list) {
            self.index.refresh_begins();
            self.addresses.clear();
            self.addresses
                .push_back(Event::List(server.addresses.values().cloned().collect()));
        }
    }

    /// Time has passed.
    pub(super) fn ring(&mut self, now: Timestamp) {
        let due: Vec<_> = self
            .claim_timers
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            self.claim_timers.remove(&name);
            self.awake_claims.insert(name);
        }
        if self.pool_timer.is_some_and(|at| at <= now) {
            self.pool_timer = None;
            self.awake_pool = true;
        }
    }

    /// When something is to be looked at again.
    pub(super) fn next_ring(&self) -> Option<Timestamp> {
        self.claim_timers.values().copied().chain(self.pool_timer).min()
    }

    /// No slot is promised to two claims.
    pub(super) fn promised_twice(&self) -> Option<String> {
        let entry = self.index.pool(&pool_name())?;
        let mut slots = BTreeMap::new();
        for (name, reservation) in &entry.reservations {
            if let Some(other) = slots.insert(reservation.slot, name.clone()) {
                return Some(format!("{other} and {name} of {}", self.index.settings().holder));
            }
        }
        None
    }

    /// Promises that are left.
    pub(super) fn promises(&self) -> Vec<String> {
        let entry = self.index.pool(&pool_name());
        entry
            .into_iter()
            .flat_map(|e| &e.reservations)
            .map(|(name, r)| format!("{name}: {r:?}"))
            .collect()
    }
}
