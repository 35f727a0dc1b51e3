use std::net::IpAddr;

use proptest::prelude::*;

use super::{Entry, parse_address};
use crate::{AddrRange, Family, Prefix};

/// Addresses near the ends as often as anywhere.
fn address(family: Family) -> impl Strategy<Value = IpAddr> {
    let max = family.max_bits();
    let bits = prop_oneof![
        0..=max,
        0..=3_u128,
        max - 3..=max,
        (0..family.bits()).prop_map(|bit| 1 << bit)
    ];
    bits.prop_map(move |bits| family.address(bits))
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

fn entry() -> impl Strategy<Value = Entry> {
    let one = |family: Family| {
        prop_oneof![
            address(family).prop_map(Entry::Address),
            (address(family), address(family)).prop_map(|(a, b)| Entry::Range {
                first: a.min(b),
                last: a.max(b)
            }),
            (address(family), 0..=family.bits())
                .prop_map(|(address, length)| Entry::Cidr { address, length }),
        ]
    };
    family().prop_flat_map(one)
}

proptest! {
    #[test]
    fn parsing_what_is_displayed_gives_the_entry_back(entry in entry()) {
        prop_assert_eq!(entry.to_string().parse::<Entry>(), Ok(entry));
    }

    #[test]
    fn upper_case_and_written_out_ipv6_means_the_same(address in address(Family::V6)) {
        let IpAddr::V6(v6) = address else { unreachable!("asked for IPv6") };
        let [a, b, c, d, e, f, g, h] = v6.segments();
        let long = format!("{a:04X}:{b:x}:{c:04x}:{d:X}:{e:04X}:{f:x}:{g:04x}:{h:X}");
        prop_assert_eq!(parse_address(&long), Ok(address));
        prop_assert_eq!(parse_address(&format!("{long}%eth0")), Ok(address));
    }

    #[test]
    fn an_entry_means_the_range_it_names(entry in entry()) {
        let range = entry.range();
        prop_assert_eq!(range.family(), entry.family());
        match entry {
            Entry::Address(a) => prop_assert_eq!(range, AddrRange::single(a)),
            Entry::Range { first, last } => prop_assert_eq!((range.first(), range.last()), (first, last)),
            Entry::Cidr { address, length } => {
                let prefix = Prefix::new_masked(address, length).unwrap();
                prop_assert_eq!(range, prefix.range());
                prop_assert!(range.contains(address));
                prop_assert_eq!(range.as_prefix(), Some(prefix));
                let bits = entry.family().bits();
                let size = 1_u128.checked_shl((bits - length).into()).unwrap_or(u128::MAX);
                prop_assert_eq!(range.count(), size);
                prop_assert_eq!(entry.is_network_aligned(), prefix.base() == address);
            }
        }
    }

    #[test]
    fn a_blank_anywhere_makes_it_invalid(entry in entry(), at in any::<prop::sample::Index>(), blank in "[ \t\n\r\u{a0}]") {
        let mut text = entry.to_string();
        text.insert_str(at.index(text.len() + 1), &blank);
        prop_assert!(text.parse::<Entry>().is_err());
    }
}
