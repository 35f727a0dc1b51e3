//! The addresses of each pool.

use api::{names, pool::PoolKind};
use serde_json::json;

use super::{check, prefixes, two};
use crate::plan::{
    audit::addresses,
    claim::{Confirmed, Next},
    name::{ObjectName, PoolName},
    snapshot::fixtures::{NOW, World},
};

#[test]
fn addresses_of_one_pool() {
    let manual = json!({"finalizers": [], "ownerReferences": []});
    let length = |length: i64| json!({"prefix": length});
    let prefix_pool = || World::new().pool_with(PoolKind::InClusterPrefixPool, "pre", prefixes(), json!({}));
    check([
        (
            "two claims, one address",
            World::new()
                .pool("p", two())
                .served("x", "p", "192.0.2.10")
                .served("y", "p", "192.0.2.10")
                .served("z", "p", "192.0.2.11"),
            &["error DuplicateAddress p: 192.0.2.10 is held 2 times [a/x a/y]"],
        ),
        (
            "the same address in another spelling",
            World::new()
                .pool(
                    "p",
                    json!({"addresses": ["2001:db8::1-2001:db8::2"], "prefix": 64}),
                )
                .served("x", "p", "2001:db8::1")
                .served("y", "p", "2001:DB8:0::1"),
            &["error DuplicateAddress p: 2001:db8::1 is held 2 times [a/x a/y]"],
        ),
        (
            "a prefix inside another one",
            prefix_pool()
                .bound("x", "pre")
                .bound("y", "pre")
                .address_with("x", "pre", "2001:db8:0:2::", json!({}), length(63))
                .address_with("y", "pre", "2001:db8:0:3::", json!({}), length(64)),
            &[
                "error DuplicateAddress pre: 2001:db8:0:2::/63 is held 2 times [a/x a/y]",
                "warning OutOfRange pre: 1 address is in use but not part of the pool [a/x]",
            ],
        ),
        (
            "no address at all",
            World::new().pool("p", two()).served("x", "p", "192.0.2.0/24"),
            &["error UnparsableAddress p: `192.0.2.0/24` is no address, so it reserves nothing [a/x]"],
        ),
        (
            "IPv4 in a prefix pool",
            prefix_pool().bound("x", "pre").address("x", "pre", "192.0.2.10"),
            &["error UnparsableAddress pre: `192.0.2.10/24` is no IPv6 prefix, so it reserves nothing [a/x]"],
        ),
        (
            "outside, and of the other family",
            World::new()
                .pool("p", two())
                .served("x", "p", "192.0.2.99")
                .served("y", "p", "2001:db8::1")
                .served("z", "p", "192.0.2.10"),
            &["warning OutOfRange p: 2 addresses are in use but not part of the pool [a/x a/y]"],
        ),
        (
            "claim gone, but that of its name served by it",
            World::new().pool("p", two()).bound("x", "p").address_with(
                "x",
                "p",
                "192.0.2.10",
                json!({}),
                json!({"claimRef": {"name": "gone"}}),
            ),
            &[],
        ),
        (
            "claim gone",
            World::new().pool("p", two()).address("x", "p", "192.0.2.10"),
            &["warning OrphanedAddress p: the claim of 1 address does not exist [a/x]"],
        ),
        (
            "claim gone, pool paused",
            World::new()
                .pool_with(
                    PoolKind::InClusterIPPool,
                    "p",
                    two(),
                    json!({"annotations": {names::PAUSED: ""}}),
                )
                .address("x", "p", "192.0.2.10"),
            &[
                "warning OrphanedAddress p: the claim of 1 address does not exist, and their pool or cluster is paused \
               or missing [a/x]",
            ],
        ),
        (
            "made by hand",
            World::new()
                .pool("p", two())
                .address_with("x", "p", "192.0.2.10", manual.clone(), json!({}))
                .address_with("y", "p", "192.0.2.11", manual, json!({})),
            &["note ManualReservation p: 2 addresses are held without a claim [a/x a/y]"],
        ),
        (
            "owners and finalizer missing",
            World::new().pool("p", two()).bound("x", "p").address_with(
                "x",
                "p",
                "192.0.2.10",
                json!({"ownerReferences": [], "finalizers": []}),
                json!({}),
            ),
            &[
                "warning IncompleteAddress p: 1 address without an owner reference to its claim, an owner reference to \
               its pool, the finalizer ProtectAddress [a/x]",
            ],
        ),
        (
            "cluster label missing",
            World::new()
                .pool("p", two())
                .cluster("c1", false)
                .claim_with(
                    "x",
                    "p",
                    json!({"labels": {names::CLUSTER_NAME: "c1"}}),
                    json!({"addressRef": {"name": "x"}}),
                )
                .address("x", "p", "192.0.2.10"),
            &["warning IncompleteAddress p: 1 address without the label of its cluster [a/x]"],
        ),
    ]);
}

/// The audit's list and the plan's own decision must not drift apart.
#[test]
fn an_address_lacks_something_exactly_when_the_plan_would_adopt_it() {
    let complete = || {
        World::new().pool("p", two()).cluster("c1", false).claim_with(
            "x",
            "p",
            json!({"labels": {names::CLUSTER_NAME: "c1"}}),
            json!({"addressRef": {"name": "x"}}),
        )
    };
    let label = json!({names::CLUSTER_NAME: "c1"});
    let other =
        json!({"apiVersion": "example.org/v1", "kind": "Vm", "name": "v", "uid": "u", "controller": true});
    let pool = json!({"apiVersion": "ipam.cluster.x-k8s.io/v1alpha1", "kind": "InClusterIPPool", "name": "p", "uid": "uid-p"});
    let cases = [
        (json!({"labels": label}), false),
        (json!({}), true),
        (json!({"labels": {names::CLUSTER_NAME: "c2"}}), true),
        (json!({"labels": label, "finalizers": []}), true),
        (
            json!({"labels": label, "finalizers": [], "deletionTimestamp": NOW}),
            true,
        ),
        (json!({"labels": label, "ownerReferences": []}), true),
        (json!({"labels": label, "ownerReferences": [other, pool]}), false),
        (json!({"labels": label, "ownerReferences": [pool]}), true),
    ];
    let (claim, pool) = (
        ObjectName::new("a", "x"),
        PoolName::new(PoolKind::InClusterIPPool, "a", "p"),
    );
    for (more, lacks) in cases {
        let world = complete().address_with("x", "p", "192.0.2.10", more.clone(), json!({}));
        let index = world.0.index();
        let parts = addresses::missing_parts(
            index.address(&claim).unwrap(),
            index.claim(&claim).unwrap(),
            index.pool(&pool).unwrap().facts().unwrap(),
        );
        let next = index.next(&claim, Confirmed::default(), world.0.taken());
        // A terminating address without our finalizer can no longer be adopted, and lacks nothing that could be added.
        if more.get("deletionTimestamp").is_none() {
            assert_eq!(!parts.is_empty(), lacks, "{more}: {parts:?}");
            assert_eq!(next == Some(Next::Adopt), lacks, "{more}: {next:?}");
        } else {
            assert!(
                parts.is_empty() && next != Some(Next::Adopt),
                "{more}: {parts:?} {next:?}"
            );
        }
    }
}
