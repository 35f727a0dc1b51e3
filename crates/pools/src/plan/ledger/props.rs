//! The ledger against a model that keeps a list of objects and looks at every slot of a small window.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use api::pool::{AddressCounts, AddressPoolSpec, PrefixPoolSpec};
use proptest::prelude::*;

use super::{Held, Ledger};
use crate::plan::domain::Domain;

/// The window lies at the end of the number range, where arithmetic goes wrong first.
fn address(v6: bool, offset: u8) -> IpAddr {
    if v6 {
        Ipv6Addr::from_bits(u128::MAX - 255 + u128::from(offset)).into()
    } else {
        Ipv4Addr::from_bits(u32::MAX - 255 + u32::from(offset)).into()
    }
}

/// What an object in use may say.
#[derive(Clone, Copy, Debug)]
enum Says {
    Address {
        v6: bool,
        offset: u8,
        prefix: Option<u8>,
    },
    Elsewhere {
        prefix: Option<u8>,
    },
    Nonsense,
}

impl Says {
    fn held(self) -> Held {
        match self {
            Self::Address { v6, offset, prefix } => Held {
                address: Some(address(v6, offset)),
                prefix,
            },
            Self::Elsewhere { prefix } => Held {
                address: Some(Ipv6Addr::LOCALHOST.into()),
                prefix,
            },
            Self::Nonsense => Held {
                address: None,
                prefix: Some(64),
            },
        }
    }
}

fn length() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![
        8 => (118..=128_u8).prop_map(Some),
        1 => Just(None),
        1 => prop_oneof![Just(0), Just(1), Just(64), Just(129), Just(u8::MAX)].prop_map(Some),
    ]
}

fn says() -> impl Strategy<Value = Says> {
    prop_oneof![
        12 => (any::<bool>(), any::<u8>(), length())
            .prop_map(|(v6, offset, prefix)| Says::Address { v6, offset, prefix }),
        1 => length().prop_map(|prefix| Says::Elsewhere { prefix }),
        1 => Just(Says::Nonsense),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Occupy(Says),
    /// One of the objects, by its place in the list.
    Vacate(prop::sample::Index),
    Reserve(u8),
    ReserveLowest,
    /// One of the promises, by its place in the list.
    Unreserve(prop::sample::Index),
    /// A promise nobody gave.
    UnreserveStray(u8),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => says().prop_map(Op::Occupy),
        4 => any::<prop::sample::Index>().prop_map(Op::Vacate),
        2 => any::<u8>().prop_map(Op::Reserve),
        2 => Just(Op::ReserveLowest),
        2 => any::<prop::sample::Index>().prop_map(Op::Unreserve),
        1 => any::<u8>().prop_map(Op::UnreserveStray),
    ]
}

struct Model {
    domain: Domain,
    /// Slot numbers of the window.
    window: Vec<u128>,
    objects: Vec<Held>,
    promises: Vec<u128>,
}

impl Model {
    fn new(domain: Domain, v6: bool) -> Self {
        let slots = (0..=255).filter_map(|offset| domain.space.slot_of(address(v6, offset)));
        let window: BTreeSet<u128> = slots.collect();
        Self {
            domain,
            window: window.into_iter().collect(),
            objects: Vec::new(),
            promises: Vec::new(),
        }
    }

    fn slot(&self, number: u8) -> u128 {
        self.window[usize::from(number) % self.window.len()]
    }

    /// First and last address of a slot.
    fn extent(&self, slot: u128) -> (u128, u128) {
        let base: IpAddr = self
            .domain
            .slot_text(slot)
            .expect("a slot")
            .parse()
            .expect("an address");
        self.masked(base, self.domain.space.length())
    }

    fn masked(&self, address: IpAddr, length: u8) -> (u128, u128) {
        let (bits, width) = match address {
            IpAddr::V4(a) => (u128::from(a.to_bits()), 32),
            IpAddr::V6(a) => (a.to_bits(), 128),
        };
        let all = u128::MAX >> (128 - width);
        let host = all.checked_shr(length.into()).unwrap_or(0);
        (bits & !host, bits | host)
    }

    /// First and last address an object takes, if it takes any of the pool's family.
    fn taken(&self, held: &Held) -> Option<(u128, u128)> {
        let address = held
            .address
            .filter(|a| a.is_ipv6() == (self.domain.space.family() == addr::Family::V6))?;
        if !self.domain.is_prefix_pool() {
            return Some(self.masked(address, 128));
        }
        held.prefix
            .filter(|l| *l <= 128)
            .map(|length| self.masked(address, length))
    }

    fn covers(&self, held: &Held, slot: u128) -> bool {
        let (first, last) = self.extent(slot);
        self.taken(held).is_some_and(|(f, l)| f <= last && first <= l)
    }

    fn is_in_use(&self, slot: u128) -> bool {
        self.objects.iter().any(|held| self.covers(held, slot))
    }

    fn is_free(&self, slot: u128) -> bool {
        self.domain.slots.contains(slot) && !self.is_in_use(slot) && !self.promises.contains(&slot)
    }

    /// Whether an object takes exactly one slot of the pool.
    fn fits(&self, held: &Held) -> bool {
        self.window
            .iter()
            .any(|s| self.domain.slots.contains(*s) && self.taken(held) == Some(self.extent(*s)))
    }

    fn counts(&self) -> AddressCounts {
        let slots = self.window.iter().filter(|s| self.domain.slots.contains(**s));
        let in_use = slots.clone().filter(|s| self.is_in_use(**s)).count();
        let out_of_range = if self.domain.is_prefix_pool() {
            self.objects.iter().filter(|h| !self.fits(h)).count()
        } else {
            let strangers = self
                .objects
                .iter()
                .filter(|h| h.address.is_some() && !self.fits(h));
            strangers.map(|h| h.address).collect::<BTreeSet<_>>().len()
        };
        let count = |n: usize| i64::try_from(n).expect("a small number");
        AddressCounts {
            total: count(slots.clone().count()),
            used: count(self.objects.len()),
            free: count(slots.count() - in_use),
            out_of_range: count(out_of_range),
        }
    }

    /// The slots an object touches, which is what makes two objects the same to the pool.
    fn touched(&self, held: &Held) -> Option<(u128, u128)> {
        let (first, last) = self.taken(held)?;
        let host = 128 - u32::from(self.domain.space.length());
        Some(if self.domain.is_prefix_pool() {
            (first.checked_shr(host)?, last.checked_shr(host)?)
        } else {
            (first, last)
        })
    }

    fn is_twin(&self, held: &Held) -> bool {
        let foreign = |h: &Held| h.address.filter(|_| !self.domain.is_prefix_pool());
        self.objects.iter().any(|other| match self.touched(held) {
            Some(slots) => self.touched(other) == Some(slots),
            None => foreign(held).is_some() && foreign(other) == foreign(held),
        })
    }

    fn apply(&mut self, ledger: &mut Ledger, op: Op) -> Result<(), TestCaseError> {
        match op {
            Op::Occupy(says) => {
                let held = says.held();
                prop_assert_eq!(ledger.occupy(held), self.is_twin(&held));
                self.objects.push(held);
            }
            Op::Vacate(_) if self.objects.is_empty() => {}
            Op::Vacate(index) => ledger.vacate(self.objects.swap_remove(index.index(self.objects.len()))),
            Op::Reserve(number) => {
                let slot = self.slot(number);
                prop_assert_eq!(ledger.reserve(slot), self.is_free(slot));
                self.promises.push(slot);
            }
            Op::ReserveLowest => {
                if let Some(slot) = ledger.lowest_free() {
                    prop_assert!(ledger.reserve(slot));
                    self.promises.push(slot);
                }
            }
            Op::Unreserve(_) if self.promises.is_empty() => {}
            Op::Unreserve(index) => {
                ledger.unreserve(self.promises.swap_remove(index.index(self.promises.len())));
            }
            Op::UnreserveStray(number) => {
                let slot = self.slot(number);
                if !self.promises.contains(&slot) {
                    ledger.unreserve(slot);
                }
            }
        }
        Ok(())
    }

    fn agrees(&self, ledger: &Ledger) -> Result<(), TestCaseError> {
        let free: Vec<u128> = self.window.iter().copied().filter(|s| self.is_free(*s)).collect();
        prop_assert_eq!(ledger.lowest_free(), free.first().copied());
        prop_assert_eq!(ledger.is_exhausted(), free.is_empty());
        for slot in &self.window {
            prop_assert_eq!(ledger.is_free(*slot), self.is_free(*slot), "slot {}", slot);
            let is_in_use = self.domain.slots.contains(*slot) && self.is_in_use(*slot);
            prop_assert_eq!(ledger.is_in_use(*slot), is_in_use, "slot {}", slot);
        }
        prop_assert_eq!(ledger.counts(), self.counts());
        Ok(())
    }
}

fn address_domain() -> impl Strategy<Value = (Domain, bool)> {
    (any::<bool>(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(v6, offsets)| {
        let spec = AddressPoolSpec {
            addresses: offsets.iter().map(|o| address(v6, *o).to_string()).collect(),
            prefix: if v6 { 120 } else { 24 },
            allocate_reserved_ip_addresses: Some(true),
            ..AddressPoolSpec::default()
        };
        (Domain::of_addresses(&spec).expect("an acceptable pool"), v6)
    })
}

fn prefix_domain() -> impl Strategy<Value = (Domain, bool)> {
    let networks = prop::collection::vec((any::<u8>(), 0..=8_u8), 1..5);
    (networks, prop::collection::vec(any::<u8>(), 0..3), 0..=6_u8).prop_map(|(networks, excluded, host)| {
        let spec = PrefixPoolSpec {
            prefixes: networks
                .iter()
                .map(|(o, h)| format!("{}/{}", address(true, *o), 128 - h))
                .collect(),
            excluded_prefixes: Some(excluded.iter().map(|o| address(true, *o).to_string()).collect()),
            allocation_prefix_length: Some(i64::from(128 - host)),
            ..PrefixPoolSpec::default()
        };
        (
            Domain::of_stored_prefixes(&spec).expect("every entry is well-formed"),
            true,
        )
    })
}

proptest! {
    #[test]
    fn the_ledger_equals_the_model(
        (domain, v6) in prop_oneof![address_domain(), prefix_domain()],
        ops in prop::collection::vec(op(), 0..60),
    ) {
        let mut ledger = Ledger::new(domain.clone());
        let mut model = Model::new(domain.clone(), v6);
        model.agrees(&ledger)?;
        for op in ops {
            model.apply(&mut ledger, op)?;
            model.agrees(&ledger)?;
        }
        // Everything given back: as in the beginning.
        for held in std::mem::take(&mut model.objects) {
            ledger.vacate(held);
        }
        for slot in std::mem::take(&mut model.promises) {
            ledger.unreserve(slot);
        }
        model.agrees(&ledger)?;
        prop_assert_eq!(ledger.counts(), Ledger::new(domain).counts());
    }

    #[test]
    fn the_order_of_objects_does_not_matter(
        (domain, _) in prop_oneof![address_domain(), prefix_domain()],
        objects in prop::collection::vec(says(), 0..20).prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle())),
    ) {
        let books = |objects: &[Says]| {
            let mut ledger = Ledger::new(domain.clone());
            for says in objects {
                ledger.occupy(says.held());
            }
            (ledger.counts(), ledger.lowest_free())
        };
        prop_assert_eq!(books(&objects.0), books(&objects.1));
    }

    #[test]
    fn saturated_totals_lose_one_for_each_address_in_use(in_use in prop::collection::btree_map(any::<u64>(), Just(()), 0..50)) {
        let spec = AddressPoolSpec { addresses: vec!["2001:db8::/64".into()], prefix: 64, ..AddressPoolSpec::default() };
        let mut ledger = Ledger::new(Domain::of_addresses(&spec).expect("an acceptable pool"));
        let base = u128::from_str_radix("20010db8000000000000000000000000", 16).expect("a number");
        let in_use: BTreeMap<u64, ()> = in_use.into_iter().filter(|(n, ())| *n > 0).collect();
        for n in in_use.keys() {
            let address = Ipv6Addr::from_bits(base + u128::from(*n));
            ledger.occupy(Held { address: Some(address.into()), prefix: Some(64) });
        }
        let used = i64::try_from(in_use.len()).expect("a small number");
        prop_assert_eq!(ledger.counts(), AddressCounts { total: i64::MAX, used, free: i64::MAX - used, out_of_range: 0 });
    }
}
