//! Properties of address plans, against naive models.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::prelude::*;
use runtime::clock::BootTime;

use super::{CidrList, GuestMemory, Inputs, Use, plan, sort};
use super::{Evidence, Glob, Provided};
use crate::plan::facts::{AddressKind, GuestAnswer, GuestInterface, GuestReason, NodeAddress};
use crate::plan::settings::{Mode, NetworkSettings, Semantics};

/// Few bits, so that addresses and networks meet often.
fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..4_u8, 0..4_u8).prop_map(|(a, b)| IpAddr::V4(Ipv4Addr::new(10, a, 0, b))),
        (0..4_u16, 0..4_u16).prop_map(|(a, b)| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, a, 0, 0, 0, 0, b))),
    ]
}

fn item() -> impl Strategy<Value = (bool, IpAddr, u8)> {
    (any::<bool>(), address(), 0..=32_u8).prop_map(|(negated, ip, length)| {
        let length = if ip.is_ipv4() { length } else { length * 4 };
        (negated, ip, length)
    })
}

fn items() -> impl Strategy<Value = Vec<(bool, IpAddr, u8)>> {
    prop::collection::vec(item(), 0..8)
}

fn written(items: &[(bool, IpAddr, u8)]) -> CidrList {
    let texts = items
        .iter()
        .map(|(negated, ip, length)| format!("{}{ip}/{length}", if *negated { "!" } else { "" }));
    let (list, refused) = CidrList::parse(&texts.collect::<Vec<_>>().join(" "));
    assert!(refused.is_empty(), "{refused:?}");
    list
}

/// An address as its bits, first one first: the naive way to compare prefixes.
fn bits(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => format!("4{:032b}", v4.to_bits()),
        IpAddr::V6(v6) => format!("6{:0128b}", v6.to_bits()),
    }
}

fn contains(network: IpAddr, length: u8, ip: IpAddr) -> bool {
    let taken = usize::from(length) + 1;
    bits(ip).starts_with(&bits(network)[..taken])
}

fn entries() -> impl Strategy<Value = Vec<NodeAddress>> {
    let kinds = prop_oneof![Just(AddressKind::InternalIp), Just(AddressKind::ExternalIp)];
    prop::collection::vec((kinds, address()), 0..10).prop_map(|all| {
        let mut list = vec![NodeAddress::new(AddressKind::Hostname, "n1")];
        for (kind, ip) in all {
            let entry = NodeAddress::new(kind, &ip.to_string());
            if !list.contains(&entry) {
                list.push(entry);
            }
        }
        list
    })
}

fn guest() -> impl Strategy<Value = GuestAnswer> {
    let interface = (
        "eth[0-3]|lo|docker0",
        prop::collection::vec(address().prop_map(|ip| ip.to_string()), 0..5),
    );
    let interface = interface.prop_map(|(name, addresses)| GuestInterface {
        name: name.into(),
        mac: None,
        addresses,
    });
    let reasons = prop::sample::select(GuestReason::ALL.to_vec());
    prop_oneof![
        prop::collection::vec(interface, 0..4).prop_map(GuestAnswer::Known),
        reasons.prop_map(|reason| GuestAnswer::unavailable(reason, "")),
    ]
}

fn rules() -> impl Strategy<Value = NetworkSettings> {
    let semantics = prop_oneof![Just(Semantics::Documented), Just(Semantics::Upstream)];
    (items(), items(), semantics, any::<bool>()).prop_map(|(external, sort, semantics, ipv6_disabled)| {
        NetworkSettings {
            mode: Mode::Qemu,
            external: written(&external),
            sort: written(&sort),
            semantics,
            ipv6_disabled,
            ..NetworkSettings::default()
        }
    })
}

fn ips(entries: &[NodeAddress]) -> usize {
    entries.iter().filter(|entry| entry.kind.is_ip()).count()
}

proptest! {
    #[test]
    fn the_verdict_of_a_list_is_that_of_its_longest_item(items in items(), ip in address()) {
        let inside = items.iter().filter(|(_, network, length)| contains(*network, *length, ip));
        let expected = inside.map(|(negated, _, length)| (*length, *negated)).max();
        let list = written(&items);
        let found = match list.most_specific(ip) {
            Use::None => None,
            Use::Plain(item) => Some((item.prefix.length(), false)),
            Use::Negated(item) => Some((item.prefix.length(), true)),
        };
        prop_assert_eq!(found, expected);
    }

    /// Sorting by hand: one network after the other takes what it contains, by number; the rest stays as it was.
    #[test]
    fn sorting_is_stable_and_total(list in entries(), items in items()) {
        let mut rest = list.clone();
        let mut expected = Vec::new();
        for (_, network, length) in items.iter().filter(|(negated, ..)| !negated) {
            let ip = |entry: &NodeAddress| entry.address.parse::<IpAddr>().ok();
            let inside = |entry: &NodeAddress| ip(entry).is_some_and(|ip| contains(*network, *length, ip));
            let (mut taken, left): (Vec<_>, Vec<_>) = rest.into_iter().partition(inside);
            taken.sort_by_key(|entry| ip(entry).map(|ip| match ip {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            }));
            expected.extend(taken);
            rest = left;
        }
        expected.extend(rest);
        let mut sorted = list.clone();
        sort(&mut sorted, &written(&items), Semantics::Documented);
        prop_assert_eq!(&sorted, &expected);
        sort(&mut sorted, &written(&items), Semantics::Documented);
        prop_assert_eq!(&sorted, &expected, "sorting again changes nothing");
    }

    /// §5.8: silence takes nothing away, whatever was said before.
    #[test]
    fn an_unavailable_guest_never_takes_an_address(
        before in prop::collection::vec(guest(), 0..4),
        status in entries(),
        reason in prop::sample::select(GuestReason::ALL.to_vec()),
        rules in rules(),
    ) {
        let mut memory = GuestMemory::default();
        let mut now = BootTime::ZERO;
        let mut status = status;
        for answer in before.iter().chain([&GuestAnswer::unavailable(reason, "")]) {
            now = now + Duration::from_secs(20);
            let inputs = Inputs { hostname: "n1", provided: None, previous: &status, evidence: Evidence::NotAsked };
            let (planned, _) = memory.settle(now, answer, &[], &inputs, &rules).expect("no annotation");
            if matches!(answer, GuestAnswer::Unavailable(_)) {
                prop_assert!(planned.ip_count() >= ips(&status), "{status:?} became {:?}", planned.addresses);
            }
            status = planned.addresses;
        }
    }

    /// The same facts give the same list, and the list it gave is not changed by the next look.
    #[test]
    fn a_plan_is_stable(answer in guest(), status in entries(), rules in rules()) {
        let GuestAnswer::Known(_) = &answer else { return Ok(()) };
        let mut memory = GuestMemory::default();
        let look = |memory: &mut GuestMemory, seconds, previous: &[NodeAddress]| {
            let inputs = Inputs { hostname: "n1", provided: None, previous, evidence: Evidence::NotAsked };
            let now = BootTime::ZERO + Duration::from_secs(seconds);
            memory.settle(now, &answer, &[], &inputs, &rules).expect("no annotation").0.addresses
        };
        look(&mut memory, 0, &status);
        let settled = look(&mut memory, 60, &status);
        prop_assert_eq!(&look(&mut memory, 120, &settled), &settled);
    }

    /// §5.7: the provided addresses come first and in order, and no other is of their type.
    #[test]
    fn provided_addresses_rule(first in address(), second in address(), status in entries(), rules in rules()) {
        let texts = if first.is_ipv4() == second.is_ipv4() { format!("{first}") } else { format!("{first}, {second}") };
        let inputs = Inputs {
            hostname: "n1", provided: Some(&texts), previous: &status, evidence: Evidence::Previous,
        };
        let provided = Provided::read(Some(&texts)).expect("one, or one of each family");
        // With upstream semantics a rule may drop a provided address, on purpose.
        let rules = NetworkSettings { semantics: Semantics::Documented, ..rules };
        let planned = plan(&inputs, &rules).expect("provided addresses are never dropped");
        let internal: Vec<IpAddr> = planned.addresses.iter()
            .filter(|entry| entry.kind == AddressKind::InternalIp)
            .map(|entry| entry.address.parse().expect("ours"))
            .collect();
        prop_assert_eq!(internal.as_slice(), provided.addresses());
        prop_assert_eq!(planned.addresses.iter().filter(|entry| entry.kind == AddressKind::Hostname).count(), 1);
    }

    #[test]
    fn a_glob_is_what_a_naive_matcher_says(pattern in "[ab*?]{0,8}", name in "[abc]{0,8}") {
        prop_assert_eq!(Glob::new(&pattern).matches(&name), naive(pattern.as_bytes(), name.as_bytes()));
    }

    #[test]
    fn no_text_panics(text in ".{0,60}", list in "[!0-9a-f:./, ]{0,40}") {
        let _ = Provided::read(Some(&text));
        let _ = Provided::read(Some(&list));
        let _ = CidrList::parse(&text);
        let _ = CidrList::parse(&list);
    }
}

fn naive(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => naive(rest, name) || (!name.is_empty() && naive(pattern, &name[1..])),
        ([b'?', p @ ..], [_, n @ ..]) => naive(p, n),
        ([a, p @ ..], [b, n @ ..]) if a == b => naive(p, n),
        _ => false,
    }
}
