//! What is accepted with a word of advice, and what is only tried.

use api::pool::PoolKind;
use http::Method;
use serde_json::json;

use crate::{answer::send, home::Home};

const KINDS: [PoolKind; 2] = [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool];

/// Case 164: the misspelling of the original's own example is pointed out, has no effect and is not stored.
#[tokio::test]
async fn case_164_end_to_end() {
    let home = Home::new("case-164").await;
    for kind in KINDS {
        let spec = json!({
            "addresses": ["10.0.0.0/24", "10.0.1.10-10.0.1.100", "10.0.2.1", "10.0.2.2"], "prefix": 22,
            "gateway": "10.0.0.1",
            "excludeAddresses": ["10.10.0.16/28", "10.10.0.242", "10.0.1.25-10.0.1.30"],
        });
        let answer = home.post("v1alpha2", kind, "p", &spec).await;
        let named = |w: &String| w.contains("excludeAddresses") && w.contains("excludedAddresses");
        assert!(answer.warnings.iter().any(named), "{:?}", answer.warnings);
        let stored = answer.accepted();
        assert_eq!(stored["spec"].get("excludeAddresses"), None, "{stored}");
        let read = home.get("v1alpha2", kind, "p").await.accepted();
        assert_eq!(read["spec"].get("excludeAddresses"), None, "{read}");

        let strict = format!("{}?fieldValidation=Strict", home.path("v1alpha2", kind, None));
        let object = home.object("v1alpha2", kind, "strict", &spec);
        let answer = send(&home.client, Method::POST, &strict, "application/json", &object).await;
        assert!(answer.warnings.iter().any(named), "{:?}", answer.warnings);

        let right = json!({"spec": {"excludedAddresses": ["10.0.1.25-10.0.1.30"]}});
        let answer = home.patch("v1alpha2", kind, "p", &right).await;
        assert_eq!(answer.warnings, Vec::<String>::new());
        answer.accepted();
    }
}

/// A dry run says what would happen and leaves nothing behind.
#[tokio::test]
async fn dry_runs_are_judged_and_not_stored() {
    let home = Home::new("dry-run").await;
    for kind in PoolKind::ALL {
        let list = if kind.is_prefix() { "prefixes" } else { "addresses" };
        let good = if kind.is_prefix() {
            "fd00::/48"
        } else {
            "10.0.0.10"
        };
        let path = format!("{}?dryRun=All", home.path("v1alpha2", kind, None));
        let post = async |entry: &str| {
            let mut spec = json!({list: [entry]});
            if !kind.is_prefix() {
                spec["prefix"] = json!(24);
            }
            let object = home.object("v1alpha2", kind, "p", &spec);
            send(&home.client, Method::POST, &path, "application/json", &object).await
        };
        let made = post(good).await.accepted();
        if kind.is_prefix() {
            assert_eq!(
                made["spec"]["allocationPrefixLength"], 64,
                "defaults show in a dry run"
            );
        }
        post("nonsense").await.invalid(&[&format!("spec.{list}")]);
        assert_eq!(
            home.get("v1alpha2", kind, "p").await.code,
            404,
            "nothing is stored"
        );
    }
}
