use super::*;
use std::net::IpAddr;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn prefix(text: &str, length: u8) -> Prefix {
    Prefix::new_masked(ip(text), length).unwrap()
}

fn range(first: &str, last: &str) -> AddrRange {
    AddrRange::new(ip(first), ip(last)).unwrap()
}

#[test]
fn families_know_their_size_and_their_name() {
    assert_eq!((Family::V4.bits(), Family::V6.bits()), (32, 128));
    assert_eq!(Family::ALL.map(|f| f.to_string()), ["IPv4", "IPv6"]);
    assert_eq!(Family::ALL.map(Family::lowest), [ip("0.0.0.0"), ip("::")]);
    let highest = ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_eq!(Family::ALL.map(Family::highest), [ip("255.255.255.255"), highest]);
}

#[test]
fn a_mapped_address_is_ipv6_and_differs_from_the_ipv4_address() {
    assert_eq!(Family::of(ip("::ffff:10.0.0.1")), Family::V6);
    assert!(!AddrRange::single(ip("::ffff:10.0.0.1")).contains(ip("10.0.0.1")));
    assert_ne!(
        AddrRange::single(ip("::ffff:10.0.0.1")),
        AddrRange::single(ip("10.0.0.1"))
    );
}

#[test]
fn masking_clears_host_bits_at_both_ends_of_both_families() {
    for (address, length, base, last) in [
        ("0.0.0.0", 0, "0.0.0.0", "255.255.255.255"),
        ("255.255.255.255", 0, "0.0.0.0", "255.255.255.255"),
        ("255.255.255.255", 31, "255.255.255.254", "255.255.255.255"),
        ("255.255.255.255", 32, "255.255.255.255", "255.255.255.255"),
        ("10.1.2.3", 1, "0.0.0.0", "127.255.255.255"),
        ("10.1.2.3", 22, "10.1.0.0", "10.1.3.255"),
        ("::", 0, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("ffff::1", 0, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("ffff::1", 1, "8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fd00::1", 64, "fd00::", "fd00::ffff:ffff:ffff:ffff"),
        ("fd00::1", 127, "fd00::", "fd00::1"),
        ("fd00::1", 128, "fd00::1", "fd00::1"),
    ] {
        let prefix = prefix(address, length);
        assert_eq!(
            (prefix.base(), prefix.length()),
            (ip(base), length),
            "{address}/{length}"
        );
        assert_eq!(prefix.range(), range(base, last), "{address}/{length}");
        assert_eq!(prefix.range().as_prefix(), Some(prefix), "{address}/{length}");
        assert!(prefix.contains(ip(address)));
        assert_eq!(prefix.to_string(), format!("{}/{length}", ip(base)));
    }
}

#[test]
fn a_prefix_longer_than_the_family_is_refused_with_the_remedy() {
    let error = Prefix::new_masked(ip("10.0.0.0"), 33).unwrap_err();
    assert_eq!(
        error.to_string(),
        "prefix length 33 is too long for IPv4; use 0 to 32"
    );
    assert!(Prefix::new_masked(ip("fd00::"), 129).is_err());
    assert!(Prefix::new_masked(ip("fd00::"), 255).is_err());
}

#[test]
fn a_range_needs_ends_of_one_family_in_order() {
    let error = AddrRange::new(ip("10.0.0.5"), ip("10.0.0.2")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "10.0.0.5-10.0.0.2 ends before it starts; write the lower address first"
    );
    let error = AddrRange::new(ip("10.0.0.5"), ip("fd00::1")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "10.0.0.5 and fd00::1 belong to different address families; write one range per family"
    );
    assert_eq!(range("10.0.0.5", "10.0.0.5").count(), 1);
}

#[test]
fn counts_are_exact_up_to_one_less_than_all_of_ipv6() {
    assert_eq!(AddrRange::whole(Family::V4).count(), 1 << 32);
    assert_eq!(prefix("::", 1).range().count(), 1 << 127);
    assert_eq!(
        range("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").count(),
        u128::MAX
    );
    assert_eq!(AddrRange::whole(Family::V6).count(), u128::MAX, "2^128 saturates");
}

#[test]
fn ranges_cover_and_intersect_only_within_their_family() {
    let outer = range("10.0.0.2", "10.0.0.9");
    assert!(outer.covers(range("10.0.0.2", "10.0.0.9")));
    assert!(!outer.covers(range("10.0.0.1", "10.0.0.9")));
    assert!(!outer.covers(range("10.0.0.2", "10.0.0.10")));
    assert!(outer.contains(ip("10.0.0.9")) && !outer.contains(ip("10.0.0.10")));
    assert_eq!(
        outer.intersection(range("10.0.0.8", "10.0.1.0")),
        Some(range("10.0.0.8", "10.0.0.9"))
    );
    assert_eq!(outer.intersection(range("10.0.0.10", "10.0.1.0")), None);
    assert!(!AddrRange::whole(Family::V6).covers(outer));
    assert_eq!(AddrRange::whole(Family::V6).intersection(outer), None);
}

#[test]
fn a_range_is_a_prefix_only_when_one_prefix_holds_exactly_it() {
    assert_eq!(
        range("10.0.0.0", "10.0.0.255").as_prefix(),
        Some(prefix("10.0.0.0", 24))
    );
    assert_eq!(range("10.0.0.1", "10.0.0.2").as_prefix(), None);
    assert_eq!(range("10.0.0.2", "10.0.0.4").as_prefix(), None);
    assert_eq!(
        range("10.0.0.1", "10.0.0.1").as_prefix(),
        Some(prefix("10.0.0.1", 32))
    );
}

#[test]
fn ranges_and_prefixes_print_both_ends_and_the_length() {
    assert_eq!(range("10.0.0.1", "10.0.0.1").to_string(), "10.0.0.1-10.0.0.1");
    assert_eq!(format!("{:?}", range("fd00::", "fd00::f")), "fd00::-fd00::f");
    assert_eq!(format!("{:?}", prefix("fd00::1", 64)), "fd00::/64");
}

#[test]
fn ipv4_sorts_before_ipv6() {
    let mut ranges = [
        range("::", "::1"),
        range("10.0.0.9", "10.0.0.9"),
        range("10.0.0.1", "10.0.0.9"),
    ];
    ranges.sort();
    assert_eq!(
        ranges.map(|r| r.to_string()),
        ["10.0.0.1-10.0.0.9", "10.0.0.9-10.0.0.9", "::-::1"]
    );
    assert!(prefix("255.0.0.0", 8) < prefix("::", 0));
    assert!(prefix("fd00::", 48) < prefix("fd00::", 64));
}
