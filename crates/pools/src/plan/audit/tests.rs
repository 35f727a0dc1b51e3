//! Every kind of finding, and none where all is well.

use api::{names, pool::PoolKind};
use serde_json::{Value, json};

use super::*;
use crate::plan::{
    claim::{Confirmed, Next},
    name::{ObjectName, PoolName},
    snapshot::fixtures::{NOW, World},
};

fn two() -> Value {
    json!({"addresses": ["192.0.2.10-192.0.2.11"], "prefix": 24})
}

fn prefixes() -> Value {
    json!({"prefixes": ["2001:db8::/56"]})
}

fn ready(reason: &str, message: &str) -> Value {
    let condition = json!({"type": "Ready", "status": "False", "reason": reason, "message": message});
    json!({"conditions": [condition]})
}

/// `severity Kind pool: message [objects]`, one line for each finding.
fn lines(audit: &Audit) -> Vec<String> {
    let line = |f: &Finding| {
        let pool = f
            .pool
            .as_ref()
            .map_or_else(|| "-".to_owned(), |pool| pool.name.clone());
        let objects: Vec<_> = f.objects.iter().map(ToString::to_string).collect();
        format!(
            "{} {} {pool}: {} [{}]",
            f.severity,
            f.kind,
            f.message,
            objects.join(" ")
        )
    };
    audit.findings.iter().map(line).collect()
}

fn found(world: &World) -> Vec<String> {
    lines(&audit(&world.0, None))
}

/// A world and what an audit of it says.
type Case = (&'static str, World, &'static [&'static str]);

fn check<const N: usize>(cases: [Case; N]) {
    for (name, world, expected) in cases {
        assert_eq!(found(&world), expected, "{name}");
    }
}

#[test]
fn nothing_is_found_where_all_is_well() {
    let world = World::new()
        .pool("p", two())
        .pool_with(PoolKind::InClusterPrefixPool, "pre", prefixes(), json!({}))
        .cluster("c1", false)
        .served("x", "p", "192.0.2.10")
        .bound("y", "pre")
        .address_with("y", "pre", "2001:db8:0:1::", json!({}), json!({"prefix": 64}));
    let audit = audit(&world.0, None);
    assert_eq!(lines(&audit), [""; 0]);
    assert_eq!(
        audit.summary,
        Summary {
            pools: 2,
            claims: 2,
            addresses: 2,
            ..Summary::default()
        }
    );
}

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

#[test]
fn claims_that_wait() {
    let none = || json!({"addresses": ["192.0.2.10"], "prefix": 24});
    let full = || World::new().pool("p", none());
    check([
        (
            "exhausted, said so",
            full()
                .claim_with("x", "p", json!({}), ready("PoolExhausted", "p has nothing free"))
                .claim_with("y", "p", json!({}), ready("PoolExhausted", "p has nothing free"))
                .served("z", "p", "192.0.2.10"),
            // The message is not the plan's own, so the plan would write its own first.
            &[
                "warning ClaimWaiting p: 2 claims wait: PoolExhausted: InClusterIPPool a/p has nothing free; enlarge the \
               pool or delete claims that are no longer needed [a/x a/y]",
            ],
        ),
        (
            "no pool",
            World::new().claim("x", "p"),
            &[
                "error ClaimWaiting p: 1 claim waits: PoolNotReady: InClusterIPPool a/p does not exist; create it [a/x]",
            ],
        ),
        (
            "refused by the API server, as only the controller remembers",
            full().claim_with("x", "p", json!({}), ready("AllocationFailed", "quota exceeded")),
            &["error ClaimWaiting p: 1 claim waits: AllocationFailed: quota exceeded [a/x]"],
        ),
        (
            "name taken by another pool's address",
            full()
                .pool("q", json!({"addresses": ["198.51.100.1"], "prefix": 24}))
                .claim("x", "p")
                .address("x", "q", "198.51.100.1"),
            &[
                "error ClaimWaiting p: 1 claim waits: AllocationFailed: IPAddress a/x already exists and belongs to \
               another pool; delete it or rename the claim [a/x]",
            ],
        ),
        (
            "no controller",
            full().claim("x", "p"),
            &[
                "error ClaimWaiting p: 1 claim waits: nothing stands in the way, yet no controller has served it [a/x]",
            ],
        ),
        (
            "paused",
            full().claim_with("x", "p", json!({"annotations": {names::PAUSED: ""}}), json!({})),
            &[
                "note ClaimWaiting p: 1 claim waits: the claim carries the paused annotation; remove it to go on [a/x]",
            ],
        ),
        (
            "cluster paused",
            full().cluster("c1", true).claim_with(
                "x",
                "p",
                json!({"labels": {names::CLUSTER_NAME: "c1"}}),
                json!({}),
            ),
            &["note ClaimWaiting p: 1 claim waits: its cluster is paused; unpause it to go on [a/x]"],
        ),
        (
            "cluster missing",
            full().claim_with(
                "x",
                "p",
                json!({"labels": {names::CLUSTER_NAME: "c1"}}),
                json!({}),
            ),
            &["warning ClaimWaiting p: 1 claim waits: the cluster it names does not exist [a/x]"],
        ),
        (
            "a moment old",
            full().claim_with("x", "p", json!({"creationTimestamp": NOW}), json!({})),
            &[],
        ),
    ]);
}

#[test]
fn claims_that_do_not_go() {
    let deleted =
        |finalizers: Value| json!({"deletionTimestamp": "2026-01-10T11:30:00Z", "finalizers": finalizers});
    let ours = || deleted(json!([names::RELEASE_ADDRESS]));
    let paused = json!({"annotations": {names::PAUSED: ""}});
    check([
        (
            "nobody releases it",
            World::new().pool("p", two()).claim_with("x", "p", ours(), json!({})).address("x", "p", "192.0.2.10"),
            &["warning StuckDeletion p: 1 deleted claim stays: no controller has released it [a/x]"],
        ),
        (
            "pool paused",
            World::new()
                .pool_with(PoolKind::InClusterIPPool, "p", two(), paused)
                .claim_with("x", "p", ours(), json!({}))
                .address("x", "p", "192.0.2.10"),
            &["note StuckDeletion p: 1 deleted claim stays: its pool carries the paused annotation; remove it to go \
               on [a/x]"],
        ),
        (
            "held by somebody else",
            World::new().pool("p", two()).claim_with("x", "p", deleted(json!(["example.org/mine"])), json!({})),
            &["warning StuckDeletion p: 1 deleted claim stays: finalizers of others hold it [a/x]"],
        ),
        (
            "in grace",
            World::new()
                .pool(
                    "p",
                    json!({"addresses": ["192.0.2.10"], "prefix": 24, "addressReuseGracePeriodSeconds": 86400}),
                )
                .claim_with("x", "p", ours(), json!({}))
                .address("x", "p", "192.0.2.10"),
            &[],
        ),
    ]);
}

#[test]
fn every_kind_of_finding_is_found_above() {
    let source = include_str!("tests.rs");
    for kind in FindingKind::ALL {
        let is_expected = ["error", "warning", "note"]
            .iter()
            .any(|s| source.contains(&format!("\"{s} {kind} ")));
        assert!(is_expected, "{kind}");
    }
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

#[test]
fn a_namespace_hears_of_itself_and_of_what_all_share() {
    let broken = json!({"addresses": [], "prefix": 24});
    let world = World::new()
        .pool("p", broken.clone())
        .pool_with(
            PoolKind::InClusterIPPool,
            "q",
            broken.clone(),
            json!({"namespace": "b"}),
        )
        .pool_with(PoolKind::GlobalInClusterIPPool, "g", broken, json!({}));
    let pools = |namespace| {
        let audit = audit(&world.0, namespace);
        audit
            .findings
            .into_iter()
            .filter_map(|f| f.pool)
            .map(|p| p.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(pools(None), ["g", "p", "q"]);
    assert_eq!(pools(Some("b")), ["g", "q"]);
}

#[test]
fn what_was_not_looked_at_is_part_of_the_answer() {
    let mut world = World::new();
    world.0.add_gap("Cluster: forbidden".to_owned());
    assert_eq!(audit(&world.0, None).not_looked_at, ["Cluster: forbidden"]);
}

#[test]
fn data_has_stable_names() {
    let world = World::new().pool("p", two()).address("x", "p", "192.0.2.10");
    let json = serde_json::to_value(audit(&world.0, None)).unwrap();
    let expected = json!({
        "findings": [{
            "severity": "warning",
            "kind": "OrphanedAddress",
            "pool": {"kind": "InClusterIPPool", "namespace": "a", "name": "p"},
            "message": "the claim of 1 address does not exist",
            "remedy": json["findings"][0]["remedy"],
            "objects": [{"kind": "IPAddress", "namespace": "a", "name": "x"}],
        }],
        "summary": {"errors": 0, "warnings": 1, "notes": 0, "pools": 1, "claims": 0, "addresses": 1},
        "notLookedAt": [],
    });
    assert_eq!(json, expected);
}
