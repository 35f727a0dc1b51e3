//! What is read of objects that are not as they should be.

use std::net::IpAddr;

use api::{capi::Address, pool::PoolKind};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::*;

#[test]
fn what_an_unreadable_address_holds_is_still_told() {
    let object = |prefix: Value| {
        json!({
            "metadata": {
                "name": "x", "namespace": "ns", "uid": "u", "resourceVersion": "7",
                "finalizers": [names::PROTECT_ADDRESS], "deletionTimestamp": "2026-01-02T03:04:05Z",
            },
            "spec": {
                "claimRef": {"name": "y"}, "address": "2001:db8::1", "prefix": prefix, "gateway": ["odd"],
                "poolRef": {"kind": "GlobalInClusterPrefixPool", "name": "p"},
            },
        })
    };
    for (prefix, expected) in [
        (json!(64), Some(64)),
        (json!("64"), Some(128)),
        (json!(null), None),
    ] {
        let object = object(prefix);
        assert!(Address::deserialize(&object).is_err(), "it is unreadable");
        let facts = AddressFacts::salvage(&object);
        assert_eq!(facts.name, ObjectName::new("ns", "x"));
        assert_eq!(
            (&*facts.version.uid, &*facts.version.resource_version),
            ("u", "7")
        );
        assert_eq!(
            facts.pool,
            Some(PoolName::new(PoolKind::GlobalInClusterPrefixPool, "", "p"))
        );
        assert_eq!(&*facts.claim, "y");
        let address: IpAddr = "2001:db8::1".parse().expect("an address");
        assert_eq!((facts.held.address, facts.held.prefix), (Some(address), expected));
        assert!(facts.has_finalizer && facts.deleting);
    }
}

#[test]
fn even_metadata_may_be_unreadable() {
    let object = json!({
        "metadata": {"name": "x", "namespace": "ns", "finalizers": "odd"},
        "spec": {"address": "192.0.2.1", "poolRef": {"apiGroup": names::GROUP, "kind": "InClusterIPPool", "name": "p"}},
    });
    let facts = AddressFacts::salvage(&object);
    assert_eq!(facts.name, ObjectName::new("ns", "x"));
    assert_eq!(
        facts.pool,
        Some(PoolName::new(PoolKind::InClusterIPPool, "ns", "p"))
    );
    assert!(facts.held.address.is_some());
    let nothing = AddressFacts::salvage(&json!("odd"));
    assert_eq!((nothing.pool, nothing.held.address), (None, None));
}

/// Spec §12; an empty label counts as none (§11.3 step 4).
#[test]
fn the_label_of_an_address_is_the_claims_unless_that_is_empty() {
    for (label, cluster, expected) in [
        (None, None, None),
        (Some("l"), None, Some("l")),
        (Some("l"), Some("c"), Some("l")),
        (None, Some("c"), Some("c")),
        (Some(""), Some("c"), Some("c")),
        (Some(""), None, None),
    ] {
        let labels = label.map(|label| json!({names::CLUSTER_NAME: label}));
        let claim: Claim = serde_json::from_value(json!({
            "metadata": {"name": "a", "namespace": "ns", "labels": labels},
            "spec": {
                "clusterName": cluster,
                "poolRef": {"apiGroup": names::GROUP, "kind": "InClusterIPPool", "name": "p"},
            },
        }))
        .expect("a claim");
        let facts = ClaimFacts::read(&claim, &Scope::default(), ConditionHome::Status).expect("ours");
        assert_eq!(facts.address_label(), expected, "{label:?} {cluster:?}");
    }
}
