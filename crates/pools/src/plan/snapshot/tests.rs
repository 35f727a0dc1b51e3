//! Rows of pools.

use api::{names, pool::PoolKind};
use serde_json::json;

use super::{fixtures::World, *};

fn small() -> serde_json::Value {
    json!({"addresses": ["192.0.2.10-192.0.2.11"], "prefix": 24})
}

fn only_row(world: &World) -> PoolRow {
    let rows = rows(&world.0, None);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

#[test]
fn a_row_counts_objects_and_not_the_status() {
    let status = json!({"ipAddresses": {"total": 99, "free": 99, "used": 99, "outOfRange": 99}});
    let world = World::new()
        .pool_with(PoolKind::InClusterIPPool, "p", small(), json!({"status": status}))
        .claim("waits", "p")
        .served("x", "p", "192.0.2.10")
        .served("y", "p", "192.0.2.99");
    let row = only_row(&world);
    assert_eq!(
        (row.total, row.used, row.free, row.out_of_range),
        (Some(2), 2, Some(1), Some(1))
    );
    assert_eq!(row.waiting, 1);
    assert_eq!(row.exact, Some(Exact { total: 2, free: 1 }));
    assert!(!row.paused && !row.deleting && row.problem.is_none());
}

#[test]
fn paused_deleted_and_bound_claims_do_not_wait() {
    let world = World::new()
        .pool("p", small())
        .claim_with(
            "paused",
            "p",
            json!({"annotations": {names::PAUSED: ""}}),
            json!({}),
        )
        .claim_with(
            "deleted",
            "p",
            json!({"deletionTimestamp": fixtures::NOW}),
            json!({}),
        )
        .served("bound", "p", "192.0.2.10")
        .bound("lost-its-address", "p")
        .claim("fresh", "p");
    assert_eq!(
        only_row(&world).waiting,
        2,
        "fresh, and the one whose address is gone"
    );
}

#[test]
fn a_pool_that_cannot_be_used_has_no_counts_but_its_objects() {
    let world = World::new()
        .pool("p", json!({"addresses": ["nonsense"], "prefix": 24}))
        .served("x", "p", "192.0.2.10");
    let row = only_row(&world);
    assert_eq!(
        (row.total, row.free, row.out_of_range, row.exact),
        (None, None, None, None)
    );
    assert_eq!(row.used, 1);
    assert!(row.problem.is_some_and(|p| p.contains("nonsense")));
}

#[test]
fn counts_beyond_63_bits_stay_exact_for_people() {
    let spec = json!({"addresses": ["2001:db8::/64"], "prefix": 64});
    let world = World::new().pool("p", spec).served("x", "p", "2001:db8::5");
    let row = only_row(&world);
    assert_eq!((row.total, row.free), (Some(i64::MAX), Some(i64::MAX - 1)));
    let total = (1u128 << 64) - 1;
    assert_eq!(
        row.exact,
        Some(Exact {
            total,
            free: total - 1
        })
    );
}

#[test]
fn a_namespace_shows_its_own_pools_and_global_ones() {
    let elsewhere = json!({"namespace": "b"});
    let world = World::new()
        .pool("p", small())
        .pool_with(PoolKind::InClusterIPPool, "p", small(), elsewhere)
        .pool_with(PoolKind::GlobalInClusterIPPool, "g", small(), json!({}))
        .claim("x", "missing");
    let names = |namespace| {
        rows(&world.0, namespace)
            .iter()
            .map(|r| r.pool.to_string())
            .collect::<Vec<_>>()
    };
    let all = [
        "InClusterIPPool a/p",
        "InClusterIPPool b/p",
        "GlobalInClusterIPPool g",
    ];
    assert_eq!(names(None), all, "a pool that does not exist has no row");
    assert_eq!(
        names(Some("b")),
        ["InClusterIPPool b/p", "GlobalInClusterIPPool g"]
    );
}

#[test]
fn claims_of_other_providers_are_known_by_name_only() {
    let mut world = World::new();
    let mut foreign = fixtures::claim("x", "p", json!({}), json!({}));
    foreign.spec.pool_ref.api_group = Some("ipam.example.org".into());
    assert!(!world.0.add_claim(&foreign));
    let name = ObjectName::new("a", "x");
    assert!(world.0.has_claim(&name) && world.0.index().claim(&name).is_none());
}
