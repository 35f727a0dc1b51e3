//! Spec §19.4 as far as it needs no API server, and the ends of the number ranges.

use crate::plan::domain::fixtures::{AddressPoolExt as _, PrefixPoolExt as _, pool, prefixes};

use super::*;

fn addresses(entries: &[&str], prefix: i64) -> Ledger {
    Ledger::new(Domain::of_addresses(&pool(entries, prefix)).expect("an acceptable pool"))
}

fn prefix_pool(entries: &[&str], length: i64) -> Ledger {
    Ledger::new(Domain::of_prefixes(&prefixes(entries).length(length)).expect("an acceptable pool"))
}

/// Enters single addresses.
fn with(mut ledger: Ledger, in_use: &[&str]) -> Ledger {
    for address in in_use {
        ledger.occupy(Held::parse(address, Some(24)));
    }
    ledger
}

fn next(ledger: &Ledger) -> Option<String> {
    ledger
        .lowest_free()
        .and_then(|slot| ledger.domain().slot_text(slot))
}

fn ten_to_twenty(in_use: &[&str]) -> Ledger {
    with(addresses(&["192.168.1.10-192.168.1.20"], 24), in_use)
}

const TEN_TO_TWENTY: [&str; 11] = [
    "192.168.1.10",
    "192.168.1.11",
    "192.168.1.12",
    "192.168.1.13",
    "192.168.1.14",
    "192.168.1.15",
    "192.168.1.16",
    "192.168.1.17",
    "192.168.1.18",
    "192.168.1.19",
    "192.168.1.20",
];

#[test]
fn case_38_nothing_in_use() {
    assert_eq!(next(&ten_to_twenty(&[])).as_deref(), Some("192.168.1.10"));
}

#[test]
fn case_39_the_first_two_in_use() {
    assert_eq!(
        next(&ten_to_twenty(&TEN_TO_TWENTY[..2])).as_deref(),
        Some("192.168.1.12")
    );
}

#[test]
fn case_40_all_but_the_last_in_use() {
    assert_eq!(
        next(&ten_to_twenty(&TEN_TO_TWENTY[..10])).as_deref(),
        Some("192.168.1.20")
    );
}

#[test]
fn case_41_all_in_use() {
    let ledger = ten_to_twenty(&TEN_TO_TWENTY);
    assert_eq!(next(&ledger), None);
    assert!(ledger.is_exhausted());
}

#[test]
fn case_42_the_first_range_in_use() {
    let ledger = addresses(&["192.168.1.10-192.168.1.12", "192.168.1.20-192.168.1.22"], 24);
    assert_eq!(
        next(&with(ledger, &TEN_TO_TWENTY[..3])).as_deref(),
        Some("192.168.1.20")
    );
}

#[test]
fn case_43_the_order_of_the_list_does_not_matter() {
    assert_eq!(
        next(&addresses(&["10.0.0.3", "10.0.0.2"], 24)).as_deref(),
        Some("10.0.0.2")
    );
}

#[test]
fn case_50_case_51_whoever_made_it_and_whatever_it_says() {
    let ledger = with(
        addresses(&["10.0.0.2-10.0.0.11"], 24),
        &["10.0.0.2", "bogus", "10.0.0.3-10.0.0.9"],
    );
    assert_eq!(next(&ledger).as_deref(), Some("10.0.0.3"));
    assert_eq!(
        ledger.counts(),
        AddressCounts {
            total: 10,
            used: 3,
            free: 9,
            out_of_range: 0
        }
    );
}

#[test]
fn case_128_four_in_use() {
    let mut ledger = prefix_pool(&["fd00::/63", "fd00::/62", "fd00:0:0:8::/62"], 64);
    assert_eq!(
        (next(&ledger).as_deref(), ledger.counts().total),
        (Some("fd00::"), 8)
    );
    for base in ["fd00::", "fd00:0:0:1::", "fd00:0:0:2::", "fd00:0:0:3::"] {
        ledger.occupy(Held::parse(base, Some(64)));
    }
    assert_eq!(next(&ledger).as_deref(), Some("fd00:0:0:8::"));
}

#[test]
fn case_130_host_bits_do_not_matter() {
    let mut ledger = prefix_pool(&["fd00:0:0:5::/64"], 64);
    ledger.occupy(Held::parse("fd00:0:0:5::1234", Some(64)));
    assert_eq!(
        ledger.counts(),
        AddressCounts {
            total: 1,
            used: 1,
            free: 0,
            out_of_range: 0
        }
    );
}

/// Spec §8: an in-use /56 blocks 256 slots of /64; an in-use /64 blocks the /63 around it.
#[test]
fn other_lengths_block_what_they_overlap() {
    let mut ledger = prefix_pool(&["fd00::/48"], 64);
    ledger.occupy(Held::parse("fd00::", Some(56)));
    assert_eq!(next(&ledger).as_deref(), Some("fd00:0:0:100::"));
    assert_eq!(
        ledger.counts(),
        AddressCounts {
            total: 65536,
            used: 1,
            free: 65280,
            out_of_range: 1
        }
    );

    let mut ledger = prefix_pool(&["fd00::/48"], 63);
    ledger.occupy(Held::parse("fd00:0:0:1::", Some(64)));
    assert_eq!(next(&ledger).as_deref(), Some("fd00:0:0:2::"));
    assert_eq!(
        ledger.counts(),
        AddressCounts {
            total: 32768,
            used: 1,
            free: 32767,
            out_of_range: 1
        }
    );
}

/// Spec §9: arithmetic before saturation must not wrap.
#[test]
fn the_largest_pools_saturate() {
    let mut half = prefix_pool(&["::/1"], 128);
    half.occupy(Held::parse("::", Some(128)));
    assert_eq!(
        half.counts(),
        AddressCounts {
            total: i64::MAX,
            used: 1,
            free: i64::MAX - 1,
            out_of_range: 0
        }
    );
    // More in use than can be said, so nothing is said to be free; there is, all the same.
    half.occupy(Held::parse("::", Some(8)));
    assert_eq!(
        half.counts(),
        AddressCounts {
            total: i64::MAX,
            used: 2,
            free: 0,
            out_of_range: 1
        }
    );
    assert_eq!(next(&half).as_deref(), Some("100::"));

    let spec = pool(&["::/0"], 0).res();
    let mut all = Ledger::new(Domain::of_addresses(&spec).expect("an acceptable pool"));
    for address in ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "10.0.0.1"] {
        all.occupy(Held::parse(address, None));
    }
    assert_eq!(
        all.counts(),
        AddressCounts {
            total: i64::MAX,
            used: 3,
            free: i64::MAX - 2,
            out_of_range: 1
        }
    );
    assert_eq!(next(&all).as_deref(), Some("::1"));
    // The whole space in use at once, and free again.
    let mut all = prefix_pool(&["::/0"], 128);
    all.occupy(Held::parse("fd00::1", Some(0)));
    assert!(all.is_exhausted());
    all.vacate(Held::parse("fd00::1", Some(0)));
    assert_eq!(next(&all).as_deref(), Some("::"));
}

/// Two processes that both believe they lead: what one of them gives up still belongs to the other.
#[test]
fn a_slot_promised_twice_is_free_when_both_promises_are_taken_back() {
    let mut ledger = addresses(&["10.0.0.2"], 24);
    let slot = ledger.lowest_free().expect("one is free");
    assert!(ledger.reserve(slot));
    assert!(!ledger.reserve(slot));
    ledger.unreserve(slot);
    assert!(ledger.is_exhausted());
    ledger.unreserve(slot);
    assert_eq!(ledger.lowest_free(), Some(slot));
}

/// Spec §12: IPv4-mapped IPv6 is IPv6.
#[test]
fn a_mapped_address_is_of_the_other_family() {
    let ledger = with(addresses(&["10.0.0.1"], 24), &["::ffff:10.0.0.1"]);
    assert_eq!(
        ledger.counts(),
        AddressCounts {
            total: 1,
            used: 1,
            free: 1,
            out_of_range: 1
        }
    );
}
