//! Cases 16 to 22 of spec §19.2: counting a union.

use super::AddrSet;
use crate::{Entry, saturating_i64};

fn count(entries: &[&str]) -> u128 {
    let parsed = entries.iter().map(|text| text.parse::<Entry>().unwrap().range());
    parsed.collect::<AddrSet>().count()
}

#[test]
fn case_16_empty_list() {
    assert_eq!(count(&[]), 0);
}

#[test]
fn case_17_single_addresses() {
    assert_eq!(count(&["192.168.1.1"]), 1);
    assert_eq!(count(&["192.168.1.1", "192.168.1.2"]), 2);
}

#[test]
fn case_18_two_ranges() {
    assert_eq!(
        count(&["192.168.1.1-192.168.1.10", "192.168.1.20-192.168.1.25"]),
        16
    );
}

#[test]
fn case_19_overlap_counts_once() {
    assert_eq!(
        count(&["192.168.1.1-192.168.1.10", "192.168.1.5-192.168.1.15"]),
        15
    );
}

#[test]
fn case_20_cidrs_with_host_bits() {
    assert_eq!(count(&["192.168.1.1/24", "192.168.2.1/31"]), 258);
}

#[test]
fn case_21_small_ipv6_network() {
    assert_eq!(count(&["fe80::1/126"]), 4);
}

#[test]
fn case_22_status_counts_saturate() {
    assert_eq!(count(&["fe80::1/65"]), 1 << 63);
    assert_eq!(saturating_i64(count(&["fe80::1/65"])), 9_223_372_036_854_775_807);
    assert_eq!(saturating_i64(count(&["fe80::1/20"])), 9_223_372_036_854_775_807);
    assert_eq!(saturating_i64(count(&["fe80::1/66"])), 1 << 62);
}
