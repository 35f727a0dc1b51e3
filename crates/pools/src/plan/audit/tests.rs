//! Every kind of finding, and none where all is well.

mod addresses;
mod claims;
mod pools;

use api::pool::PoolKind;
use serde_json::{Value, json};

use super::*;
use crate::plan::snapshot::fixtures::World;

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
fn every_kind_of_finding_is_found_somewhere() {
    let source = [
        include_str!("tests/addresses.rs"),
        include_str!("tests/claims.rs"),
        include_str!("tests/pools.rs"),
    ]
    .concat();
    for kind in FindingKind::ALL {
        let is_expected = ["error", "warning", "note"]
            .iter()
            .any(|s| source.contains(&format!("\"{s} {kind} ")));
        assert!(is_expected, "{kind}");
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
