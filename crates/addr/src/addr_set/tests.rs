use std::net::IpAddr;

use super::AddrSet;
use crate::{AddrRange, Entry, Family};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn range(text: &str) -> AddrRange {
    text.parse::<Entry>().unwrap().range()
}

/// The set of blank-separated entries.
fn set(entries: &str) -> AddrSet {
    entries.split_whitespace().map(range).collect()
}

#[test]
fn every_range_is_written_from_to_in_square_brackets() {
    let offenders = set("10.0.0.13 10.0.0.11 10.0.0.10");
    assert_eq!(offenders.to_string(), "[10.0.0.10-10.0.0.11 10.0.0.13-10.0.0.13]");
    assert_eq!(format!("{offenders:?}"), offenders.to_string());
    assert_eq!(AddrSet::new().to_string(), "[]");
    assert_eq!(
        set("fd00::/127 10.0.0.1").to_string(),
        "[10.0.0.1-10.0.0.1 fd00::-fd00::1]"
    );
}

#[test]
fn both_families_live_side_by_side_ipv4_first() {
    let both = set("fd00::1 ::ffff:10.0.0.1 10.0.0.1 0.0.0.0 255.255.255.255");
    assert_eq!((both.count(), both.range_count()), (5, 5));
    assert_eq!(
        (both.first(), both.last()),
        (Some(ip("0.0.0.0")), Some(ip("fd00::1")))
    );
    assert!(both.families().eq(Family::ALL));
    assert_eq!(both.nth(2), Some(ip("255.255.255.255")));
    assert_eq!(both.nth(3), Some(ip("::ffff:10.0.0.1")));
    assert_eq!(both.nth(5), None);
    assert_eq!(both.next_at_or_after(ip("10.0.0.2")), Some(ip("255.255.255.255")));
    assert!(set("fd00::1").next_at_or_after(ip("10.0.0.2")) == Some(ip("fd00::1")));
    assert_eq!(both.next_at_or_after(ip("fd00::2")), None);
    assert!(set("10.0.0.1").families().eq([Family::V4]));
}

#[test]
fn the_ends_of_the_families_do_not_touch() {
    let ends = set("255.255.255.255 ::");
    assert_eq!(ends.range_count(), 2);
    assert_eq!(ends.next_gap_at_or_after(ip("255.255.255.255")), None);
    assert_eq!(ends.next_gap_at_or_after(ip("::")), Some(ip("::1")));
    assert!(!set("0.0.0.0/0").overlaps(range("::/0")));
}

#[test]
fn counting_saturates_only_when_all_of_ipv6_is_in() {
    assert_eq!(set("0.0.0.0/0").count(), 1 << 32);
    assert_eq!(set("::/1").count(), 1 << 127);
    assert_eq!(set("::/0").count(), u128::MAX);
    assert_eq!(set("::/0 0.0.0.0/0").count(), u128::MAX);
    assert_eq!(set("::/0").nth(u128::MAX), Some(Family::V6.highest()));
    let mut nearly = set("::/0");
    assert!(nearly.remove_addr(ip("::")));
    assert!(nearly.remove_addr(ip("::5")));
    assert_eq!(nearly.count(), u128::MAX - 1);
}

#[test]
fn the_complement_concerns_one_family() {
    let both = set("10.0.0.0/8 fd00::/8");
    let rest = both.complement(Family::V4);
    assert_eq!(rest, set("0.0.0.0-9.255.255.255 11.0.0.0-255.255.255.255"));
    assert_eq!(AddrSet::new().complement(Family::V6), set("::/0"));
    assert!(set("::/0").complement(Family::V6).is_empty());
}

#[test]
fn a_pool_hands_out_its_lowest_free_address_and_gets_it_back() {
    let mut free = set("192.0.2.10-192.0.2.12 192.0.2.20");
    let handed_out: Vec<_> = std::iter::from_fn(|| free.take_first()).collect();
    assert_eq!(
        handed_out,
        ["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.20"].map(ip)
    );
    assert!(free.is_empty() && free.take_first().is_none());
    assert!(free.insert_addr(ip("192.0.2.12")) && free.insert_addr(ip("192.0.2.11")));
    assert!(!free.insert_addr(ip("192.0.2.11")), "released twice");
    assert_eq!(free.first(), Some(ip("192.0.2.11")));
}

#[test]
fn take_first_goes_on_with_ipv6() {
    let mut free = set("192.0.2.1 2001:db8::1-2001:db8::2");
    assert_eq!(free.take_first(), Some(ip("192.0.2.1")));
    assert_eq!(free.take_first(), Some(ip("2001:db8::1")));
    assert_eq!(free, set("2001:db8::2"));
}

#[test]
fn parts_of_a_set_are_found_without_the_rest() {
    let used = set("10.0.0.0/24 10.0.2.0/24 fd00::/64");
    assert_eq!(
        used.intersection_with_range(range("10.0.0.128-10.0.2.1")).count(),
        130
    );
    assert!(used.ranges_within(range("fd00::/126")).eq([range("fd00::/126")]));
    assert_eq!(used.range_around(ip("10.0.2.7")), Some(range("10.0.2.0/24")));
    assert_eq!(used.range_around(ip("10.0.1.7")), None);
    assert!(used.covers(range("10.0.2.0/25")) && !used.covers(range("10.0.0.0/23")));
    assert!(used.overlaps(range("10.0.0.0/23")) && !used.overlaps(range("10.0.1.0/24")));
    assert!(used.overlaps(range("::/0")));
}

#[test]
fn sets_grow_by_ranges_and_by_addresses() {
    let mut used = set("10.0.0.1");
    used.extend([range("10.0.0.4/31"), range("fd00::1")]);
    used.extend([ip("10.0.0.2"), ip("fd00::2")]);
    assert_eq!(used, set("10.0.0.1-10.0.0.2 10.0.0.4/31 fd00::1-fd00::2"));
    used.remove(range("10.0.0.0/8"));
    assert_eq!(used, [ip("fd00::2"), ip("fd00::1")].into_iter().collect());
    used.clear();
    assert_eq!(used, AddrSet::default());
}

#[test]
fn disjoint_and_subset_look_at_both_families() {
    let (v4, v6) = (set("10.0.0.0/24"), set("fd00::/64"));
    let both = v4.union(&v6);
    assert!(v4.is_disjoint(&v6) && v4.is_subset(&both) && v6.is_subset(&both));
    assert!(!both.is_subset(&v4) && !both.is_disjoint(&v6));
    assert!(both.difference(&v4) == v6 && both.intersection(&v4) == v4);
}
