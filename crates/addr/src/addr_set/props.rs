//! Both families at once against a naive set; each family alone is tested with `RangeSet`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;

use super::AddrSet;
use crate::{AddrRange, Family};

/// Addresses at both ends and in the middle of both families, close enough to meet: `(family, bits)`.
fn address() -> impl Strategy<Value = IpAddr> {
    let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
    (family, 0..3_u8, 0..12_u128).prop_map(|(family, place, offset)| {
        let max = family.max_bits();
        family.address(match place {
            0 => offset,
            1 => max / 2 - 6 + offset,
            _ => max - offset,
        })
    })
}

/// A small range, or one address when the two are of different families or far apart.
fn range() -> impl Strategy<Value = AddrRange> {
    (address(), address()).prop_map(|(a, b)| {
        let range = AddrRange::new(a.min(b), a.max(b)).unwrap_or_else(|_| AddrRange::single(a));
        if range.count() > 16 {
            AddrRange::single(a)
        } else {
            range
        }
    })
}

fn members(ranges: &[AddrRange]) -> BTreeSet<IpAddr> {
    ranges.iter().flat_map(|range| addresses(*range)).collect()
}

fn addresses(range: AddrRange) -> impl Iterator<Item = IpAddr> {
    let (first, last) = range.bits();
    (first..=last).map(move |bits| range.family().address(bits))
}

fn ranges() -> impl Strategy<Value = Vec<AddrRange>> {
    prop::collection::vec(range(), 0..16)
}

fn check(set: &AddrSet, model: &BTreeSet<IpAddr>) -> Result<(), TestCaseError> {
    prop_assert_eq!(set.count(), model.len() as u128);
    prop_assert!(set.ranges().flat_map(addresses).eq(model.iter().copied()));
    prop_assert!(
        set.ranges()
            .rev()
            .eq(set.ranges().collect::<Vec<_>>().into_iter().rev())
    );
    prop_assert_eq!(
        (set.first(), set.last()),
        (model.first().copied(), model.last().copied())
    );
    for (index, &member) in model.iter().enumerate() {
        prop_assert_eq!(set.nth(index as u128), Some(member));
    }
    prop_assert_eq!(set.nth(model.len() as u128), None);
    prop_assert_eq!(set, &model.iter().copied().collect());
    Ok(())
}

proptest! {
    #[test]
    fn algebra_equals_that_of_the_naive_set(a in ranges(), b in ranges()) {
        let (set_a, set_b): (AddrSet, AddrSet) = (a.iter().copied().collect(), b.iter().copied().collect());
        let (a, b) = (members(&a), members(&b));
        check(&set_a, &a)?;
        check(&set_a.union(&set_b), &(&a | &b))?;
        check(&set_a.intersection(&set_b), &(&a & &b))?;
        check(&set_a.difference(&set_b), &(&a - &b))?;
        prop_assert_eq!(set_a.is_subset(&set_b), a.is_subset(&b));
        prop_assert_eq!(set_a.is_disjoint(&set_b), a.is_disjoint(&b));
    }

    #[test]
    fn changes_and_questions_equal_those_of_the_naive_set(
        ranges in ranges(), more in ranges(), probes in prop::collection::vec(address(), 1..16), window in range(),
    ) {
        let (mut set, mut model) = (AddrSet::new(), BTreeSet::new());
        for range in ranges {
            set.insert(range);
            model.extend(addresses(range));
        }
        for range in more {
            prop_assert_eq!(set.covers(range), addresses(range).all(|a| model.contains(&a)));
            prop_assert_eq!(set.overlaps(range), addresses(range).any(|a| model.contains(&a)));
            set.remove(range);
            model.retain(|&a| !range.contains(a));
        }
        let part = set.intersection_with_range(window);
        check(&part, &model.iter().copied().filter(|&a| window.contains(a)).collect())?;
        for (i, &probe) in probes.iter().enumerate() {
            prop_assert_eq!(set.contains(probe), model.contains(&probe));
            prop_assert_eq!(set.next_at_or_after(probe), model.range(probe..).next().copied());
            prop_assert_eq!(set.range_around(probe).is_some(), model.contains(&probe));
            if let Some(gap) = set.next_gap_at_or_after(probe) {
                prop_assert!(!model.contains(&gap) && gap >= probe);
                prop_assert!(model.range(probe..gap).count() as u128 == AddrRange::new(probe, gap).unwrap().count() - 1);
            }
            if i % 2 == 0 {
                prop_assert_eq!(set.insert_addr(probe), model.insert(probe));
            } else {
                prop_assert_eq!(set.remove_addr(probe), model.remove(&probe));
            }
        }
        check(&set, &model)?;
        prop_assert_eq!(set.take_first(), model.pop_first());
        check(&set, &model)?;
    }

    #[test]
    fn a_set_and_its_complement_split_each_family(ranges in ranges()) {
        let set: AddrSet = ranges.into_iter().collect();
        for family in Family::ALL {
            let whole = AddrRange::whole(family);
            let (inside, outside) = (set.intersection_with_range(whole), set.complement(family));
            prop_assert!(inside.is_disjoint(&outside));
            prop_assert_eq!(inside.union(&outside), AddrSet::from(whole));
            prop_assert_eq!(outside.complement(family), inside.clone());
            if !inside.is_empty() {
                prop_assert_eq!(inside.count() + (outside.count() - 1), family.max_bits());
            }
        }
    }
}
