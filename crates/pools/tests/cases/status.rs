//! Spec §19.6: the counts in a pool's status.

use serde_json::{Value, json};

use crate::site::{ADDRESS_KINDS, Site};

/// What a pool counts after some claims: total, used, free, out of range.
async fn counts_after(case: &str, spec: Value, steps: &[(usize, [i64; 4])]) {
    for kind in ADDRESS_KINDS {
        let site = Site::open(case, kind, spec.clone()).await;
        let mut claims = 0;
        for (more, expected) in steps {
            for _ in 0..*more {
                site.take(&format!("claim-{claims}")).await;
                claims += 1;
            }
            site.counts(*expected).await;
        }
    }
}

#[tokio::test]
async fn case_58_every_claim_counts() {
    let spec = json!({"addresses": ["10.0.0.10-10.0.0.20"], "prefix": 24});
    counts_after("case-58", spec, &[(1, [11, 1, 10, 0]), (1, [11, 2, 9, 0])]).await;
}

#[tokio::test]
async fn case_59_gateway_inside_does_not_count() {
    let spec = json!({"addresses": ["10.0.0.10-10.0.0.20"], "prefix": 24, "gateway": "10.0.0.10"});
    counts_after("case-59", spec, &[(1, [10, 1, 9, 0])]).await;
}

#[tokio::test]
async fn case_60_gateway_outside_changes_nothing() {
    let spec = json!({"addresses": ["10.0.0.10-10.0.0.20"], "prefix": 24, "gateway": "10.0.0.1"});
    counts_after("case-60", spec, &[(1, [11, 1, 10, 0])]).await;
}

#[tokio::test]
async fn case_61_network_address_does_not_count() {
    let spec = json!({"addresses": ["10.0.0.0-10.0.0.1"], "prefix": 24, "gateway": "10.0.0.2"});
    counts_after("case-61", spec, &[(1, [1, 1, 0, 0])]).await;
}

#[tokio::test]
async fn case_62_broadcast_address_does_not_count() {
    let spec = json!({"addresses": ["10.0.0.254-10.0.0.255"], "prefix": 24});
    counts_after("case-62", spec, &[(1, [1, 1, 0, 0])]).await;
}

#[tokio::test]
async fn case_63_ipv6_without_broadcast() {
    let spec = json!({"addresses": ["fe80::ffff"], "prefix": 120, "gateway": "fe80::a"});
    counts_after("case-63", spec, &[(1, [1, 1, 0, 0])]).await;
}

/// A pool that loses addresses in use; nobody guards it here.
async fn shrinks(case: &str, before: &str, taken: &[&str], after: Value, expected: [i64; 4]) {
    let spec = json!({
        "addresses": [before], "prefix": 24, "gateway": "10.0.0.1", "allocateReservedIPAddresses": true,
    });
    for kind in ADDRESS_KINDS {
        let site = Site::open(case, kind, spec.clone()).await;
        assert_eq!(site.take_in_turn(taken.len()).await, taken);
        site.change(json!({"addresses": after, "allocateReservedIPAddresses": false}))
            .await;
        site.counts(expected).await;
        // The claims stay bound to what they have.
        for (i, address) in taken.iter().enumerate() {
            assert_eq!(site.ns.bound_to(&format!("claim-{i}")).await, *address);
        }
    }
}

#[tokio::test]
async fn case_64_addresses_in_use_may_be_out_of_range() {
    let taken = ["10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.14"];
    shrinks(
        "case-64",
        "10.0.0.10-10.0.0.20",
        &taken,
        json!(["10.0.0.13-10.0.0.20"]),
        [8, 5, 6, 3],
    )
    .await;
}

#[tokio::test]
async fn case_65_network_address_in_use_is_out_of_range() {
    let taken = ["10.0.0.0", "10.0.0.2", "10.0.0.3", "10.0.0.4"];
    shrinks(
        "case-65",
        "10.0.0.0-10.0.0.255",
        &taken,
        json!(["10.0.0.1-10.0.0.255"]),
        [253, 4, 250, 1],
    )
    .await;
}

#[tokio::test]
async fn case_66_network_address_in_use_is_held_back_from_now_on() {
    let taken = ["10.0.0.0", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];
    let after = json!(["10.0.0.0", "10.0.0.2-10.0.0.255"]);
    shrinks("case-66", "10.0.0.0-10.0.0.255", &taken, after, [253, 5, 249, 1]).await;
}

#[tokio::test]
async fn case_67_free_is_never_negative() {
    let taken = [
        "10.0.0.251",
        "10.0.0.252",
        "10.0.0.253",
        "10.0.0.254",
        "10.0.0.255",
    ];
    shrinks(
        "case-67",
        "10.0.0.251-10.0.0.255",
        &taken,
        json!(["10.0.0.251-10.0.0.254"]),
        [4, 5, 0, 1],
    )
    .await;
}

#[tokio::test]
async fn case_68_counts_saturate() {
    let spec = json!({"addresses": ["2001:db8::/64"], "prefix": 64});
    counts_after(
        "case-68",
        spec,
        &[
            (0, [i64::MAX, 0, i64::MAX, 0]),
            (1, [i64::MAX, 1, i64::MAX - 1, 0]),
        ],
    )
    .await;
}

#[tokio::test]
async fn case_69_a_pool_without_claims_counts_too() {
    let spec = json!({"addresses": ["10.0.0.10-10.0.0.20"], "prefix": 24});
    counts_after("case-69", spec, &[(0, [11, 0, 11, 0])]).await;
    // A pool that has nothing to give is a pool all the same (spec §6).
    counts_after(
        "case-69",
        json!({"addresses": ["10.0.0.7"], "prefix": 32}),
        &[(0, [0, 0, 0, 0])],
    )
    .await;
}

/// Spec §9: `used` counts objects, `free` and `outOfRange` count distinct addresses.
#[tokio::test]
async fn duplicates_made_by_hand_count_as_objects_only() {
    for kind in ADDRESS_KINDS {
        let site = Site::open(
            "duplicates",
            kind,
            json!({"addresses": ["10.0.0.10-10.0.0.20"], "prefix": 24}),
        )
        .await;
        for (name, address) in [("in-1", "10.0.0.10"), ("in-2", "10.0.0.10")] {
            site.by_hand(name, address, 24).await;
        }
        site.counts([11, 2, 10, 0]).await;
        for (name, address) in [
            ("out-1", "10.0.0.30"),
            ("out-2", "10.0.0.30"),
            ("v6", "2001:db8::1"),
        ] {
            site.by_hand(name, address, 24).await;
        }
        site.counts([11, 5, 10, 2]).await;
        for name in ["in-1", "out-1"] {
            site.ns
                .addresses()
                .delete(name, &Default::default())
                .await
                .expect("it can be deleted");
        }
        site.counts([11, 3, 10, 2]).await;
        assert_eq!(site.take("a").await, "10.0.0.11");
    }
}

/// Spec §13: an unusable spec leaves the numbers and says why.
#[tokio::test]
async fn an_unusable_spec_leaves_the_counts() {
    for kind in ADDRESS_KINDS {
        let site = Site::open(
            "unusable",
            kind,
            json!({"addresses": ["10.0.0.10-10.0.0.20"], "prefix": 24}),
        )
        .await;
        site.take("a").await;
        site.counts([11, 1, 10, 0]).await;
        site.change(json!({"addresses": ["nonsense"]})).await;
        testkit::eventually(crate::ground::PATIENCE, "the pool says why", || async {
            let pool = site.object().await;
            match crate::ground::ready(&pool) {
                Some(ready) if ready["status"] == "False" => {
                    assert_eq!(ready["reason"], "InvalidSpec");
                    assert!(
                        ready["message"].as_str().is_some_and(|m| m.contains("nonsense")),
                        "{ready}"
                    );
                    Ok(())
                }
                other => Err(format!("Ready is {other:?}")),
            }
        })
        .await;
        site.claim("b").await;
        site.ns.reason("b", "PoolNotReady").await;
        site.counts([11, 1, 10, 0]).await;
        site.change(json!({"addresses": ["10.0.0.10-10.0.0.20"]})).await;
        assert_eq!(site.ns.bound_to("b").await, "10.0.0.11");
        site.counts([11, 2, 9, 0]).await;
    }
}
