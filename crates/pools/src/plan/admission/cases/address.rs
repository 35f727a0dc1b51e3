//! Spec §19.7, and case 164.

use api::pool::AddressPoolSpec;

use super::*;
use crate::plan::domain::fixtures::{AddressPoolExt as _, pool};

/// The one field that all problems of this spec are about.
#[track_caller]
fn only_field<S: PoolSpec>(spec: &S) -> &'static str {
    let mut fields: Vec<_> = invalid(created(spec))
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    fields.dedup();
    assert_eq!(fields.len(), 1, "{fields:?}");
    fields[0]
}

fn values<S: PoolSpec>(spec: &S) -> Vec<String> {
    invalid(created(spec))
        .into_iter()
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn case_70_no_addresses() {
    assert_eq!(
        invalid(created(&pool(&[], 24))),
        [("spec.addresses", String::new())]
    );
}

#[test]
fn case_71_impossible_prefix() {
    for prefix in [-1, 9999] {
        assert_eq!(
            invalid(created(&pool(&["10.0.0.1"], prefix))),
            [("spec.prefix", prefix.to_string())]
        );
    }
}

#[test]
fn case_72_ipv4_prefix_33() {
    assert_eq!(
        invalid(created(&pool(&["10.0.0.1", "10.9.9.9"], 33))),
        [("spec.prefix", "33".into())]
    );
}

#[test]
fn case_73_entries_that_do_not_parse() {
    for entry in [
        "10.0.0.25,26,10.0.1.27",
        "garbage",
        "10.0.0.10-10.0.0.5",
        "10.0.0.10/33",
    ] {
        assert_eq!(
            invalid(created(&pool(&[entry], 24))),
            [("spec.addresses", entry.into())]
        );
    }
}

#[test]
fn case_74_entry_outside_the_subnet() {
    assert_eq!(
        invalid(created(&pool(&["10.0.1.0", "10.0.0.10-10.0.0.20"], 24))),
        [("spec.addresses", "10.0.1.0".into())]
    );
}

#[test]
fn case_75_range_outside_the_subnet() {
    assert_eq!(
        invalid(created(&pool(&["10.0.1.0", "10.0.2.10-10.0.2.20"], 24))),
        [("spec.addresses", "10.0.2.10-10.0.2.20".into())]
    );
}

#[test]
fn case_76_range_leaves_the_subnet() {
    let entries = ["10.0.1.0", "10.0.0.20-10.0.1.20"];
    assert_eq!(values(&pool(&entries, 24)), entries);
}

#[test]
fn case_77_range_begins_inside() {
    assert_eq!(
        values(&pool(&["10.0.1.0", "10.0.1.20-10.0.2.20"], 24)),
        ["10.0.1.20-10.0.2.20"]
    );
}

#[test]
fn case_78_networks_outside_the_subnet() {
    assert_eq!(
        values(&pool(&["10.0.0.1/24", "10.0.2.1/24"], 24)),
        ["10.0.2.1/24"]
    );
    assert_eq!(values(&pool(&["10.0.0.0/23"], 24)), ["10.0.0.0/23"]);
    assert_eq!(values(&pool(&["10.0.1.0/23"], 24)), ["10.0.1.0/23"]);
}

#[test]
fn case_79_gateway_of_the_wrong_kind() {
    let (v4, v6) = (pool(&["10.0.0.0/24"], 24), pool(&["fd00::/120"], 120));
    for spec in [v4.clone().gw("fd00::1"), v6.gw("10.0.0.1"), v4.gw("invalid")] {
        assert_eq!(only_field(&spec), "spec.gateway");
    }
}

#[test]
fn case_80_mixed_families() {
    assert_eq!(only_field(&pool(&["10.0.0.1", "fd00::1"], 24)), "spec.addresses");
}

#[test]
fn case_81_bad_exclusions() {
    for excluded in [&["bogus"][..], &["10.0.0.1", "fd00::1"], &["fd00::1"]] {
        assert_eq!(
            only_field(&pool(&["10.0.0.0/24"], 24).excl(excluded)),
            "spec.excludedAddresses"
        );
    }
}

#[test]
fn case_82_negative_grace_period() {
    assert_eq!(
        only_field(&pool(&["10.0.0.0/24"], 24).grace(-1)),
        "spec.addressReuseGracePeriodSeconds"
    );
}

#[test]
fn case_83_wide_ipv6_subnet() {
    let spec = pool(&["fe01::2", "fe01::3-fe01::5", "fe01::1:1/126"], 28);
    assert_eq!(warnings(created(&spec)), [""; 0]);
}

#[test]
fn case_84_valid_pools_stay_as_they_are() {
    let base = || pool(&["10.0.0.2-10.0.0.254"], 24);
    for spec in [
        base(),
        base().grace(0),
        base().grace(60),
        base().excl(&["10.0.0.3-10.0.1.6"]),
    ] {
        assert_eq!(warnings(created(&spec)), [""; 0]);
        assert_eq!(default(&spec), Verdict::allow());
    }
}

#[test]
fn case_85_invalid_pool_can_be_deleted() {
    // The spec is not even an input.
    assert_eq!(Cluster(Vec::new()).delete(false), Verdict::allow());
}

#[test]
fn case_86_allocated_address_cannot_be_dropped() {
    let (old, new) = (
        pool(&["10.0.0.10-10.0.0.20"], 24),
        pool(&["10.0.0.11-10.0.0.20"], 24),
    );
    let cluster = Cluster::with_addresses(&["10.0.0.10", "10.0.0.11"]);
    assert!(refused(cluster.update(&old, &new)).contains("[10.0.0.10-10.0.0.10]"));
}

#[test]
fn case_87_pool_in_use_cannot_be_deleted() {
    assert!(refused(Cluster::with_addresses(&["10.0.0.10"]).delete(false)).contains("`10.0.0.10`"));
    assert!(refused(Cluster::with_addresses(&["bogus"]).delete(false)).contains("`bogus`"));
}

#[test]
fn case_88_annotation_switches_the_delete_guard_off() {
    assert_eq!(
        Cluster::with_addresses(&["10.0.0.10"]).delete(true),
        Verdict::allow()
    );
}

#[test]
fn case_89_label_on_a_pool_with_an_address_out_of_range() {
    let spec = pool(&["10.0.0.10-10.0.0.20"], 24);
    assert_eq!(
        Cluster::with_addresses(&["10.0.0.99"]).update(&spec, &spec),
        Verdict::allow()
    );
    // The same when something else in the spec changes: the address is not newly orphaned.
    let grown = pool(&["10.0.0.10-10.0.0.30"], 24);
    assert_eq!(
        Cluster::with_addresses(&["10.0.0.99"]).update(&spec, &grown),
        Verdict::allow()
    );
}

#[test]
fn case_164_misspelt_exclusions_are_removed_with_a_warning() {
    let spec = AddressPoolSpec {
        exclude_addresses: Some(vec!["10.0.1.25"].into()),
        ..pool(&["10.0.0.0/22"], 22)
    };
    let Verdict::Allow { warnings, patch } = default(&spec) else {
        panic!("a yes")
    };
    assert_eq!(patch, [PatchOp::Remove("/spec/excludeAddresses")]);
    assert!(
        warnings
            .iter()
            .any(|w| w.contains("spec.excludeAddresses") && w.contains("spec.excludedAddresses"))
    );
    // Should the mutating webhook have been left out, validation says it.
    assert_eq!(super::warnings(created(&spec)), warnings);
}
