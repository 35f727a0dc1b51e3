use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use addr::{AddrRange, AddrSet, Family};

/// Bytes as a programme of changes, four bytes each: what, where, from, how many more. After each change the set
/// must equal the naive one.
pub(crate) fn set_operations(programme: &[u8]) {
    let (mut set, mut model) = (AddrSet::new(), BTreeSet::new());
    // The naive set is compared as a whole after every change, so a longer programme finds nothing new, only later.
    for step in programme.chunks_exact(4).take(64) {
        let &[what, place, from, more] = step else {
            unreachable!("chunks of four")
        };
        let range = range(place, from, more);
        change(what, range, &mut set, &mut model);
        compare(&set, &model);
        ask(range, &set, &model);
    }
}

fn change(what: u8, range: AddrRange, set: &mut AddrSet, model: &mut BTreeSet<IpAddr>) {
    let first = range.first();
    match what % 8 {
        0 => {
            set.insert(range);
            model.extend(addresses(range));
        }
        1 => {
            set.remove(range);
            model.retain(|&address| !range.contains(address));
        }
        2 => assert_eq!(set.insert_addr(first), model.insert(first)),
        3 => assert_eq!(set.remove_addr(first), model.remove(&first)),
        4 => assert_eq!(set.take_first(), model.pop_first()),
        5 => {
            *set = set.union(&AddrSet::from(range));
            model.extend(addresses(range));
        }
        6 => {
            *set = set.difference(&AddrSet::from(range));
            model.retain(|&address| !range.contains(address));
        }
        _ => {
            let rest = set.complement(range.family());
            assert_eq!(set.intersection(&rest), AddrSet::new());
            let other = set.difference(&AddrSet::from(AddrRange::whole(range.family())));
            assert_eq!(rest.complement(range.family()).union(&other), *set);
        }
    }
}

fn compare(set: &AddrSet, model: &BTreeSet<IpAddr>) {
    assert_eq!(set.count(), model.len() as u128);
    assert!(
        set.ranges().flat_map(addresses).eq(model.iter().copied()),
        "{set}"
    );
    assert_eq!(*set, model.iter().copied().collect(), "one normal form");
    assert_eq!(
        (set.first(), set.last()),
        (model.first().copied(), model.last().copied())
    );
}

fn ask(range: AddrRange, set: &AddrSet, model: &BTreeSet<IpAddr>) {
    assert_eq!(set.covers(range), addresses(range).all(|a| model.contains(&a)));
    assert_eq!(set.overlaps(range), addresses(range).any(|a| model.contains(&a)));
    let inside: AddrSet = model.iter().copied().filter(|&a| range.contains(a)).collect();
    assert_eq!(set.intersection_with_range(range), inside);
    for address in [range.first(), range.last()] {
        assert_eq!(
            set.next_at_or_after(address),
            model.range(address..).next().copied()
        );
        let gap = set.next_gap_at_or_after(address);
        assert!(gap.is_none_or(|gap| gap >= address && !set.contains(gap)));
    }
    let middle = set.count() / 2;
    assert_eq!(
        set.nth(middle),
        usize::try_from(middle)
            .ok()
            .and_then(|n| model.iter().nth(n))
            .copied()
    );
}

/// At most 16 addresses in a window of 256 at an end or in the middle of a family.
fn range(place: u8, from: u8, more: u8) -> AddrRange {
    let family = if place.is_multiple_of(2) {
        Family::V4
    } else {
        Family::V6
    };
    let max = u128::MAX >> (128 - u32::from(family.bits()));
    let base = match place / 2 % 3 {
        0 => 0,
        1 => max / 2 - 128,
        _ => max - 255,
    };
    let first = base + u128::from(from);
    let last = first + u128::from((more % 16).min(255 - from));
    AddrRange::new(address(family, first), address(family, last)).expect("first is not above last")
}

fn address(family: Family, bits: u128) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::from_bits(u32::try_from(bits).expect("within 32 bits")).into(),
        Family::V6 => Ipv6Addr::from_bits(bits).into(),
    }
}

fn addresses(range: AddrRange) -> impl Iterator<Item = IpAddr> {
    let bits = |address| match address {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    };
    (bits(range.first())..=bits(range.last())).map(move |bits| address(range.family(), bits))
}
