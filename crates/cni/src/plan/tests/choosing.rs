//! Choosing against a naive model that walks address by address.

use std::net::IpAddr;

use addr::{AddrRange, AddrSet, Prefix};
use proptest::prelude::*;

use crate::plan::{Options, Range, RangeSet, Snapshot, allocate, choose};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// An address of 10.0.0.0/24, or of a /120 that ends where IPv6 does.
fn at(v6: bool, n: u8) -> IpAddr {
    let high = u128::MAX - 255;
    if v6 {
        IpAddr::V6((high + u128::from(n)).into())
    } else {
        IpAddr::V4([10, 0, 0, n].into())
    }
}

fn range(v6: bool, (from, to): (u8, u8), gateway: Option<u8>, excluded: &[u8]) -> Range {
    let length = if v6 { 120 } else { 24 };
    Range {
        subnet: Prefix::new_masked(at(v6, 0), length).unwrap(),
        addresses: AddrRange::new(at(v6, from), at(v6, to)).unwrap(),
        gateway: gateway.map(|n| at(v6, n)),
        excluded: excluded.iter().map(|n| at(v6, *n)).collect(),
    }
}

/// First and last address, gateway, excluded addresses; last octets all.
type Written = ((u8, u8), Option<u8>, Vec<u8>);

/// §4.4 word by word.
fn naive(v6: bool, ranges: &[Written], taken: &[u8], last: Option<u8>) -> Option<IpAddr> {
    let mut candidates: Vec<(usize, u8)> = Vec::new();
    for (i, ((from, to), ..)) in ranges.iter().enumerate() {
        candidates.extend((*from..=*to).map(|n| (i, n)));
    }
    let after = last
        .and_then(|last| candidates.iter().position(|(_, n)| *n == last))
        .map_or(0, |at| at + 1);
    let cut = after % candidates.len().max(1);
    candidates.rotate_left(cut);
    let free = candidates.into_iter().find(|(i, n)| {
        let (_, gateway, excluded) = &ranges[*i];
        *gateway != Some(*n) && !excluded.contains(n) && !taken.contains(n)
    });
    free.map(|(_, n)| at(v6, n))
}

/// One to three ranges that do not overlap, in any order.
fn ranges() -> impl Strategy<Value = Vec<Written>> {
    let cuts = prop::collection::btree_set(any::<u8>(), 2..=6);
    let bounds = cuts.prop_map(|cuts| {
        let cuts: Vec<u8> = cuts.into_iter().collect();
        cuts.chunks_exact(2)
            .map(|pair| (pair[0], pair[1]))
            .collect::<Vec<_>>()
    });
    bounds.prop_shuffle().prop_flat_map(|bounds| {
        let extras = bounds.iter().map(|(from, to)| {
            let near = *from..=*to;
            let gateway = prop::option::of(prop_oneof![near.clone(), any::<u8>()]);
            (gateway, prop::collection::vec(near, 0..4))
        });
        let extras: Vec<_> = extras.collect();
        (Just(bounds), extras).prop_map(|(bounds, extras)| {
            let join = |(bounds, (gateway, excluded))| (bounds, gateway, excluded);
            bounds.into_iter().zip(extras).map(join).collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_chosen_address_is_the_one_a_walk_finds(
        v6 in any::<bool>(),
        ranges in ranges(),
        taken in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            Just((0..=255).collect::<Vec<u8>>()),
            any::<u8>().prop_map(|free| (0..=255).filter(|n| *n != free).collect()),
        ],
        last in prop::option::of(any::<u8>()),
    ) {
        let set = RangeSet {
            number: 0,
            ranges: ranges.iter().map(|(bounds, gateway, excluded)| range(v6, *bounds, *gateway, excluded)).collect(),
        };
        let names: AddrSet = taken.iter().map(|n| at(v6, *n)).collect();
        let found = choose(&set, &names, last.map(|n| at(v6, n)));
        prop_assert_eq!(found, naive(v6, &ranges, &taken, last));
    }

    #[test]
    fn as_many_adds_as_free_addresses_succeed_and_all_differ(ranges in ranges(), taken in prop::collection::vec(any::<u8>(), 0..40)) {
        let set = RangeSet {
            number: 3,
            ranges: ranges.iter().map(|(bounds, gateway, excluded)| range(false, *bounds, *gateway, excluded)).collect(),
        };
        let mut names: AddrSet = taken.iter().map(|n| at(false, *n)).collect();
        let offered = (0..=255).map(|n| at(false, n));
        let free = offered.filter(|a| set.ranges.iter().any(|r| r.offers(*a)) && !names.contains(*a)).count();
        let mut last = None;
        for _ in 0..free {
            let chosen = choose(&set, &names, last).expect("one is left");
            prop_assert!(names.insert_addr(chosen), "{chosen} twice");
            last = Some(chosen);
        }
        prop_assert_eq!(choose(&set, &names, last), None);
    }
}

#[test]
fn a_slash_64_costs_no_walk_and_wraps_at_the_end_of_the_family() {
    let all = AddrRange::whole(addr::Family::V6);
    let set = RangeSet {
        number: 0,
        ranges: vec![Range {
            subnet: Prefix::new_masked(ip("::"), 0).unwrap(),
            addresses: all,
            gateway: Some(ip("::1")),
            excluded: AddrSet::new(),
        }],
    };
    let taken = AddrSet::from(AddrRange::new(ip("::2"), ip("ffff::")).unwrap());
    assert_eq!(choose(&set, &taken, Some(ip("::"))), Some(ip("ffff::1")));
    assert_eq!(choose(&set, &taken, Some(all.last())), Some(ip("::")));
}

fn two_sets() -> Vec<RangeSet> {
    let set = |number, v6| RangeSet {
        number,
        ranges: vec![range(v6, (1, 6), Some(1), &[])],
    };
    vec![set(0, false), set(4, true)]
}

#[test]
fn numbers_are_kept_when_a_set_before_is_dropped() {
    let sets = &two_sets()[1..];
    let snapshot = Snapshot {
        last: vec![(0, at(true, 2)), (4, at(true, 5))],
        ..Snapshot::default()
    };
    let grants = allocate(sets, &[], "c1", &Options::default(), &snapshot).unwrap();
    assert_eq!((grants[0].set, grants[0].address), (4, at(true, 6)));
}

#[test]
fn idempotent_add_gives_what_is_held_and_fills_what_is_missing() {
    let options = Options {
        idempotent_add: true,
        ..Options::default()
    };
    let snapshot = Snapshot {
        taken: AddrSet::from_iter([at(false, 3)]),
        owned: vec![at(false, 3)],
        ..Snapshot::default()
    };
    let grants = allocate(&two_sets(), &[], "c1", &options, &snapshot).unwrap();
    let found: Vec<_> = grants.iter().map(|grant| (grant.address, grant.held)).collect();
    assert_eq!(found, [(at(false, 3), true), (at(true, 2), false)]);
    // Asking for another address is no repetition.
    let refused = allocate(&two_sets(), &[at(false, 5)], "c1", &options, &snapshot);
    assert!(
        refused
            .unwrap_err()
            .msg
            .ends_with("duplicate allocation is not allowed")
    );
}

#[test]
fn cooling_addresses_are_taken_last() {
    let sets = &two_sets()[..1];
    let mut snapshot = Snapshot {
        cooling: [2, 3].map(|n| at(false, n)).into_iter().collect(),
        ..Snapshot::default()
    };
    let next =
        |snapshot: &Snapshot| allocate(sets, &[], "c1", &Options::default(), snapshot).unwrap()[0].address;
    assert_eq!(next(&snapshot), at(false, 4));
    snapshot.taken = [4, 5, 6].map(|n| at(false, n)).into_iter().collect();
    assert_eq!(next(&snapshot), at(false, 2));
}

#[test]
fn a_pod_gets_what_it_had_if_that_is_free() {
    let sets = &two_sets()[..1];
    let mut snapshot = Snapshot {
        last: vec![(0, at(false, 2))],
        cooling: AddrSet::from_iter([at(false, 5)]),
        // The latest first: the gateway, and what is in no range, are not handed out whoever had them.
        favoured: [1, 99, 5, 4].map(|n| at(false, n)).into(),
        ..Snapshot::default()
    };
    let next = |snapshot: &Snapshot, wishes: &[IpAddr]| {
        let grants = allocate(sets, wishes, "c1", &Options::default(), snapshot).unwrap();
        (grants[0].address, grants[0].again)
    };
    assert_eq!(next(&snapshot, &[]), (at(false, 5), true));
    assert_eq!(
        next(&snapshot, &[at(false, 6)]),
        (at(false, 6), false),
        "asked for"
    );
    snapshot.taken = [4, 5].map(|n| at(false, n)).into_iter().collect();
    assert_eq!(next(&snapshot, &[]), (at(false, 3), false));
}
