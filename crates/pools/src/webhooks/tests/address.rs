//! Address pools, spec §19.7.

use super::*;

const ADDRESS_KINDS: [PoolKind; 2] = [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool];

#[tokio::test]
async fn case_70_and_74_all_problems_as_causes() {
    for kind in ADDRESS_KINDS {
        // Absent counts as empty, should the schema not have caught it.
        for spec in [
            json!({ "addresses": [], "prefix": 24 }),
            json!({ "prefix": 24 }),
            json!({}),
        ] {
            let response = validate(
                kind,
                &[],
                "CREATE",
                &pool(kind, &no_metadata(), &spec),
                &Value::Null,
            )
            .await;
            let status = &response["status"];
            assert_eq!(
                (&response["allowed"], &status["code"]),
                (&json!(false), &json!(422))
            );
            assert_eq!(status["reason"], "Invalid");
            assert_eq!(status["details"]["kind"], kind.kind());
            assert_eq!(status["details"]["causes"][0]["field"], "spec.addresses");
            assert_eq!(status["details"]["causes"][0]["reason"], "FieldValueRequired");
        }
        let spec = json!({ "addresses": ["10.0.1.0", "10.0.0.20-10.0.1.20", "10.0.0.5"], "prefix": 24 });
        let response = validate(
            kind,
            &[],
            "CREATE",
            &pool(kind, &no_metadata(), &spec),
            &Value::Null,
        )
        .await;
        let causes = response["status"]["details"]["causes"].as_array().unwrap();
        assert_eq!(causes.len(), 2);
        assert!(
            causes[0]["message"]
                .as_str()
                .unwrap()
                .contains("Invalid value: \"10.0.1.0\"")
        );
        assert_eq!(causes[1]["field"], "spec.addresses");
    }
}

#[tokio::test]
async fn case_84_valid_pool_passes_both_webhooks_in_both_versions() {
    for kind in ADDRESS_KINDS {
        for version in ["v1", "v1beta1"] {
            let spec = json!({ "addresses": ["10.0.0.2-10.0.0.254"], "prefix": 24, "excludedAddresses": ["10.0.0.3-10.0.1.6"] });
            let review = review(
                version,
                kind,
                "CREATE",
                &pool(kind, &no_metadata(), &spec),
                &Value::Null,
            );
            for path in [validate_path(kind), mutate_path(kind)] {
                let answer = post(&app(kind, &[]), &path, &review).await;
                assert_eq!(answer["apiVersion"], format!("admission.k8s.io/{version}"));
                assert_eq!(answer["response"], json!({ "uid": "705ab4f5", "allowed": true }));
            }
        }
    }
}

#[tokio::test]
async fn case_85_invalid_object_can_be_deleted() {
    for kind in ADDRESS_KINDS {
        let broken = pool(kind, &no_metadata(), &json!({ "addresses": "no list" }));
        let response = validate(kind, &[], "DELETE", &Value::Null, &broken).await;
        assert_eq!(response["allowed"], true);
    }
}

#[tokio::test]
async fn case_86_dropping_an_allocated_address() {
    for kind in ADDRESS_KINDS {
        let spec = |from: &str| {
            pool(
                kind,
                &no_metadata(),
                &json!({ "addresses": [format!("{from}-10.0.0.20")], "prefix": 24 }),
            )
        };
        let response = validate(
            kind,
            &[("10.0.0.10", 24)],
            "UPDATE",
            &spec("10.0.0.11"),
            &spec("10.0.0.10"),
        )
        .await;
        assert_eq!(
            (&response["allowed"], &response["status"]["code"]),
            (&json!(false), &json!(400))
        );
        assert_eq!(response["status"]["reason"], "BadRequest");
        assert!(
            response["status"]["message"]
                .as_str()
                .unwrap()
                .contains("[10.0.0.10-10.0.0.10]")
        );
    }
}

#[tokio::test]
async fn case_87_and_88_delete_guard_and_its_annotation() {
    let skip = json!({ "annotations": { "ipam.cluster.x-k8s.io/skip-validate-delete-webhook": "" } });
    for kind in ADDRESS_KINDS {
        let spec = json!({ "addresses": ["10.0.0.0/24"], "prefix": 24 });
        for (metadata, allowed) in [(no_metadata(), false), (skip.clone(), true)] {
            let old = pool(kind, &metadata, &spec);
            let response = validate(kind, &[("10.0.0.10", 24)], "DELETE", &Value::Null, &old).await;
            assert_eq!(response["allowed"], allowed);
            assert_eq!(response["status"].get("code"), (!allowed).then_some(&json!(400)));
        }
    }
}

#[tokio::test]
async fn case_89_label_on_a_pool_with_an_address_out_of_range() {
    for kind in ADDRESS_KINDS {
        let spec = json!({ "addresses": ["10.0.0.10"], "prefix": 24 });
        let (old, new) = (
            pool(kind, &no_metadata(), &spec),
            pool(kind, &json!({ "labels": { "a": "b" } }), &spec),
        );
        assert_eq!(
            validate(kind, &[("10.0.0.99", 24)], "UPDATE", &new, &old).await["allowed"],
            true
        );
    }
}

#[tokio::test]
async fn case_164_misspelt_field_is_removed_with_a_warning() {
    for kind in ADDRESS_KINDS {
        let spec = json!({ "addresses": ["10.0.0.0/24"], "prefix": 24, "excludeAddresses": ["10.0.0.9"] });
        let review = review(
            "v1",
            kind,
            "CREATE",
            &pool(kind, &no_metadata(), &spec),
            &Value::Null,
        );
        let response = post(&app(kind, &[]), &mutate_path(kind), &review).await["response"].take();
        assert_eq!(
            patch_of(&response),
            Some(json!([{ "op": "remove", "path": "/spec/excludeAddresses" }]))
        );
        assert!(
            response["warnings"][0]
                .as_str()
                .unwrap()
                .contains("spec.excludedAddresses")
        );
    }
}
