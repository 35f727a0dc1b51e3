//! Spec §19.13: the pools of the documentation, as files that people copy.

use std::collections::BTreeSet;

use api::{names::PROTECT_ADDRESS, pool::PoolKind};

use crate::{
    ground::{cluster, finalizers},
    site::Site,
};

const SIMPLE: &str = include_str!("../../../../deploy/examples/pools/simple.yaml");
const RANGES: &str = include_str!("../../../../deploy/examples/pools/ranges-and-exclusions.yaml");
const RESERVED: &str = include_str!("../../../../deploy/examples/pools/reserved-allocated.yaml");
const CLAIMS: &str = include_str!("../../../../deploy/examples/pools/claims.yaml");

/// Applies files to a namespace of their own.
async fn apply(case: &str, files: &[&str]) -> Site {
    let mut site = Site::plan(case, PoolKind::InClusterIPPool).await;
    site.pool = "inclusterippool-sample".to_owned();
    for file in files {
        cluster()
            .await
            .plane
            .apply_yaml_in(&site.ns.name, file)
            .await
            .expect("the example applies");
    }
    site
}

fn set(texts: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    for text in texts {
        assert!(set.insert(text.clone()), "{text} was given twice");
    }
    set
}

#[tokio::test]
async fn case_162_a_subnet_with_a_gateway() {
    let site = apply("case-162", &[SIMPLE, CLAIMS]).await;
    let both = set([site.ns.bound_to("node-1").await, site.ns.bound_to("node-2").await]);
    assert_eq!(both, set(["10.0.0.2", "10.0.0.3"].map(str::to_owned)));
    assert_eq!(site.ns.bound("node-1").await.data["spec"]["gateway"], "10.0.0.1");
    site.counts([253, 2, 251, 0]).await;
}

#[tokio::test]
async fn case_163_subnet_range_singles_and_exclusions() {
    let right = RANGES.replace("excludeAddresses:", "excludedAddresses:");
    assert_ne!(right, RANGES, "the example misspells the field");
    let site = apply("case-163", &[&right]).await;
    site.counts([341, 0, 341, 0]).await;
    assert_eq!(site.take("first").await, "10.0.0.2");
    // Everything below .255: exclusions in 10.10.0.0 have no effect, 10.0.0.0 and the gateway are held back.
    let rest = set(site.take_at_once("more", 252).await);
    assert_eq!(rest, set((3..=254).map(|i| format!("10.0.0.{i}"))));
    assert_eq!(site.take("end-of-subnet").await, "10.0.0.255");
    assert_eq!(site.take("range").await, "10.0.1.10");
    site.counts([341, 255, 86, 0]).await;
}

/// Admission, which drops the field and warns about it, has its own tests; without it nothing is excluded either.
#[tokio::test]
async fn case_164_a_misspelt_field_excludes_nothing() {
    let site = apply("case-164", &[RANGES]).await;
    site.counts([347, 0, 347, 0]).await;
    assert_eq!(site.take("a").await, "10.0.0.2");
}

#[tokio::test]
async fn case_166_reserved_addresses_are_given_first_and_last() {
    let site = apply("case-166", &[RESERVED]).await;
    site.counts([255, 0, 255, 0]).await;
    assert_eq!(site.take_in_turn(2).await, ["10.0.0.0", "10.0.0.2"]);
    let rest = set(site.take_at_once("more", 252).await);
    assert_eq!(rest, set((3..=254).map(|i| format!("10.0.0.{i}"))));
    assert_eq!(site.take("last").await, "10.0.0.255");
    site.claim("late").await;
    site.waits("late").await;
    site.counts([255, 255, 0, 0]).await;
}

/// The examples say nothing about how many namespaces there are: one pool each.
#[tokio::test]
async fn all_examples_apply_side_by_side() {
    for (file, first) in [(SIMPLE, "10.0.0.2"), (RANGES, "10.0.0.2"), (RESERVED, "10.0.0.0")] {
        let site = apply("examples", &[file]).await;
        site.claim("a").await;
        let address = site.ns.bound("a").await;
        assert_eq!(address.data["spec"]["address"], first);
        assert_eq!(finalizers(&address), [PROTECT_ADDRESS]);
    }
}
