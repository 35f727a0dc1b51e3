//! Field rules and warnings of prefix pools (cases 137 to 139 and 143), for both kinds.

use api::pool::PoolKind;
use serde_json::{Value, json};

use crate::home::Home;

const KINDS: [PoolKind; 2] = [PoolKind::InClusterPrefixPool, PoolKind::GlobalInClusterPrefixPool];

async fn refused(case: u32, rows: &[(Value, &[&str])]) {
    let home = Home::new(&format!("case-{case}")).await;
    for kind in KINDS {
        for (number, (spec, fields)) in rows.iter().enumerate() {
            let name = format!("bad-{number}");
            home.post("v1alpha2", kind, &name, spec).await.invalid(fields);
            assert_eq!(
                home.get("v1alpha2", kind, &name).await.code,
                404,
                "it is not stored"
            );
        }
    }
}

#[tokio::test]
async fn case_137_end_to_end() {
    let pool = |entries: &[&str]| json!({"prefixes": entries});
    let field = &["spec.prefixes"][..];
    let rows = [
        (pool(&["fd00::1"]), field),
        (pool(&["fd00::1/64"]), field),
        (pool(&["fd00::/65"]), field),
        (pool(&["10.0.0.0/24"]), field),
        (pool(&[]), field),
    ];
    refused(137, &rows).await;
}

#[tokio::test]
async fn case_138_end_to_end() {
    let rows = [
        (
            json!({"prefixes": ["fd00::/48"], "gateway": "10.0.0.1"}),
            &["spec.gateway"][..],
        ),
        (
            json!({"prefixes": ["fd00::/48"], "excludedPrefixes": ["10.0.0.1"]}),
            &["spec.excludedPrefixes"][..],
        ),
    ];
    refused(138, &rows).await;
}

/// The default length is written into the object.
#[tokio::test]
async fn case_139_end_to_end() {
    let home = Home::new("case-139").await;
    for kind in KINDS {
        for length in [56, 64, 96, 128] {
            let spec = json!({"prefixes": ["fd00::/48", "fd10::/56"], "allocationPrefixLength": length});
            let name = format!("good-{length}");
            let stored = home.post("v1alpha2", kind, &name, &spec).await.accepted();
            assert_eq!(stored["spec"], spec);
        }
        let stored = home
            .post("v1alpha2", kind, "default", &json!({"prefixes": ["fd00::/48"]}))
            .await
            .accepted();
        assert_eq!(stored["spec"]["allocationPrefixLength"], 64);
    }
}

#[tokio::test]
async fn case_143_end_to_end() {
    let home = Home::new("case-143").await;
    let rows = [
        ("inside", Some("fd00::1"), 2),
        ("outside", Some("fd99::1"), 1),
        ("none", None, 1),
    ];
    for kind in KINDS {
        for (name, gateway, warnings) in rows {
            let mut spec = json!({"prefixes": ["fd00::/120"], "allocationPrefixLength": 128});
            if let Some(gateway) = gateway {
                spec["gateway"] = json!(gateway);
            }
            let created = home.post("v1alpha2", kind, name, &spec).await;
            assert_eq!(created.warnings.len(), warnings, "{name}: {:?}", created.warnings);
            created.accepted();
            let updated = home
                .patch(
                    "v1alpha2",
                    kind,
                    name,
                    &json!({"spec": {"excludedPrefixes": ["fd00::9"]}}),
                )
                .await;
            assert_eq!(updated.warnings.len(), warnings, "{name}: {:?}", updated.warnings);
            updated.accepted();
        }
    }
}
