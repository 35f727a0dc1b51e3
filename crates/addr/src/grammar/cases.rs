//! Cases 1 to 15 of spec §19.1.

use super::{Entry, ParseError};

/// Number of addresses of a valid entry.
fn count(text: &str) -> u128 {
    entry(text).range().count()
}

fn entry(text: &str) -> Entry {
    text.parse()
        .unwrap_or_else(|e| panic!("`{text}` must be valid: {e}"))
}

fn refused(texts: &[&str]) {
    for text in texts {
        let result: Result<Entry, ParseError> = text.parse();
        assert!(result.is_err(), "`{text}` must be refused, is {result:?}");
    }
}

#[test]
fn case_1_single_address() {
    assert_eq!(count("192.168.1.2"), 1);
    assert_eq!(entry("192.168.1.2").to_string(), "192.168.1.2");
}

#[test]
fn case_2_range() {
    assert_eq!(count("192.168.1.2-192.168.1.4"), 3);
}

#[test]
fn case_3_cidr_with_host_bits_means_the_whole_network() {
    assert_eq!(count("192.168.1.2/24"), 256);
    assert_eq!(
        entry("192.168.1.2/24").range().to_string(),
        "192.168.1.0-192.168.1.255"
    );
}

#[test]
fn case_4_ipv6() {
    assert_eq!(count("fe80::1"), 1);
    assert_eq!(count("fe80::1-fe80::3"), 3);
    assert_eq!(count("fe80::1/64"), 1 << 64);
}

#[test]
fn case_5_not_an_address() {
    refused(&["192.168.1.2612", "192.168.1.2.4", "fe80::zzzz", "garbage"]);
}

#[test]
fn case_6_too_many_dashes() {
    refused(&["192.168.1.2-192.168.1.4-", "192.168.1.2-192.168.1.4-192.168.1.9"]);
}

#[test]
fn case_7_reversed_range() {
    refused(&["192.168.1.4-192.168.1.2", "fe80::3-fe80::1"]);
}

#[test]
fn case_8_cidr_in_a_range() {
    refused(&["192.168.1.4/21-192.168.1.2", "192.168.1.4/-192.168.1.2"]);
}

#[test]
fn case_9_length_beyond_the_family() {
    refused(&["192.168.1.2/33", "10.0.0.10/33", "fe80::1/129"]);
}

#[test]
fn case_10_commas() {
    refused(&["10.0.0.25,26,10.0.1.27"]);
}

#[test]
fn case_11_two_families_in_a_range() {
    refused(&["10.0.0.1-fe80::1"]);
}

#[test]
fn case_12_range_of_one() {
    assert_eq!(count("10.0.0.5-10.0.0.5"), 1);
}

#[test]
fn case_13_leading_zeros_signs_blanks_nothing() {
    refused(&["10.0.0.01", "10.0.0.1/024", "10.0.0.1/+24", " 10.0.0.1", ""]);
}

#[test]
fn case_14_zone_is_dropped() {
    assert_eq!(entry("fe80::1%eth0"), entry("fe80::1"));
    assert_eq!(entry("fe80::1%eth0").to_string(), "fe80::1");
}

#[test]
fn case_15_no_zone_in_a_cidr() {
    refused(&["fe80::1%eth0/64"]);
}
