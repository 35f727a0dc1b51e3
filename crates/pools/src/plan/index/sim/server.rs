//! A model of the API server: one pool, its claims and addresses, and requests whose answers were lost on the way.

use std::collections::BTreeMap;

use api::{
    capi::{AnyCondition, READY, ReadyReason},
    pool::{AddressPoolSpec, PoolKind, PoolStatus},
};
use jiff::Timestamp;

use crate::plan::{
    facts::{AddressFacts, ClaimFacts, PoolFacts, Version},
    index::{Granted, PoolSpec},
    ledger::Held,
    name::{ObjectName, PoolName},
};

/// What a watch shows.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Claim(ClaimFacts),
    ClaimGone(ObjectName),
    Pool(PoolFacts, PoolSpec),
    Address(AddressFacts),
    AddressGone(ObjectName),
    /// A complete list of addresses.
    List(Vec<AddressFacts>),
}

/// A request that the server carries out some time after its sender gave up waiting.
#[derive(Clone, Debug)]
pub(super) enum Late {
    Create(ClaimFacts, Granted),
    Pool(Version, PoolStatus),
}

/// The object is not as the writer believed.
#[derive(Debug)]
pub(super) struct Conflict;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Created {
    Yes,
    Exists,
}

pub(super) struct Server {
    version: u64,
    pub(super) pool: (PoolFacts, PoolSpec),
    pub(super) claims: BTreeMap<ObjectName, ClaimFacts>,
    pub(super) addresses: BTreeMap<ObjectName, AddressFacts>,
    pub(super) late: Vec<Late>,
    /// What the watches have yet to be told.
    pub(super) news: Vec<Event>,
}

pub(super) fn pool_name() -> PoolName {
    PoolName::new(PoolKind::InClusterIPPool, "ns", "pool")
}

pub(super) fn claim_name(number: u8) -> ObjectName {
    ObjectName::new("ns", &format!("claim-{number}"))
}

/// `10.0.0.1` to `10.0.0.<last>`.
pub(super) fn spec(last: u8) -> PoolSpec {
    PoolSpec::Addresses(AddressPoolSpec {
        addresses: vec![format!("10.0.0.1-10.0.0.{last}")],
        prefix: 24,
        ..AddressPoolSpec::default()
    })
}

impl Server {
    pub(super) fn new() -> Self {
        let facts = PoolFacts {
            version: Version {
                uid: "pool".into(),
                resource_version: "1".into(),
            },
            generation: 1,
            paused: false,
            deleting: false,
            has_finalizer: true,
            other_finalizers: Box::default(),
            counts: None,
            conditions: Vec::new(),
            observed_generation: None,
            allocation: None,
        };
        Self {
            version: 1,
            pool: (facts, spec(4)),
            claims: BTreeMap::new(),
            addresses: BTreeMap::new(),
            late: Vec::new(),
            news: Vec::new(),
        }
    }

    fn next_version(&mut self, uid: &str) -> Version {
        self.version += 1;
        Version {
            uid: uid.into(),
            resource_version: self.version.to_string().into(),
        }
    }

    /// A person creates a claim.
    pub(super) fn new_claim(&mut self, number: u8, now: Timestamp) {
        let name = claim_name(number);
        if self.claims.contains_key(&name) {
            return;
        }
        let uid = format!("uid-{}", self.version + 1);
        let facts = ClaimFacts {
            version: self.next_version(&uid),
            generation: 1,
            created: now,
            deleting: None,
            deletion_seen: None,
            paused: false,
            filtered_out: false,
            has_finalizer: true,
            other_finalizers: Box::default(),
            cluster_label: None,
            cluster: None,
            pool: pool_name(),
            bound_to: None,
            ready: None,
            other_conditions: Box::default(),
            name: name.clone(),
        };
        self.put_claim(facts);
    }

    fn put_claim(&mut self, facts: ClaimFacts) {
        self.news.push(Event::Claim(facts.clone()));
        self.claims.insert(facts.name.clone(), facts);
    }

    /// A person deletes a claim; our finalizer keeps it.
    pub(super) fn delete_claim(&mut self, number: u8, now: Timestamp) {
        let Some(mut facts) = self.claims.get(&claim_name(number)).cloned() else {
            return;
        };
        if facts.deleting.is_none() {
            facts.deleting = Some(now);
            facts.version = self.next_version(&facts.version.uid.clone());
            self.put_claim(facts);
        }
    }

    /// A guarded write to a claim.
    pub(super) fn write_claim(
        &mut self,
        decided_on: &ClaimFacts,
        change: impl FnOnce(&mut ClaimFacts),
    ) -> Result<ClaimFacts, Conflict> {
        let mut facts = self.claims.get(&decided_on.name).cloned().ok_or(Conflict)?;
        if facts.version != decided_on.version {
            return Err(Conflict);
        }
        change(&mut facts);
        facts.version = self.next_version(&facts.version.uid.clone());
        if facts.deleting.is_some() && !facts.has_finalizer {
            self.claims.remove(&facts.name);
            self.news.push(Event::ClaimGone(facts.name.clone()));
        } else {
            self.put_claim(facts.clone());
        }
        Ok(facts)
    }

    /// `Ready`, and with `bind` also the reference to the address.
    pub(super) fn report(
        &mut self,
        decided_on: &ClaimFacts,
        reason: ReadyReason,
        message: &str,
        bind: bool,
    ) -> Result<ClaimFacts, Conflict> {
        self.write_claim(decided_on, |facts| {
            facts.ready = Some(Box::new(AnyCondition {
                type_: READY.to_owned(),
                status: if reason.is_ready() { "True" } else { "False" }.to_owned(),
                reason: Some(reason.to_string()),
                message: Some(message.to_owned()),
                severity: None,
                last_transition_time: None,
                observed_generation: Some(1),
            }));
            if bind {
                facts.bound_to = Some(facts.name.name().into());
            }
        })
    }

    /// A guarded write to the pool's status.
    pub(super) fn write_pool(
        &mut self,
        decided_on: &Version,
        status: PoolStatus,
    ) -> Result<PoolFacts, Conflict> {
        if self.pool.0.version != *decided_on {
            return Err(Conflict);
        }
        self.pool.0.counts = status.ip_addresses;
        self.pool.0.conditions = status.conditions;
        self.pool.0.observed_generation = status.observed_generation;
        self.pool.0.allocation = status.allocation;
        self.touch_pool();
        Ok(self.pool.0.clone())
    }

    fn touch_pool(&mut self) {
        self.pool.0.version = self.next_version("pool");
        self.news
            .push(Event::Pool(self.pool.0.clone(), self.pool.1.clone()));
    }

    /// A person changes the pool's spec, or only its metadata.
    pub(super) fn change_pool(&mut self, new: PoolSpec) {
        self.pool.0.generation += i64::from(self.pool.1 != new);
        self.pool.1 = new;
        self.touch_pool();
    }

    /// The create of an address for a claim.
    pub(super) fn create(&mut self, claim: &ClaimFacts, granted: &Granted) -> Created {
        if self.addresses.contains_key(&claim.name) {
            return Created::Exists;
        }
        let uid = format!("uid-{}", self.version + 1);
        let facts = AddressFacts {
            version: self.next_version(&uid),
            pool: Some(claim.pool.clone()),
            claim: claim.name.name().into(),
            held: Held::parse(&granted.address, Some(granted.prefix.into())),
            deleting: false,
            has_finalizer: true,
            has_other_finalizers: false,
            claim_owner: Some(claim.version.uid.clone()),
            pool_owner: Some(granted.pool_uid.clone()),
            has_other_controller: false,
            cluster_label: None,
            name: claim.name.clone(),
        };
        self.put_address(facts);
        Created::Yes
    }

    pub(super) fn put_address(&mut self, facts: AddressFacts) {
        self.news.push(Event::Address(facts.clone()));
        self.addresses.insert(facts.name.clone(), facts);
    }

    /// A claim takes over an existing address.
    pub(super) fn adopt(&mut self, seen: &AddressFacts, claim: &ClaimFacts) -> Result<(), Conflict> {
        let mut facts = self.addresses.get(&seen.name).cloned().ok_or(Conflict)?;
        if facts.version.uid != seen.version.uid {
            return Err(Conflict);
        }
        facts.claim_owner = Some(claim.version.uid.clone());
        facts.pool_owner = Some("pool".into());
        facts.has_finalizer = true;
        facts.version = self.next_version(&facts.version.uid.clone());
        self.put_address(facts);
        Ok(())
    }

    /// Removes finalizer and object. Says whether there was one.
    pub(super) fn remove_address(&mut self, name: &ObjectName) -> bool {
        let existed = self.addresses.remove(name).is_some();
        if existed {
            self.version += 1;
            self.news.push(Event::AddressGone(name.clone()));
        }
        existed
    }

    /// A person reserves an address, or frees it again.
    pub(super) fn by_hand(&mut self, number: u8) {
        let name = ObjectName::new("ns", &format!("by-hand-{number}"));
        if self.remove_address(&name) {
            return;
        }
        let uid = format!("uid-{}", self.version + 1);
        let facts = AddressFacts {
            version: self.next_version(&uid),
            pool: Some(pool_name()),
            claim: name.name().into(),
            held: Held::parse(&format!("10.0.0.{number}"), Some(24)),
            deleting: false,
            has_finalizer: false,
            has_other_finalizers: false,
            claim_owner: None,
            pool_owner: None,
            has_other_controller: false,
            cluster_label: None,
            name,
        };
        self.put_address(facts);
    }

    /// Carries out a request that was on its way.
    pub(super) fn land(&mut self, which: usize) {
        if self.late.is_empty() {
            return;
        }
        match self.late.swap_remove(which % self.late.len()) {
            Late::Create(claim, granted) => {
                self.create(&claim, &granted);
            }
            Late::Pool(version, status) => {
                let _ = self.write_pool(&version, status);
            }
        }
    }

    /// Addresses we made that another object we made also carries: there must never be any (spec §7).
    pub(super) fn duplicates(&self) -> Vec<String> {
        let ours: Vec<_> = self.addresses.values().filter(|a| a.has_finalizer).collect();
        let twins = ours
            .iter()
            .enumerate()
            .flat_map(|(i, a)| ours[..i].iter().map(move |b| (a, b)));
        twins
            .filter(|(a, b)| a.held == b.held)
            .map(|(a, b)| format!("{} and {}: {:?}", a.name, b.name, a.held))
            .collect()
    }
}
