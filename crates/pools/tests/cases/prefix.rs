//! Spec §19.10: pools that hand out prefixes.

use api::{names::PAUSED, pool::PoolKind};
use serde_json::{Value, json};

use crate::{
    ground::{cluster, ready},
    site::{PREFIX_KINDS, Site},
};

/// What claims get, one after the other, and what the pool counts then.
async fn hands_out(case: &str, spec: Value, length: u8, expected: &[&str], counts: [i64; 4]) {
    for kind in PREFIX_KINDS {
        let site = Site::open(case, kind, spec.clone()).await;
        for (i, base) in expected.iter().enumerate() {
            let name = format!("claim-{i}");
            site.claim(&name).await;
            let address = site.ns.bound(&name).await;
            assert_eq!(address.data["spec"]["address"], *base);
            assert_eq!(address.data["spec"]["prefix"], length);
            assert_eq!(address.data["spec"].get("gateway"), spec.get("gateway"));
        }
        site.counts(counts).await;
    }
}

#[tokio::test]
async fn case_125_sixty_fours_with_the_gateway_as_written() {
    let spec = json!({"prefixes": ["fd00::/62"], "gateway": "fd10::1"});
    hands_out("case-125", spec, 64, &["fd00::", "fd00:0:0:1::"], [4, 2, 2, 0]).await;
}

#[tokio::test]
async fn case_126_fifty_sixes() {
    let spec = json!({"prefixes": ["fd06::/48"], "allocationPrefixLength": 56});
    hands_out("case-126", spec.clone(), 56, &["fd06::"], [256, 1, 255, 0]).await;
    hands_out(
        "case-126",
        spec,
        56,
        &["fd06::", "fd06:0:0:100::"],
        [256, 2, 254, 0],
    )
    .await;
}

#[tokio::test]
async fn case_127_the_lowest_prefix_whatever_its_place_in_the_list() {
    let spec = json!({"prefixes": ["fd10::/48", "fd00:0:0:1::/64"], "allocationPrefixLength": 64});
    hands_out(
        "case-127",
        spec,
        64,
        &["fd00:0:0:1::", "fd10::"],
        [65537, 2, 65535, 0],
    )
    .await;
}

#[tokio::test]
async fn case_128_overlapping_and_separate_prefixes() {
    let prefixes = ["fd00::/63", "fd00::/62", "fd00:0:0:8::/62"];
    let spec = json!({"prefixes": prefixes, "allocationPrefixLength": 64});
    let expected = [
        "fd00::",
        "fd00:0:0:1::",
        "fd00:0:0:2::",
        "fd00:0:0:3::",
        "fd00:0:0:8::",
    ];
    hands_out("case-128", spec, 64, &expected, [8, 5, 3, 0]).await;
}

#[tokio::test]
async fn case_129_exclusions_block_and_the_gateway_does_not() {
    let spec =
        json!({"prefixes": ["fd00::/62"], "excludedPrefixes": ["fd00:0:0:1::/64"], "gateway": "fd00::1"});
    hands_out("case-129", spec, 64, &["fd00::", "fd00:0:0:2::"], [3, 2, 1, 0]).await;
}

#[tokio::test]
async fn case_130_host_bits_of_an_object_in_use_mean_its_prefix() {
    for kind in PREFIX_KINDS {
        let site = Site::open(
            "case-130",
            kind,
            json!({"prefixes": ["fd00:0:0:5::/64", "fd00:0:0:6::/64"]}),
        )
        .await;
        site.by_hand("reserved", "fd00:0:0:5::1234", 64).await;
        site.counts([2, 1, 1, 0]).await;
        assert_eq!(site.take("a").await, "fd00:0:0:6::");
    }
}

#[tokio::test]
async fn case_131_a_global_pool_serves_every_namespace() {
    let kind = PoolKind::GlobalInClusterPrefixPool;
    let (one, two) = (
        cluster().await.ns("case-131").await,
        cluster().await.ns("case-131").await,
    );
    one.pool_of(kind, &one.name, json!({"prefixes": ["fd01::/63"]}))
        .await;
    one.claim_on("a", kind, &one.name).await;
    assert_eq!(one.bound_to("a").await, "fd01::");
    two.claim_on("a", kind, &one.name).await;
    assert_eq!(two.bound_to("a").await, "fd01:0:0:1::");
}

#[tokio::test]
async fn case_132_the_second_claim_of_one_prefix_waits() {
    for kind in PREFIX_KINDS {
        let site = Site::open("case-132", kind, json!({"prefixes": ["fd07::/64"]})).await;
        assert_eq!(site.take("first").await, "fd07::");
        site.claim("second").await;
        site.waits("second").await;
        site.counts([1, 1, 0, 0]).await;
    }
}

#[tokio::test]
async fn case_133_a_released_prefix_is_free_again() {
    for kind in PREFIX_KINDS {
        let site = Site::open("case-133", kind, json!({"prefixes": ["fd05::/63"]})).await;
        assert_eq!(site.take_in_turn(2).await, ["fd05::", "fd05:0:0:1::"]);
        site.counts([2, 2, 0, 0]).await;
        site.release("claim-0").await;
        site.counts([2, 1, 1, 0]).await;
        assert_eq!(site.take("new").await, "fd05::");
    }
}

#[tokio::test]
async fn case_134_a_paused_pool_hands_out_after_the_pause() {
    for kind in PREFIX_KINDS {
        let site = Site::plan("case-134", kind).await;
        let meta = json!({"annotations": {PAUSED: ""}});
        site.ns
            .pool_with(kind, &site.pool, meta, json!({"prefixes": ["fd04::/63"]}))
            .await;
        site.claim("a").await;
        site.ns.barrier().await;
        assert_eq!(site.ns.addresses().get_opt("a").await.expect("an answer"), None);
        assert_eq!(
            ready(&site.ns.claims().get("a").await.expect("the claim is there")),
            None
        );
        site.annotate(json!({PAUSED: null})).await;
        assert_eq!(site.ns.bound_to("a").await, "fd04::");
    }
}

#[tokio::test]
async fn case_135_a_prefix_in_use_outside_a_shrunk_pool() {
    for kind in PREFIX_KINDS {
        let site = Site::open("case-135", kind, json!({"prefixes": ["fd01::/62"]})).await;
        assert_eq!(site.take("a").await, "fd01::");
        site.change(json!({"prefixes": ["fd01:0:0:1::/64"]})).await;
        site.counts([1, 1, 1, 1]).await;
        assert_eq!(site.take("b").await, "fd01:0:0:1::");
    }
}

#[tokio::test]
async fn case_136_an_excluded_prefix_in_use() {
    for kind in PREFIX_KINDS {
        let site = Site::open("case-136", kind, json!({"prefixes": ["fd03::/63"]})).await;
        assert_eq!(site.take("a").await, "fd03::");
        site.change(json!({"excludedPrefixes": ["fd03::/64"]})).await;
        site.counts([1, 1, 1, 1]).await;
    }
}

/// Spec §8: lengths other than the pool's count, too.
#[tokio::test]
async fn prefixes_of_other_lengths_block_what_they_overlap() {
    for kind in PREFIX_KINDS {
        let site = Site::open("lengths", kind, json!({"prefixes": ["fd00::/60"]})).await;
        site.by_hand("large", "fd00::", 62).await;
        site.counts([16, 1, 12, 1]).await;
        site.by_hand("small", "fd00:0:0:4::8", 127).await;
        site.counts([16, 2, 11, 2]).await;
        assert_eq!(site.take("a").await, "fd00:0:0:5::");
    }
}

/// Spec §8: what is no IPv6 prefix blocks nothing, and counts as used and out of range.
#[tokio::test]
async fn objects_that_are_no_prefix_block_nothing() {
    for kind in PREFIX_KINDS {
        let site = Site::open("no-prefix", kind, json!({"prefixes": ["fd00::/63"]})).await;
        site.by_hand("v4", "10.0.0.1", 24).await;
        site.by_hand("bogus", "bogus", 64).await;
        assert_eq!(site.take("a").await, "fd00::");
        site.counts([2, 3, 1, 2]).await;
    }
}

/// Spec §8: no slot is ever enumerated.
#[tokio::test]
async fn half_of_all_addresses_is_a_pool() {
    let spec = json!({"prefixes": ["::/1"], "allocationPrefixLength": 128});
    hands_out("half", spec, 128, &["::", "::1"], [i64::MAX, 2, i64::MAX - 2, 0]).await;
}
