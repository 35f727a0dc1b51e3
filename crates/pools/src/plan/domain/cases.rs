//! The numbered cases of spec §19.3, §19.10 and §19.13 that are about the allocatable set.

use api::pool::{AddressPoolSpec, PrefixPoolSpec};

use super::fixtures::{AddressPoolExt as _, PrefixPoolExt as _, pool, prefixes};
use super::*;

fn domain(spec: &AddressPoolSpec) -> Domain {
    Domain::of_addresses(spec).expect("an acceptable pool")
}

fn prefix_domain(spec: &PrefixPoolSpec) -> Domain {
    Domain::of_prefixes(spec).expect("an acceptable pool")
}

/// S as the status would count it and a person would read it.
fn check(spec: &AddressPoolSpec, total: u128, set: &str) {
    let domain = domain(spec);
    assert_eq!(
        (domain.total(), domain.addresses().to_string().as_str()),
        (total, set),
        "{spec:?}"
    );
}

/// The addresses the first claims get when they ask one after the other.
fn handed_out(domain: &Domain, claims: u128) -> Vec<String> {
    (0..claims)
        .filter_map(|i| domain.slots.nth(i))
        .filter_map(|slot| domain.slot_text(slot))
        .collect()
}

#[test]
fn case_23_prefix_zero() {
    check(
        &pool(&["192.168.0.3-192.168.0.10"], 0).gw("192.168.0.1"),
        8,
        "[192.168.0.3-192.168.0.10]",
    );
}

#[test]
fn case_24_addresses_ranges_and_networks_add_up() {
    check(
        &pool(&["192.168.0.2", "192.168.0.3-192.168.0.4", "192.168.0.6/31"], 24).gw("192.168.0.1"),
        5,
        "[192.168.0.2-192.168.0.4 192.168.0.6-192.168.0.7]",
    );
}

#[test]
fn case_25_network_address_is_held_back() {
    check(
        &pool(&["192.168.0.0", "192.168.0.3-192.168.0.4", "192.168.0.6/31"], 24).gw("192.168.0.1"),
        4,
        "[192.168.0.3-192.168.0.4 192.168.0.6-192.168.0.7]",
    );
}

#[test]
fn case_26_only_the_subnets_own_ends_are_held_back() {
    let entries = [
        "192.168.1.0",
        "192.168.0.255",
        "192.168.0.3-192.168.0.4",
        "192.168.0.6/31",
        "192.168.255.255",
    ];
    check(
        &pool(&entries, 16).gw("192.168.0.1"),
        6,
        "[192.168.0.3-192.168.0.4 192.168.0.6-192.168.0.7 192.168.0.255-192.168.1.0]",
    );
}

#[test]
fn case_27_gateway_is_held_back() {
    check(
        &pool(&["192.168.0.1", "192.168.0.3-192.168.0.4", "192.168.0.6/31"], 24).gw("192.168.0.1"),
        4,
        "[192.168.0.3-192.168.0.4 192.168.0.6-192.168.0.7]",
    );
}

#[test]
fn case_28_reserved_addresses_on_request_but_never_the_gateway() {
    let entries = [
        "192.168.0.0",
        "192.168.0.1",
        "192.168.0.3-192.168.0.4",
        "192.168.0.6/31",
        "192.168.0.255",
    ];
    check(
        &pool(&entries, 24).gw("192.168.0.1").res(),
        6,
        "[192.168.0.0-192.168.0.0 192.168.0.3-192.168.0.4 192.168.0.6-192.168.0.7 192.168.0.255-192.168.0.255]",
    );
}

#[test]
fn case_29_single_exclusions() {
    let excluded = ["192.168.0.5", "192.168.0.6", "192.168.0.7"];
    check(
        &pool(&["192.168.0.0-192.168.0.10"], 24)
            .gw("192.168.0.1")
            .excl(&excluded),
        6,
        "[192.168.0.2-192.168.0.4 192.168.0.8-192.168.0.10]",
    );
}

#[test]
fn case_30_excluded_network() {
    let spec = pool(&["192.168.0.0/24"], 24)
        .gw("192.168.0.1")
        .excl(&["192.168.0.128/25"]);
    check(&spec, 126, "[192.168.0.2-192.168.0.127]");
}

#[test]
fn case_31_excluded_range() {
    let spec = pool(&["192.168.0.0/24"], 24)
        .gw("192.168.0.1")
        .excl(&["192.168.0.2-192.168.0.20"]);
    check(&spec, 234, "[192.168.0.21-192.168.0.254]");
}

#[test]
fn case_32_ipv6() {
    let spec = pool(&["fd01::2", "fd01::3-fd01::4", "fd01::6/127"], 120).gw("fd01::1");
    check(&spec, 5, "[fd01::2-fd01::4 fd01::6-fd01::7]");
}

#[test]
fn case_33_subnet_router_anycast_is_held_back() {
    let spec = pool(&["fd01::0", "fd01::3-fd01::4", "fd01::6/127"], 120).gw("fd01::1");
    check(&spec, 4, "[fd01::3-fd01::4 fd01::6-fd01::7]");
}

#[test]
fn case_34_ipv6_reserved_addresses_on_request() {
    let entries = [
        "fd01::0",
        "fd01::1",
        "fd01::3-fd01::4",
        "fd01::6/127",
        "fd01::ffff:ffff",
    ];
    check(
        &pool(&entries, 96).gw("fd01::1").res(),
        6,
        "[fd01::-fd01:: fd01::3-fd01::4 fd01::6-fd01::7 fd01::ffff:ffff-fd01::ffff:ffff]",
    );
}

#[test]
fn case_35_tiny_subnets_keep_nothing() {
    check(&pool(&["10.0.0.0/31"], 31), 0, "[]");
    check(&pool(&["10.0.0.7"], 32), 0, "[]");
    check(&pool(&["fd01::7"], 128), 0, "[]");
}

#[test]
fn case_36_tiny_subnet_with_reserved_addresses() {
    check(&pool(&["10.0.0.0/31"], 31).res(), 2, "[10.0.0.0-10.0.0.1]");
}

#[test]
fn case_37_gateway_elsewhere() {
    check(
        &pool(&["10.0.0.0/24"], 24).gw("192.0.2.1"),
        254,
        "[10.0.0.1-10.0.0.254]",
    );
}

#[test]
fn case_125_default_length() {
    let domain = prefix_domain(&prefixes(&["fd00::/62"]).gw("fd10::1"));
    assert_eq!(handed_out(&domain, 2), ["fd00::", "fd00:0:0:1::"]);
    assert_eq!((domain.prefix, domain.gateway.as_deref()), (64, Some("fd10::1")));
}

#[test]
fn case_126_length_56() {
    let domain = prefix_domain(&prefixes(&["fd06::/48"]).length(56));
    assert_eq!(handed_out(&domain, 2), ["fd06::", "fd06:0:0:100::"]);
    assert_eq!((domain.prefix, domain.total()), (56, 256));
}

#[test]
fn case_127_lowest_prefix_first_whatever_the_order() {
    let domain = prefix_domain(&prefixes(&["fd10::/48", "fd00:0:0:1::/64"]).length(64));
    assert_eq!(handed_out(&domain, 2), ["fd00:0:0:1::", "fd10::"]);
}

#[test]
fn case_128_overlapping_prefixes_merge() {
    let domain = prefix_domain(&prefixes(&["fd00::/63", "fd00::/62", "fd00:0:0:8::/62"]).length(64));
    assert_eq!(domain.total(), 8);
    let order = handed_out(&domain, 5);
    assert_eq!((order[0].as_str(), order[4].as_str()), ("fd00::", "fd00:0:0:8::"));
}

#[test]
fn case_129_exclusion_takes_a_slot_and_the_gateway_does_not() {
    let domain = prefix_domain(&prefixes(&["fd00::/62"]).excl(&["fd00:0:0:1::/64"]).gw("fd00::1"));
    assert_eq!(domain.total(), 3);
    assert_eq!(handed_out(&domain, 3), ["fd00::", "fd00:0:0:2::", "fd00:0:0:3::"]);
}

#[test]
fn case_162_simple_example() {
    let domain = domain(&pool(&["10.0.0.0/24"], 24).gw("10.0.0.1"));
    assert_eq!(
        (domain.total(), handed_out(&domain, 1)),
        (253, vec!["10.0.0.2".to_owned()])
    );
}

/// The second example of the documentation of v0.1.0, without exclusions.
fn documented() -> AddressPoolSpec {
    pool(
        &["10.0.0.0/24", "10.0.1.10-10.0.1.100", "10.0.2.1", "10.0.2.2"],
        22,
    )
    .gw("10.0.0.1")
}

const DOCUMENTED_EXCLUSIONS: [&str; 3] = ["10.10.0.16/28", "10.10.0.242", "10.0.1.25-10.0.1.30"];

#[test]
fn case_163_ranges_and_exclusions_example() {
    let domain = domain(&documented().excl(&DOCUMENTED_EXCLUSIONS));
    assert_eq!(domain.total(), 341);
    let set = domain.addresses();
    assert!(set.contains("10.0.0.255".parse().unwrap()));
    assert!(!set.contains("10.0.0.0".parse().unwrap()));
}

#[test]
fn case_164_misspelt_exclusions_exclude_nothing() {
    let mut spec = documented();
    spec.exclude_addresses = Some(DOCUMENTED_EXCLUSIONS.iter().copied().collect());
    assert_eq!(domain(&spec).total(), 347);
}

#[test]
fn case_165_entry_outside_the_subnet() {
    let mut spec = documented().excl(&DOCUMENTED_EXCLUSIONS);
    spec.addresses.push("10.1.0.0/24".into());
    let problems = Domain::of_addresses(&spec).expect_err("one entry too many");
    let named: Vec<_> = problems
        .iter()
        .map(|p| (p.field, p.value.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(named, [("spec.addresses", "10.1.0.0/24")]);
}

#[test]
fn case_166_reserved_allocated_example() {
    let domain = domain(&pool(&["10.0.0.0/24"], 24).gw("10.0.0.1").res());
    let order = handed_out(&domain, 255);
    assert_eq!(domain.total(), 255);
    assert_eq!((order[0].as_str(), order[1].as_str()), ("10.0.0.0", "10.0.0.2"));
    assert_eq!(order.last().map(String::as_str), Some("10.0.0.255"));
}
