//! Spec §19.10.

use api::pool::PrefixPoolSpec;

use super::*;
use crate::plan::domain::fixtures::{PrefixPoolExt as _, prefixes};

#[test]
fn case_137_bad_prefixes() {
    for entry in ["fd00::1", "fd00::1/64", "fd00::/65", "10.0.0.0/24"] {
        assert_eq!(
            invalid(created(&prefixes(&[entry]))),
            [("spec.prefixes", entry.into())]
        );
    }
    assert_eq!(
        invalid(created(&prefixes(&[]))),
        [("spec.prefixes", String::new())]
    );
}

#[test]
fn case_138_ipv4_in_a_prefix_pool() {
    let spec = prefixes(&["fd00::/48"]);
    assert_eq!(
        invalid(created(&spec.clone().gw("10.0.0.1"))),
        [("spec.gateway", "10.0.0.1".into())]
    );
    assert_eq!(
        invalid(created(&spec.excl(&["10.0.0.1"]))),
        [("spec.excludedPrefixes", "10.0.0.1".into())]
    );
}

#[test]
fn case_139_valid_prefix_pools() {
    for length in [56, 64, 96, 128] {
        let spec = prefixes(&["fd00::/48", "fd10::/52"]).length(length);
        assert_eq!(warnings(created(&spec)).len(), usize::from(length == 128));
    }
}

#[test]
fn case_140_length_is_immutable() {
    // Also where the prefixes would be too small for the new length.
    for prefix in ["fd00::/48", "fd00::/62"] {
        let (old, new) = (prefixes(&[prefix]).length(64), prefixes(&[prefix]).length(56));
        assert!(refused(Cluster(Vec::new()).update(&old, &new)).contains("from 64 to 56"));
        // Absent means 64.
        let absent = prefixes(&[prefix]);
        assert!(refused(Cluster(Vec::new()).update(&absent, &new)).contains("from 64 to 56"));
        assert_eq!(Cluster(Vec::new()).update(&old, &absent), Verdict::allow());
    }
}

#[test]
fn case_141_prefix_in_use_cannot_go() {
    let old = prefixes(&["fd00::/62"]);
    let cluster = Cluster::with_prefixes(&[("fd00:0:0:1::", 64), ("fd00:0:0:3::5", 64), ("fd00::", 64)]);
    let dropped = cluster.update(&old, &prefixes(&["fd00::/64"]));
    assert!(refused(dropped).contains("[fd00:0:0:1:: fd00:0:0:3::5]"));
    let excluded = cluster.update(&old, &old.clone().excl(&["fd00:0:0:1::7"]));
    assert!(refused(excluded).contains("[fd00:0:0:1::]"));
}

#[test]
fn case_142_harmless_changes_of_a_prefix_pool_in_use() {
    let old = prefixes(&["fd00::/62"]);
    let cluster = Cluster::with_prefixes(&[("fd00::", 64), ("fd77::", 64), ("fd00::", 56)]);
    for new in [old.clone().gw("fd00::1"), old.clone().excl(&["fd00:0:0:2::/64"])] {
        assert_eq!(cluster.update(&old, &new), Verdict::allow());
    }
}

#[test]
fn case_143_warnings_about_length_128() {
    let spec = prefixes(&["fd00::/120"]).length(128);
    let counts = [
        (spec.clone().gw("fd00::1"), 2),
        (spec.clone().gw("fd01::1"), 1),
        (spec, 1),
    ];
    for (spec, count) in counts {
        assert_eq!(warnings(created(&spec)).len(), count);
        let before = PrefixPoolSpec {
            gateway: Some("fd99::1".into()),
            ..spec.clone()
        };
        assert_eq!(warnings(Cluster(Vec::new()).update(&before, &spec)).len(), count);
    }
    assert_eq!(
        warnings(created(&prefixes(&["fd00::/62"]).gw("fd00::1"))),
        [""; 0]
    );
}

#[test]
fn case_144_delete_guard_of_prefix_pools() {
    let cluster = Cluster::with_prefixes(&[("fd00::", 64)]);
    assert!(refused(cluster.delete(false)).contains("`fd00::`"));
    assert_eq!(cluster.delete(true), Verdict::allow());
}
