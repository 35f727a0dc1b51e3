//! Pools by themselves, and side by side.

use api::{names, pool::PoolKind};
use serde_json::json;

use super::{check, found, prefixes, two};
use crate::plan::snapshot::fixtures::World;

#[test]
fn pools_by_themselves() {
    check([
        (
            "bad spec",
            World::new().pool("p", json!({"addresses": [], "prefix": 24})),
            &[
                "error UnusablePool p: nothing is allocated from the pool: spec.addresses: the list is empty; add at \
               least one address, range or CIDR []",
            ],
        ),
        (
            "no cluster label",
            World::new()
                .pool_with(PoolKind::InClusterIPPool, "p", two(), json!({"labels": {}}))
                .pool_with(
                    PoolKind::InClusterPrefixPool,
                    "pre",
                    prefixes(),
                    json!({"labels": {names::CLUSTER_NAME: ""}}),
                )
                .pool_with(
                    PoolKind::InClusterPrefixPool,
                    "pre",
                    prefixes(),
                    json!({"labels": {}, "namespace": "b"}),
                )
                .pool_with(PoolKind::GlobalInClusterIPPool, "g", two(), json!({"labels": {}})),
            &[
                "warning OverlappingPools -: 2 pools can hand out the same addresses: 192.0.2.10/31 [g a/p]",
                "warning OverlappingPools -: 2 pools can hand out the same addresses: 2001:db8::/56 [a/pre b/pre]",
                "note NoClusterLabel -: 2 pools have no label cluster.x-k8s.io/cluster-name, so `clusterctl move` \
                 leaves them behind [a/p a/pre]",
                "note NoClusterLabel -: 1 pool has no label cluster.x-k8s.io/cluster-name, so `clusterctl move` \
                 leaves it behind [b/pre]",
            ],
        ),
        (
            "no pool",
            World::new().address_with("x", "p", "192.0.2.10", json!({"finalizers": []}), json!({})),
            &[
                "warning MissingPool p: the pool does not exist, but 1 address refers to it [a/x]",
                "note ManualReservation p: 1 address is held without a claim [a/x]",
            ],
        ),
    ]);
}

#[test]
fn pools_together() {
    let pool = |world: World, name: &str, range: &str| {
        let kind = if name.starts_with('g') {
            PoolKind::GlobalInClusterIPPool
        } else {
            PoolKind::InClusterIPPool
        };
        world.pool_with(kind, name, json!({"addresses": [range], "prefix": 24}), json!({}))
    };
    let overlapping = |world| {
        let world = pool(world, "p", "192.0.2.10-192.0.2.20");
        pool(world, "g", "192.0.2.15-192.0.2.30")
    };
    let three = pool(overlapping(World::new()), "q", "192.0.2.28-192.0.2.40");
    let apart = pool(three, "r", "198.51.100.1-198.51.100.9");
    let apart = pool(apart, "s", "198.51.100.9-198.51.100.12");
    check([
        (
            "two",
            overlapping(World::new()),
            &[
                "warning OverlappingPools -: 2 pools can hand out the same addresses: 192.0.2.15-192.0.2.20 [g a/p]",
            ],
        ),
        (
            "a chain of three, and another pair",
            apart,
            &[
                "warning OverlappingPools -: 3 pools can hand out the same addresses: 192.0.2.15-192.0.2.20, \
                 192.0.2.28-192.0.2.30 [g a/p a/q]",
                "warning OverlappingPools -: 2 pools can hand out the same addresses: 198.51.100.9 [a/r a/s]",
            ],
        ),
        (
            "neighbours do not overlap",
            pool(
                pool(World::new(), "p", "192.0.2.10-192.0.2.19"),
                "g",
                "192.0.2.20-192.0.2.30",
            ),
            &[],
        ),
        (
            "held from both",
            overlapping(World::new())
                .served("x", "p", "192.0.2.16")
                .served("y", "g", "192.0.2.16"),
            &[
                "warning OverlappingPools -: 2 pools can hand out the same addresses: 192.0.2.15-192.0.2.20 [g a/p]",
                "warning AddressInSeveralPools -: 192.0.2.16 is held from 2 pools: GlobalInClusterIPPool g, \
                 InClusterIPPool a/p [a/x a/y]",
            ],
        ),
    ]);
}

#[test]
fn a_long_range_overlaps_everything_inside_it() {
    let mut world = World::new().pool("wide", json!({"addresses": ["10.0.0.0/8"], "prefix": 8}));
    for n in 1..4 {
        let spec = json!({"addresses": [format!("10.{n}.0.1-10.{n}.0.9")], "prefix": 24});
        world = world.pool(&format!("n{n}"), spec);
    }
    let expected = "warning OverlappingPools -: 4 pools can hand out the same addresses: 10.1.0.1-10.1.0.9, \
                    10.2.0.1-10.2.0.9, 10.3.0.1-10.3.0.9 [a/n1 a/n2 a/n3 a/wide]";
    assert_eq!(found(&world), [expected]);
}
