//! Prefix pools, spec §19.10.

use super::*;

const PREFIX_KINDS: [PoolKind; 2] = [PoolKind::InClusterPrefixPool, PoolKind::GlobalInClusterPrefixPool];

#[tokio::test]
async fn case_140_to_142_updates_of_prefix_pools() {
    for kind in PREFIX_KINDS {
        let object = |spec: &Value| pool(kind, &no_metadata(), spec);
        let old = object(&json!({ "prefixes": ["fd00::/62"], "allocationPrefixLength": 64 }));
        let updates = [
            (
                json!({ "prefixes": ["fd00::/62"], "allocationPrefixLength": 56 }),
                Some("from 64 to 56"),
            ),
            (json!({ "prefixes": ["fd00:0:0:2::/63"] }), Some("[fd00:0:0:1::]")),
            (
                json!({ "prefixes": ["fd00::/62"], "excludedPrefixes": ["fd00:0:0:1::"] }),
                Some("[fd00:0:0:1::]"),
            ),
            (
                json!({ "prefixes": ["fd00::/62"], "excludedPrefixes": ["fd00:0:0:2::"], "gateway": "fd00::1" }),
                None,
            ),
        ];
        for (spec, refusal) in updates {
            let response = validate(kind, &[("fd00:0:0:1::", 64)], "UPDATE", &object(&spec), &old).await;
            assert_eq!(response["allowed"], refusal.is_none(), "{spec}");
            if let Some(text) = refusal {
                assert_eq!(response["status"]["code"], 400);
                assert!(
                    response["status"]["message"].as_str().unwrap().contains(text),
                    "{response}"
                );
            }
        }
    }
}

#[tokio::test]
async fn case_143_warnings_about_length_128() {
    for kind in PREFIX_KINDS {
        for (gateway, count) in [("fd00::1", 2), ("fd01::1", 1), ("", 1)] {
            let spec =
                json!({ "prefixes": ["fd00::/120"], "allocationPrefixLength": 128, "gateway": gateway });
            let response = validate(
                kind,
                &[],
                "CREATE",
                &pool(kind, &no_metadata(), &spec),
                &Value::Null,
            )
            .await;
            assert_eq!(
                response["warnings"].as_array().map(Vec::len),
                Some(count),
                "{response}"
            );
        }
    }
}

#[tokio::test]
async fn case_144_delete_guard_of_prefix_pools() {
    let skip = json!({ "annotations": { "ipam.cluster.x-k8s.io/skip-validate-delete-webhook": "false" } });
    for kind in PREFIX_KINDS {
        for (metadata, allowed) in [(no_metadata(), false), (skip.clone(), true)] {
            let old = pool(kind, &metadata, &json!({ "prefixes": ["fd00::/62"] }));
            let response = validate(kind, &[("fd00::", 64)], "DELETE", &Value::Null, &old).await;
            assert_eq!(response["allowed"], allowed);
        }
    }
}

#[tokio::test]
async fn default_length_is_patched_in() {
    for kind in PREFIX_KINDS {
        let lengths = [
            (json!({}), true),
            (json!({ "allocationPrefixLength": 0 }), true),
            (json!({ "allocationPrefixLength": 56 }), false),
        ];
        for (mut spec, patched) in lengths {
            spec["prefixes"] = json!(["fd00::/48"]);
            let review = review(
                "v1",
                kind,
                "UPDATE",
                &pool(kind, &no_metadata(), &spec),
                &Value::Null,
            );
            let response = post(&app(kind, &[]), &mutate_path(kind), &review).await["response"].take();
            let patch = json!([{ "op": "add", "path": "/spec/allocationPrefixLength", "value": 64 }]);
            assert_eq!(
                (&response["allowed"], patch_of(&response)),
                (&json!(true), patched.then_some(patch))
            );
        }
    }
}
