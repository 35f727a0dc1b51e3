//! The allocatable set against a model that looks at every address of a small window.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use api::pool::{AddressPoolSpec, PrefixPoolSpec};
use proptest::prelude::*;

use super::Domain;

/// Where the window of a family starts: at an end of the number range, where arithmetic goes wrong first.
fn address(v6: bool, offset: u8) -> IpAddr {
    if v6 {
        Ipv6Addr::from_bits(u128::MAX - 255 + u128::from(offset)).into()
    } else {
        Ipv4Addr::from_bits(u32::MAX - 255 + u32::from(offset)).into()
    }
}

/// An entry and the members it has.
#[derive(Clone, Copy, Debug)]
enum Piece {
    Single(u8),
    Range(u8, u8),
    /// Offset and host bits.
    Network(u8, u8),
}

impl Piece {
    fn text(self, v6: bool) -> String {
        match self {
            Self::Single(a) => address(v6, a).to_string(),
            Self::Range(a, b) => format!("{}-{}", address(v6, a.min(b)), address(v6, a.max(b))),
            Self::Network(a, host) => format!("{}/{}", address(v6, a), if v6 { 128 } else { 32 } - host),
        }
    }

    fn members(self) -> BTreeSet<u8> {
        match self {
            Self::Single(a) => BTreeSet::from([a]),
            Self::Range(a, b) => (a.min(b)..=a.max(b)).collect(),
            Self::Network(a, host) => (0..=255).filter(|m| (a ^ m) >> host == 0).collect(),
        }
    }
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        any::<u8>().prop_map(Piece::Single),
        any::<(u8, u8)>().prop_map(|(a, b)| Piece::Range(a, b)),
        (any::<u8>(), 0..8_u8).prop_map(|(a, host)| Piece::Network(a, host)),
    ]
}

fn members(pieces: &[Piece]) -> BTreeSet<u8> {
    pieces.iter().flat_map(|p| p.members()).collect()
}

fn texts(pieces: &[Piece], v6: bool) -> Vec<String> {
    pieces.iter().map(|p| p.text(v6)).collect()
}

proptest! {
    #[test]
    fn allocatable_set_equals_the_model(
        pieces in prop::collection::vec(piece(), 1..5),
        excluded in prop::collection::vec(piece(), 0..4),
        gateway in proptest::option::of(any::<u8>()),
        reserved: bool,
        host in 0..8_u8,
        v6: bool,
    ) {
        let bits: i64 = if v6 { 128 } else { 32 };
        let spec = AddressPoolSpec {
            addresses: texts(&pieces, v6),
            prefix: bits - i64::from(host),
            gateway: gateway.map(|g| address(v6, g).to_string()),
            allocate_reserved_ip_addresses: Some(reserved),
            excluded_addresses: Some(texts(&excluded, v6)),
            ..AddressPoolSpec::default()
        };
        let union = members(&pieces);
        let lowest = *union.first().expect("never empty");
        let mask = u8::MAX.checked_shl(host.into()).unwrap_or(0);
        let (first, last) = (lowest & mask, lowest | !mask);

        let mut model = &union - &members(&excluded);
        if !reserved {
            model.remove(&first);
            if !v6 {
                model.remove(&last);
            }
        }
        if let Some(gateway) = gateway {
            model.remove(&gateway);
        }

        let domain = Domain::of_stored_addresses(&spec).expect("every entry is well-formed");
        let set: Vec<IpAddr> = model.iter().map(|m| address(v6, *m)).collect();
        prop_assert_eq!(domain.total(), set.len() as u128);
        for (i, member) in set.iter().enumerate() {
            let slot = domain.slots.nth(i as u128).expect("counted");
            prop_assert_eq!(domain.slot_text(slot), Some(member.to_string()));
            prop_assert_eq!(domain.slot_in_use(&member.to_string(), None), Some(slot));
        }
        // Admission differs in one thing: every entry has to lie in the subnet.
        let inside = pieces.iter().all(|p| p.members().iter().all(|m| (first..=last).contains(m)));
        match Domain::of_addresses(&spec) {
            Ok(strict) => {
                prop_assert!(inside);
                prop_assert_eq!(strict, domain);
            }
            Err(problems) => {
                prop_assert!(!inside);
                let astray = pieces.iter().filter(|p| p.members().iter().any(|m| !(first..=last).contains(m)));
                prop_assert_eq!(problems.len(), astray.count());
            }
        }
    }

    #[test]
    fn slots_equal_the_model(
        pieces in prop::collection::vec((any::<u8>(), 0..8_u8), 1..5),
        excluded in prop::collection::vec(piece(), 0..4),
        host in 0..8_u8,
    ) {
        let networks: Vec<Piece> = pieces.iter().map(|(a, host)| Piece::Network(*a, *host)).collect();
        let spec = PrefixPoolSpec {
            prefixes: texts(&networks, true),
            allocation_prefix_length: Some(i64::from(128 - host)),
            excluded_prefixes: Some(texts(&excluded, true)),
            ..PrefixPoolSpec::default()
        };
        let (union, blocked) = (members(&networks), members(&excluded));
        let size = 1_u16 << host;
        let is_slot = |base: &u16| {
            (*base..base + size).all(|m| u8::try_from(m).is_ok_and(|m| union.contains(&m) && !blocked.contains(&m)))
        };
        let model: Vec<u16> = (0..256).step_by(size.into()).filter(is_slot).collect();

        let domain = Domain::of_stored_prefixes(&spec).expect("every entry is well-formed");
        let bases = (0..domain.total()).filter_map(|i| domain.slots.nth(i)).filter_map(|slot| domain.slot_text(slot));
        let expected = model.iter().map(|m| address(true, u8::try_from(*m).expect("below 256")).to_string());
        prop_assert_eq!(bases.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}
